"""A circuit breaker as a pure machine: a flood of failures stops the calls, one probe at a time finds the end of it.

Closed: calls go. Open: none for a while, which doubles each time the trouble is still there. Half-open: one call goes
as the probe; its success closes, its failure opens again (Nygard, "Release It!", 2007). It must not open at the
failures of an ordinary day: cutting at every 500 held throughput at 69 % of the limit (DESIGN 8).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Phase = Literal["closed", "half_open", "open"]

Outcome = Literal["ok", "trouble", "content", "none"]
"""`trouble`: the endpoint does not work. `content`: it works and bills, and what it says is no answer. `none`: says
nothing of its health, such as a rate limit (the lane's hold is for that), a budget, or a call that was given up."""

TROUBLE = frozenset({"server_error", "overloaded", "network", "timeout", "unavailable"})
CONTENT = frozenset({"invalid_reply", "wrong_items", "truncated", "refused", "content_filter", "impossible_request"})
"""Of these an ordinary day has many at once when one query's products are refused; only when nearly all calls end so is
it the model. `impossible_request` is free, but a wrong parameter would end every task of the queue with it."""


@dataclass(frozen=True, slots=True)
class Rules:
    """When it opens and for how long. Seconds, shares 0 to 1.

    With 6 % trouble (DESIGN 8's faults) half of 30 calls fail once in 10^11 windows, and 8 in a row once in 6 * 10^9
    calls: simulated at 0.2 to 600 calls a second in the tests, it never opens.
    """

    window: float = 30.0
    """Half a minute: a shorter one opens at the second's restart of one server, a longer one is slow to see an end."""
    minimum: int = 30
    """Fewer calls tell nothing of a share."""
    trouble_share: float = 0.5
    """A quarter is the lane's to slow down at; when every second call fails, a pair costs twice its time and more."""
    content_share: float = 0.8
    """Of the answered: they are billed, but a refused topic or a too low output limit fails a part by itself."""
    in_a_row: int = 8
    """Calls in trouble and none answered between, which a slow lane meets before it has `minimum` in a window, ..."""
    silence: float = 5.0
    """... over so long a time: at 600 calls a second one cut connection fails hundreds of calls at once."""
    open_for: float = 5.0
    """First pause: a worker restarts within it, and nobody waits long for a false alarm."""
    open_most: float = 300.0
    """Longest pause: a call each five minutes costs nothing, and an end is seen soon enough."""
    calm: float = 60.0
    """Closed for so long, the next trouble is a new one and begins with the first pause."""


BUCKETS = 10
"""Parts of the window: what leaves it does so in steps of a tenth."""


@dataclass(frozen=True, slots=True)
class _Bucket:
    number: int
    ok: int = 0
    trouble: int = 0
    content: int = 0


@dataclass(frozen=True, slots=True)
class Breaker:
    """The state. `since`: when this phase began; `until`: end of the pause; times in seconds of any one clock.

    `turn` counts the phases: what a call of an earlier turn ends with says nothing of this one.
    """

    since: float
    phase: Phase = "closed"
    until: float = 0.0
    turn: int = 0
    pauses: int = 0
    probing: bool = False
    row: int = 0
    row_since: float = 0.0
    buckets: tuple[_Bucket, ...] = ()
    why: str = ""


def fresh(now: float) -> Breaker:
    """Closed, nothing known."""
    return Breaker(since=now)


def outcome_of(kind: str) -> Outcome:
    """What a call's end says of the endpoint; `kind` is `ok` or an `LlmError.kind`."""
    if kind == "ok":
        return "ok"
    return "trouble" if kind in TROUBLE else "content" if kind in CONTENT else "none"


def admitted(breaker: Breaker, now: float) -> tuple[Breaker, bool]:
    """Whether a call may go now. After a pause the first to ask is the probe, and the others wait for its end."""
    if breaker.phase == "closed":
        return breaker, True
    if breaker.phase == "open" and (now >= breaker.until or now < breaker.since):  # or the clock was set back
        return _turned(breaker, "half_open", now, probing=True), True
    if breaker.phase == "half_open" and not breaker.probing:
        return replace(breaker, probing=True), True
    return breaker, False


def wait(breaker: Breaker, now: float, rules: Rules) -> float:
    """Seconds after which a refused call may ask again: the rest of the pause, or a moment while a probe is out."""
    return max(0.0, breaker.until - now) if breaker.phase == "open" else rules.open_for


def ended(breaker: Breaker, turn: int, outcome: Outcome, now: float, rules: Rules) -> Breaker:
    """After a call that was admitted in `turn`."""
    if turn != breaker.turn:
        return breaker
    if breaker.phase == "half_open":
        return _probed(breaker, outcome, now, rules)
    return breaker if outcome == "none" else _counted(breaker, outcome, now, rules)


def _probed(breaker: Breaker, outcome: Outcome, now: float, rules: Rules) -> Breaker:
    """A probe that says nothing leaves its place to the next."""
    if outcome == "none":
        return replace(breaker, probing=False)
    if outcome == "ok":
        return _turned(replace(breaker, row=0, buckets=(), why=""), "closed", now)
    return _opened(breaker, breaker.why, now, rules)


def _counted(breaker: Breaker, outcome: Outcome, now: float, rules: Rules) -> Breaker:
    seen = replace(
        breaker,
        row=breaker.row + 1 if outcome == "trouble" else 0,
        row_since=breaker.row_since if breaker.row else now,
        buckets=_added(breaker.buckets, outcome, int(now * BUCKETS / rules.window)),
    )
    why = "" if outcome == "ok" else _why(seen, now, rules)
    return _opened(seen, why, now, rules) if why else seen


def _added(buckets: tuple[_Bucket, ...], outcome: Outcome, number: int) -> tuple[_Bucket, ...]:
    """With one more in the newest; those that have left the window are gone."""
    last = buckets[-1] if buckets and buckets[-1].number >= number else _Bucket(number)
    before = tuple(each for each in buckets if number - BUCKETS < each.number < last.number)
    match outcome:
        case "ok":
            return (*before, replace(last, ok=last.ok + 1))
        case "trouble":
            return (*before, replace(last, trouble=last.trouble + 1))
        case _:
            return (*before, replace(last, content=last.content + 1))


def _why(breaker: Breaker, now: float, rules: Rules) -> str:
    """What opens it; empty when nothing does."""
    if breaker.row >= rules.in_a_row and now - breaker.row_since >= rules.silence:
        return f"{breaker.row} calls in a row failed"
    ok, trouble, content = (
        sum(getattr(each, name) for each in breaker.buckets) for name in ("ok", "trouble", "content")
    )
    calls, answered = ok + trouble + content, ok + content
    if calls >= rules.minimum and trouble >= rules.trouble_share * calls:
        return f"{trouble} of {calls} calls failed"
    if answered >= rules.minimum and content >= rules.content_share * answered:
        return f"{content} of {answered} answers can't be used"
    return ""


def _opened(breaker: Breaker, why: str, now: float, rules: Rules) -> Breaker:
    """Again after a short calm or from a failed probe: twice the pause."""
    again = breaker.phase == "half_open" or (breaker.pauses and now - breaker.since < rules.calm)
    pauses = breaker.pauses + 1 if again else 1
    pause = min(rules.open_most, rules.open_for * 2.0 ** min(pauses - 1, 32))
    return replace(_turned(breaker, "open", now), until=now + pause, pauses=pauses, why=why, row=0, buckets=())


def _turned(breaker: Breaker, phase: Phase, now: float, *, probing: bool = False) -> Breaker:
    return replace(breaker, phase=phase, since=now, turn=breaker.turn + 1, probing=probing)
