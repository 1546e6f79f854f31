"""Scores of pictures as the console's first page of them shows: distribution by segment, worst and best.

A listing's picture counts once, with its newest score; an index that holds all that is counted keeps a million of them
to one pass without the rows' texts (migration 0034).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg

from core.adapters.postgres import Connection
from core.picture_models import (
    Distribution,
    PictureFilter,
    PictureOrder,
    PictureReport,
    PictureView,
    SegmentScores,
)

SHOWN_PICTURES = 12
"""Pictures in each grid: two rows on a wide screen, six on a phone."""

PAGE_PICTURES = 48
"""Pictures on a page of worst or best ones alone."""

MAX_PAGES = 20
"""Pages of worst or best: who looked at a thousand pictures filters instead."""

SEGMENTS = 200
"""Segments in the table: more nobody reads, and a seller may write any category."""

CHOICES = 300
"""Markets and categories to choose from in the filter."""

JUDGES = 30
"""Judge versions to choose from: years of them."""

SCORES = range(1, 11)

VIEW = """s.event_id::text AS event_id, s.listing_id, l.title, coalesce(l.market, '') AS market,
    coalesce(l.category, '') AS category, s.image_url, s.image_hash, p.image_hash IS NOT NULL AS has_thumbnail, s.score,
    s.aspects, s.reasoning, s.flags, s.tier, s.spread, s.model, s.prompt_version, s.judge, s.judged_at,
    coalesce(s.call_id::text, '') AS call_id"""

VIEWED = """assay_data.image_scores AS s
LEFT JOIN assay_data.pictures AS p USING (image_hash)
LEFT JOIN assay_data.listings AS l USING (listing_id)"""

_CELLS = """
WITH newest AS (
    SELECT DISTINCT ON (listing_id, image_url) listing_id, score, tier, judge, flags
    FROM assay_data.image_scores WHERE judged_at > $1 ORDER BY listing_id, image_url, judged_at DESC, id DESC
), cells AS (
    SELECT coalesce(l.market, '') AS market, coalesce(l.category, '') AS category, s.tier, s.score, count(*) AS pictures
    FROM newest AS s LEFT JOIN assay_data.listings AS l USING (listing_id) {where} GROUP BY 1, 2, 3, 4
), segments AS (
    SELECT market, category, row_number() OVER (ORDER BY sum(pictures) DESC, market, category) AS place,
        count(*) OVER () AS segments
    FROM cells GROUP BY market, category
)
SELECT CASE WHEN place <= {most} THEN place END AS place, max(segments) AS segments,
    CASE WHEN place <= {most} THEN market END AS market, CASE WHEN place <= {most} THEN category END AS category,
    tier, score, sum(cells.pictures)::bigint AS pictures
FROM cells JOIN segments USING (market, category) GROUP BY 1, 3, 4, tier, score ORDER BY 1 NULLS LAST
"""

# Each score's newest pictures by its own short walk through an index, so that no sort of all is needed.
_ENDS = """
SELECT found.id FROM unnest($2::int[]) WITH ORDINALITY AS wanted(score, place)
CROSS JOIN LATERAL (
    SELECT s.id, s.judged_at FROM assay_data.image_scores AS s {join}
    WHERE s.score = wanted.score AND s.judged_at > $1 {where} AND NOT EXISTS (
        SELECT 1 FROM assay_data.image_scores AS newer
        WHERE newer.listing_id = s.listing_id AND newer.image_url = s.image_url
            AND (newer.judged_at, newer.id) > (s.judged_at, s.id))
    ORDER BY s.judged_at DESC, s.id DESC LIMIT $3
) AS found
ORDER BY wanted.place, found.judged_at DESC, found.id DESC LIMIT $3
"""

_PICTURES = f"SELECT s.id, {VIEW} FROM {VIEWED} WHERE s.id = ANY($1::bigint[])"  # noqa: S608 - parts of this file alone

# From pair to pair through the index, so that a million listings are not read for a dozen names.
_SEGMENT_NAMES = """
WITH RECURSIVE found AS (
    (SELECT market, coalesce(category, '') AS category FROM assay_data.listings
     ORDER BY market, coalesce(category, '') LIMIT 1)
    UNION ALL
    SELECT following.* FROM found CROSS JOIN LATERAL (
        SELECT market, coalesce(category, '') FROM assay_data.listings AS l
        WHERE (l.market, coalesce(l.category, '')) > (found.market, found.category)
        ORDER BY market, coalesce(category, '') LIMIT 1) AS following
)
SELECT market, category FROM found LIMIT $1
"""

_JUDGES = "SELECT version FROM assay_data.judges ORDER BY added_at DESC, version LIMIT $1"

_WAITING = """
SELECT kind, count(*) AS pictures FROM assay_data.tasks
WHERE state IN ('waiting', 'running') AND kind IN ('image', 'image_label') GROUP BY kind
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """A filter as SQL: what it says of a score, what it needs beside it, and the values from parameter `first` on."""

    where: str
    join: str
    told: Sequence[object]


