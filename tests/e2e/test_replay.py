"""`assay replay`, `assay run replay`, `assay replay promote`: a part of the log anew, then in place of the old."""

from __future__ import annotations

import json

import pytest

from tests.e2e import shoppers, topics
from tests.e2e.conftest import Place
from tests.e2e.panes import live_panes, oracle_panes

RUN = ("replay", "--run", "again", "--from", "2026-03-02T08:00Z", "--to", "2026-03-02T10:00Z")


@pytest.fixture(scope="module")
async def read(shared_place: Place) -> Place:
    """A shop's day that was read, with a pane that is wrong."""
    shoppers.fill(shared_place.bootstrap, shared_place.prefix)
    assert (await shared_place.assay("run", "search-log", "listings", "--until-idle")).code == 0
    await shared_place.pool.execute("UPDATE assay_data.panes SET searches = searches + 1000")
    return shared_place


async def test_a_replay_copies_its_part_once_and_its_panes_take_the_place_of_the_live_ones(read: Place) -> None:
    first, second = await read.assay(*RUN), await read.assay(*RUN)
    copies = topics.read(read.bootstrap, f"{read.prefix}search-log-replay")
    early = await read.assay("replay", "promote", "again")
    ran = await read.assay("run", "replay", "--until-idle")
    replayed = await live_panes(read, "again")
    wrong = await live_panes(read)
    dry = await read.assay("replay", "promote", "again", "--dry-run")
    untouched = await live_panes(read)
    promoted = await read.assay("replay", "promote", "again")
    twice = await read.assay("replay", "promote", "again")
    dropped = await read.assay("replay", "drop", "again")
    listed = await read.assay("replay", "list", "--json")

    assert [done.code for done in (first, second, ran, dry, promoted)] == [0, 0, 0, 0, 0]
    assert "copied 90 records as run again" in first.out  # 60 shoppers once, 30 of them click; no listing of that time
    assert "nothing sent" in second.out
    assert (early.code, "is not read to its end" in early.one_line()) == (1, True)
    assert len([copy for copy in copies if copy.value]) == 90
    assert replayed == oracle_panes(copies, replay=True)
    assert len(replayed) == 2
    assert untouched == wrong
    assert "again: would replace 2 live panes by 2 in 1 hours" in dry.out
    assert dry.out.replace("would replace", "replaced") == promoted.out
    assert await live_panes(read) == {("live", *key[1:]): counters for key, counters in replayed.items()}
    assert twice.out == "again is promoted already; nothing changed\n"
    assert (dropped.code, await live_panes(read, "again")) == (0, {})
    assert [(run["run"], run["state"]) for run in json.loads(listed.out)] == [("again", "dropped")]


async def test_a_run_without_panes_is_not_promoted(read: Place) -> None:
    done = await read.assay("replay", "promote", "never")
    assert done.code == 2
    assert "never" in done.one_line()


async def test_a_broker_that_is_away_does_not_use_up_the_name(read: Place) -> None:
    away = read.assay.having(kafka_bootstrap_servers="127.0.0.1:9")
    done = await away("replay", "--run", "later", "--from", "2026-03-02", "--to", "2026-03-03")
    assert done.code == 1
    assert await read.rows("SELECT run FROM assay_data.replays WHERE run = 'later'") == []
