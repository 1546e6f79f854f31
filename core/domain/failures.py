"""What is done about each kind of failure of a judging task: one row a kind, as docs/failures.md shows it.

A task remembers how often each kind has met it, so an outage's tries do not use up those of a wrong reply. A kind is
also the task's reason in `assay.judge_tasks`: while it waits for the next try, and as its end state.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

CRASHED = "crashed"
"""A lease that ran out with nobody renewing it: the process died under the task, or hung."""

DOUBTED_CRASHES = 3
"""From so many crashes on a task is leased alone, at several times the tokens. One is any deployment's kill, two a bad
day's; of three the task may be the cause, and the others of its group are not to fall with it."""

SOLO_CRASHES = 4
"""From so many a process has nothing else under way beside it: only the guilty one goes on crashing."""

STOPPED = "stopped"
"""The process was told to stop, and the task did not end in time."""

NO_DATABASE = "no_database"
"""PostgreSQL went away under the work; nothing was stored."""

BACKOFF_BASE_S = 5.0
"""Ceiling of the first pause, 2.5 s in the mean: longer than a provider's restart of one worker."""

BACKOFF_CAP_S = 600.0
"""No try within the attempts waits longer: an operator sees work move within minutes."""

OVERLOAD_BASE_S = 20.0
"""An overloaded provider (503, 529) asks all its customers to go away for longer than one fault does."""

SOON_BASE_S = 1.0
"""A product that a reply left out is only asked for again, with whatever else waits."""

OUTAGE_PAUSE_S = 1_800.0
"""Between tries once the attempts are used up and the provider is still away: few enough to cost nothing, and work
moves within half an hour of its return."""

OUTAGE_TRIES = 48
"""So many more tries, a day of them. A task that brings the provider down by itself ends then."""

TIMEOUT_TRIES = 6
"""As many for calls that were never answered, over three hours: each may have been billed."""

TRUNCATED_TRIES = 2
"""A product alone whose answer passes the output limit twice does so always: the limit is double what one takes."""

UNAUTHORISED_PAUSE_S = 60.0
"""A person has to set a key: one try a minute notices it soon and floods neither provider nor log."""

WAKE_SPREAD = 0.1
"""Share of an ordered pause that is added at random, so that tasks that were stopped together don't return together."""

WAKE_SPREAD_CAP_S = 30.0
"""Most that is added so: after a pause until midnight half a minute spreads a lane's tasks enough."""

LONGEST_PAUSE_S = 86_400.0
"""Most of a foreign pause that is believed: a day, within which budgets and quotas start anew."""


@dataclass(frozen=True, slots=True)
class PutOff:
    """Nobody's fault but ours: the attempt is given back, and the task waits as long as the failure orders."""

    pause_s: float | None = None
    """Seconds, where the failure itself orders none."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Tried again with full jitter below a doubling ceiling; then the end state."""

    base_s: float = BACKOFF_BASE_S
    cap_s: float = BACKOFF_CAP_S
    tries: int | None = None
    """Most failures of this kind, this one included; None: the setting `task_attempts`, and never more than that."""
    outage_tries: int = 0
    """So many more, half an hour apart."""


@dataclass(frozen=True, slots=True)
class Final:
    """Asking again would change nothing: the end state at once."""


Policy = PutOff | Retry | Final


POLICIES: Mapping[str, Policy] = {
    # They say themselves for how long.
    "rate_limited": PutOff(),
    "over_budget": PutOff(),
    "lane_budget": PutOff(),
    "breaker_open": PutOff(),
    "in_batch": PutOff(),
    # A person has to do something.
    "unauthorised": PutOff(UNAUTHORISED_PAUSE_S),
    "unknown_model": PutOff(UNAUTHORISED_PAUSE_S),
    # The provider's trouble.
    "overloaded": Retry(base_s=OVERLOAD_BASE_S, outage_tries=OUTAGE_TRIES),
    "server_error": Retry(outage_tries=OUTAGE_TRIES),
    "network": Retry(outage_tries=OUTAGE_TRIES),
    "timeout": Retry(outage_tries=TIMEOUT_TRIES),
    # The reply's: asked again, with fewer products (`products_together`).
    "invalid_reply": Retry(),
    "wrong_items": Retry(),
    "missing_item": Retry(base_s=SOON_BASE_S),
    "truncated": Retry(tries=TRUNCATED_TRIES),
    # The product's own, once it was asked for alone.
    "refused": Final(),
    "content_filter": Final(),
    "impossible_request": Final(),
    "listing_unknown": Final(),
    "listing_unusable": Final(),
}
"""The table of docs/failures.md, of all kinds but those of pictures, which say themselves whether they pass."""


def policy(kind: str) -> Policy:
    """What is done about a failure of this kind; one that is not named is tried like a reply that can't be read."""
    return POLICIES.get(kind, Retry())


@dataclass(frozen=True, slots=True)
class Again:
    """Back to waiting until `at`; `counts` false gives the attempt back."""

    at: datetime
    counts: bool


def next_try(
    done: Policy, failures: int, attempts: int, ordered_s: float | None, now: datetime, jitter: float
) -> Again | None:
    """When a task is tried again after its failure number `failures` of one kind (1 is the first); None: it ends.

    `attempts` is the setting `task_attempts`, `ordered_s` the pause that the failure itself orders, in seconds;
    `jitter` is drawn by the caller from 0 to 1 (full jitter: Brooker, "Exponential Backoff And Jitter", AWS 2015).
    """
    match done:
        case PutOff(pause_s):
            pause = ordered_pause_s((pause_s or 0.0) if ordered_s is None else ordered_s, jitter)
            return Again(now + timedelta(seconds=pause), counts=False)
        case Retry(base_s, cap_s, tries, outage_tries):
            most = attempts if tries is None else min(tries, attempts)
            if failures >= most + outage_tries:
                return None
            if failures >= most:
                pause = ordered_pause_s(max(OUTAGE_PAUSE_S, ordered_s or 0.0), jitter)
            else:
                pause = max(ordered_s or 0.0, 0.0) + backoff_s(failures, jitter, base_s, cap_s)
            return Again(now + timedelta(seconds=min(pause, LONGEST_PAUSE_S)), counts=True)
        case Final():
            return None


def backoff_s(failure: int, jitter: float, base_s: float = BACKOFF_BASE_S, cap_s: float = BACKOFF_CAP_S) -> float:
    """Seconds to wait after failure number `failure` (1 is the first): `jitter` times the doubling ceiling."""
    doublings = min(max(failure, 1) - 1, 32)
    return jitter * min(cap_s, base_s * 2.0**doublings)


def ordered_pause_s(pause: float, jitter: float) -> float:
    """A pause that was ordered, in full, and a little more at random."""
    kept = min(max(pause, 0.0), LONGEST_PAUSE_S)
    return kept + jitter * min(WAKE_SPREAD * kept, WAKE_SPREAD_CAP_S)


DOUBTFUL = ("invalid_reply", "wrong_items")
"""Kinds of which one product of a call may be the cause, and nobody can say which."""


def products_together(most: int, doubts: int) -> int:
    """How many products may go into one call of which one has failed `doubts` times in replies that can't be used.

    All together once more, since most such replies are the model's slip; then a quarter, then each alone: whichever
    product it is, it ends alone and the others get their labels.
    """
    return most if doubts < 2 else max(1, most // 4) if doubts == 2 else 1
