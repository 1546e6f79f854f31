"""Pictures by URL: the port `PictureSource` over HTTP, safe against whatever a seller's URL points to.

Every failure is a PictureError; its kind is the task's reason:

| kind | what happened | then |
|---|---|---|
| `bad_url` | not http or https, no host, a user name in it, unreadable, over 4,096 characters | final |
| `address_refused` | a private, local, reserved or metadata address, or a port other than 80 and 443 | final |
| `redirect_limit` | more than 5 redirects | final |
| `bad_redirect` | a redirect without a readable target | final |
| `gone` | 404 or 410 | final |
| `http_4xx` | another 4xx | final; 408, 421, 425 retried |
| `http_unexpected` | a status that is neither an answer nor an error, such as a 304 without having been asked | final |
| `encoded_body` | a compressed body, although none was asked for: a decompression bomb is not opened | final |
| `too_large` | more bytes than `image_max_bytes`, announced or sent | final |
| `not_a_picture` | the bytes are no picture, whatever the server calls them | final |
| `unsupported_format` | SVG, TIFF, HEIC, icons and other formats no shop page shows everywhere | final |
| `too_many_pixels` | the header says more than `image_max_pixels` (or Pillow's own limit, 179 million) | final |
| `decode_memory` | decoding took more memory than a picture of that many pixels needs | final |
| `broken_picture` | truncated or damaged | final |
| `unresolved` | the name has no address, or DNS does not answer | retried |
| `connection` | refused, reset, cut short, bad TLS or bad HTTP | retried |
| `timeout` | all hops together took longer than `image_timeout_s`, a slow drip included | retried |
| `host_slow` | the last 4 fetches from the host timed out: it is left alone for 1 to 10 minutes, unasked | retried |
| `http_5xx` | the host's fault | retried |
| `rate_limited` | 429, or 503 with `Retry-After`; the host is left alone so long (`PictureHostBusy`) | retried |
| `decode_timeout`, `decoder_died` | the worker was ended, or ended itself | retried |
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

    At most `image_in_flight` pictures are held at once; one URL is fetched by one caller at a time.
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
        """Fetch, decode, measure, downscale; PictureError with a kind of the table above."""
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
    )
