"""`assay dead-letters list` and `show`: records that could not be used, for the person who has to deal with them."""

from __future__ import annotations

import asyncio
import sys
from base64 import b64encode
from typing import Annotated

import msgspec
import typer

from cli.database import migrated
from cli.streams import full_name
from cli.tables import moment, print_tables, printable, table
from cli.times import time_or_ago
from core.adapters.clock import SystemClock
from core.adapters.dead_letters import DeadLetters
from core.domain.effects import STORED_PAYLOAD_BYTES
from core.errors import UsageError
from core.letter_models import DeadLetterView, LetterFilter, LetterPlace
from core.settings import Settings, load_settings

app = typer.Typer(help="List, show and send again records that could not be used.")

PREVIEW_BYTES = 200
"""Of a payload in a list: enough to see what it is."""

Reason = Annotated[str | None, typer.Option("--reason", help="only of this reason, such as not_json")]
Topic = Annotated[str | None, typer.Option("--topic", help="only of this topic, with or without the prefix")]
Run = Annotated[str | None, typer.Option("--run", help="only of this run; live is the one of the live topics")]
Partition = Annotated[int | None, typer.Option("--partition", help="only of this partition")]
Since = Annotated[str | None, typer.Option("--since", help="received since, such as 2026-03-02T06:00Z, or 90m, 2h, 3d")]
Json = Annotated[bool, typer.Option("--json", help="JSON instead of a table")]


@app.command("list")
def list_letters(
    reason: Reason = None,
    topic: Topic = None,
    run: Run = None,
    partition: Partition = None,
    since: Since = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="at most so many")] = 50,
    as_json: Json = False,
) -> None:
    """Show the newest dead letters, each with the beginning of its value."""
    settings = load_settings()
    wanted = filtered(settings, reason, topic, run, partition, since)
    letters = asyncio.run(_newest(settings, wanted, limit))
    if as_json:
        sys.stdout.write(
            msgspec.json.encode([as_plain(letter, "preview_base64") for letter in letters]).decode() + "\n"
        )
        return
    columns = ("received", "topic partition offset", "run", "reason", "detail", "bytes", "begins", "requeued")
    print_tables(table(f"Dead letters, the newest {len(letters)}", columns, [_row(letter) for letter in letters]))


@app.command("show")
def show(
    topic: str,
    partition: int,
    offset: int,
    payload: Annotated[bool, typer.Option("--payload", help="only the stored bytes, as they are")] = False,
    as_json: Json = False,
) -> None:
    """Show one dead letter with all that is stored of it."""
    settings = load_settings()
    letter = asyncio.run(_letter(settings, LetterPlace(full_name(settings, topic), partition, offset)))
    if payload:
        sys.stdout.buffer.write(letter.payload or b"")
        sys.stdout.buffer.flush()
        if is_cut(letter):
            sys.stderr.write(f"assay: only the first {STORED_PAYLOAD_BYTES} bytes of the value are stored\n")
    elif as_json:
        sys.stdout.write(msgspec.json.encode(as_plain(letter, "payload_base64")).decode() + "\n")
    else:
        sys.stdout.write(_shown(letter))


def filtered(
    settings: Settings, reason: str | None, topic: str | None, run: str | None, partition: int | None, since: str | None
) -> LetterFilter:
    """What the options choose."""
    topics = None if topic is None else [full_name(settings, topic)]
    received = None if since is None else time_or_ago(since, SystemClock().now())
    return LetterFilter(reason, topics, run, partition, received)


def is_cut(letter: DeadLetterView) -> bool:
    """Whether the value may be longer than what is stored of it."""
    return (letter.size or 0) >= STORED_PAYLOAD_BYTES


def as_plain(letter: DeadLetterView, payload: str) -> dict[str, object]:
    """A letter as JSON values, its payload under the name given."""
    plain: dict[str, object] = msgspec.to_builtins(letter)
    del plain["payload"]
    stored = None if letter.payload is None else b64encode(letter.payload).decode()
    return {**plain, "whole": not is_cut(letter), "requeue_state": letter.requeue_state, payload: stored}


async def _newest(settings: Settings, wanted: LetterFilter, limit: int) -> list[DeadLetterView]:
    async with migrated(settings) as pool:
        return await DeadLetters(pool).newest(wanted, limit, PREVIEW_BYTES)


async def _letter(settings: Settings, place: LetterPlace) -> DeadLetterView:
    async with migrated(settings) as pool:
        return await known(DeadLetters(pool), place)


async def known(letters: DeadLetters, place: LetterPlace) -> DeadLetterView:
    """The letter of a place; UsageError when there is none."""
    found = await letters.whole(place.topic, place.partition, [place.offset])
    if not found:
        raise UsageError(f"there is no dead letter {place}")
    return found[0]


def _row(letter: DeadLetterView) -> tuple[object, ...]:
    begins = (letter.payload or b"").decode("utf-8", "replace")
    return (
        moment(letter.received_at),
        letter.place,
        letter.run or "",
        letter.reason,
        letter.detail,
        "" if letter.size is None else f"{letter.size}{'+' if is_cut(letter) else ''}",
        begins,
        _state(letter),
    )


def _state(letter: DeadLetterView) -> str:
    if letter.requeue_state == "new":
        return ""
    return f"{moment(letter.requeued_at)}{' (in doubt)' if letter.requeue_state == 'in_doubt' else ''}"


def _shown(letter: DeadLetterView) -> str:
    """Field by field, then the value as text."""
    stored = "nothing" if letter.size is None else f"{letter.size} bytes"
    fields = {
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "run": letter.run or "",
        "reason": letter.reason,
        "detail": letter.detail,
        "received": moment(letter.received_at),
        "requeued": _state(letter) or "no",
        "stored": f"{stored}, the beginning of a longer value" if is_cut(letter) else stored,
    }
    head = "".join(f"{name:10} {printable(str(value))}\n" for name, value in fields.items())
    lines = (letter.payload or b"").decode("utf-8", "replace").split("\n")
    return f"{head}\n" + "".join(f"{printable(line)}\n" for line in lines)
