"""One run from its beginning to its report."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from statistics import median
from typing import Literal

from tests.chaos import log, servers, verify, watch
from tests.chaos.faults import LONG, Dose, Fault, Hand, Kind, plan
from tests.chaos.feed import Feed
from tests.chaos.replicas import Fleet, Protocol
from tests.chaos.report import Report, counted, from_assigned, recovered
from tests.chaos.servers import PARTITIONS, ROOT, TOPIC, Servers
from tests.chaos.watch import Recovery, Watch
from tests.support import streams

WARM_S = 8.0  # replicas start and take their partitions before the first fault
UNTIL_IDLE_S = 120.0  # a last look over what is there takes seconds


@dataclass(frozen=True)
class Wanted:
    """What a run is to be."""

    records: int = 300_000
    minutes: float = 12.0
    replicas: int = 3
    seed: int = 1
    protocol: Literal["consumer", "classic", "both"] = "both"
    dose: Dose = field(default_factory=lambda: LONG)
    session_s: float = 5.0
    """Groups notice a silent member after this: a tenth of what is usual, so that a run sees it often."""
    source: Path = ROOT

    @property
    def seconds(self) -> float:
        """How long records come."""
        return self.minutes * 60


@dataclass
class Scene:
    """What a run holds while it goes on."""

    servers: Servers
    fleet: Fleet
    watch: Watch
    hand: Hand
    feed: Feed


def say(what: str) -> None:
    """How far it is, for who waits."""
    print(f"{time.strftime('%H:%M:%S')} {what}", flush=True)


async def run(wanted: Wanted, directory: Path) -> Report:
    """All of it; logs of every replica stay in `directory`."""
    began = time.monotonic()
    partitions = log.make_partitions(wanted.seed, PARTITIONS)
    records = log.make_records(wanted.seed, partitions, wanted.records)
    async with servers.started(directory, wanted.session_s, wanted.source) as held:
        feed = Feed(held.broker.bootstrap, TOPIC, records, wanted.records / wanted.seconds, Random(wanted.seed))
        say(f"{wanted.records:,} records in {wanted.minutes:g} minutes, {sum(wanted.dose.values())} faults")
        async with _scene(wanted, directory, held, feed) as scene:
            try:
                await _hurt(wanted, scene)
            finally:
                scene.hand.done.sort(key=lambda fault: fault.began)
                _keep(directory / "faults.jsonl", scene.hand.done)
            ended = time.time()
            say("all records are sent; the plain implementation counts them")
            await asyncio.to_thread(streams.Sender(held.broker.bootstrap, TOPIC).send, [p.end() for p in partitions])
            expected = await asyncio.to_thread(verify.expected, held, PARTITIONS)
            say("waiting for the replicas")
            problems = await _finish(scene, expected)
            say("comparing")
            differences = await verify.differences(held, expected)
            differences += await _published(scene, expected)
            found = watch.recoveries(scene.watch, scene.fleet, scene.hand.done, ended)
            _keep(directory / "recoveries.jsonl", found)
            return _report(wanted, scene, expected, found, differences, problems, time.monotonic() - began)


@asynccontextmanager
async def _scene(wanted: Wanted, directory: Path, held: Servers, feed: Feed) -> AsyncIterator[Scene]:
    random = Random(wanted.seed)
    first: Protocol = "classic" if wanted.protocol == "classic" else "consumer"
    fleet = Fleet(held, directory, wanted.replicas, wanted.session_s, random, first)
    seen = Watch(held.postgres.dsn)
    try:
        async with asyncio.TaskGroup() as looking:  # who looks on and dies of it ends the run
            tasks = [looking.create_task(fleet.watch()), looking.create_task(seen.run())]
            fleet.fill()
            feed.start()
            yield Scene(held, fleet, seen, Hand(held, fleet, random, wanted.session_s), feed)
            for task in tasks:
                task.cancel()
    finally:
        feed.stop()
        fleet.kill_all()


async def _hurt(wanted: Wanted, scene: Scene) -> None:
    """Every fault of the dose while records come; with `both` protocols the group changes over at half time."""
    faults = plan(Random(wanted.seed), wanted.dose, wanted.seconds - WARM_S)
    began = time.monotonic() + WARM_S
    half = (wanted.seconds - WARM_S) / 2
    if wanted.protocol == "both":
        await scene.hand.carry_out([fault for fault in faults if fault.after_s < half], began)
        await scene.fleet.switch("classic")
        faults = [fault for fault in faults if fault.after_s >= half]
    await scene.hand.carry_out(faults, began)
    await asyncio.to_thread(scene.feed.join)
    await asyncio.to_thread(scene.feed.close)


async def _finish(scene: Scene, expected: verify.Expected) -> list[str]:
    """Let the replicas come to the log's end, end them, and have one more look at it that ends by itself."""
    problems = list(scene.feed.failed)
    stuck = await watch.drained(scene.watch, expected.last, scene.fleet)
    await scene.fleet.end_all()
    if not stuck:
        problems += await _ends(scene.fleet.until_idle(), "search-log --until-idle")
    return problems + ([stuck] if stuck else [])


async def _published(scene: Scene, expected: verify.Expected) -> list[str]:
    problems = await _ends(scene.fleet.outbox(), "outbox --until-idle")
    return problems or await asyncio.to_thread(verify.published, scene.servers, expected, PARTITIONS)


async def _ends(process: subprocess.Popen[bytes], what: str) -> list[str]:
    try:
        code = await asyncio.to_thread(process.wait, UNTIL_IDLE_S)
    except subprocess.TimeoutExpired:
        return [f"{what} has not ended within {UNTIL_IDLE_S:.0f} s"]
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    return [f"{what}: exit {code}"] if code else []


def _report(
    wanted: Wanted,
    scene: Scene,
    expected: verify.Expected,
    found: Sequence[Recovery],
    differences: list[str],
    problems: list[str],
    seconds: float,
) -> Report:
    times = [recovery.from_fault_s for recovery in found]
    assigned = from_assigned(found)
    alone = [recovery for recovery in found if recovery.alone]
    return Report(
        seed=wanted.seed,
        protocol=wanted.protocol,
        replicas=wanted.replicas,
        records=expected.records,
        aborted=scene.feed.aborted,
        dead_letters=len(expected.outcome.dead),
        panes=len(expected.outcome.panes),
        automated=expected.outcome.automated,
        seconds=seconds,
        faults=counted(scene.hand.done),
        kills=sum(fault.kind is Kind.KILL for fault in scene.hand.done),
        recoveries=len(times),
        median_recovery_s=median(times or [0.0]),
        longest_recovery_s=max(times, default=0.0),
        median_from_assigned_s=median(assigned or [0.0]),
        longest_from_assigned_s=max(assigned, default=0.0),
        undisturbed=len(alone),
        longest_undisturbed_s=max((recovery.from_fault_s for recovery in alone), default=0.0),
        longest_undisturbed_from_assigned_s=max(from_assigned(alone), default=0.0),
        by_kind=recovered(alone),
        differences=differences,
        unasked=scene.fleet.unasked,
        problems=problems,
    )


def _keep(path: Path, rows: Sequence[Fault] | Sequence[Recovery]) -> None:
    """Beside the replicas' logs."""
    path.write_text("".join(json.dumps({**vars(row), "kind": row.kind.name}) + "\n" for row in rows))
