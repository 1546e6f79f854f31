"""How far a run is, while it runs: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from core.stages.eval_run import Meter
from core.stages.purse import Purse

LOOK_S = 0.5
"""Between two looks on a terminal: nobody reads faster."""

LINE_S = 10.0
"""Between two lines elsewhere: an hour's run writes 360."""


class Watch:
    """What is told of a run, from its meter and its purse. `what` it is that is counted."""

    def __init__(self, meter: Meter, purse: Purse, what: str = "pairs") -> None:
        self.meter = meter
        self.purse = purse
        self.what = what
        self._since = monotonic()

    @property
    def seconds(self) -> float:
        """Since the run was taken up."""
        return monotonic() - self._since

    def left(self) -> str:
        """Time left at the pace so far; answers that were known before the run was taken up are no pace."""
        done = self.meter.done - self.meter.before
        if not done or self.meter.done >= self.meter.total:
            return ""
        return f"{duration((self.meter.total - self.meter.done) * self.seconds / done)} left"

    def money(self) -> str:
        """Spent, and the cap."""
        return f"${self.purse.spent_usd:.4f} of at most ${self.purse.cap_usd:.4f}"

    def line(self) -> str:
        """All of it in a line."""
        parts = (f"{self.meter.done:,} of {self.meter.total:,} {self.what}", self.failures(), self.money(), self.left())
        return ", ".join(part for part in parts if part)

    def failures(self) -> str:
        """How many have no answer."""
        return f"{self.meter.failed} without an answer" if self.meter.failed else ""


@asynccontextmanager
async def watched(watch: Watch, *, quiet: bool) -> AsyncIterator[None]:
    """Told on standard error while the block lasts."""
    if quiet:
        yield
        return
    console = Console(stderr=True)
    task = asyncio.create_task(_bar(watch, console) if console.is_terminal else _lines(watch))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _bar(watch: Watch, console: Console) -> None:
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn(f"{watch.what} {{task.fields[told]}}"))
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("", total=watch.meter.total, told="")
        try:
            while True:
                await asyncio.sleep(LOOK_S)
                _update(progress, bar, watch)
        finally:
            _update(progress, bar, watch)


def _update(progress: Progress, bar: TaskID, watch: Watch) -> None:
    told = " · ".join(part for part in (watch.failures(), watch.money(), watch.left()) if part)
    progress.update(bar, completed=watch.meter.done, told=told)


async def _lines(watch: Watch) -> None:
    while True:
        await asyncio.sleep(LINE_S)
        sys.stderr.write(watch.line() + "\n")
        sys.stderr.flush()


def duration(seconds: float) -> str:
    """As people say it: `45 s`, `3 min 20 s`, `2 h 5 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3_600:
        return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
    return f"{whole // 3_600} h {whole % 3_600 // 60} min"
