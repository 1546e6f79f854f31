"""A record of the topic `search-log`: from bytes to a checked record, or to the reason why not (CONTRACT 2).

The fast path is msgspec's typed decoder. It is trusted only where it can't be wrong: whole-value checks send
everything with an odd escape, bad UTF-8, deep nesting or an unexpected type to the slow path, which decides.
"""

from __future__ import annotations

from typing import Annotated, TypeGuard

import msgspec
from msgspec import Meta

from core.domain import strict_json
from core.domain.fields import (
    MAX_ID_CHARS,
    MAX_NAME_CHARS,
    MAX_USER_QUERY_CHARS,
    MAX_VALUE_BYTES,
    BadFieldError,
    Object,
    Unusable,
    checked_timestamp,
    id_list,
    identifier,
    integer,
    kept_text,
    obj,
    parsed_object,
    text,
)
from core.domain.normalise import normalised_query
from core.domain.timestamps import AHEAD_MS, FIRST_MS, LAST_MS, milliseconds_of_text

DEFAULT_APPLICATION = "default"
DEFAULT_MARKET = "default"

_IdText = Annotated[str, Meta(max_length=MAX_ID_CHARS)]
_HitText = Annotated[str, Meta(min_length=1, max_length=MAX_ID_CHARS)]
_IdNumber = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
"""So bounded an integer has fewer digits than an id may have; the slow path takes the rest."""
_Id = _IdText | _IdNumber | None
_Name = Annotated[str, Meta(max_length=MAX_NAME_CHARS)] | None
_Query = Annotated[str, Meta(max_length=MAX_USER_QUERY_CHARS)] | None


class SearchLogRecord(msgspec.Struct, frozen=True, gc=False):
    """A usable record: of a query, with what was asked and shown, or of an event, with its action."""

    application: str
    identity: str
    timestamp: int
    """Milliseconds since 1970."""
    query_id: str | None
    action: str | None
    query: str | None = None
    """The normalised query of a query record, None on an event record. What follows is of query records only."""
    market: str = DEFAULT_MARKET
    language: str | None = None
    engine: str | None = None
    hits: list[str] | None = None


class _Object(msgspec.Struct, gc=False):
    object_id: _Id = None


class _Position(msgspec.Struct, gc=False):
    ordinal: int | None = None


class _EventAttributes(msgspec.Struct, gc=False):
    session_id: _Id = None
    object: _Object | None = None
    position: _Position | None = None


class _QueryAttributes(msgspec.Struct, gc=False):
    market: _Name = None
    language: _Name = None
    engine: _Name = None


class _Wire(msgspec.Struct, gc=False):
    """The fields that are read. Limits are the decoder's business: what breaks one goes to the slow path."""

    application: _Name = None
    client_id: _Id = None
    session_id: _Id = None
    query_id: _Id = None
    user_query: _Query = None
    action_name: _Name = None
    timestamp: str | int | float | None = None
    query_response_hit_ids: list[_HitText | _IdNumber] | None = None
    query_attributes: _QueryAttributes | None = None
    event_attributes: _EventAttributes | None = None


_decode = msgspec.json.Decoder(_Wire).decode
_NO_QUERY_ATTRIBUTES = _QueryAttributes()
_BACKSLASH = ord("\\")
"""Looking for one byte costs a thirtieth of looking for two: most records have no escape at all."""
_SHALLOW_BYTES = 2 * strict_json.MAX_DEPTH
"""A value up to this long can't hold 513 levels: each takes two brackets."""


def decode_search_log(value: bytes | None, kafka_timestamp: int) -> SearchLogRecord | Unusable:
    """The record in `value`, or why it can't be used. `kafka_timestamp` in milliseconds, -1 when there is none."""
    if value is None:
        return Unusable("not_json", "a null value")
    if (len(value) > _SHALLOW_BYTES and _is_large_or_deep(value)) or (_BACKSLASH in value and _is_oddly_escaped(value)):
        return _decided(value, kafka_timestamp)
    try:
        if not value.isascii():
            value.decode()
        wire = _decode(value)
    except (ValueError, RecursionError):  # the decoder's own errors are ValueErrors
        return _decided(value, kafka_timestamp)
    return _record(wire, wire.timestamp, kafka_timestamp)


def _is_large_or_deep(value: bytes) -> bool:
    return len(value) > MAX_VALUE_BYTES or value.count(b"[") + value.count(b"{") > strict_json.MAX_DEPTH


