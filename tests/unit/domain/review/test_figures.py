"""Who agrees with whom, and a judge's sample of the answers."""

from __future__ import annotations

import pytest
from sklearn.metrics import cohen_kappa_score

from core.domain.review.figures import Rated, answered_share, judged_sample, who_agrees


def rated(place: int, judged: int | None = None, **ratings: int) -> Rated:
    return Rated(f"q{place}", ratings, next(iter(ratings.values()), None), judged)


def test_every_pair_with_an_item_in_common_is_told() -> None:
    items = [rated(1, ada=2, bob=2), rated(2, ada=0, bob=1), rated(3, bob=1, cem=1)]
    found = {(each.a, each.b): each.n_items for each in who_agrees("relevance", items, 100)}
    assert found == {("ada", "bob"): 2, ("bob", "cem"): 1}


def test_the_figures_are_those_of_the_library() -> None:
    ada, bob = [2, 1, 0, 2, 1, 0, 2, 2, 0, 1, 1, 0], [2, 1, 0, 1, 1, 0, 2, 0, 0, 2, 1, 0]
    items = [rated(n, ada=a, bob=b) for n, (a, b) in enumerate(zip(ada, bob, strict=True))]
    (pair,) = who_agrees("relevance", items, 200)
    exact, kappa, quadratic, hard = pair.estimates
    assert exact.value == pytest.approx(9 / 12)
    assert kappa.value == pytest.approx(cohen_kappa_score(ada, bob))
    assert quadratic.value == pytest.approx(cohen_kappa_score(ada, bob, weights="quadratic"))
    assert hard.value == pytest.approx(1 / 12)
    assert (kappa.low or 0) < (kappa.value or 0) < (kappa.high or 0)


def test_one_reviewer_alone_agrees_with_nobody() -> None:
    assert who_agrees("relevance", [rated(1, ada=2)], 100) == []


def test_a_judges_sample_is_what_it_graded_answered_or_not() -> None:
    sample, verdicts = judged_sample("relevance", [rated(1, 2, ada=1), rated(2, 0), rated(3, None, ada=2)])
    assert (sample.truth.tolist(), verdicts.grade.tolist()) == ([1, -1], [2, 0])
    assert answered_share(sample) == 0.5


def test_of_nothing_no_share_is_answered() -> None:
    sample, _ = judged_sample("image", [])
    assert answered_share(sample) is None
