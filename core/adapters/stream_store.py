"""Where streams leave their effects: offsets, panes, listings and dead letters in one transaction, fenced by epoch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from core.adapters.inbox import add_tasks
from core.adapters.outbox import insert_events
from core.adapters.postgres import Connection, Pool, encode_json, transaction
from core.domain.effects import DeadLetter, ResultList, ResultListKey
from core.domain.listings import ListingRecord
from core.domain.panes import Panes
from core.domain.timestamps import to_datetime
from core.errors import LostOwnership
from core.ports import Clock
from core.stream_ports import Partition, PartitionStart, Progress, StreamCommit

_TAKE = """
INSERT INTO assay_data.stream_partitions (topic, partition, epoch, owner, updated_at) VALUES ($1, $2, 1, $3, $4)
ON CONFLICT (topic, partition) DO UPDATE
SET epoch = stream_partitions.epoch + 1, owner = excluded.owner, updated_at = excluded.updated_at
RETURNING epoch, turn, applied
"""
_SNAPSHOT = "SELECT at_offset, state FROM assay_data.session_snapshots WHERE topic = $1 AND partition = $2"

_LOCK = """
SELECT p.topic, p.partition, p.epoch, p.turn FROM assay_data.stream_partitions AS p
JOIN unnest($1::text[], $2::int[]) AS mine (topic, partition) USING (topic, partition)
ORDER BY p.topic, p.partition FOR UPDATE OF p
"""
"""Rows are locked in one order everywhere, so two replicas never wait for each other in a ring."""

_PROGRESS = """
UPDATE assay_data.stream_partitions AS p
SET turn = mine.turn, applied = mine.applied, end_offset = greatest(mine.end_offset, mine.applied + 1),
    open_sessions = mine.open_sessions, watermark = coalesce(mine.watermark, p.watermark), updated_at = $8
FROM unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::timestamptz[])
    AS mine (topic, partition, turn, applied, end_offset, open_sessions, watermark)
WHERE p.topic = mine.topic AND p.partition = mine.partition
"""

_PANES = """
INSERT INTO assay_data.panes AS p
    (run, application, market, query, hour, searches, sessions, engaged, reformulated, exits, zero_results)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[],
    $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[])
ON CONFLICT (run, application, market, query, hour) DO UPDATE SET
    searches = p.searches + excluded.searches, sessions = p.sessions + excluded.sessions,
    engaged = p.engaged + excluded.engaged, reformulated = p.reformulated + excluded.reformulated,
    exits = p.exits + excluded.exits, zero_results = p.zero_results + excluded.zero_results
"""

_RESULT_LISTS = """
INSERT INTO assay_data.result_lists AS r (run, application, market, query, engine, language, hits, seen_at)
SELECT run, application, market, query, engine, language,
    ARRAY(SELECT jsonb_array_elements_text(hits::jsonb)), seen_at
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::timestamptz[])
    AS seen (run, application, market, query, engine, language, hits, seen_at)
ON CONFLICT (run, application, market, query, engine) DO UPDATE
SET language = excluded.language, hits = excluded.hits, seen_at = excluded.seen_at
WHERE excluded.seen_at >= r.seen_at
"""

_LISTINGS = """
INSERT INTO assay_data.listings AS l (listing_id, market, language, title, description, brand, category,
    price_amount, price_currency, attributes, image_urls, content_hash, deleted, run, told_at)
SELECT listing_id, market, language, title, description, brand, category, price_amount, price_currency,
    attributes::jsonb, ARRAY(SELECT jsonb_array_elements_text(image_urls::jsonb)), content_hash, deleted, run, told_at
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::float8[],
    $9::text[], $10::text[], $11::text[], $12::text[], $13::boolean[], $14::text[], $15::timestamptz[])
    AS told (listing_id, market, language, title, description, brand, category, price_amount, price_currency,
        attributes, image_urls, content_hash, deleted, run, told_at)
ON CONFLICT (listing_id) DO UPDATE SET
    market = excluded.market, language = excluded.language, title = excluded.title,
    description = excluded.description, brand = excluded.brand, category = excluded.category,
    price_amount = excluded.price_amount, price_currency = excluded.price_currency,
    attributes = excluded.attributes, image_urls = excluded.image_urls, content_hash = excluded.content_hash,
    deleted = excluded.deleted, run = excluded.run, told_at = excluded.told_at
