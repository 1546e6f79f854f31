"""How far the offline judge agrees with people:
`python -m tests.bench.offline_judge_agreement [--fit] [--ablate] [--speed]`.

Reads `../shared/data/relevance/human_pairs.jsonl` (or the file named by `--pairs`). Intervals are bootstrap
intervals over queries: pairs of one query are not independent.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import cohen_kappa_score, roc_auc_score
from sklearn.model_selection import GroupKFold
from sklearn.preprocessing import StandardScaler

from demo.offline_judge import OfflineJudge
from demo.offline_judge.evidence import Evidence
from demo.offline_judge.grading import decide, is_spared, score
from demo.offline_judge.lexicon import KINDS
from demo.offline_judge.offers import read_offer
from demo.offline_judge.words import stems, tokens

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
PAIRS = Path(__file__).parents[3] / "shared" / "data" / "relevance" / "human_pairs.jsonl"
LABELS = np.array([0, 1, 2, 2])
"""Human grade 0 to 3 as a label's grade: 2 and 3 are both "highly relevant", 1 is "acceptable substitute"."""
BOOTSTRAP = 1000
FOLDS, REPEATS = 8, 5
NAMES = ("TEXT", "KINDS", "OFFER_LEVEL", "TEXT_COVER", "PHRASE", "BRAND_MET", "ACCESSORY", "CONTRADICTED")


@dataclass(frozen=True)
class Data:
    """Pairs with their evidence, labels 0 to 2, queries as groups."""

    rows: list[dict[str, object]]
    evidence: list[Evidence]
    labels: Ints
    queries: NDArray[np.str_]

    @property
    def relevant(self) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = self.labels == 2
        return found


def product_row(row: Mapping[str, object], item: str) -> dict[str, object]:
    """A human-labelled pair's product as the prompt shows it."""
    given = row["attributes"]
    attributes = {k[7:].replace("_", " "): str(v) for k, v in given.items()} if isinstance(given, dict) else {}
    texts = {name: row[name] or "not given" for name in ("title", "brand", "description")}
    return {"item": item, **texts, "category": "not given", "attributes": attributes}


def load(path: Path, judge: OfflineJudge) -> Data:
    rows: list[dict[str, object]] = [json.loads(line) for line in path.read_text().splitlines()]
    by_query = defaultdict(list)
    for number, row in enumerate(rows):
        by_query[str(row["query"])].append(number)
    found: dict[int, Evidence] = {}
    for query, numbers in by_query.items():
        offers = [read_offer(product_row(rows[i], f"p{i}")) for i in numbers]
        found.update(zip(numbers, judge.evidence(judge.read(query), offers), strict=True))
    grades = np.array([int(float(str(row["grade"]))) for row in rows])
    return Data(rows, [found[i] for i in range(len(rows))], LABELS[grades], np.array([str(r["query"]) for r in rows]))


def features(data: Data) -> Floats:
    """What the score is made of, in the order of `NAMES`."""
    return np.array([_numbers(evidence) for evidence in data.evidence], dtype=np.float64)


def _numbers(e: Evidence) -> list[float]:
    seen = (e.similarities.text, e.similarities.kinds, e.similarities.offer_level, e.text_cover)
    return [*seen, e.phrase, e.brand_met, bool(e.accessory), e.contradicted]


def judged(data: Data, judge: OfflineJudge) -> Ints:
    """The labels that `judge` gives now, 0 to 2."""
    lenient = judge.strictness == "lenient"
    found = []
    for row, evidence in zip(data.rows, data.evidence, strict=True):
        query = str(row["query"])
        spared = lenient and is_spared(query, str(row["title"]))
        found.append(decide(judge.read(query), evidence, lenient=spared).label.grade)
    return np.array(found)


def by_queries(data: Data, statistic: Callable[[Ints], float]) -> str:
    """The statistic over all pairs, with the 95 % interval of a bootstrap that draws queries."""
    rng = np.random.default_rng(7)
    groups = [np.flatnonzero(data.queries == query) for query in dict.fromkeys(data.queries)]
    drawn = []
    for _ in range(BOOTSTRAP):
        chosen = np.concatenate([groups[i] for i in rng.integers(0, len(groups), len(groups))])
        drawn.append(statistic(chosen))
    low, high = np.nanquantile(drawn, (0.025, 0.975))
    return f"{statistic(np.arange(len(data.labels))):.3f} [{low:.3f}, {high:.3f}]"


def auc(relevant: NDArray[np.bool_], scores: Floats) -> Callable[[Ints], float]:
    return lambda i: float(roc_auc_score(relevant[i], scores[i])) if 0 < relevant[i].sum() < len(i) else float("nan")


