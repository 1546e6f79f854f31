"""A dataset, a run of two judges on it and their gates, for the sample shop: the second judge is the better one but for
one market."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from core.adapters.eval_datasets import PostgresDatasets
from core.adapters.eval_runs import PostgresRuns
from core.adapters.gate_book import PostgresGates
from core.adapters.postgres import Pool
from core.domain.evaluation.gate import Gate, outcomes
from core.domain.evaluation.gate_evidence import evidence_of
from core.domain.evaluation.gate_rules import rules_of
from core.domain.evaluation.report import Asked
from core.eval_facts import Dataset, EvalItem, EvalResult, EvalRun

RUN = UUID("00000000-0000-0000-0000-0000000e7a10")
GATE = UUID("00000000-0000-0000-0000-00000000a7e5")
CALL = UUID("00000000-0000-0000-0000-0000000000ca")
OLD, NEW = "plain@0f3a5c7d9e1b", "strict-brands@7c1e5a90b2d4"
ENDED = "done"

QUERIES = {
    "us": ("aa battery", "laptop stand", "phone cord", "wireless headphones", "running shoes", "rain jacket"),
    "de": ("kaffeemaschine", "schreibtischlampe", "wanderschuhe", "hafermilch", "handyhülle", "regenjacke"),
    "jp": ("掃除機", "ヘッドホン", "モニター", "充電器", "スニーカー", "リュック"),
}
PRODUCTS = ("Classic", "Pro", "Mini", "Bundle of two", "Spare part", "Case")
RATERS = ("anna", "ben", "chiara")

RULES = """name = "live"
dataset = "shop-pairs"

[[not_worse]]
metric = "quadratic_kappa"
by = 0.02

[[not_worse]]
metric = "exact"
by = 0.05
read = "value"
each = "market"

[[minimum]]
metric = "coverage"
value = 0.95
read = "value"

[[maximum]]
metric = "hard_disagreement"
value = 0.2

[canary]
share = 0.05
"""

DATASET = Dataset(
    name="shop-pairs",
    version="3f9a1c0b7d21",
    kind="relevance",
    source="category experts, October",
    licence="internal",
    rule="0=0 1=1 2=2",
    anchors=False,
    items=108,
    queries=18,
    raters=RATERS,
    made_at=datetime.min,
    made_by="mara",
)


def items(seed: int = 7) -> list[EvalItem]:
    """Six products of eighteen queries in three markets, graded by three people, shown by two engines."""
    rng = random.Random(seed)
    return [
        _item(rng, market, query, place)
        for market, queries in QUERIES.items()
        for query in queries
        for place in range(6)
    ]


def answers(found: Sequence[EvalItem], judge: str, right: Mapping[str, float], at: datetime) -> list[EvalResult]:
    """What a judge says that is right in so many cases of a market; one item of it fails."""
    rng = random.Random(judge)
    return [_answer(rng, item, judge, right[item.market], at, fails=n == 3) for n, item in enumerate(found)]


def run_of(now: datetime) -> EvalRun:
    """The run, done."""
    return EvalRun(
        run_id=RUN,
        name="strict-brands-1",
        dataset=DATASET.ref,
        kind="relevance",
        split=None,
        judges=(OLD, NEW),
        state="done",
        cap_usd=2.0,
        estimated_usd=0.31,
        started_at=now - timedelta(minutes=30),
        ended_at=now - timedelta(minutes=21),
        started_by="mara",
        items=108,
    )


RIGHT = {OLD: {"us": 0.6, "de": 0.75, "jp": 0.6}, NEW: {"us": 0.9, "de": 0.6, "jp": 0.85}}


async def evaluation(pool: Pool, now: datetime) -> None:
    """All of it into a migrated database."""
    found, run, store = items(), run_of(now), PostgresRuns(pool)
    results = {judge: answers(found, judge, right, now) for judge, right in RIGHT.items()}
    await PostgresDatasets(pool).save(replace(DATASET, made_at=now - timedelta(days=3)), found)
    await store.begin(run)
    for each in results.values():
        await store.save(each)
    await store.end(RUN, ENDED, now - timedelta(minutes=21))
    await PostgresGates(pool).save(gate_of(run, found, results, now))


def gate_of(
    run: EvalRun, found: Sequence[EvalItem], results: Mapping[str, Sequence[EvalResult]], now: datetime
) -> Gate:
    """The new judge held against the old one: it breaks a rule."""
    evidence = evidence_of(run, found, results, Asked(judges=(OLD, NEW), by=("market",), resamples=200))
    told = outcomes(rules_of(RULES, "gate.toml"), evidence)
    return Gate(GATE, NEW, OLD, "live", RULES, DATASET.ref, "both", RUN, run.name, told, now, "mara")


def _item(rng: random.Random, market: str, query: str, place: int) -> EvalItem:
    grade = (2, 2, 1, 1, 0, 0)[place]
    ratings = {rater: min(2, max(0, grade + rng.choice((0, 0, 0, 0, -1, 1)))) for rater in RATERS if rng.random() < 0.9}
    graded = sorted(ratings.values())
    listing_id = f"{query.replace(' ', '-')}-{place}"
    return EvalItem(
        item_id=f"{market}/{listing_id}",
        split="test" if rng.random() < 0.8 else "tune",
        application="shop",
        market=market,
        language={"us": "en", "de": "de", "jp": "ja"}[market],
        query=query,
        context=(),
        listing_id=listing_id,
        listing={"listing_id": listing_id, "title": f"{query.title()} {PRODUCTS[place]}"},
        image_url=None,
        segment={"market": market, "length": "1 word" if " " not in query else "2 words", "volume": rng.choice("ab")},
        ranks={"bm25": place + 1, "vectors": (place + 2) % 6 + 1},
        truth=graded[(len(graded) - 1) // 2] if graded else None,
        ratings=ratings,
    )


def _answer(rng: random.Random, item: EvalItem, judge: str, right: float, at: datetime, *, fails: bool) -> EvalResult:
    grade = item.truth if item.truth is not None and rng.random() < right else rng.choice((0, 1, 2))
    name = (item.listing or {})["title"]
    return EvalResult(
        run_id=RUN,
        judge=judge,
        item_id=item.item_id,
        grade=None if fails else grade,
        confidence=None if fails else round(rng.uniform(0.5, 1.0), 2),
        reasoning=""
        if fails
        else f"{name} is {('another thing', 'close to it', 'what is sought')[grade]} for “{item.query}”.",
        verdicts="" if fails else "yn?"[: grade + 1],
        aspects={},
        guideline_version="g1",
        content_key=f"{judge}/{item.item_id}",
        call_id=None if fails else CALL,
        failure="refused" if fails else "",
        reused=False,
        cost_usd=0.0004 if judge == NEW else 0.0006,
        input_tokens=310.0,
        output_tokens=58.0,
        latency_ms=rng.randint(400, 1900),
        judged_at=at,
        model="judge-mini-2026-02",
    )
