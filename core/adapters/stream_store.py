"""Where streams leave their effects: offsets, panes, listings and dead letters in one transaction, fenced by epoch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from core.adapters.days import HistoryDays
from core.adapters.inbox import add_tasks
from core.adapters.outbox import insert_events
from core.adapters.postgres import Connection, Pool, connection, encode_json, transaction
from core.domain.effects import DeadLetter, ResultList, ResultListKey
from core.domain.listings import ListingRecord
from core.domain.panes import Panes
from core.domain.positions import Stop
from core.domain.retention import utc_day
from core.domain.timestamps import to_datetime
from core.errors import LostOwnership
from core.ports import Clock
from core.stream_ports import Partition, PartitionStart, Progress, StreamCommit

_TAKE = """
INSERT INTO assay_data.stream_partitions (topic, partition, epoch, owner, updated_at) VALUES ($1, $2, 1, $3, $4)
ON CONFLICT (topic, partition) DO UPDATE
SET epoch = stream_partitions.epoch + 1, owner = excluded.owner, updated_at = excluded.updated_at
RETURNING epoch, turn, applied, topic_id, stopped, stopped_detail, pass_until
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
    open_sessions = mine.open_sessions, watermark = coalesce(mine.watermark, p.watermark),
    topic_id = coalesce(mine.topic_id, p.topic_id), missing = p.missing + mine.missing,
    stopped = coalesce(mine.stopped, p.stopped), stopped_detail = coalesce(mine.stopped_detail, p.stopped_detail),
    stopped_at = CASE WHEN mine.stopped IS NULL THEN p.stopped_at ELSE coalesce(p.stopped_at, $12) END, updated_at = $12
FROM unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::timestamptz[],
    $8::text[], $9::text[], $10::text[], $11::bigint[])
    AS mine (topic, partition, turn, applied, end_offset, open_sessions, watermark, topic_id, stopped, stopped_detail,
        missing)
WHERE p.topic = mine.topic AND p.partition = mine.partition
"""

_PANES = """
INSERT INTO assay_data.panes AS p
    (run, application, market, query, hour, searches, sessions, engaged, reformulated, exits, zero_results)
SELECT run, application, market, query, to_timestamp(hour / 1000), searches, sessions, engaged, reformulated, exits,
    zero_results
FROM ROWS FROM (json_array_elements_text($1::text::json), json_array_elements_text($2::text::json),
    json_array_elements_text($3::text::json), json_array_elements_text($4::text::json), unnest($5::text::bigint[]),
    unnest($6::text::bigint[]), unnest($7::text::bigint[]), unnest($8::text::bigint[]), unnest($9::text::bigint[]),
    unnest($10::text::bigint[]), unnest($11::text::bigint[]))
    AS pane (run, application, market, query, hour, searches, sessions, engaged, reformulated, exits, zero_results)
ON CONFLICT (run, application, market, query, hour) DO UPDATE SET
    searches = p.searches + excluded.searches, sessions = p.sessions + excluded.sessions,
    engaged = p.engaged + excluded.engaged, reformulated = p.reformulated + excluded.reformulated,
    exits = p.exits + excluded.exits, zero_results = p.zero_results + excluded.zero_results
"""

_RESULT_LISTS = """
INSERT INTO assay_data.result_lists AS r (run, application, market, query, engine, language, hits, seen_at)
SELECT run, application, market, query, engine, language, ARRAY(SELECT json_array_elements_text(hits)),
    to_timestamp(seen_at / 1000.0)
FROM ROWS FROM (json_array_elements_text($1::text::json), json_array_elements_text($2::text::json),
    json_array_elements_text($3::text::json), json_array_elements_text($4::text::json),
    json_array_elements_text($5::text::json), json_array_elements_text($6::text::json),
    json_array_elements($7::text::json), unnest($8::text::bigint[]))
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
WITH dead AS MATERIALIZED (
    SELECT * FROM unnest($1::text[], $2::text[], $3::int[], $4::bigint[], $5::text[], $6::text[], $7::bytea[])
        AS d (run, topic, partition, at, reason, detail, payload)
), known AS MATERIALIZED (
    SELECT d.topic, d.partition, d."offset" FROM (
        SELECT topic, partition, min(at) AS low, max(at) AS high FROM dead GROUP BY topic, partition) AS span
    CROSS JOIN LATERAL (
        SELECT k.topic, k.partition, k."offset" FROM assay_data.dead_letters AS k
        WHERE k.topic = span.topic AND k.partition = span.partition AND k."offset" BETWEEN span.low AND span.high) AS d
)
INSERT INTO assay_data.dead_letters (run, topic, partition, "offset", reason, detail, payload, received_at)
SELECT run, topic, partition, at, reason, detail, payload, $8 FROM dead
WHERE NOT EXISTS (
    SELECT FROM known AS k WHERE k.topic = dead.topic AND k.partition = dead.partition AND k."offset" = dead.at)
