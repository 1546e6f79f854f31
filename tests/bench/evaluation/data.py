"""The human-labelled pairs as a sample, the offline judge's answers to them, and populations drawn from both."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.domain.evaluation.sample import RELEVANCE, Sample, Verdicts, sample_of

PAIRS = Path(__file__).parents[4] / "shared" / "data" / "relevance" / "human_pairs.jsonl"
GRADE = (0, 1, 2, 2)
"""Human grade 0 to 3 as ours: 2 and 3 are both highly relevant (docs/offline-judge.md)."""
PANEL = ("supahands_1", "supahands_2", "supahands_3")
"""Raters who graded more than a tenth of the pairs."""
ENGINE_NOISE = (0.6, 0.8, 1.1, 1.5)
"""The file knows no engines: four are made that sort by the truth and so much noise."""


def human_sample(path: Path = PAIRS) -> Sample:
    """All pairs of the file with the panel's ratings."""
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    truth = [GRADE[int(row["grade"])] for row in rows]
    ratings = [
        {each["rater"]: GRADE[int(each["grade"])] for each in row["ratings"] if each["grade"] is not None}
        for row in rows
    ]
    panel = [{name: grade for name, grade in each.items() if name in PANEL} for each in ratings]
    queries = [row["query"] for row in rows]
    return sample_of(RELEVANCE, queries, truth, panel, simulated_ranks(queries, truth))


def simulated_ranks(queries: Sequence[str], truth: Sequence[int]) -> list[dict[str, int]]:
    """Rank of each item by engine."""
    rng = np.random.default_rng(1)
    by_query: dict[str, list[int]] = defaultdict(list)
    for item, query in enumerate(queries):
        by_query[query].append(item)
    ranks: list[dict[str, int]] = [{} for _ in queries]
    for engine, noise in enumerate(ENGINE_NOISE):
        worth = np.array(truth) + noise * rng.normal(size=len(truth))
        for items in by_query.values():
            for rank, item in enumerate(sorted(items, key=lambda each: -worth[each]), 1):
                ranks[item][f"engine_{engine}"] = rank
    return ranks


def offline_answers(kept: Path | None) -> Verdicts:
    """What the offline judge says of every pair, in the file's order. It takes a minute or two: `kept` names a file
    that is read, or written where it is not there."""
    if kept is not None and kept.exists():
        stored = np.load(kept)
        return Verdicts(stored["grade"].astype(np.int8), stored["confidence"])
    from demo.offline_judge import OfflineJudge
    from demo.offline_judge.grading import decide
    from tests.bench.offline_judge_agreement import load

    judge = OfflineJudge()
    data = load(PAIRS, judge)
    told = [
        decide(judge.read(str(row["query"])), evidence, lenient=False)
        for row, evidence in zip(data.rows, data.evidence, strict=True)
    ]
    answers = Verdicts(
        np.array([each.label.grade for each in told], dtype=np.int8), np.array([each.confidence for each in told])
    )
    if kept is not None:
        np.savez(kept, grade=answers.grade, confidence=answers.confidence)
    return answers


def of_queries(sample: Sample, chosen: NDArray[np.int64]) -> tuple[Sample, NDArray[np.int64]]:
    """A sample of the queries `chosen`, one that is chosen twice being two queries; and the items it is made of."""
    items = [np.flatnonzero(sample.query == query) for query in range(sample.queries)]
    picked = np.concatenate([items[query] for query in chosen])
    query = np.repeat(np.arange(len(chosen)), [len(items[each]) for each in chosen]).astype(np.int32)
    drawn = Sample(
        sample.scale,
        query,
        sample.truth[picked],
        sample.raters[picked],
        sample.rater_names,
        sample.ranks[picked],
        sample.engine_names,
    )
    return drawn, picked
