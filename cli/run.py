"""`assay run`: processes until SIGTERM, or until nothing is left to do."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import product
from typing import Annotated, get_args

import structlog
import typer
import uvloop

from cli.access import door_of
from cli.compose import NAMES_THE_JUDGE, NEEDS_AN_ENDPOINT, PROCESSES, TOPICS, Parts, composed
from cli.database import reads_of
from cli.http import serving
from cli.judge_identity import guideline_desk, judge_book, judge_desk
from cli.review_room import review_room
from core.adapters.clock import SystemClock
from core.adapters.kafka_sink import KafkaSink
from core.adapters.migrate import migrate
from core.adapters.postgres import Pool, open_pool
from core.console.app import make_app
from core.errors import RetryLater, UsageError
from core.image_thresholds import thresholds_of
from core.money_models import LaneSpend
from core.ports import Clock, TaskKind
from core.read_ports import HealthReport
from core.runtime.process import Health, Process, patiently
from core.runtime.supervisor import supervise
from core.settings import Settings, kafka_servers, load_settings, postgres_dsn, required, secrets_of
from core.stages.live_judge import LiveJudge, settings_judge
from core.status_models import StatusReport
from core.telemetry import Metrics, configure_logging

log = structlog.get_logger(__name__)

LAST_S = 28.5
"""SIGTERM is answered within 30 s, whatever does not answer us: a client library that waits for a stalled server can't
always be told to stop. What is not written by then is read again."""

CLOSE_S = 2.0
"""Seconds to take leave of PostgreSQL, which takes milliseconds."""

SOON_S = 45.0
"""`--until-idle` waits for tries that come within this: the longest pause between a task's attempts is 40 s. Less than
the minute for which a refused key stops the lane: as much, and refused tasks would keep each other waiting for ever."""

GC_ALLOCATIONS = 50_000
"""New containers between two looks of the cycle collector. Python's 700 are made in a tenth of a millisecond of log,
and none is a cycle; 50,000 are one transaction's."""

REFRESH_S = 5.0
"""Gauges that come from the database are read anew this often: Prometheus scrapes every 15 to 60 s."""

TASK_STATES = ("waiting", "running", "done", "failed")
"""As the table `tasks` checks them."""


def run(
    names: Annotated[list[str], typer.Argument(help=f"all, or any of: {', '.join(PROCESSES)}")],
    until_idle: Annotated[bool, typer.Option("--until-idle", help="end once nothing is left to do")] = False,
) -> None:
    """Run processes until SIGTERM, which drains."""
    settings = load_settings()
    wanted = checked_names(names)
    check_settings(settings, wanted)
    configure_logging(settings.log_format, settings.log_level, secrets_of(settings))
    uvloop.run(serve_processes(settings, wanted, until_idle=until_idle))


def checked_names(names: Sequence[str]) -> list[str]:
    """The processes asked for, each once; UsageError for a name there is not."""
    for name in names:
        if name not in {*PROCESSES, "all"}:
            raise UsageError(f"there is no process {name!r}; there are all, {', '.join(PROCESSES)}")
    return list(PROCESSES) if "all" in names else list(dict.fromkeys(names))


def check_settings(settings: Settings, names: Sequence[str]) -> None:
    """SettingsError for what these processes need and is not set."""
    required(settings, "kafka_bootstrap_servers", "postgres_dsn")
    if NEEDS_AN_ENDPOINT & set(names):
        required(settings, "llm_base_url")
    if NAMES_THE_JUDGE & set(names):
        required(settings, "llm_model")


async def serve_processes(settings: Settings, names: Sequence[str], *, until_idle: bool) -> None:
    """Health first, then what the processes depend on, then the processes themselves."""
    wall, stop = SystemClock(), stop_on_signals()
    async with (
        opened(settings, wall, wall, until_idle=until_idle, soon_s=SOON_S) as parts,
        answering(parts, names) as status,
    ):
        if not await prepared(parts, stop):
            return
        async with composed(names, parts) as processes:
            status.processes = processes
            calm_collector()
            log.info("started", processes=list(names))
            await supervise(processes, stop, until_idle=until_idle)


@asynccontextmanager
async def opened(
    settings: Settings, clock: Clock, wall: Clock, *, until_idle: bool, soon_s: float
) -> AsyncIterator[Parts]:
    """Pool and producer; neither connects before its first use."""
    pool = await open_pool(postgres_dsn(settings), settings.postgres_pool_size)
    sink = KafkaSink(kafka_servers(settings), settings.kafka_options)
    try:
        live = LiveJudge(judge_book(pool), settings_judge(settings), wall)
        yield Parts(settings, pool, sink, clock, wall, Metrics(), until_idle, soon_s, live)
    finally:
        await sink.close()
        await closed(pool)


async def closed(pool: Pool) -> None:
    """Connections are given back, or cut where the server does not answer."""
    try:
        async with asyncio.timeout(CLOSE_S):
            await pool.close()
    except TimeoutError:
        pool.terminate()


