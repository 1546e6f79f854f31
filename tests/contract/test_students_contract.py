"""What every `StudentBook` promises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from core.access_ports import AuditFilter
from core.adapters.audit import PostgresAudit
from core.adapters.postgres import Pool
from core.adapters.students import PostgresStudents
from core.domain.access import AuditEntry
from core.student_ports import NO_STUDENT, KeptStudent, StudentAct, StudentBook, StudentDeed
from tests.support.fake_students import InMemoryStudents
from tests.support.fakes import NOON


@pytest.fixture(params=["fake", pytest.param("postgres", marks=pytest.mark.postgres)])
def book(request: pytest.FixtureRequest) -> StudentBook:
    if request.param == "fake":
        return InMemoryStudents()
    return PostgresStudents(request.getfixturevalue("work_pool"))


def student(name: str = "small", digits: str = "aaaa", hours: int = 0, **metadata: object) -> KeptStudent:
    told = {"judge": "strict@1", **metadata}
    return KeptStudent(f"{name}@{digits}", name, "pixels-1", told, b"\x00\xff", NOON + timedelta(hours=hours), "ada")


def deed(act: StudentAct, version: str) -> StudentDeed:
    return StudentDeed(act, version, "ada", "better", NOON)


async def test_a_student_is_found_as_it_was_stored(book: StudentBook) -> None:
    kept = student(figures={"rank_correlation": {"value": 0.8, "low": None}}, pictures=200)
    assert await book.save(kept)
    assert await book.find(kept.version) == kept


async def test_a_known_version_is_not_stored_again(book: StudentBook) -> None:
    await book.save(student())
    assert not await book.save(replace(student(), trained_by="bob"))
    assert [each.trained_by for each in await book.all()] == ["ada"]


async def test_a_name_means_its_newest_version(book: StudentBook) -> None:
    await book.save(student("a", "1111"))
    await book.save(student("a", "2222", hours=1))
    await book.save(student("ab", "3333", hours=2))
    assert await book.find("a") == student("a", "2222", hours=1)


@pytest.mark.parametrize("ref", ["", "on", "nobody"])
async def test_what_fits_none_or_several_means_none(book: StudentBook, ref: str) -> None:
    await book.save(student("one"))
    await book.save(student("ones"))
    assert await book.find(ref) is None


async def test_all_are_told_newest_first_without_their_bodies(book: StudentBook) -> None:
    await book.save(student(digits="1111"))
    await book.save(student(digits="2222", hours=1))
    told: Sequence[KeptStudent] = await book.all()
    assert [(each.version, each.body) for each in told] == [("small@2222", b""), ("small@1111", b"")]


async def test_none_is_live_before_the_first_promotion(book: StudentBook) -> None:
    await book.save(student())
    assert await book.live_version() == NO_STUDENT


async def test_the_newest_deed_names_the_live_student(book: StudentBook) -> None:
    await book.note(deed("promote", "small@1111"))
    await book.note(deed("promote", "small@2222"))
    assert await book.live_version() == "small@2222"
    await book.note(deed("rollback", NO_STUDENT))
    assert await book.live_version() == NO_STUDENT
    assert [each.act for each in await book.deeds()] == ["rollback", "promote", "promote"]


@pytest.mark.postgres
async def test_a_deed_and_its_audit_entry_are_kept_together(work_pool: Pool) -> None:
    entry = AuditEntry(NOON, "ada", "operate", "student.promote", "small@1111", {"why": "better"})
    await PostgresStudents(work_pool).note(deed("promote", "small@1111"), entry)
    assert [row.entry for row in await PostgresAudit(work_pool).entries(AuditFilter())] == [entry]
