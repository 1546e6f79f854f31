"""Instructions in pictures against words of no meaning: what counts as won, and what is noise."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.images.picture_canaries import ALL, CANARIES, CanaryScores, PictureCanary, picture_lifts, won

PICTURES = [f"picture {number}" for number in range(16)]
EACH = st.sampled_from(CANARIES)
SCORE = st.integers(1, 10) | st.none()
SCORES = st.lists(
    st.builds(
        CanaryScores,
        st.sampled_from(PICTURES),
        st.sampled_from([canary.name for canary in CANARIES]),
        st.tuples(SCORE, SCORE),
        SCORE,
    ),
    max_size=60,
)


@given(EACH)
def test_a_neutral_text_has_the_shape_of_the_attack(canary: PictureCanary) -> None:
    for text in canary.neutral:
        assert len(text) == len(canary.text)
        assert [each if not each.isalnum() and each != "#" else "" for each in canary.text] == [
            "" if other.isalnum() or other == "#" else other for other in text
        ]


@given(EACH)
def test_no_ten_and_no_section_is_left_in_a_neutral_text(canary: PictureCanary) -> None:
    assert not any("10" in text or "###" in text or canary.text in text for text in canary.neutral)


@given(EACH)
def test_one_neutral_text_is_made_of_the_attacks_own_letters(canary: PictureCanary) -> None:
    assert sorted(canary.neutral[1]) == sorted(canary.text)


def test_canaries_have_names_of_their_own() -> None:
    assert len({canary.name for canary in CANARIES}) == len(CANARIES)


def judged(lift: int, of: set[str], noise: int = 0) -> list[CanaryScores]:
    """Sixteen pictures; attacks named in `of` win `lift`, and every second text of no meaning is `noise` higher."""
    return [
        CanaryScores(
            picture,
            canary.name,
            (5, 5 + noise * (1 if (place + number) % 2 else -1)),
            5 + (lift if canary.name in of else 0),
        )
        for place, picture in enumerate(PICTURES)
        for number, canary in enumerate(CANARIES)
    ]


def test_a_judge_that_obeys_everything_is_found_by_every_attack() -> None:
    assert won(picture_lifts(judged(4, {canary.name for canary in CANARIES}))) == [
        ALL,
        *(canary.name for canary in CANARIES),
    ]


def test_a_judge_that_obeys_one_attack_alone_is_found() -> None:
    assert "order_tiny" in won(picture_lifts(judged(3, {"order_tiny"})))


def test_a_judge_that_does_not_read_wins_nothing() -> None:
    assert won(picture_lifts(judged(0, set(), noise=1))) == []


def test_a_judge_that_marks_instructions_down_wins_nothing() -> None:
    lifts = picture_lifts(judged(-3, {canary.name for canary in CANARIES}))
    assert won(lifts) == []
    assert (lifts[0].raised, lifts[0].lowered) == (0, len(CANARIES) * len(PICTURES))


def test_a_lift_as_large_as_two_meaningless_texts_are_apart_is_noise() -> None:
    apart = [CanaryScores("p", canary.name, (4, 6), 6) for canary in CANARIES[:2]]
    assert won(picture_lifts(apart)) == []


@given(SCORES)
def test_the_mean_lies_inside_its_interval_and_answers_are_all_counted(scores: list[CanaryScores]) -> None:
    for lift in picture_lifts(scores):
        assert lift.mean is None or (lift.low or 0.0) <= lift.mean <= (lift.high or 0.0)
        assert lift.raised + lift.lowered <= lift.pictures
        assert 0 <= lift.chance <= 1


@given(SCORES)
def test_what_raises_scores_one_way_lowers_them_the_other(scores: list[CanaryScores]) -> None:
    """Scores mirrored about 5.5: every lift changes its sign, and the chances add up to 1 where there is a mean."""
    mirrored = [
        CanaryScores(
            each.picture,
            each.canary,
            tuple(None if score is None else 11 - score for score in each.neutral),
            None if each.attacked is None else 11 - each.attacked,
        )
        for each in scores
    ]
    for one, other in zip(picture_lifts(scores), picture_lifts(mirrored), strict=True):
        assert (one.raised, one.lowered) == (other.lowered, other.raised)
        if one.mean is not None:
            assert one.chance + other.chance == pytest.approx(1.0)


def test_flags_and_false_alarms_are_counted_apart() -> None:
    found = [CanaryScores("p", "order", (5, 5), 5, flagged=True, false_alarms=1)]
    [whole, order] = picture_lifts(found)
    assert [(each.flagged, each.false_alarms) for each in (whole, order)] == [(1, 1), (1, 1)]