WHERE excluded.told_at >= l.told_at
"""

_DEAD_LETTERS = """
INSERT INTO assay_data.dead_letters (run, topic, partition, "offset", reason, detail, payload, received_at)
SELECT run, topic, partition, at, reason, detail, payload, $8
FROM unnest($1::text[], $2::text[], $3::int[], $4::bigint[], $5::text[], $6::text[], $7::bytea[])
    AS dead (run, topic, partition, at, reason, detail, payload)
ON CONFLICT (topic, partition, "offset") DO NOTHING
"""

_SNAPSHOTS = """
INSERT INTO assay_data.session_snapshots (topic, partition, at_offset, state, taken_at)
SELECT topic, partition, at_offset, state, $5
FROM unnest($1::text[], $2::int[], $3::bigint[], $4::bytea[]) AS s (topic, partition, at_offset, state)
ON CONFLICT (topic, partition) DO UPDATE
SET at_offset = excluded.at_offset, state = excluded.state, taken_at = excluded.taken_at
"""


class PostgresStreamStore:
    """Port `StreamStore`."""

    def __init__(self, pool: Pool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    async def take(self, partition: Partition, owner: str) -> PartitionStart:
        """The row's update waits for a commit of the last owner that is under way, so `applied` is what stands."""
        async with transaction(self._pool) as held:
            [row] = await held.fetch(_TAKE, *partition, owner, self._clock.now())
            snapshots = await held.fetch(_SNAPSHOT, *partition)
        at_offset, state = snapshots[0] if snapshots else (-1, None)
        return PartitionStart(row["epoch"], row["turn"], row["applied"], state, at_offset)

    async def commit(self, commit: StreamCommit) -> None:
        now = self._clock.now()
        async with transaction(self._pool) as held:
            if await _fenced(held, commit.progress):
                await _write_all(held, commit, now)


async def _write_all(held: Connection, commit: StreamCommit, now: datetime) -> None:
    effects = commit.effects
    rows = [(*p.partition, p.turn, p.applied, p.end_offset, p.open_sessions, p.watermark) for p in commit.progress]
    await _write(held, _PROGRESS, rows, now)
    await _write(held, _PANES, pane_rows(effects.panes))
    await _write(held, _RESULT_LISTS, [_result_row(*kv) for kv in sorted(effects.result_lists.items())])
    await _write(held, _LISTINGS, [_listing_row(*told) for _, told in sorted(effects.listings.items())])
    await _write(held, _DEAD_LETTERS, [_dead_row(d) for d in effects.dead_letters], now)
    applied = {p.partition: p.applied for p in commit.progress}
    await _write(held, _SNAPSHOTS, [(*p, applied[p], s) for p, s in sorted(commit.snapshots.items())], now)
    await add_tasks(held, commit.tasks, now)
    await insert_events(held, commit.events)


async def _fenced(held: Connection, progress: Sequence[Progress]) -> bool:
    """Whether the transaction is still to be written: false when an attempt before this one got through."""
    if not progress:
        return True
    rows = await held.fetch(_LOCK, [p.partition.topic for p in progress], [p.partition.partition for p in progress])
    stands = {Partition(row["topic"], row["partition"]): (row["epoch"], row["turn"]) for row in rows}
    lost = frozenset(p.partition for p in progress if stands.get(p.partition, (0, 0))[0] != p.epoch)
    if lost:
        raise LostOwnership(lost)
    return all(stands[p.partition][1] < p.turn for p in progress)


async def _write(held: Connection, sql: str, rows: Sequence[tuple[object, ...]], *more: object) -> None:
    if rows:
        await held.execute(sql, *_columns(rows), *more)


def _columns(rows: Iterable[tuple[object, ...]]) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)]


def pane_rows(panes: Panes) -> list[tuple[object, ...]]:
    """Rows in the order of their keys: replicas that add to the same panes lock them in the same order."""
    return [(*key[:4], to_datetime(key.hour), *panes[key]) for key in sorted(panes)]


def _result_row(key: ResultListKey, results: ResultList) -> tuple[object, ...]:
    return (*key, results.language, encode_json(results.hits), to_datetime(results.seen_at))


def _listing_row(run: str, listing: ListingRecord) -> tuple[object, ...]:
    return (
        listing.listing_id,
        listing.market,
        listing.language,
        listing.title,
        listing.description,
        listing.brand,
        listing.category,
        listing.price_amount,
        listing.price_currency,
        encode_json(listing.attributes),
        encode_json(listing.image_urls),
        listing.content_hash,
        listing.event == "deleted",
        run,
        to_datetime(listing.timestamp),
    )


def _dead_row(dead: DeadLetter) -> tuple[object, ...]:
    return (dead.run, dead.topic, dead.partition, dead.offset, dead.reason, dead.detail, dead.payload)
