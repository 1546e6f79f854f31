"""`assay retention` by hand, and the process `retention` until nothing is left to do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import asyncpg

from core.adapters.days import HistoryDays
from core.domain.retention import Keep
from tests.e2e.command import Assay
from tests.e2e.conftest import Place
from tests.support.history import partitions, put

DAY = timedelta(days=1)
LONG_AGO = datetime.now(UTC) - 500 * DAY
OLD = LONG_AGO.date()
NAME = f"panes_{OLD:%Y%m%d}"


async def an_old_day(pool: asyncpg.Pool) -> None:
    """Of which the last word was as long ago."""
    await HistoryDays(pool, {"panes": Keep(30, 7)}).ensure("panes", [OLD], LONG_AGO)
    await put(pool, OLD, 3)


async def test_a_dry_run_lists_what_would_go_and_changes_nothing(
    bare: Assay, pool: asyncpg.Pool, postgres_dsn: str
) -> None:
    await an_old_day(pool)
    done = (await bare.having(postgres_dsn=postgres_dsn)("retention", "--dry-run")).checked()
    assert done.code == 0
    assert str(OLD) in done.out
    assert await partitions(pool) == {NAME}
    assert await pool.fetchval("SELECT count(*) FROM assay_data.history_days") == 1


async def test_by_hand_old_days_go_and_a_second_time_nothing_is_left(
    bare: Assay, pool: asyncpg.Pool, postgres_dsn: str
) -> None:
    await an_old_day(pool)
    assay = bare.having(postgres_dsn=postgres_dsn)
    first, second = (await assay("retention")).checked(), (await assay("retention")).checked()
    assert (first.code, second.code) == (0, 0)
    assert second.out.startswith("0 ")
    assert NAME not in await partitions(pool)
    assert await pool.fetchval("SELECT count(*) FROM assay.query_panes") == 0


async def test_the_process_takes_one_look_and_is_idle(place: Place) -> None:
    await an_old_day(place.pool)
    done = (await place.assay("run", "retention", "--until-idle", seconds=60.0)).checked()
    assert done.code == 0
    assert NAME not in await partitions(place.pool)
