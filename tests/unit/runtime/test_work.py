"""The work loop: leases are kept alive, ended, or given back; nothing is judged past the limit of groups."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

import pytest

from core.domain.failures import SOLO_CRASHES
from core.domain.labels import Lane
from core.errors import RetryLater
from core.ports import NewTask, Task, TaskFailure, TaskKind, TaskRetry
from core.runtime import work
from core.runtime.work import WorkPlan, WorkProcess
from tests.support.fakes import FakeClock, InMemoryInbox
from tests.support.waiting import until, until_true

Handle = Callable[[Sequence[Task]], Awaitable[None]]


class Inbox(InMemoryInbox):
    """Remembers renewals and can be away."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self.clock = clock
        self.renewed: list[UUID] = []
        self.away = 0
        self.hangs = 0

    async def lease(
        self, kinds: Sequence[TaskKind], groups: int, per_group: int, seconds: float, lane: Lane | None = None
    ) -> list[list[Task]]:
        if self.away:
            self.away -= 1
            raise RetryLater("away")
        return await super().lease(kinds, groups, per_group, seconds, lane)

    async def renew(self, tasks: Sequence[Task], seconds: float) -> set[UUID]:
        if self.hangs:
            self.hangs -= 1
            await asyncio.sleep(100)
        self.renewed += [task.task_id for task in tasks]
        return await super().renew(tasks, seconds)


@pytest.fixture
async def inbox() -> Inbox:
    inbox = Inbox(FakeClock())
    await inbox.add([NewTask(f"k{i}", "relevance", "live", f"g{i // 2}", {}) for i in range(8)])
    return inbox


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "POLL_S", 0.01)
    monkeypatch.setattr(work, "DRAIN_S", 0.1)


@asynccontextmanager
async def running(
    inbox: Inbox, handle: Handle, groups: int = 2, lease_s: float = 30.0, guaranteed: Mapping[Lane, float] | None = None
) -> AsyncIterator[WorkProcess]:
    plan = WorkPlan("w", ("relevance",), handle, groups, 2, lease_s, guaranteed or {})
    process = WorkProcess(plan, inbox, inbox.clock)
    task = asyncio.create_task(process.run())
    try:
        async with asyncio.timeout(5):
            yield process
            process.stop()
            await task
    finally:
        task.cancel()
        await asyncio.wait([task])


def states(inbox: Inbox) -> list[str]:
    return sorted(row.state for row in inbox.rows.values())


async def test_groups_are_handled_whole_and_no_more_than_allowed_at_once(inbox: Inbox) -> None:
    now, most, sizes = 0, 0, []

    async def handle(tasks: Sequence[Task]) -> None:
        nonlocal now, most
        now, sizes_now = now + 1, len(tasks)
        most = max(most, now)
        sizes.append(sizes_now)
        await asyncio.sleep(0.02)
        inbox.finish([task.task_id for task in tasks], inbox.clock.now())
        now -= 1

    async with running(inbox, handle) as process:
        await until_true(process.idle)
    assert (most, sizes, process.progress) == (2, [2, 2, 2, 2], 8)
    assert states(inbox) == ["done"] * 8


async def test_a_backfill_gets_its_guaranteed_places_under_a_flood_of_live_work(inbox: Inbox) -> None:
    await inbox.add([NewTask(f"live{i}", "relevance", "live", f"live{i}", {}) for i in range(200)])
    await inbox.add([NewTask(f"old{i}", "relevance", "backfill", f"old{i}", {}) for i in range(50)])
    handled: list[Lane] = []

    async def handle(tasks: Sequence[Task]) -> None:
        handled.append(tasks[0].lane)
        await asyncio.sleep(0.002 * (1 + len(handled) % 5))
        inbox.finish([task.task_id for task in tasks], inbox.clock.now())

    async with running(inbox, handle, groups=10, guaranteed={"live": 0.5, "backfill": 0.2}):
        await until(lambda: len(handled) >= 150)
    assert 20 <= handled[:150].count("backfill") <= 40


async def test_what_matters_most_is_under_way_alone_before_the_rest_may_join(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "FIRST_GROUPS", 1)
    started: list[str] = []
    may_end = asyncio.Event()

    async def handle(tasks: Sequence[Task]) -> None:
        started.append(tasks[0].group_key)
        await may_end.wait()
        inbox.finish([task.task_id for task in tasks], inbox.clock.now())

    async with running(inbox, handle, groups=4) as process:
        await until(lambda: bool(started))
        await asyncio.sleep(0.05)
        assert len(started) == 1
        may_end.set()
        await until_true(process.idle)
    assert len(started) == 4


async def test_leases_of_long_work_are_renewed(inbox: Inbox) -> None:
    async def handle(_tasks: Sequence[Task]) -> None:
        await asyncio.sleep(0.3)

    async with running(inbox, handle, lease_s=0.15):
        await until(lambda: len(inbox.renewed) >= 4)
    assert len(set(inbox.renewed)) >= 4


async def test_stopping_waits_for_what_ends_in_time(inbox: Inbox) -> None:
    started = asyncio.Event()

    async def handle(tasks: Sequence[Task]) -> None:
        started.set()
        await asyncio.sleep(0.05)
        inbox.finish([task.task_id for task in tasks], inbox.clock.now())

    async with running(inbox, handle, groups=1):
        await started.wait()
    assert states(inbox).count("done") == 2
    assert "running" not in states(inbox)


