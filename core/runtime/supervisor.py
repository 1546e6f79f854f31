"""Runs processes side by side until a signal, an error, or (`--until-idle`) until nothing is left to do."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from core.errors import StopProcess
from core.runtime.process import Process

log = structlog.get_logger(__name__)

SHUTDOWN_S = 25.0
"""Everything has drained within this or is dropped: SIGTERM is answered within 30 s, and what is dropped is
taken up again from the store."""

IDLE_LOOK_S = 0.2
"""How often `--until-idle` looks: a fifth of the time a record may wait for its transaction."""


async def supervise(processes: Sequence[Process], stop: asyncio.Event, *, until_idle: bool = False) -> None:
    """Run all to their end. The first error stops all and is raised; `stop` (a signal) drains."""
    running = {asyncio.create_task(p.run(), name=p.name) for p in processes}
    waits = {asyncio.create_task(_signalled(stop), name="signal")}
    if until_idle:
        waits.add(asyncio.create_task(_until_idle(processes), name="idle"))
    try:
        ended, _ = await asyncio.wait(running | waits, return_when=asyncio.FIRST_COMPLETED)
        for task in ended & running:
            if task.exception() is None and not stop.is_set():
                log.error("process.ended", process=task.get_name())
    finally:
        for task in waits:
            task.cancel()
        await _drain(processes, running)
    _raise_first(running | waits)


async def _drain(processes: Sequence[Process], running: set[asyncio.Task[None]]) -> None:
    for process in processes:
        process.stop()
    _, left = await asyncio.wait(running, timeout=SHUTDOWN_S)
    for task in left:
        log.warning("process.dropped", process=task.get_name())
        task.cancel()
    if left:
        await asyncio.wait(left, timeout=1)


async def _until_idle(processes: Sequence[Process]) -> None:
    """Return once every process is idle and a look by each of them, after that, has found nothing more to do."""
    while True:
        await _all_idle(processes)
        before = sum(p.progress for p in processes)
        for process in processes:
            await process.nudge()
        await _all_idle(processes)
        if sum(p.progress for p in processes) == before:
            return


async def _all_idle(processes: Sequence[Process]) -> None:
    while not all([await p.idle() for p in processes]):  # noqa: ASYNC110 - what is waited for is in Kafka and Postgres
        await asyncio.sleep(IDLE_LOOK_S)


async def _signalled(stop: asyncio.Event) -> None:
    await stop.wait()


def _raise_first(tasks: set[asyncio.Task[None]]) -> None:
    errors = [error for task in tasks if task.done() and not task.cancelled() and (error := task.exception())]
    if errors:
        raise first_cause(errors[0])


def first_cause(error: BaseException) -> BaseException:
    """The first real error inside nested groups; a named one of ours before any other."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    causes = [first_cause(inner) for inner in error.exceptions]
    return next((cause for cause in causes if isinstance(cause, StopProcess)), causes[0])
