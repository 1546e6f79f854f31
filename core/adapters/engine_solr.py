"""Solr: `POST /solr/<collection>/select` with its parameters as a form, so that no query is too long for an address."""

from __future__ import annotations

from urllib.parse import urlencode

from core.adapters.engine_config import SolrEngine
from core.adapters.engine_documents import hits_of, values_of
from core.adapters.engine_http import EngineHttp, EngineRequest
from core.domain.engines import DEEPEST, EngineHit, EngineQuery
from core.domain.templates import TemplateError, at_path, filled_parameter, filled_url
from core.errors import EngineRefused, RetryLater


class Solr:
    """`SearchEngine` over a request handler that answers like `/select`, with `start` and `rows`.

    A reply that says `partialResults` (a time limit, a shard that is away) is no list of this engine.
    """

    def __init__(self, name: str, config: SolrEngine, http: EngineHttp) -> None:
        self.name = name
        self._config = config
        self._http = http

    async def search(self, query: EngineQuery, size: int, offset: int) -> list[EngineHit]:
        """See `SearchEngine`."""
        if offset + size > DEEPEST:
            raise EngineRefused(f"{self.name}: ranks over {DEEPEST} are not asked for", "too_deep")
        reply = await self._http.json(self._request(query, size, offset), self._whole)
        documents = at_path(reply, "response.docs")
        if not isinstance(documents, list):
            raise EngineRefused(f"{self.name}: the reply has no response.docs", "not_a_list")
        ids = [at_path(each, self._config.id_field) for each in documents]
        return hits_of(self.name, documents, ids, self._config.listing, query, offset)[:size]

    def _whole(self, reply: object) -> None:
        if at_path(reply, "responseHeader.partialResults") in (True, "omitted"):
            raise RetryLater(f"{self.name}: the reply is partial (a time limit, or a shard is away)")

    def _request(self, query: EngineQuery, size: int, offset: int) -> EngineRequest:
        values = values_of(query, self._config, size, offset)
        given = {name: filled_parameter(text, values) for name, text in self._config.params.items()}
        form = urlencode({**given, "start": offset, "rows": size, "wt": "json"})
        try:
            url = filled_url(self._config.url, values)
        except TemplateError as error:
            raise EngineRefused(f"{self.name}: {error}", "bad_query") from None
        return EngineRequest("POST", url, form.encode(), "application/x-www-form-urlencoded")
