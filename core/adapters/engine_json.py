"""Any engine behind an API that answers with JSON: an address, perhaps a body, and two paths into the reply."""

from __future__ import annotations

import msgspec

from core.adapters.engine_config import JsonEngine
from core.adapters.engine_documents import hits_of, values_of
from core.adapters.engine_http import EngineHttp, EngineRequest
from core.domain.engines import DEEPEST, EngineHit, EngineQuery
from core.domain.templates import FROM, SIZE, TemplateError, at_path, filled, filled_url, names_in
from core.errors import EngineRefused


class JsonSearch:
    """`SearchEngine` over plain JSON. Without {{size}} the API's own page counts; without {{from}} it has one page."""

    def __init__(self, name: str, config: JsonEngine, http: EngineHttp) -> None:
        self.name = name
        self._config = config
        self._http = http
        self._names = names_in(config.url) | names_in(config.body)

    async def search(self, query: EngineQuery, size: int, offset: int) -> list[EngineHit]:
        """See `SearchEngine`."""
        if offset and not {FROM, SIZE} <= self._names:
            raise EngineRefused(f"{self.name}: its url and body have no {{{{from}}}} and {{{{size}}}}", "too_deep")
        if offset + size > DEEPEST:
            raise EngineRefused(f"{self.name}: ranks over {DEEPEST} are not asked for", "too_deep")
        reply = await self._http.json(self._request(query, size, offset), _any)
        documents = at_path(reply, self._config.hits)
        if not isinstance(documents, list):
            raise EngineRefused(f"{self.name}: the reply has no list at {self._config.hits!r}", "not_a_list")
        ids = [at_path(each, self._config.id) for each in documents]
        return hits_of(self.name, documents, ids, self._config.listing, query, offset)[:size]

    def _request(self, query: EngineQuery, size: int, offset: int) -> EngineRequest:
        values = values_of(query, self._config, size, offset)
        try:
            url = filled_url(self._config.url, values)
        except TemplateError as error:
            raise EngineRefused(f"{self.name}: {error}", "bad_query") from None
        body = self._config.body
        return EngineRequest(
            self._config.method, url, None if body is None else msgspec.json.encode(filled(body, values))
        )


def _any(reply: object) -> None:
    """Plain JSON has no word for a partial reply."""
