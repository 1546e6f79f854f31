"""`assay produce`: a JSON-lines file onto a topic, keyed rightly, each line as it is."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO, TypeVar

import typer

from core.adapters.kafka_sink import KafkaSink
from core.domain.fields import Unusable
from core.domain.keys import InputTopic, is_bulk_action, key_of
from core.errors import UsageError
from core.ports import OutgoingRecord
from core.settings import Settings, kafka_servers, load_settings

app = typer.Typer(help="Send a JSON-lines file (.gz too, -: standard input, OpenSearch bulk files) to a topic.")

T = TypeVar("T")

CHUNK = 10_000
"""Records in memory at once: some megabytes."""

File = Annotated[str, typer.Argument(help="a JSON-lines file, .gz too; - is standard input")]


@app.command("search-log")
def search_log(file: File) -> None:
    """Send User Behavior Insights records, keyed by client_id, else by session id."""
    _produce("search-log", file)


@app.command("listings")
def listings(file: File) -> None:
    """Send listings, keyed by listing_id."""
    _produce("listings", file)


def _produce(topic: InputTopic, file: str) -> None:
    settings = load_settings()
    sent = asyncio.run(send_file(settings, topic, file))
    sys.stdout.write(f"sent {sent} records to {settings.topic_prefix}{topic}\n")


async def send_file(settings: Settings, topic: InputTopic, file: str) -> int:
    """Send every line; returns how many. Makes the topic when it is missing."""
    name = settings.topic_prefix + topic
    sink = KafkaSink(kafka_servers(settings), settings.kafka_options)
    sent = 0
    with opened(file) as stream:
        await sink.ensure_topics([name])
        lines = records_in(stream)
        while chunk := list(itertools.islice(lines, CHUNK)):
            await sink.send([OutgoingRecord(name, key_of(topic, line), line) for line in chunk])
            sent += len(chunk)
    return sent


@contextmanager
def opened(file: str) -> Iterator[BinaryIO | gzip.GzipFile]:
    """The file as bytes, unpacked when gzip; UsageError when it can't be read."""
    try:
        with ExitStack() as stack:
            raw = sys.stdin.buffer if file == "-" else stack.enter_context(Path(file).open("rb"))
            yield gzip.GzipFile(fileobj=raw) if file.endswith(".gz") else raw
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UsageError(f"{file} is no whole gzip file: {error}") from None
    except OSError as error:
        raise UsageError(f"{file} can't be read: {error.strerror or error}") from None


def read_whole(file: str, parse: Callable[[bytes], T | Unusable]) -> list[T]:
    """Every line that is not blank, parsed; UsageError names the first that can't be used, before anything is done."""
    found: list[T] = []
    with opened(file) as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            parsed = parse(line)
            if isinstance(parsed, Unusable):
                raise UsageError(f"{file}, line {number}: {parsed.reason}: {parsed.detail}")
            found.append(parsed)
    return found


def records_in(lines: Iterable[bytes]) -> Iterator[bytes]:
    """The records of a JSON-lines file, or of an OpenSearch bulk file without its action lines."""
    stripped = (line.removesuffix(b"\n") for line in lines)
    first = next(stripped, None)
    if first is None:
        return
    every = itertools.chain([first], stripped)
    if is_bulk_action(first):
        yield from (line for line in every if line.strip() and not is_bulk_action(line))
    else:
        yield from every
