"""The composition root: settings and clocks to adapters, adapters to processes. Nothing is built at import."""

from __future__ import annotations

import os
import random
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial

from cli.compose_batches import batch_process
from cli.compose_canary import canary_judging
from cli.compose_engines import signals_of
from cli.compose_image_watch import image_watch_process
from cli.compose_pictures import live_student, look_alike_process, picture_processes
from consumers import (
    canary,
    console,
    drift,
    listings,
    live_judge,
    relevance,
    retention,
    search_log,
    selection,
)
from core.adapters.catalogue import PostgresCatalogue
from core.adapters.claims import PostgresClaims
from core.adapters.days import HistoryDays
from core.adapters.drift_store import PostgresDriftStore
from core.adapters.guidelines import PostgresGuidelines
from core.adapters.inbox import PostgresInbox
from core.adapters.judgements import PostgresJudgements
from core.adapters.kafka_options import member_options
from core.adapters.kafka_sink import KafkaSink
from core.adapters.kafka_source import KafkaSource
from core.adapters.leadership import PostgresLeadership
from core.adapters.llm_batch_open import batching
from core.adapters.llm_endpoint import Surroundings
from core.adapters.llm_measured import MeasuredLlm
from core.adapters.llm_open import open_llms
from core.adapters.llm_prices import say_unlisted
from core.adapters.otel_open import Traces, open_traces
from core.adapters.outbox import PostgresOutbox
from core.adapters.picture_measured import MeasuredPictures
from core.adapters.pictures import HttpPictureSource
from core.adapters.postgres import Pool
from core.adapters.replicas import announced
from core.adapters.retention import PostgresRetention
from core.adapters.shadow_store import PostgresShadows
from core.adapters.stream_store import PostgresStreamStore
from core.domain.effects import DeadLetter
from core.domain.events import (
    DEAD_LETTERS,
    IMAGE_SCORES,
    LISTINGS,
    LISTINGS_REPLAY,
    RELEVANCE_ALERTS,
    RELEVANCE_JUDGEMENTS,
    SEARCH_LOG,
    SEARCH_LOG_REPLAY,
)
from core.domain.images.student import Student
from core.ports import Clock, Llm, OutgoingEvent, PictureHost
from core.runtime.process import Process
from core.runtime.stream import StreamProcess
from core.settings import Settings, kafka_servers
from core.signal_ports import SignalStore
from core.stages.events import alert_event, dead_letter_event, relevance_event
from core.stages.judge_query import QueryJudge
from core.stages.judge_recipe import picture_identity
from core.stages.live_judge import LiveJudge
from core.stages.score_parts import no_student
from core.stages.shadow import ShadowedPairs
from core.telemetry import Metrics
from producers import outbox

PROCESSES = (
    "search-log",
    "listings",
    "replay",
    "selection",
    "relevance",
    "image-score",
    "batches",
    "drift",
    "image-watch",
    "canary",
    "outbox",
    "retention",
    "console",
)
TOPICS = (
    SEARCH_LOG,
    LISTINGS,
    SEARCH_LOG_REPLAY,
    LISTINGS_REPLAY,
    RELEVANCE_JUDGEMENTS,
    IMAGE_SCORES,
    RELEVANCE_ALERTS,
    DEAD_LETTERS,
)
ASKS_THE_LLM = frozenset({"relevance", "image-score", "canary"})
READS_RESULTS = frozenset({"selection", "drift"})
NEEDS_AN_ENDPOINT = frozenset({"batches"}) | ASKS_THE_LLM
NAMES_THE_JUDGE = frozenset({"listings", "replay", "selection", "drift"}) | NEEDS_AN_ENDPOINT


@dataclass(frozen=True, slots=True)
class Parts:
    """What processes are made of. `clock` tells the business's time (a simulation has its own), `wall` the real."""

    settings: Settings
    pool: Pool
    sink: KafkaSink
    clock: Clock
    wall: Clock
    metrics: Metrics
    until_idle: bool
    """Looks are taken when nudged, not by the clock."""
    soon_s: float
    """How long a task may have to wait for its next try and still be waited for by `--until-idle`, in seconds."""
    live: LiveJudge
    """The judge of now; followed while processes are composed."""
    student: Callable[[], Student | None] = no_student
    """The student of now; followed while processes are composed."""


@asynccontextmanager
async def composed(names: Sequence[str], parts: Parts) -> AsyncIterator[list[Process]]:
    """The named processes; what they hold open is closed at the end of the block."""
    async with AsyncExitStack() as stack:
        processes: list[Process] = []
        await stack.enter_async_context(announced(parts.pool, owner(), names))
        student = live_student(parts.settings, parts.pool) if "image-score" in names else None
        processes.append(await live_judge.build(parts.live, parts.metrics, student))
        parts = replace(parts, student=student or no_student)
        traces = await stack.enter_async_context(open_traces(parts.settings, parts.metrics, parts.wall, owner()))
        llm, pictures = await _judging(names, parts, stack)
        asks_engines = bool(READS_RESULTS & set(names))
        around = Surroundings(parts.pool, parts.clock, parts.wall, parts.metrics)
        signals = await signals_of(parts.settings, around, stack, asks_engines=asks_engines)
        if "batches" in names:
            processes.append(await batch_process(parts.settings, around, stack, quiet=parts.until_idle))
        for name in names:
            processes += [console.build()] if name == "console" else []
            processes += _streams(name, parts)
            processes += _looks(name, parts, signals)
            if llm is not None and pictures is not None:
                processes += _work(name, parts, llm, pictures, traces)
        yield processes


