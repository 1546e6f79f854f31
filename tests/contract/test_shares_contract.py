"""`ShareBook`, in memory and in PostgreSQL: whoever renews, the shares never exceed the limits."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from core.adapters import llm_shares
from core.adapters.llm_shares import MemoryShares, PostgresShares, ShareBook
from core.domain.shares import NOTHING, Demand, Share
from tests.support.fakes import FakeClock

GUARANTEED = {"live": 0.5, "panel": 0.2, "backfill": 0.1}
IN_FLIGHT = 30
ONE, TWO, THREE = UUID(int=1), UUID(int=2), UUID(int=3)
BUSY, IDLE = Demand({"live": 9.0}), Demand({})


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.postgres)])
def book(request: pytest.FixtureRequest) -> ShareBook:
    if request.param == "memory":
        return MemoryShares(IN_FLIGHT, GUARANTEED, FakeClock())
    return PostgresShares(request.getfixturevalue("pool"), "http://llm/v1", IN_FLIGHT, GUARANTEED)


async def test_a_replica_alone_has_all(book: ShareBook) -> None:
    assert await book.renew(ONE, IDLE, 0) == Share(1.0, IN_FLIGHT)


async def test_a_second_gets_what_the_first_has_let_go_of(book: ShareBook) -> None:
    await book.renew(ONE, BUSY, 0)
    assert await book.renew(TWO, BUSY, 0) == NOTHING
    assert await book.renew(ONE, BUSY, 0) == Share(pytest.approx(0.5), 15)
    assert await book.renew(TWO, BUSY, 0) == Share(pytest.approx(0.5), 15)


async def test_shares_follow_the_work(book: ShareBook) -> None:
    for _ in range(3):
        await book.renew(ONE, BUSY, 0)
        await book.renew(TWO, BUSY, 0)
    await book.renew(TWO, IDLE, 0)
    assert (await book.renew(ONE, BUSY, 0)).part == pytest.approx(0.99)


async def test_who_leaves_gives_its_share_back_at_once(book: ShareBook) -> None:
    await book.renew(ONE, BUSY, 0)
    await book.leave(ONE)
    assert await book.renew(TWO, BUSY, 0) == Share(1.0, IN_FLIGHT)


async def test_calls_under_way_stay_counted_when_another_comes(book: ShareBook) -> None:
    await book.renew(ONE, BUSY, 0)
    await book.renew(TWO, BUSY, 0)
    assert (await book.renew(ONE, BUSY, 28)).in_flight == 28
    assert (await book.renew(TWO, BUSY, 0)).in_flight == 2


async def test_replicas_that_renew_at_once_share_what_there_is(book: ShareBook) -> None:
    for _ in range(4):
        shares = await asyncio.gather(*(book.renew(who, BUSY, 0) for who in (ONE, TWO, THREE)))
    assert sum(share.part for share in shares) == pytest.approx(1.0)
    assert {share.in_flight for share in shares} == {10}


@pytest.mark.postgres
async def test_a_dead_replica_s_share_is_free_when_its_lease_has_ended(pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llm_shares, "LEASE_SECONDS", 0.2)
    book = PostgresShares(pool, "http://llm/v1", IN_FLIGHT, GUARANTEED)
    await book.renew(ONE, BUSY, 0)
    assert await book.renew(TWO, BUSY, 0) == NOTHING
    await asyncio.sleep(0.25)
    assert await book.renew(TWO, BUSY, 0) == Share(1.0, IN_FLIGHT)


@pytest.mark.postgres
async def test_each_endpoint_has_limits_of_its_own(pool) -> None:
    one, other = (PostgresShares(pool, url, IN_FLIGHT, GUARANTEED) for url in ("http://one/v1", "http://other/v1"))
    await one.renew(ONE, BUSY, 0)
    assert await other.renew(ONE, BUSY, 0) == Share(1.0, IN_FLIGHT)


@pytest.mark.postgres
async def test_a_replica_that_stands_still_in_a_renewal_holds_the_others_up_for_seconds_only(pool) -> None:
    book = PostgresShares(pool, "http://llm/v1", IN_FLIGHT, GUARANTEED)
    stuck = await pool.acquire()
    begun = stuck.transaction()
    await begun.start()
    await stuck.execute(llm_shares._LOCK, llm_shares.lock_key("llm-shares/http://llm/v1"), llm_shares.STALLED)
    async with asyncio.timeout(4.0):
        assert await book.renew(ONE, BUSY, 0) == Share(1.0, IN_FLIGHT)
    await pool.release(stuck)
