"""The JSON Schema of a reply as providers' strict structured output takes it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from pydantic import BaseModel

Definitions = Mapping[str, Mapping[str, object]]

_DROPPED = ("$defs", "title", "default")
"""Names and defaults say nothing to a model, and strict output refuses defaults."""


@cache
def strict_schema(reply: type[BaseModel]) -> dict[str, object]:
    """`reply`'s schema with every reference put in its place, every key required and no other allowed.

    References are resolved because several providers refuse a `$ref` with anything beside it. Descriptions of
    fields stay; docstrings of models are for programmers and go. `reply` is no recursive model.
    """
    schema = reply.model_json_schema()
    return _object(_without(schema, "description"), schema.get("$defs", {}))


def _strict(node: object, definitions: Definitions) -> object:
    if isinstance(node, list):
        return [_strict(entry, definitions) for entry in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        named = definitions[str(node["$ref"]).removeprefix("#/$defs/")]
        return _object({**_without(named, "description"), **_without(node, "$ref")}, definitions)
    return _object(node, definitions)


def _object(node: Mapping[str, object], definitions: Definitions) -> dict[str, object]:
    plain = {key: _strict(value, definitions) for key, value in node.items() if key not in ("properties", *_DROPPED)}
    properties = node.get("properties")
    if not isinstance(properties, dict):
        return plain
    named = {name: _strict(value, definitions) for name, value in properties.items()}
    return {**plain, "properties": named, "required": list(named), "additionalProperties": False}


def _without(node: Mapping[str, object], key: str) -> dict[str, object]:
    return {name: value for name, value in node.items() if name != key}
