"""What each tier overturns of the one before it, and how sure that is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.evaluation.checks import CHECKS, IMAGE_CHECKS
from core.domain.evaluation.checks.habits import habits
from core.domain.evaluation.checks.report import Share, TierReport, TierRow
from core.domain.evaluation.checks.shares import Seen, share_of
from core.domain.evaluation.checks.tiers import (
    People,
    Verdict,
    cases,
    check_rows,
    drawn,
    flagged,
    same_grade,
    through_checks,
    tier_rows,
    to_critique,
)
from core.domain.evaluation.checks.words_of_report import share_told
from core.domain.friction import wilson_lower
from core.domain.relevance import Search
from tests.unit.domain.evaluation.checks.samples import GOOD, judged, scored

AGREES, OTHER, REFUTES = Verdict(2, True, ""), Verdict(0, True, "no"), Verdict(2, False, "made up")


def made(key: str, query: str, *, contradicts: bool = False):
    verdicts = "yny" if contradicts else "yyy"
    return replace(GOOD, key=key, search=Search("shop", "uk", query, "en"), verdicts=verdicts)


def test_each_tier_says_what_the_next_one_overturned():
    answers = [made(f"good{n}", f"q{n}") for n in range(4)] + [made(f"bad{n}", f"q{n}", contradicts=True) for n in "ab"]
    critiques = {"good0": AGREES, "good1": OTHER, "good2": REFUTES, "bada": OTHER, "badb": AGREES}
    people = {"good0": People(2), "good3": People(1), "bada": People(0), "badb": People(2)}
    found = cases(through_checks(answers), critiques, people, 1.0)
    checks, critique, humans = tier_rows(found)
    assert (checks.seen, checks.objected) == (6, 2)
    by_critique, by_people = checks.overturned
    assert (by_critique.missed.hits, by_critique.missed.n) == (1, 3)
    assert (by_critique.reasons.hits, by_critique.reasons.n) == (1, 3)
    assert (by_critique.false_alarms.hits, by_critique.false_alarms.n) == (1, 2)
    assert (by_people.missed.hits, by_people.missed.n) == (1, 2)
    assert (by_people.false_alarms.hits, by_people.false_alarms.n) == (1, 2)
    assert (critique.seen, critique.objected) == (5, 3)
    (of_critique,) = critique.overturned
    assert (of_critique.missed.hits, of_critique.missed.n) == (0, 2)
    assert (of_critique.false_alarms.hits, of_critique.false_alarms.n) == (0, 1)
    assert (humans.seen, humans.objected) == (4, 2)


def test_a_check_says_how_many_of_its_alarms_were_let_stand():
    answers = [made(f"bad{n}", f"q{n}", contradicts=True) for n in range(3)]
    rows = check_rows("relevance", cases(through_checks(answers), {"bad0": AGREES, "bad1": OTHER}, {}, 0.1))
    assert [row.check for row in rows] == [check.__name__ for check in CHECKS]
    over = rows[0]
    assert (over.flagged, over.by_critique.hits, over.by_critique.n, over.by_people.value) == (3, 1, 2, None)
    assert len(check_rows("image", [])) == len(IMAGE_CHECKS)


def test_the_critique_sees_all_that_is_objected_to_and_a_share_of_the_rest():
    answers = [made(f"good{n}", "q") for n in range(400)] + [made(f"bad{n}", "q", contradicts=True) for n in range(5)]
    sample = to_critique(through_checks(answers), 0.25)
    assert sum(each.key.startswith("bad") for each in sample) == 5
    assert 70 <= sum(each.key.startswith("good") for each in sample) <= 130


def test_what_is_not_known_any_more_is_not_looked_at_again():
    assert to_critique(through_checks([judged(product=None), judged(guideline=None)]), 1.0) == []


@given(st.text(min_size=1), st.floats(0, 1), st.floats(0, 1))
def test_a_larger_share_has_all_of_a_smaller_one(key, one, other):
    low, high = sorted((one, other))
    assert drawn(key, high) or not drawn(key, low)
    assert drawn(key, 1.0)
    assert not drawn(key, 0.0)


def test_what_is_seen_in_part_counts_for_what_it_stands_for():
    """Of a critique that saw a tenth of what passes, people's share is that of all."""
    answers = [made("good", "q1"), made("bad", "q2", contradicts=True)]
    found = cases(through_checks(answers), {"good": AGREES, "bad": AGREES}, {"good": People(0), "bad": People(2)}, 0.1)
    (of_critique,) = tier_rows(found)[1].overturned
    assert of_critique.missed.value == pytest.approx(10 / 11)