def kappa(one: Ints, other: Ints) -> Callable[[Ints], float]:
    return lambda i: float(cohen_kappa_score(one[i], other[i], weights="quadratic"))


def fit(values: Floats, relevant: NDArray[np.bool_]) -> tuple[Floats, float]:
    """Coefficients in the evidence's own units, and the intercept."""
    scaler = StandardScaler().fit(values)
    model = LogisticRegression(C=0.3, max_iter=1000).fit(scaler.transform(values), relevant)
    weights = model.coef_[0] / scaler.scale_
    return weights, float(model.intercept_[0] - weights @ scaler.mean_)


def best_cuts(scores: Floats, labels: Ints) -> tuple[float, float]:
    """The two cut points with the best quadratic kappa."""
    places = np.quantile(scores, np.linspace(0.3, 0.95, 40))
    options = [(a, b) for i, a in enumerate(places) for b in places[i:]]
    return max(
        options,
        key=lambda cut: cohen_kappa_score(
            labels, (scores >= cut[0]).astype(int) + (scores >= cut[1]), weights="quadratic"
        ),
    )


def cross_validated(data: Data) -> tuple[Floats, Ints]:
    """Scores and labels of each pair by models that saw no pair of its query; mean and first of several partitions."""
    values, total, labels = features(data), np.zeros(len(data.labels)), np.zeros(len(data.labels), dtype=np.int64)
    for repeat in range(REPEATS):
        for train, test in GroupKFold(FOLDS, shuffle=True, random_state=repeat).split(values, groups=data.queries):
            weights, intercept = fit(values[train], data.relevant[train])
            known, scores = values[train] @ weights + intercept, values[test] @ weights + intercept
            total[test] += scores / REPEATS
            if repeat == 0:
                low, high = best_cuts(known, data.labels[train])
                labels[test] = (scores >= low).astype(int) + (scores >= high)
    return total, labels


def overlap(data: Data) -> Floats:
    """Share of the query's words in title and description: the plainest baseline."""
    shares = []
    for row in data.rows:
        asked, told = set(tokens(str(row["query"]))), set(tokens(f"{row['title']} {row['description'] or ''}"))
        shares.append(len(asked & told) / len(asked))
    return np.array(shares)


def humans(data: Data) -> dict[str, tuple[Ints, Ints, Ints]]:
    """Pairs of raters with at least 300 pairs in common: which pairs, and both labels."""
    given: list[dict[str, int]] = []
    for row in data.rows:
        ratings = row["ratings"]
        assert isinstance(ratings, list)
        given.append({r["rater"]: int(LABELS[int(r["grade"])]) for r in ratings if r["grade"] is not None})
    raters = sorted({rater for pair in given for rater in pair})
    found = {}
    for one, other in combinations(raters, 2):
        both = np.array([i for i, pair in enumerate(given) if one in pair and other in pair], dtype=np.int64)
        if len(both) >= 300:
            first, second = (np.array([given[i][rater] for i in both]) for rater in (one, other))
            found[f"{one} and {other}"] = (both, first, second)
    return found


def one_against_rest(data: Data, judge_labels: Ints, scores: Floats) -> list[str]:
    """Each rater against the others' median, and the judge against the same median on the same pairs."""
    lines = []
    for rater in ("supahands_1", "supahands_2", "supahands_3"):
        places, own, rest = [], [], []
        for i, row in enumerate(data.rows):
            ratings = row["ratings"]
            assert isinstance(ratings, list)
            grades = {r["rater"]: float(r["grade"]) for r in ratings if r["grade"] is not None}
            others = [grade for name, grade in grades.items() if name != rater]
            if rater in grades and len(others) >= 2:
                places.append(i)
                own.append(int(grades[rater]))
                rest.append(int(np.ceil(np.median(others) - 0.5)))
        if len(places) < 300:
            continue
        part = Data([data.rows[i] for i in places], [], LABELS[np.array(rest)], data.queries[places])
        mine = judge_labels[places]
        own_auc = by_queries(part, auc(part.relevant, np.array(own, float)))
        lines.append(
            f"| {rater} against the others ({len(places)} pairs) | {own_auc} "
            f"| {by_queries(part, kappa(part.labels, LABELS[np.array(own)]))} |\n"
            f"| offline judge, cross-validated, on the same "
            f"| {by_queries(part, auc(part.relevant, scores[places]))} "
            f"| {by_queries(part, kappa(part.labels, mine))} |"
        )
    return lines


