"""What a batch's files say: a call as a line of the input file, and lines of output and error files as results."""

from __future__ import annotations

import hashlib
from typing import Literal
from uuid import UUID

import msgspec

from core.adapters import llm_wire as wire
from core.adapters.llm_errors import unusable
from core.batch_ports import Result
from core.errors import LlmError, LlmImpossible, LlmInvalid, LlmRefused, LlmUnavailable
from core.ports import LlmRequest

ENDPOINT: Literal["/v1/chat/completions"] = "/v1/chat/completions"
"""Where a batch's lines go at the provider."""

SHOWN = 300
"""Characters kept of a provider's own words, as in core/adapters/llm_errors.py."""

_OWN_FAULT = frozenset({400, 413, 422})
"""Answers that say of the request that it can't be met. Every other failure (5xx, 429, 408, 401, expiry) is the
provider's, and the usual way may do better; a 404 is a setting's, and is said there."""


class _Response(msgspec.Struct):
    status_code: int = 0
    body: msgspec.Raw = msgspec.Raw(b"null")


class _Said(msgspec.Struct):
    code: str | int | None = None
    message: str | None = None


class _Line(msgspec.Struct):
    custom_id: str
    response: _Response | None = None
    error: _Said | None = None


class _ErrorBody(msgspec.Struct):
    error: _Said | None = None


def body(request: LlmRequest, temperature: float | None = 0.0, *, newer: bool = True) -> str:
    """JSON of a call as it goes over the wire, the same text for the same call. `newer`: the output limit under its
    newer name, as `core.adapters.llm.Endpoint.output_limit` says."""
    said: dict[str, object] = {
        "model": request.model,
        "messages": wire.messages(request),
        "response_format": wire.response_format(request),
        "max_completion_tokens" if newer else "max_tokens": request.max_output_tokens,
    }
    asked = wire.temperature(request, temperature)
    if asked is not None:
        said["temperature"] = asked
    if request.sampling.reasoning_effort:
        said["reasoning_effort"] = request.sampling.reasoning_effort
    if request.seed is not None:
        said["seed"] = request.seed
    return msgspec.json.encode(said).decode()


def key_of(said: str) -> str:
    """By which a call is known again."""
    return hashlib.sha256(said.encode()).hexdigest()


def line(call_id: UUID, said: str) -> bytes:
    """A line of an input file."""
    named = {"custom_id": str(call_id), "method": "POST", "url": ENDPOINT, "body": msgspec.Raw(said.encode())}
    return msgspec.json.encode(named) + b"\n"


def result(text: bytes) -> Result | None:
    """A line of an output or error file; None for one that names no call of ours or can't be read."""
    try:
        found = msgspec.json.decode(text, type=_Line)
        call_id = UUID(found.custom_id)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError):
        return None
    response = found.response
    if response is None or not response.status_code:
        said = found.error or _Said()
        return Result(call_id, None, "", usable=False, why=_shown(said) or "the line holds no answer")
    answer = bytes(response.body).decode("utf-8", "replace")
    usable = response.status_code == 200 or response.status_code in _OWN_FAULT
    why = "" if usable else f"{response.status_code}: {_shown(_error_of(answer))}"
    return Result(call_id, response.status_code, answer, usable=usable, why=why)


def read(http_status: int | None, answer: str) -> tuple[wire.Completion | None, LlmError | None]:
    """What an answer holds: the completion where there is one, and why it is no usable answer, where it is none."""
    if http_status != 200:
        return None, _refusal(http_status, _error_of(answer))
    try:
        found = wire.completion(answer.encode())
    except LlmInvalid as error:
        return None, error
    choice = found.choices[0]
    return found, unusable(choice.finish_reason, choice.message.refusal, choice.message.content)


def _refusal(http_status: int | None, said: _Said) -> LlmError:
    code = str(said.code or "")
    if "content_filter" in code or "content_policy" in code:
        return LlmRefused("a content filter refused the request")
    words = f"the LLM answered {http_status} in a batch: {_shown(said)}"
    return LlmImpossible(words) if http_status in _OWN_FAULT else LlmUnavailable(words, "server_error")


def _error_of(answer: str) -> _Said:
    try:
        return msgspec.json.decode(answer, type=_ErrorBody).error or _Said()
    except msgspec.DecodeError:
        return _Said(message=answer)


def _shown(said: _Said) -> str:
    words = " ".join((said.message or "").split())
    return f"{said.code or ''} {words}".strip()[:SHOWN]
