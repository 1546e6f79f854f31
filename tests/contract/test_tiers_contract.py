"""Critiques and reports of the tiers: what the port `TierStore` promises, in memory and in PostgreSQL; and what only
PostgreSQL has to find: live judgements with their products, people's answers."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from core.adapters.guidelines import PostgresGuidelines
from core.adapters.judgements import PostgresJudgements
from core.adapters.postgres import Pool, connection
from core.adapters.tiers import PostgresTiers
from core.domain.evaluation.checks.facts import Finding
from core.domain.evaluation.checks.report import CheckRow, Flagged, Overturn, Share, TierReport, TierRow
from core.domain.guidelines import GuidelineKey
from core.ports import StoredGuideline
from core.tier_ports import Critique, TierStore
from tests.contract.facts import label
from tests.support.fake_tiers import InMemoryTiers
from tests.support.fakes import NOON
from tests.unit.domain.evaluation.checks.samples import guideline

LATER = NOON + timedelta(minutes=5)
SHARE = Share(3, 20, 8, 0.15, 0.05, 0.36)
REPORT = TierReport(
    report_id=UUID(int=1),
    subject="run:1",
    told="morning",
    kind="relevance",
    judge="a@1",
    items=40,
    tiers=(
        TierRow("checks", 40, 4, (Overturn("critique", SHARE, SHARE, SHARE), Overturn("people", SHARE, SHARE))),
        TierRow("people", 0, 0),
    ),
    checks=(CheckRow("label_over_verdicts", 4, SHARE, Share(0, 0, 0, None, None, None)),),
    habits=(Finding("one_confidence", "0.95 in 40 of 40"),),
    critic="strong",
    critic_prompt="critique@1",
    share=0.1,
    cost_usd=0.25,
    complete=False,
    made_at=NOON,
    unchecked=2,
)
FLAGGED = Flagged(
    key="k1",
    item_id="i1",
    query="blaues sofa",
    listing_id="L1",
    title="Sofa",
    grade=2,
    reasoning="It is one.",
    findings=(Finding("label_over_verdicts", "though"),),
    better=0,
    why="It is none.",
    people=None,
)
CRITIQUE = Critique("c1", 0, True, "It is none.", "strong", "critique@1", uuid4(), NOON)


@pytest.fixture(params=["fake", pytest.param("postgres", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest) -> TierStore:
    return InMemoryTiers() if request.param == "fake" else PostgresTiers(request.getfixturevalue("work_pool"))


async def test_a_critique_is_found_by_its_key_and_stays_as_it_was(store: TierStore):
    await store.save_critiques([CRITIQUE])
    await store.save_critiques([replace(CRITIQUE, why="Another time."), replace(CRITIQUE, key="c2")])
    found = await store.critiques(["c1", "c2", "c3"])
    assert found == {"c1": CRITIQUE, "c2": replace(CRITIQUE, key="c2")}


async def test_a_report_is_read_as_it_was_stored(store: TierStore):
    await store.save(REPORT, [FLAGGED, replace(FLAGGED, key="k2", better=None, people=1, findings=())])
    assert await store.report(REPORT.report_id) == REPORT
    assert await store.report(UUID(int=9)) is None
    assert [each.key for each in await store.flagged(REPORT.report_id, 10)] == ["k1", "k2"]
    assert list(await store.flagged(REPORT.report_id, 1)) == [FLAGGED]


async def test_of_a_subject_the_newest_report_of_each_judge_counts(store: TierStore):
    again = replace(REPORT, report_id=UUID(int=2), made_at=LATER)
    other = replace(REPORT, report_id=UUID(int=3), judge="b@2")
    live = replace(REPORT, report_id=UUID(int=4), subject="live:relevance:1:2", made_at=LATER + timedelta(hours=1))
    for each in (REPORT, again, other, live):
        await store.save(each, [])
    assert list(await store.reports("run:1")) == [again, other]
    assert [each.report_id.int for each in await store.subjects(2)] == [4, 2]


async def test_what_is_not_there_is_absent(store: TierStore):
    assert dict(await store.critiques(["c1"])) == {}
    assert dict(await store.guidelines(["g1"])) == {}
    assert dict(await store.reviewed(["k1"])) == {}
    assert list(await store.live("image", NOON, LATER, 10)) == []
    assert list(await store.flagged(UUID(int=1), 10)) == []


LISTING = """
INSERT INTO assay_data.listings (listing_id, market, title, attributes, image_urls, content_hash, deleted, run, told_at,
    price_amount, price_currency)
