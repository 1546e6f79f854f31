"""OpenSearch and Elasticsearch: `POST <index>/_search`, the same request and reply in both."""

from __future__ import annotations

import msgspec

from core.adapters.engine_config import OpenSearchEngine
from core.adapters.engine_documents import hits_of, values_of
from core.adapters.engine_http import EngineHttp, EngineRequest
from core.domain.engines import DEEPEST, EngineHit, EngineQuery
from core.domain.templates import FROM, TemplateError, at_path, filled, filled_url, names_in
from core.errors import EngineRefused, RetryLater


class OpenSearch:
    """`SearchEngine` over `_search` with `from` and `size`.

    A reply of some shards alone (`timed_out`, `_shards.failed`) is no list of this engine: it counts as away.
    """

    def __init__(self, name: str, config: OpenSearchEngine, http: EngineHttp) -> None:
        self.name = name
        self._config = config
        self._http = http
        self._pages = FROM in names_in(config.template) | names_in(config.url)

    async def search(self, query: EngineQuery, size: int, offset: int) -> list[EngineHit]:
        """See `SearchEngine`."""
        if offset + size > DEEPEST or (offset and not self._pages):
            why = f"ranks over {DEEPEST} can't be asked for" if self._pages else "its template has no {{from}}"
            raise EngineRefused(f"{self.name}: {why}", "too_deep")
        reply = await self._http.json(self._request(query, size, offset), self._whole)
        documents = at_path(reply, "hits.hits")
        if not isinstance(documents, list):
            raise EngineRefused(f"{self.name}: the reply has no hits.hits", "not_a_list")
        ids = [at_path(each, self._config.id_field) for each in documents]
        sources = [at_path(each, "_source") for each in documents]
        return hits_of(self.name, sources, ids, self._config.listing, query, offset)[:size]

    def _whole(self, reply: object) -> None:
        if at_path(reply, "timed_out") is True or at_path(reply, "_shards.failed") not in (0, None):
            raise RetryLater(f"{self.name}: the reply is partial (timed out, or shards failed)")

    def _request(self, query: EngineQuery, size: int, offset: int) -> EngineRequest:
        values = values_of(query, self._config, size, offset)
        try:
            url = filled_url(self._config.url, values)
        except TemplateError as error:
            raise EngineRefused(f"{self.name}: {error}", "bad_query") from None
        return EngineRequest("POST", url, msgspec.json.encode(filled(self._config.template, values)))