async def test_stopping_puts_back_what_does_not_end_in_time_without_an_attempt(inbox: Inbox) -> None:
    started = asyncio.Event()

    async def handle(_tasks: Sequence[Task]) -> None:
        started.set()
        await asyncio.sleep(100)

    async with running(inbox, handle):
        await started.wait()
    assert states(inbox) == ["waiting"] * 8
    assert all(row.attempts == 0 for row in inbox.rows.values())


async def test_work_whose_database_went_away_goes_back_without_an_attempt(inbox: Inbox) -> None:
    away = 4

    async def handle(tasks: Sequence[Task]) -> None:
        nonlocal away
        if away:
            away -= 1
            raise RetryLater("away")
        inbox.finish([task.task_id for task in tasks], inbox.clock.now())

    async with running(inbox, handle) as process:
        await until_true(process.idle)
    assert states(inbox) == ["done"] * 8
    assert all(row.attempts == 1 for row in inbox.rows.values())


async def test_stopping_while_the_database_is_away_leaves_the_tasks_to_their_leases(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_retries: Sequence[TaskRetry], _failures: Sequence[TaskFailure]) -> None:
        await asyncio.sleep(0.001)  # this clock's sleep does not give way
        raise RetryLater("away")

    monkeypatch.setattr(inbox, "release", away)

    async def handle(_tasks: Sequence[Task]) -> None:
        raise RetryLater("away")

    async with running(inbox, handle, groups=1) as process:
        await until(lambda: not process.health().ready)
    assert states(inbox).count("running") == 2


async def test_a_heartbeat_that_hangs_is_given_up_for_the_next(inbox: Inbox) -> None:
    inbox.hangs = 1

    async def handle(_tasks: Sequence[Task]) -> None:
        await asyncio.sleep(0.5)

    async with running(inbox, handle, lease_s=0.15):
        await until(lambda: bool(inbox.renewed))
    assert inbox.hangs == 0


async def test_work_whose_lease_is_another_s_is_cancelled_and_ends_nothing(inbox: Inbox) -> None:
    cancelled: list[str] = []

    async def handle(tasks: Sequence[Task]) -> None:
        try:
            await asyncio.sleep(100)
        except asyncio.CancelledError:
            cancelled.append(tasks[0].group_key)
            raise

    async with running(inbox, handle, groups=1, lease_s=0.15):
        await until(lambda: "running" in states(inbox))
        taken = next(row for row in inbox.rows.values() if row.state == "running")
        for row in inbox.rows.values():  # as if another replica had leased all of them
            row.lease, row.state = row.lease + 1, "running"
        await until(lambda: cancelled == [taken.new.group_key])
    assert states(inbox) == ["running"] * 8


async def test_a_task_that_crashed_often_is_worked_on_with_nothing_else_beside_it(inbox: Inbox) -> None:
    suspects = [row for row in inbox.rows.values() if row.new.group_key in ("g0", "g2")]
    for row in suspects:
        row.failures["crashed"] = SOLO_CRASHES
    together: list[set[str]] = []
    under_way: set[str] = set()

    async def handle(tasks: Sequence[Task]) -> None:
        under_way.update(task.task_key for task in tasks)
        together.append(set(under_way))
        await asyncio.sleep(0.02)
        under_way.difference_update(task.task_key for task in tasks)
        inbox.finish([task.task_id for task in tasks], inbox.clock.now())

    async with running(inbox, handle, groups=8) as process:
        await until_true(process.idle)
    alone = {row.new.task_key for row in suspects}
    assert sorted(map(sorted, (keys for keys in together if keys & alone))) == [[key] for key in sorted(alone)]
    assert states(inbox) == ["done"] * 8


async def test_a_database_that_is_away_is_waited_for(inbox: Inbox) -> None:
    inbox.away = 3
    done = asyncio.Event()

    async def handle(tasks: Sequence[Task]) -> None:
        inbox.finish([task.task_id for task in tasks], inbox.clock.now())
        done.set()

    async with running(inbox, handle) as process:
        await until(lambda: not process.health().ready)
        await done.wait()
        await until(lambda: process.health().ready)


async def test_any_other_error_of_the_work_ends_the_process(inbox: Inbox) -> None:
    async def handle(_tasks: Sequence[Task]) -> None:
        raise KeyError("a defect")

    process = WorkProcess(WorkPlan("w", ("relevance",), handle, 1, 2, 30.0), inbox, inbox.clock)
    with pytest.raises(ExceptionGroup) as raised:
        await process.run()
    assert raised.group_contains(KeyError)


async def test_it_is_not_idle_while_work_is_under_way_or_could_run(inbox: Inbox) -> None:
    release = asyncio.Event()

    async def handle(tasks: Sequence[Task]) -> None:
        await release.wait()
        inbox.finish([task.task_id for task in tasks], inbox.clock.now())

    async with running(inbox, handle, groups=8) as process:
        await until(lambda: states(inbox) == ["running"] * 8)
        assert not await process.idle()
        release.set()
        await until_true(process.idle)


async def test_a_nudge_ends_the_wait_for_work(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "POLL_S", 100.0)
    handled: list[str] = []

    async def handle(tasks: Sequence[Task]) -> None:
        handled.extend(task.task_key for task in tasks)
        inbox.finish([task.task_id for task in tasks], inbox.clock.now())

    async with running(inbox, handle, groups=8) as process:
        await until(lambda: len(handled) == 8)
        await asyncio.sleep(0.05)
        await inbox.add([NewTask("late", "relevance", "live", "late", {})])
        await process.nudge()
        await until(lambda: "late" in handled)
