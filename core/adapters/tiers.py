"""The tiers in PostgreSQL: port `TierStore`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from core.adapters import tiers_sql as sql
from core.adapters.postgres import Connection, Pool, connection, encode_json, transaction
from core.domain.evaluation.checks.report import Flagged, TierReport
from core.domain.evaluation.items import DatasetKind
from core.domain.guidelines import read_context
from core.domain.judging import GuidelineReply
from core.domain.listings import ListingRecord, listing_of
from core.domain.task_keys import query_group
from core.tier_ports import Critique, LiveJudgement, ReviewedGrade

_NO_TIME = 1_767_225_600_000
"""Stands where a listing that a task brought gives no time, in milliseconds: it is no part of what is judged."""

Pair = tuple[str, str, str, str]
"""Application, market, query and listing."""


class PostgresTiers:
    """Over a pool made by `open_pool`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def critiques(self, keys: Sequence[str]) -> Mapping[str, Critique]:
        """Those there are, by key."""
        async with connection(self._pool) as held:
            rows = await held.fetch(sql.CRITIQUES, list(keys))
        return {row["key"]: Critique(**row) for row in rows}

    async def save_critiques(self, critiques: Sequence[Critique]) -> None:
        """A known key stays as it is."""
        rows = [
            (
                each.key,
                each.grade,
                each.reason_holds,
                each.why.replace("\x00", ""),
                each.model,
                each.prompt_version,
                each.call_id,
                each.made_at,
            )
            for each in sorted(critiques, key=lambda each: each.key)
        ]
        if rows:
            async with connection(self._pool) as held:
                await held.execute(sql.SAVE_CRITIQUES, *(list(column) for column in zip(*rows, strict=True)))

    async def guidelines(self, versions: Sequence[str]) -> Mapping[str, GuidelineReply]:
        """Bodies by version: a version is a hash of what its guideline says and for what."""
        async with connection(self._pool) as held:
            rows = await held.fetch(sql.GUIDELINES, sorted(set(versions)))
        return {row["version"]: GuidelineReply.model_validate(row["body"]) for row in rows}

    async def reviewed(self, content_keys: Sequence[str]) -> Mapping[str, ReviewedGrade]:
        """The decision, else the middle of the blind answers, the lower of two."""
        async with connection(self._pool) as held:
            rows = await held.fetch(sql.REVIEWED, sorted(set(content_keys)))
        graded = {row["content_key"]: (_first(row["decided"], row["middle"]), row["probability"]) for row in rows}
        return {key: ReviewedGrade(grade, chance) for key, (grade, chance) in graded.items() if grade is not None}

    async def live(self, kind: DatasetKind, start: datetime, end: datetime, limit: int) -> Sequence[LiveJudgement]:
        """Oldest first. A listing is the catalogue's where that still is what was judged, else the one its task
        brought."""
        async with connection(self._pool) as held:
            statement = sql.LIVE_SCORES if kind == "image" else sql.LIVE_LABELS
            rows = await held.fetch(statement, start, end, limit)
            brought = await _brought(held, [row for row in rows if row["title"] is None and kind != "image"])
        return [_live(kind, row, brought) for row in rows]

    async def save(self, report: TierReport, flagged: Sequence[Flagged]) -> None:
        """Both in one transaction."""
        rows = [_flagged_row(each) for each in flagged]
        async with transaction(self._pool) as held:
            await held.execute(sql.SAVE_REPORT, *_report_row(report))
            if rows:
                columns = (list(column) for column in zip(*rows, strict=True))
                await held.execute(sql.SAVE_FLAGGED, report.report_id, *columns)

    async def reports(self, subject: str) -> Sequence[TierReport]:
        """The newest of each judge."""
        async with connection(self._pool) as held:
            return [_report(row) for row in await held.fetch(sql.REPORTS, subject)]

    async def subjects(self, limit: int) -> Sequence[TierReport]:
        """Newest first."""
        async with connection(self._pool) as held:
            return [_report(row) for row in await held.fetch(sql.NEWEST, limit)]

    async def report(self, report_id: UUID) -> TierReport | None:
        """One; None where there is none."""
        async with connection(self._pool) as held:
            row = await held.fetchrow(sql.ONE, report_id)
        return None if row is None else _report(row)

    async def flagged(self, report_id: UUID, limit: int) -> Sequence[Flagged]:
        """In the report's order."""
        async with connection(self._pool) as held:
            rows = await held.fetch(sql.FLAGGED, report_id, limit)
        return [msgspec.convert(dict(row), Flagged) for row in rows]


def _first(*grades: int | None) -> int | None:
    return next((grade for grade in grades if grade is not None), None)


async def _brought(held: Connection, rows: Sequence[asyncpg.Record]) -> Mapping[Pair, Mapping[str, object]]:
    if not rows:
        return {}
    groups = {query_group(row["application"], row["market"], row["query"], row["context"]) for row in rows}
    found = await held.fetch(sql.BROUGHT, sorted(groups))
    return {_pair(row): row["listing"] for row in found}


def _pair(row: asyncpg.Record) -> Pair:
    return row["application"], row["market"], row["query"], row["listing_id"]


def _live(kind: DatasetKind, row: asyncpg.Record, brought: Mapping[Pair, Mapping[str, object]]) -> LiveJudgement:
    same = ("event_id", "content_key", "judge", "application", "market", "language", "query", "listing_id", "grade")
    more = ("confidence", "reasoning", "verdicts", "aspects", "mode", "image_url", "image_hash")
    return LiveJudgement(
        kind=kind,
        context=read_context(row["context"]),
        listing=_listing(row) if row["title"] is not None else _as_judged(row, brought.get(_pair(row))),
        guideline=GuidelineReply.model_validate(row["body"]) if row["body"] is not None else None,
        **{name: row[name] for name in (*same, *more)},
    )


def _listing(row: asyncpg.Record) -> Mapping[str, object]:
    """In the shape of the topic `listings`."""
    price = {"amount": row["price_amount"], "currency": row["price_currency"]}
    texts = {name: row[name] for name in ("listing_id", "title", "description", "brand", "category", "attributes")}
    told = {**texts, "market": row["market"], "language": row["told_in"]}
    return told | ({"price": price} if row["price_amount"] is not None else {})


def _as_judged(row: asyncpg.Record, listing: Mapping[str, object] | None) -> Mapping[str, object] | None:
    """The listing that a task brought, if it is the one that was judged and no later one."""
    if listing is None:
        return None
    told = {name: value for name, value in listing.items() if value is not None}
    usual = {"timestamp": _NO_TIME, "market": row["market"], "listing_id": row["listing_id"]}
    record = listing_of({**usual, **told, "event": "new"}, -1)
    same = isinstance(record, ListingRecord) and record.content_hash == row["content_hash"]
    return listing if same else None


def _report_row(report: TierReport) -> tuple[object, ...]:
    return (
        report.report_id,
        report.subject,
        report.told,
        report.kind,
        report.judge,
        report.items,
        *(msgspec.to_builtins(each) for each in (report.tiers, report.checks, report.habits)),
        report.critic,
        report.critic_prompt,
        report.share,
        report.cost_usd,
        report.complete,
        report.made_at,
        report.unchecked,
    )


def _report(row: asyncpg.Record) -> TierReport:
    return msgspec.convert(dict(row), TierReport)


def _flagged_row(each: Flagged) -> tuple[object, ...]:
    return (
        each.key,
        each.item_id,
        each.query,
        each.listing_id,
        each.title,
        each.grade,
        each.reasoning.replace("\x00", ""),
        encode_json(each.findings),
        each.better,
        each.why,
        each.people,
    )
