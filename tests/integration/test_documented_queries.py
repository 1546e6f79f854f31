"""The queries on the page of data are ones that the views answer."""

from __future__ import annotations

import re
from pathlib import Path

import asyncpg
import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")
QUERIES = re.findall(r"^```sql\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
VIEWS_WITH_COLUMNS = """
SELECT table_name, column_name FROM information_schema.columns
WHERE table_schema = 'assay' AND table_name <> 'query_selections'
"""


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: re.findall(r"assay\.(\w+)", query)[0])
async def test_a_documented_query_is_answered(pool: asyncpg.Pool, query: str) -> None:
    assert await pool.fetch(query) == []


async def test_every_view_has_a_query_and_all_its_columns_on_the_page(pool: asyncpg.Pool) -> None:
    rows = await pool.fetch(VIEWS_WITH_COLUMNS)
    views = {row["table_name"] for row in rows}
    assert views == {name for query in QUERIES for name in re.findall(r"assay\.(\w+)", query)}
    counters = {"searches", "sessions", "engaged", "reformulated", "exits", "zero_results"}
    described = PAGE.partition("## Out: views")[2]
    assert [
        row for row in rows if row["column_name"] not in counters and f"`{row['column_name']}`" not in described
    ] == []
