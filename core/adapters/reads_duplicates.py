"""Pictures of several sellers that look alike: groups, each with its first picture and its copies."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby

import asyncpg

from core.adapters.postgres import Connection
from core.adapters.reads_segments import segment_names
from core.duplicate_models import DuplicateFilter, DuplicateGroup, DuplicateReport, SeenPicture

GROUPS_A_PAGE = 20
"""Each with its pictures side by side: a screen holds two or three."""

COPIES_A_GROUP = 6
"""Copies shown beside the first picture: a row; the group's own page has the others."""

COPIES_A_PAGE = 60
"""Copies on the page of one group."""

_GROUPS = """
SELECT g.phash, n.sellers, n.listings, n.pictures, n.markets, n.newest_at
FROM assay_data.phash_groups AS g
CROSS JOIN LATERAL (
    SELECT count(DISTINCT s.seller) AS sellers, count(DISTINCT s.listing_id) AS listings,
        count(DISTINCT s.image_hash) AS pictures, array_agg(DISTINCT s.market) AS markets,
        max(s.first_seen) AS newest_at, bool_or(s.seller = $3) AS has_seller
    FROM assay_data.phash_groups AS m JOIN assay_data.picture_sightings AS s ON s.phash = m.phash
    WHERE m.first_phash = g.first_phash
) AS n
WHERE g.crossed AND n.sellers > 1
    AND (CASE WHEN $4::bigint IS NULL THEN n.newest_at > $1 ELSE g.first_phash = $4 END)
    AND ($2 = '' OR $2 = ANY (n.markets)) AND ($3 = '' OR n.has_seller)
ORDER BY n.newest_at DESC, g.phash LIMIT $5 OFFSET $6
"""

_SHOWN = """
WITH sighted AS (
    SELECT m.first_phash, s.*
    FROM assay_data.phash_groups AS m JOIN assay_data.picture_sightings AS s ON s.phash = m.phash
    WHERE m.first_phash = ANY ($1::bigint[])
), firsts AS (
    SELECT DISTINCT ON (first_phash) * FROM sighted ORDER BY first_phash, first_seen, listing_id, image_url
), placed AS (
    SELECT s.*, f.phash AS of_phash, row_number() OVER copies AS place,
        count(*) OVER (PARTITION BY s.first_phash) AS n
    FROM sighted AS s JOIN firsts AS f USING (first_phash) WHERE s.seller <> f.seller
    WINDOW copies AS (PARTITION BY s.first_phash ORDER BY s.first_seen, s.listing_id, s.image_url)
), shown AS (
    SELECT *, phash AS of_phash, 0::bigint AS place, 0::bigint AS n FROM firsts
    UNION ALL
    SELECT * FROM placed WHERE place > $3 AND place <= $3 + $2
)
SELECT s.first_phash, s.place, s.n, s.listing_id, l.title, s.market, s.seller, s.image_url, s.image_hash,
    coalesce(octet_length(p.thumbnail) > 0, false) AS has_thumbnail, s.first_seen AS seen_at,
    assay_data.phash_distance(s.phash, s.of_phash) AS distance, coalesce(NOT l.deleted, false) AS on_sale
FROM shown AS s
JOIN assay_data.pictures AS p USING (image_hash)
LEFT JOIN assay_data.listings AS l USING (listing_id)
ORDER BY s.first_phash, s.place
"""


async def duplicates(held: Connection, now: datetime, wanted: DuplicateFilter) -> DuplicateReport:
    """A page of groups; of one group a page of its copies."""
    markets = sorted({market for market, _ in await segment_names(held)})
    if wanted.group and phash_of_id(wanted.group) is None:
        return DuplicateReport(wanted, (), more=False, markets=markets)
    found, more = await _groups(held, now, wanted)
    shown = await _shown(held, [row["phash"] for row in found], wanted)
    groups = [_group(row, shown[row["phash"]]) for row in found if row["phash"] in shown]
    if wanted.group:
        more = any(each.copies_in_all > wanted.page * COPIES_A_PAGE for each in groups)
    return DuplicateReport(wanted, groups, more, markets)


def phash_of_id(group_id: str) -> int | None:
    """The hash that a group is named for, which is written as `to_hex` does; None of what is none."""
    if not re.fullmatch(r"[0-9a-f]{1,16}", group_id):
        return None
    return int.from_bytes(int(group_id, 16).to_bytes(8), signed=True)


def id_of_phash(phash: int) -> str:
    """As PostgreSQL's `to_hex`."""
    return f"{int.from_bytes(phash.to_bytes(8, signed=True)):x}"


async def _groups(held: Connection, now: datetime, wanted: DuplicateFilter) -> tuple[Sequence[asyncpg.Record], bool]:
    since = now - timedelta(days=wanted.days)
    one = phash_of_id(wanted.group) if wanted.group else None
    skipped = 0 if wanted.group else (wanted.page - 1) * GROUPS_A_PAGE
    rows = await held.fetch(_GROUPS, since, wanted.market, wanted.seller, one, GROUPS_A_PAGE + 1, skipped)
    return rows[:GROUPS_A_PAGE], len(rows) > GROUPS_A_PAGE


async def _shown(
    held: Connection, hashes: Sequence[int], wanted: DuplicateFilter
) -> dict[int, Sequence[asyncpg.Record]]:
    """By group the rows of its first picture and of the copies that are shown."""
    most, skipped = (COPIES_A_PAGE, (wanted.page - 1) * COPIES_A_PAGE) if wanted.group else (COPIES_A_GROUP, 0)
    rows = await held.fetch(_SHOWN, hashes, most, skipped)
    return {phash: list(each) for phash, each in groupby(rows, key=lambda row: int(row["first_phash"]))}


def _group(row: asyncpg.Record, shown: Sequence[asyncpg.Record]) -> DuplicateGroup:
    first, *copies = shown
    return DuplicateGroup(
        group_id=id_of_phash(row["phash"]),
        sellers=row["sellers"],
        listings=row["listings"],
        pictures=row["pictures"],
        markets=row["markets"],
        newest_at=row["newest_at"],
        first=_seen(first),
        copies=[_seen(copy) for copy in copies],
        copies_in_all=copies[0]["n"] if copies else 0,
    )


def _seen(row: asyncpg.Record) -> SeenPicture:
    return SeenPicture(
        listing_id=row["listing_id"],
        title=row["title"],
        market=row["market"],
        seller=row["seller"],
        image_url=row["image_url"],
        image_hash=row["image_hash"],
        has_thumbnail=row["has_thumbnail"],
        seen_at=row["seen_at"],
        distance=row["distance"],
        on_sale=row["on_sale"],
    )
