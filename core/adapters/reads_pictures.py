"""Scores of pictures as the console's first page of them shows: distribution by segment, worst and best.

A listing's picture counts once, with its newest score; an index that holds all that is counted keeps a million of them
to one pass without the rows' texts (migration 0034).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg

from core.adapters.postgres import Connection
from core.adapters.reads_picture_failures import reasons
from core.adapters.reads_segments import segment_names
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

JUDGES = 30
"""Judge versions to choose from: years of them."""

SCORES = range(1, 11)
TIERS = ("llm", "student")

COMMON = 5_000
"""Pictures that a filter takes in from which the worst and best are found by walking from score to score: one picture
in two hundred of a million is met soon. Rarer ones are found by one more pass through the index that counts."""

VIEW = """s.event_id::text AS event_id, s.listing_id, l.title, coalesce(l.market, '') AS market,
    coalesce(l.category, '') AS category, s.image_url, s.image_hash, p.image_hash IS NOT NULL AS has_thumbnail, s.score,
    s.aspects, s.reasoning, s.flags, s.tier, s.spread, s.model, s.prompt_version, s.judge, s.judged_at,
    coalesce(s.call_id::text, '') AS call_id"""

VIEWED = """assay_data.image_scores AS s
LEFT JOIN assay_data.pictures AS p USING (image_hash)
LEFT JOIN assay_data.listings AS l USING (listing_id)"""

_COUNTED = ", ".join(
    [*(f"count(*) FILTER (WHERE score = {score}) AS s{score}" for score in SCORES)]
    + [f"count(*) FILTER (WHERE tier = '{tier}') AS {tier}" for tier in TIERS]
)
_SUMMED = ", ".join(
    f"sum({name})::bigint AS {name}" for name in ("pictures", *(f"s{score}" for score in SCORES), *TIERS)
)

_NEWEST = """
    SELECT DISTINCT ON (listing_id, image_url) listing_id, id, judged_at, score, tier, judge, flags
    FROM assay_data.image_scores WHERE judged_at > $1 ORDER BY listing_id, image_url, judged_at DESC, id DESC
"""

# A look-up a row, and never a join: the walk ends after a dozen rows.
_IS_NEWEST = """s.id = (
        SELECT newest.id FROM assay_data.image_scores AS newest
        WHERE newest.listing_id = s.listing_id AND newest.image_url = s.image_url
        ORDER BY newest.judged_at DESC, newest.id DESC LIMIT 1)"""

# Few carry a flag, and an index has those alone.
_NEWEST_FLAGGED = f"""
    SELECT listing_id, id, judged_at, score, tier, judge, flags FROM assay_data.image_scores AS s
    WHERE flags <> '{{}}' AND judged_at > $1 AND {_IS_NEWEST}
"""  # noqa: S608 - parts of this file alone

# Counts beside one another, not a row a score: the planner knows how many segments there are, and needs no sort.
_SEGMENTS = f"""
WITH newest AS ({{newest}}), segments AS (
    SELECT coalesce(l.market, '') AS market, coalesce(l.category, '') AS category, count(*) AS pictures, {_COUNTED}
    FROM newest AS s LEFT JOIN assay_data.listings AS l USING (listing_id) WHERE {{where}} GROUP BY 1, 2
)
(SELECT count(*) AS segments, NULL AS market, NULL AS category, {_SUMMED} FROM segments)
UNION ALL
(SELECT 0, segments.* FROM segments ORDER BY pictures DESC, market, category LIMIT {SEGMENTS})
"""  # noqa: S608 - parts of this file alone

# Each score's newest pictures by its own short walk through an index, so that no sort of all is needed.
_ENDS = f"""
SELECT found.id FROM unnest($2::int[]) WITH ORDINALITY AS wanted(score, place)
CROSS JOIN LATERAL (
    SELECT s.id, s.judged_at FROM assay_data.image_scores AS s {{join}}
    WHERE s.score = wanted.score AND s.judged_at > $1 AND {{where}} AND {_IS_NEWEST}
    ORDER BY s.judged_at DESC, s.id DESC LIMIT $3
) AS found
ORDER BY wanted.place, found.judged_at DESC, found.id DESC LIMIT $3
"""  # noqa: S608 - parts of this file alone

_RARE = """
WITH newest AS ({newest})
SELECT s.id, s.score FROM newest AS s {join} WHERE {where}
ORDER BY s.score, s.judged_at DESC, s.id DESC LIMIT $2
"""

_PICTURES = f"SELECT s.id, {VIEW} FROM {VIEWED} WHERE s.id = ANY($1::bigint[])"  # noqa: S608 - parts of this file alone

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
    return Asked(" AND ".join(clauses) or "true", join, told)


def counted(wanted: PictureFilter) -> tuple[str, Sequence[object]]:
    """The statement that counts, and what it is told after the moment of the window's start."""
    told = asked(wanted, 2)
    return _SEGMENTS.format(newest=_newest(wanted), where=told.where), told.told