async def prepared(parts: Parts, stop: asyncio.Event) -> bool:
    """Database at this version, topics there; waits for both. False when told to stop before."""
    topics = [parts.settings.topic_prefix + topic for topic in TOPICS]

    async def prepare() -> None:
        await patiently(lambda: migrate(postgres_dsn(parts.settings)), parts.wall, "PostgreSQL", stop.is_set)
        await patiently(lambda: parts.sink.ensure_topics(topics), parts.wall, "Kafka", stop.is_set)

    preparing = asyncio.create_task(prepare())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({preparing, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if stop.is_set():
        preparing.cancel()
        await asyncio.wait({preparing})
        return False
    await preparing
    return True


class RunStatus:
    """What health says while the processes are still to come, and then of them."""

    def __init__(self) -> None:
        self.processes: Sequence[Process] = ()
        self.address = ""

    def health(self) -> HealthReport:
        """Ready when every process is."""
        found = self.by_name()
        detail = {name: health.detail for name, health in found.items()} or {"start": "waiting for PostgreSQL, Kafka"}
        beating = all(health.beating for health in found.values())
        return HealthReport(beating, bool(found) and all(health.ready for health in found.values()), detail)

    def by_name(self) -> dict[str, Health]:
        """How each named process is; `replay` is two, and only as well as the worse of them."""
        found: dict[str, Health] = {}
        for process in self.processes:
            other, health = found.get(process.name), process.health()
            found[process.name] = health if other is None else both(other, health)
        return found


def both(one: Health, other: Health) -> Health:
    """Two under one name."""
    detail = ", ".join(dict.fromkeys((one.detail, other.detail)))
    return Health(one.beating and other.beating, one.ready and other.ready, detail)


@asynccontextmanager
async def answering(parts: Parts, names: Sequence[str]) -> AsyncIterator[RunStatus]:
    """Health, metrics, read API and pages over HTTP while the block lasts."""
    status = RunStatus()
    settings = parts.settings
    reads = reads_of(settings, parts.pool, parts.clock)
    gauges = Gauges(reads.status, parts.metrics, status)
    door = door_of(settings, parts.pool, parts.clock, parts.metrics)
    app = make_app(
        reads,
        parts.clock,
        status.health,
        gauges.text,
        door,
        guideline_desk(parts.pool, parts.clock, parts.live),
        review_room(settings, parts.pool),
        judge_desk(parts.pool, parts.wall, lambda: settings_judge(settings)),
        thresholds_of(settings),
    )
    refreshing = asyncio.create_task(gauges.refresh())
    try:
        async with serving(app, settings, port_matters="console" in names and not parts.until_idle) as address:
            status.address = address
            yield status
    finally:
        refreshing.cancel()


class Gauges:
    """Figures that stand in the database, brought into the metrics now and then."""

    def __init__(self, read: Callable[[], Awaitable[StatusReport]], metrics: Metrics, status: RunStatus) -> None:
        self._read = read
        self._metrics = metrics
        self._status = status

    def text(self) -> bytes:
        """The metrics now, with a heartbeat of every process that beats."""
        for name, health in self._status.by_name().items():
            if health.beating:
                self._metrics.set("assay_process_heartbeat_seconds", time.time(), process=name)
        return self._metrics.text()

    async def refresh(self) -> None:
        """Repeat until cancelled; a database that is away is what `/readyz` says, not this."""
        while True:
            with suppress(RetryLater):
                self.take(await self._read())
            await asyncio.sleep(REFRESH_S)

    def take(self, report: StatusReport) -> None:
        """Every figure of the report; of tasks every kind and state, so that one which empties goes to 0."""
        metrics = self._metrics
        tasks: Counter[tuple[str, str]] = Counter()
        for row in report.tasks:
            tasks[row.kind, row.state] += row.count
        for kind, state in product(get_args(TaskKind), TASK_STATES):
            metrics.set("assay_tasks", tasks[kind, state], kind=kind, state=state)
        metrics.set("assay_llm_budget_usd", report.spend.budget_usd)
        metrics.set("assay_llm_spent_today_usd", report.spend.usd + report.spend.reserved_usd)
        metrics.set("assay_llm_unlisted_models", len(report.spend.unlisted))
        for lane in report.spend.lanes:
            self._lane(lane)
        metrics.set("assay_outbox_waiting", report.outbox_waiting)
        waited = (report.at - report.outbox_oldest).total_seconds() if report.outbox_oldest else 0.0
        metrics.set("assay_outbox_oldest_seconds", max(0.0, waited))

    def _lane(self, lane: LaneSpend) -> None:
        """One lane's money; a lane without a cap has no figure for it, and one that does not wait says 0."""
        self._metrics.set("assay_llm_lane_spent_today_usd", lane.usd + lane.reserved_usd, lane=lane.lane)
        if lane.budget_usd is not None:
            self._metrics.set("assay_llm_lane_budget_usd", lane.budget_usd, lane=lane.lane)
        for reason in ("over_budget", "lane_budget"):
            until = lane.until.timestamp() if lane.until and lane.reason == reason else 0.0
            self._metrics.set("assay_llm_lane_waits_until_seconds", until, lane=lane.lane, reason=reason)


def calm_collector() -> None:
    """What is imported by now stays for good, and what records make is freed without the cycle collector."""
    gc.freeze()
    gc.set_threshold(GC_ALLOCATIONS, 20, 20)


def stop_on_signals() -> asyncio.Event:
    """Set by SIGTERM and SIGINT from now on."""
    stop = asyncio.Event()

    def told() -> None:
        if not stop.is_set():
            last = threading.Timer(LAST_S, _leave)
            last.daemon = True
            last.start()
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told)
    return stop


def _leave() -> None:
    log.warning("left", why="something that does not answer is still waited for; what is not written is read again")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
