"""The statements of the pages about pictures go by the indexes that keep them quick with a million scores."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

import pytest

from core.adapters import (
    reads_listing_pictures,
    reads_picture_failures,
    reads_picture_watches,
    reads_pictures,
    reads_segments,
    reads_students,
)
from core.adapters.migrate import migrate
from core.adapters.postgres import Pool, open_pool
from core.picture_models import PictureFilter
from tests.support import postgres, sample_picture_pages
from tests.support.sample_data import NOW
from tests.support.sample_picture_pages import LAMP

pytestmark = pytest.mark.postgres

SINCE = NOW - timedelta(days=28)
ALL, FLAGGED = PictureFilter(), PictureFilter(flag="ai_made")
ANY = [1, 2, 3]
SHOWN = """
INSERT INTO assay_data.buyer_exposures SELECT d.day, 'shop', 'de', 'X' || n, 1, 1, 0, 0, 0
FROM assay_data.buyer_days AS d, generate_series(1, 100) AS n
"""
"""Other listings on other places: of three rows any index is as good."""


@pytest.fixture(scope="module")
async def filled(postgres_server: str) -> AsyncIterator[Pool]:
    async with postgres.database(postgres_server, "picture_plans") as dsn:
        await migrate(dsn)
        pool = await open_pool(dsn, 2)
        try:
            await sample_picture_pages.fill(pool)
            async with pool.acquire() as held:
                await held.execute(SHOWN)
                await held.execute("VACUUM ANALYZE")
            yield pool
        finally:
            await postgres.close_pool(pool, 10.0)


async def plan(pool: Pool, statement: str, *arguments: object) -> str:
    async with pool.acquire() as held, held.transaction():
        # Small as the tables are, indexes are to be used, and those that need no sort.
        for way in ("seqscan", "bitmapscan", "sort"):
            await held.execute(f"SET LOCAL enable_{way} = off")
        return "\n".join(row[0] for row in await held.fetch(f"EXPLAIN {statement}", *arguments))


def of(told: tuple[str, Sequence[object]], *first: object) -> tuple[str, tuple[object, ...]]:
    return told[0], (*first, *told[1])


STATEMENTS: dict[str, tuple[tuple[str, tuple[object, ...]], str]] = {
    "counts": (of(reads_pictures.counted(ALL), SINCE), r"Index Only Scan using image_scores_newest"),
    "listings' segments": (of(reads_pictures.counted(ALL), SINCE), r"Index Only Scan using listings_segments"),
    "flagged": (of(reads_pictures.counted(FLAGGED), SINCE), r"using image_scores_flagged"),
    "few": (of(reads_pictures.passed(ALL), SINCE, 50), r"Index Only Scan using image_scores_newest"),
    "worst": (of(reads_pictures.walked(ALL), SINCE, ANY, 12), r"using image_scores_by_score"),
    "newest alone": (of(reads_pictures.walked(ALL), SINCE, ANY, 12), r"Index Only Scan using image_scores_newest"),
    "names": ((reads_segments._SEGMENT_NAMES, (300,)), r"using listings_by_segment"),
    "reasons": ((reads_picture_failures._REASONS, (SINCE, 9, "")), r"using tasks_failed_pictures"),
    "hosts": ((reads_picture_failures._HOSTS, (SINCE, 9, "", "", 9, 3)), r"using tasks_failed_pictures"),
    "examples": ((reads_picture_failures._EXAMPLES, (SINCE, "gone", "", 9, 0)), r"using tasks_failed_pictures"),
    "retried": ((reads_picture_failures._WAITING, ("", "", 9)), r"using tasks_retried_pictures"),
    "tasks of a listing": ((reads_listing_pictures._TASKS, (LAMP, 9)), r"using tasks_by_listing"),
    "its scores": ((reads_listing_pictures._SCORES, (LAMP, ["u"], 9)), r"using image_scores_newest"),
    "its buyers": ((reads_listing_pictures._BUYERS, (LAMP, 9)), r"using buyer_exposures_by_listing"),
    "same bytes": ((reads_listing_pictures._ALIKE, (LAMP, ["h"], 8, 9)), r"using image_scores_by_picture"),
    "look-alikes": ((reads_listing_pictures._ALIKE, (LAMP, ["h"], 8, 9)), r"using picture_sightings_by_hash"),
    "flags": ((reads_picture_watches._FLAGS, (SINCE, "", 9)), r"Index Only Scan using image_scores_newest"),
    "labels": ((reads_students._PAIRS, (SINCE.date(), "")), r"using image_scores_labelled"),
    "agreement": (
        (reads_picture_watches._OVER_TIME, (SINCE.date(), 7, "main", "", "", "", "", 9)),
        r"using buyer_agreement_overall",
    ),
}


@pytest.mark.parametrize("name", STATEMENTS)
async def test_a_statement_goes_by_its_index(filled: Pool, name: str) -> None:
    (statement, arguments), expected = STATEMENTS[name]
    text = await plan(filled, statement, *arguments)
    assert re.search(expected, text), text
    assert not re.search(r"Seq Scan on (image_scores|tasks|listings|buyer_exposures)", text), text
