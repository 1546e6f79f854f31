"""What `report` runs: the commands of the service on a real broker and PostgreSQL, and what they left there."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from core.domain.events import IMAGE_SCORES
from tests.bench.pictures import files
from tests.bench.pictures.report_shop import Row, Sent, copies_of, listings_of, rows_of, served, told
from tests.bench.pictures.running import Host, picture_host
from tests.bench.stream.servers import Place, Servers
from tests.bench.stream.tables import say
from tests.e2e import topics
from tests.e2e.command import Assay, Done

JUDGE = "offline-judge"
PROCESSES = ("listings", "image-score", "outbox")
COMMAND_S = 180.0

SCORES = """
SELECT listing_id, image_url, image_hash, score, aspects, reasoning, tier, prompt_version, event_id::text, flags, spread
FROM assay_data.image_scores ORDER BY id
"""
TASKS = """
SELECT kind, subject ->> 'listing_id' AS listing_id, subject ->> 'image_url' AS image_url, state, reason
FROM assay.judge_tasks
"""
MEASURES = """
SELECT u.url, p.measures, p.width, p.height, p.phash
FROM assay_data.picture_urls u JOIN assay_data.pictures p USING (image_hash)
"""
CALLS = """
SELECT count(*) AS calls, coalesce(sum(input_tokens), 0)::bigint AS input, coalesce(sum(cached_tokens), 0)::bigint
    AS cached, coalesce(sum(output_tokens), 0)::bigint AS output, count(*) FILTER (WHERE status <> 'ok') AS not_ok,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY latency_ms) AS ms
FROM assay.llm_calls
"""
ALIKE = "SELECT listing_id, image_url, first_listing_id, first_image_url, distance FROM assay.near_duplicates"
LISTINGS = "SELECT listing_id, score, primary_score, pictures, scored, tier FROM assay.listing_image_scores"

Rows = Sequence[Mapping[str, object]]


@dataclass(frozen=True)
class Sizes:
    """Pictures that are spoilt, fewest that a student is trained on."""

    spoilt: int = 24
    least: int = 200


@dataclass(frozen=True)
class Left:
    """What stands in PostgreSQL and on the topic after a run. `scores`: every score ever given, in order."""

    scores: Rows
    tasks: Rows
    measures: Rows
    calls: Mapping[str, object]
    alike: Rows
    listings: Rows
    events: Sequence[Mapping[str, object]]
    """Bodies, in the order of the topic, with `event_id` from the header."""
    seconds: float
    """From the start of the process to its end."""


@dataclass(frozen=True)
class Ran:
    """All of a report's material."""

    rows: Sequence[Row]
    listings: Sequence[Sent]
    copies: Sequence[Sent]
    host: Host
    first: Left
    """After the listings, with no student."""
    second: Left
    """After the copies, a student live."""
    student: Mapping[str, object]
    """`assay image-score train --promote --json`."""
    spoilt: Mapping[str, object]
    """`assay eval images --json`."""
    spoilt_s: float
    train_s: float

    def url(self, number: int, *, copied: bool = False) -> str:
        """Of a picture, or of its copy."""
        return address(self.host, number + (len(self.rows) if copied else 0))


def address(host: Host, number: int) -> str:
    """The file as it is, under one of the host's names."""
    return host.url(number).replace(f"/{number}.jpg", f"/as-it-is/{number}.jpg")


async def ran(servers: Servers, folder: Path, sizes: Sizes) -> Ran:
    """Everything, in order."""
    rows = rows_of(folder)
    listings = listings_of(rows)
    copies = copies_of(listings)
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as kept:
        files.kept(served(folder, rows), Path(kept))
        with picture_host(Path(kept), 0.0) as host:
            async with servers.place() as place, _assay(place) as assay:
                first = await _scored(assay, place, host, listings, len(rows))
                began = time.monotonic()
                student = _json(await assay("image-score", "train", "--promote", "--min", str(sizes.least), "--json"))
                train_s = time.monotonic() - began
                say(f"{student['version']} is trained and live")
                # Every copy goes to the judge too: what the student said of each can then be held against it.
                both = assay.having(image_label_random_share="1")
                second = await _scored(both, place, host, copies, len(rows))
                began = time.monotonic()
                spoilt = _json(await assay(*_spoilt(folder, sizes), seconds=COMMAND_S), may_fail=True)
                took = time.monotonic() - began
    return Ran(rows, listings, copies, host, first, second, student, spoilt, took, train_s)


