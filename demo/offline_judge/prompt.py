"""Reading a chat completion request: the sections and pictures of `core.domain.prompting`, back into data."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import msgspec

Purpose = Literal["guideline", "judgements", "picture_description", "picture_scores", "critique"]
Row = Mapping[str, object]

_DATA_URL = "data:image/"
_PICTURE = "PICTURE "
DEFAULT_MAX_TOKENS = 16_384
"""Output limit of a request that names none: what current hosted models allow."""


class BadRequest(ValueError):
    """The request can't be read; `param` names the part, as OpenAI's errors do."""

    def __init__(self, message: str, param: str) -> None:
        super().__init__(message)
        self.param = param


@dataclass(frozen=True, slots=True)
class Prompt:
    """One request: rows by section, pictures by item in their order, and all text for the accounts."""

    model: str
    purpose: Purpose
    max_tokens: int
    sections: Mapping[str, Sequence[Row]]
    pictures: Mapping[str, bytes]
    prefix: str
    """System text, QUERY and GUIDELINE: what the calls of one query share."""
    text: str

    def row(self, section: str) -> Row:
        """The only row of a section; BadRequest when it is not there."""
        rows = self.sections.get(section, ())
        if len(rows) != 1:
            raise BadRequest(f"section {section} needs one row, has {len(rows)}", "messages")
        return rows[0]


def read_prompt(body: object) -> Prompt:
    """Read a request's JSON; BadRequest says what can't be read."""
    if not isinstance(body, dict):
        raise BadRequest("the body is not a JSON object", "body")
    model = body.get("model")
    if not isinstance(model, str) or not model:
        raise BadRequest("you must provide a model parameter", "model")
    system, parts = _messages(body.get("messages"))
    sections, pictures = _parts(parts)
    asked = "\n".join(text for text in parts if isinstance(text, str))
    shared = asked[: asked.find("### PRODUCTS")] if "### PRODUCTS" in asked else ""
    return Prompt(
        model=model,
        purpose=_purpose(body.get("response_format")),
        max_tokens=_max_tokens(body),
        sections=sections,
        pictures=pictures,
        prefix=system + shared,
        text=system + asked,
    )


def _max_tokens(body: Mapping[str, object]) -> int:
    value = body.get("max_completion_tokens") or body.get("max_tokens") or DEFAULT_MAX_TOKENS
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise BadRequest("max_completion_tokens takes a positive whole number", "max_completion_tokens")
    return value


def _purpose(given: object) -> Purpose:
    schema = given.get("json_schema") if isinstance(given, dict) else None
    name = schema.get("name") if isinstance(schema, dict) else None
    for purpose in get_args(Purpose):
        if name == purpose:
            found: Purpose = purpose
            return found
    raise BadRequest(f"this judge answers the schemas {', '.join(get_args(Purpose))}", "response_format")


def _messages(given: object) -> tuple[str, list[str | bytes]]:
    """System text, and the user's parts: texts as they are, pictures decoded."""
    if not isinstance(given, list) or not given:
        raise BadRequest("messages is no list, or empty", "messages")
    system: list[str] = []
    parts: list[str | bytes] = []
    for message in given:
        if not isinstance(message, dict) or message.get("role") not in {"system", "developer", "user"}:
            raise BadRequest("a message needs a role, system or user", "messages")
        content = _content(message.get("content"))
        if message["role"] == "user":
            parts.extend(content)
        else:
            system.extend(text for text in content if isinstance(text, str))
    return "\n".join(system), parts


def _content(given: object) -> list[str | bytes]:
    if isinstance(given, str):
        return [given]
    if not isinstance(given, list):
        raise BadRequest("content is neither text nor a list of parts", "messages")
    return [_part(part) for part in given]


def _part(part: object) -> str | bytes:
    if isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str):
        return str(part["text"])
    inside = part.get("image_url") if isinstance(part, dict) and part.get("type") == "image_url" else None
    url = inside.get("url") if isinstance(inside, dict) else None
    if not isinstance(url, str):
        raise BadRequest("a part is neither text nor image_url", "messages")
    head, _, data = url.partition(";base64,")
    if not head.startswith(_DATA_URL) or not data:
        raise BadRequest("only pictures in base64 data URLs are read: this judge has no network", "messages")
    try:
        return base64.b64decode(data, validate=True)
    except binascii.Error:
        raise BadRequest("a picture's base64 is broken", "messages") from None


def _parts(parts: Sequence[str | bytes]) -> tuple[dict[str, list[Row]], dict[str, bytes]]:
    sections: dict[str, list[Row]] = {}
    pictures: dict[str, bytes] = {}
    name = ""
    for part in parts:
        if isinstance(part, bytes):
            item = _item(name)
            if not item or item in pictures:
                raise BadRequest("a picture without its own PICTURE heading", "messages")
            pictures[item] = part
            continue
        for line in part.split("\n"):
            if line.startswith("### "):
                name = line[4:].strip()
            elif line.strip() and name:
                sections.setdefault(name, []).append(_row(line, name))
    return sections, pictures


def _item(heading: str) -> str:
    """The picture's item name: what comes after it in the heading says that it is the main one. Empty for another
    section's heading."""
    return heading.removeprefix(_PICTURE).partition(" ")[0] if heading.startswith(_PICTURE) else ""


def _row(line: str, section: str) -> Row:
    try:
        row = msgspec.json.decode(line, type=dict[str, object])
    except (msgspec.DecodeError, UnicodeEncodeError):
        raise BadRequest(f"a line of section {section} is no JSON object", "messages") from None
    return row
