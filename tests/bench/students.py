"""Which small model learns the judge's scores best? The tables of docs/student.md.

`python -m tests.bench.students [DIRECTORY] [--demo 600]`: pictures of DIRECTORY (an `index.csv` with `path`,
`class_name`) and of the demo's marketplace, labelled by the offline judge; each model by five folds of sellers (of the
directory: of classes), then the student itself on held-back ones.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr
from sklearn.ensemble import ExtraTreesRegressor, HistGradientBoostingRegressor
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from core.adapters.picture_decode import Decoded, Limits, decode
from core.domain.evaluation.estimates import Estimate
from core.domain.images.features import EXTRACTOR
from core.domain.images.forest_student import packed
from core.domain.images.labelled import LabelledPicture
from core.domain.images.student_figures import report_on, rounded
from core.domain.images.training import FIGURES_ASKED, LEAST_IN_LEAF, LEAVES, TREES, Recipe, parts_of, stacked, trained
from core.errors import PictureError
from demo.marketplace.world import Marketplace
from demo.offline_judge.pictures import measure, score

LIMITS = Limits(50_000_000, 768)
RECIPE = Recipe("student", EXTRACTOR, 0.2, 100, 0.15, 0.05, 2)

Numbers = NDArray[np.float64]


class Model(Protocol):
    """As scikit-learn has them."""

    def fit(self, figures: NDArray[np.float32], scores: Numbers) -> object: ...
    def predict(self, figures: NDArray[np.float32]) -> Numbers: ...


class Ordinal:
    """A logistic regression of each "at least k" (Frank & Hall 2001); their sum is the expected score."""

    def fit(self, figures: NDArray[np.float32], scores: Numbers) -> Ordinal:
        cuts = [cut for cut in range(2, 11) if (scores >= cut).any() and (scores < cut).any()]
        self._lowest = float(scores.min())
        self._models = [_logistic().fit(figures, scores >= cut) for cut in cuts]
        return self

    def predict(self, figures: NDArray[np.float32]) -> Numbers:
        return self._lowest + np.sum([each.predict_proba(figures)[:, 1] for each in self._models], axis=0)


def _logistic() -> Pipeline:
    return make_pipeline(StandardScaler(), LogisticRegression(C=0.05, max_iter=500))


MODELS: dict[str, Callable[[], Model]] = {
    "ridge": lambda: make_pipeline(StandardScaler(), RidgeCV(np.logspace(0, 4, 9))),
    "kernel ridge (RBF)": lambda: make_pipeline(StandardScaler(), KernelRidge(kernel="rbf", gamma=0.002, alpha=0.3)),
    "ordinal logistic": Ordinal,
    "gradient boosting": lambda: HistGradientBoostingRegressor(
        max_iter=200, learning_rate=0.06, max_leaf_nodes=15, min_samples_leaf=10, l2_regularization=1.0
    ),
    "extra trees": lambda: ExtraTreesRegressor(
        TREES, max_features=FIGURES_ASKED, min_samples_leaf=LEAST_IN_LEAF, max_leaf_nodes=LEAVES, random_state=7
    ),
}


@dataclass(frozen=True)
class Found:
    """A picture of somebody's."""

    seller: str
    category: str
    data: bytes


class Listed(msgspec.Struct):
    """What is read of a listing's record."""

    listing_id: str
    category: str
    attributes: dict[str, str]
    image_urls: list[str]


