"""One request to an OpenAI-compatible endpoint, and nothing else: no retry, no redirect, no rate.

The `openai` client's own retries are off, because it obeys `Retry-After` per request and not per key, and its timeout
is per read, so a body that drips never ends; both are ours (DESIGN 8).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

import openai
from openai import omit

from core.adapters import llm_wire as wire
from core.ports import LlmRequest

NO_KEY = "none"
"""Sent where no key is set: local endpoints ask for none, and the client insists on one."""

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where and how. Seconds. `temperature` None: not sent, for models that refuse it; `output_limit` is the
    parameter's name: `max_tokens` for endpoints that know only the old one."""

    base_url: str
    api_key: str
    timeout: float
    connect_timeout: float
    temperature: float | None = 0.0
    output_limit: Literal["max_completion_tokens", "max_tokens"] = "max_completion_tokens"


class Answered(NamedTuple):
    """A 200: its body as it came, and its headers."""

    body: bytes
    headers: Mapping[str, str]


def client(endpoint: Endpoint) -> openai.AsyncOpenAI:
    """No redirects: one would send the same call twice, past the ledger. No proxy to this very machine."""
    timeout = openai.Timeout(endpoint.timeout, connect=endpoint.connect_timeout)
    local = urlsplit(endpoint.base_url).hostname in _LOOPBACK
    http = openai.DefaultAioHttpClient(timeout=timeout, follow_redirects=False, trust_env=not local)
    return openai.AsyncOpenAI(
        api_key=endpoint.api_key or NO_KEY,
        base_url=endpoint.base_url,
        timeout=timeout,
        max_retries=0,
        http_client=http,
    )


async def post(openai_client: openai.AsyncOpenAI, endpoint: Endpoint, request: LlmRequest) -> Answered:
    """The chat completion; `openai.APIError` for anything but a 200."""
    limit = request.max_output_tokens
    newer = endpoint.output_limit == "max_completion_tokens"
    temperature, effort = wire.temperature(request, endpoint.temperature), request.sampling.reasoning_effort
    raw = await openai_client.chat.completions.with_raw_response.create(
        model=request.model,
        messages=wire.messages(request),
        response_format=wire.response_format(request),
        max_completion_tokens=limit if newer else omit,
        max_tokens=omit if newer else limit,
        temperature=omit if temperature is None else temperature,
        reasoning_effort=effort or omit,
        seed=omit if request.seed is None else request.seed,
    )
    return Answered(raw.content, raw.headers)
