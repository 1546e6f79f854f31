"""A provider at its worst: errors, resets, hangs, broken JSON and ten seconds of 429s. Every pair ends all the same."""

from __future__ import annotations

from dataclasses import dataclass

from tests.bench.judging.checks import Check, of_labels, of_money, of_waiting, table
from tests.bench.judging.running import Job, Run, run
from tests.bench.judging.work import Shape
from tests.bench.stream.servers import Servers
from tests.bench.stream.tables import Table
from tests.support.provider import Knobs

SHARES = "server_error=0.03,reset=0.02,hang=0.01,invalid_json=0.02"
PLENTY = 1_000_000_000


@dataclass(frozen=True)
class Sizes:
    """How much of what. Seconds: the storm begins after the first call."""

    queries: int
    products: int
    replicas: int
    storm_at: float
    storm_for: float
    timeout_s: float = 5.0
    """Of a call: the 99th percentile is 1.5 s, and a hang takes all of it."""
    products_per_call: int = 5
    requests_per_minute: int = 1_200
    faults: str = SHARES


QUICK = Sizes(40, 20, 2, 3.0, 3.0, requests_per_minute=2_400)
FULL = Sizes(400, 20, 3, 20.0, 10.0)


async def faults(servers: Servers, sizes: Sizes) -> list[Table]:
    """What happened, and the checks."""
    done = await run(servers, job(sizes))
    return [_happened(done), table("Checks", checks(done))]


def job(sizes: Sizes) -> Job:
    """The run."""
    return Job(
        Shape(sizes.queries, sizes.products),
        Knobs(
            requests_per_minute=sizes.requests_per_minute,
            tokens_per_minute=PLENTY,
            faults=sizes.faults,
            storm_at=sizes.storm_at,
            storm_for=sizes.storm_for,
            numbered=True,
        ),
        {"llm_timeout_s": sizes.timeout_s, "judge_products_per_call": sizes.products_per_call},
        sizes.replicas,
    )


def checks(done: Run) -> list[Check]:
    """All of them."""
    return [*of_labels(done), *of_waiting(done), *of_money(done)]


def _happened(done: Run) -> Table:
    """By what the stand-in did with the calls."""
    stats, sizes = done.stats, done.job
    rows = [[name, f"{count:,}", f"{count / stats.calls:.1%}"] for name, count in sorted(stats.outcomes.items())]
    note = (
        f"{sizes.shape.pairs:,} pairs, {sizes.replicas} replicas, {stats.calls:,} calls in {done.wall_s:.0f} s, at "
        f"most {stats.most_in_flight} in flight; what became of them"
    )
    return Table(note, ("outcome", "calls", "share"), rows)