def report(data: Data, judge: OfflineJudge) -> None:
    own = np.array([score(e) for e in data.evidence])
    labels = judged(data, judge)
    held_out, held_out_labels = cross_validated(data)
    text = np.array([e.similarities.text for e in data.evidence])
    print(f"{len(data.rows)} pairs, {len(set(data.queries))} queries, labels {np.bincount(data.labels)}")
    print("| | AUC (grade 2 and up) | quadratic kappa |\n|---|---|---|")
    print(f"| word overlap | {by_queries(data, auc(data.relevant, overlap(data)))} | |")
    print(f"| embedding similarity alone | {by_queries(data, auc(data.relevant, text))} | |")
    print(
        f"| score, cross-validated by query | {by_queries(data, auc(data.relevant, held_out))} "
        f"| {by_queries(data, kappa(data.labels, held_out_labels))} |"
    )
    print(
        f"| as built in (score; labels with rules) | {by_queries(data, auc(data.relevant, own))} "
        f"| {by_queries(data, kappa(data.labels, labels))} |"
    )
    for names, (both, one, other) in humans(data).items():
        part = Data([], [], data.labels[both], data.queries[both])
        print(f"| {names} ({len(both)} pairs) | | {by_queries(part, kappa(one, other))} |")
    print("\n".join(one_against_rest(data, held_out_labels, held_out)))
    print("confusion (rows human 0 1 2, columns judge):")
    print(np.array([[int(((data.labels == a) & (labels == b)).sum()) for b in range(3)] for a in range(3)]))
    judge.become("lenient")
    changed = judged(data, judge) != labels
    judge.become("usual")
    print(f"lenient differs on {changed.mean():.1%} of the pairs")


def print_fit(data: Data) -> None:
    weights, intercept = fit(features(data), data.relevant)
    print(f"INTERCEPT = {intercept:.2f}")
    for name, weight in zip(NAMES, weights, strict=True):
        print(f"{name} = {weight:.3f}")
    scores = features(data) @ weights + intercept
    print("cut points", best_cuts(scores, data.labels))
    some = LogisticRegression(C=1e6).fit(scores[:, None], data.labels >= 1)
    print(f"ANY_USE = ({some.intercept_[0]:.3f}, {some.coef_[0][0]:.3f})")
    by_rule = np.array([e.contradicted for e in data.evidence])
    print(f"irrelevant among the contradicted: {(data.labels[by_rule] == 0).mean():.3f} of {by_rule.sum()}")
    rules = np.array([e.kind_met and not e.accessory and not e.contradicted and not e.limits for e in data.evidence])
    for low, high in ((0, 0.1), (0.1, 0.5), (0.5, 0.8), (0.8, 1.1)):
        part = rules & np.array([low <= e.similarities.kinds < high for e in data.evidence])
        share = data.relevant[part].mean()
        print(f"kind met, nothing against it, overlap {low} to {high}: relevant {share:.3f} of {part.sum()}")


def print_ablation(path: Path, data: Data) -> None:
    """The cross-validated figures without the kinds of things that share a word with any of the queries."""
    asked = {word for query in data.queries for word in stems(str(query))}
    kinds = [kind for kind in KINDS if not asked & set(stems(kind))]
    left = load(path, OfflineJudge(kinds=kinds))
    scores, labels = cross_validated(left)
    line = f"| {by_queries(left, auc(left.relevant, scores))} | {by_queries(left, kappa(left.labels, labels))} |"
    print(f"| cross-validated with {len(kinds)} of {len(KINDS)} kinds, none sharing a word with a query {line}")


def print_speed(data: Data, judge: OfflineJudge) -> None:
    """Pairs a second by twenties of one query, embeddings new and known."""
    for name in ("cold", "warm"):
        if name == "cold":
            judge.forget()
        started, count = time.perf_counter(), 0
        for query in list(dict.fromkeys(data.queries))[:25]:
            rows = [product_row(row, f"p{i}") for i, row in enumerate(data.rows) if row["query"] == query][:20]
            count += len(judge.judgements(str(query), rows).judgements)
        print(f"{name}: {count / (time.perf_counter() - started):.0f} pairs a second ({count} pairs)")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=Path, default=PAIRS)
    parser.add_argument("--fit", action="store_true", help="print the coefficients anew")
    parser.add_argument("--speed", action="store_true", help="print judged pairs per second")
    parser.add_argument("--ablate", action="store_true", help="leave out the kinds that queries name")
    chosen = parser.parse_args(arguments)
    judge = OfflineJudge()
    data = load(chosen.pairs, judge)
    report(data, judge)
    if chosen.fit:
        print_fit(data)
    if chosen.ablate:
        print_ablation(chosen.pairs, data)
    if chosen.speed:
        print_speed(data, judge)


if __name__ == "__main__":
    main()
