"""With 400 days of panes, 90 of calls and 30 of dead letters, the hot statements look at the days they are about."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import asyncpg
import pytest

from core.adapters import drift_store, newest_panes, reads_calls, reads_queries, reads_query, signals
from core.adapters.days import HistoryDays
from core.adapters.postgres import open_pool
from core.domain.friction import Z_95
from core.domain.retention import History, Keep
from core.domain.timestamps import EPOCH
from core.money_models import CallFilter
from tests.support import postgres
from tests.support.history import DAY, NOW, TODAY, midnight, put

KEPT: dict[History, int] = {"panes": 400, "dead_letters": 30, "llm_calls": 90}
WINDOW = (midnight(TODAY - 13 * DAY), NOW + timedelta(hours=1))
TWO_WEEKS = {f"panes_{TODAY - n * DAY:%Y%m%d}" for n in range(14)}
SOFA = ("shop", "de", "sofa")
PARTITION = re.compile(r"\bon (?:assay_data\.)?((?:panes|llm_calls|dead_letters)_(?:\d{8}|rest))")


@pytest.fixture(scope="module")
async def year(postgres_server: str, _migrated_template: str) -> AsyncIterator[asyncpg.Pool]:
    async with postgres.database(postgres_server, "year", template=_migrated_template) as dsn:
        pool = await open_pool(dsn, 2)
        days = HistoryDays(pool, {history: Keep(kept, 7) for history, kept in KEPT.items()})
        for history, kept in KEPT.items():
            await days.ensure(history, [TODAY - n * DAY for n in range(kept + 1)], NOW)
        for n in range(20):
            await put(pool, TODAY - n * DAY, 20)
        yield pool
        await postgres.close_pool(pool, 10.0)


async def plan(pool: asyncpg.Pool, statement: str, *arguments: object) -> str:
    async with pool.acquire() as held, held.transaction():
        await held.execute("SET LOCAL enable_seqscan = off")  # small as the tables are, indexes are to be used
        return "\n".join(row[0] for row in await held.fetch(f"EXPLAIN {statement}", *arguments))


def touched(text: str) -> set[str]:
    return set(PARTITION.findall(text.replace(" using ", " using_")))


QUERIES = reads_queries._QUERIES.format(sums=reads_queries.SUMS, order=reads_queries._ORDER["priority"])
IN_TWO_WEEKS = {
    "signals": (signals._SIGNALS, ("shop", *WINDOW)),
    "weights": (drift_store._WEIGHTS, ("shop", *WINDOW)),
    "query list": (QUERIES, ("live", *WINDOW, Z_95, "", "", "", 20, 100)),
    "days of a list": (reads_queries._DAYS, (["shop"], ["de"], ["sofa"], "live", *WINDOW)),
    "days of all": (reads_queries._TOTALS_BY_DAY, ("live", *WINDOW)),
    "places": (reads_queries._PLACES, ("live", *WINDOW)),
    "one query": (reads_query._DAYS, ("live", *SOFA, *WINDOW)),
    "its market": (reads_query._MARKET, ("live", *SOFA[:2], *WINDOW)),
}


@pytest.mark.parametrize("name", IN_TWO_WEEKS)
async def test_panes_of_two_weeks_are_read_from_two_weeks_partitions(year: asyncpg.Pool, name: str) -> None:
    statement, arguments = IN_TWO_WEEKS[name]
    assert touched(await plan(year, statement, *arguments)) == TWO_WEEKS


async def test_the_newest_pane_is_looked_for_in_the_newest_days_that_are_known(year: asyncpg.Pool) -> None:
    since = await year.fetchval(newest_panes._SINCE)
    assert since == midnight(TODAY - 9 * DAY)
    found = touched(await plan(year, newest_panes._NEWEST, "live", since))
    assert found == {f"panes_{TODAY - n * DAY:%Y%m%d}" for n in range(10)} | {"panes_rest"}


async def test_the_newest_panes_of_all_days_are_found_by_an_index_in_each(year: asyncpg.Pool) -> None:
    text = await plan(year, newest_panes._NEWEST, "live", EPOCH)
    assert len(touched(text)) == KEPT["panes"] + 2
    assert "Seq Scan on panes_" not in text


async def test_the_newest_calls_come_by_the_index_of_each_day(year: asyncpg.Pool) -> None:
    statement, told = reads_calls.asked(CallFilter())
    text = await plan(year, statement, *told)
    assert "Merge Append" in text
    assert "Seq Scan on llm_calls_" not in text


@pytest.mark.parametrize(
    ("wanted", "looked_up"),
    [
        (CallFilter(query="sofa"), r"Index Cond: .*subject ->> 'query'"),
        (CallFilter(run="0f3a"), r"Index Cond: .*subject ->> 'eval_run'"),
        (CallFilter(listing="L1"), r"Index Cond: .*call_id = ANY"),
    ],
    ids=["query", "run", "listing"],
)
async def test_calls_are_searched_by_an_index_of_each_day(
    year: asyncpg.Pool, wanted: CallFilter, looked_up: str
) -> None:
    statement, told = reads_calls.asked(wanted, [uuid4()] if wanted.listing else None)
    text = await plan(year, statement, *told)
    assert re.search(looked_up, text)
    assert "Seq Scan on llm_calls_" not in text


async def test_the_calls_of_a_task_are_found_by_the_index_of_each_day(year: asyncpg.Pool) -> None:
    assert "Seq Scan on llm_calls_" not in await plan(year, reads_calls._TRIES, [uuid4()], uuid4(), 50)


async def test_a_call_is_found_by_the_key_of_each_day(year: asyncpg.Pool) -> None:
    assert "Seq Scan on llm_calls_" not in await plan(year, reads_calls._CALL, uuid4())
