"""A picture source whose pictures are counted: fetched, or the reason why not."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from core.errors import PictureError
from core.ports import Picture, PictureHost
from core.telemetry import Metrics

Got = TypeVar("Got", Picture, Picture | None)


class MeasuredPictures:
    """Port `PictureHost` around another one."""

    def __init__(self, inner: PictureHost, metrics: Metrics) -> None:
        self._inner = inner
        self._metrics = metrics

    async def fetch(self, url: str) -> Picture:
        """As the inner one; PictureError's `kind` is the outcome."""
        picture = await self._counted(self._inner.fetch(url))
        self._metrics.count("assay_pictures_total", outcome="fetched")
        return picture

    async def fetch_changed(self, url: str, etag: str, last_modified: str) -> Picture | None:
        """As `fetch`; `unchanged` where nothing was sent."""
        picture = await self._counted(self._inner.fetch_changed(url, etag, last_modified))
        self._metrics.count("assay_pictures_total", outcome="unchanged" if picture is None else "fetched")
        return picture

    async def _counted(self, asked: Awaitable[Got]) -> Got:
        try:
            return await asked
        except PictureError as error:
            self._metrics.count("assay_pictures_total", outcome=error.kind)
            raise
