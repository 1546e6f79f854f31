"""An engine whose lists are counted, by how they ended and how long they took."""

from __future__ import annotations

from core.domain.engines import EngineHit, EngineQuery
from core.engine_ports import SearchEngine
from core.errors import EngineRefused, RetryLater
from core.ports import Clock
from core.telemetry import Metrics


class MeasuredEngine:
    """Port `SearchEngine` around another one. `wall` is real time."""

    def __init__(self, inner: SearchEngine, metrics: Metrics, wall: Clock) -> None:
        self.name = inner.name
        self._inner = inner
        self._metrics = metrics
        self._wall = wall

    async def search(self, query: EngineQuery, size: int, offset: int) -> list[EngineHit]:
        """As the inner one."""
        start, status = self._wall.now(), "ok"
        try:
            return await self._inner.search(query, size, offset)
        except RetryLater:
            status = "away"
            raise
        except EngineRefused as error:
            status = error.kind
            raise
        finally:
            self._metrics.count("assay_engine_requests_total", engine=self.name, status=status)
            self._metrics.observe("assay_engine_seconds", (self._wall.now() - start).total_seconds(), engine=self.name)
