"""`assay dead-letters requeue`: records that could not be used, sent again to the topics they came from."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import typer

from cli.database import migrated
from cli.dead_letters import Partition, Reason, Run, Since, Topic, filtered, known
from cli.streams import full_name
from core.adapters.clock import SystemClock
from core.adapters.dead_letters import DeadLetters
from core.adapters.kafka_lookup import RecordLookup
from core.adapters.kafka_sink import KafkaSink
from core.errors import UsageError
from core.letter_models import LetterFilter, LetterPlace, RequeueState
from core.settings import Settings, kafka_servers, load_settings
from producers.requeue import Requeue, Requeued

SHOWN_REASONS = 20
"""Letters that can't be sent again, each with its line: the reasons repeat after a few."""


def requeue(
    topic: Annotated[str | None, typer.Argument(help="topic of one letter, with or without the prefix")] = None,
    partition: Annotated[int | None, typer.Argument(help="its partition")] = None,
    offset: Annotated[int | None, typer.Argument(help="its offset")] = None,
    reason: Reason = None,
    of_topic: Topic = None,
    run: Run = None,
    of_partition: Partition = None,
    since: Since = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="only the oldest so many")] = None,
    every: Annotated[bool, typer.Option("--all", help="every letter that was not sent again yet")] = False,
    again: Annotated[bool, typer.Option("--again", help="also letters that were sent again before")] = False,
    in_doubt: Annotated[bool, typer.Option("--in-doubt", help="also letters of which that is not known")] = False,
    as_of_now: Annotated[
        bool, typer.Option("--now", help="at the present Kafka time, not at the record's own")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say what would be sent")] = False,
) -> int:
    """Send records again to the topics they came from: one, or those that the options choose."""
    settings = load_settings()
    wanted = filtered(settings, reason, of_topic, run, of_partition, since)
    chosen = wanted != LetterFilter()
    if topic is None:
        place = None
        if not (chosen or every):
            raise UsageError("requeue takes TOPIC PARTITION OFFSET, or options that choose letters, or --all")
    elif partition is None or offset is None or chosen or every:
        raise UsageError("requeue of one letter takes TOPIC PARTITION OFFSET, and no options that choose")
    else:
        place = LetterPlace(full_name(settings, topic), partition, offset)
    states = states_of(again=again, in_doubt=in_doubt)
    return asyncio.run(_requeue(settings, place or wanted, states, limit, as_of_now=as_of_now, dry=dry_run))


def states_of(*, again: bool, in_doubt: bool) -> list[RequeueState]:
    """Letters in which states are sent."""
    states: list[RequeueState] = ["new"]
    states += ["requeued"] if again else []
    states += ["in_doubt"] if again or in_doubt else []
    return states


async def _requeue(
    settings: Settings,
    wanted: LetterPlace | LetterFilter,
    states: list[RequeueState],
    limit: int | None,
    *,
    as_of_now: bool,
    dry: bool,
) -> int:
    servers, clock = kafka_servers(settings), SystemClock()
    sink = KafkaSink(servers, settings.kafka_options)
    lookup = RecordLookup(servers, settings.kafka_options, settings.topic_prefix)
    async with migrated(settings) as pool:
        letters = DeadLetters(pool)
        places, left = await _places(letters, wanted, states, limit)
        sending = Requeue(lookup, letters, sink, clock, settings.topic_prefix, dry=dry, as_of_now=as_of_now)
        try:
            done = await sending.run(places)
        finally:
            await sink.close()
    sys.stdout.writelines(f"{line}\n" for line in report(done, left, dry=dry))
    return 1 if done.impossible or done.failure or left["in_doubt"] else 0


async def _places(
    letters: DeadLetters, wanted: LetterPlace | LetterFilter, states: list[RequeueState], limit: int | None
) -> tuple[dict[tuple[str, int], list[int]], dict[RequeueState, int]]:
    """Where the letters are that are to be sent, and how many more there are that were sent before."""
    if isinstance(wanted, LetterPlace):
        state = (await known(letters, wanted)).requeue_state
        places = {(wanted.topic, wanted.partition): [wanted.offset]} if state in states else {}
        counts = {state: 1}
    else:
        places, counts = await letters.places(wanted, states, limit), await letters.counts(wanted)
    left: tuple[RequeueState, ...] = ("requeued", "in_doubt")
    return places, {state: 0 if state in states else counts.get(state, 0) for state in left}


def report(done: Requeued, left: dict[RequeueState, int], *, dry: bool) -> list[str]:
    """What to say at the end."""
    lines = [f"{place}: not possible: {why}" for place, why in done.impossible[:SHOWN_REASONS]]
    if len(done.impossible) > SHOWN_REASONS:
        lines.append(f"and {len(done.impossible) - SHOWN_REASONS} more that are not possible")
    sent = done.from_log + done.from_stored
    lines.append(
        f"{'would send' if dry else 'sent'} {sent} records ({done.from_log} as the log holds them, "
        f"{done.from_stored} as they are stored); {len(done.impossible)} not possible"
    )
    if left["requeued"] or done.taken:
        lines.append(
            f"{left['requeued'] + done.taken} were sent again before and are left alone; --again sends them too"
        )
    if left["in_doubt"]:
        lines.append(f"{left['in_doubt']} are in doubt: marked, and perhaps not sent; --in-doubt sends them too")
    if done.in_doubt:
        lines.append(f"{len(done.in_doubt)} are in doubt now, from {done.in_doubt[0]} on: perhaps they were sent")
    if done.failure:
        lines.append(f"ended early: {done.failure}")
    return lines
