"""When the next call may be sent: requests and tokens as token buckets at this replica's share, steered by what the
provider says is left. Pure; seconds since 1970, tokens.

Guarantee: the requests granted in any 60 seconds are never above the share of the limit, and the tokens only by what
was estimated too low (and by one call, where a single one is larger than the bucket). A bucket that holds `top` and
refills with (limit - top) a minute gives out at most the limit in any minute; `top` is half a percent of it, so 99.5 %
of the limit can be used.

The provider's own bucket is another one than ours: it may count what a call asked for instead of what it took, other
users may draw on it, and the limit set here may be too high. So its *remaining* is steered: our rate while half of its
top is left, and in proportion less below that. What remains then settles where the two rates are equal, whatever the
reason for their difference; DESIGN 8 measured steering by it at 99.9 % of the limit with no 429.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

BURST_SHARE: Final = 0.005
"""Of a minute's limit, what may go at once: the rate is lower by as much, and a slow look is caught up with."""

RESERVE_SECONDS: Final = 30.0
"""The mark is half of the provider's top, but no more than so many seconds of our rate: where the top is a day's, half
of a day's calls need not be kept back."""

LEAST: Final = 0.5
"""Share of the limit that the rate is at least: of a limit of one or two calls a minute the burst is the most."""

STALE_SECONDS: Final = 15.0
"""What the provider said is forgotten after this: a bucket of a minute has refilled by a quarter."""

SLOWEST: Final = 0.05
"""Share of our rate that is kept up whatever the provider says is left: how else would it say that there is more."""

REFUND_BURSTS: Final = 4.0
"""A bucket may be filled by what calls give back to so many times its top: they come back in lumps."""

LONGEST_SECONDS: Final = 10.0
"""Longest wait before looking again: what others give back meanwhile is not missed for longer."""

TICK_SECONDS: Final = 1e-6
"""Less is no wait: seconds since 1970 are exact to a quarter of it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """All replicas together, a minute; `in_flight` calls at once."""

    requests_per_minute: int
    tokens_per_minute: int
    in_flight: int


@dataclass(frozen=True, slots=True)
class Said:
    """What an answer's headers said of one of the provider's buckets: `limit` a minute (None: not said), what is
    `remaining`, and when the call that heard it was sent."""

    remaining: float
    limit: float | None
    sent_at: float


@dataclass(frozen=True, slots=True)
class Bucket:
    """One limit of this replica. `limit` is the whole of it, a minute; `share` the replica's part of it, 0 to 1."""

    limit: float
    share: float
    level: float
    at: float
    said: Said | None = None
    top_said: float = 0.0
    """The most that the provider ever said was remaining: as good as the top of its bucket."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Both limits, and until when the provider wants no call at all."""

    requests: Bucket
    tokens: Bucket
    hold_until: float = 0.0


def fresh(limits: Limits, now: float) -> Pace:
    """The pace of a replica that has no share yet: nothing may go. Its first share lets one call go at once, not a
    burst: replicas that come and go would add one each time to what the others send in that minute."""
    tokens = float(limits.tokens_per_minute)
    return Pace(
        Bucket(float(limits.requests_per_minute), 0.0, 1.0, now),
        Bucket(tokens, 0.0, max(1.0, BURST_SHARE * tokens), now),
    )


def shared(pace: Pace, share: float, now: float) -> Pace:
    """With another share of the limits; what a bucket holds is cut to the new top. A share that is given up
    and asked for again finds it as it was: coming and going fills nothing and pays no debt."""
    return replace(pace, requests=_with_share(pace.requests, share, now), tokens=_with_share(pace.tokens, share, now))


def wait(pace: Pace, tokens: int, now: float) -> float:
    """Seconds until a call of so many tokens may go; 0 when it may go now."""
    if now < pace.hold_until:
        return pace.hold_until - now
    return max(_wait(pace.requests, 1.0, now), _wait(pace.tokens, float(tokens), now))