def _is_oddly_escaped(value: bytes) -> bool:
    """Whether an escape may be one of U+0000 or of a surrogate."""
    return b"\\u0000" in value or b"\\ud" in value or b"\\uD" in value


def _record(wire: _Wire, told: object, kafka_timestamp: int) -> SearchLogRecord | Unusable:
    """The record of checked fields; `told` is the timestamp as it came. The common cases are looked at in place:
    calls are what this costs."""
    timestamp = told if isinstance(told, int) else milliseconds_of_text(told) if isinstance(told, str) else None
    if timestamp is None or not FIRST_MS <= timestamp <= LAST_MS or 0 <= kafka_timestamp < timestamp - AHEAD_MS:
        found = checked_timestamp(told, kafka_timestamp)
        if isinstance(found, Unusable):
            return found
        timestamp = found
    identity, query_id, application = wire.client_id, wire.query_id, wire.application or DEFAULT_APPLICATION
    if not identity or isinstance(identity, int):
        identity = _text_of(identity) or _session_id(wire)
        if identity is None:
            return Unusable("no_identity", "neither client_id nor session_id")
    if not query_id or isinstance(query_id, int):
        query_id = _text_of(query_id)
    if wire.action_name:
        return SearchLogRecord(application, identity, timestamp, query_id, wire.action_name)
    if wire.user_query is None:
        return Unusable("unknown_kind", "neither user_query nor action_name")
    if query_id is None:
        return Unusable("no_query_id", "a query record without query_id")
    attributes, hits = wire.query_attributes or _NO_QUERY_ATTRIBUTES, wire.query_response_hit_ids
    return SearchLogRecord(
        application,
        identity,
        timestamp,
        query_id,
        None,
        normalised_query(wire.user_query),
        attributes.market or DEFAULT_MARKET,
        attributes.language or None,
        attributes.engine or None,
        None if hits is None else hits if _is_text(hits) else [str(hit) for hit in hits],
    )


def _text_of(value: str | int | None) -> str | None:
    """An id's text; absent when empty."""
    return str(value) if isinstance(value, int) else value or None


def _is_text(values: list[str | int]) -> TypeGuard[list[str]]:
    return int not in map(type, values)


def _session_id(wire: _Wire) -> str | None:
    inner = wire.event_attributes
    return _text_of(wire.session_id) or (_text_of(inner.session_id) if inner is not None else None)


def _decided(value: bytes, kafka_timestamp: int) -> SearchLogRecord | Unusable:
    """What the slow path makes of a value that the fast one has a doubt about."""
    if len(value) > MAX_VALUE_BYTES:
        return Unusable("too_large", f"{len(value)} bytes, at most {MAX_VALUE_BYTES}")
    slow = _slow(value)
    return slow if isinstance(slow, Unusable) else _record(*slow, kafka_timestamp)


def _slow(value: bytes) -> tuple[_Wire, object] | Unusable:
    """Decide what the fast path could not; the timestamp comes as it is."""
    parsed = parsed_object(value)
    if isinstance(parsed, Unusable):
        return parsed
    try:
        return _slow_fields(parsed), parsed.get("timestamp")
    except BadFieldError as error:
        return Unusable("bad_field", str(error))


def _slow_fields(record: Object) -> _Wire:
    query = obj(record, "query_attributes")
    event = obj(record, "event_attributes")
    identifier(obj(event, "object", "event_attributes."), "object_id", "event_attributes.object.")
    integer(obj(event, "position", "event_attributes."), "ordinal", "event_attributes.position.")
    hits = id_list(record, "query_response_hit_ids")
    return _Wire(
        application=text(record, "application", MAX_NAME_CHARS),
        client_id=identifier(record, "client_id"),
        session_id=identifier(record, "session_id"),
        query_id=identifier(record, "query_id"),
        user_query=kept_text(record, "user_query", MAX_USER_QUERY_CHARS),
        action_name=text(record, "action_name", MAX_NAME_CHARS),
        query_response_hit_ids=None if hits is None else [*hits],
        query_attributes=_QueryAttributes(
            text(query, "market", MAX_NAME_CHARS, "query_attributes."),
            text(query, "language", MAX_NAME_CHARS, "query_attributes."),
            text(query, "engine", MAX_NAME_CHARS, "query_attributes."),
        ),
        event_attributes=_EventAttributes(session_id=identifier(event, "session_id", "event_attributes.")),
    )
