"""Whether a call may be sent now: rate, calls in flight, money. Pure; a ledger runs it under its lock.

Guarantee: for calls whose real tokens are at most those asked for, the requests and the tokens granted in any
60 seconds are never above the limits, whatever comes back when. Two mechanisms, each for its own end:

- the **window** holds the limit: what was granted in each half second of the last 61, and a grant only while
  the sum stays within the limit. What a settled call did not use is taken from the half second it was granted
  in, so the sum is always that of the real use;
- the **bucket** paces: it holds one second's worth and refills so that a minute's limit is spread over the
  window. A call larger than the bucket takes it below zero and the next waits.

Times are seconds since 1970, money is picodollars.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Final, Literal

from core.domain.window import EMPTY, WINDOW_SECONDS, Window, added, corrected, shifted, until_room

BURST_SECONDS: Final = 1.0
"""What may go at once: providers enforce a minute's limit second by second, so no more than one second's worth
(but two calls, so that a late look loses nothing)."""

REFUND_SECONDS: Final = 10.0
"""Tokens that a call gives back may fill the bucket to so many seconds' worth: a long call's come back when the
bucket has refilled by itself, and cutting them off would pace by the worst case instead of the real use."""

POLL_SECONDS: Final = 0.1
"""Wait for something whose end nobody knows (a call of another process): a tenth of a fast reply."""

YIELD_SECONDS: Final = 0.5
"""How long after its next try is due a better lane that had to wait keeps the others back: a slow try is not late."""

TICK_SECONDS: Final = 1e-6
"""Less is no wait: seconds since 1970 are exact to a quarter of it."""

REFILL_SECONDS_MAX: Final = 10.0
"""Longest wait before trying again: what others give back meanwhile is not missed for longer."""

WaitReason = Literal["rate", "tokens", "in_flight", "budget", "hold", "probe", "lane"]


@dataclass(frozen=True, slots=True)
class Limits:
    """All replicas together; `lease` is the longest a call may be under way, in seconds."""

    requests_per_minute: int
    tokens_per_minute: int
    max_in_flight: int
    budget: int
    lease: float


@dataclass(frozen=True, slots=True)
class Ask:
    """A call that wants to be sent: its lane's rank (0 first), its tokens and cost at their worst."""

    rank: int
    tokens: int
    cost: int


@dataclass(frozen=True, slots=True)
class Spend:
    """One budget day: `spent` by ended calls, `reserved` by those under way at their worst case."""

    spent: int = 0
    reserved: int = 0


@dataclass(frozen=True, slots=True)
class LaneState:
    """What is known at `at`. Slot 0 of the window is the half second that `at` is in, slot 1 the one before."""

    at: float
    requests: Window
    tokens: Window
    request_level: float
    token_level: float
    in_flight: int = 0
    hold_until: float = 0.0
    probing: bool = False
    probe_until: float = 0.0
    waiting: tuple[float, float] = (0.0, 0.0)
    """Until when the lanes of rank 0 and 1 keep worse ones back, because they had to wait themselves."""


@dataclass(frozen=True, slots=True)
class Grant:
    """Send it."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Ask again after `seconds`, or earlier when a call of this process ends."""

    seconds: float
    reason: WaitReason


@dataclass(frozen=True, slots=True)
class Refuse:
    """Not today (`over_budget`), or never (`too_large` for a minute's tokens)."""

    reason: Literal["over_budget", "too_large"]


Verdict = Grant | Wait | Refuse


@dataclass(frozen=True, slots=True)
class Settlement:
    """An ended call: when it was granted and what it had asked for; what it took. `sent` false: it never left.

    `hold` is for how many seconds from now the provider wants no call at all; None when it said nothing of the kind.
    `late`: it was given up before, so its slot is free already.
    """

    granted_at: float
    asked_tokens: int
    tokens: int
    sent: bool = True
    hold: float | None = None
    late: bool = False


def fresh(limits: Limits, now: float) -> LaneState:
    """The state before the first call: an empty window, full buckets."""
    request_top, token_top = _tops(limits)
    return LaneState(now, EMPTY, EMPTY, request_top, token_top)


def advance(state: LaneState, limits: Limits, now: float) -> LaneState:
    """The state at `now`. A clock that runs back a little stands still; one that was set back by more than a
    window is followed, and what the window holds counts as just granted."""
    if now < state.at - WINDOW_SECONDS:
        held = max(0.0, state.hold_until - state.at)
        return replace(state, at=now, hold_until=now + held, probe_until=0.0, waiting=(0.0, 0.0))
    now = max(now, state.at)
    elapsed = now - state.at
    requests, tokens = _rates(limits)
    request_top, token_top = _tops(limits)
    return replace(
        state,
        at=now,
        requests=shifted(state.requests, state.at, now),
        tokens=shifted(state.tokens, state.at, now),
        request_level=_refilled(state.request_level, elapsed * requests, request_top),
        token_level=_refilled(state.token_level, elapsed * tokens, token_top),
    )


