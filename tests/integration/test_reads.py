"""The read side's figures against the domain's formulas and the rows behind them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest

from core.adapters.reads import PostgresReads
from core.domain.friction import QuerySignals, baselines, friction_of
from core.picture_models import PictureFilter
from core.read_models import QueryFilter, QueryRow
from tests.support.sample_data import NOW
from tests.support.sample_rows import insert
from tests.support.served_console import BUDGET_USD, FixedClock, Served

EVERYTHING = QueryFilter(days=28, min_sessions=1)


@pytest.fixture
def reads(shop: Served) -> PostgresReads:
    return shop.reads


def signals(row: QueryRow) -> QuerySignals:
    c = row.counters
    return QuerySignals(
        *(row.application, row.market, row.query, c.searches, c.sessions, c.engaged),
        *(c.reformulated, c.exits, c.zero_results),
    )


async def test_friction_is_what_the_selection_computes(reads: PostgresReads) -> None:
    rows = (await reads.queries(EVERYTHING)).rows
    usual = baselines(signals(row) for row in rows)
    expected = [friction_of(signals(row), usual[row.application, row.market]) for row in rows]
    assert [row.lower_bound for row in rows] == pytest.approx([each.lower_bound for each in expected])
    assert [row.baseline for row in rows] == pytest.approx([each.baseline for each in expected])
    assert [row.priority for row in rows] == pytest.approx([each.priority for each in expected])


async def test_a_text_filter_leaves_the_market_s_baseline_alone(reads: PostgresReads) -> None:
    everything = {row.query: row.baseline for row in (await reads.queries(EVERYTHING)).rows}
    filtered = (await reads.queries(QueryFilter(days=28, text="battery"))).rows
    assert [(row.query, row.baseline) for row in filtered] == [("aa battery", everything["aa battery"])]


async def test_the_window_ends_with_the_newest_pane_and_holds_whole_days(reads: PostgresReads) -> None:
    window = (await reads.queries(QueryFilter(days=7))).window
    assert window is not None
    assert window.end == datetime(2026, 3, 29, 13, tzinfo=UTC)
    assert window.start == datetime(2026, 3, 23, tzinfo=UTC)


async def test_days_of_a_row_add_up_to_its_counters(reads: PostgresReads) -> None:
    for row in (await reads.queries(EVERYTHING)).rows:
        assert sum(day.counters.searches for day in row.days) == row.counters.searches


async def test_the_mean_grade_is_of_the_newest_labels(shop: Served) -> None:
    row = next(row for row in (await shop.reads.queries(EVERYTHING)).rows if row.query == "aa battery")
    async with shop.pool.acquire() as connection:
        expected = await connection.fetchval("SELECT avg(grade) FROM assay.relevance_labels WHERE query = 'aa battery'")
    assert row.mean_grade == pytest.approx(float(expected))
    assert row.labels == 11


async def test_a_listing_s_labels_come_newest_first(reads: PostgresReads) -> None:
    story = await reads.query("shop", "us", "aa battery", 14)
    assert story is not None
    twice = next(product for product in story.engines[0].products if product.listing_id == "L0001")
    assert len(twice.labels) == 2
    assert twice.labels[0].judged_at > twice.labels[1].judged_at


async def test_results_keep_their_rank_and_those_never_told_are_there(reads: PostgresReads) -> None:
    story = await reads.query("shop", "us", "aa battery", 14)
    assert story is not None
    products = story.engines[0].products
    assert [product.listing_id for product in products] == [f"L00{place:02}" for place in range(12)]
    assert products[-1].title is None


async def test_a_person_s_guideline_comes_before_the_model_s(reads: PostgresReads) -> None:
    story = await reads.query("shop", "us", "aa battery", 14)
    assert story is not None
    assert [guideline.author for guideline in story.guidelines] == ["mara", "model"]


async def test_status_tells_lag_tasks_spend_and_dead_letters(reads: PostgresReads) -> None:
    status = await reads.status()
    assert {(s.topic, s.partition): s.lag for s in status.streams}["search-log", 2] == 12_537
    assert {(t.kind, t.state, t.reason): t.count for t in status.tasks}["image", "failed", "not_found"] == 7
    assert (status.spend.usd, status.spend.reserved_usd, status.spend.budget_usd) == (18.4, 0.31, BUDGET_USD)
    assert (status.spend.calls, status.spend.failed) == (63, 2)
    assert sum(each.count for each in status.dead_letters) == 18
    assert status.outbox_waiting == 0


async def test_a_day_without_calls_has_cost_nothing(pool: asyncpg.Pool) -> None:
    status = await PostgresReads(pool, FixedClock(), BUDGET_USD).status()
    assert (status.spend.usd, status.spend.used) == (0.0, 0.0)


async def test_the_outbox_is_as_old_as_the_event_that_goes_out_next(pool: asyncpg.Pool) -> None:
    reads = PostgresReads(pool, FixedClock(), BUDGET_USD)
    assert (await reads.status()).outbox_oldest is None
    row = {"topic": "image-scores", "key": "L1", "type": "t", "body": b"{}"}
    async with pool.acquire() as connection:
        for number, minutes in enumerate((9, 4)):
            made = {"event_id": UUID(int=number), "time": NOW - timedelta(minutes=minutes)}
            await insert(connection, "outbox", [row | made])
    assert (await reads.status()).outbox_oldest == NOW - timedelta(minutes=9)


async def test_each_picture_counts_once_with_its_newest_score(shop: Served) -> None:
    before = await shop.reads.pictures.report(PictureFilter())
    async with shop.pool.acquire() as connection:
        row = dict(await connection.fetchrow("SELECT * FROM assay_data.image_scores ORDER BY score LIMIT 1"))
        del row["id"]
        again = row | {"event_id": UUID(int=1), "content_key": "again", "score": 10, "judged_at": NOW}
        await insert(connection, "image_scores", [again])
        after = await shop.reads.pictures.report(PictureFilter())
        await connection.execute("DELETE FROM assay_data.image_scores WHERE content_key = 'again'")
    assert after.scores.pictures == before.scores.pictures
    assert after.scores.counts[9] == before.scores.counts[9] + 1
    assert after.best[0].image_hash == row["image_hash"]


async def test_worst_and_best_pictures_are_ordered(reads: PostgresReads) -> None:
    report = await reads.pictures.report(PictureFilter())
    assert [p.score for p in report.worst] == sorted(p.score for p in report.worst)
    assert [p.score for p in report.best] == sorted((p.score for p in report.best), reverse=True)


async def test_an_engine_s_alert_has_the_panel_s_gain_by_night(reads: PostgresReads, shop: Served) -> None:
    story = await reads.alert(shop.filled.alert_id)
    assert story is not None
    by_night = {night.night: night for night in story.nights}
    before = by_night[(story.alert.detected_at - timedelta(days=2)).date()]
    after = by_night[(story.alert.detected_at + timedelta(days=2)).date()]
    assert before.value > after.value
    assert before.n == 12  # the queries of the segment's market
    assert before.low < before.value < before.high


async def test_a_judge_s_alert_has_the_flips_of_anchors_by_night(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as connection:
        await _anchors(connection)
    story = await PostgresReads(pool, FixedClock(), BUDGET_USD).alert(UUID(int=7))
    assert story is not None
    assert [(night.value, night.n) for night in story.nights] == [(0.0, 2), (0.5, 2)]


async def _anchors(connection: asyncpg.Connection) -> None:
    named = {"application": "shop", "market": "us", "language": "en", "query": "q", "listing": {}}
    anchors = [{"anchor_id": name, **named, "human_grade": 2, "added_at": NOW} for name in ("a", "b")]
    grades = {"a": (2, 1, 2, 2, 0), "b": (0, 0, 0, 0, 0)}
    outcomes = [
        {
            "anchor_id": name,
            "night": (NOW - timedelta(days=4 - place)).date(),
            "grade": grade,
            "model": "m",
            "fingerprint": "",
            "call_id": UUID(int=3),
            "judged_at": NOW,
        }
        for name, row in grades.items()
        for place, grade in enumerate(row)
    ]
    alert = {"alert_id": UUID(int=7), "segment": {}, "cause": "judge", "metric": "anchor_flip_rate", "before": 0.0}
    await insert(connection, "anchors", anchors)
    await insert(connection, "anchor_outcomes", outcomes)
    await insert(
        connection, "alerts", [{**alert, "after": 0.5, "detected_at": NOW, "status": "provisional", "evidence": {}}]
    )
