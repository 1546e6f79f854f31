"""A record of the topic `search-log`: from bytes to a checked record, or to the reason why not (CONTRACT 2).

The fast path is msgspec's typed decoder. It is trusted only where it can't be wrong: whole-value checks send
everything with an odd escape, bad UTF-8, deep nesting or an unexpected type to the slow path, which decides.
"""

from __future__ import annotations

import msgspec

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

Id = str | int | None


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
    object_id: Id = None


class _Position(msgspec.Struct, gc=False):
    ordinal: int | None = None


class _EventAttributes(msgspec.Struct, gc=False):
    session_id: Id = None
    object: _Object | None = None
    position: _Position | None = None


class _QueryAttributes(msgspec.Struct, gc=False):
    market: str | None = None
    language: str | None = None
    engine: str | None = None


class _Wire(msgspec.Struct, gc=False):
    application: str | None = None
    client_id: Id = None
    session_id: Id = None
    query_id: Id = None
    user_query: str | None = None
    action_name: str | None = None
    timestamp: str | int | float | None = None
    query_response_hit_ids: list[str | int] | None = None
    query_attributes: _QueryAttributes | None = None
    event_attributes: _EventAttributes | None = None


class _Fields(msgspec.Struct, gc=False):
    """The fields that are read, each checked; None is absent."""

    application: str | None
    client_id: str | None
    session_id: str | None
    query_id: str | None
    user_query: str | None
    action: str | None
    timestamp: object
    hits: list[str] | None
    market: str | None
    language: str | None
    engine: str | None


class _DoubtError(Exception):
    """The fast path can't say; the slow path decides."""


_decode = msgspec.json.Decoder(_Wire).decode
_NO_QUERY_ATTRIBUTES = _QueryAttributes()
_NO_EVENT_ATTRIBUTES = _EventAttributes()
_SHALLOW_BYTES = 2 * strict_json.MAX_DEPTH
"""A value up to this long can't hold 513 levels: each takes two brackets."""


def decode_search_log(value: bytes | None, kafka_timestamp: int) -> SearchLogRecord | Unusable:
    """The record in `value`, or why it can't be used. `kafka_timestamp` in milliseconds, -1 when there is none."""
    if value is None:
        return Unusable("not_json", "a null value")
    if len(value) > MAX_VALUE_BYTES:
        return Unusable("too_large", f"{len(value)} bytes, at most {MAX_VALUE_BYTES}")
    try:
        fields = _fast(value)
    except (_DoubtError, msgspec.DecodeError, RecursionError, ValueError):
        slow = _slow(value)
        if isinstance(slow, Unusable):
            return slow
        fields = slow
    return _record(fields, kafka_timestamp)


def _record(fields: _Fields, kafka_timestamp: int) -> SearchLogRecord | Unusable:
    timestamp = checked_timestamp(fields.timestamp, kafka_timestamp)
    if isinstance(timestamp, Unusable):
        return timestamp
    identity = fields.client_id or fields.session_id
    if identity is None:
        return Unusable("no_identity", "neither client_id nor session_id")
    query = None
    if fields.action is None:
        if fields.user_query is None:
            return Unusable("unknown_kind", "neither user_query nor action_name")
        if fields.query_id is None:
            return Unusable("no_query_id", "a query record without query_id")
        query = normalised_query(fields.user_query)
    return SearchLogRecord(
        fields.application or DEFAULT_APPLICATION,
        identity,
        timestamp,
        query,
        fields.query_id,
        fields.action,
        fields.market or DEFAULT_MARKET,
        fields.language,
        fields.engine,
        fields.hits,
    )


def _fast(value: bytes) -> _Fields:
    """The typed decoding; any doubt about the value raises."""
    if b"\\u" in value and (b"\\u0000" in value or b"\\ud" in value or b"\\uD" in value):
        raise _DoubtError
    if len(value) > _SHALLOW_BYTES and value.count(b"[") + value.count(b"{") > strict_json.MAX_DEPTH:
        raise _DoubtError
    if not value.isascii():
        value.decode()
    wire = _decode(value)
    query = wire.query_attributes or _NO_QUERY_ATTRIBUTES
    event = wire.event_attributes or _NO_EVENT_ATTRIBUTES
    if event.object is not None:
        _id(event.object.object_id)
    if wire.user_query is not None and len(wire.user_query) > MAX_USER_QUERY_CHARS:
        raise _DoubtError
    inner_session = _id(event.session_id)
    return _Fields(
        _name(wire.application),
        _id(wire.client_id),
        _id(wire.session_id) or inner_session,
        _id(wire.query_id),
        wire.user_query,
        _name(wire.action_name),
        wire.timestamp,
        None if wire.query_response_hit_ids is None else _ids(wire.query_response_hit_ids),
        _name(query.market),
        _name(query.language),
        _name(query.engine),
    )


def _id(value: Id) -> str | None:
    if value is None:
        return None
    if isinstance(value, int):
        value = str(value)
    if len(value) > MAX_ID_CHARS:
        raise _DoubtError
    return value or None


def _ids(values: list[str | int]) -> list[str]:
    ids = [value if isinstance(value, str) else str(value) for value in values]
    if ids and ("" in ids or max(map(len, ids)) > MAX_ID_CHARS):
        raise _DoubtError
    return ids


def _name(value: str | None) -> str | None:
    if value is not None and len(value) > MAX_NAME_CHARS:
        raise _DoubtError
    return value or None


def _slow(value: bytes) -> _Fields | Unusable:
    """Decide what the fast path could not."""
    parsed = parsed_object(value)
    if isinstance(parsed, Unusable):
        return parsed
    try:
        return _slow_fields(parsed)
    except BadFieldError as error:
        return Unusable("bad_field", str(error))


def _slow_fields(record: Object) -> _Fields:
    query = obj(record, "query_attributes")
    event = obj(record, "event_attributes")
    identifier(obj(event, "object", "event_attributes."), "object_id", "event_attributes.object.")
    integer(obj(event, "position", "event_attributes."), "ordinal", "event_attributes.position.")
    inner_session = identifier(event, "session_id", "event_attributes.")
    return _Fields(
        text(record, "application", MAX_NAME_CHARS),
        identifier(record, "client_id"),
        identifier(record, "session_id") or inner_session,
        identifier(record, "query_id"),
        kept_text(record, "user_query", MAX_USER_QUERY_CHARS),
        text(record, "action_name", MAX_NAME_CHARS),
        record.get("timestamp"),
        id_list(record, "query_response_hit_ids"),
        text(query, "market", MAX_NAME_CHARS, "query_attributes."),
        text(query, "language", MAX_NAME_CHARS, "query_attributes."),
        text(query, "engine", MAX_NAME_CHARS, "query_attributes."),
    )