def decide(
    state: LaneState, spend: Spend, asks: Sequence[Ask], limits: Limits, now: float
) -> tuple[LaneState, Spend, list[Verdict]]:
    """A verdict for each ask, in the order given; better lanes are served first, then the order given.

    Where one has to wait, all behind it wait: a large call is not overtaken for ever by small ones.
    """
    state = advance(state, limits, now)
    verdicts: list[Verdict] = [Grant()] * len(asks)
    blocked: Wait | None = None
    for index in sorted(range(len(asks)), key=lambda i: asks[i].rank):
        ask = asks[index]
        verdict = _refusal(spend, ask, limits) or blocked or _obstacle(state, spend, ask, limits)
        if isinstance(verdict, Wait):
            blocked = blocked or verdict
            state = _noted(state, ask.rank, verdict)
        elif verdict is None:
            state, spend = _granted(state, ask, limits), replace(spend, reserved=spend.reserved + ask.cost)
        verdicts[index] = verdict or Grant()
    return state, spend, verdicts


def settle(state: LaneState, settlements: Sequence[Settlement], limits: Limits, now: float) -> LaneState:
    """The state once these calls have ended."""
    return reduce(lambda after, ended: _settled(after, ended, limits), settlements, advance(state, limits, now))


def expire(state: LaneState, calls: int) -> LaneState:
    """`calls` of dead processes no longer count as in flight; what they were granted stays in the window."""
    return replace(state, in_flight=max(0, state.in_flight - calls))


def _refusal(spend: Spend, ask: Ask, limits: Limits) -> Refuse | None:
    if ask.tokens > limits.tokens_per_minute:
        return Refuse("too_large")
    return Refuse("over_budget") if spend.spent + ask.cost > limits.budget else None


def _obstacle(state: LaneState, spend: Spend, ask: Ask, limits: Limits) -> Wait | None:
    if state.at < state.hold_until:
        return Wait(state.hold_until - state.at, "hold")
    if state.probing and state.at < state.probe_until:
        return Wait(POLL_SECONDS, "probe")
    if any(state.at < until for until in state.waiting[: ask.rank]):
        return Wait(YIELD_SECONDS, "lane")
    if state.in_flight >= limits.max_in_flight:
        return Wait(POLL_SECONDS, "in_flight")
    if spend.spent + spend.reserved + ask.cost > limits.budget:
        return Wait(POLL_SECONDS, "budget")
    return _too_soon(state, ask, limits)


def _too_soon(state: LaneState, ask: Ask, limits: Limits) -> Wait | None:
    _, token_top = _tops(limits)
    per_request, per_token = _rates(limits)
    requests = max(
        (1.0 - state.request_level) / per_request,
        until_room(state.requests, state.at, 1, limits.requests_per_minute),
    )
    tokens = max(
        (min(float(ask.tokens), token_top) - state.token_level) / per_token,
        until_room(state.tokens, state.at, ask.tokens, limits.tokens_per_minute),
    )
    longest = max(requests, tokens)
    if longest < TICK_SECONDS:  # a level that misses its mark by rounding alone is there
        return None
    return Wait(min(longest, REFILL_SECONDS_MAX), "rate" if requests >= tokens else "tokens")


def _granted(state: LaneState, ask: Ask, limits: Limits) -> LaneState:
    return replace(
        state,
        requests=added(state.requests, 1),
        tokens=added(state.tokens, ask.tokens),
        request_level=state.request_level - 1,
        token_level=state.token_level - ask.tokens,
        in_flight=state.in_flight + 1,
        probe_until=state.at + limits.lease if state.probing else 0.0,
        waiting=_marked(state, ask.rank, 0.0),
    )


def _noted(state: LaneState, rank: int, wait: Wait) -> LaneState:
    """While one of a good lane waits for room, worse lanes of other processes don't take it."""
    if wait.reason not in ("rate", "tokens", "in_flight", "budget") or rank >= len(state.waiting):
        return state
    return replace(state, waiting=_marked(state, rank, state.at + wait.seconds + YIELD_SECONDS))


def _marked(state: LaneState, rank: int, until: float) -> tuple[float, float]:
    live, panel = state.waiting
    return (until if rank == 0 else live, until if rank == 1 else panel)


def _settled(state: LaneState, ended: Settlement, limits: Limits) -> LaneState:
    used = ended.tokens if ended.sent else 0
    request_top, token_top = _tops(limits)
    back = 0 if ended.sent else 1
    held = state.hold_until if ended.hold is None else max(state.hold_until, state.at + ended.hold)
    probed = state.probing and ended.sent and state.at >= state.hold_until
    return replace(
        state,
        requests=corrected(state.requests, state.at, ended.granted_at, -back),
        tokens=corrected(state.tokens, state.at, ended.granted_at, used - ended.asked_tokens),
        request_level=min(request_top, state.request_level + back),
        token_level=min(token_top * REFUND_SECONDS, state.token_level + ended.asked_tokens - used),
        in_flight=max(0, state.in_flight - (0 if ended.late else 1)),
        hold_until=held,
        probing=ended.hold is not None or (state.probing and not probed),
        probe_until=state.probe_until if ended.sent and ended.hold is None else 0.0,
    )


def _refilled(level: float, amount: float, top: float) -> float:
    return max(level, min(top, level + amount))


def _rates(limits: Limits) -> tuple[float, float]:
    return limits.requests_per_minute / WINDOW_SECONDS, limits.tokens_per_minute / WINDOW_SECONDS


def _tops(limits: Limits) -> tuple[float, float]:
    requests, tokens = _rates(limits)
    return max(2.0, requests * BURST_SECONDS), max(1.0, tokens * BURST_SECONDS)
