"""`assay eval review`: what it takes, what it does, and what it says of wrong use."""

from __future__ import annotations

import asyncio
import json

import pytest

from cli.main import app
from core.adapters.postgres import open_pool
from core.adapters.reviews import PostgresReviews
from core.errors import UsageError
from tests.support import sample_data
from tests.support.sample_reviews import asked, candidate, filling


@pytest.fixture
def database(postgres_dsn: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("ASSAY_POSTGRES_DSN", postgres_dsn)
    return postgres_dsn


async def review(*words: str) -> None:
    """The command, as a shell would run it: with a loop of its own."""
    await asyncio.to_thread(app, ["eval", "review", *words], standalone_mode=False)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("fill",), "name one source"),
        (("fill", "--live", "--from-run", "x"), "name one source"),
        (("fill", "--live", "--from", "2026-03-02", "--to", "2026-03-01"), "--from is not before --to"),
        (("fill", "--live", "--from", "yesterday"), "'yesterday' is no time"),
        (("fill", "--from-run", "nothing"), "there is no run 'nothing'.*nothing was queued"),
        (("fill", "--drift", "nothing"), "there is no alert 'nothing'"),
        (("fill", "--live"), "nothing to review"),
        (("export", "--name", "a b"), "--name takes letters"),
        (("export", "--name", "x"), "no answer to export"),
        (("export", "--name", "x", "--licence", " "), "--licence is missing"),
        (("export", "--name", "x", "--fill", "zz"), "no fillings are called 'zz'"),
    ],
)
async def test_wrong_use_says_what_is_wrong(database: str, words: tuple[str, ...], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        await review(*words)


async def test_a_run_is_queued_and_told_of(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    pool = await open_pool(database, 2)
    await sample_data.fill(pool)
    await pool.close()
    await review("fill", "--from-run", "strict-brands-1", "--items", "10", "--random-share", "0.5", "--seed", "1")
    said = capsys.readouterr().out
    assert "queued 10 items of 107 from run strict-brands-1: 5 at random, 5 for what their answers teach" in said
    await review("status", "--json")
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["items"], told["random_items"], told["frame"], told["answered"]) == (10, 5, 107, 0)


async def test_answers_are_exported_anchors_apart(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    pool = await open_pool(database, 2)
    store, pair, anchor = PostgresReviews(pool), candidate("L1"), candidate("L2", anchors=True)
    await store.fill(filling(), [asked(pair, 0, "random", 0.5), asked(anchor, 1)], 1)
    for each in (pair, anchor):
        await store.answer(each.subject.item_id, "ada", 1, "", sample_data.NOW)
    await pool.close()
    told = []
    for words in (("one",), ("two", "--anchors"), ("three", "--only-random")):
        await review("export", "--json", "--name", *words)
        told.append(json.loads(capsys.readouterr().out))
    assert [(each["items"], each["anchors"], each["left_out"]) for each in told] == [
        (1, False, {"anchors": 1}),
        (1, True, {"no anchors": 1}),
        (1, False, {}),
    ]
