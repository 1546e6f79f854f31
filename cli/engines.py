"""`assay engines`: search engines asked over HTTP, and compared by the labels of their results."""

from __future__ import annotations

import asyncio
import sys
import uuid
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Annotated, Literal

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cli.database import migrated
from cli.engine_tables import comparison_tables, hits_table
from cli.judge_identity import live_judge
from cli.produce import read_whole
from cli.tables import print_tables
from core.adapters.catalogue import PostgresCatalogue
from core.adapters.clock import SystemClock
from core.adapters.engine_open import open_engines
from core.adapters.engine_store import PostgresEngineStore
from core.adapters.inbox import PostgresInbox
from core.adapters.postgres import Pool
from core.domain.engine_requests import candidate_of
from core.domain.engines import EngineQuery, Sampling, drawn
from core.domain.normalise import normalised_query
from core.domain.search_log import DEFAULT_APPLICATION, DEFAULT_MARKET
from core.engine_ports import Comparison, SearchEngine
from core.errors import RetryLater, UsageError
from core.eval_facts import JudgeVersion
from core.settings import Settings, load_settings, required
from core.stages.compare_engines import EngineComparer, Pairs
from core.stages.engine_lists import Fetched
from core.stages.judge_recipe import recipe_of_judge
from core.telemetry import Metrics

app = typer.Typer(help="Ask search engines over HTTP, and compare them by the labels of their results.")

LaneName = Literal["live", "panel", "backfill"]

SEED = 1
"""The same labels give the same intervals, whoever runs it."""

MOST_K = 100
"""Ranks compared: five pages; deeper no shopper looks."""


@app.command("search")
def search(
    engine: Annotated[str, typer.Argument(help="its name in ASSAY_ENGINES")],
    query: Annotated[str, typer.Argument(help="what to search for")],
    market: Annotated[str, typer.Option(help="its market")] = DEFAULT_MARKET,
    language: Annotated[str, typer.Option(help="its language, if the template asks for one")] = "",
    size: Annotated[int, typer.Option(min=1, max=1_000, help="results")] = 10,
    offset: Annotated[int, typer.Option("--from", min=0, help="results left out before the first")] = 0,
) -> None:
    """Ask one engine for one query, to see that its configuration is right; nothing is stored or judged."""
    asked = EngineQuery(DEFAULT_APPLICATION, market, language, normalised_query(query))
    if not asked.text:
        raise UsageError("the query is empty")
    asyncio.run(_search(load_settings(), engine, asked, size, offset))


async def _search(settings: Settings, name: str, query: EngineQuery, size: int, offset: int) -> None:
    async with open_engines(settings, [name], SystemClock(), Metrics()) as engines:
        hits = await engines[0].search(query, size, offset)
    print_tables(hits_table(f"{name}: {query.text} ({query.market})", hits))


@app.command("compare")
def compare(
    engines: Annotated[
        str, typer.Option(help="two or more of ASSAY_ENGINES, comma-separated; the first is the baseline")
    ],
    queries: Annotated[str | None, typer.Option(help="JSON lines of query, market, language; .gz, - too")] = None,
    panel: Annotated[
        int | None, typer.Option(min=1, help="as many of the panel's queries, one stratum in turn")
    ] = None,
    sample: Annotated[
        int | None, typer.Option(min=1, help="take as many of the file's queries, as --panel does")
    ] = None,
    k: Annotated[int, typer.Option("--k", "-k", min=1, max=MOST_K, help="ranks that are compared")] = 10,
    lane: Annotated[LaneName, typer.Option(help="live goes first, backfill waits for it")] = "backfill",
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="queue what has no label and compare by what there is")
    ] = False,
    wait_minutes: Annotated[float, typer.Option(min=0, help="wait for labels at most as long")] = 60.0,
    seed: Annotated[int, typer.Option(help="of the sample and the intervals")] = SEED,
    as_json: Annotated[bool, typer.Option("--json", help="JSON for programs")] = False,
) -> None:
    """Compare engines by the labels of their first k results; what has no label is judged (`assay run relevance`)."""
    names = [name.strip() for name in engines.split(",") if name.strip()]
    if len(names) < 2 or len(set(names)) < len(names):
        raise UsageError("--engines takes two or more different names, comma-separated")
    if (queries is None) == (panel is None):
        raise UsageError("either --queries or --panel")
    settings = load_settings()
    required(settings, "postgres_dsn", "llm_model")
    seconds = 0.0 if no_wait else wait_minutes * 60
    asked = Asked(names, queries, panel, sample, k, lane, seconds, seed)
    made = asyncio.run(run(settings, asked))
    if as_json:
        sys.stdout.write(msgspec.json.encode(made).decode() + "\n")
    else:
        print_tables(*comparison_tables(made))


class Asked(msgspec.Struct, frozen=True):
    """What the command line asks for."""

    engines: list[str]
    file: str | None
    panel: int | None
    sample: int | None
    k: int
    lane: LaneName
    seconds: float
    seed: int


async def run(settings: Settings, asked: Asked) -> Comparison:
    """queries -> lists of every engine -> union judged -> measures, kept."""
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        engines = await stack.enter_async_context(open_engines(settings, asked.engines, clock, Metrics()))
        pool = await stack.enter_async_context(migrated(settings))
        queries = await _queries(pool, asked)
        comparer = _comparer(pool, engines, await live_judge(pool, settings))
        fetched = await comparer.fetch(queries, Sampling(asked.k))
        _refuse_absent(engines, fetched)
        pairs = await comparer.pairs(fetched.lists)
        added = await comparer.queue(pairs, asked.lane)
        _say(f"{len(queries)} queries, {len(pairs.known)} pairs, {added} of them to be judged")
        await _waited(comparer, pairs, asked.seconds)
        return await comparer.report(uuid.uuid4(), fetched, pairs, asked.k, asked.seed)


def _comparer(pool: Pool, engines: Sequence[SearchEngine], judge: JudgeVersion) -> EngineComparer:
    clock = SystemClock()
    return EngineComparer(
        engines,
        PostgresEngineStore(pool),
        PostgresCatalogue(pool),
        PostgresInbox(pool, clock),
        clock,
        recipe_of_judge(judge).identity,
    )


async def _queries(pool: Pool, asked: Asked) -> list[EngineQuery]:
    if asked.file is not None:
        found = read_whole(asked.file, candidate_of)
        count = asked.sample or len(found)
    else:
        found, count = await PostgresEngineStore(pool).panel(), asked.panel or 0
    once = {each.query.key: each for each in found}
    if not once:
        raise UsageError("there is no query to compare by" + (": the panel is empty" if asked.file is None else ""))
    return [each.query for each in drawn(once.values(), count, asked.seed)]


def _refuse_absent(engines: Sequence[SearchEngine], fetched: Fetched) -> None:
    """An engine that gave no list at all can't be compared; its first reason says what to mend."""
    there = {each.engine for each in fetched.lists}
    for engine in engines:
        if engine.name not in there:
            why = next(failure.detail for failure in fetched.failures if failure.engine == engine.name)
            raise RetryLater(f"engine {engine.name} gave no list: {why}")


async def _waited(comparer: EngineComparer, pairs: Pairs, seconds: float) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("labels", total=len(pairs.known))

        def tell(judged: int, failed: int, total: int) -> None:
            words = f"labels ({failed} failed)" if failed else "labels"
            progress.update(bar, completed=judged + failed, total=total, description=words)

        if not await comparer.wait(pairs, seconds, tell) and seconds:
            _say("some labels are still missing; the same command goes on where this one ended, and pays nothing twice")


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
