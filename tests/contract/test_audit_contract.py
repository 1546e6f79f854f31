"""The audit book: kept for ever, found again; the fake and the real one alike."""

from __future__ import annotations

from datetime import timedelta

import asyncpg
import pytest

from core.access_ports import AuditBook, AuditFilter
from core.adapters.audit import PostgresAudit, note
from core.adapters.postgres import Pool, transaction
from core.domain.access import AuditEntry
from tests.support.fake_audit import FakeAudit
from tests.support.sample_data import NOW

SAVED = AuditEntry(NOW, "ada", "review", "guideline.save", "guideline of “köln”", {"market": "de", "revision": 3})
SIGNED_OUT = AuditEntry(NOW, "olaf", "operate", "sign-out", "console")
LATER = NOW + timedelta(hours=12)


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.postgres)])
def book(request: pytest.FixtureRequest) -> AuditBook:
    return FakeAudit() if request.param == "fake" else PostgresAudit(request.getfixturevalue("pool"))


async def test_an_entry_is_read_as_it_was_kept(book: AuditBook) -> None:
    await book.note(SAVED)
    (row,) = await book.entries(AuditFilter())
    assert row.entry == SAVED


async def test_entries_come_newest_first_and_in_parts(book: AuditBook) -> None:
    for revision in range(5):
        await book.note(AuditEntry(NOW, "ada", "review", "guideline.save", f"{revision}"))
    first = await book.entries(AuditFilter(limit=3))
    rest = await book.entries(AuditFilter(before=first[-1].number))
    assert [row.entry.subject for row in (*first, *rest)] == ["4", "3", "2", "1", "0"]


async def test_entries_are_found_by_who_and_by_what_with_all_that_begins_so(book: AuditBook) -> None:
    restored = AuditEntry(NOW, "ada", "review", "guideline.restore", "x")
    for entry in (SAVED, restored, SIGNED_OUT):
        await book.note(entry)
    assert [row.entry for row in await book.entries(AuditFilter(who="olaf"))] == [SIGNED_OUT]
    assert [row.entry for row in await book.entries(AuditFilter(act="guideline"))] == [restored, SAVED]
    assert [row.entry for row in await book.entries(AuditFilter(act="guideline.save"))] == [SAVED]
    assert await book.entries(AuditFilter(act="guide%")) == []


async def test_an_ended_session_stays_ended_and_its_end_is_audited(book: AuditBook) -> None:
    assert not await book.is_ended("number")
    await book.end_session("number", LATER, SIGNED_OUT)
    await book.end_session("number", LATER, SIGNED_OUT)
    assert await book.is_ended("number")
    assert not await book.is_ended("another")
    assert [row.entry for row in await book.entries(AuditFilter())] == [SIGNED_OUT, SIGNED_OUT]


async def test_a_session_that_would_have_ended_anyway_is_forgotten(book: AuditBook) -> None:
    await book.end_session("old", NOW + timedelta(hours=1), SIGNED_OUT)
    await book.end_session("new", LATER, AuditEntry(NOW + timedelta(hours=2), "olaf", "operate", "sign-out", "console"))
    assert not await book.is_ended("old")
    assert await book.is_ended("new")


@pytest.mark.postgres
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE assay_data.audit SET who = 'nobody'",
        "DELETE FROM assay_data.audit",
        "TRUNCATE assay_data.audit",
    ],
)
async def test_what_is_kept_is_never_changed(pool: Pool, statement: str) -> None:
    await PostgresAudit(pool).note(SAVED)
    with pytest.raises(asyncpg.RaiseError, match="only added to"):
        await pool.execute(statement)
    assert await pool.fetchval("SELECT count(*) FROM assay.audit") == 1


@pytest.mark.postgres
async def test_an_entry_goes_with_the_deed_it_tells_of(pool: Pool) -> None:
    async def undone() -> None:
        async with transaction(pool) as held:
            await note(held, SAVED)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await undone()
    assert await pool.fetchval("SELECT count(*) FROM assay.audit") == 0