VALUES ('L1', 'de', 'Sofa, grün', '{"bezug": "cord"}', '{}', 'now', false, 'live', $1, 199.5, 'EUR')
"""


@pytest.mark.postgres
async def test_live_labels_come_with_what_was_judged_and_by_which_guideline(work_pool: Pool):
    body = guideline("must_have", "approximate_is_okay")
    key = GuidelineKey("de", "blaues sofa", "de", (("farbe", "blau"),))
    stored = StoredGuideline("g-live", "guideline.1", "m", "model", body)
    await PostgresGuidelines(work_pool).save_guideline(key, stored, NOON)
    same = replace(label("same"), guideline_version="g-live", content_hash="now", judge="a@1", verdicts="yn")
    changed = replace(label("changed"), guideline_version="gone", content_hash="before", judged_at=same.judged_at)
    await PostgresJudgements(work_pool).save_labels([same, changed], [], [], NOON)
    async with connection(work_pool) as held:
        await held.execute(LISTING, NOON)
    start = same.judged_at
    found = await PostgresTiers(work_pool).live("relevance", start, start + timedelta(seconds=1), 10)
    one, other = sorted(found, key=lambda each: each.judge)
    assert (one.judge, one.verdicts, one.language, one.context) == ("a@1", "yn", "de", (("farbe", "blau"),))
    assert one.guideline == body
    assert one.listing is not None
    assert (one.listing["title"], one.listing["price"]) == ("Sofa, grün", {"amount": 199.5, "currency": "EUR"})
    assert (other.judge, other.guideline, other.listing) == (f"{changed.model} {changed.prompt_version}", None, None)
    assert await PostgresTiers(work_pool).live("relevance", start + timedelta(seconds=1), LATER, 10) == []


ITEM = """
INSERT INTO assay_data.review_items (item_id, kind, place, needed, application, market, language, query, context,
    listing_id, content_hash, image_url, segment, guideline_version, anchors, dataset, dataset_item, queued_at, decided)
VALUES ($1, 'relevance', 0, 2, 'shop', 'de', 'de', 'q', '', 'L1', 'h', '', '{}', 'g', false, '', '', $2, $3)
"""
OPINION = """
INSERT INTO assay_data.review_opinions (item_id, opinion_key, judge, content_key, dataset_item, grade, reasoning,
    verdicts, aspects, judged_at, shadow) VALUES ($1, $2, 'a@1', $2, '', 2, '', '', '{}', $3, false)
"""
ANSWER = """
INSERT INTO assay_data.review_acts (item_id, reviewer, act, grade, at, blind) VALUES ($1, $2, 'answer', $3, $4, $5)
"""
FILL = """
INSERT INTO assay_data.review_fills (fill_id, kind, source, told, frame, items, random_items, made_at, made_by)
VALUES ($1, 'relevance', 'live', '', 100, 2, 1, $2, 'ada')
"""
DRAW = """
INSERT INTO assay_data.review_draws (fill_id, item_id, drawn, probability, teaches, why)
VALUES ($1, $2, $3, $4, 0, '{}')
"""


async def _reviewed(held: asyncpg.Connection, key: str, decided: int | None, drawn: str) -> None:
    item, fill = uuid4(), uuid4()
    await held.execute(ITEM, item, NOON, decided)
    await held.execute(OPINION, item, key, NOON)
    await held.execute(FILL, fill, NOON)
    await held.execute(DRAW, fill, item, drawn, 0.25 if drawn == "random" else 1.0)
    for reviewer, grade, blind in (("ada", 1, True), ("ben", 0, True), ("cleo", 2, False)):
        await held.execute(ANSWER, item, reviewer, grade, NOON, blind)


@pytest.mark.postgres
async def test_people_are_the_decision_or_the_middle_of_the_blind_answers(work_pool: Pool):
    async with connection(work_pool) as held:
        await _reviewed(held, "r-decided", 2, "taught")
        await _reviewed(held, "r-middle", None, "random")
    found = await PostgresTiers(work_pool).reviewed(["r-decided", "r-middle", "r-nobody"])
    assert {key: (each.grade, each.probability) for key, each in found.items()} == {
        "r-decided": (2, None),
        "r-middle": (0, 0.25),
    }


@pytest.mark.postgres
async def test_the_views_tell_what_a_report_does(work_pool: Pool):
    report = replace(REPORT, report_id=uuid4(), judge="views@1")
    await PostgresTiers(work_pool).save(report, [FLAGGED])
    async with connection(work_pool) as held:
        overturns = await held.fetch("SELECT * FROM assay.tier_overturns WHERE judge = 'views@1' ORDER BY by")
        checks = await held.fetch("SELECT * FROM assay.tier_checks WHERE judge = 'views@1'")
        findings = await held.fetch("SELECT * FROM assay.tier_findings WHERE judge = 'views@1'")
    assert [(row["tier"], row["by"], row["missed"], row["objected_seen"]) for row in overturns] == [
        ("checks", "critique", 0.15, 20),
        ("checks", "people", 0.15, 20),
    ]
    assert [(row["check_name"], row["flagged"], row["upheld_by_people"]) for row in checks] == [
        ("label_over_verdicts", 4, None)
    ]
    assert [(row["finding"], row["better"]) for row in findings] == [("though", 0)]


def test_a_report_of_a_program_is_json():
    import msgspec

    assert json.loads(msgspec.json.encode(REPORT))["tiers"][0]["tier"] == "checks"
