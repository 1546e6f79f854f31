"""What an event record of the search log acted on: the one field that the signals check and do not keep."""

from __future__ import annotations

import msgspec

from core.domain.fields import Unusable, identifier, obj, parsed_object


class _Object(msgspec.Struct, gc=False):
    object_id: str | int | None = None


class _EventAttributes(msgspec.Struct, gc=False):
    object: _Object | None = None


class _Event(msgspec.Struct, gc=False):
    event_attributes: _EventAttributes | None = None


_decode = msgspec.json.Decoder(_Event).decode


def listing_of(value: bytes) -> str | None:
    """`event_attributes.object.object_id` of a record that `decode_search_log` has found usable; None without."""
    try:
        event = _decode(value)
    except ValueError:  # the few records that only the strict decoder reads, such as an id of a hundred digits
        return _slow(value)
    attributes = event.event_attributes
    found = attributes.object.object_id if attributes is not None and attributes.object is not None else None
    return None if found is None or found == "" else str(found)


def _slow(value: bytes) -> str | None:
    parsed = parsed_object(value)
    if isinstance(parsed, Unusable):
        return None
    return identifier(obj(obj(parsed, "event_attributes"), "object", "event_attributes."), "object_id")
