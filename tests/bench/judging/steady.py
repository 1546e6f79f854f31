"""How near to the limit that binds, second by second, once the start is over, and how many 429s that took."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tests.bench.judging.service import fleet
from tests.bench.judging.work import Shape, put
from tests.bench.stream.servers import Cpu, Place, Servers
from tests.bench.stream.tables import Table, say
from tests.support.provider import Knobs, StandIn, Stats, started

TOKENS_A_CALL = 2_500
"""What a call of one product takes at least: rules, guideline, schema, product, answer. Only to queue enough."""

PRODUCTS_A_QUERY = 100


@dataclass(frozen=True)
class Sizes:
    """Seconds, limits as (requests, tokens) a minute, replicas; `charge`, `start` and `burst_s` as the stand-in's."""

    warm_s: float
    window_s: float
    limits: tuple[tuple[int, int], ...] = ((6_000, 40_000_000), (6_000, 4_000_000), (3_000, 1_200_000))
    replicas: tuple[int, ...] = (1, 3)
    products: int = 1
    """A call."""
    charge: str = "used"
    start: float = 1.0
    burst_s: float = 60.0


QUICK = Sizes(20.0, 20.0, limits=((6_000, 40_000_000), (3_000, 1_200_000)))
FULL = Sizes(60.0, 90.0)


@dataclass(frozen=True)
class Steady:
    """One run's window."""

    requests: float
    """A minute."""
    tokens: float
    refused: int
    before: int
    """429s before the window."""
    slowest: float
    """The least share of the limit in any ten seconds."""
    drawn: float
    """Share of what came that was not refilled but left from before."""
    cores: float
    postgres: float


async def steady(servers: Servers, sizes: Sizes) -> list[Table]:
    """One table, a row a run."""
    rows = []
    for limits in sizes.limits:
        for count in sizes.replicas:
            found = await _run(servers, sizes, limits, count)
            rows.append(_row(limits, count, found))
            say(", ".join(rows[-1]))
    note = (
        f"After {sizes.warm_s:.0f} s, over {sizes.window_s:.0f} s; {sizes.products} products a call, the stand-in "
        f"charges tokens as {sizes.charge}, a burst of {sizes.burst_s:.0f} s, full at the start to {sizes.start:.0%}"
    )
    columns = (
        "limit a minute: requests", "tokens", "replicas", "requests a minute", "tokens a minute", "binds",
        "of that limit", "worst 10 s", "of it saved up", "429s", "429s before", "cores a replica", "PostgreSQL",
    )  # fmt: skip
    return [Table(note, columns, rows)]


async def _run(servers: Servers, sizes: Sizes, limits: tuple[int, int], count: int) -> Steady:
    requests, tokens = limits
    knobs = Knobs(
        requests_per_minute=requests, tokens_per_minute=tokens, charge=sizes.charge, start=sizes.start,
        burst_s=sizes.burst_s,
    )  # fmt: skip
    async with servers.place() as place:
        await put(place, _enough(sizes, limits))
        with started(knobs) as provider:
            return await _watched(servers, place, provider, sizes, limits, count)


async def _watched(
    servers: Servers, place: Place, provider: StandIn, sizes: Sizes, limits: tuple[int, int], count: int
) -> Steady:
    settings = {
        "llm_requests_per_minute": limits[0],
        "llm_tokens_per_minute": limits[1],
        "judge_products_per_call": sizes.products,
    }
    with fleet(place, provider, **settings) as replicas:
        for replica in [replicas.start() for _ in range(count)]:
            await replica.started()
        await _first_call(provider)
        await asyncio.sleep(sizes.warm_s)
        cpu, own = servers.cpu(), sum(replica.cpu() for replica in replicas.up())
        await asyncio.sleep(sizes.window_s + 1)
        replicas.check()
        own = sum(replica.cpu() for replica in replicas.up()) - own
        return _window(await provider.stats(), sizes, limits, own / count, servers.cpu().since(cpu))


async def _first_call(provider: StandIn) -> None:
    async with asyncio.timeout(60):
        while not (await provider.stats()).calls:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)


def _enough(sizes: Sizes, limits: tuple[int, int]) -> Shape:
    """Pairs for the whole run and half as much again, and what a full bucket at the start lets through."""
    a_minute = min(limits[0], limits[1] / (TOKENS_A_CALL + 200 * (sizes.products - 1)))
    minutes = 1.5 * (sizes.warm_s + sizes.window_s) / 60 + sizes.start * sizes.burst_s / 60
    pairs = a_minute * minutes * sizes.products
    return Shape(max(20, round(pairs / PRODUCTS_A_QUERY)), PRODUCTS_A_QUERY)


def _window(stats: Stats, sizes: Sizes, limits: tuple[int, int], own: float, others: Cpu) -> Steady:
    first, last = int(sizes.warm_s), int(sizes.warm_s + sizes.window_s)
    seconds = stats.seconds[first:last]
    assert len(seconds) == last - first, f"the run ended after {len(stats.seconds)} s: too few pairs were queued"
    minutes = len(seconds) / 60
    requests, tokens = sum(s.admitted for s in seconds), sum(s.charged for s in seconds)
    by_requests = requests / limits[0] >= tokens / limits[1]
    series = [s.admitted for s in seconds] if by_requests else [s.charged for s in seconds]
    left = [s.requests_left if by_requests else s.tokens_left for s in seconds if s.admitted]
    return Steady(
        requests / minutes,
        tokens / minutes,
        sum(s.refused for s in seconds),
        sum(s.refused for s in stats.seconds[:first]),
        _worst(series) * 6 / limits[0 if by_requests else 1],
        (left[0] - left[-1]) / sum(series) if left else 0.0,
        own / sizes.window_s,
        others.postgres / sizes.window_s,
    )


def _worst(series: Sequence[float]) -> float:
    return min(sum(series[at : at + 10]) for at in range(max(1, len(series) - 9)))


def _row(limits: tuple[int, int], count: int, found: Steady) -> list[str]:
    requests, tokens = found.requests / limits[0], found.tokens / limits[1]
    return [
        f"{limits[0]:,}", f"{limits[1]:,}", f"{count}", f"{found.requests:,.0f}", f"{found.tokens:,.0f}",
        "requests" if requests >= tokens else "tokens", f"{max(requests, tokens):.2%}", f"{found.slowest:.1%}",
        f"{found.drawn:+.1%}", f"{found.refused}", f"{found.before}", f"{found.cores:.2f}", f"{found.postgres:.2f}",
    ]  # fmt: skip


def only(sizes: Sizes, limits: str | None) -> Sizes:
    """With the one pair of limits that a text such as `6000,4000000` names."""
    if limits is None:
        return sizes
    requests, tokens = (int(part) for part in limits.split(","))
    return replace(sizes, limits=((requests, tokens),))