def of_directory(directory: Path) -> Iterator[Found]:
    with (directory / "index.csv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            yield Found(row["class_name"], row["category"], (directory / row["path"]).read_bytes())


def of_demo(number: int) -> Iterator[Found]:
    """Pictures of the first listings of the demo's marketplace."""
    market = Marketplace(7, date(2026, 1, 1), 8)
    for record in islice(market.initial_listings(), number):
        told = msgspec.json.decode(record.value, type=Listed)
        for place in range(1, len(told.image_urls) + 1):
            data = market.picture(told.listing_id, place)
            if data is not None:
                yield Found(told.attributes.get("seller", told.listing_id), told.category, data)


def labelled(found: Iterator[Found]) -> list[LabelledPicture]:
    """With the offline judge's scores."""
    made = []
    for at, each in enumerate(found):
        try:
            seen = decode(each.data, LIMITS)
        except PictureError:
            continue
        made.append(_labelled(at, each, seen))
    return made


def _labelled(at: int, found: Found, seen: Decoded) -> LabelledPicture:
    said = score("p1", measure(seen.jpeg))
    return LabelledPicture(
        image_hash=seen.image_hash,
        listing_id=f"l{at}",
        image_url=f"u{at}",
        seller=found.seller,
        market="de",
        category=found.category,
        phash=seen.phash,
        features=seen.features[EXTRACTOR],
        score=said.overall,
        aspects=said.aspects.model_dump(),
        why="",
        certain=True,
    )


def compare(pictures: list[LabelledPicture]) -> None:
    """A line a model."""
    figures, scores = stacked(pictures), np.array([each.score for each in pictures], dtype=np.float64)
    sellers = np.array([each.seller for each in pictures])
    print(f"\n{len(pictures)} pictures, {len(set(sellers))} groups, scores {np.bincount(scores.astype(int))[1:]}")
    print("| model | rank correlation | error (RMSE) | quadratic kappa | exact | within one | training |")
    print("|---|---|---|---|---|---|---|")
    for name, make in MODELS.items():
        start, said = time.perf_counter(), np.zeros(len(scores))
        for rest, fold in GroupKFold(5).split(figures, groups=sellers):
            model = make()
            model.fit(figures[rest], scores[rest])
            said[fold] = model.predict(figures[fold])
        taken, whole = (time.perf_counter() - start) / 5, rounded(said).astype(np.float64)
        kappa = 1 - ((whole - scores) ** 2).mean() / (whole.var() + scores.var() + (whole.mean() - scores.mean()) ** 2)
        rank, error = spearmanr(said, scores).statistic, float(((said - scores) ** 2).mean() ** 0.5)
        near = np.abs(whole - scores) <= 1
        print(
            f"| {name} | {rank:.3f} | {error:.3f} | {kappa:.3f} | {(whole == scores).mean():.3f} | {near.mean():.3f} "
            f"| {taken:.2f} s |"
        )


def hold_back(pictures: list[LabelledPicture]) -> None:
    """The student on held-back sellers."""
    parts = parts_of(pictures, RECIPE)
    start = time.perf_counter()
    student = trained(parts.train, RECIPE)
    taken = time.perf_counter() - start
    report = report_on(student, parts.train, parts.held, RECIPE.random_share)
    times = []
    for each in parts.held[:100]:
        begun = time.perf_counter()
        student.says(each.features)
        times.append(time.perf_counter() - begun)
    print(f"\ntrained on {len(parts.train)}, held back {len(parts.held)}, copies left out {parts.copies}")
    print(f"{taken:.1f} s, {len(packed(student)):,} bytes, {np.median(times) * 1e3:.2f} ms a picture")
    print(
        f"within its spread {report.coverage:.1%}, within twice {report.coverage_twice:.1%}, unsure {report.unsure:.1%}"
    )
    for each in (report.student, *report.baselines, *report.aspects):
        print(f"| {each.name} | {' | '.join(map(_told, each.metrics.values()))} |")


def _told(found: Estimate) -> str:
    if found.value is None:
        return "-"
    return f"{found.value:.3f}" + ("" if found.low is None else f" ({found.low:.2f} to {found.high:.2f})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path, nargs="?")
    parser.add_argument("--demo", type=int, default=600, help="listings")
    asked = parser.parse_args()
    for found in (*([of_directory(asked.directory)] if asked.directory else []), of_demo(asked.demo)):
        pictures = labelled(found)
        compare(pictures)
        hold_back(pictures)


if __name__ == "__main__":
    main()
