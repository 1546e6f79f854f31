"""The run loop of a process that works off the inbox: lease, judge many groups at once, keep the leases alive."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

from core.errors import RetryLater
from core.ports import Clock, Task, TaskInbox, TaskKind, TaskRetry
from core.runtime.process import Health, patiently, wait_for

log = structlog.get_logger(__name__)

POLL_S = 0.5
"""An empty inbox is asked again after this: half a second is nothing beside a judge's answer."""

GROUPS_A_TURN = 1
"""Groups leased at once. All that are free at once would reach the LLM in any order; one after the other, a few
milliseconds apart, they do by their priority, and 200 a second are more than any provider answers."""

FIRST_GROUPS = 4
"""Groups at once when there was nothing under way; each that ends makes room for one more, up to the plan's. Thirty
that start together reach a judge that was idle in any order, and what matters most is not judged first."""

DRAIN_S = 20.0
"""SIGTERM: calls under way may end within this; what is left is put back. SIGTERM is answered within 30 s."""

HANGS_S = 60.0
"""A loop that has not turned for this long hangs: a turn is one lease, a few milliseconds."""


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
    soon_s: float = 0.0
    """A task that may be tried again within this is work still to do; `--until-idle` waits for it."""


class WorkProcess:
    """A `Process` over the inbox. Each leased task ends as done, failed or waiting; a crash leaves it to its lease."""

    def __init__(self, plan: WorkPlan, inbox: TaskInbox, clock: Clock) -> None:
        self._plan = plan
        self._inbox = inbox
        self._clock = clock
        self._running: dict[asyncio.Task[None], Sequence[Task]] = {}
        self._room = FIRST_GROUPS
        self._wake = asyncio.Event()
        self._stopping = False
        self._away = False
        self._beat = 0.0
        self.progress = 0

    @property
    def name(self) -> str:
        return self._plan.name

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            heartbeat = tasks.create_task(self._renew())
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
        free = min(self._room, self._plan.groups) - len(self._running)
        groups = await self._lease(min(free, GROUPS_A_TURN)) if free else []
        for group in groups:
            task = tasks.create_task(self._handle(group))
            self._running[task] = group
            task.add_done_callback(self._ended)
        if not groups:
            await wait_for(self._wake, POLL_S)

    async def _lease(self, free: int) -> list[list[Task]]:
        try:
            leased = await self._inbox.lease(self._plan.kinds, free, self._plan.per_group, self._plan.lease_s)
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
            # The database went away under the work: the leases end by themselves and the tasks are taken again.
            log.warning("work.put_off", tasks=len(group), error=str(error))
            self._away = True
        self.progress += len(group)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.pop(task, None)
        self._room = min(self._room + 1, self._plan.groups)
        self._wake.set()

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._plan.lease_s / 3)
            held = [task.task_id for group in self._running.values() for task in group]
            try:
                if held:
                    await self._inbox.renew(held, self._plan.lease_s)
            except RetryLater as error:
                log.warning("work.lease_not_renewed", error=str(error))

    async def _drain(self) -> None:
        if self._running:
            await asyncio.wait(self._running, timeout=DRAIN_S)
        left = dict(self._running)
        for task in left:
            task.cancel()
        back = [
            TaskRetry(task.task_id, "stopped", self._clock.now(), counts=False)
            for group in left.values()
            for task in group
        ]
        if back:
            await asyncio.wait(left, timeout=1)
            await patiently(lambda: self._inbox.release(back, []), self._clock, "PostgreSQL", lambda: True)
