"""`Leadership`: one leader a name, and a lead that ends with its block or its connection."""

from __future__ import annotations

import pytest

from core.adapters.leadership import PostgresLeadership, lock_key
from core.adapters.postgres import Pool, open_pool
from core.errors import RetryLater
from tests.contract.stores import Stores
from tests.support.postgres import close_pool


async def test_one_replica_leads_at_a_time(stores: Stores) -> None:
    async with stores.replica().lead("drift") as first, stores.replica().lead("drift") as second:
        assert (first, second) == (True, False)


async def test_another_leads_when_the_first_has_ended(stores: Stores) -> None:
    async with stores.replica().lead("drift") as first:
        assert first
    async with stores.replica().lead("drift") as second:
        assert second


async def test_a_replica_that_does_not_lead_takes_nothing_away(stores: Stores) -> None:
    async with stores.replica().lead("drift"):
        async with stores.replica().lead("drift") as second:
            assert not second
        async with stores.replica().lead("drift") as third:
            assert not third


async def test_leads_of_different_names_do_not_meet(stores: Stores) -> None:
    async with stores.replica().lead("drift") as first, stores.replica().lead("selection") as second:
        assert (first, second) == (True, True)


async def test_an_error_in_the_block_passes_as_it_is_and_ends_the_lead(stores: Stores) -> None:
    with pytest.raises(OSError, match="no picture"):
        async with stores.replica().lead("drift"):
            raise OSError("no picture")
    async with stores.replica().lead("drift") as second:
        assert second


async def test_a_lead_ends_with_its_connection_and_says_so(work_pool: Pool, postgres_dsn: str) -> None:
    other = await open_pool(postgres_dsn, 1)
    seen: list[bool] = []
    try:
        with pytest.raises(RetryLater):
            await _lead_until_cut_off(other, work_pool, seen)
    finally:
        await close_pool(other, 10.0)
    assert seen == [True, True]


async def _lead_until_cut_off(own: Pool, others: Pool, seen: list[bool]) -> None:
    async with PostgresLeadership(own).lead("drift") as first:
        seen.append(first)
        cut = "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory' AND granted"
        await others.execute(cut)
        async with PostgresLeadership(others).lead("drift") as second:
            seen.append(second)


def test_the_key_of_a_name_never_changes() -> None:
    assert lock_key("selection") == lock_key("selection")
    assert -(2**63) <= lock_key("selection") < 2**63
    assert lock_key("selection") != lock_key("drift")
