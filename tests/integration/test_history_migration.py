"""The migration to days on a database that is in use: nothing is lost, and the views' readers notice nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import asyncpg

from core.adapters.migrate import migrate, migration_files
from tests.support.history import DAY, midnight

THIS = "0007"
PANES = """
INSERT INTO assay_data.panes
SELECT 'live', 'shop', 'de', 'sofa', $1::timestamptz + i * interval '1 hour', i, 1, 0, 0, 0, 0
FROM generate_series(0, 47) AS i
"""
LETTERS = """
INSERT INTO assay_data.dead_letters (run, topic, partition, "offset", reason, detail, payload, received_at)
SELECT 'live', 'search-log', 0, i, 'not_json', 'no', 'x', $1 FROM generate_series(1, 3) AS i
"""
CALLS = """
INSERT INTO assay_data.llm_calls (call_id, lane, model, started_at, cost_usd, purpose, subject, prompt_version,
    prompt_hash, budget_day, reserved_tokens, reserved_usd, granted_at, expires_at)
SELECT gen_random_uuid(), 'live', 'm', $1::timestamptz, 0.1, 'judge', '{}', '1', 'h', current_date, 1, 0.1, 0, 0
FROM generate_series(1, 4)
"""
VIEWS = ("query_panes", "dead_letters", "llm_calls")


async def before(dsn: str) -> asyncpg.Connection:
    """A database as the version before left it, its book included."""
    held = await asyncpg.connect(dsn)
    for name, sql in migration_files():
        if name < THIS:
            await held.execute(sql)
    return held


async def shown(held: asyncpg.Connection) -> list[list[tuple[object, ...]]]:
    views = [f"SELECT * FROM assay.{view} AS v ORDER BY v::text" for view in VIEWS]
    return [[tuple(row) for row in await held.fetch(view)] for view in views]


async def apply(held: asyncpg.Connection) -> None:
    for name, sql in migration_files():
        if name >= THIS:
            await held.execute(sql)


async def test_rows_move_to_their_days_and_the_views_show_the_same(empty_postgres_dsn: str) -> None:
    now = datetime.now(UTC)
    held = await before(empty_postgres_dsn)
    for day in (now - 2 * DAY, now - 5000 * DAY, now + 900 * DAY):
        await held.execute(PANES, midnight(day.date()))
        await held.execute(LETTERS.replace("i, 'not_json'", f"i + {day.toordinal() * 10}, 'not_json'"), day)
        await held.execute(CALLS, day)
    expected = await shown(held)
    await apply(held)
    assert await shown(held) == expected
    rest = [await held.fetchval(f"SELECT count(*) FROM assay_data.{name}_rest") for name in ("panes", "dead_letters")]
    assert rest == [2 * 48, 2 * 3]
    asked = "SELECT count(*), min(asked_at) > now() - interval '1 hour' FROM assay_data.history_days"
    assert tuple(await held.fetchrow(asked) or ()) == (3 * 3 + 3, True)
    await held.close()


async def test_who_may_read_a_view_may_read_it_after(empty_postgres_dsn: str) -> None:
    held = await before(empty_postgres_dsn)
    await held.execute("GRANT SELECT ON assay.query_panes TO pg_monitor")
    await apply(held)
    assert await held.fetchval("SELECT has_table_privilege('pg_monitor', 'assay.query_panes', 'SELECT')")
    await held.close()


async def test_the_times_zone_of_the_server_changes_no_day(empty_postgres_dsn: str) -> None:
    held = await before(empty_postgres_dsn)
    await held.execute("SET timezone = 'Pacific/Auckland'")
    day = (datetime.now(UTC) - timedelta(days=3)).date()
    await held.execute(PANES, midnight(day))
    await apply(held)
    name = f"assay_data.panes_{day:%Y%m%d}"
    assert await held.fetchval(f"SELECT count(*) FROM {name} WHERE hour >= $1", midnight(day)) == 24
    await held.close()


async def test_a_new_database_needs_no_book_of_days(empty_postgres_dsn: str) -> None:
    await migrate(empty_postgres_dsn)
    held = await asyncpg.connect(empty_postgres_dsn)
    assert await held.fetchval("SELECT count(*) FROM assay_data.history_days") == 0
    await held.close()