def walked(wanted: PictureFilter) -> tuple[str, Sequence[object]]:
    """The statement that finds the worst or best of many, and what it is told after start, scores and limit."""
    told = asked(wanted, 4)
    return _ENDS.format(where=told.where, join=told.join), told.told


def passed(wanted: PictureFilter) -> tuple[str, Sequence[object]]:
    """The statement that finds all of few, worst first, and what it is told after start and limit."""
    told = asked(wanted, 3)
    return _RARE.format(newest=_newest(wanted), where=told.where, join=told.join), told.told


def _newest(wanted: PictureFilter) -> str:
    return _NEWEST_FLAGGED if wanted.flag else _NEWEST


async def report(connection: Connection, now: datetime, wanted: PictureFilter) -> PictureReport:
    """The whole page but its longer lists."""
    since = now - timedelta(days=wanted.days)
    whole, *segments = await _count(connection, since, wanted)
    scores = _distribution(whole)
    worst, best = await _ends(connection, since, wanted, ("worst", "best"), SHOWN_PICTURES, scores)
    names = await segment_names(connection)
    return PictureReport(
        wanted=wanted,
        scores=scores,
        tiers={tier: whole[tier] or 0 for tier in TIERS},
        waiting={row["kind"]: row["pictures"] for row in await connection.fetch(_WAITING)},
        segments=[SegmentScores(row["market"], row["category"], _distribution(row)) for row in segments],
        segments_in_all=whole["segments"],
        worst=await views(connection, worst),
        best=await views(connection, best),
        failures=await reasons(connection, since, wanted.market),
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
    whole = (await _count(connection, since, wanted))[0]
    (ids,) = await _ends(connection, since, wanted, (order,), last + 1, _distribution(whole))
    return await views(connection, ids[last - PAGE_PICTURES : last]), len(ids) > last and page < MAX_PAGES


async def _count(connection: Connection, since: datetime, wanted: PictureFilter) -> list[asyncpg.Record]:
    """The window in one, then its largest segments."""
    statement, told = counted(wanted)
    return list(await connection.fetch(statement, since, *told))


async def _ends(
    connection: Connection,
    since: datetime,
    wanted: PictureFilter,
    orders: Sequence[PictureOrder],
    most: int,
    of: Distribution,
) -> list[list[int]]:
    """The worst and the best, of equal ones the newest first: by one pass over few, or a walk each through many."""
    if of.pictures < COMMON:
        statement, told = passed(wanted)
        rows = await connection.fetch(statement, since, COMMON, *told)
        best = sorted(rows, key=lambda row: -int(row["score"]))
        return [[row["id"] for row in (rows if order == "worst" else best)[:most]] for order in orders]
    return [await _walk(connection, since, wanted, order, most, of) for order in orders]


async def _walk(
    connection: Connection, since: datetime, wanted: PictureFilter, order: PictureOrder, most: int, of: Distribution
) -> list[int]:
    """Only scores are looked at that are needed for so many."""
    statement, told = walked(wanted)
    return [row["id"] for row in await connection.fetch(statement, since, needed(of, order, most), most, *told)]


def needed(of: Distribution, order: PictureOrder, most: int) -> list[int]:
    """Scores that occur, from the worst or best on, until they make up so many pictures."""
    found, scores = 0, []
    for score in SCORES if order == "worst" else reversed(SCORES):
        if found < most and of.counts[score - 1]:
            scores.append(score)
            found += of.counts[score - 1]
    return scores


async def views(connection: Connection, ids: Sequence[int]) -> list[PictureView]:
    """Scores by id, in this order."""
    rows = {row["id"]: row for row in await connection.fetch(_PICTURES, ids)}
    return [view(rows[wanted]) for wanted in ids]


def view(row: asyncpg.Record) -> PictureView:
    """A row of `VIEW`."""
    return PictureView(**{name: value for name, value in row.items() if name != "id"})


def _distribution(row: asyncpg.Record) -> Distribution:
    return Distribution([row[f"s{score}"] or 0 for score in SCORES])
