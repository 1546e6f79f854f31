"""Checks of single fields on the slow path: each gives the value, None when absent, or raises with the field's name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from core.domain import strict_json
from core.domain.timestamps import AHEAD_MS, parse_timestamp

MAX_VALUE_BYTES = 1_048_576
"""Largest record: Kafka's own default for a message."""

MAX_ID_CHARS = 256
MAX_NAME_CHARS = 100
MAX_USER_QUERY_CHARS = 4_096


class Unusable(NamedTuple):
    """Why a record can't be used: one of CONTRACT 2's reasons, and a detail for a person."""

    reason: str
    detail: str


class BadFieldError(ValueError):
    """A field that is read has a wrong type or breaks a limit; the message names it."""


Object = Mapping[str, object]


def parsed_object(value: bytes) -> Object | Unusable:
    """The JSON object in `value`, read strictly."""
    try:
        parsed = strict_json.loads(value)
    except strict_json.NotJsonError as error:
        return Unusable("not_json", str(error).replace("\0", "U+0000"))
    return parsed if isinstance(parsed, dict) else Unusable("not_an_object", f"a JSON {type(parsed).__name__}")


def checked_timestamp(value: object, kafka_timestamp: int) -> int | Unusable:
    """Milliseconds since 1970, or why not. `kafka_timestamp` in milliseconds, -1 when there is none."""
    if value is None or value == "":
        return Unusable("no_timestamp", "timestamp is absent")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return Unusable("bad_timestamp", "neither text nor a number")
    timestamp = parse_timestamp(value)
    if timestamp is None:
        return Unusable("bad_timestamp", f"unreadable, before 2000 or after 9999: {_shown(value)}")
    if 0 <= kafka_timestamp < timestamp - AHEAD_MS:
        return Unusable("bad_timestamp", f"more than 5 minutes later than the Kafka record: {_shown(value)}")
    return timestamp


def _shown(value: str | int | float) -> str:
    return str(value)[:60].replace("\0", "U+0000")


def present(parent: Object, name: str) -> object:
    """The field's value; None when it is absent, null or empty text (CONTRACT 2: both mean absent)."""
    value = parent.get(name)
    return None if value == "" else value


def obj(parent: Object, name: str, path: str = "") -> Object:
    """An object field; empty when absent."""
    value = present(parent, name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadFieldError(f"{path}{name}: not an object")
    return value


def text(parent: Object, name: str, limit: int | None, path: str = "") -> str | None:
    """A text field; null and empty text are absent."""
    return kept_text(parent, name, limit, path) or None


def kept_text(parent: Object, name: str, limit: int | None, path: str = "") -> str | None:
    """A text field in which empty text is a value."""
    value = parent.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise BadFieldError(f"{path}{name}: not text")
    return checked(value, limit, path + name)


def checked(value: str, limit: int | None, name: str) -> str:
    """`value` within its limit and free of U+0000."""
    if limit is not None and len(value) > limit:
        raise BadFieldError(f"{name}: {len(value)} characters, at most {limit}")
    if "\0" in value:
        raise BadFieldError(f"{name}: holds U+0000")
    return value


def identifier(parent: Object, name: str, path: str = "") -> str | None:
    """An id: text or an integer, at most 256 characters."""
    value = parent.get(name)
    return None if value is None else id_text(value, path + name) or None


def id_text(value: object, name: str) -> str:
    """The text of an id; may be empty."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise BadFieldError(f"{name}: neither text nor an integer")
    return checked(value if isinstance(value, str) else str(value), MAX_ID_CHARS, name)


def id_list(parent: Object, name: str) -> list[str] | None:
    """A list of ids, none of them null or empty; None when absent."""
    value = present(parent, name)
    if value is None:
        return None
    if not isinstance(value, list):
        raise BadFieldError(f"{name}: not a list")
    ids = [id_text(entry, f"{name}[{i}]") for i, entry in enumerate(value)]
    if not all(ids):
        raise BadFieldError(f"{name}[{ids.index('')}]: empty")
    return ids


def integer(parent: Object, name: str, path: str = "") -> int | None:
    """An integer field."""
    value = present(parent, name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadFieldError(f"{path}{name}: not an integer")
    return value
