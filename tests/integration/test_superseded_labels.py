"""Of labels and scores only what a newer one replaced goes, and what the views show stays."""

from __future__ import annotations

from datetime import timedelta
from typing import get_args

import asyncpg
import pytest

from core.adapters.retention import PostgresRetention
from core.adapters.students import PostgresStudentLabels
from core.retention_ports import Cursor, Judged
from tests.support.history import LONG_AFTER, NOW

LABELS = """
INSERT INTO assay_data.labels (event_id, content_key, application, market, query, listing_id, label, grade, confidence,
    reasoning, reason, mode, model, fingerprint, prompt_version, guideline_version, content_hash, judged_at, call_id)
SELECT gen_random_uuid(), 'k' || n, 'shop', 'de', 'sofa', listing, 'irrelevant', 0, 1, '', 'panel', 'text', 'm', '',
    '1', '1', 'c' || n, $1::timestamptz + day * interval '1 day', gen_random_uuid()
FROM unnest($2::text[], $3::int[]) WITH ORDINALITY AS t (listing, day, n)
"""
SCORES = """
INSERT INTO assay_data.image_scores (event_id, content_key, listing_id, image_url, image_hash, score, aspects,
    reasoning, tier, model, fingerprint, prompt_version, judged_at)
SELECT gen_random_uuid(), 'k' || n, listing, 'u', hash, 5, '{}', '', tier, 'm', '', '1',
    $1::timestamptz + day * interval '1 day'
FROM unnest($2::text[], $3::int[], $4::text[], $5::text[]) WITH ORDINALITY AS t (listing, day, tier, hash, n)
"""
GIVEN = (["a", "a", "b", "a", "b", "a"], [0, 1, 1, 1, 9, 9])
"""Listing and day: at day 2 the first two of a have been replaced; what is replaced at day 9 has its time before it."""

OF_THE_JUDGE = (["llm"] * 6, ["h"] * 6)


@pytest.mark.parametrize("judged", get_args(Judged))
async def test_what_a_newer_one_replaced_goes_and_the_newest_stays(pool: asyncpg.Pool, judged: Judged) -> None:
    retention = PostgresRetention(pool)
    given = (LABELS, NOW, *GIVEN) if judged == "labels" else (SCORES, NOW, *GIVEN, *OF_THE_JUDGE)
    await pool.execute(*given)
    cursor: Cursor | None = None
    deleted, steps, before = 0, 0, NOW + timedelta(days=2)
    assert await retention.superseded(judged, before) == 2
    while steps == 0 or cursor is not None:
        step = await retention.forget_superseded(judged, before, cursor, 2)
        deleted, steps, cursor = deleted + step.deleted, steps + 1, step.cursor
    left = await pool.fetch(f"SELECT content_key FROM assay_data.{judged} ORDER BY 1")
    assert (deleted, [row["content_key"] for row in left]) == (2, ["k3", "k4", "k5", "k6"])


async def test_of_two_labels_of_one_moment_the_one_that_the_view_shows_stays(pool: asyncpg.Pool) -> None:
    retention = PostgresRetention(pool)
    await pool.execute(LABELS, NOW, ["a", "a"], [0, 0])
    shown = await pool.fetch("SELECT * FROM assay.relevance_labels")
    assert (await retention.forget_superseded("labels", LONG_AFTER, None, 100)).deleted == 1
    assert await pool.fetch("SELECT * FROM assay.relevance_labels") == shown


async def test_a_students_score_stays_as_long_as_the_label_that_it_is_compared_with(pool: asyncpg.Pool) -> None:
    retention, labels = PostgresRetention(pool), PostgresStudentLabels(pool)
    tiers = ["student", "student", "llm", "student"]
    await pool.execute(SCORES, NOW, ["a"] * 4, [0, 1, 2, 3], tiers, ["h", "h", "h", "new"])
    compared = await labels.agreed(NOW.date(), NOW.date(), LONG_AFTER.date(), "seller")
    shown = await pool.fetch("SELECT * FROM assay.student_agreement")
    assert (len(compared), len(shown)) == (1, 1)
    before_the_label_is_old = NOW + timedelta(days=2, hours=12)
    assert (await retention.forget_superseded("image_scores", before_the_label_is_old, None, 100)).deleted == 1
    assert await labels.agreed(NOW.date(), NOW.date(), LONG_AFTER.date(), "seller") == compared
    assert await pool.fetch("SELECT * FROM assay.student_agreement") == shown
    assert await retention.superseded("image_scores", LONG_AFTER) == 1
    assert (await retention.forget_superseded("image_scores", LONG_AFTER, None, 100)).deleted == 1
    assert (await retention.forget_superseded("image_scores", LONG_AFTER, None, 100)).deleted == 1
    assert [row["content_key"] for row in await pool.fetch("SELECT content_key FROM assay_data.image_scores")] == ["k4"]
