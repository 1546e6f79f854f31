"""Nights of the panel and the anchors in PostgreSQL: port `DriftStore`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby

import asyncpg
import msgspec

from core.adapters.inbox import add_tasks
from core.adapters.newest_panes import newest_hours
from core.adapters.outbox import insert_events
from core.adapters.postgres import Connection, Pool, connection, encode_json, transaction
from core.domain.drift.anchors import AnchorGrade
from core.domain.drift.nightly import DriftState
from core.domain.drift.panel import NightAccount, PanelNight, PanelSlot, Segment
from core.domain.labels import LIVE_RUN
from core.drift_ports import Anchor, ClosedNight, FrozenSlot, OpenNight
from core.ports import NewTask

_OPEN = """
SELECT n.night, n.frozen_at,
    NOT EXISTS (
        SELECT 1 FROM assay_data.panel_slots AS s JOIN assay_data.tasks AS t USING (task_key)
        WHERE s.night = n.night AND t.state IN ('waiting', 'running')
    ) AND NOT EXISTS (
        SELECT 1 FROM assay_data.tasks AS t
        WHERE t.kind = 'anchor' AND t.state IN ('waiting', 'running') AND t.payload->>'night' = n.night::text
    ) AS judged
FROM assay_data.drift_nights AS n WHERE n.done_at IS NULL ORDER BY n.night LIMIT 1
"""

_WEIGHTS = """
SELECT application, market, query, sum(searches)::float8
FROM assay_data.panes WHERE run = 'live' AND application = $1 AND hour > $2 AND hour <= $3
GROUP BY application, market, query
"""

_NEXT_ANCHORS = """
SELECT anchor_id, application, market, language, query, listing, human_grade
FROM assay_data.anchors ORDER BY asked NULLS FIRST, anchor_id LIMIT $1
"""

_ASKED = "UPDATE assay_data.anchors SET asked = $1 WHERE anchor_id = ANY ($2::text[])"

_SLOTS = """
INSERT INTO assay_data.panel_slots (night, application, market, language, engine, volume_band, query, weight, rank,
    listing_id, content_hash, task_key)
SELECT $1, * FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::float8[],
    $9::int[], $10::text[], $11::text[], $12::text[])
"""

_LABEL_SLOTS = """
UPDATE assay_data.panel_slots AS s
SET grade = l.grade, label_key = l.content_key,
    model_key = concat_ws(' ', l.model, l.fingerprint, l.prompt_version, nullif(l.judge, ''))
FROM (
    SELECT DISTINCT ON (l.application, l.market, l.query, l.listing_id, l.content_hash)
        l.application, l.market, l.query, l.listing_id, l.content_hash, l.grade, l.content_key, l.model,
        l.fingerprint, l.prompt_version, l.judge
    FROM assay_data.labels AS l
    JOIN (SELECT DISTINCT application, market, query FROM assay_data.panel_slots WHERE night = $1) AS q
        USING (application, market, query)
    ORDER BY l.application, l.market, l.query, l.listing_id, l.content_hash, l.judged_at DESC, l.id DESC
) AS l
WHERE s.night = $1 AND s.application = l.application AND s.market = l.market AND s.query = l.query
    AND s.listing_id = l.listing_id AND s.content_hash = l.content_hash
"""
"""A slot's label is the newest of its pair with this very content, whoever asked for it."""

_PANELS = """
SELECT application, market, engine, query, weight, rank, listing_id, content_hash, grade, label_key, model_key
FROM assay_data.panel_slots WHERE night = $1 ORDER BY application, market, engine, query, rank
"""

_ALERTS = """
INSERT INTO assay_data.alerts AS a (alert_id, segment, cause, metric, before, after, detected_at, status, evidence)
VALUES ($1, $2::jsonb, $3, $4, $5, $6, $7, $8, $9::jsonb)
ON CONFLICT (alert_id) DO UPDATE
SET cause = excluded.cause, before = excluded.before, after = excluded.after, status = excluded.status,
    evidence = excluded.evidence
"""

_ANCHORS = """
INSERT INTO assay_data.anchors (anchor_id, application, market, language, query, listing, human_grade, added_at)
SELECT anchor_id, application, market, language, query, listing::jsonb, human_grade, $8
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::smallint[])
    AS a (anchor_id, application, market, language, query, listing, human_grade)
ON CONFLICT (anchor_id) DO NOTHING RETURNING 1
"""


