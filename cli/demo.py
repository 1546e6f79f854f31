"""`assay demo`: everything on embedded parts, with no account, no key and no network."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
import uvloop
from pydantic import SecretStr
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cli.compose import PROCESSES, TOPICS, Parts, composed
from cli.database import reads_of
from cli.demo_engines import compare_engines
from cli.demo_evaluation import evaluate_judges
from cli.demo_student import train_student
from cli.http import bound, served
from cli.produce import opened as opened_file
from cli.produce import records_in
from cli.run import answering, opened, prepared, stop_on_signals
from core.adapters.clock import SystemClock
from core.adapters.drift_store import PostgresDriftStore
from core.domain.normalise import normalised_query
from core.drift_ports import Anchor
from core.errors import UsageError
from core.runtime.supervisor import supervise
from core.settings import Settings, load_settings, required, secrets_of
from core.telemetry import configure_logging
from demo.clock import SimulatedClock
from demo.driver import Driver
from demo.embedded import MOCK_OPTIONS, embedded_broker, embedded_postgres
from demo.feeds import Day, file_days, simulated_days
from demo.marketplace.picture_server import make_picture_app
from demo.marketplace.vocabulary import CATEGORIES
from demo.marketplace.world import Marketplace
from demo.offline_judge import OfflineJudge
from demo.offline_judge import serve as serve_judge
from demo.summary import print_summary

OFFLINE_MODEL = "offline-judge"
ENGINE_WORSE_SHARE = 0.57
JUDGE_CHANGES_SHARE = 0.79
"""Where in the run the engine gets worse (day 14 of 24) and the judge changes its ways (day 19): each with nights
enough before it to know what is usual, and after it to be found."""

STUDENT_SHARE = 0.25
"""Where in the run a student is trained: most pictures are labelled on the first days, and weeks of new ones follow."""

ANCHORS = 100
"""Judged anew every night: a judge that changes a tenth of its labels is then found within a week (docs/drift.md)."""

PLAIN_WIDTH = 120
"""Columns where the output is no terminal: what a file or a log viewer shows without wrapping."""

ANCHOR_PAIRS = 200
"""The anchor set: DESIGN 9 asks for at least 200 human-labelled pairs."""

QUICK: dict[str, object] = {"stream_batch_seconds": 0.1, "drift_anchors_per_night": ANCHORS, "log_level": "error"}
"""A simulated day takes about a second, so nothing may wait for one."""

UNLIMITED: dict[str, object] = {"llm_requests_per_minute": 60_000, "llm_tokens_per_minute": 50_000_000}
"""The offline judge costs nothing and refuses nobody: its limits only have to be there."""

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)
"""Where the simulated sellers' pictures are; a real run lets no private address through."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for."""

    days: int
    seed: int
    sessions: int
    faults: bool
    leave: bool
    search_log: str | None
    listings: str | None


def demo(
    search_log: Annotated[str | None, typer.Option(help="your own search log: UBI JSON lines or a bulk file")] = None,
    listings: Annotated[str | None, typer.Option(help="your own listings, JSON lines")] = None,
    days: Annotated[int, typer.Option(min=3, max=60, help="simulated days")] = 24,
    seed: Annotated[int, typer.Option(help="another seed, another marketplace")] = 7,
    sessions: Annotated[int, typer.Option(min=50, max=5_000, help="sessions a day and market")] = 250,
    faults: Annotated[bool, typer.Option("--faults/--no-faults", help="let engine and judge change on the way")] = True,
    leave: Annotated[bool, typer.Option("--exit", help="end after the summary; else the console stays up")] = False,
) -> None:
    """Run the whole service on embedded parts and say what it found."""
    settings = unless_set(load_settings(), QUICK)
    configure_logging(settings.log_format, settings.log_level, secrets_of(settings))
    uvloop.run(run_demo(settings, Options(days, seed, sessions, faults, leave, search_log, listings)))


def unless_set(settings: Settings, values: Mapping[str, object]) -> Settings:
    """The settings with these values where the environment does not say otherwise."""
    return settings.model_copy(update={k: v for k, v in values.items() if k not in settings.model_fields_set})


async def run_demo(settings: Settings, options: Options) -> None:
    """Embedded parts, processes, the days, the summary; then the console until Ctrl-C."""
    wall, stop = SystemClock(), stop_on_signals()
    async with AsyncExitStack() as stack:
        settings, judge = await with_judge(await with_servers(settings, stack), stack)
        world = await source_of(options, judge, wall.now(), stack)
        settings = unless_set(settings, {"image_allowed_networks": LOOPBACK} if world.simulated else {})
        parts = await stack.enter_async_context(opened(settings, world.clock, wall, until_idle=True, soon_s=0.0))
        status = await stack.enter_async_context(answering(parts, PROCESSES))
        if not await prepared(parts, stop):
            return
        await PostgresDriftStore(parts.pool).add_anchors(world.anchors, world.clock.now())
        processes = await stack.enter_async_context(composed(PROCESSES, parts))
        status.processes = processes
        running = asyncio.create_task(supervise(processes, stop))
        driver = Driver(processes, parts.sink, world.clock, settings.topic_prefix)
        await ends_first(asyncio.create_task(show(driver, world, parts, status.address)), running)
        if options.leave:
            stop.set()
        await running


async def ends_first(work: asyncio.Task[None], running: asyncio.Task[None]) -> None:
    """Wait for the work; should the processes end before it, that is the end of it too, with their reason."""
    await asyncio.wait({work, running}, return_when=asyncio.FIRST_COMPLETED)
    if not work.done():
        work.cancel()
        await asyncio.wait({work})
        await running
        return
    await work


