"""A picture source whose pictures are counted: fetched, or the reason why not."""

from __future__ import annotations

from core.errors import PictureError
from core.ports import Picture, PictureSource
from core.telemetry import Metrics


class MeasuredPictures:
    """Port `PictureSource` around another one."""

    def __init__(self, inner: PictureSource, metrics: Metrics) -> None:
        self._inner = inner
        self._metrics = metrics

    async def fetch(self, url: str) -> Picture:
        """As the inner one; PictureError's `kind` is the outcome."""
        try:
            picture = await self._inner.fetch(url)
        except PictureError as error:
            self._metrics.count("assay_pictures_total", outcome=error.kind)
            raise
        self._metrics.count("assay_pictures_total", outcome="fetched")
        return picture