class PostgresDriftStore:
    """Port `DriftStore`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def last_night(self) -> date | None:
        async with connection(self._pool) as held:
            rows = await held.fetch("SELECT max(night) AS night FROM assay_data.drift_nights")
        return rows[0]["night"] if rows else None

    async def open_night(self) -> OpenNight | None:
        async with connection(self._pool) as held:
            rows = await held.fetch(_OPEN)
        return OpenNight(*rows[0]) if rows else None

    async def weights(self) -> Mapping[tuple[str, str, str], float]:
        async with connection(self._pool) as held:
            newest = await newest_hours(held, LIVE_RUN)
            spans = [(name, hour - timedelta(days=1), hour) for name, hour in newest.items()]
            rows = [row for span in spans for row in await held.fetch(_WEIGHTS, *span)]
        return {(row[0], row[1], row[2]): row[3] for row in rows}

    async def next_anchors(self, count: int) -> list[Anchor]:
        async with connection(self._pool) as held:
            return [Anchor(*row) for row in await held.fetch(_NEXT_ANCHORS, count)]

    async def freeze(self, night: date, slots: Sequence[FrozenSlot], tasks: Sequence[NewTask], at: datetime) -> None:
        rows = [_slot_row(slot) for slot in slots]
        async with transaction(self._pool) as held:
            await held.execute("INSERT INTO assay_data.drift_nights (night, frozen_at) VALUES ($1, $2)", night, at)
            if rows:
                await held.execute(_SLOTS, night, *map(list, zip(*rows, strict=True)))
            await add_tasks(held, tasks, at)
            asked = [str(task.payload.get("anchor_id", "")) for task in tasks if task.kind == "anchor"]
            await held.execute(
                "UPDATE assay_data.anchors SET asked = $2 WHERE anchor_id = ANY ($1::text[])", asked, night
            )

    async def panels(self, night: date) -> list[PanelNight]:
        async with transaction(self._pool) as held:
            await held.execute(_LABEL_SLOTS, night)
            rows = await held.fetch(_PANELS, night)
        return [_panel(night, key, group) for key, group in groupby(rows, key=_segment)]

    async def anchor_grades(self, night: date) -> list[AnchorGrade]:
        async with connection(self._pool) as held:
            rows = await held.fetch("SELECT anchor_id, grade FROM assay_data.anchor_outcomes WHERE night = $1", night)
        return [AnchorGrade(row["anchor_id"], row["grade"]) for row in rows]

    async def state(self) -> DriftState:
        async with connection(self._pool) as held:
            rows = await held.fetch("SELECT state FROM assay_data.drift_states ORDER BY night DESC LIMIT 1")
        return msgspec.msgpack.decode(rows[0]["state"], type=DriftState) if rows else DriftState()

    async def close(self, closed: ClosedNight, at: datetime) -> None:
        state = msgspec.msgpack.encode(closed.state)
        async with transaction(self._pool) as held:
            for key, account in closed.accounts.items():
                await _keep_account(held, closed.night, key, account)
            for alert_id, alert in closed.alerts:
                segment = msgspec.structs.asdict(alert.segment)
                figures = (alert.cause, alert.metric, alert.before, alert.after, at, alert.status)
                await held.execute(_ALERTS, alert_id, segment, *figures, dict(alert.evidence))
            await held.execute(
                "INSERT INTO assay_data.drift_states (night, state) VALUES ($1, $2)", closed.night, state
            )
            await held.execute("UPDATE assay_data.drift_nights SET done_at = $2 WHERE night = $1", closed.night, at)
            await insert_events(held, closed.events)

    async def add_anchors(self, anchors: Sequence[Anchor], at: datetime) -> int:
        rows = [
            (a.anchor_id, a.application, a.market, a.language, a.query, encode_json(a.listing), a.human_grade)
            for a in anchors
        ]
        if not rows:
            return 0
        async with transaction(self._pool) as held:
            return len(await held.fetch(_ANCHORS, *map(list, zip(*rows, strict=True)), at))


def _slot_row(slot: FrozenSlot) -> tuple[object, ...]:
    return (
        slot.application,
        slot.market,
        slot.language,
        slot.engine,
        slot.volume_band,
        slot.query,
        slot.weight,
        slot.rank,
        slot.listing_id,
        slot.content_hash,
        slot.task_key,
    )


def _segment(row: asyncpg.Record) -> Segment:
    return Segment(application=row["application"], market=row["market"], engine=row["engine"])


def _panel(night: date, segment: Segment, rows: Iterable[asyncpg.Record]) -> PanelNight:
    held = list(rows)
    slots = tuple(
        PanelSlot(
            row["query"],
            row["rank"],
            row["listing_id"],
            row["content_hash"],
            row["grade"],
            row["label_key"],
            row["model_key"] or "",
        )
        for row in held
    )
    return PanelNight(segment, night, slots, {row["query"]: row["weight"] for row in held})


async def _keep_account(held: Connection, night: date, segment: str, account: NightAccount) -> None:
    figures = (account.gap, account.compared, account.replaced, account.edited, list(account.models))
    await held.execute(
        "INSERT INTO assay_data.night_accounts (night, segment, gap, compared, replaced, edited, models) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7)",
        night,
        segment,
        *figures,
    )
    await held.copy_records_to_table(
        "query_accounts",
        schema_name="assay_data",
        records=[(night, segment, *msgspec.structs.astuple(row)) for row in account.rows],
    )
