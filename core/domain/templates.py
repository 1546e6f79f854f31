"""What is put into a search engine's request: shoppers' text goes in as data and never as a part of the request's form.

A template is taken apart first and filled afterwards: a JSON template is a parsed value whose texts are filled one by
one, an address is filled with percent-encoded values. No text can close a quote, add a parameter or leave its path.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import quote

Values = Mapping[str, str | int]

QUERY, SIZE, FROM = "query", "size", "from"
PLACEHOLDERS = frozenset({QUERY, "market", "language", "application", SIZE, FROM})
"""What a template may name, in double braces."""

_PLACEHOLDER = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
_LUCENE = re.compile(r'([+\-&|!(){}\[\]^"~*?:\\/ ])')
"""What Lucene's query syntax reads as more than a letter: its special characters, and the space that ends a term."""


class TemplateError(ValueError):
    """A template can't be used, or not with these values; the message says why."""


def names_in(template: object) -> set[str]:
    """The placeholders of a template: text, or a JSON value with text in it."""
    return {found[1] for text in _texts(template) for found in _PLACEHOLDER.finditer(text)}


def check_names(template: object, needed: frozenset[str]) -> None:
    """TemplateError for a placeholder that does not exist, or for one of `needed` that is not there."""
    names = names_in(template)
    if unknown := sorted(names - PLACEHOLDERS):
        raise TemplateError(
            f"there is no placeholder {{{{{unknown[0]}}}}}; there are {', '.join(sorted(PLACEHOLDERS))}"
        )
    if missing := sorted(needed - names):
        raise TemplateError(f"{{{{{missing[0]}}}}} is missing")


def filled(template: object, values: Values) -> object:
    """A JSON value with its placeholders filled; one that is a text by itself becomes the value in its own type."""
    if isinstance(template, str):
        alone = _PLACEHOLDER.fullmatch(template)
        return values[alone[1]] if alone else _put(template, values, str)
    if isinstance(template, Mapping):
        return {name: filled(inner, values) for name, inner in template.items()}
    if isinstance(template, list):
        return [filled(inner, values) for inner in template]
    return template


def filled_parameter(template: str, values: Values) -> str:
    """A parameter of Lucene's syntax: what stands by itself is the whole parameter and goes in as it is; inside other
    text a value is escaped, so that it is a term there and no operator."""
    alone = _PLACEHOLDER.fullmatch(template)
    return str(values[alone[1]]) if alone else _put(template, values, escaped_for_lucene)


def filled_url(template: str, values: Values) -> str:
    """An address; values are percent-encoded. TemplateError for a value that would be a step in the path."""
    path, mark, rest = template.partition("?")
    return _put(path, values, _in_path) + mark + _put(rest, values, _encoded)


def check_url(template: str) -> None:
    """TemplateError unless it is an http or https address whose host is no placeholder."""
    scheme, _, rest = template.partition("://")
    host = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if scheme not in {"http", "https"} or not host:
        raise TemplateError("not an http or https address with a host")
    if "{" in host:
        raise TemplateError("the host can't be a placeholder")
    if "@" in host:
        raise TemplateError("the address holds a user name; user and password go into auth")


def escaped_for_lucene(text: str) -> str:
    """Text as a single term of Lucene's query syntax."""
    return _LUCENE.sub(r"\\\1", text)


def at_path(value: object, path: str) -> object:
    """What stands at a dotted path (`result.items.0.id`) in a JSON value; None where nothing does. An empty path is
    the value itself; a key that holds the dots itself counts too."""
    if not path:
        return value
    if isinstance(value, Mapping) and path in value:
        return value[path]
    name, _, rest = path.partition(".")
    if isinstance(value, list):
        return at_path(value[int(name)], rest) if name.isdecimal() and int(name) < len(value) else None
    return at_path(value[name], rest) if isinstance(value, Mapping) and name in value else None


def _put(template: str, values: Values, written: Callable[[str], str]) -> str:
    return _PLACEHOLDER.sub(lambda found: written(str(values[found[1]])), template)


def _encoded(text: str) -> str:
    return quote(text, safe="")


def _in_path(text: str) -> str:
    if text in {"", ".", ".."}:
        raise TemplateError(f"{text!r} can't stand in a path")
    return _encoded(text)


def _texts(template: object) -> Iterator[str]:
    if isinstance(template, str):
        yield template
    elif isinstance(template, Mapping):
        for inner in template.values():
            yield from _texts(inner)
    elif isinstance(template, list):
        for inner in template:
            yield from _texts(inner)
