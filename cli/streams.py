"""`assay streams`: where each partition stands, and what a person does with one that waits for him."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated

import msgspec
import typer

from cli.database import migrated
from cli.status import plain_stream, read_status, stream_table
from cli.tables import moment, print_tables, printable
from core.adapters.stream_stops import Answer, StreamStops
from core.errors import UsageError
from core.settings import Settings, load_settings
from core.status_models import StatusReport

app = typer.Typer(help="Show the streams' partitions, and release those that were stopped.")

Topic = Annotated[str, typer.Argument(help="the topic, with or without the prefix of the settings")]


@app.command("list")
def list_streams(as_json: Annotated[bool, typer.Option("--json", help="JSON instead of a table")] = False) -> None:
    """Show every partition: owner, position, lag, watermark, and why it is stopped if it is."""
    report, _ = asyncio.run(read_status(load_settings()))
    if as_json:
        plain = [plain_stream(stream, report) for stream in report.streams]
        sys.stdout.write(msgspec.json.encode(plain).decode() + "\n")
        return
    print_tables(stream_table(report))
    sys.stdout.writelines(f"{line}\n" for line in remarks(report))


def remarks(report: StatusReport) -> list[str]:
    """A line for each partition that is stopped, with the command that releases it, or that misses records."""
    lines: list[str] = []
    for s in report.streams:
        name = f"{s.topic}[{s.partition}]"
        if s.stopped:
            way = "restart" if s.stopped == "topic_made_again" else "resume"
            place = f"{s.topic} --partition {s.partition}" if way == "restart" else f"{s.topic} {s.partition}"
            why = printable(s.stopped_detail)
            lines.append(f"{name}: {s.stopped} since {moment(s.stopped_at)}: {why}; assay streams {way} {place}")
        if s.missing:
            lines.append(f"{name}: {s.missing} records were gone before they were read")
    return lines


@app.command("resume")
def resume(
    topic: Topic,
    partitions: Annotated[list[int] | None, typer.Argument(help="numbers of partitions")] = None,
    let_pass: Annotated[
        int | None,
        typer.Option("--pass", min=0, help="records to let through whatever they are [default: those that wait]"),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="every partition of it that is stopped so")] = False,
    same_topic: Annotated[
        bool, typer.Option("--same-topic", help="also where the topic seemed to be made again and is the old one")
    ] = False,
) -> int:
    """Let partitions go on, where they stood, that a flood of dead letters has stopped."""
    if bool(partitions) == every:
        raise UsageError("resume takes TOPIC and numbers of partitions, or TOPIC and --all")
    settings = load_settings()
    name = full_name(settings, topic)
    answers = asyncio.run(
        _answers(
            settings,
            name,
            partitions,
            lambda stops: stops.resume(name, partitions or None, let_pass, same_topic=same_topic),
        )
    )
    return _said(name, _asked_for(answers, partitions), _resumed)


@app.command("restart")
def restart(
    topic: Topic,
    partitions: Annotated[
        list[int] | None, typer.Option("--partition", help="only this one; may be repeated [default: all stopped so]")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="also partitions that were not stopped so; who reads one loses it")
    ] = False,
) -> int:
    """Read a topic that was deleted and made again from its beginning. What was counted of the old one stays so."""
    settings = load_settings()
    name = full_name(settings, topic)
    answers = asyncio.run(
        _answers(settings, name, partitions, lambda stops: stops.begin_anew(name, partitions or None, force=force))
    )
    found = _asked_for(answers, partitions)
    if not found:
        raise UsageError(f"{name} was not made again, as far as its readers know; --force begins it anew all the same")
    return _said(name, found, _restarted)


def full_name(settings: Settings, topic: str) -> str:
    """A topic as the tables name it."""
    prefix = settings.topic_prefix
    return topic if topic.startswith(prefix) else prefix + topic


async def _answers(
    settings: Settings,
    topic: str,
    partitions: Sequence[int] | None,
    ask: Callable[[StreamStops], Awaitable[list[Answer]]],
) -> list[Answer]:
    async with migrated(settings) as pool:
        stops = StreamStops(pool)
        known = {position.partition for position in await stops.positions() if position.topic == topic}
        unknown = sorted(set(partitions or ()) - known)
        if unknown or not known:
            raise UsageError(f"no process ever read {topic}{unknown or ''}")
        return await ask(stops)


def _asked_for(answers: Sequence[Answer], partitions: Sequence[int] | None) -> list[Answer]:
    """All that were named; of a whole topic those that something was done to, or that are stopped all the same."""
    return [answer for answer in answers if partitions or answer.done or answer.was]


def _said(topic: str, answers: Sequence[Answer], done: Callable[[Answer], str]) -> int:
    """A line for each partition; exit code 0 when all was done."""
    if not answers:
        sys.stdout.write(f"no partition of {topic} is stopped\n")
    for answer in answers:
        text = done(answer) if answer.done else _why_not(answer)
        sys.stdout.write(f"{topic}[{answer.partition}]: {text}\n")
    return 0 if all(answer.done for answer in answers) else 1


def _resumed(answer: Answer) -> str:
    if answer.was == "topic_made_again":
        return "released at the offset where it stood; its owner looks at the topic anew within seconds"
    return f"released; the next {answer.passes} records pass without a limit; its owner goes on within seconds"


def _restarted(answer: Answer) -> str:
    kept = "what was counted of the old topic stays counted"
    return f"read from the new topic's beginning; {kept}; {answer.letters} dead letters of the old one removed"


def _why_not(answer: Answer) -> str:
    if answer.was == "topic_made_again":
        return "not released: its topic was made again; assay streams restart, or resume --same-topic if it was not"
    if answer.was == "flood":
        return "not begun anew: a flood has stopped it; assay streams resume, or restart with --force"
    return "not stopped; nothing done"
