"""`assay engines compare` on a real PostgreSQL: two engines over HTTP, the judge beside it, rows, views and pages."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession
from pydantic import SecretStr

from cli.engine_tables import comparison_tables
from cli.engines import Asked, run
from cli.tables import print_tables
from core.adapters.inbox import PostgresInbox
from core.adapters.judgements import PostgresJudgements
from core.adapters.postgres import Pool
from core.adapters.reads import PostgresReads
from core.adapters.stream_store import PostgresStreamStore
from core.domain.effects import Effects
from core.domain.labels import Label
from core.engine_ports import Comparison
from core.errors import RetryLater, SettingsError
from core.settings import Settings
from tests.contract.facts import label
from tests.support.engine_servers import EngineServer, Fault, engine_server
from tests.support.fake_signals import listing, told
from tests.support.fakes import FakeClock
from tests.support.served_console import FixedClock, serving

QUERIES = [f"sofa {n}" for n in range(12)]
GOOD, BAD = ["d1", "d2", "d3"], ["d3", "d4", "d5"]
GRADES = {"d1": Label.HIGHLY_RELEVANT, "d2": Label.HIGHLY_RELEVANT, "d3": Label.ACCEPTABLE_SUBSTITUTE}


@asynccontextmanager
async def judging(pool: Pool) -> AsyncIterator[None]:
    """Judges whatever is queued while the block lasts."""
    inbox, store = PostgresInbox(pool, FixedWall()), PostgresJudgements(pool)
    judge = asyncio.create_task(_judge(pool, inbox, store))
    try:
        yield
    finally:
        judge.cancel()
        await asyncio.wait({judge})


class FixedWall(FakeClock):
    """As late as can be: every task is runnable."""

    def __init__(self) -> None:
        super().__init__()
        self.advance(100 * 365 * 86_400)


async def _judge(pool: Pool, inbox: PostgresInbox, store: PostgresJudgements) -> None:
    rows = await pool.fetch("SELECT listing_id, content_hash FROM assay_data.listings")
    hashes = {row["listing_id"]: row["content_hash"] for row in rows}
    while True:
        for task in [task for group in await inbox.lease(["relevance"], 50, 50, 60) for task in group]:
            i, query = task.subject["listing_id"], task.subject["query"]
            of_pair = {"application": "default", "query": query, "listing_id": i, "content_hash": hashes[i]}
            fact = label(task.task_key, **of_pair, label=GRADES.get(i, Label.IRRELEVANT))
            await store.save_labels([fact], [], [task.task_id], fact.judged_at)
        await asyncio.sleep(0.05)


class Shop:
    """Two engines, their file, a catalogue of five listings and a file of queries."""

    def __init__(self, pool: Pool, dsn: str, directory: Path, servers: tuple[EngineServer, EngineServer]) -> None:
        self.pool, self.directory = pool, directory
        self.good, self.bad = servers
        self.good.ids, self.bad.ids = GOOD, BAD
        engines = {"current": self.good.config(), "next": self.bad.config(attempts=1)}
        (directory / "engines.json").write_text(json.dumps({"engines": engines}))
        lines = [json.dumps({"query": query, "market": "de", "language": "de"}) for query in QUERIES]
        (directory / "queries.jsonl").write_text("\n".join(lines))
        self.settings = Settings(
            postgres_dsn=SecretStr(dsn), llm_model="judge-1", engines=str(directory / "engines.json")
        )

    def asked(self, seconds: float = 30.0, **more: object) -> Asked:
        file = str(self.directory / "queries.jsonl")
        given: dict[str, object] = {"file": file, "panel": None, "sample": None, "k": 3, "lane": "live", "seed": 1}
        return Asked(engines=["current", "next"], seconds=seconds, **(given | more))  # type: ignore[arg-type]

    async def tasks(self) -> int:
        return int(await self.pool.fetchval("SELECT count(*) FROM assay.judge_tasks"))


@pytest.fixture
async def shop(pool: Pool, postgres_dsn: str, tmp_path: Path) -> AsyncIterator[Shop]:
    effects = Effects()
    for n in range(1, 6):
        listing(effects, f"d{n}", f"Sofa {n}")
    await told(PostgresStreamStore(pool, FakeClock()), effects)
    async with engine_server("solr") as good, engine_server("opensearch") as bad:
        yield Shop(pool, postgres_dsn, tmp_path, (good, bad))


async def test_engines_are_compared_by_the_labels_that_the_comparison_asked_for(shop: Shop) -> None:
    async with judging(shop.pool):
        made = await run(shop.settings, shop.asked())
    assert (made.queries, made.pairs, made.judged, made.unknown) == (12, 60, 60, 0)
    ndcg = {each.engine: each for each in made.summaries if each.measure == "ndcg"}
    assert ndcg["current"].estimate.value == 1
    difference = ndcg["next"].difference
    assert difference is not None
    assert difference.high is not None
    assert difference.high < 0
    assert await shop.tasks() == 60


async def test_the_same_command_again_pays_for_nothing(shop: Shop) -> None:
    async with judging(shop.pool):
        first = await run(shop.settings, shop.asked())
        again = await run(shop.settings, shop.asked(seconds=0))
    assert await shop.tasks() == 60
    assert again.summaries == first.summaries


async def test_without_waiting_what_is_not_judged_is_named(shop: Shop) -> None:
    made = await run(shop.settings, shop.asked(seconds=0))
    assert (made.judged, dict(made.missing)) == (0, {"waiting": 60})
    assert all(each.estimate.value is None for each in made.summaries)


async def test_the_command_prints_json_for_programs(shop: Shop, postgres_dsn: str) -> None:
    """The command as a process of its own; labels are left to others."""
    file, engines = str(shop.directory / "queries.jsonl"), str(shop.directory / "engines.json")
    arguments = ["compare", "--engines", "current,next", "--queries", file, "--sample", "5", "-k", "2", "--no-wait"]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli.main", "engines", *arguments, "--json"),
        env={**os.environ, "ASSAY_POSTGRES_DSN": postgres_dsn, "ASSAY_LLM_MODEL": "judge-1", "ASSAY_ENGINES": engines},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    printed, said = await process.communicate()
    assert process.returncode == 0, said.decode()
    told = json.loads(printed)
    assert (told["queries"], told["pairs"], told["missing"]) == (5, 20, {"waiting": 20})
    assert "5 queries, 20 pairs, 20 of them to be judged" in said.decode()


async def test_an_engine_that_is_not_there_ends_the_command(shop: Shop) -> None:
    shop.bad.faults = [Fault(503, {})] * 50
    with pytest.raises(RetryLater, match="engine next gave no list: next: HTTP 503"):
        await run(shop.settings, shop.asked())
    assert await shop.tasks() == 0


async def test_an_engine_that_is_not_configured_is_named(shop: Shop) -> None:
    with pytest.raises(SettingsError, match="ASSAY_ENGINES has no engine other; it has current, next"):
        await run(shop.settings, Asked(["current", "other"], None, 3, None, 3, "live", 0.0, 1))


async def test_views_hold_the_comparison(shop: Shop) -> None:
    async with judging(shop.pool):
        made = await run(shop.settings, shop.asked())
    rows = await shop.pool.fetch("SELECT * FROM assay.engine_comparisons WHERE engine = 'next' ORDER BY measure")
    assert [row["measure"] for row in rows] == ["irrelevant", "ndcg", "precision"]
    assert (rows[0]["run_id"], rows[0]["baseline"], rows[0]["value"]) == (made.run_id, "current", pytest.approx(2 / 3))
    assert await shop.pool.fetchval("SELECT count(*) FROM assay.engine_query_figures") == 24
    lists = await shop.pool.fetch("SELECT engine, hits FROM assay.engine_lists WHERE query = 'sofa 1' ORDER BY engine")
    assert [tuple(row) for row in lists] == [("current", GOOD), ("next", BAD)]


async def test_pages_show_the_comparison_and_lead_to_its_queries(shop: Shop) -> None:
    async with judging(shop.pool):
        made = await run(shop.settings, shop.asked())
    reads = PostgresReads(shop.pool, FixedClock(), 50.0)
    async with serving(reads) as url, ClientSession(url) as session:
        async with session.get("/engines") as response:
            listed = await response.text()
        async with session.get(f"/engines/{made.run_id}", params={"sort": "worse"}) as response:
            page = await response.text()
        async with session.get("/engines/00000000-0000-0000-0000-000000000000") as response:
            assert response.status == 404
    assert f'href="/engines/{made.run_id}"' in listed
    assert "100.0\u00a0%" in page
    assert "/query?application=default&amp;market=de&amp;query=sofa+11" in page


async def test_a_querys_page_has_what_the_engines_answered(shop: Shop) -> None:
    await run(shop.settings, shop.asked(seconds=0))
    story = await PostgresReads(shop.pool, FixedClock(), 50.0).query("default", "de", "sofa 1", 14)
    assert story is not None
    shown = [(each.engine, [product.listing_id for product in each.products]) for each in story.engines]
    assert shown == [("current (asked)", GOOD), ("next (asked)", BAD)]


async def test_no_page_of_comparisons_is_an_error_when_there_is_none(shop: Shop) -> None:
    reads = PostgresReads(shop.pool, FixedClock(), 50.0)
    async with serving(reads) as url, ClientSession(url) as session, session.get("/engines") as response:
        assert "No comparison yet" in await response.text()


def test_a_comparison_is_printed_with_what_it_rests_on(capsys: pytest.CaptureFixture[str]) -> None:
    import uuid

    from core.domain.ranking import query_figures
    from core.stages.compare_engines import summaries
    from tests.support.fakes import NOON

    lists = {(e, ("shop", "de", q)): i for q in QUERIES for e, i in (("current", GOOD), ("next", BAD))}
    figures = query_figures(lists, {("shop", "de", q): {"d1": 2, "d3": 1, "d4": 0} for q in QUERIES}, 3)
    summed = summaries(figures, ["current", "next"], 1)
    made = Comparison(
        uuid.UUID(int=1), NOON, ["current", "next"], 3, "judge", 1, 12, 60, 36, 0, {"waiting": 24},
        {"next: away": 2}, summed, figures,
    )  # fmt: skip
    print_tables(*comparison_tables(made))
    printed = capsys.readouterr().out
    for words in ("nDCG@3", "irrelevant@3", "not judged, waiting", "no list, next: away", "sofa 11"):
        assert words in printed
