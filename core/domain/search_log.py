"""A record of the topic `search-log`: from bytes to a checked record, or to the reason why not (CONTRACT 2).

The fast path is msgspec's typed decoder. It is trusted only where it can't be wrong: whole-value checks send
everything with an odd escape, bad UTF-8, deep nesting or an unexpected type to the slow path, which decides.
"""

from __future__ import annotations

from typing import Annotated

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

DEFAULT_APPLICATION = "default"
DEFAULT_MARKET = "default"

_IdText = Annotated[str, Meta(max_length=MAX_ID_CHARS)]
_HitText = Annotated[str, Meta(min_length=1, max_length=MAX_ID_CHARS)]
_Id = _IdText | int | None
_Name = Annotated[str, Meta(max_length=MAX_NAME_CHARS)] | None
_Query = Annotated[str, Meta(max_length=MAX_USER_QUERY_CHARS)] | None


class SearchLogRecord(msgspec.Struct, frozen=True, gc=False):
    """A usable record. `query` is the normalised query of a query record, None on an event record."""

    application: str
    identity: str
    timestamp: int
    """Milliseconds since 1970."""
    query: str | None
    query_id: str | None
    action: str | None
    market: str
    language: str | None
    engine: str | None
    hits: list[str] | None


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
    query_response_hit_ids: list[_HitText | int] | None = None
    query_attributes: _QueryAttributes | None = None
    event_attributes: _EventAttributes | None = None


class _DoubtError(Exception):
    """The fast path can't say; the slow path decides."""


_decode = msgspec.json.Decoder(_Wire).decode
_NO_QUERY_ATTRIBUTES = _QueryAttributes()
_SHALLOW_BYTES = 2 * strict_json.MAX_DEPTH
"""A value up to this long can't hold 513 levels: each takes two brackets."""


def decode_search_log(value: bytes | None, kafka_timestamp: int) -> SearchLogRecord | Unusable:
    """The record in `value`, or why it can't be used. `kafka_timestamp` in milliseconds, -1 when there is none."""
    if value is None:
        return Unusable("not_json", "a null value")
    if len(value) > MAX_VALUE_BYTES:
        return Unusable("too_large", f"{len(value)} bytes, at most {MAX_VALUE_BYTES}")
    try:
        wire = _fast(value)
    except (_DoubtError, msgspec.DecodeError, RecursionError, ValueError):
        slow = _slow(value)
        return slow if isinstance(slow, Unusable) else _record(*slow, kafka_timestamp)
    return _record(wire, wire.timestamp, kafka_timestamp)


def _record(wire: _Wire, told: object, kafka_timestamp: int) -> SearchLogRecord | Unusable:
    """The record of checked fields; `told` is the timestamp as it came."""
    timestamp = checked_timestamp(told, kafka_timestamp)
    if isinstance(timestamp, Unusable):
        return timestamp
    identity = _text_of(wire.client_id) or _session_id(wire)
    if identity is None:
        return Unusable("no_identity", "neither client_id nor session_id")
    action, query_id, query = wire.action_name or None, _text_of(wire.query_id), None
    if action is None:
        if wire.user_query is None:
            return Unusable("unknown_kind", "neither user_query nor action_name")
        if query_id is None:
            return Unusable("no_query_id", "a query record without query_id")
        query = normalised_query(wire.user_query)
    attributes = wire.query_attributes or _NO_QUERY_ATTRIBUTES
    return SearchLogRecord(
        wire.application or DEFAULT_APPLICATION,
        identity,
        timestamp,
        query,
        query_id,
        action,
        attributes.market or DEFAULT_MARKET,
        attributes.language or None,
        attributes.engine or None,
        _texts_of(wire.query_response_hit_ids),
    )


def _fast(value: bytes) -> _Wire:
    """The typed decoding; any doubt about the value raises."""
    if b"\\u" in value and (b"\\u0000" in value or b"\\ud" in value or b"\\uD" in value):
        raise _DoubtError
    if len(value) > _SHALLOW_BYTES and value.count(b"[") + value.count(b"{") > strict_json.MAX_DEPTH:
        raise _DoubtError
    if not value.isascii():
        value.decode()
    wire = _decode(value)
    event = wire.event_attributes
    if event is not None:
        _check_digits(event.session_id)
        if event.object is not None:
            _check_digits(event.object.object_id)
    _check_digits(wire.session_id)
    _check_digits(wire.client_id)
    _check_digits(wire.query_id)
    for hit in wire.query_response_hit_ids or ():
        if hit.__class__ is int:
            _check_digits(hit)
    return wire


def _check_digits(value: str | int | None) -> None:
    """The decoder limits text; an integer of more digits than an id may have is left to the slow path."""
    if value.__class__ is int and len(str(value)) > MAX_ID_CHARS:
        raise _DoubtError


def _text_of(value: str | int | None) -> str | None:
    """An id's text; absent when empty."""
    return str(value) if isinstance(value, int) else value or None


def _texts_of(values: list[str | int] | None) -> list[str] | None:
    return None if values is None else [value if isinstance(value, str) else str(value) for value in values]


def _session_id(wire: _Wire) -> str | None:
    inner = wire.event_attributes
    return _text_of(wire.session_id) or (_text_of(inner.session_id) if inner is not None else None)


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
