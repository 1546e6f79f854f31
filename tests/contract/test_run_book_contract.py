"""What every `RunBook` promises: a run stays as it was begun, progress adds up, and a copier taken over is out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.adapters.postgres import Pool
from core.adapters.replays import ReplayRuns
from core.domain.replays import Asked, Hours, Step, Stretch
from core.domain.timestamps import HOUR_MS, to_milliseconds
from core.errors import StopProcess
from core.replay_ports import RunBook
from tests.support.fake_replays import FakeBook
from tests.support.fakes import NOON

FROM = to_milliseconds(NOON)
ASKED = Asked("r", FROM, FROM + HOUR_MS)
STRETCHES = (
    Stretch("search-log", "search-log-replay", 0, 5, 20, "id"),
    Stretch("search-log", "search-log-replay", 1, 0, 9, "id"),
    Stretch("listings", "listings-replay", 0, 1, 2, "id2"),
)
MARKS = {("search-log-replay", 0): 7, ("search-log-replay", 1): 0}
STEP = Step("search-log", {0: 8, 1: 3}, {("search-log-replay", 0): 9}, 4, 2, True, False, FROM, "d")


@pytest.fixture(params=["fake", pytest.param("postgres", marks=pytest.mark.postgres)])
def book(request: pytest.FixtureRequest) -> RunBook:
    if request.param == "fake":
        return FakeBook()
    pool: Pool = request.getfixturevalue("pool")
    return ReplayRuns(pool)


async def test_a_name_that_was_never_used_is_not_found(book: RunBook) -> None:
    assert await book.find("r") is None


@pytest.mark.parametrize("asked", [ASKED, Asked("r", None, None, "a.jsonl", "-")])
async def test_a_run_is_found_as_it_was_begun(book: RunBook, asked: Asked) -> None:
    begun = await book.begin(asked, STRETCHES, MARKS, FROM, NOON)
    found = await book.find("r")
    assert found == begun
    assert (begun.asked, begun.stretches, begun.marks, begun.kept_from) == (asked, STRETCHES, MARKS, FROM)
    assert (begun.epoch, begun.copied, begun.doubt_marks, begun.resumable) == (1, 0, None, True)


async def test_a_file_has_no_end_to_be_known(book: RunBook) -> None:
    stretch = Stretch("file search-log", "search-log-replay", 0, 0, None)
    await book.begin(Asked("r", None, None, "a"), [stretch], MARKS, None, NOON)
    found = await book.find("r")
    assert found is not None
    assert found.stretches == (stretch,)


async def test_steps_add_up(book: RunBook) -> None:
    await book.begin(ASKED, STRETCHES, MARKS, None, NOON)
    await book.advance("r", 1, STEP, NOON)
    await book.advance("r", 1, replace(STEP, reached={1: 9}, copied=1, missing=0, left_after=True), NOON)
    found = await book.find("r")
    assert found is not None
    assert [(s.source, s.partition, s.next, s.digest) for s in found.stretches] == [
        ("search-log", 0, 8, "d"),
        ("search-log", 1, 9, "d"),
        ("listings", 0, 1, ""),
    ]
    assert (found.copied, found.missing, found.marks) == (5, 2, dict(STEP.marks))
    assert (found.left_before, found.left_after, found.kept_from) == (True, True, FROM)


async def test_taking_over_keeps_the_marks_of_the_first_time_and_shuts_the_last_copier_out(book: RunBook) -> None:
    await book.begin(ASKED, STRETCHES, MARKS, None, NOON)
    first = await book.take_over("r", NOON)
    await book.advance("r", first.epoch, STEP, NOON)
    second = await book.take_over("r", NOON)
    assert (first.doubt_marks, second.doubt_marks, second.epoch) == (MARKS, MARKS, 3)
    with pytest.raises(StopProcess, match="r over"):
        await book.advance("r", first.epoch, STEP, NOON)
    with pytest.raises(StopProcess, match="r over"):
        await book.finish("r", first.epoch, {}, None, NOON)
    found = await book.find("r")
    assert found is not None
    assert (found.copied, found.finished_at) == (4, None)


@pytest.mark.parametrize("hours", [None, Hours(FROM, FROM + HOUR_MS)])
async def test_a_finished_run_says_so(book: RunBook, hours: Hours | None) -> None:
    await book.begin(ASKED, STRETCHES, MARKS, None, NOON)
    await book.finish("r", 1, MARKS, hours, NOON)
    found = await book.find("r")
    assert found is not None
    assert found.finished_at == NOON
