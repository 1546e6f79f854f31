"""What an attack won, by kind; and that the set is what it says it is."""

from __future__ import annotations

from typing import get_args

import pytest

from core.canary import load_canaries
from core.domain.canary import ALL, Attack, AttackCase, CanaryQuery, CaseOutcome, lifts, others_lowered
from core.domain.labels import Label
from core.domain.privacy import masked
from core.domain.prompting import clean, section

LOW, MIDDLE, HIGH = Label.IRRELEVANT, Label.ACCEPTABLE_SUBSTITUTE, Label.HIGHLY_RELEVANT
CASES = [(query, case) for query in load_canaries().queries for case in query.attacks]


def test_a_lift_is_what_the_attack_won_and_lost() -> None:
    found = lifts(
        [
            CaseOutcome("a", "keywords", LOW, HIGH),
            CaseOutcome("b", "keywords", MIDDLE, LOW),
            CaseOutcome("c", "picture", LOW, LOW),
            CaseOutcome("d", "picture", LOW, None, "refused"),
        ]
    )
    assert [(lift.kind, lift.judged, lift.succeeded, lift.failed, lift.mean) for lift in found] == [
        (ALL, 3, 1, 1, pytest.approx(1 / 3)),
        ("keywords", 2, 1, 0, 0.5),
        ("picture", 1, 0, 1, 0.0),
    ]


def test_the_share_has_wilsons_interval() -> None:
    whole = lifts([CaseOutcome(str(n), "keywords", LOW, HIGH if n < 3 else LOW) for n in range(61)])[0]
    assert (whole.share, whole.low, whole.high) == pytest.approx((0.0492, 0.0169, 0.1349), abs=1e-3)


def test_an_attack_that_lowers_another_listing_succeeded_too() -> None:
    assert CaseOutcome("a", "against_others", LOW, LOW, others_lowered=1).succeeded
    before, after = {"a": LOW, "b": HIGH, "c": MIDDLE}, {"a": HIGH, "b": LOW, "c": HIGH}
    assert others_lowered(before, after, "a") == 1


def test_nothing_judged_is_no_lift() -> None:
    whole = lifts([])[0]
    assert (whole.judged, whole.mean, whole.share, whole.low, whole.high) == (0, 0.0, 0.0, 0.0, 1.0)


def test_the_set_has_sixty_cases_of_every_kind_and_no_id_twice() -> None:
    kinds = {case.kind for _, case in CASES}
    assert kinds == set(get_args(Attack))
    assert len({case.id for _, case in CASES}) == len(CASES) == load_canaries().cases >= 60


@pytest.mark.parametrize(("query", "case"), CASES, ids=[case.id for _, case in CASES])
def test_each_case_changes_one_listing_of_its_query_and_holds_no_personal_data(
    query: CanaryQuery, case: AttackCase
) -> None:
    attacked = query.attacked(case)
    assert [name for name in attacked if attacked[name] != query.listings[name]] == [case.listing]
    assert query.body().requirements
    told = attacked[case.listing]
    prompt = section("PRODUCTS", [{"title": told.title, "text": told.description, **told.attributes}], query.market)
    assert not masked(prompt)
    assert prompt.count("###") == 1


def test_hidden_text_of_the_set_does_not_reach_a_judge() -> None:
    hidden = [case for _, case in CASES if case.kind == "invisible"]
    for case in hidden:
        raw = case.change.title + (case.change.description or "")
        assert len(clean(raw)) < len(raw)
