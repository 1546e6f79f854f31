"""A loop whose plan leases several groups together waits for so many places, and never longer than its poll."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from core.domain.labels import Lane
from core.ports import NewTask, Task, TaskKind
from core.runtime.work import WorkPlan, WorkProcess
from tests.support.fakes import FakeClock, InMemoryInbox
from tests.support.waiting import until_true


class Counting(InMemoryInbox):
    """Remembers how many groups each lease asked for."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self.asked: list[int] = []

    async def lease(
        self, kinds: Sequence[TaskKind], groups: int, per_group: int, seconds: float, lane: Lane | None = None
    ) -> list[list[Task]]:
        self.asked.append(groups)
        return await super().lease(kinds, groups, per_group, seconds, lane)


async def _leases(poll_s: float, leased: int) -> tuple[int, list[str]]:
    """Leases that 64 groups took, 8 at once; and how their tasks ended."""
    clock = FakeClock()
    inbox = Counting(clock)
    await inbox.add([NewTask(f"k{i}", "image", "live", f"g{i}", {}) for i in range(64)])

    async def handle(tasks: Sequence[Task]) -> None:
        await asyncio.sleep(0.001 * (1 + int(tasks[0].group_key[1:]) % 5))
        inbox.finish([task.task_id for task in tasks], clock.now())

    process = WorkProcess(WorkPlan("w", ("image",), handle, 8, 1, 30.0, poll_s=poll_s, leased=leased), inbox, clock)
    task = asyncio.create_task(process.run())
    async with asyncio.timeout(10):
        await until_true(process.idle)
        process.stop()
        await task
    return len(inbox.asked), sorted({row.state for row in inbox.rows.values()})


async def test_places_are_gathered_for_a_lease_and_everything_is_worked_off() -> None:
    together, ended = await _leases(poll_s=5.0, leased=4)
    assert ended == ["done"]
    assert together <= 24


async def test_one_at_a_time_takes_a_lease_for_nearly_every_group() -> None:
    singly, ended = await _leases(poll_s=5.0, leased=1)
    assert ended == ["done"]
    assert singly >= 40


async def test_after_a_poll_the_places_that_are_free_are_filled_without_the_rest() -> None:
    clock = FakeClock()
    inbox, others = Counting(clock), asyncio.Event()
    await inbox.add([NewTask(f"k{i}", "image", "live", f"g{i}", {}) for i in range(20)])
    ended: list[str] = []

    async def handle(tasks: Sequence[Task]) -> None:
        if tasks[0].group_key == "g0":
            await others.wait()  # holds its place until all others are through: never are all places free
        inbox.finish([task.task_id for task in tasks], clock.now())
        ended.append(tasks[0].group_key)
        if len(ended) == 19:
            others.set()

    process = WorkProcess(WorkPlan("w", ("image",), handle, 8, 1, 30.0, poll_s=0.02, leased=8), inbox, clock)
    task = asyncio.create_task(process.run())
    async with asyncio.timeout(10):
        await until_true(process.idle)
        process.stop()
        await task
    assert ended[-1] == "g0"
    assert len(ended) == 20
