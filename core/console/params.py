"""Parameters of a request: what is missing or strange becomes the default, so that a mistyped address still shows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TypeVar

from aiohttp import web

Choice = TypeVar("Choice", str, int)

MAX_CHARS = 4_096
"""Characters of a parameter read: the longest query that CONTRACT 2 takes."""


def text(request: web.Request, name: str) -> str:
    """A parameter's text, empty when missing; U+0000 and half characters, which no row holds, are replaced."""
    return sound(request.query.get(name, ""))


def sound(raw: str) -> str:
    """Text from outside as a row could hold it, cut."""
    return storable(raw[:MAX_CHARS])


def storable(raw: str) -> str:
    """Text from outside as a row could hold it, all of it."""
    return raw.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def choice(request: web.Request, name: str, allowed: Sequence[Choice], default: Choice) -> Choice:
    """The one of `allowed` that the parameter names."""
    given = request.query.get(name, "")
    return next((each for each in allowed if str(each) == given), default)


def day(request: web.Request, name: str) -> date | None:
    """A UTC day as `2026-03-29`; None for anything else."""
    try:
        return date.fromisoformat(text(request, name))
    except ValueError:
        return None


def page_number(request: web.Request) -> int:
    """The parameter `page`, 1 to 999; 1 for anything else. Nobody turns more: a filter or a view serves better."""
    given = text(request, "page")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 4 and int(given) > 0 else 1
