"""The Kafka key of a record: what keeps one shopper, or one listing, in one partition. Wrong lines are sent too."""

from __future__ import annotations

import json
from typing import Literal

InputTopic = Literal["search-log", "listings"]

_BULK_ACTIONS = {"index", "create", "update", "delete"}


def key_of(topic: InputTopic, value: bytes) -> bytes | None:
    """Identity (`client_id`, else the session id) or listing id; None when the line has none that can be read."""
    try:
        record = json.loads(value)
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict):
        return None
    names = ("client_id", "session_id") if topic == "search-log" else ("listing_id",)
    found = [_text(record.get(name)) for name in names]
    inner = record.get("event_attributes")
    if topic == "search-log" and isinstance(inner, dict):
        found.append(_text(inner.get("session_id")))
    return next((key.encode("utf-8", "surrogatepass") for key in found if key), None)


def is_bulk_action(line: bytes) -> bool:
    """Whether a line is the action line of an OpenSearch bulk file, such as `{"index": {"_id": "1"}}`."""
    if not line.lstrip().startswith(b"{") or len(line) > 4_096:
        return False
    try:
        action = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return len(action) == 1 and set(action) <= _BULK_ACTIONS and isinstance(next(iter(action.values())), dict)


def _text(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return str(value)
