"""How often intervals called 95 % hold the truth, by simulation from the human-labelled pairs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from core.domain.evaluation.agreement import agreement
from core.domain.evaluation.comparison import compared
from core.domain.evaluation.estimates import Difference, Estimate, metric_names
from core.domain.evaluation.sample import NONE, Sample, Verdicts, of_rater
from tests.bench.evaluation.data import human_sample, of_queries, offline_answers

SIZES = (20, 50, 150)
RESAMPLES = 1_000
"""Half of what a report draws, to be done in minutes: intervals end as near, a little less steadily."""
TARGET = (0.93, 0.97)

Figures = tuple[Estimate, ...] | tuple[Difference, ...]


@dataclass(slots=True)
class Count:
    """Of one metric at one size."""

    told: int = 0
    """Draws with an interval."""
    held: int = 0
    below: int = 0
    """The truth lies below the interval."""
    widths: list[float] = field(default_factory=list)

    def add(self, each: Estimate | Difference, truth: float | None) -> None:
        """One draw."""
        if each.low is None or each.high is None or truth is None:
            return
        self.told += 1
        self.held += each.low - 1e-9 <= truth <= each.high + 1e-9
        self.below += truth < each.low - 1e-9
        self.widths.append(each.high - each.low)


def of_one(sample: Sample, verdicts: Verdicts) -> Figures:
    """What a report says of one judge."""
    return agreement(sample, verdicts, RESAMPLES, seed=1).estimates


def of_two(sample: Sample, one: Verdicts, other: Verdicts) -> Figures:
    """What a comparison says."""
    return compared(sample, one, other, RESAMPLES, seed=1).differences


def simulated(
    sample: Sample, answers: Sequence[Verdicts], figures: Callable[..., Figures], queries: int, draws: int
) -> dict[str, Count]:
    """Draw queries with replacement from the file's, which are the population; its own figures are the truth."""
    truth = {each.name: each.value for each in figures(sample, *answers)}
    found = {name: Count() for name in metric_names(sample.scale)}
    rng = np.random.default_rng(queries)
    for _ in range(draws):
        drawn, items = of_queries(sample, rng.integers(0, sample.queries, queries))
        for each in figures(drawn, *(verdicts.only(items) for verdicts in answers)):
            found[each.name].add(each, truth[each.name])
    return found


def populations(
    sample: Sample, judge: Verdicts
) -> Iterator[tuple[str, Callable[..., Figures], Sample, list[Verdicts]]]:
    """What is simulated: the judge, the judge against a stricter one, and each person as a judge."""
    answered = some_left_out(sample, judge)
    yield "the offline judge", of_one, sample, [answered]
    yield "a stricter judge less the offline judge", of_two, sample, [answered, stricter(answered)]
    for number, name in enumerate(sample.rater_names):
        part, person = as_judge(sample, number)
        yield f"{name} as a judge", of_one, part, [person]


def pairs(sample: Sample, judge: Verdicts) -> Iterator[tuple[str, Callable[..., Figures], Sample, list[Verdicts]]]:
    """Other differences, by which the constants of `core.domain.evaluation.bootstrap` were chosen."""
    answered, rng = some_left_out(sample, judge), np.random.default_rng(11)
    unsure = answered.confidence < np.quantile(answered.confidence, 0.25)
    better = np.where(unsure & (answered.grade >= 0) & (answered.grade < 2), answered.grade + 1, answered.grade)
    other = {"a kinder judge": Verdicts(better.astype(np.int8), answered.confidence)}
    for share in (0.1, 0.02):
        other[f"one who guesses {share:.0%}"] = _guessing(answered, share, rng)
    other[sample.rater_names[1]] = of_rater(sample, 1)
    for name, verdicts in other.items():
        shared = (answered.grade != NONE) & (verdicts.grade != NONE)
        both = [each.only(shared) for each in (answered, verdicts)]
        yield f"{name} less the offline judge", of_two, sample.only(shared), both


def _guessing(judge: Verdicts, share: float, rng: np.random.Generator) -> Verdicts:
    where = (rng.random(len(judge.grade)) < share) & (judge.grade >= 0)
    grade = np.where(where, rng.integers(0, 3, len(judge.grade)), judge.grade)
    return Verdicts(grade.astype(np.int8), judge.confidence)


def some_left_out(sample: Sample, judge: Verdicts) -> Verdicts:
    """The offline judge answers all, and a share of all has no interval: it leaves out up to a fifth of a query."""
    rng = np.random.default_rng(3)
    lost = rng.random(len(sample.query)) < rng.uniform(0, 0.2, sample.queries)[sample.query]
    return judge.among(~lost)


def stricter(judge: Verdicts) -> Verdicts:
    """One label lower where the judge is less sure than in half of its answers."""
    unsure = judge.confidence < np.median(judge.confidence)
    lower = np.where(unsure & (judge.grade > 0), judge.grade - 1, judge.grade).astype(np.int8)
    return Verdicts(lower, judge.confidence)


def as_judge(sample: Sample, number: int) -> tuple[Sample, Verdicts]:
    """One rater taken out of the panel, on what he graded."""
    graded = sample.raters[:, number] != NONE
    names = tuple(name for place, name in enumerate(sample.rater_names) if place != number)
    panel = replace(sample, raters=np.delete(sample.raters, number, axis=1), rater_names=names)
    return panel.only(graded), of_rater(sample, number).only(graded)


def table(found: dict[int, dict[str, Count]], draws: int) -> Iterator[str]:
    """A line a metric: coverage by size, with the share of draws that had an interval where it is not all."""
    yield f"{'':34s}" + "".join(f"{f'{size} queries':>24s}" for size in found)
    for name in next(iter(found.values())):
        yield f"{name:34s}" + "".join(_cell(each[name], draws) for each in found.values())


def _cell(count: Count, draws: int) -> str:
    if not count.told:
        return f"{'no interval':>24s}"
    held = count.held / count.told
    outside = " " if TARGET[0] <= held <= TARGET[1] else "!"
    told = f"of {count.told / draws:4.0%}" if count.told < draws else ""
    return f"{held:8.1%}{outside} w {np.median(count.widths):.2f} {told:>7s}"


def main(
    kept: Path | None,
    draws: int,
    made: Callable[[Sample, Verdicts], Iterator[tuple[str, Callable[..., Figures], Sample, list[Verdicts]]]],
) -> None:
    """Coverage of each metric of each population that is `made`."""
    sample = human_sample()
    judge = offline_answers(kept)
    print(f"share of {draws:,} draws whose 95 % interval held the truth; ! outside {TARGET[0]:.0%} to {TARGET[1]:.0%};")
    print("w: median width; `of`: share of the draws that had an interval; the rest were told why there is none")
    for name, figures, population, answers in made(sample, judge):
        print(f"\n{name}: {population.queries} queries, {len(population.query):,} pairs")
        found = {size: simulated(population, answers, figures, size, draws) for size in SIZES}
        print("\n".join(table(found, draws)), flush=True)