def asked(wanted: PictureFilter, first: int) -> Asked:
    """Only what is asked for stands in the statement, so that an index which fits it alone is used."""
    clauses, told = [], list[object]()
    for value, clause in (
        (wanted.market, "l.market = {}"),
        (wanted.category, "coalesce(l.category, '') = {}"),
        (wanted.tier, "s.tier = {}"),
        (wanted.judge, "s.judge = {}"),
        (wanted.flag, "s.flags <> '{{}}' AND {} = ANY(s.flags)"),
    ):
        if value:
            clauses.append(clause.format(f"${first + len(told)}"))
            told.append(value)
    of_listing = wanted.market or wanted.category
    join = "JOIN assay_data.listings AS l USING (listing_id)" if of_listing else ""
    return Asked(" AND ".join(clauses), join, told)


def counted(wanted: PictureFilter) -> tuple[str, Sequence[object]]:
    """The statement that counts, and what it is told after the moment of the window's start."""
    told = asked(wanted, 2)
    return _CELLS.format(where=f"WHERE {told.where}" if told.where else "", most=SEGMENTS), told.told


def ends(wanted: PictureFilter) -> tuple[str, Sequence[object]]:
    """The statement that finds the worst or best, and what it is told after start, scores and limit."""
    told = asked(wanted, 4)
    return _ENDS.format(where=f"AND {told.where}" if told.where else "", join=told.join), told.told


async def report(connection: Connection, now: datetime, wanted: PictureFilter) -> PictureReport:
    """The whole page but its longer lists."""
    since = now - timedelta(days=wanted.days)
    statement, told = counted(wanted)
    cells = await connection.fetch(statement, since, *told)
    names = await segment_names(connection)
    return PictureReport(
        wanted=wanted,
        scores=_distribution(cells),
        tiers=_by_tier(cells),
        waiting={row["kind"]: row["pictures"] for row in await connection.fetch(_WAITING)},
        segments=_segments(cells),
        segments_in_all=cells[0]["segments"] if cells else 0,
        worst=await pictures(connection, since, wanted, "worst", SHOWN_PICTURES),
        best=await pictures(connection, since, wanted, "best", SHOWN_PICTURES),
        markets=sorted({market for market, _ in names}),
        categories=sorted({category for _, category in names if category}),
        judges=[row["version"] for row in await connection.fetch(_JUDGES, JUDGES)],
    )


async def page_of(
    connection: Connection, now: datetime, wanted: PictureFilter, order: PictureOrder, page: int
) -> tuple[list[PictureView], bool]:
    """A page of the worst or best from 1, and whether another follows."""
    page = min(max(page, 1), MAX_PAGES)
    last = PAGE_PICTURES * page
    since = now - timedelta(days=wanted.days)
    ids = await _ids(connection, since, wanted, order, last + 1)
    return await views(connection, ids[last - PAGE_PICTURES : last]), len(ids) > last and page < MAX_PAGES


async def pictures(
    connection: Connection, since: datetime, wanted: PictureFilter, order: PictureOrder, most: int
) -> list[PictureView]:
    """The worst or best, of equal ones the newest first."""
    return await views(connection, await _ids(connection, since, wanted, order, most))


async def _ids(
    connection: Connection, since: datetime, wanted: PictureFilter, order: PictureOrder, most: int
) -> list[int]:
    statement, told = ends(wanted)
    scores = list(SCORES) if order == "worst" else list(reversed(SCORES))
    return [row["id"] for row in await connection.fetch(statement, since, scores, most, *told)]


async def views(connection: Connection, ids: Sequence[int]) -> list[PictureView]:
    """Scores by id, in this order."""
    rows = {row["id"]: row for row in await connection.fetch(_PICTURES, ids)}
    return [view(rows[wanted]) for wanted in ids]


def view(row: asyncpg.Record) -> PictureView:
    """A row of `VIEW`."""
    return PictureView(**{name: value for name, value in row.items() if name != "id"})


async def segment_names(connection: Connection) -> list[tuple[str, str]]:
    """Markets and categories of the catalogue."""
    return [(row["market"], row["category"]) for row in await connection.fetch(_SEGMENT_NAMES, CHOICES)]


def _distribution(cells: Sequence[asyncpg.Record]) -> Distribution:
    return Distribution([sum(cell["pictures"] for cell in cells if cell["score"] == score) for score in SCORES])


def _by_tier(cells: Sequence[asyncpg.Record]) -> Mapping[str, int]:
    tiers = sorted({cell["tier"] for cell in cells})
    return {tier: sum(cell["pictures"] for cell in cells if cell["tier"] == tier) for tier in tiers}


def _segments(cells: Sequence[asyncpg.Record]) -> list[SegmentScores]:
    """The largest ones, largest first; what is left over has no place."""
    places: dict[int, list[asyncpg.Record]] = {}
    for cell in cells:
        if cell["place"] is not None:
            places.setdefault(cell["place"], []).append(cell)
    return [
        SegmentScores(found[0]["market"], found[0]["category"], _distribution(found))
        for _, found in sorted(places.items())
    ]