def _spoilt(folder: Path, sizes: Sizes) -> tuple[str, ...]:
    asked = ("--judge", "settings", "--student", "live", "--only", "order", "--category", "groceries")
    return (
        "eval",
        "images",
        "--pictures",
        str(folder.resolve()),
        "--limit",
        str(sizes.spoilt),
        *asked,
        "--yes",
        "--json",
    )


async def _scored(assay: Assay, place: Place, host: Host, listings: Sequence[Sent], pictures: int) -> Left:
    """The listings sent and worked on to the end; RuntimeError where a picture's end is not known."""
    lines = [told(each, lambda number: address(host, number), pictures) for each in listings]
    _ended_well(await assay("produce", "listings", "-", stdin=b"\n".join(lines)))
    run = _ended_well(await assay("run", *PROCESSES, "--until-idle", seconds=COMMAND_S))
    left = await _left(place, run.seconds)
    shown = sum(len(each.rows) for each in listings)
    say(f"{len(listings)} listings, {shown} pictures: {run.seconds:.0f} s")
    refuse_lost(left, [(each.listing_id, line) for each, line in zip(listings, lines, strict=True)])
    return left


def refuse_lost(left: Left, sent: Sequence[tuple[str, bytes]]) -> None:
    """RuntimeError unless every picture that was sent ended in a state with a name, and every score is told."""
    shown = {(name, url) for name, line in sent for url in json.loads(line)["image_urls"]}
    ended = {(each["listing_id"], each["image_url"]): each for each in left.tasks if each["kind"] == "image"}
    scored = {(each["listing_id"], each["image_url"]) for each in left.scores}
    events = {each["event_id"] for each in left.events}
    lost: dict[str, Collection[object]] = {
        "without a task": shown - ended.keys(),
        "not ended": {key for key in shown & ended.keys() if ended[key]["state"] not in ("done", "failed")},
        "failed without a reason": {k for k, task in ended.items() if task["state"] == "failed" and not task["reason"]},
        "done without a score": {key for key, task in ended.items() if task["state"] == "done"} - scored,
        "scored and not on the topic": {each["event_id"] for each in left.scores} - events,
        "on the topic and not scored": events - {each["event_id"] for each in left.scores},
    }
    if found := {why: sorted(map(str, names))[:5] for why, names in lost.items() if names}:
        raise RuntimeError(f"pictures were lost: {found}")


async def _left(place: Place, seconds: float) -> Left:
    connection = await asyncpg.connect(place.dsn)
    try:
        await connection.set_type_codec("jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog")
        asked = (SCORES, TASKS, MEASURES, CALLS, ALIKE, LISTINGS)
        found = [[dict(row) for row in await connection.fetch(each)] for each in asked]
    finally:
        await connection.close()
    scores, tasks, measures, [calls], alike, listings = found
    records = await asyncio.to_thread(topics.read, place.bootstrap, f"{place.prefix}{IMAGE_SCORES}")
    events = [json.loads(each.value) | {"event_id": each.header("ce_id")} for each in records]
    return Left(scores, tasks, measures, calls, alike, listings, events, seconds)


@asynccontextmanager
async def _assay(place: Place) -> AsyncIterator[Assay]:
    """The command on this place, an offline judge beside it."""
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as directory:
        bare = Assay(Path(directory), {})
        async with bare.started("offline-judge") as judge:
            yield Assay(Path(directory), _settings(place, await judge.printed()))
            await judge.terminated()


def _settings(place: Place, judge_url: str) -> dict[str, str]:
    """As in production, but for what a picture host on this machine and a judge without limits ask for."""
    return {
        "ASSAY_KAFKA_BOOTSTRAP_SERVERS": place.bootstrap,
        "ASSAY_POSTGRES_DSN": place.dsn,
        "ASSAY_TOPIC_PREFIX": place.prefix,
        "ASSAY_HTTP_PORT": "0",
        "ASSAY_LOG_FORMAT": "json",
        "ASSAY_LLM_BASE_URL": judge_url,
        "ASSAY_LLM_MODEL": JUDGE,
        "ASSAY_LLM_REQUESTS_PER_MINUTE": "60000",
        "ASSAY_LLM_TOKENS_PER_MINUTE": "50000000",
        "ASSAY_IMAGE_ALLOWED_NETWORKS": "127.0.0.0/8",
    }


def _ended_well(done: Done) -> Done:
    if done.code:
        raise RuntimeError(f"the command ended with {done.code}:\n{done.err[-3_000:]}")
    return done


def _json(done: Done, *, may_fail: bool = False) -> Mapping[str, object]:
    """`may_fail`: exit code 1 is a finding."""
    if done.code and not (may_fail and done.code == 1 and done.out):
        _ended_well(done)
    found: dict[str, object] = json.loads(done.out)
    return found
