"""What is kept of a picture: hash, size, measures, a thumbnail, and the URLs it was seen under."""

from __future__ import annotations

from datetime import datetime

from core.adapters.postgres import Pool, connection, encode_json, transaction
from core.ports import Picture, SeenPicture

_PICTURE = """
INSERT INTO assay_data.pictures AS p
    (image_hash, media_type, width, height, byte_size, measures, thumbnail, first_seen, phash)
VALUES ($1, $2, $3, $4, $5, $6::text::jsonb, $7, $8, $9)
ON CONFLICT (image_hash) DO UPDATE SET phash = excluded.phash, measures = excluded.measures
WHERE p.phash IS DISTINCT FROM excluded.phash
"""

_URL = """
INSERT INTO assay_data.picture_urls AS u (url, image_hash, fetched_at, etag, last_modified) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (url) DO UPDATE SET image_hash = excluded.image_hash, fetched_at = excluded.fetched_at,
    etag = excluded.etag, last_modified = excluded.last_modified
WHERE excluded.fetched_at >= u.fetched_at
"""

_FEATURES = """
INSERT INTO assay_data.picture_features (image_hash, extractor, features)
SELECT $1, * FROM unnest($2::text[], $3::bytea[]) ON CONFLICT DO NOTHING
"""

_SEEN = """
SELECT p.image_hash, p.measures, p.phash, u.etag, u.last_modified, u.fetched_at,
    array_agg(f.extractor) FILTER (WHERE f.extractor IS NOT NULL) AS extractors,
    array_agg(f.features) FILTER (WHERE f.extractor IS NOT NULL) AS features
FROM assay_data.picture_urls AS u
JOIN assay_data.pictures AS p USING (image_hash)
LEFT JOIN assay_data.picture_features AS f USING (image_hash)
WHERE u.url = $1
GROUP BY p.image_hash, u.url
"""


class PostgresPictures:
    """`PictureStore`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def save_picture(self, url: str, picture: Picture, thumbnail: bytes, at: datetime) -> None:
        """Store once per hash, with the size of the original; the URL shows what it gave last."""
        async with transaction(self._pool) as held:
            await held.execute(
                _PICTURE,
                picture.image_hash,
                picture.media_type,
                picture.original_width,
                picture.original_height,
                picture.byte_size,
                encode_json(picture.measures),
                thumbnail,
                at,
                picture.phash,
            )
            await held.execute(_URL, url, picture.image_hash, at, picture.etag, picture.last_modified)
            if picture.features:
                await held.execute(
                    _FEATURES, picture.image_hash, list(picture.features), list(picture.features.values())
                )

    async def seen(self, url: str) -> SeenPicture | None:
        """By its newest fetch."""
        async with connection(self._pool) as held:
            row = await held.fetchrow(_SEEN, url)
        if row is None:
            return None
        return SeenPicture(
            image_hash=row["image_hash"],
            measures=row["measures"],
            phash=row["phash"],
            features=dict(zip(row["extractors"] or (), row["features"] or (), strict=True)),
            etag=row["etag"],
            last_modified=row["last_modified"],
            fetched_at=row["fetched_at"],
        )