def test_answers_chosen_for_what_they_teach_say_nothing_of_the_rest():
    found = cases(through_checks([GOOD]), {}, {GOOD.key: People(0, None)}, 0.1)
    assert tier_rows(found)[0].overturned[1].missed.n == 0
    assert tier_rows(found)[2].objected == 1


def test_scores_of_pictures_agree_within_a_point():
    assert same_grade(scored(7), 8)
    assert not same_grade(scored(7), 9)
    assert not same_grade(judged(), 1)


def test_the_worst_come_first_with_what_was_said_of_them():
    answers = [made("fine", "q"), made("bad", "q", contradicts=True), made("worse", "q", contradicts=True)]
    found = cases(through_checks(answers), {"worse": OTHER}, {"worse": People(0), "bad": People(2)}, 0.1)
    first, second = flagged(found)
    assert (first.key, first.better, first.why, first.people) == ("worse", 0, "no", 0)
    assert (second.key, second.better, second.people) == ("bad", None, 2)


def test_nobody_looked_is_no_share():
    assert share_of([]) == Share(0, 0, 0, None, None, None)
    assert share_told(share_of([])) == "–"


def test_with_one_judgement_a_query_it_is_wilsons_interval():
    share = share_of([Seen(n < 12, n) for n in range(80)])
    assert share.value == 0.15
    assert share.low == pytest.approx(wilson_lower(12, 80), abs=0.003)
    assert share.high == pytest.approx(1 - wilson_lower(68, 80), abs=0.003)


def test_judgements_of_one_query_count_as_few():
    alike = share_of([Seen(query < 2, query) for query in range(10) for _ in range(10)])
    apart = share_of([Seen(n < 20, n) for n in range(100)])
    assert alike.high - alike.low > 2 * (apart.high - apart.low)


def test_where_all_are_alike_every_query_counts_once():
    share = share_of([Seen(False, n % 20) for n in range(200)])
    assert share.high == pytest.approx(1 - wilson_lower(20, 20))


def test_the_interval_holds_the_truth_as_often_as_it_says():
    """Queries differ (beta, mean 0.2), ten judgements of each of 60: of 400 draws, 92 to 98 % hold it."""
    rng, held = np.random.default_rng(7), 0
    for _ in range(400):
        rates = rng.beta(1, 4, 60)
        share = share_of([Seen(bool(hit), n) for n, rate in enumerate(rates) for hit in rng.random(10) < rate])
        held += share.low <= 0.2 <= share.high
    assert 0.92 <= held / 400 <= 0.985


@given(st.lists(st.builds(Seen, st.booleans(), st.integers(0, 5), st.floats(1, 50)), min_size=1))
def test_an_interval_has_its_share_inside(seen):
    share = share_of(seen)
    assert 0 <= share.low <= share.value + 1e-9
    assert share.value - 1e-9 <= share.high <= 1


def test_a_judge_that_is_always_as_sure_is_told_as_that():
    (found,) = habits([judged(key=str(n), confidence=0.95, verdicts=("yyy", "yny")[n % 2]) for n in range(40)])
    assert (found.check, found.why) == ("one_confidence", "confidence 0.95 in 40 of 40")


def test_a_few_judgements_or_ones_that_differ_are_no_habit():
    assert habits([judged()] * 10) == ()
    assert habits([judged(confidence=n / 40, verdicts=("yyy", "yny")[n % 2]) for n in range(40)]) == ()


def test_aspects_that_are_all_alike_are_told():
    alike = dict.fromkeys(scored(7).aspects, 7)
    assert [each.check for each in habits([scored(7, **alike)] * 40)] == ["one_score"]
    assert habits([scored(7)] * 40) == ()


def test_a_report_is_asked_by_its_tiers():
    report = TierReport(
        UUID(int=1), "run:1", "r", "relevance", "j", 1, (TierRow("checks", 1, 0),), (), (), "", "", 0.0, 0.0, True,
        datetime(2026, 11, 22, tzinfo=UTC),
    )  # fmt: skip
    assert report.of("checks").seen == 1
    with pytest.raises(KeyError):
        report.of("people")
