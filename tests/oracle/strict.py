"""JSON as CONTRACT 2 means it, written from its text alone."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Number:
    """A JSON number as written: of any size, and 12.0 is not 12."""

    text: str

    @property
    def is_integer(self) -> bool:
        return re.fullmatch(r"-?[0-9]+", self.text) is not None

    def digits(self) -> str:
        """The integer's decimal text; -0 is 0."""
        return "0" if self.text == "-0" else self.text


class NotJson(Exception):
    """Not RFC 8259 in UTF-8."""


def _levels(text: str) -> int:
    without_text = re.sub(r'"(?:[^"\\]|\\.)*"', "", text, flags=re.DOTALL)
    level = deepest = 0
    for character in without_text:
        level += (character in "[{") - (character in "]}")
        deepest = max(deepest, level)
    return deepest


def _refuse_surrogates(value: object) -> None:
    if isinstance(value, str) and any(0xD800 <= ord(c) <= 0xDFFF for c in value):
        raise NotJson
    if isinstance(value, list):
        for item in value:
            _refuse_surrogates(item)


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    for key, value in pairs:
        _refuse_surrogates(key)
        _refuse_surrogates(value)
    return dict(pairs)  # of a repeated key the last counts


def _constant(name: str) -> object:
    raise NotJson


def parse(value: bytes | None) -> object:
    """RFC 8259 in UTF-8 all through, or NotJson."""
    if not value:
        raise NotJson
    try:
        text = value.decode("utf-8")
        if _levels(text) > 512:
            raise NotJson
        parsed: object = json.loads(
            text, object_pairs_hook=_object, parse_int=Number, parse_float=Number, parse_constant=_constant
        )
    except (ValueError, RecursionError):
        raise NotJson from None
    _refuse_surrogates(parsed)
    return parsed
