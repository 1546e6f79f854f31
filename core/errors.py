"""Errors named for the reaction they demand; each says what to do.

A vendor's error is translated once, in the adapter that talks to the vendor. Anything that is not one of
these is a defect: the process ends with it and nothing it had not committed is lost.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal


class AssayError(Exception):
    """Root of all named errors."""


class SettingsError(AssayError):
    """A setting is missing or impossible. One line, names the variable; the command exits 2."""


class UsageError(AssayError):
    """The command was used wrongly (file not found, wrong column). One line; the command exits 2."""


class RetryLater(AssayError):
    """A dependency (broker, database, engine) is not there now. Wait with backoff and say so."""


class LostOwnership(AssayError):
    """Another replica owns these partitions now. Drop what is held for them; nothing was committed."""

    def __init__(self, partitions: frozenset[tuple[str, int]]) -> None:
        super().__init__(", ".join(f"{topic}[{partition}]" for topic, partition in sorted(partitions)))
        self.partitions = partitions


class StopProcess(AssayError):
    """Going on would lose or double data. End the process; the text says what a person has to do."""


class LlmError(AssayError):
    """An LLM call gave no usable answer. `kind` is the task's reason; never a label."""

    kind = "llm_error"


class LlmUnauthorised(LlmError):
    """401 or 403: stop the lane and say which setting to change; no task is blamed."""

    kind = "unauthorised"


class LlmUnknownModel(LlmUnauthorised):
    """404: the endpoint has no such model, or nothing at this address. As a refused key, of one model."""

    kind = "unknown_model"


class LlmSlowDown(LlmError):
    """429: the whole lane waits until `retry_after` seconds have passed; no task is blamed."""

    kind = "rate_limited"

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class LlmOverBudget(LlmError):
    """A cap of the UTC day would be passed: tasks wait until `until`; nothing was sent. `kind` tells the whole day's
    (`over_budget`) from the lane's (`lane_budget`)."""

    kind = "over_budget"

    def __init__(
        self, message: str, until: datetime, kind: Literal["over_budget", "lane_budget"] = "over_budget"
    ) -> None:
        super().__init__(message)
        self.until = until
        self.kind = kind


class LlmOverCap(LlmError):
    """The cap on one run's cost would be passed: the run ends, and nothing was sent."""

    kind = "over_cap"


class LlmStopped(LlmError):
    """The run that asked is told to stop: nothing was sent."""

    kind = "stopped"


class LlmUnavailable(LlmError):
    """5xx (`overloaded`: 503, 529; else `server_error`), `network`, `timeout`: retry the task later, also for long."""

    kind = "unavailable"

    def __init__(self, message: str, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


class LlmTimeout(LlmUnavailable):
    """The whole call took longer than its limit, a dripping body included: retry the task later."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "timeout")


class LlmRefused(LlmError):
    """The model refused. Of several products one is the cause: ask in halves; of one it is the end state."""

    kind = "refused"


class LlmContentFilter(LlmRefused):
    """The provider's content filter stopped the request or the reply. As a refusal, by another hand."""

    kind = "content_filter"


class LlmTruncated(LlmError):
    """The reply ended at the output limit. Retry; fewer items a call may help."""

    kind = "truncated"


class LlmInvalid(LlmError):
    """The reply is not what the schema asks for. Retry like any passing failure."""

    kind = "invalid_reply"


class LlmWrongItems(LlmInvalid):
    """The reply names an item that was not asked for, or one twice: whose grade is which is unknown, so none counts."""

    kind = "wrong_items"


class LlmMissingItem(LlmInvalid):
    """The reply leaves an item out; what it says of the others counts."""

    kind = "missing_item"


class LlmImpossible(LlmError):
    """The call can never be sent: 4xx other than 401, 403, 404, 408, 429, or larger than a minute's token limit."""

    kind = "impossible_request"


class LlmPending(LlmError):
    """The answer was ordered in a batch: look again at `until`; no task is blamed."""

    kind = "in_batch"

    def __init__(self, message: str, until: datetime) -> None:
        super().__init__(message)
        self.until = until


class LlmBreakerOpen(LlmError):
    """Too many calls failed and none is sent for `retry_after` seconds; no task is blamed."""

    kind = "breaker_open"

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class PictureError(AssayError):
    """A picture can't be judged. `kind` is the task's reason; `final` says whether to try again."""

    def __init__(self, message: str, kind: str, *, final: bool) -> None:
        super().__init__(message)
        self.kind = kind
        self.final = final


class EngineRefused(AssayError):
    """A search engine gives no result list for this query, and asking again would not help. `kind` says why; the
    query has no list of this engine, which is not an empty list."""

    def __init__(self, message: str, kind: str) -> None:
        super().__init__(message)
        self.kind = kind
