"""The one translation of the vendor's errors into ours, and what each says of the lane, the cost and the tokens."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import aiohttp
import openai

from core.adapters.llm_wire import without
from core.errors import (
    LlmContentFilter,
    LlmError,
    LlmImpossible,
    LlmInvalid,
    LlmRefused,
    LlmSlowDown,
    LlmTimeout,
    LlmTruncated,
    LlmUnauthorised,
    LlmUnavailable,
    LlmUnknownModel,
)
from core.ports import LlmRequest

SLOW_DOWN_SECONDS = 5.0
"""Hold after a 429 that names no time: the first step of the back-off every provider recommends, without its start."""

SLOW_DOWN_SECONDS_MAX = 60.0
"""Longest such hold, doubled at each 429 in a row: a minute's limit is free again after a minute."""

QUOTA_SECONDS = 600.0
"""Hold after `insufficient_quota` without a time: only a person can change it; ten minutes after that work goes on."""

SHOWN_CHARACTERS = 300
"""How much of a provider's own words is kept: its first sentence says what is wrong."""

HOLD_SECONDS_MAX = 366 * 86_400.0
"""A longer one is a mistake in the header, and no date could hold it."""

_NO_MODEL = {"model_not_found", "DeploymentNotFound"}
"""OpenAI's code, under 404, 403 (not this project's) or from its copies 400; Azure's."""

_OVERLOADED = {503, 529}
"""What providers answer while they are short of machines: it passes, but later than one worker's fault does."""

_STOPPED_WORK = {500, 501, 503, 529}
"""Answers by which the provider itself says that it did not do the work, so that it does not bill it. A gateway's 502
or 504 says nothing of that: the model may have gone on, and the call stays counted at its worst case."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A call that gave no answer. `free`: the provider certainly bills nothing. `hold`: seconds nobody is to call."""

    error: LlmError
    http_status: int | None
    free: bool
    hold: float | None = None


def failure(error: openai.APIError, strikes: int, secret: str, now: datetime) -> Failure:
    """What a vendor's error means. `strikes` counts 429s in a row, `secret` is never repeated in a text."""
    if isinstance(error, openai.APIStatusError):
        return _by_status(error, strikes, secret, now)
    if isinstance(error, openai.APIConnectionError):
        return _network(error)
    return Failure(LlmInvalid("the endpoint's answer is no chat completion"), None, free=False)


def late(seconds: float) -> Failure:
    """The whole call took longer than its limit."""
    return Failure(LlmTimeout(f"the LLM had not answered in full after {seconds:g} s"), None, free=False)


def unusable(finish_reason: str | None, refusal: str | None, text: str | None) -> LlmError | None:
    """Why an answered call is no answer; None when it is one."""
    if finish_reason == "content_filter":
        return LlmContentFilter("the provider's content filter stopped the reply")
    if refusal:
        return LlmRefused("the model refused")
    if finish_reason == "length":
        return LlmTruncated("the reply ended at the output limit")
    return None if text else LlmInvalid("the reply is empty")


def checked(request: LlmRequest, text: str) -> LlmError | None:
    """What the asker says is wrong with the reply."""
    try:
        if request.check is not None:
            request.check(text)
    except LlmError as error:
        return error
    return None


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds of `retry-after-ms` or `Retry-After` (seconds or a date), not cut; None where neither can be read."""
    exact = _number(headers.get("retry-after-ms"))
    if exact is not None:
        return exact / 1000
    given = headers.get("retry-after")
    seconds = _number(given)
    return seconds if seconds is not None or given is None else _until(given, now)


def shown(text: str, secret: str) -> str:
    """A provider's own words, shortened, the key blacked out should it repeat it."""
    return " ".join(without(text, secret)[:SHOWN_CHARACTERS].split())


def _by_status(error: openai.APIStatusError, strikes: int, secret: str, now: datetime) -> Failure:
    status, asked = error.status_code, retry_after(error.response.headers, now)
    said = f"the LLM answered {status}: {shown(error.message, secret)}"
    stop = _stop(error, said)
    if stop is not None:
        return Failure(stop, status, free=True)
    if status == 429:
        return _slow_down(error, asked, strikes, said)
    if status == 408:
        return Failure(LlmTimeout(said), status, free=False, hold=asked)
    if status >= 500:
        kind = "overloaded" if status in _OVERLOADED else "server_error"
        return Failure(LlmUnavailable(said, kind), status, free=status in _STOPPED_WORK, hold=asked)
    if "content_filter" in (error.code or "") or "content_policy" in (error.code or ""):
        return Failure(LlmContentFilter("a content filter refused the request"), status, free=True)
    return Failure(LlmImpossible(said), status, free=True)


def _stop(error: openai.APIStatusError, said: str) -> LlmUnauthorised | None:
    """What only a person can put right, by a setting."""
    if error.status_code == 404 or error.code in _NO_MODEL:
        text = "check the setting that names the model (ASSAY_LLM_MODEL or its like) and ASSAY_LLM_BASE_URL"
        return LlmUnknownModel(f"{said}: {text}")
    if error.status_code in (401, 403):
        text = f"the LLM endpoint answered {error.status_code}: check ASSAY_LLM_API_KEY (and that it may use the model)"
        return LlmUnauthorised(text)
    return None


def _slow_down(error: openai.APIStatusError, asked: float | None, strikes: int, said: str) -> Failure:
    no_quota = "insufficient_quota" in (error.code, error.type)
    usual = QUOTA_SECONDS if no_quota else min(SLOW_DOWN_SECONDS * 2 ** min(strikes, 10), SLOW_DOWN_SECONDS_MAX)
    hold = usual if asked is None else asked
    text = "the LLM account's quota is used up: see its plan and billing" if no_quota else said
    return Failure(LlmSlowDown(text, hold), 429, free=True, hold=hold)


def _network(error: openai.APIConnectionError) -> Failure:
    """By what aiohttp said: its bridge calls a connection that was cut a timeout too."""
    causes = list(_causes(error))
    if any(isinstance(cause, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError) for cause in causes):
        return Failure(LlmUnavailable("the LLM endpoint can't be reached", "network"), None, free=True)
    cut = any(isinstance(cause, aiohttp.ClientError | OSError) and not _slow(cause) for cause in causes)
    if not cut and isinstance(error, openai.APITimeoutError):
        return Failure(LlmTimeout("the LLM did not answer in time"), None, free=False)
    return Failure(
        LlmUnavailable("the connection to the LLM broke before the reply was whole", "network"), None, free=False
    )


def _slow(cause: BaseException) -> bool:
    return isinstance(cause, TimeoutError)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return min(value, HOLD_SECONDS_MAX) if math.isfinite(value) and value >= 0 else None


def _until(text: str, now: datetime) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max(0.0, (aware - now).total_seconds()), HOLD_SECONDS_MAX)