def granted(pace: Pace, tokens: int, now: float) -> Pace:
    """Once such a call goes."""
    return replace(pace, requests=_taken(pace.requests, 1.0, now), tokens=_taken(pace.tokens, float(tokens), now))


def returned(pace: Pace, tokens: int, now: float) -> Pace:
    """Once such a call turned out not to be sent."""
    return replace(pace, requests=_taken(pace.requests, -1.0, now), tokens=_taken(pace.tokens, -float(tokens), now))


def settled(pace: Pace, estimated: int, used: int, now: float) -> Pace:
    """Once it is known what a call that was sent took: too much is given back, too little is owed, but no more than a
    minute's: the provider's own bucket has refilled by then, and an endpoint may say anything of what a call took."""
    here = _advanced(pace.tokens, now)
    owed = max(0.0, here.level + here.share * here.limit)
    return replace(pace, tokens=_taken(here, min(float(used - estimated), owed), now))


def heard(pace: Pace, requests: Said | None, tokens: Said | None, now: float) -> Pace:
    """With what an answer's headers said; what an older call heard is no news."""
    return replace(pace, requests=_heard(pace.requests, requests, now), tokens=_heard(pace.tokens, tokens, now))


def held(pace: Pace, until: float) -> Pace:
    """No call before `until`; an earlier end of another hold shortens nothing."""
    return replace(pace, hold_until=max(pace.hold_until, until))


def rate(bucket: Bucket, now: float) -> float:
    """What the bucket refills by, a second: the share's, or less where the provider says that little is left."""
    top = _top(bucket)
    whole = bucket.share * bucket.limit
    own = max(whole - top, LEAST * whole) / 60
    said = bucket.said
    if said is None or now - said.sent_at > STALE_SECONDS:
        return own
    told = bucket.share * (bucket.limit if said.limit is None else min(said.limit, bucket.limit)) / 60
    # The provider's limit is its bucket's top, or more; what it once said may be a better day's, or a slip.
    top_said = min(bucket.top_said, said.limit) if said.limit else bucket.top_said
    mark = min(top_said / 2, RESERVE_SECONDS * bucket.limit / 60)
    return min(own, max(SLOWEST * own, told * said.remaining / mark)) if mark > 0 else own


def _with_share(bucket: Bucket, share: float, now: float) -> Bucket:
    here = replace(_advanced(bucket, now), share=share)
    return replace(here, level=min(here.level, _top(here))) if share > 0.0 else here


def _advanced(bucket: Bucket, now: float) -> Bucket:
    """The bucket at `now`; a clock that was set back stands still."""
    if now <= bucket.at:
        return bucket
    filled = min(_top(bucket), bucket.level + (now - bucket.at) * rate(bucket, bucket.at))
    return replace(bucket, at=now, level=max(bucket.level, filled))


def _wait(bucket: Bucket, amount: float, now: float) -> float:
    here = _advanced(bucket, now)
    missing = min(amount, _top(here)) - here.level
    if bucket.share <= 0.0:
        return LONGEST_SECONDS
    seconds = missing / max(rate(here, now), 1e-9)
    return 0.0 if seconds < TICK_SECONDS else min(seconds, LONGEST_SECONDS)


def _taken(bucket: Bucket, amount: float, now: float) -> Bucket:
    here = _advanced(bucket, now)
    return replace(here, level=min(here.level - amount, max(here.level, REFUND_BURSTS * _top(here))))


def _heard(bucket: Bucket, said: Said | None, now: float) -> Bucket:
    if said is None or (bucket.said is not None and said.sent_at < bucket.said.sent_at):
        return bucket
    here = _advanced(bucket, now)
    return replace(here, said=said, top_said=max(here.top_said, said.remaining))


def _top(bucket: Bucket) -> float:
    return max(1.0, BURST_SHARE * bucket.share * bucket.limit) if bucket.share > 0 else 0.0