async def _judging(names: Sequence[str], parts: Parts, stack: AsyncExitStack) -> tuple[Llm | None, PictureHost | None]:
    if not ASKS_THE_LLM & set(names):
        return None, None
    around = Surroundings(parts.pool, parts.clock, parts.wall, parts.metrics)
    llm = await stack.enter_async_context(open_llms(parts.settings, around, owner()))
    say_unlisted(parts.settings, parts.clock.now().date())
    pictures = await stack.enter_async_context(HttpPictureSource(parts.settings))
    return MeasuredLlm(llm, parts.metrics, parts.wall), MeasuredPictures(pictures, parts.metrics)


def _streams(name: str, parts: Parts) -> list[Process]:
    match name:
        case "search-log":
            return [_search_log(parts, SEARCH_LOG, replay=False)]
        case "listings":
            return [_listings(parts, LISTINGS, replay=False)]
        case "replay":
            return [_search_log(parts, SEARCH_LOG_REPLAY, replay=True), _listings(parts, LISTINGS_REPLAY, replay=True)]
    return []


def _search_log(parts: Parts, topic: str, *, replay: bool) -> StreamProcess:
    return search_log.build(
        parts.settings,
        _source(parts, topic),
        _stream_store(parts),
        parts.wall,
        parts.metrics,
        owner(),
        _dead_letter(parts.wall),
        replay=replay,
    )


def _stream_store(parts: Parts) -> PostgresStreamStore:
    return PostgresStreamStore(parts.pool, parts.wall, HistoryDays(parts.pool, retention.keeps_of(parts.settings)))


def _listings(parts: Parts, topic: str, *, replay: bool) -> StreamProcess:
    return listings.build(
        parts.settings,
        _source(parts, topic),
        _stream_store(parts),
        parts.wall,
        parts.metrics,
        owner(),
        _dead_letter(parts.wall),
        lambda: picture_identity(parts.live()),
        replay=replay,
    )


def _source(parts: Parts, topic: str) -> KafkaSource:
    name = parts.settings.topic_prefix + topic
    group = f"{parts.settings.topic_prefix}assay-{topic}"
    options = member_options(kafka_servers(parts.settings), group, parts.settings.kafka_options)
    return KafkaSource(options, [name], parts.settings.stream_queued_bytes)


def _looks(name: str, parts: Parts, signals: SignalStore) -> list[Process]:
    leadership = PostgresLeadership(parts.pool)
    quiet, settings, clock = parts.until_idle, parts.settings, parts.clock
    match name:
        case "selection":
            return [selection.build(settings, signals, leadership, clock, parts.live.identity, on_nudge_only=quiet)]
        case "drift":
            store, judge = PostgresDriftStore(parts.pool), parts.live.identity
            build = drift.build(
                settings, signals, store, leadership, clock, judge, alert_event, parts.metrics, on_nudge_only=quiet
            )
            return [build]
        case "image-watch":
            return [image_watch_process(settings, parts.pool, clock, parts.metrics, on_nudge_only=quiet)]
        case "retention":
            days = PostgresRetention(parts.pool)
            return [retention.build(settings, days, leadership, parts.wall, parts.metrics, on_nudge_only=quiet)]
        case "outbox":
            waiting = PostgresOutbox(parts.pool)
            return [outbox.build(waiting, parts.sink, leadership, settings.topic_prefix, parts.metrics)]
    return []


def _work(name: str, parts: Parts, llm: Llm, pictures: PictureHost, traces: Traces) -> list[Process]:
    """`llm` answers at once; tasks are judged through it or, in lanes that are batched, by batches."""
    inbox = PostgresInbox(parts.pool, parts.wall, parts.settings.task_attempts, parts.metrics)
    around = Surroundings(parts.pool, parts.clock, parts.wall, parts.metrics)
    batched = traces.llm(batching(llm, parts.settings, around))
    match name:
        case "canary":
            leadership, limit = PostgresLeadership(parts.pool), parts.settings.canary_max_share
            idle = parts.until_idle
            judging = partial(canary_judging, parts.pool, traces.llm(llm), parts.clock)
            build = canary.build(lambda: judging(parts.live()), leadership, limit, parts.metrics, until_idle=idle)
            return [build]
        case "relevance":
            judge = QueryJudge(
                llm=batched,
                store=traces.judgements(PostgresJudgements(parts.pool)),
                guidelines=PostgresGuidelines(parts.pool),
                claims=PostgresClaims(parts.pool),
                catalogue=PostgresCatalogue(parts.pool),
                inbox=inbox,
                pictures=pictures,
                clock=parts.clock,
                live=parts.live,
                attempts=parts.settings.task_attempts,
                event_of=relevance_event,
                jitter=random.random,
                wall=parts.wall,
                metrics=parts.metrics,
                shadows=parts.live.shadows,
            )
            pairs = ShadowedPairs(judge, PostgresShadows(parts.pool))
            return [relevance.build(parts.settings, inbox, pairs.judge, parts.wall, parts.soon_s, parts.metrics)]
        case "image-score":
            results = traces.judgements(PostgresJudgements(parts.pool))
            return [
                *picture_processes(
                    parts.settings, around, parts.live, parts.student, batched, pictures, results, parts.soon_s
                ),
                look_alike_process(parts.settings, parts.pool, quiet=parts.until_idle),
            ]
    return []


def _dead_letter(clock: Clock) -> Callable[[DeadLetter], OutgoingEvent]:
    return lambda letter: dead_letter_event(letter, clock.now())


def owner() -> str:
    """This replica's name in `assay status`: host and pid."""
    return f"{socket.gethostname()}:{os.getpid()}"
