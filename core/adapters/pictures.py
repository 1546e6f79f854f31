"""Pictures by URL: the port `PictureHost` over HTTP, safe against whatever a seller's URL points to.

Every failure is a PictureError whose kind is the task's reason: docs/pictures.md, "Failures", has them all, with what
happened and whether it is tried again.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from weakref import WeakValueDictionary

import structlog
from aiohttp.abc import AbstractResolver

from core.adapters.picture_decode import Decoded, Limits, thumbnail
from core.adapters.picture_decoders import Decoder, ProcessDecoder, ThreadDecoder
from core.adapters.picture_http import PictureDownloader
from core.adapters.picture_names import SystemResolver
from core.adapters.picture_validators import NONE, Validators, usable
from core.errors import PictureError
from core.ports import Picture
from core.settings import Settings

log = structlog.get_logger(__name__)

THREADS_A_PLACE = 2
"""Names asked for at once, a picture under way: one that timed out leaves a thread behind for as long again."""

__all__ = ["HttpPictureSource", "ProcessDecoder", "ThreadDecoder", "limits_of", "thumbnail"]


def limits_of(settings: Settings) -> Limits:
    """The decoder's limits."""
    return Limits(
        max_pixels=settings.image_max_pixels,
        max_side=settings.image_max_side,
        embedding_model=str(settings.image_embedding_model or ""),
    )


class HttpPictureSource:
    """Port PictureHost. Make it inside the event loop, `async with`; it owns its decoder and connections.

    At most `image_in_flight` pictures are fetched at once, and half as many more held; one URL is fetched by one caller
    at a time.
    """

    def __init__(
        self, settings: Settings, decoder: Decoder | None = None, resolver: AbstractResolver | None = None
    ) -> None:
        self._decoder = decoder or ProcessDecoder(limits_of(settings))
        names = resolver or SystemResolver(settings.image_in_flight * THREADS_A_PLACE)
        self._downloader = PictureDownloader(settings, names)
        self._urls: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._told: set[str] = set()

    async def __aenter__(self) -> HttpPictureSource:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close connections and workers."""
        await self._downloader.close()
        await self._decoder.close()

    async def fetch(self, url: str) -> Picture:
        """Fetch, decode, measure, downscale; PictureError with a kind of that table."""
        picture = await self._fetched(url, NONE)
        if picture is None:
            raise PictureError("unchanged, although it was not asked", "http_unexpected", final=True)
        return picture

    async def fetch_changed(self, url: str, etag: str, last_modified: str) -> Picture | None:
        """As `fetch`, or None where the host says that the picture is the one of these validators."""
        return await self._fetched(url, usable(etag, last_modified))

    async def decoded(self, data: bytes) -> Picture:
        """A picture whose bytes are here, under the same limits; PictureError of those that the decoder has."""
        async with self._downloader.place():
            return picture_of(self._told_of(await self._decoder.decode(data)), len(data), NONE)

    async def _fetched(self, url: str, known: Validators) -> Picture | None:
        lock = self._urls.get(url)
        if lock is None:
            lock = self._urls[url] = asyncio.Lock()
        async with lock, self._downloader.downloaded(url, known) as body:
            if body is None:
                return None
            decoded = self._told_of(await self._decoder.decode(body.data))
            return picture_of(decoded, len(body.data), body.validators)

    def _told_of(self, decoded: Decoded) -> Decoded:
        """Logs the first time that a part can't be made, not each: a model that fails does so on every picture."""
        for part in decoded.lost.keys() - self._told:
            log.warning("picture.part_lost", part=part, why=decoded.lost[part], image_hash=decoded.image_hash)
            self._told.add(part)
        return decoded


def picture_of(decoded: Decoded, byte_size: int, validators: Validators) -> Picture:
    """What is handed on of a decoded picture."""
    return Picture(
        image_hash=decoded.image_hash,
        jpeg=decoded.jpeg,
        width=decoded.width,
        height=decoded.height,
        original_width=decoded.original_width,
        original_height=decoded.original_height,
        byte_size=byte_size,
        media_type=decoded.media_type,
        measures=decoded.measures,
        phash=decoded.phash,
        features=decoded.features,
        etag=validators.etag,
        last_modified=validators.last_modified,
        thumbnail=decoded.thumbnail,
    )
