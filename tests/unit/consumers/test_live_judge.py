"""How a run follows the book of judges: what a promotion, an absent database and a bug do to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from consumers.live_judge import LOOK_EVERY_S, LiveJudgeProcess
from core.domain.images.features import EXTRACTOR
from core.domain.images.forest_student import packed
from core.domain.images.training import Recipe, trained
from core.errors import RetryLater
from core.eval_ports import JudgeDeed
from core.runtime.supervisor import supervise
from core.stages.live_judge import LiveJudge
from core.stages.live_student import LiveStudent
from core.student_ports import NO_STUDENT, KeptStudent, StudentDeed
from core.telemetry import Metrics
from tests.support.fake_judges import InMemoryJudges, judge, settings_version
from tests.support.fake_students import InMemoryStudents, labelled_pictures
from tests.support.fakes import NOON, FakeClock

SETTINGS_JUDGE = settings_version()


class Book(InMemoryJudges):
    """Fails with `error` while it has one."""

    error: Exception | None = None

    async def live(self) -> object:  # type: ignore[override]
        if self.error is not None:
            raise self.error
        return await super().live()


class Followed:
    """A process over a book, looking every millisecond."""

    def __init__(self) -> None:
        self.book = Book()
        self.live = LiveJudge(self.book, SETTINGS_JUDGE, FakeClock())
        self.metrics = Metrics()
        self.process = LiveJudgeProcess(self.live, self.metrics, every_s=0.001)

    async def promote(self) -> None:
        await self.book.save(judge(), "ada", NOON)
        await self.book.note(JudgeDeed("promote", judge().version, 1.0, "ada", "why", NOON))

    def named(self) -> list[str]:
        """Judges that the metrics name."""
        [family] = [each for each in self.metrics.registry.collect() if each.name == "assay_live_judge_info"]
        return [sample.labels["judge"] for sample in family.samples]


@asynccontextmanager
async def running(process: LiveJudgeProcess) -> AsyncIterator[None]:
    run = asyncio.create_task(process.run())
    try:
        yield
    finally:
        process.stop()
        await run


async def test_a_promotion_is_noticed_and_the_metrics_name_that_judge_alone() -> None:
    followed = Followed()
    await followed.process.look()
    assert followed.named() == [SETTINGS_JUDGE.version]
    async with running(followed.process):
        await followed.promote()
        await asyncio.sleep(0.05)
    assert followed.live() == judge()
    assert followed.named() == [judge().version]


async def test_a_database_that_is_away_leaves_the_judge_as_it_is_and_looks_go_on() -> None:
    followed = Followed()
    await followed.process.look()
    followed.book.error = RetryLater("no database")
    async with running(followed.process):
        await asyncio.sleep(0.05)
        assert (followed.live(), followed.process.health().ready) == (SETTINGS_JUDGE, False)
        followed.book.error = None
        await followed.promote()
        await asyncio.sleep(0.05)
        assert (followed.live(), followed.process.health().ready) == (judge(), True)


async def test_an_error_that_nobody_foresaw_ends_the_run_with_it() -> None:
    followed = Followed()
    await followed.process.look()
    followed.book.error = ValueError("nobody foresaw this")
    with pytest.raises(ValueError, match="nobody foresaw"):
        await supervise([followed.process], asyncio.Event())


def test_a_promotion_counts_within_a_minute_though_two_looks_fail() -> None:
    assert 3 * LOOK_EVERY_S < 60


async def test_the_same_look_follows_the_student_and_names_it() -> None:
    book, metrics = InMemoryStudents(), Metrics()
    student = trained(labelled_pictures(120), Recipe("small", EXTRACTOR, 0.2, 100, 0.15, 0.05, 2, trees=3))
    await book.save(KeptStudent(student.version, "small", EXTRACTOR, {}, packed(student), NOON, "ada"))
    live = LiveStudent(book, {EXTRACTOR})
    process = LiveJudgeProcess(LiveJudge(InMemoryJudges(), SETTINGS_JUDGE, FakeClock()), metrics, student=live)
    await book.note(StudentDeed("promote", student.version, "ada", "why", NOON))
    await process.look()
    named = {"student": student.version}
    assert metrics.registry.get_sample_value("assay_live_student_info", named) == 1
    assert f"{student.version} scores pictures" in process.health().detail
    await book.note(StudentDeed("rollback", NO_STUDENT, "ada", "why", NOON))
    await process.look()
    assert metrics.registry.get_sample_value("assay_live_student_info", named) is None
