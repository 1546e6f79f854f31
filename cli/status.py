"""`assay status`: the live judge, replicas, lag, tasks by state, spend of the day, dead letters."""

from __future__ import annotations

import asyncio
import sys
from collections import defaultdict
from collections.abc import Sequence
from typing import Annotated

import msgspec
import typer
from rich.table import Table

from cli.database import reads_of
from cli.judge_identity import live_judge
from cli.tables import moment, print_tables, seconds, table
from core.adapters.clock import SystemClock
from core.adapters.postgres import open_pool
from core.settings import Settings, load_settings, postgres_dsn
from core.status_models import Replica, StatusReport, StreamPosition, TaskCount


def status(as_json: Annotated[bool, typer.Option("--json", help="JSON instead of tables")] = False) -> None:
    """Show the live judge, replicas, lag, tasks by state, spend of the day and dead letters."""
    report, judge = asyncio.run(read_status(load_settings()))
    if as_json:
        sys.stdout.write(msgspec.json.encode({"live_judge": judge, **as_plain(report)}).decode() + "\n")
    else:
        print_tables(table("Judge", ("live",), [(judge,)]), *tables(report))


async def read_status(settings: Settings) -> tuple[StatusReport, str]:
    """The service's state as the database has it, and the version of the judge that is live."""
    pool = await open_pool(postgres_dsn(settings), settings.postgres_pool_size)
    try:
        report = await reads_of(settings, pool, SystemClock()).status()
        return report, (await live_judge(pool, settings)).version
    finally:
        await pool.close()


def as_plain(report: StatusReport) -> dict[str, object]:
    """The report as JSON values; each stream position with its lag, each replica with what it holds."""
    plain: dict[str, object] = msgspec.to_builtins(report)
    plain["streams"] = [plain_stream(stream, report) for stream in report.streams]
    plain["replicas"] = [_plain_replica(replica, report) for replica in report.replicas]
    return plain


def plain_stream(stream: StreamPosition, report: StatusReport) -> dict[str, object]:
    """One partition as JSON values."""
    plain: dict[str, object] = msgspec.to_builtins(stream)
    lag = {"lag": stream.lag, "lag_seconds": stream.lag_s(report.at)}
    return {**plain, **lag, "owner_gone": bool(stream.owner) and report.is_gone(stream.owner)}


def _plain_replica(replica: Replica, report: StatusReport) -> dict[str, object]:
    held = report.held_by(replica.name)
    plain: dict[str, object] = msgspec.to_builtins(replica)
    return {**plain, "gone": replica.gone, "partitions": _by_topic(held), "lag": sum(stream.lag for stream in held)}


def tables(report: StatusReport) -> list[Table]:
    """One table a subject."""
    return [
        _replicas(report),
        stream_table(report),
        table(
            "Tasks",
            ("kind", "lane", "state", "reason", "count", "next try"),
            [(t.kind, t.lane, t.state, t.reason, t.count, _next_try(t, report)) for t in report.tasks],
        ),
        *_stopped_models(report),
        *_batches(report),
        _spend(report),
        _lanes(report),
        table(
            "Dead letters", ("topic", "reason", "count"), [(d.topic, d.reason, d.count) for d in report.dead_letters]
        ),
        table("Outbox", ("waiting",), [(report.outbox_waiting,)]),
    ]


def _next_try(task: TaskCount, report: StatusReport) -> str:
    """When the first that waits for a time may be taken; empty where one may be taken now."""
    return moment(task.next_try) if task.next_try is not None and task.next_try > report.at else ""


def _batches(report: StatusReport) -> list[Table]:
    """No table where the batch lane is empty; `assay batches list` tells more."""
    counts = report.batches
    if counts is None or not (counts.collected or counts.open):
        return []
    columns = ("calls collected", "calls ordered", "open batches", "past the deadline")
    return [table("Batches", columns, [(counts.collected, counts.ordered, counts.open, counts.late)])]


def _stopped_models(report: StatusReport) -> list[Table]:
    """No table where all is well."""
    rows = [(m.model, m.endpoint, m.replica, m.phase, m.why, moment(m.until)) for m in report.stopped_models]
    rows += [
        ("all", h.endpoint, "all", "on hold", "the provider asked for it", moment(h.until))
        for h in report.held_endpoints
    ]
    return [table("LLM calls stopped", ("model", "endpoint", "replica", "state", "why", "until"), rows)] if rows else []


def stream_table(report: StatusReport) -> Table:
    """Every partition: who reads it, how far it is, and whether it waits for a person."""
    return table(
        "Streams",
        ("topic", "partition", "owner", "applied", "lag", "seconds", "watermark", "open sessions", "stopped"),
        [
            (
                s.topic,
                s.partition,
                f"{s.owner} (gone)" if s.owner and report.is_gone(s.owner) else s.owner,
                s.applied,
                s.lag,
                seconds(s.lag_s(report.at)),
                moment(s.watermark),
                s.open_sessions,
                f"{s.stopped} since {moment(s.stopped_at)}" if s.stopped else "",
            )
            for s in report.streams
        ],
    )


def _replicas(report: StatusReport) -> Table:
    """What each replica has taken of the work."""
    rows = []
    for replica in report.replicas:
        held = report.held_by(replica.name)
        partitions = "; ".join(f"{topic}: {', '.join(map(str, of))}" for topic, of in _by_topic(held).items())
        seen = f"{moment(replica.seen_at)}{' (gone)' if replica.gone else ''}"
        lag = sum(stream.lag for stream in held)
        rows.append((replica.name, " ".join(replica.processes), moment(replica.started_at), seen, partitions, lag))
    return table("Replicas", ("name", "processes", "since", "seen", "partitions", "lag"), rows)


def _by_topic(streams: Sequence[StreamPosition]) -> dict[str, list[int]]:
    found: defaultdict[str, list[int]] = defaultdict(list)
    for stream in streams:
        found[stream.topic].append(stream.partition)
    return dict(found)


def _lanes(report: StatusReport) -> Table:
    """What each lane spent, and which waits for money, why and until when."""
    rows = [
        (
            lane.lane,
            f"{lane.usd:.4f}",
            f"{lane.reserved_usd:.4f}",
            "" if lane.budget_usd is None else f"{lane.budget_usd:.2f}",
            lane.waiting or "",
            lane.reason,
            moment(lane.until) if lane.until else "",
        )
        for lane in report.spend.lanes
    ]
    columns = ("lane", "spent USD", "reserved USD", "budget USD", "tasks waiting for money", "why", "until")
    return table("LLM lanes today (UTC)", columns, rows)


def _spend(report: StatusReport) -> Table:
    spend = report.spend
    money = (f"{spend.usd:.4f}", f"{spend.reserved_usd:.4f}", f"{spend.budget_usd:.2f}")
    counts = (spend.calls, spend.failed, spend.input_tokens, spend.cached_tokens, spend.output_tokens)
    return table(
        "LLM today (UTC)",
        ("spent USD", "reserved USD", "budget USD", "calls", "failed", "tokens in", "cached", "tokens out"),
        [(*money, *counts)],
    )
