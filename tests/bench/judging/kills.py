"""kill -9 of one replica of three, again and again, while they judge; another one starts at once."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from random import Random

from tests.bench.judging.checks import OPEN_ENDS, Check, of_labels, of_money, of_repeats, table
from tests.bench.judging.faults import PLENTY
from tests.bench.judging.running import Job, Run, run
from tests.bench.judging.service import Fleet
from tests.bench.judging.work import Shape
from tests.bench.stream.servers import Servers
from tests.bench.stream.tables import Table
from tests.support.provider import Knobs


@dataclass(frozen=True)
class Sizes:
    """How much of what. The leases are short, so that what a dead replica held is soon taken again."""

    queries: int
    products: int
    kills: int
    every_s: float
    first_s: float = 5.0
    """Before the first one: the start of all replicas."""
    replicas: int = 3
    products_per_call: int = 5
    requests_per_minute: int = 1_200
    lease_s: float = 10.0
    timeout_s: float = 15.0
    """Of a call: ten times the 99th percentile, so that none is given up and paid again for that."""
    seed: int = 3


QUICK = Sizes(100, 20, 3, 4.0)
FULL = Sizes(500, 20, 10, 8.0, requests_per_minute=1_500)


async def kills(servers: Servers, sizes: Sizes) -> list[Table]:
    """What happened, and the checks."""
    killer = Killer(sizes)
    done = await run(servers, job(sizes), killer)
    return [_happened(done, sizes), table("Checks", checks(done, killer))]


def job(sizes: Sizes) -> Job:
    """The run."""
    return Job(
        Shape(sizes.queries, sizes.products),
        Knobs(requests_per_minute=sizes.requests_per_minute, tokens_per_minute=PLENTY, numbered=True),
        {
            "llm_timeout_s": sizes.timeout_s,
            "judge_products_per_call": sizes.products_per_call,
            "task_lease_s": sizes.lease_s,
        },
        sizes.replicas,
    )


@dataclass
class Killer:
    """Kills one that is up, starts another, waits; so many times. `at`: when, in seconds since 1970."""

    sizes: Sizes
    at: list[float] = field(default_factory=list)

    async def __call__(self, fleet: Fleet) -> None:
        random = Random(self.sizes.seed)
        await asyncio.sleep(self.sizes.first_s)
        for _ in range(self.sizes.kills):
            await asyncio.sleep(self.sizes.every_s * random.uniform(0.75, 1.25))
            random.choice(fleet.up()).kill9()
            self.at.append(time.time())
            fleet.start()


def checks(done: Run, killer: Killer) -> list[Check]:
    """All of them; every pair has a label here, since nothing but processes failed."""
    labelled = sum(task.state == "done" for task in done.left.tasks)
    last = max(call.at for call in done.calls)
    return [
        Check("the replicas worked until the last kill", last > max(killer.at), f"{done.wall_s:.0f} s of work"),
        Check("no label is lost", labelled == done.job.shape.pairs, f"{labelled} of {done.job.shape.pairs}"),
        *of_labels(done),
        *of_repeats(done, killer.at),
        *of_money(done),
    ]


def _happened(done: Run, sizes: Sizes) -> Table:
    lost = sum(entry.status in OPEN_ENDS for entry in done.left.ledger)
    billed = done.stats.billed
    rows = [
        ["pairs, calls, 429s", f"{done.job.shape.pairs:,}, {done.stats.calls:,}, {_refused(done)}"],
        ["calls in flight when their process was killed", f"{lost}"],
        ["calls that were answered whole", f"{billed['answered']['calls']:,}"],
        ["calls whose work was done for nobody", f"{billed['unanswered']['calls']:,}"],
        ["pairs that were paid twice", f"{done.stats.pairs_again}"],
    ]
    note = f"{sizes.kills} kills in {done.wall_s:.0f} s, {sizes.replicas} replicas"
    return Table(note, ("", ""), rows)


def _refused(done: Run) -> int:
    return sum(count for outcome, count in done.stats.outcomes.items() if outcome.startswith("too many"))
