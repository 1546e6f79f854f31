"""The engines of the configuration, opened together and closed together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from core.adapters.engine_config import Engine, JsonEngine, SolrEngine, read_engines
from core.adapters.engine_http import EngineHttp
from core.adapters.engine_json import JsonSearch
from core.adapters.engine_measured import MeasuredEngine
from core.adapters.engine_opensearch import OpenSearch
from core.adapters.engine_solr import Solr
from core.engine_ports import SearchEngine
from core.errors import SettingsError
from core.ports import Clock
from core.settings import Settings
from core.telemetry import Metrics


@asynccontextmanager
async def open_engines(
    settings: Settings, names: Sequence[str], clock: Clock, metrics: Metrics
) -> AsyncIterator[list[SearchEngine]]:
    """The named engines in their order; SettingsError for one that is not configured."""
    if names and settings.engines is None:
        raise SettingsError(f"ASSAY_ENGINES is not set; it takes a file that says how to ask {names[0]}")
    known = read_engines(settings.engines).engines if settings.engines is not None else {}
    for name in names:
        if name not in known:
            raise SettingsError(f"ASSAY_ENGINES has no engine {name}; it has {', '.join(sorted(known)) or 'none'}")
    async with AsyncExitStack() as stack:
        engines: list[SearchEngine] = []
        for name in names:
            http = EngineHttp(name, known[name])
            stack.push_async_callback(http.aclose)
            engines.append(MeasuredEngine(engine_of(name, known[name], http), metrics, clock))
        yield engines


def engine_of(name: str, config: Engine, http: EngineHttp) -> SearchEngine:
    """The adapter of its kind."""
    if isinstance(config, SolrEngine):
        return Solr(name, config, http)
    if isinstance(config, JsonEngine):
        return JsonSearch(name, config, http)
    return OpenSearch(name, config, http)
