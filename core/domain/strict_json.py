"""RFC 8259, strictly: the slow path that decides what is JSON when the fast decoder has a doubt.

Stricter than `json.loads` (no NaN, no lone surrogate escape, at most 512 levels) and more patient (numbers of any
size); of a repeated key the last counts, as `json` does.
"""

from __future__ import annotations

import json
import re

MAX_DEPTH = 512
"""Levels of nesting (CONTRACT 2)."""

_MAX_DIGITS = 4_000
"""Python refuses to read integers of more than 4,300 digits; no field that is read tells such numbers apart."""

_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
"""A string, also one that never ends: trying again from each quote in it would take hours for a megabyte."""
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)


class NotJsonError(ValueError):
    """The text is not JSON; the message says why."""


def loads(value: bytes) -> object:
    """The value of a JSON text; NotJsonError."""
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotJsonError(f"not UTF-8 at byte {error.start}") from None
    _check_depth(text)
    try:
        parsed: object = json.loads(text, parse_constant=_refuse_constant, parse_int=_integer)
    except (ValueError, RecursionError) as error:
        raise NotJsonError(str(error) or type(error).__name__) from None
    _check_surrogates(text)
    return parsed


def _integer(digits: str) -> int:
    return int(digits[:_MAX_DIGITS])


def _refuse_constant(name: str) -> object:
    raise NotJsonError(f"{name} is not JSON")


def _check_depth(text: str) -> None:
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    depth = 0
    for character in re.findall(r"[\[\]{}]", _STRING.sub("", text)):
        depth += 1 if character in "[{" else -1
        if depth > MAX_DEPTH:
            raise NotJsonError(f"nested deeper than {MAX_DEPTH} levels")


def _check_surrogates(text: str) -> None:
    high_ends_at = -1
    for escape in _ESCAPE.finditer(text):
        code = int(escape[1], 16) if escape[1] else 0
        if 0xDC00 <= code <= 0xDFFF and escape.start() == high_ends_at:
            high_ends_at = -1
            continue
        if high_ends_at >= 0 or 0xDC00 <= code <= 0xDFFF:
            raise NotJsonError("a lone surrogate escape")
        high_ends_at = escape.end() if 0xD800 <= code <= 0xDBFF else -1
    if high_ends_at >= 0:
        raise NotJsonError("a lone surrogate escape")