ON CONFLICT DO NOTHING
"""
"""Once per place, whatever its day: no key of a table by days holds that, the lock on the partition's row does. One
probe a day and partition for all letters between the lowest and the highest offset."""

_SNAPSHOTS = """
INSERT INTO assay_data.session_snapshots (topic, partition, at_offset, state, taken_at)
SELECT topic, partition, at_offset, state, $5
FROM unnest($1::text[], $2::int[], $3::bigint[], $4::bytea[]) AS s (topic, partition, at_offset, state)
ON CONFLICT (topic, partition) DO UPDATE
SET at_offset = excluded.at_offset, state = excluded.state, taken_at = excluded.taken_at
"""


_GROWN = """
UPDATE assay_data.stream_partitions AS p SET end_offset = greatest(p.end_offset, grown.end_offset), updated_at = $4
FROM unnest($1::text[], $2::int[], $3::bigint[]) AS grown (topic, partition, end_offset)
WHERE p.topic = grown.topic AND p.partition = grown.partition AND p.stopped IS NOT NULL
RETURNING p.topic, p.partition
"""


class PostgresStreamStore:
    """Port `StreamStore`. `days` makes the days that are written to; without it the process `retention` makes them."""

    def __init__(self, pool: Pool, clock: Clock, days: HistoryDays | None = None) -> None:
        self._pool = pool
        self._clock = clock
        self._days = days

    async def take(self, partition: Partition, owner: str) -> PartitionStart:
        """The row's update waits for a commit of the last owner that is under way, so `applied` is what stands."""
        async with transaction(self._pool) as held:
            [row] = await held.fetch(_TAKE, *partition, owner, self._clock.now())
            snapshots = await held.fetch(_SNAPSHOT, *partition)
        at_offset, state = snapshots[0] if snapshots else (-1, None)
        stop = Stop(row["stopped"], row["stopped_detail"]) if row["stopped"] else None
        return PartitionStart(
            row["epoch"], row["turn"], row["applied"], state, at_offset, row["topic_id"], stop, row["pass_until"]
        )

    async def released(self, stopped: Mapping[Partition, int]) -> list[Partition]:
        topics, numbers = [p.topic for p in stopped], [p.partition for p in stopped]
        async with connection(self._pool) as held:
            rows = await held.fetch(_GROWN, topics, numbers, list(stopped.values()), self._clock.now())
        still = {Partition(*row) for row in rows}
        return [partition for partition in stopped if partition not in still]

    async def commit(self, commit: StreamCommit) -> None:
        now = self._clock.now()
        await self._make_days(commit, now)
        async with transaction(self._pool) as held:
            if await _fenced(held, commit.progress):
                await _write_all(held, commit, now)

    async def _make_days(self, commit: StreamCommit, now: datetime) -> None:
        if self._days is None:
            return
        hours = {key.hour for key in commit.effects.panes}
        await self._days.ensure("panes", {to_datetime(hour).date() for hour in hours}, now)
        await self._days.ensure("dead_letters", {utc_day(now)} if commit.effects.dead_letters else (), now)


async def _write_all(held: Connection, commit: StreamCommit, now: datetime) -> None:
    effects = commit.effects
    await _write(held, _PROGRESS, [_progress_row(p) for p in commit.progress], now)
    if effects.panes:
        await held.execute(_PANES, *pane_columns(effects.panes))
    if effects.result_lists:
        await held.execute(_RESULT_LISTS, *_result_columns(effects.result_lists))
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
    lost = frozenset(p.partition for p in progress if not _is_next(p, *stands.get(p.partition, (0, 0))))
    if lost:
        raise LostOwnership(lost)
    return all(stands[p.partition][1] < p.turn for p in progress)


def _is_next(progress: Progress, epoch: int, turn: int) -> bool:
    """Whether the row is ours and no transaction before this one is missing: a server that takes another's place, or
    did not keep what it acknowledged, may have lost the last ones. What they held is read again then."""
    return epoch == progress.epoch and turn in (progress.turn - 1, progress.turn)


async def _write(held: Connection, sql: str, rows: Sequence[tuple[object, ...]], *more: object) -> None:
    if rows:
        await held.execute(sql, *_columns(rows), *more)


def _columns(rows: Iterable[tuple[object, ...]]) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _progress_row(p: Progress) -> tuple[object, ...]:
    stop = (p.stop.reason, p.stop.detail) if p.stop else (None, None)
    return (*p.partition, p.turn, p.applied, p.end_offset, p.open_sessions, p.watermark, p.topic_id, *stop, p.missing)


def pane_columns(panes: Panes) -> list[str]:
    """Columns in the order of the panes' keys: replicas that add to the same panes lock them in the same order.

    One text a column, since asyncpg looks at each element of an array in Python: a tenth of all the CPU of a stream."""
    keys = sorted(panes)
    *texts, hours = zip(*keys, strict=True)
    counters = zip(*map(panes.__getitem__, keys), strict=True)
    return [*map(encode_json, texts), *map(_integers, [hours, *counters])]


def _integers(column: Sequence[int]) -> str:
    return "{" + encode_json(column)[1:-1] + "}"


def _result_columns(lists: Mapping[ResultListKey, ResultList]) -> list[str]:
    keys = sorted(lists)
    shown = [lists[key] for key in keys]
    texts = [*zip(*keys, strict=True), [results.language for results in shown], [results.hits for results in shown]]
    return [*map(encode_json, texts), _integers([results.seen_at for results in shown])]


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
