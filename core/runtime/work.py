"""The run loop of a process that works off the inbox: lease, judge many groups at once, keep the leases alive."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import structlog

from core.domain.failures import CRASHED, NO_DATABASE, SOLO_CRASHES, STOPPED
from core.domain.labels import Lane
from core.domain.shares import owed
from core.errors import RetryLater
from core.ports import Clock, Task, TaskInbox, TaskKind, TaskRetry
from core.runtime.process import Health, patiently, wait_for
from core.telemetry import Metrics

log = structlog.get_logger(__name__)

POLL_S = 0.5
"""An empty inbox is asked again after this: half a second is nothing beside a judge's answer."""

LEASED_SHARE = 4
"""One in so many of the free places is leased at once, at least one. All that are free at once would reach the LLM in
any order; a few at a time, a few milliseconds apart, they do by their priority. With a hundred places free, twenty-five
a statement cost little more than one."""

FIRST_GROUPS = 4
"""Groups at once when there was nothing under way; each that ends makes room for one more, up to the plan's. Thirty
that start together reach a judge that was idle in any order, and what matters most is not judged first."""

DRAIN_S = 20.0
"""SIGTERM: calls under way may end within this; what is left is put back. SIGTERM is answered within 30 s."""

HANGS_S = 60.0
"""A loop that has not turned for this long hangs: a turn is one lease, a few milliseconds."""

BEATS = 3
"""Heartbeats in a lease's life: two may fail before the task is another's."""


@dataclass(frozen=True, slots=True)
class WorkPlan:
    """What makes one working process differ from another."""

    name: str
    kinds: tuple[TaskKind, ...]
    handle: Callable[[Sequence[Task]], Awaitable[None]]
    groups: int
    """Groups under way at once; the LLM's own limits are kept further down."""
    per_group: int
    lease_s: float
    guaranteed: Mapping[Lane, float] = field(default_factory=dict)
    """Each lane's part of the groups, 0 to 1: a flood in a better lane must not keep it from being leased at all."""
    soon_s: float = 0.0
    """A task that may be tried again within this is work still to do; `--until-idle` waits for it."""
    poll_s: float = POLL_S
    """An empty inbox is asked again after this."""
    leased: int = 1
    """Groups leased together while so many others are under way that all places were taken, or after `poll_s` what has
    become free: of a long backlog each lease reads thousands of tasks, and for one group costs as much as for ten."""


