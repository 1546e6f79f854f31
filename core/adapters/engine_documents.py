"""From an engine's documents to hits: the id, and the listing where the configuration says how to read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.adapters.engine_config import JsonEngine, OpenSearchEngine, SolrEngine
from core.domain.engines import EngineHit, EngineQuery, ranked
from core.domain.fields import MAX_ID_CHARS
from core.domain.templates import Values, at_path
from core.errors import EngineRefused

Config = OpenSearchEngine | SolrEngine | JsonEngine

_IDS = (str, int)


def values_of(query: EngineQuery, config: Config, size: int, offset: int) -> Values:
    """What the placeholders stand for."""
    return {
        "query": query.text,
        "market": config.markets.get(query.market, query.market),
        "language": query.language,
        "application": query.application,
        "size": size,
        "from": offset,
    }


def hits_of(
    name: str, documents: object, ids: Sequence[object], told: Mapping[str, str], query: EngineQuery, offset: int
) -> list[EngineHit]:
    """The hits of a page. `ids` belong to `documents`, a list, in their order; `told` says where a listing's fields
    stand in a document. An engine whose ids are no ids is refused: a list with gaps is not its list."""
    if not isinstance(documents, list) or len(documents) != len(ids):
        raise EngineRefused(f"{name}: the results are not a list", "not_a_list")
    pairs = []
    for found, document in zip(ids, documents, strict=True):
        listing_id = str(found) if isinstance(found, _IDS) and not isinstance(found, bool) else ""
        if not listing_id or len(listing_id) > MAX_ID_CHARS or "\0" in listing_id:
            raise EngineRefused(f"{name}: a result without a usable id", "no_id")
        pairs.append((listing_id, listing_of(listing_id, document, told, query) if told else None))
    return ranked(pairs, offset)


def listing_of(listing_id: str, document: object, told: Mapping[str, str], query: EngineQuery) -> dict[str, object]:
    """The document as a record of the topic `listings` (CONTRACT 2); whether it is a usable one is not said here."""
    found = {field: at_path(document, path) for field, path in told.items()}
    given = {field: value for field, value in found.items() if value not in (None, "")}
    record: dict[str, object] = {field: value for field, value in given.items() if "." not in field}
    price = {field.partition(".")[2]: value for field, value in given.items() if "." in field}
    images = record.get("image_urls")
    attributes = record.get("attributes")
    if price:
        record["price"] = price
    if isinstance(images, str):
        record["image_urls"] = [images]
    if isinstance(attributes, dict):
        record["attributes"] = {str(name): _text(value) for name, value in attributes.items() if value is not None}
    return {"listing_id": listing_id, "market": query.market, **record}


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
