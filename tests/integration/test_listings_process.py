"""`listings` on a real broker and PostgreSQL: the newest word on each listing, picture tasks, dead letters."""

from __future__ import annotations

import json
from random import Random

import pytest

from consumers import listings
from core.adapters.clock import SystemClock
from core.adapters.postgres import Pool
from core.runtime.stream import StreamProcess
from core.settings import Settings
from core.telemetry import Metrics
from tests.oracle import listings as oracle
from tests.oracle.contract import LogRecord
from tests.oracle.decoding import Dead
from tests.oracle.generate import NOW_MS
from tests.support import streams

BOTH = pytest.mark.parametrize("protocol", ["consumer", "classic"])


@pytest.fixture
def topic(kafka_bootstrap: str, topic_prefix: str) -> str:
    name = f"{topic_prefix}listings"
    streams.make_topic(kafka_bootstrap, name, 2)
    return name


def process(bootstrap: str, topic: str, pool: Pool, protocol: str = "consumer", group: str = "group") -> StreamProcess:
    settings = Settings(_env_file=None, stream_batch_records=100, stream_batch_seconds=0.05)
    source = streams.source(bootstrap, topic, {"group.protocol": protocol}, group)
    clock = SystemClock()
    return listings.build(
        settings, source, streams.store(pool), clock, Metrics(), "me", streams.dead_letter, lambda: "judge"
    )


def make_listings(seed: int, size: int) -> list[LogRecord]:
    """Listings told of again and again, late, deleted, back, and some that can't be used."""
    random = Random(seed)
    offsets = [0, 0]
    records = []
    for _ in range(size):
        number = random.randrange(40)
        told: dict[str, object] = {
            "listing_id": random.choice([f"l{number}", f"l{number}", None]) if random.random() < 0.1 else f"l{number}",
            "timestamp": NOW_MS - random.randrange(100) * 1000,
            "event": random.choice(
                [None, "new", "updated", "updated", "deleted", "gone" if random.random() < 0.1 else "new"]
            ),
            "title": random.choice(["A lamp", "A sofa", "Ett bord \u00e5", "" if random.random() < 0.2 else "A chair"]),
            "market": random.choice([None, "se", "de"]),
            "price": random.choice([None, {"amount": 9.5, "currency": "SEK"}]),
            "attributes": random.choice([None, {"colour": "r\u00f6d", "empty": ""}]),
            "image_urls": random.choice([None, ["https://p.example/1.jpg"], ["https://p.example/2.jpg", ""]]),
        }
        partition = number % 2
        value = json.dumps(told).encode() if random.random() > 0.02 else b"{"
        records.append(LogRecord(partition, offsets[partition], value, NOW_MS))
        offsets[partition] += 1
    return records


@BOTH
async def test_the_newest_word_on_each_listing_stands_and_nothing_is_dropped(
    kafka_bootstrap: str, topic: str, pool: Pool, protocol: str
) -> None:
    log = make_listings(31, 1_500)
    streams.Sender(kafka_bootstrap, topic).send(log)
    await streams.read_until_idle(process(kafka_bootstrap, topic, pool, protocol))
    newest: dict[str, oracle.ListingRecord] = {}
    dead = {}
    for record in log:
        read = oracle.decode_listing(record.value, record.kafka_ts)
        if isinstance(read, Dead):
            dead[record.partition, record.offset] = ("live", read.reason)
        elif read.listing_id not in newest or read.at >= newest[read.listing_id].at:
            newest[read.listing_id] = read
    assert await streams.dead(pool, topic) == dead
    rows = await pool.fetch(
        "SELECT listing_id, title, market, deleted, image_urls, attributes FROM assay_data.listings"
    )
    found = {r["listing_id"]: (r["title"], r["market"], r["deleted"], tuple(r["image_urls"])) for r in rows}
    assert found == {
        key: (told.title or "", told.market or "default", told.event == "deleted", told.image_urls)
        for key, told in newest.items()
    }


async def test_each_picture_asks_for_one_task(kafka_bootstrap: str, topic: str, pool: Pool) -> None:
    urls = ["https://p.example/1.jpg", "https://p.example/2.jpg"]
    told = {"listing_id": "l1", "title": "A lamp", "timestamp": NOW_MS, "image_urls": [*urls, *urls]}
    value = json.dumps(told).encode()
    log = [LogRecord(0, 0, value, NOW_MS), LogRecord(0, 1, value, NOW_MS)]
    sender = streams.Sender(kafka_bootstrap, topic)
    sender.send(log)
    await streams.read_until_idle(process(kafka_bootstrap, topic, pool))
    sender.send([LogRecord(0, 2, value, NOW_MS)])
    # Another group: the broker takes seconds to give partitions anew to a member of the one that was just left.
    await streams.read_until_idle(process(kafka_bootstrap, topic, pool, group="another"))
    rows = await pool.fetch("SELECT subject FROM assay.judge_tasks WHERE kind = 'image'")
    subjects = [json.loads(row["subject"]) if isinstance(row["subject"], str) else row["subject"] for row in rows]
    assert sorted(subject["image_url"] for subject in subjects) == urls


async def test_listings_that_cant_be_used_are_kept_with_their_reasons(
    kafka_bootstrap: str, topic: str, pool: Pool
) -> None:
    sound = {"listing_id": 7, "title": "A lamp", "timestamp": NOW_MS}
    wrong: list[tuple[dict[str, object], str]] = [
        ({"listing_id": None}, "no_listing_id"),
        ({"title": ""}, "no_title"),
        ({"timestamp": None}, "no_timestamp"),
        ({"timestamp": NOW_MS + 300_001}, "bad_timestamp"),
        ({"listing_id": 7.5}, "bad_field"),
    ]
    values = [json.dumps({**sound, **change}).encode() for change, _ in wrong]
    streams.Sender(kafka_bootstrap, topic).send([LogRecord(0, i, value, NOW_MS) for i, value in enumerate(values)])
    await streams.read_until_idle(process(kafka_bootstrap, topic, pool))
    assert await streams.dead(pool, topic) == {(0, i): ("live", reason) for i, (_, reason) in enumerate(wrong)}