class WorkProcess:
    """A `Process` over the inbox. Each leased task ends as done, failed or waiting; a crash leaves it to its lease.

    Work whose lease is another's by now is cancelled: what it has not yet sent is not paid for twice. A task that
    crashes again and again is worked on with nothing else beside it, so that nothing else falls with it.
    """

    def __init__(self, plan: WorkPlan, inbox: TaskInbox, clock: Clock, metrics: Metrics | None = None) -> None:
        self._plan = plan
        self._inbox = inbox
        self._clock = clock
        self._metrics = metrics
        self._running: dict[asyncio.Task[None], Sequence[Task]] = {}
        self._solo: list[Sequence[Task]] = []
        self._room = FIRST_GROUPS
        self._without: dict[Lane, float] = {}
        self._wake = asyncio.Event()
        self._stopping = False
        self._away = False
        self._beat = 0.0
        self._leased_at = -math.inf
        self.progress = 0

    @property
    def name(self) -> str:
        return self._plan.name

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            heartbeat = tasks.create_task(self._renewing())
            try:
                while not self._stopping:
                    await self._turn(tasks)
                await self._drain()
            finally:
                heartbeat.cancel()

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()

    async def idle(self) -> bool:
        return not self._running and await self._inbox.runnable(self._plan.kinds, self._plan.soon_s) == 0

    async def nudge(self) -> None:
        self._wake.set()

    def health(self) -> Health:
        beating = asyncio.get_running_loop().time() - self._beat < HANGS_S or self._beat == 0.0
        detail = f"{len(self._running)} groups under way" + (", waiting for PostgreSQL" if self._away else "")
        return Health(beating, not self._away, detail)

    async def _turn(self, tasks: asyncio.TaskGroup) -> None:
        self._beat = asyncio.get_running_loop().time()
        self._wake.clear()
        self._room = self._room if self._running else FIRST_GROUPS
        alone = bool(self._solo) or any(_is_solo(group) for group in self._running.values())
        groups = self._due_solo() if alone else await self._leased()
        for group in groups:
            task = tasks.create_task(self._handle(group))
            self._running[task] = group
            task.add_done_callback(self._ended)
        if not groups:
            await wait_for(self._wake, self._plan.poll_s)

    async def _leased(self) -> list[Sequence[Task]]:
        """What is to start now; groups that have to be alone are kept for when nothing else is under way."""
        free = min(self._room, self._plan.groups) - len(self._running)
        leased = await self._owed_or_best(self._wanted(free)) if free > 0 and not self._gathers(free) else []
        self._solo += [group for group in leased if _is_solo(group)]
        return [group for group in leased if not _is_solo(group)] or self._due_solo()

    def _wanted(self, free: int) -> int:
        return min(free, max(-(-free // LEASED_SHARE), self._plan.leased))

    def _gathers(self, free: int) -> bool:
        """Whether more places are to become free before the next lease."""
        now = asyncio.get_running_loop().time()
        if free < self._plan.leased and self._room >= self._plan.groups and now < self._leased_at + self._plan.poll_s:
            return True
        self._leased_at = now
        return False

    def _due_solo(self) -> list[Sequence[Task]]:
        return [self._solo.pop(0)] if self._solo and not self._running else []

    async def _owed_or_best(self, groups: int) -> list[list[Task]]:
        """A lane below its guaranteed part first; the best there is where none is, or where it has no work."""
        if len(self._running) < FIRST_GROUPS:
            return await self._lease(groups, None)
        now = asyncio.get_running_loop().time()
        without = {lane for lane, until in self._without.items() if now < until}
        under_way = Counter(group[0].lane for group in self._running.values())
        lane = owed(under_way, self._plan.groups, self._plan.guaranteed, without)
        leased = await self._lease(groups, lane)
        if leased or lane is None:
            return leased
        self._without[lane] = now + POLL_S
        return await self._owed_or_best(groups)

    async def _lease(self, groups: int, lane: Lane | None) -> list[list[Task]]:
        plan = self._plan
        try:
            leased = await self._inbox.lease(plan.kinds, groups, plan.per_group, plan.lease_s, lane)
        except RetryLater as error:
            self._away = True
            log.warning("waiting", for_what="PostgreSQL", error=str(error))
            return []
        self._away = False
        return leased

    async def _handle(self, group: Sequence[Task]) -> None:
        try:
            await self._plan.handle(group)
        except RetryLater as error:
            # The database went away under the work: what is not stored by then is to be done again, by anyone.
            log.warning("work.put_off", tasks=len(group), error=str(error))
            self._away = True
            with suppress(RetryLater):  # told to stop meanwhile: the leases run out by themselves
                await patiently(
                    lambda: self._put_back(group, NO_DATABASE), self._clock, "PostgreSQL", self._is_stopping
                )
        self.progress += len(group)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.pop(task, None)
        self._room = min(self._room + 1, self._plan.groups)
        self._wake.set()

    async def _renewing(self) -> None:
        every = self._plan.lease_s / BEATS
        while True:
            await asyncio.sleep(every)
            try:
                async with asyncio.timeout(every):  # one that hangs is given up for the next
                    await self._renew()
            except (RetryLater, TimeoutError) as error:
                log.warning("work.lease_not_renewed", error=str(error) or "no answer in time")

    async def _renew(self) -> None:
        asked = dict(self._running)
        tasks = [task for group in (*asked.values(), *self._solo) for task in group]
        if not tasks:
            return
        lost = await self._inbox.renew(tasks, self._plan.lease_s)
        for work, group in asked.items():
            if not work.done() and any(task.task_id in lost for task in group):
                await self._give_way(work, group)

    async def _give_way(self, work: asyncio.Task[None], group: Sequence[Task]) -> None:
        """Somebody else is at it. What has been sent is thrown away here and comes from there; what is still ours, if
        anything, goes back."""
        work.cancel()
        log.warning("work.lease_lost", tasks=len(group), group=group[0].group_key)
        if self._metrics is not None:
            self._metrics.count("assay_task_leases_lost_total", len(group), process=self.name)
        await self._put_back(group, STOPPED)

    async def _put_back(self, group: Sequence[Task], reason: str) -> None:
        now = self._clock.now()
        back = [TaskRetry(task.task_id, reason, now, counts=False, lease=task.lease) for task in group]
        await self._inbox.release(back, [])

    def _is_stopping(self) -> bool:
        return self._stopping

    async def _drain(self) -> None:
        if self._running:
            await asyncio.wait(self._running, timeout=DRAIN_S)
        left = dict(self._running)
        for task in left:
            task.cancel()
        back = [task for group in (*left.values(), *self._solo) for task in group]
        if back:
            await asyncio.wait(left, timeout=1) if left else None
            await patiently(lambda: self._put_back(back, STOPPED), self._clock, "PostgreSQL", lambda: True)


def _is_solo(group: Sequence[Task]) -> bool:
    return any(task.failures.get(CRASHED, 0) >= SOLO_CRASHES for task in group)
