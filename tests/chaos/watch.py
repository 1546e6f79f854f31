"""Looks on: how far each partition is, and how long it stood still after a fault."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import asyncpg

from tests.chaos.faults import OF_REPLICA, Fault, Kind
from tests.chaos.replicas import Fleet, Replica, logged_at
from tests.chaos.servers import TOPIC

LOOK_S = 0.05
CONNECT_S = 5.0
STANDS_S = 90.0
"""Partitions that have not moved for this long, with nothing being done to them, are stuck: a statement's own limit of
60 s and the 10 s that clients wait between two tries fit in it."""

PROGRESS = "SELECT partition, owner, applied, updated_at FROM assay_data.stream_partitions WHERE topic = $1"
# The last is what asyncpg says of a connection whose server has ended between two statements.
GONE = (OSError, asyncio.TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


@dataclass(frozen=True)
class Moved:
    """A partition's row after a change."""

    at: float
    """Of the change, by the replica's clock, in seconds since 1970."""
    pid: int
    applied: int


@dataclass
class Watch:
    """Every change of `stream_partitions`, as far as twenty looks a second see it."""

    dsn: str
    moves: dict[int, list[Moved]] = field(default_factory=dict)

    async def run(self) -> None:
        """Until cancelled; a server that is away is what this run is about."""
        while True:
            try:
                connection = await asyncpg.connect(self.dsn, timeout=CONNECT_S, command_timeout=CONNECT_S)
            except GONE:
                await asyncio.sleep(LOOK_S)
                continue
            try:
                while True:
                    self._take(await connection.fetch(PROGRESS, TOPIC))
                    await asyncio.sleep(LOOK_S)
            except GONE:
                pass
            finally:
                connection.terminate()

    def applied(self) -> dict[int, int]:
        """The last offset of each partition that is in the panes."""
        return {partition: moves[-1].applied for partition, moves in self.moves.items()}

    def _take(self, rows: Sequence[asyncpg.Record]) -> None:
        for row in rows:
            moves = self.moves.setdefault(row["partition"], [])
            pid = int(row["owner"].rpartition(":")[2])
            if not moves or (moves[-1].pid, moves[-1].applied) != (pid, row["applied"]):
                moves.append(Moved(row["updated_at"].timestamp(), pid, row["applied"]))

    def owner(self, partition: int, at: float) -> int:
        """Which process a partition's row named at a moment; 0 when none did."""
        moves = self.moves[partition]
        return next((moved.pid for moved in reversed(moves) if moved.at <= at), 0)

    def grown(self, partition: int) -> Iterator[Moved]:
        """The changes that brought a partition further."""
        before = -1
        for moved in self.moves[partition]:
            if moved.applied > before:
                yield moved
            before = max(before, moved.applied)


@dataclass(frozen=True)
class Recovery:
    """From a fault until a partition that it had stopped moved again, in seconds."""

    kind: Kind
    partition: int
    began: float
    from_fault_s: float
    """From the fault's beginning; where a server or connections were hurt, from its end."""
    from_assigned_s: float | None
    """From when another replica was given the partition; None where the same one went on."""
    alone: bool
    """Whether nothing else was done in the meantime."""


Assignments = Mapping[int, Sequence[tuple[float, int]]]


def assignments(replicas: Iterable[Replica]) -> dict[int, list[tuple[float, int]]]:
    """When each partition was given to which process, from the replicas' logs."""
    found: dict[int, list[tuple[float, int]]] = {}
    for replica in replicas:
        for line in replica.lines():
            if line.get("event") == "stream.assigned":
                found.setdefault(int(str(line["partition"])), []).append((logged_at(line), replica.pid))
    return {partition: sorted(given) for partition, given in found.items()}


def recoveries(watch: Watch, fleet: Fleet, faults: Sequence[Fault], until: float) -> list[Recovery]:
    """Of every fault before `until` (when records ended) and every partition that it hit."""
    given = assignments(fleet.all)
    found = []
    for fault in faults:
        for partition in watch.moves:
            hit = fault.kind not in OF_REPLICA or watch.owner(partition, fault.began) == fault.pid
            moved = _moved(watch, fault, partition) if hit and fault.began < until else None
            if moved is not None:
                found.append(_recovery(given, faults, fault, partition, moved))
    return found


def _moved(watch: Watch, fault: Fault, partition: int) -> Moved | None:
    """The first progress after a fault: by another replica, or by the one it hit once that is over."""
    for moved in watch.grown(partition):
        if moved.at > (fault.began if fault.pid and moved.pid != fault.pid else fault.ended):
            return moved
    return None


def _recovery(given: Assignments, faults: Sequence[Fault], fault: Fault, partition: int, moved: Moved) -> Recovery:
    assigned = None
    if fault.pid:
        times = (at for at, pid in given.get(partition, ()) if fault.began < at <= moved.at and pid == moved.pid)
        assigned = next(times, None)
    others = (other for other in faults if other is not fault)
    return Recovery(
        kind=fault.kind,
        partition=partition,
        began=fault.began,
        from_fault_s=moved.at - (fault.began if fault.pid else fault.ended),
        from_assigned_s=None if assigned is None else moved.at - assigned,
        alone=not any(other.began < moved.at and other.ended > fault.began for other in others),
    )


async def drained(watch: Watch, ends: Mapping[int, int], fleet: Fleet) -> str:
    """Wait until all that was sent is applied; what is wrong when it is not, else nothing."""
    last, since = watch.applied(), time.monotonic()
    while any(watch.applied().get(partition, -1) < end for partition, end in ends.items()):
        now = watch.applied()
        if now != last:
            last, since = now, time.monotonic()
        if time.monotonic() - since > STANDS_S or not fleet.up():
            tails = "\n".join(f"--- replica {replica.number}\n{replica.tail()}" for replica in fleet.up())
            return (
                f"{len(fleet.up())} replicas, nothing moves: applied {now}, last records are at {dict(ends)}\n{tails}"
            )
        await asyncio.sleep(LOOK_S)
    return ""
