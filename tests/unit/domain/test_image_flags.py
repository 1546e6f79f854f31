"""A rise of a flag's share: found where many sellers are behind it, and hardly ever where nothing rose."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from core.domain.images.flags import FlagCount, FlagRules, design_effect, least_rise, newest_shares, rises

RULES = FlagRules(recent_days=7, base_days=28, min_pictures=200, min_rise=0.01, false_alarms=0.001)
Numbers = NDArray[np.int64]


def count(pictures: Numbers, flagged: Numbers, *, recent: bool, **place: str) -> FlagCount:
    """Of the pictures and flagged ones of each seller."""
    kept = pictures > 0
    pictures, flagged = pictures[kept], flagged[kept]
    told = {"market": "us", "category": "", "flag": "ai_made", "way": "judge@1", **place}
    squares = [int((a * b).sum()) for a, b in ((pictures, pictures), (flagged, flagged), (pictures, flagged))]
    sums = (int(pictures.sum()), int(flagged.sum()), *squares)
    return FlagCount(
        recent, *told.values(), 7 if recent else 28, len(pictures), int((flagged > 0).sum()), *sums
    )  # fmt: skip


def even(sellers: int, flagging: int, *, recent: bool, **place: str) -> FlagCount:
    """Sellers of one picture each, of whom some have the flag."""
    flagged = np.zeros(sellers, dtype=np.int64)
    flagged[:flagging] = 1
    return count(np.ones(sellers, dtype=np.int64), flagged, recent=recent, **place)


def test_a_share_that_doubled_among_many_sellers_is_a_rise() -> None:
    [rise] = rises([even(4000, 80, recent=False), even(1000, 60, recent=True)], RULES)
    assert (rise.market, rise.flag, rise.before, rise.after) == ("us", "ai_made", 0.02, 0.06)
    assert rise.least > 0


def test_one_sellers_evening_is_no_rise() -> None:
    pictures = np.array([60] + [1] * 940)
    flagged = np.array([60] + [0] * 940)
    assert rises([even(4000, 80, recent=False), count(pictures, flagged, recent=True)], RULES) == []


def test_a_rise_below_what_is_worth_a_look_is_not_told() -> None:
    assert rises([even(400_000, 4_000, recent=False), even(100_000, 1_500, recent=True)], RULES) == []


@pytest.mark.parametrize(("before", "after"), [(199, 4000), (4000, 199)])
def test_few_pictures_on_either_side_tell_nothing(before: int, after: int) -> None:
    assert rises([even(before, 1, recent=False), even(after, after // 2, recent=True)], RULES) == []


def test_another_judge_has_a_base_of_its_own() -> None:
    assert rises([even(4000, 80, recent=False), even(1000, 60, recent=True, way="judge@2")], RULES) == []


def test_a_market_is_not_told_beside_its_category() -> None:
    parts = [
        even(n, k, recent=r, category=c) for c in ("", "Bags") for n, k, r in ((4000, 80, False), (1000, 60, True))
    ]
    assert [rise.category for rise in rises(parts, RULES)] == ["Bags"]


def test_sellers_all_of_one_kind_make_the_design_effect_their_number_of_pictures() -> None:
    pictures = np.full(200, 5)
    flagged = np.where(np.arange(200) < 50, 5, 0)
    assert design_effect(count(pictures, flagged, recent=True)) == pytest.approx(5, rel=0.02)


def test_newcombes_own_example() -> None:
    """Table II (a) of Newcombe 1998: 56/70 against 48/80, method 10: 0.0524 to 0.3339."""
    assert least_rise(48 / 80, 80, 56 / 70, 70, 1.959964) == pytest.approx(0.0524, abs=5e-5)


def test_the_newest_shares_are_of_markets() -> None:
    counts = [even(100, 4, recent=True), even(100, 50, recent=True, category="Bags"), even(100, 9, recent=False)]
    assert newest_shares(counts) == {("us", "ai_made"): 0.04}


def quiet(rng: np.random.Generator) -> list[FlagCount]:
    """A market of ten categories whose sellers have shares of their own (alike within a seller: 0.3), a third of whom
    sell all the time and the others in one evening."""
    found: list[FlagCount] = []
    for flag, share in (("ai_made", 0.03), ("over_edited", 0.02), ("instructions", 0.001)):
        windows: dict[bool, list[tuple[Numbers, Numbers]]] = {True: [], False: []}
        for number, size in enumerate(30 * rng.lognormal(0, 1, 10)):
            sellers = max(2, int(size * 35 / 6))
            volume, own = rng.geometric(1 / 6, sellers), rng.beta(share * 7 / 3, (1 - share) * 7 / 3, sellers)
            recent = np.where(
                rng.random(sellers) < 0.3, rng.binomial(volume, 0.2), np.where(rng.random(sellers) < 0.2, volume, 0)
            )
            for is_recent, pictures in ((True, recent), (False, volume - recent)):
                flagged = rng.binomial(pictures, own)
                windows[is_recent].append((pictures, flagged))
                found.append(count(pictures, flagged, recent=is_recent, category=str(number), flag=flag))
        for is_recent, each in windows.items():
            pictures, flagged = (np.concatenate(part) for part in zip(*each, strict=True))
            found.append(count(pictures, flagged, recent=is_recent, flag=flag))
    return found


def test_quiet_weeks_raise_hardly_an_alarm() -> None:
    rng = np.random.default_rng(11)
    assert sum(bool(rises(quiet(rng), RULES)) for _ in range(250)) <= 1
