"""What is kept of a picture: hash, size, measures, a thumbnail, and the URLs it was seen under."""

from __future__ import annotations

from datetime import datetime

from core.adapters.postgres import Pool, encode_json, transaction
from core.ports import Picture

_PICTURE = """
INSERT INTO assay_data.pictures (image_hash, media_type, width, height, byte_size, measures, thumbnail, first_seen)
VALUES ($1, $2, $3, $4, $5, $6::text::jsonb, $7, $8)
ON CONFLICT (image_hash) DO NOTHING
"""

_URL = """
INSERT INTO assay_data.picture_urls AS u (url, image_hash, fetched_at) VALUES ($1, $2, $3)
ON CONFLICT (url) DO UPDATE SET image_hash = excluded.image_hash, fetched_at = excluded.fetched_at
WHERE excluded.fetched_at >= u.fetched_at
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
            )
            await held.execute(_URL, url, picture.image_hash, at)
