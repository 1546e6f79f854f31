"""Queries of twenty results each, from the start of the service to labels in PostgreSQL, guidelines included; what a
pair takes in tokens and money beside one call a pair, and beside the same with nothing of it cached."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from tests.bench.judging.checks import of_labels
from tests.bench.judging.running import Job, Run, run
from tests.bench.judging.work import Shape, usd
from tests.bench.stream.servers import Servers
from tests.bench.stream.tables import Table
from tests.support.provider import Knobs

TWENTY = 20
ORDER_CACHE_S, ORDER_REQUESTS = 1.5, 3_000
"""How long the stand-in's prompt cache lasts where order is measured: five minutes of a backlog of hours, scaled to a
run of seconds at so many requests a minute. One product a call: twenty calls share a guideline."""


@dataclass(frozen=True)
class Sizes:
    """Queries of twenty; a sample of them with one product a call; queries of a hundred for the order."""

    queries: int
    sample: int
    ordered: int
    replicas: int = 1
    requests_per_minute: int = 6_000
    tokens_per_minute: int = 4_000_000
    charge: str = "used"
    start: float = 1.0
    burst_s: float = 60.0


QUICK = Sizes(50, 5, 20)
FULL = Sizes(1_000, 50, 60)


async def pairs(servers: Servers, sizes: Sizes) -> list[Table]:
    """Three tables: the run, the tokens and money of a pair, and what order is worth."""
    whole = await _judged(servers, sizes, Shape(sizes.queries, TWENTY), TWENTY)
    alone = await _judged(servers, sizes, Shape(sizes.sample, TWENTY), 1)
    together, mixed = [await _ordered(servers, sizes, by_prefix=by_prefix) for by_prefix in (True, False)]
    return [_times(whole, sizes), _tokens(whole, alone, sizes), _order(together, mixed)]


async def _judged(servers: Servers, sizes: Sizes, shape: Shape, a_call: int) -> Run:
    done = await run(servers, Job(shape, _knobs(sizes), {"judge_products_per_call": a_call}, sizes.replicas))
    for check in of_labels(done):
        assert check.holds, check
    return done


async def _ordered(servers: Servers, sizes: Sizes, *, by_prefix: bool) -> Run:
    """Tasks in no order, and a rate that keeps calls of many queries waiting."""
    knobs = Knobs(requests_per_minute=ORDER_REQUESTS, cache_s=ORDER_CACHE_S, median_ms=100, p99_ms=100)
    settings = {"judge_products_per_call": 1, "llm_prefix_order": by_prefix}
    return await run(servers, Job(Shape(sizes.ordered, TWENTY), knobs, settings, mixed=True))


def _knobs(sizes: Sizes) -> Knobs:
    return Knobs(
        requests_per_minute=sizes.requests_per_minute, tokens_per_minute=sizes.tokens_per_minute,
        charge=sizes.charge, start=sizes.start, burst_s=sizes.burst_s,
    )  # fmt: skip


def _times(whole: Run, sizes: Sizes) -> Table:
    stats = whole.stats
    billed = stats.billed["answered"]
    tokens = billed["input"] + billed["output"]
    calls = ", ".join(f"{count:,} {purpose}" for purpose, count in sorted(stats.purposes.items()))
    at_limit = max(stats.calls / sizes.requests_per_minute, tokens / sizes.tokens_per_minute)
    refused = sum(count for outcome, count in stats.outcomes.items() if outcome.startswith("too many"))
    rows = [
        ["start of the service to the last label, minutes", f"{whole.wall_s / 60:.2f}"],
        ["before that: the command's own start, s", f"{whole.start_s:.1f}"],
        ["after that: until the command has ended, s", f"{whole.exit_s:.1f}"],
        ["the limit alone would allow, minutes (from empty buckets)", f"{at_limit:.2f}"],
        ["pairs a second", f"{whole.job.shape.pairs / whole.wall_s:,.0f}"],
        ["calls", calls],
        ["tokens a minute, of the limit", f"{tokens / whole.wall_s * 60 / sizes.tokens_per_minute:.1%}"],
        ["429s", f"{refused}"],
        ["most calls in flight", f"{stats.most_in_flight}"],
        ["CPU s: service, PostgreSQL", f"{whole.own:.1f}, {whole.others.postgres:.1f}"],
    ]
    note = (
        f"{whole.job.shape.pairs:,} pairs ({whole.job.shape.queries:,} queries of {TWENTY}), replicas: "
        f"{sizes.replicas}, {sizes.requests_per_minute:,} requests and {sizes.tokens_per_minute:,} tokens a minute, "
        f"buckets full to {sizes.start:.0%} at the start"
    )
    return Table(note, ("", ""), rows)


def _tokens(whole: Run, alone: Run, sizes: Sizes) -> Table:
    rows = [
        _per_pair(f"{TWENTY} products a call", whole, sizes),
        _per_pair("the same, no prefix shared", whole, sizes, cached=False),
        _per_pair(f"1 product a call ({alone.job.shape.pairs:,} pairs)", alone, sizes),
        _per_pair("the same, no prefix shared", alone, sizes, cached=False),
    ]
    share = _a_pair(whole, "input") / _a_pair(alone, "input")
    note = (
        f"Of a pair, guidelines included, at the prices of gpt-4o-mini: {TWENTY} products a call take {share:.1%} of "
        f"the input tokens of one a call; the minutes are what the limit allows for {whole.job.shape.pairs:,} pairs"
    )
    columns = ("", "calls", "input", "of it cached", "output", "USD for 1,000 pairs", "minutes at the limit")
    return Table(note, columns, rows)


def _per_pair(name: str, done: Run, sizes: Sizes, *, cached: bool = True) -> list[str]:
    """Guidelines of the sample weigh as in the whole: both have twenty products a query."""
    known = _a_pair(done, "cached") if cached else 0.0
    fresh, output = _a_pair(done, "input"), _a_pair(done, "output")
    calls = done.stats.calls / done.job.shape.pairs
    pairs = sizes.queries * TWENTY
    minutes = max(calls * pairs / sizes.requests_per_minute, (fresh + output) * pairs / sizes.tokens_per_minute)
    tokens = [f"{count:,.0f}" for count in (fresh, known, output)]
    return [name, f"{calls:.2f}", *tokens, f"{_usd(done, cached=cached):.4f}", f"{minutes:.2f}"]


def _a_pair(done: Run, name: str) -> float:
    return done.stats.billed["answered"][name] / done.job.shape.pairs


def _usd(done: Run, *, cached: bool) -> Decimal:
    """Of a thousand pairs."""
    billed = done.stats.billed["answered"]
    total = usd(billed["input"], billed["cached"] if cached else 0, billed["output"])
    return total * 1_000 / done.job.shape.pairs


def _order(together: Run, mixed: Run) -> Table:
    rows = [
        [name, f"{_a_pair(done, 'input'):,.0f}", f"{_a_pair(done, 'cached'):,.0f}", f"{_usd(done, cached=True):.4f}"]
        for name, done in (("calls of one query together", together), ("in the order they came", mixed))
    ]
    note = (
        f"{together.job.shape.queries} queries of {TWENTY} products, one a call, and a prompt cache that forgets after "
        f"{ORDER_CACHE_S} s, a two-hundredth of the usual. Of a pair, by whether calls of a query are put together"
    )
    return Table(note, ("", "input", "of it cached", "USD for 1,000 pairs"), rows)