async def show(driver: Driver, world: World, parts: Parts, address: str) -> None:
    """Drive through the days with a bar, then say what was found."""
    console = wide_console()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("days", total=world.total)

        async def on_day(number: int, sent: int) -> None:
            world.on_day(number)
            if number == world.student_on and await train_student(parts, console):
                await driver.promoted()
            progress.update(bar, completed=number + 1, description=f"{parts.clock.now():%Y-%m-%d} {sent:,} records")

        console.print(f"console at {address}")
        await driver.drive(world.days, on_day)
    if world.market is not None:
        await compare_engines(parts, world.market, driver.work_done, console)
        if world.has_judge:
            await evaluate_judges(parts, world.market, console)
    settings = parts.settings
    reads = reads_of(settings, parts.pool, parts.clock)
    await print_summary(reads, console, driver.sent)
    console.print(world.truth)
    console.print(f"The console is at {address}; Ctrl-C ends the demo.")


@dataclass(frozen=True, slots=True)
class World:
    """Where the records come from, on which clock, and what changes on the way."""

    simulated: bool
    days: Iterator[Day]
    total: int | None
    clock: SimulatedClock
    anchors: Sequence[Anchor]
    on_day: Callable[[int], None]
    truth: str
    """What was made to happen, to hold the alerts against."""
    student_on: int = -1
    """Day index after which a student is trained; -1 never."""
    market: Marketplace | None = None
    """The simulated one, whose engine can be asked; None with the user's own files."""
    has_judge: bool = False
    """Whether the offline judge judges, so that a cheaper one of its models can be held against it."""


async def source_of(options: Options, judge: OfflineJudge | None, now: datetime, stack: AsyncExitStack) -> World:
    """The user's files, else the simulated marketplace with its picture server."""
    if options.search_log or options.listings:
        return of_files(options, stack)
    start = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=options.days)
    listener = bound("127.0.0.1", 0, port_matters=True)
    market = Marketplace(
        options.seed,
        start.date(),
        options.days,
        sessions_per_day=options.sessions,
        engine_worse_on=round(options.days * ENGINE_WORSE_SHARE),
        faults=options.faults,
        picture_base_url=f"http://127.0.0.1:{listener.getsockname()[1]}",
    )
    await stack.enter_async_context(served(make_picture_app(market), listener))

    def on_day(number: int) -> None:
        if judge is not None and options.faults and number + 1 == round(options.days * JUDGE_CHANGES_SHARE):
            judge.become("lenient")

    anchors = [_anchor(i, pair) for i, pair in enumerate(market.anchors(ANCHOR_PAIRS))]
    truth = _truth(start, options, has_judge=judge is not None)
    return World(
        True,
        simulated_days(market),
        options.days,
        SimulatedClock(start),
        anchors,
        on_day,
        truth,
        round(options.days * STUDENT_SHARE),
        market,
        judge is not None,
    )


def _truth(start: datetime, options: Options, *, has_judge: bool) -> str:
    if not options.faults:
        return "Nothing was made to drift."
    engine = start + timedelta(days=round(options.days * ENGINE_WORSE_SHARE))
    judge = start + timedelta(days=round(options.days * JUDGE_CHANGES_SHARE))
    changed = f", the judge changed its ways on {judge:%Y-%m-%d}" if has_judge else ""
    return f"What was made to happen: the engine got worse on {engine:%Y-%m-%d}{changed}."


def wide_console() -> Console:
    """The terminal; wide enough for the tables where there is none."""
    console = Console()
    return console if console.is_terminal else Console(width=PLAIN_WIDTH)


def of_files(options: Options, stack: AsyncExitStack) -> World:
    """The user's own records, day by day by their own time."""
    if not options.search_log or not options.listings:
        raise UsageError("the demo takes --search-log and --listings together")
    log_lines = records_in(stack.enter_context(opened_file(options.search_log)))
    listing_lines = records_in(stack.enter_context(opened_file(options.listings)))
    clock = SimulatedClock(datetime(2000, 1, 1, tzinfo=UTC))
    return World(False, file_days(log_lines, listing_lines), None, clock, (), lambda _: None, "")


async def with_servers(settings: Settings, stack: AsyncExitStack) -> Settings:
    """Broker and database: those of the settings, else embedded ones."""
    changes: dict[str, object] = {}
    if settings.kafka_bootstrap_servers is None:
        topics = [settings.topic_prefix + topic for topic in TOPICS]
        changes["kafka_bootstrap_servers"] = await stack.enter_async_context(embedded_broker(topics))
        changes["kafka_options"] = {**MOCK_OPTIONS, **settings.kafka_options}
    if settings.postgres_dsn is None:
        changes["postgres_dsn"] = SecretStr(await stack.enter_async_context(embedded_postgres()))
    return settings.model_copy(update=changes)


async def with_judge(settings: Settings, stack: AsyncExitStack) -> tuple[Settings, OfflineJudge | None]:
    """The endpoint of the settings, else the offline judge, called over HTTP like any other."""
    if settings.llm_base_url is not None:
        required(settings, "llm_model")
        return settings, None
    judge = OfflineJudge(brands=sorted({model.brand for category in CATEGORIES for model in category.models}))
    base_url = await stack.enter_async_context(serve_judge(judge=judge))
    endpoint = {"llm_base_url": base_url, "llm_model": OFFLINE_MODEL, "llm_vision_model": None}
    return unless_set(settings.model_copy(update=endpoint), UNLIMITED), judge


def _anchor(number: int, pair: Mapping[str, object]) -> Anchor:
    listing = pair["listing"]
    told = dict(listing) if isinstance(listing, dict) else {}
    query = normalised_query(str(pair["query"]))
    language = str(told.get("language") or "")
    return Anchor(
        f"anchor-{number:03}", "marketplace", str(pair["market"]), language, query, told, int(str(pair["grade"]))
    )
