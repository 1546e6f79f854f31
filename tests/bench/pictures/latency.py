"""From a new listing to its picture's score by the student, in PostgreSQL and on the topic, while a million wait.

`assay run listings image-score outbox` as a process of its own on a real broker and PostgreSQL, a student live.
Listings are sent steadily to the input topic, each with a picture nobody has seen; older tasks were queued before. A
score counts as stored once a look at the table, every 50 ms, finds it, and as published once a consumer has it.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import asyncpg
import numpy as np
from confluent_kafka import Consumer, Producer

from tests.bench.judging.service import Replica
from tests.bench.pictures import student
from tests.bench.pictures.running import Host, queue, running, small_host
from tests.bench.stream.servers import Place, Servers
from tests.bench.stream.tables import Table, say

LOOK_S = 0.05
TICK_S = 0.005
LINGER_S = 60.0
"""How long the last ones are waited for."""

TAIL = 3_000  # characters of the service's log that are shown where nothing came of it

NEW = "new"
FIRST_NEW = 100_000_000
"""Number of the first new listing's picture: beyond those of the backlog."""

FOUND = "SELECT id, listing_id FROM assay_data.image_scores WHERE id > $1 ORDER BY id"
SCORES = "image-scores"


@dataclass(frozen=True)
class Sizes:
    """Listings a second, seconds of it, older tasks, the host's latency, pictures the student learns from."""

    rate: float
    seconds: float
    backlog: int
    latency_s: float = 0.05
    learnt: int = student.PICTURES
    warm_s: float = 10.0


QUICK = Sizes(50, 20.0, 20_000)
FULL = Sizes(50, 180.0, 1_000_000)


@dataclass
class Seen:
    """When each new listing was sent, and its score seen, by the clock of this process."""

    sent: dict[str, float] = field(default_factory=dict)
    stored: dict[str, float] = field(default_factory=dict)
    published: dict[str, float] = field(default_factory=dict)
    old: int = 0
    """Of the backlog that were scored meanwhile."""

    def waits(self, seen: dict[str, float]) -> list[float]:
        """Seconds, of those that were seen."""
        return [seen[name] - at for name, at in self.sent.items() if name in seen]


async def latency(servers: Servers, sizes: Sizes) -> list[Table]:
    """One table."""
    scorer = student.made(sizes.learnt)
    async with servers.place() as place:
        with small_host(sizes.latency_s) as host:
            await student.promoted(place.dsn, scorer)
            await queue(place, host, sizes.backlog)
            say(f"{sizes.backlog:,} older tasks wait")
            with running(place, "listings", "image-score", "outbox") as service:
                seen = await _measured(place, host, service, sizes)
    return [_table(seen, sizes)]


async def _measured(place: Place, host: Host, service: Replica, sizes: Sizes) -> Seen:
    seen = Seen()
    await service.started()
    await asyncio.sleep(sizes.warm_s)  # the consumer has its partitions, the decoders run
    with _published(place, seen):
        watching = asyncio.create_task(_stored(place, seen))
        await asyncio.to_thread(_send, place, host, seen, sizes)
        until = time.monotonic() + LINGER_S
        while time.monotonic() < until and min(len(seen.stored), len(seen.published)) < len(seen.sent):
            service.check()
            await asyncio.sleep(LOOK_S)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    if not seen.stored:
        raise RuntimeError(f"no listing was scored:\n{service.log.read_text(errors='replace')[-TAIL:]}")
    return seen


def _send(place: Place, host: Host, seen: Seen, sizes: Sizes) -> None:
    producer = Producer({"bootstrap.servers": place.bootstrap, "linger.ms": 0, "log_level": 0})
    began, count = time.monotonic(), int(sizes.rate * sizes.seconds)
    for number in range(count):
        while (wait := began + number / sizes.rate - time.monotonic()) > 0:
            producer.poll(min(wait, TICK_S))
        name = f"{NEW}{number}"
        seen.sent[name] = time.monotonic()
        producer.produce(f"{place.prefix}listings", _listing(name, host.url(FIRST_NEW + number)), key=name.encode())
        producer.poll(0)
    producer.flush(LINGER_S)


def _listing(name: str, url: str) -> bytes:
    told = {"listing_id": name, "timestamp": int(time.time() * 1_000), "market": "de", "language": "de"}
    return json.dumps({**told, "title": f"a thing, {name}", "image_urls": [url]}).encode()


async def _stored(place: Place, seen: Seen) -> None:
    """Looks for new rows until it is cancelled."""
    connection = await asyncpg.connect(place.dsn)
    try:
        last = await connection.fetchval("SELECT coalesce(max(id), 0) FROM assay_data.image_scores")
        while True:
            rows = await connection.fetch(FOUND, last)
            now = time.monotonic()
            for row in rows:
                last = row["id"]
                _note(seen, seen.stored, row["listing_id"], now)
            await asyncio.sleep(LOOK_S)
    finally:
        await connection.close()


def _note(seen: Seen, where: dict[str, float], name: str, at: float) -> None:
    if name.startswith(NEW):
        where.setdefault(name, at)
    elif where is seen.stored:
        seen.old += 1


@contextmanager
def _published(place: Place, seen: Seen) -> Iterator[None]:
    """Reads the topic on a thread of its own while the block lasts."""
    options = {"bootstrap.servers": place.bootstrap, "group.id": uuid.uuid4().hex, "log_level": 0}
    consumer = Consumer({**options, "auto.offset.reset": "latest", "fetch.wait.max.ms": 10})
    assigned, stop = threading.Event(), threading.Event()
    consumer.subscribe([f"{place.prefix}{SCORES}"], on_assign=lambda *_: assigned.set())

    def read() -> None:
        while not stop.is_set():
            for message in consumer.consume(500, 0.02):
                if not message.error():
                    _note(seen, seen.published, (message.key() or b"").decode(), time.monotonic())
        consumer.close()

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    try:
        assigned.wait(LINGER_S)
        yield
    finally:
        stop.set()
        thread.join()


def _table(seen: Seen, sizes: Sizes) -> Table:
    rows = [
        _row("in PostgreSQL", seen.waits(seen.stored), len(seen.sent)),
        _row("on the topic", seen.waits(seen.published), len(seen.sent)),
    ]
    note = (
        f"From a listing's send to its score by the student: {sizes.rate:g} a second for {sizes.seconds:g} s, a host "
        f"of {sizes.latency_s:g} s, {sizes.backlog:,} older tasks waiting, {seen.old:,} of which were scored meanwhile"
    )
    return Table(note, ("seen", "listings", "p50, s", "p90, s", "p99, s", "most, s"), rows)


def _row(where: str, waits: Sequence[float], sent: int) -> tuple[str, ...]:
    figures = np.quantile(waits, [0.5, 0.9, 0.99, 1.0]) if waits else [float("nan")] * 4
    return where, f"{len(waits):,} of {sent:,}", *(f"{figure:.2f}" for figure in figures)
