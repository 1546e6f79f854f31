"""The process `live-judge`: every run follows the books of judges and students by itself, so that a promotion needs no
restart."""

from __future__ import annotations

import asyncio

import structlog

from core.domain.images.student import Student
from core.errors import RetryLater
from core.runtime.process import Health, wait_for
from core.stages.live_judge import LiveJudge
from core.stages.live_student import LiveStudent
from core.telemetry import Metrics

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 15.0
"""Between two looks at the books: a promotion counts within a minute, with two looks to spare should they fail, and
costs one small query each."""

HANGS_S = 120.0
"""A look that takes longer hangs: it is a query of one row, and the database's own patience is shorter."""


async def build(live: LiveJudge, metrics: Metrics, student: LiveStudent | None = None) -> LiveJudgeProcess:
    """book of judges -> the judge of now and its shadows, for every process of the run; book of students -> the student
    of now, where a process has one score. Looks once before it returns; RetryLater where the database is away then."""
    process = LiveJudgeProcess(live, metrics, student=student)
    await process.look()
    return process


class LiveJudgeProcess:
    """A `Process` that looks now and then. An error that nobody foresaw ends the run, as one of any process does:
    nobody judges by a judge that is not followed."""

    name = "live-judge"
    progress = 0

    def __init__(
        self,
        live: LiveJudge,
        metrics: Metrics,
        every_s: float = LOOK_EVERY_S,
        *,
        student: LiveStudent | None = None,
    ) -> None:
        self._live = live
        self._student = student
        self._metrics = metrics
        self._every_s = every_s
        self._stopped = asyncio.Event()
        self._told = ""
        self._told_student = ""
        self._away = False
        self._beat = 0.0

    async def look(self) -> None:
        """Read the books once, and name judge and student in the metrics."""
        await self._live.look()
        if self._student is not None:
            await self._student.look()
            self._name_student(self._student())
        version = self._live().version
        if self._told and self._told != version:
            self._metrics.forget("assay_live_judge_info", judge=self._told)
        if self._live().model:  # a process that was told of no judge names none
            self._metrics.set("assay_live_judge_info", 1, judge=version)
        self._told = version

    def _name_student(self, student: Student | None) -> None:
        version = student.version if student else ""
        if self._told_student and self._told_student != version:
            self._metrics.forget("assay_live_student_info", student=self._told_student)
        if version:
            self._metrics.set("assay_live_student_info", 1, student=version)
        self._told_student = version

    async def run(self) -> None:
        """Until stopped. A database that is away is waited for: judge and student of the last look go on."""
        self._beat = asyncio.get_running_loop().time()
        while not await wait_for(self._stopped, self._every_s):
            self._beat = asyncio.get_running_loop().time()
            try:
                await self.look()
                self._away = False
            except RetryLater as error:
                self._away = True
                log.warning("judge.not_looked_up", judge=self._told, error=str(error))

    def stop(self) -> None:
        """Return from `run`."""
        self._stopped.set()

    async def idle(self) -> bool:
        """Always: it has no work of its own."""
        return True

    async def nudge(self) -> None:
        """Look at the books now."""
        await self.look()

    def health(self) -> Health:
        """Which judge judges; not ready while the book can't be read."""
        beating = self._beat == 0.0 or asyncio.get_running_loop().time() - self._beat < HANGS_S
        student = f", {self._told_student} scores pictures" if self._told_student else ""
        return Health(beating, not self._away, f"{self._told} is live{student}")
