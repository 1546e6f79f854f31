"""`selection` on a real PostgreSQL: from panes and result lists to tasks that are leased in the right order."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from consumers.selection import build
from core.adapters.engine_config import EnginesFile
from core.adapters.engine_http import EngineHttp
from core.adapters.engine_open import engine_of
from core.adapters.engine_store import PostgresEngineStore
from core.adapters.inbox import PostgresInbox
from core.adapters.leadership import PostgresLeadership
from core.adapters.postgres import Pool
from core.adapters.signals import PostgresSignalStore
from core.adapters.stream_store import PostgresStreamStore
from core.domain.effects import Effects
from core.runtime.periodic import PeriodicProcess
from core.settings import Settings
from core.stages.engine_lists import SourcedSignals
from tests.support.engine_servers import engine_server
from tests.support.fake_signals import asked, listing, pane, results, told
from tests.support.fakes import NOON, FakeClock

SETTINGS = Settings(selection_volume_queries=3, selection_panel_queries=20, judge_results_per_query=3)
QUIET = [(f"ruhig {n}", 60 + n, 3) for n in range(30)]
STRUGGLING = [("sofa", 400, 250), ("lampe", 100, 60)]


def process(pool: Pool, clock: FakeClock) -> PeriodicProcess:
    store, leadership = PostgresSignalStore(pool), PostgresLeadership(pool)
    return build(SETTINGS, store, leadership, clock, lambda: "text judge-1 relevance@1", on_nudge_only=True)


async def look(*processes: PeriodicProcess) -> None:
    """One look of each, at once."""
    running = [asyncio.create_task(each.run()) for each in processes]
    await asyncio.gather(*(each.nudge() for each in processes))
    for each in processes:
        each.stop()
    await asyncio.gather(*running)


async def shop(pool: Pool) -> FakeClock:
    clock = FakeClock()
    effects = asked([*QUIET, *STRUGGLING, ("sofa für jan@example.org", 200, 150)], shows=5)
    pane(effects, "leer", 500, struggles=400)
    results(effects, "leer", [])
    await told(PostgresStreamStore(pool, clock), effects)
    return clock


async def chosen(pool: Pool, reason: str) -> list[str]:
    rows = await pool.fetch(
        "SELECT query FROM assay.query_selections WHERE reason = $1 ORDER BY selected_at, priority DESC", reason
    )
    return [row["query"] for row in rows]


async def test_what_is_chosen_is_queued_and_leased_friction_first(pool: Pool) -> None:
    clock = await shop(pool)
    await look(process(pool, clock))
    assert await chosen(pool, "friction") == ["sofa", "lampe"]
    assert await chosen(pool, "volume") == ["sofa", "lampe", "ruhig 29"]
    assert len(await chosen(pool, "panel")) == 22  # twenty members, two drawn for today
    assert await pool.fetchval("SELECT count(*) FROM assay_data.panel_members") == 20
    groups = await PostgresInbox(pool, clock).lease(["relevance"], 100, 10, 60)
    assert [group[0].subject["query"] for group in groups[:3]] == ["sofa", "lampe", "ruhig 29"]
    assert [task.subject["listing_id"] for task in groups[0]] != []
    assert {len(group) for group in groups} == {3}
    assert {group[0].lane for group in groups[3:]} == {"panel"}


async def test_evidence_is_there_for_a_person_to_read(pool: Pool) -> None:
    await look(process(pool, await shop(pool)))
    row = await pool.fetchrow("SELECT * FROM assay.query_selections WHERE reason = 'friction' AND query = 'lampe'")
    assert row is not None
    assert (row["evidence"]["searches"], row["evidence"]["rate"], row["pairs"]) == (100, 0.6, 3)
    assert row["evidence"]["lower_bound"] > row["evidence"]["baseline"]


async def test_no_personal_data_reaches_a_task_or_a_choice(pool: Pool) -> None:
    await look(process(pool, await shop(pool)))
    assert await pool.fetchval("SELECT count(*) FROM assay.query_selections WHERE query LIKE '%@%'") == 0
    assert await pool.fetchval("SELECT count(*) FROM assay.judge_tasks WHERE subject::text LIKE '%@%'") == 0


async def test_a_second_look_adds_nothing_and_changed_results_add_what_is_new(pool: Pool) -> None:
    clock = await shop(pool)
    await look(process(pool, clock))
    tasks = await pool.fetchval("SELECT count(*) FROM assay.judge_tasks")
    choices = await pool.fetchval("SELECT count(*) FROM assay.query_selections")
    await look(process(pool, clock))
    assert await pool.fetchval("SELECT count(*) FROM assay.query_selections") == choices
    effects = Effects()
    results(effects, "lampe", ["neu", "lampe-0", "lampe-1"], at=NOON + timedelta(hours=1))
    listing(effects, "neu")
    await told(PostgresStreamStore(pool, clock), effects)
    await look(process(pool, clock))
    assert await pool.fetchval("SELECT count(*) FROM assay.judge_tasks") == tasks + 1
    assert await chosen(pool, "friction") == ["sofa", "lampe", "lampe"]


async def test_replicas_that_look_at_once_choose_each_query_once(pool: Pool) -> None:
    clock = await shop(pool)
    await look(*(process(pool, clock) for _ in range(3)))
    assert sorted(await chosen(pool, "friction")) == ["lampe", "sofa"]
    assert await pool.fetchval("SELECT count(*) FROM assay_data.panel_members") == 20


async def test_results_of_an_engine_are_judged_in_one_union_with_the_logs(pool: Pool) -> None:
    clock = await shop(pool)
    logged, store = PostgresSignalStore(pool), PostgresEngineStore(pool)
    async with engine_server("opensearch") as server:
        server.ids = ["d1", "d2", "d9"]
        effects = Effects()
        listing(effects, "d2")
        await told(PostgresStreamStore(pool, clock), effects)
        config = EnginesFile.model_validate({"engines": {"next": server.config()}}).engines["next"]
        http = EngineHttp("next", config)
        engines = [engine_of("next", config, http)]
        signals = SourcedSignals(logged, store, engines, clock, timedelta(days=1), with_log=True)
        try:
            await look(build(SETTINGS, signals, PostgresLeadership(pool), clock, lambda: "judge", on_nudge_only=True))
        finally:
            await http.aclose()
    rows = await pool.fetch(
        "SELECT subject ->> 'listing_id' AS i FROM assay.judge_tasks WHERE subject ->> 'query' = 'sofa'"
    )
    assert sorted(row["i"] for row in rows) == ["d2", "sofa-0", "sofa-1", "sofa-2"]
    lists = await pool.fetch("SELECT hits, language FROM assay.engine_lists WHERE query = 'sofa'")
    assert [(row["hits"], row["language"]) for row in lists] == [(["d1", "d2", "d9"], "de")]
    assert not [asked for asked in server.asked if "@" in asked.query]
