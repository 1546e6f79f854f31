"""What goes over the wire and what comes back: parameters, worst-case sizes, the reply, and what is kept of a call."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
from openai.types.chat import ChatCompletionContentPartParam, ChatCompletionMessageParam
from openai.types.shared_params import ResponseFormatJSONSchema

from core.domain.money import Price, picture_tokens
from core.errors import LlmInvalid
from core.ports import LlmRequest, PicturePart, TextPart

ENVELOPE_TOKENS = 200
"""Tokens that a provider's template puts around two messages and a schema: chat templates take under 20, the
instructions for structured output some 100."""


USAGE_MOST = 100_000_000
"""Tokens that a call can't have taken: a hundred times the longest context there is. A usage beyond is a slip of the
endpoint's, and would be owed to the rate for hours, or pass what a column holds."""

SECRET_LENGTH = 6
"""A shorter key is a placeholder of a local endpoint, and may be part of any word."""


@dataclass(frozen=True, slots=True)
class Size:
    """A request's input in tokens: `most` can't be passed, `likely` is a high estimate."""

    most: int
    likely: int


class _PromptDetails(msgspec.Struct):
    cached_tokens: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int
    completion_tokens: int
    prompt_tokens_details: _PromptDetails | None = None


class _Message(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None


class _Choice(msgspec.Struct):
    message: _Message
    finish_reason: str | None = None


class Completion(msgspec.Struct):
    """The part of a chat completion that is read; whatever else an endpoint sends is its own."""

    choices: list[_Choice]
    model: str | None = None
    system_fingerprint: str | None = None
    usage: _Usage | None = None


def completion(body: bytes) -> Completion:
    """The completion in a 200's body; LlmInvalid where there is none."""
    try:
        found = msgspec.json.decode(body, type=Completion)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise LlmInvalid("the endpoint's answer is no chat completion") from None
    usage = found.usage
    if not found.choices or (usage is not None and not _is_possible(usage)):
        raise LlmInvalid("the endpoint's answer is no chat completion")
    return found


def _is_possible(usage: _Usage) -> bool:
    return all(0 <= tokens <= USAGE_MOST for tokens in (usage.prompt_tokens, usage.completion_tokens))


class Used(NamedTuple):
    """Tokens that a call took; `cached` are part of `input`."""

    input: int
    cached: int
    output: int


def used(answer: Completion) -> Used | None:
    """What the endpoint says the call took; None where it does not say."""
    usage = answer.usage
    if usage is None:
        return None
    details = usage.prompt_tokens_details
    cached = (details.cached_tokens if details else None) or 0
    return Used(usage.prompt_tokens, min(max(0, cached), usage.prompt_tokens), usage.completion_tokens)


def temperature(request: LlmRequest, usual: float | None) -> float | None:
    """What the judge asks for, else what the endpoint usually gets; None: not sent."""
    told = request.sampling.temperature
    return usual if told is None else told


def size(request: LlmRequest, price: Price) -> Size:
    """Input tokens at most and likely.

    At most: byte-level and byte-fallback tokenizers make no token of less than a byte of UTF-8. Likely: two bytes a
    token, where English has 4.3, JSON 3, Japanese 3; what it misses is charged when the call ends.
    """
    texts = [request.system, *(part.text for part in request.user if isinstance(part, TextPart))]
    bytes_ = sum(len(text.encode()) for text in texts) + len(msgspec.json.encode(request.schema))
    pictures = (part for part in request.user if isinstance(part, PicturePart))
    fixed = ENVELOPE_TOKENS + sum(picture_tokens(price, part.width, part.height) for part in pictures)
    return Size(most=bytes_ + fixed, likely=-(-bytes_ // 2) + fixed)


def messages(request: LlmRequest) -> list[ChatCompletionMessageParam]:
    """Rules as the system's, data as the user's; text alone as plain text, which every endpoint understands."""
    texts = [part.text for part in request.user if isinstance(part, TextPart)]
    plain = texts[0] if len(texts) == len(request.user) == 1 else None
    content = plain if plain is not None else [_part(part) for part in request.user]
    return [{"role": "system", "content": request.system}, {"role": "user", "content": content}]


def response_format(request: LlmRequest) -> ResponseFormatJSONSchema:
    """Strict structured output under the purpose's name."""
    return {
        "type": "json_schema",
        "json_schema": {"name": request.purpose, "strict": True, "schema": dict(request.schema)},
    }


def prompt_hash(request: LlmRequest) -> str:
    """By which the rules are stored once."""
    return hashlib.sha256(request.system.encode()).hexdigest()[:32]


def kept(request: LlmRequest, secret: str) -> str:
    """JSON of the request for a person to look at: rules by their hash, pictures by hash and size."""
    shown = {
        "system": prompt_hash(request),
        "user": [_kept_part(part, secret) for part in request.user],
        "schema": request.schema,
        "max_output_tokens": request.max_output_tokens,
        "seed": request.seed,
    }
    return msgspec.json.encode(shown).decode()


def without(text: str, secret: str) -> str:
    """The text with the key blacked out, should an endpoint or a listing repeat it."""
    return text.replace(secret, "***") if len(secret) >= SECRET_LENGTH else text


def _part(part: TextPart | PicturePart) -> ChatCompletionContentPartParam:
    if isinstance(part, TextPart):
        return {"type": "text", "text": part.text}
    data = base64.b64encode(part.jpeg).decode()
    return {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{data}"}}


def _kept_part(part: TextPart | PicturePart, secret: str) -> object:
    if isinstance(part, TextPart):
        return {"text": without(part.text, secret).replace("\0", "\ufffd")}
    digest = hashlib.sha256(part.jpeg).hexdigest()
    return {"picture": {"sha256": digest, "bytes": len(part.jpeg), "width": part.width, "height": part.height}}
