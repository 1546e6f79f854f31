"""The supervisor: the first error stops all, a signal drains, `until_idle` ends when nothing is left."""

from __future__ import annotations

import asyncio

import pytest

from core.errors import RetryLater, StopProcess
from core.runtime import supervisor
from core.runtime.process import Health, patiently
from core.runtime.supervisor import first_cause, supervise
from tests.support.fakes import FakeClock
from tests.support.waiting import PausingClock


class Scripted:
    """A process that does what the test says."""

    def __init__(self, name: str = "p", *, fails: Exception | None = None, work: int = 0, drains: bool = True) -> None:
        self.name = name
        self.progress = 0
        self.fails = fails
        self.work = work
        self.drains = drains
        self.stopped = asyncio.Event()
        self.drained = False
        self.nudges = 0

    async def run(self) -> None:
        await asyncio.sleep(0.01)
        if self.fails is not None:
            raise self.fails
        await self.stopped.wait()
        if not self.drains:
            await asyncio.sleep(1_000)
        self.drained = True

    def stop(self) -> None:
        self.stopped.set()

    async def idle(self) -> bool:
        if self.work:
            self.work -= 1
            self.progress += 1
        return self.work == 0

    async def nudge(self) -> None:
        self.nudges += 1

    def health(self) -> Health:
        return Health(True, True, "")


async def soon(*processes: Scripted, stop: asyncio.Event | None = None, until_idle: bool = False) -> None:
    async with asyncio.timeout(5):
        await supervise(processes, stop or asyncio.Event(), until_idle=until_idle)


async def test_the_first_error_stops_and_drains_all_and_is_raised() -> None:
    other = Scripted("other")
    with pytest.raises(StopProcess, match="refused"):
        await soon(Scripted(fails=StopProcess("refused")), other)
    assert other.drained


async def test_an_error_in_a_group_of_tasks_comes_out_bare() -> None:
    group = ExceptionGroup("", [ExceptionGroup("", [KeyError("x")])])
    with pytest.raises(KeyError):
        await soon(Scripted(fails=group))


def test_a_named_error_is_raised_before_any_other() -> None:
    named = StopProcess("named")
    assert first_cause(ExceptionGroup("", [KeyError("x"), named])) is named


async def test_a_signal_drains_all() -> None:
    processes = [Scripted("a"), Scripted("b")]
    stop = asyncio.Event()
    running = asyncio.create_task(soon(*processes, stop=stop))
    await asyncio.sleep(0.05)
    assert not running.done()
    stop.set()
    await running
    assert all(process.drained for process in processes)


async def test_a_process_that_does_not_drain_in_time_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "SHUTDOWN_S", 0.05)
    stop = asyncio.Event()
    stop.set()
    process = Scripted(drains=False)
    await soon(process, stop=stop)
    assert not process.drained


async def test_until_idle_ends_when_all_are_idle_and_a_nudge_finds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "IDLE_LOOK_S", 0.01)
    processes = [Scripted("a", work=3), Scripted("b")]
    await soon(*processes, until_idle=True)
    assert processes[0].progress == 3
    assert all(process.nudges >= 1 and process.drained for process in processes)


async def test_until_idle_goes_on_when_a_nudge_brings_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "IDLE_LOOK_S", 0.01)

    class Chained(Scripted):
        async def nudge(self) -> None:
            self.nudges += 1
            self.work = 2 if self.nudges == 1 else 0

    process = Chained()
    await soon(process, until_idle=True)
    assert process.nudges == 2


async def test_an_error_while_waiting_for_idle_is_raised() -> None:
    with pytest.raises(StopProcess):
        await soon(Scripted(fails=StopProcess("x"), work=10**9), until_idle=True)


async def test_patience_waits_longer_each_time_up_to_ten_seconds() -> None:
    clock, tries = PausingClock(), 0

    async def action() -> str:
        nonlocal tries
        tries += 1
        if tries < 10:
            raise RetryLater("away")
        return "done"

    assert await patiently(action, clock, "it", lambda: False) == "done"
    assert clock.pauses.seconds == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0, 10.0]


async def test_patience_ends_when_the_process_stops() -> None:
    async def action() -> None:
        raise RetryLater("away")

    with pytest.raises(RetryLater):
        await patiently(action, FakeClock(), "it", lambda: True)
