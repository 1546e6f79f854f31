"""What is done to a run, when, and how: drawn from a seed, then carried out beside each other."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from random import Random

import psutil

from tests.chaos.proxy import AtCommit, Proxy
from tests.chaos.replicas import Fleet, Replica
from tests.chaos.servers import Servers

COMMIT_S = 45.0  # commits come ten times a second while records do, but not while a server is down
STALL_S = (1.0, 8.0)
STALL_POSTGRES_S = (62.0, 66.0)  # longer than the 60 s that a statement may take
STALL_KAFKA_S = (33.0, 36.0)  # longer than the 30 s in which SIGTERM is answered
STALLED_S = 2.0  # by then something waits for an answer that does not come
CONNECTED_S = 20.0  # until something is connected that can be cut
LOOK_S = 0.05
ZOMBIE_S = (1.0, 4.0)  # longer than the session time-out by so much
REPLACED_S = (0.0, 3.0)  # after a kill the scheduler takes its time
DOWN_S = (0.0, 4.0)  # a server that was killed stays away for so long


class Kind(Enum):
    """What can be done."""

    KILL = "replica killed -9"
    ZOMBIE = "replica stopped for longer than its session (zombie)"
    ISOLATED = "replica cut off from Kafka for longer than its session"
    TERM = "replica ended by SIGTERM, another started"
    BROKER = "broker killed -9, started again"
    POSTGRES = "PostgreSQL shut down at once, started again"
    POSTGRES_KILL = "PostgreSQL killed -9, started again"
    CUT_POSTGRES = "all connections to PostgreSQL cut"
    CUT_KAFKA = "all connections to Kafka cut"
    STALL_POSTGRES = "connections to PostgreSQL stalled"
    STALL_KAFKA = "connections to Kafka stalled"
    LONG_POSTGRES = "PostgreSQL stalled over a minute, a replica told to end meanwhile"
    LONG_KAFKA = "Kafka stalled over 30 s, a replica told to end meanwhile"
    COMMIT_LOST = "cut at a commit: the server never sees it"
    COMMIT_UNANSWERED = "cut at a commit: the server commits, its answer is lost"
    COMMIT_LATE = "cut at a commit: it arrives two seconds later"


OF_REPLICA = frozenset({Kind.KILL, Kind.ZOMBIE, Kind.ISOLATED, Kind.TERM})
Dose = Mapping[Kind, int]

LONG: Dose = {
    Kind.KILL: 44, Kind.ZOMBIE: 6, Kind.ISOLATED: 4, Kind.TERM: 5, Kind.BROKER: 3, Kind.POSTGRES: 3,
    Kind.POSTGRES_KILL: 1, Kind.CUT_POSTGRES: 5, Kind.CUT_KAFKA: 5, Kind.STALL_POSTGRES: 4, Kind.STALL_KAFKA: 4,
    Kind.LONG_POSTGRES: 1, Kind.LONG_KAFKA: 1, Kind.COMMIT_LOST: 3, Kind.COMMIT_UNANSWERED: 4, Kind.COMMIT_LATE: 4,
}  # fmt: skip
SHORT: Dose = {
    Kind.KILL: 6, Kind.ZOMBIE: 1, Kind.BROKER: 1, Kind.POSTGRES: 1, Kind.CUT_POSTGRES: 1, Kind.CUT_KAFKA: 1,
    Kind.COMMIT_UNANSWERED: 1, Kind.COMMIT_LATE: 1,
}  # fmt: skip


@dataclass(frozen=True)
class Planned:
    """A fault to come, so many seconds after the first record."""

    after_s: float
    kind: Kind


@dataclass
class Fault:
    """A fault that happened. Times in seconds since 1970; `ended` when what was hurt is there again."""

    kind: Kind
    began: float
    ended: float
    pid: int = 0
    """Of the replica, where it was one."""
    note: str = ""


def plan(random: Random, dose: Dose, seconds: float) -> list[Planned]:
    """Every fault of the dose at a random moment."""
    kinds = [kind for kind, count in dose.items() for _ in range(count)]
    random.shuffle(kinds)
    return [
        Planned(at, kind) for at, kind in zip(sorted(random.uniform(0, seconds) for _ in kinds), kinds, strict=True)
    ]


@dataclass
class Hand:
    """Carries faults out. A server is killed by one fault at a time; all else may come together."""

    servers: Servers
    fleet: Fleet
    random: Random
    session_s: float
    done: list[Fault] = field(default_factory=list)
    _broker: asyncio.Lock = field(default_factory=asyncio.Lock)
    _postgres: asyncio.Lock = field(default_factory=asyncio.Lock)
    _commit: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def carry_out(self, planned: Iterable[Planned], began: float) -> None:
        """All of them, at their times after `began` (monotonic); returns when the last one is over."""
        async with asyncio.TaskGroup() as faults:
            for fault in planned:
                await asyncio.sleep(max(0.0, began + fault.after_s - time.monotonic()))
                faults.create_task(self._one(fault.kind))

    async def _one(self, kind: Kind) -> None:
        if kind in OF_REPLICA:
            await self._hurt(kind, await self.fleet.any())
        elif kind is Kind.BROKER:
            async with self._broker:
                await self._timed(kind, self._kill_broker)
        elif kind in (Kind.POSTGRES, Kind.POSTGRES_KILL):
            async with self._postgres:
                await self._timed(kind, lambda: self._end_postgres(kind))
        elif kind in AT_COMMIT:
            async with self._commit:
                await self._timed(kind, lambda: self._cut_at_commit(AT_COMMIT[kind]))
        else:
            await self._timed(kind, lambda: self._disturb(kind))

    async def _timed(self, kind: Kind, what: Callable[[], Awaitable[str | None]]) -> None:
        """What did not come about is not counted."""
        began = time.time()
        note = await what()
        if note is not None:
            self.done.append(Fault(kind, began, time.time(), note=note))

    async def _hurt(self, kind: Kind, replica: Replica) -> None:
        began = time.time()
        longer = self.session_s + self.random.uniform(*ZOMBIE_S)
        if kind is Kind.KILL:
            self.fleet.kill(replica)
        elif kind is Kind.TERM:
            await self.fleet.end(replica)
        elif kind is Kind.ZOMBIE:
            await self.fleet.pause(replica, longer)
        else:
            await self._isolate(replica, longer)
        self.done.append(Fault(kind, began, time.time(), replica.pid, f"replica {replica.number}"))
        if replica.state == "gone":
            await asyncio.sleep(self.random.uniform(*REPLACED_S))
            self.fleet.fill()

    async def _isolate(self, replica: Replica, seconds: float) -> None:
        replica.state = "paused"
        try:
            await self.servers.to_broker.stall(seconds, replica.ports())
        except psutil.NoSuchProcess:
            return  # it ended unasked: the fleet's watch says so
        if replica.state == "paused":
            replica.state = "up"

    async def _kill_broker(self) -> str:
        await asyncio.to_thread(self.servers.broker.kill9)
        await asyncio.sleep(self.random.uniform(*DOWN_S))
        await asyncio.to_thread(self.servers.broker.start)
        return ""

    async def _end_postgres(self, kind: Kind) -> str:
        postgres = self.servers.postgres
        await asyncio.to_thread(postgres.quit if kind is Kind.POSTGRES else postgres.kill9)
        await asyncio.sleep(self.random.uniform(*DOWN_S))
        await asyncio.to_thread(postgres.restart)
        return ""

    async def _cut_at_commit(self, how: AtCommit) -> str | None:
        fired = await self.servers.to_postgres.cut_at_commit(how, COMMIT_S)
        return how.value if fired else None

    async def _disturb(self, kind: Kind) -> str | None:
        to_kafka = kind in (Kind.CUT_KAFKA, Kind.STALL_KAFKA, Kind.LONG_KAFKA)
        proxy = self.servers.to_broker if to_kafka else self.servers.to_postgres
        if kind in (Kind.CUT_KAFKA, Kind.CUT_POSTGRES):
            return await self._cut(proxy)
        seconds = self.random.uniform(*STALLS.get(kind, STALL_S))
        async with asyncio.TaskGroup() as both:
            both.create_task(proxy.stall(seconds))
            if kind in STALLS:
                await asyncio.sleep(STALLED_S)
                await self._hurt(Kind.TERM, await self.fleet.any())
        return f"{seconds:.1f} s"

    async def _cut(self, proxy: Proxy) -> str | None:
        deadline = time.monotonic() + CONNECTED_S
        while not (count := proxy.cut()):
            if time.monotonic() > deadline:
                return None
            await asyncio.sleep(LOOK_S)
        return f"{count} connections"


STALLS = {Kind.LONG_POSTGRES: STALL_POSTGRES_S, Kind.LONG_KAFKA: STALL_KAFKA_S}
AT_COMMIT = {
    Kind.COMMIT_LOST: AtCommit.LOST,
    Kind.COMMIT_UNANSWERED: AtCommit.UNANSWERED,
    Kind.COMMIT_LATE: AtCommit.LATE,
}
