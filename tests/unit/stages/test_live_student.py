"""Which student scores now: promotions are followed, one that can't be used is told once and not used."""

from __future__ import annotations

from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from core.domain.images.features import EXTRACTOR
from core.domain.images.forest_student import packed
from core.domain.images.training import Recipe, trained
from core.stages.live_student import LiveStudent
from core.student_ports import NO_STUDENT, KeptStudent, StudentAct, StudentDeed
from tests.support.fake_students import InMemoryStudents, labelled_pictures
from tests.support.fakes import NOON

STUDENT = trained(labelled_pictures(120), Recipe("small", EXTRACTOR, 0.2, 100, 0.15, 0.05, 4, trees=5))
KEPT = KeptStudent(STUDENT.version, "small", EXTRACTOR, {}, packed(STUDENT), NOON, "ada")


class Reads(InMemoryStudents):
    """Counts how often a whole student is read."""

    found = 0

    async def find(self, ref: str) -> KeptStudent | None:
        self.found += 1
        return await super().find(ref)


@pytest.fixture
async def book() -> Reads:
    book = Reads()
    await book.save(KEPT)
    return book


async def note(book: Reads, version: str, act: StudentAct = "promote") -> None:
    await book.note(StudentDeed(act, version, "ada", "why", NOON))


async def test_none_scores_before_the_first_promotion(book: Reads) -> None:
    live = LiveStudent(book, {EXTRACTOR})
    await live.look()
    assert live() is None


async def test_a_promoted_student_scores_from_the_next_look_on(book: Reads) -> None:
    live = LiveStudent(book, {EXTRACTOR})
    await note(book, KEPT.version)
    await live.look()
    student = live()
    assert student is not None
    assert student.version == KEPT.version
    assert student.says(labelled_pictures(1)[0].features) == STUDENT.says(labelled_pictures(1)[0].features)


async def test_a_rollback_past_the_first_leaves_none(book: Reads) -> None:
    live = LiveStudent(book, {EXTRACTOR})
    await note(book, KEPT.version)
    await live.look()
    await note(book, NO_STUDENT, "rollback")
    await live.look()
    assert live() is None


async def test_a_student_is_read_once_however_often_is_looked(book: Reads) -> None:
    live = LiveStudent(book, {EXTRACTOR})
    await note(book, KEPT.version)
    for _ in range(3):
        await live.look()
    assert book.found == 1


async def test_features_that_nobody_makes_are_told_once_and_the_student_is_not_used(book: Reads) -> None:
    await book.save(replace(KEPT, version="other@1", extractor="onnx-0123456789ab"))
    await note(book, "other@1")
    live = LiveStudent(book, {EXTRACTOR})
    with capture_logs() as logs:
        await live.look()
        await live.look()
    assert live() is None
    assert [each["takes"] for each in logs if each["event"] == "student.no_features"] == ["onnx-0123456789ab"]


async def test_a_student_that_can_t_be_read_is_told_and_not_used(book: Reads) -> None:
    await book.save(replace(KEPT, version="broken@1", body=b"no student"))
    await note(book, "broken@1")
    live = LiveStudent(book, {EXTRACTOR})
    with capture_logs() as logs:
        await live.look()
    assert live() is None
    assert "student.unreadable" in [each["event"] for each in logs]
