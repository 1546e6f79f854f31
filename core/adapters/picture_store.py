"""What is kept of a picture: hash, size, measures, a thumbnail, and the URLs it was seen under."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import asyncpg

from core.adapters.postgres import Pool, connection, encode_json
from core.adapters.together import Together
from core.ports import Picture, SeenPicture

_SAVE = """
WITH shown AS (
    INSERT INTO assay_data.pictures AS p
        (image_hash, media_type, width, height, byte_size, measures, thumbnail, first_seen, phash)
    SELECT image_hash, media_type, width, height, byte_size, measures::jsonb, thumbnail, first_seen, phash
    FROM unnest($1::text[], $2::text[], $3::int[], $4::int[], $5::int[], $6::text[], $7::bytea[], $8::timestamptz[],
        $9::bigint[])
        AS a (image_hash, media_type, width, height, byte_size, measures, thumbnail, first_seen, phash)
    ON CONFLICT (image_hash) DO UPDATE SET phash = excluded.phash, measures = excluded.measures
    WHERE p.phash IS DISTINCT FROM excluded.phash
), urls AS (
    INSERT INTO assay_data.picture_urls AS u (url, image_hash, fetched_at, etag, last_modified)
    SELECT * FROM unnest($10::text[], $11::text[], $12::timestamptz[], $13::text[], $14::text[])
    ON CONFLICT (url) DO UPDATE SET image_hash = excluded.image_hash, fetched_at = excluded.fetched_at,
        etag = excluded.etag, last_modified = excluded.last_modified
    WHERE excluded.fetched_at >= u.fetched_at
)
INSERT INTO assay_data.picture_features (image_hash, extractor, features)
SELECT * FROM unnest($15::text[], $16::text[], $17::bytea[]) ON CONFLICT DO NOTHING
"""
"""One statement, which is its own transaction: in several, each picture would wait for five answers."""

_UNCHANGED = """
WITH told AS (
    SELECT url, image_hash, max(at) AS at
    FROM unnest($1::text[], $2::text[], $3::timestamptz[]) AS a (url, image_hash, at) GROUP BY url, image_hash
), held AS MATERIALIZED (
    SELECT url, image_hash, at FROM assay_data.picture_urls AS u JOIN told AS t USING (url, image_hash)
    WHERE u.fetched_at < t.at ORDER BY url FOR UPDATE OF u
)
UPDATE assay_data.picture_urls AS u SET fetched_at = h.at
FROM held AS h WHERE u.url = h.url AND u.image_hash = h.image_hash
"""
"""Rows are held in the order of their keys first, so that two replicas can't wait for each other."""

_SEEN = """
SELECT u.url, p.image_hash, p.measures, p.phash, u.etag, u.last_modified, u.fetched_at, f.extractors, f.features
FROM assay_data.picture_urls AS u
JOIN assay_data.pictures AS p USING (image_hash)
LEFT JOIN LATERAL (
    SELECT array_agg(extractor) AS extractors, array_agg(features) AS features
    FROM assay_data.picture_features WHERE image_hash = p.image_hash
) AS f ON true
WHERE u.url = ANY ($1::text[])
"""

SAVES = 50
"""Pictures of one transaction: their thumbnails and features are half a megabyte, 20 ms of PostgreSQL."""

READS = 100
"""Addresses of one statement: each is two looks at an index, and 10 kB of features."""

_Row = tuple[object, ...]


_Told = tuple[str, str, datetime]
"""URL, hash, and when the host said that it is this one."""


class _Kept(NamedTuple):
    url: str
    picture: Picture
    thumbnail: bytes
    at: datetime


class PostgresPictures:
    """`PictureStore`. What many want at one moment is one statement, and one transaction where it writes."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._kept: Together[_Kept, None] = Together(self._save, SAVES)
        self._confirmed: Together[_Told, None] = Together(self._confirm, READS)
        self._found: Together[str, SeenPicture | None] = Together(self._look, READS)

    async def save_picture(self, url: str, picture: Picture, thumbnail: bytes, at: datetime) -> None:
        """Store once per hash, with the size of the original; the URL shows what it gave last."""
        await self._kept(_Kept(url, picture, thumbnail, at))

    async def _save(self, many: Sequence[_Kept]) -> list[None]:
        """Rows in the order of their keys, so that two replicas can't wait for each other."""
        oldest_first = sorted(many, key=lambda kept: kept.at)
        pictures = {kept.picture.image_hash: _picture_row(kept) for kept in oldest_first}
        urls = {kept.url: _url_row(kept) for kept in oldest_first}
        features = sorted({row[:2]: row for kept in many for row in _feature_rows(kept.picture)}.values())
        columns = (
            *zip(*(pictures[key] for key in sorted(pictures)), strict=True),
            *zip(*(urls[key] for key in sorted(urls)), strict=True),
            *(zip(*features, strict=True) if features else ((), (), ())),
        )
        async with connection(self._pool) as held:
            await held.execute(_SAVE, *map(list, columns))
        return [None] * len(many)

    async def unchanged(self, url: str, image_hash: str, at: datetime) -> None:
        """Nothing where the URL shows another picture by now."""
        await self._confirmed((url, image_hash, at))

    async def _confirm(self, told: Sequence[_Told]) -> list[None]:
        async with connection(self._pool) as held:
            await held.execute(_UNCHANGED, *map(list, zip(*told, strict=True)))
        return [None] * len(told)

    async def seen(self, url: str) -> SeenPicture | None:
        """By its newest fetch."""
        return await self._found(url)

    async def _look(self, urls: Sequence[str]) -> list[SeenPicture | None]:
        async with connection(self._pool) as held:
            found = {row["url"]: _seen(row) for row in await held.fetch(_SEEN, list(set(urls)))}
        return [found.get(url) for url in urls]


def _seen(row: asyncpg.Record) -> SeenPicture:
    return SeenPicture(
        image_hash=row["image_hash"],
        measures=row["measures"],
        phash=row["phash"],
        features=dict(zip(row["extractors"] or (), row["features"] or (), strict=True)),
        etag=row["etag"],
        last_modified=row["last_modified"],
        fetched_at=row["fetched_at"],
    )


def _picture_row(kept: _Kept) -> _Row:
    picture = kept.picture
    return (
        picture.image_hash,
        picture.media_type,
        picture.original_width,
        picture.original_height,
        picture.byte_size,
        encode_json(picture.measures),
        kept.thumbnail,
        kept.at,
        picture.phash,
    )


def _url_row(kept: _Kept) -> _Row:
    return (kept.url, kept.picture.image_hash, kept.at, kept.picture.etag, kept.picture.last_modified)


def _feature_rows(picture: Picture) -> list[tuple[str, str, bytes]]:
    return [(picture.image_hash, extractor, features) for extractor, features in sorted(picture.features.items())]
