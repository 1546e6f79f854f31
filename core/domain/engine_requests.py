"""A line of the file that `assay engines compare` reads: a query and its context."""

from __future__ import annotations

from core.domain.engines import Candidate, EngineQuery
from core.domain.fields import (
    MAX_NAME_CHARS,
    MAX_USER_QUERY_CHARS,
    BadFieldError,
    Unusable,
    integer,
    obj,
    parsed_object,
    text,
)
from core.domain.normalise import normalised_query
from core.domain.search_log import DEFAULT_APPLICATION, DEFAULT_MARKET


def candidate_of(line: bytes) -> Candidate | Unusable:
    """The query in a JSON line (`query`; `market`, `language`, `application`, `searches`, `engine`, `filters` where
    they are known), or why there is none."""
    record = parsed_object(line)
    if isinstance(record, Unusable):
        return record
    try:
        query = normalised_query(text(record, "query", MAX_USER_QUERY_CHARS) or "")
        if not query:
            return Unusable("no_query", "query is absent or empty")
        return Candidate(
            EngineQuery(
                text(record, "application", MAX_NAME_CHARS) or DEFAULT_APPLICATION,
                text(record, "market", MAX_NAME_CHARS) or DEFAULT_MARKET,
                text(record, "language", MAX_NAME_CHARS) or "",
                query,
            ),
            integer(record, "searches") or 0,
            text(record, "engine", MAX_NAME_CHARS) or "",
            {name: str(value) for name, value in obj(record, "filters").items()},
        )
    except BadFieldError as error:
        return Unusable("bad_field", str(error))
