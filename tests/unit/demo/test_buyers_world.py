"""In the simulated marketplace the look at buyers finds the lift that is there, and none where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from core.domain.images.buyers.agreement import Agreement, agreement
from demo.marketplace.shoppers import served
from tests.support.buyers_world import World, curve_of, shown

WORLDS = {lift: World(3, lift, 7, 1_000) for lift in (0.5, 0.0)}


@pytest.fixture(scope="module")
def found() -> dict[float, tuple[float, Agreement, Agreement]]:
    """By lift: the truth, what is found, and what is found without correction for places."""
    return {lift: measured(world) for lift, world in WORLDS.items()}


def measured(world: World) -> tuple[float, Agreement, Agreement]:
    sums = world.folded()
    examined, impressions, clicks = shown(sums, curve_of(sums))
    rng = np.random.default_rng(1)
    corrected = agreement(world.listings(examined, clicks), 200, rng)
    return world.true_lift(examined), corrected, agreement(world.listings(impressions, clicks), 200, rng)


def test_a_lift_that_is_there_is_found(found: dict[float, tuple[float, Agreement, Agreement]]) -> None:
    truth, said, _ = found[0.5]
    assert said.lift is not None
    assert 0 < said.lift.low < truth < said.lift.high


def test_none_is_found_where_nobody_minds_pictures(found: dict[float, tuple[float, Agreement, Agreement]]) -> None:
    truth, said, _ = found[0.0]
    assert truth == pytest.approx(0, abs=1e-9)
    assert said.lift is not None
    assert said.lift.low < 0 < said.lift.high


def test_without_correction_the_interval_is_far_wider(found: dict[float, tuple[float, Agreement, Agreement]]) -> None:
    _, said, raw = found[0.5]
    assert said.lift is not None
    assert raw.lift is not None
    assert raw.lift.high - raw.lift.low > 1.5 * (said.lift.high - said.lift.low)


def test_shoppers_who_do_not_mind_pictures_click_bad_ones_as_often() -> None:
    bad, good = (served(["a"], [2], [quality], lift=0.0).chances for quality in (0.0, 1.0))
    assert bad == good
    assert served(["a"], [2], [0.0]).chances[0] == pytest.approx(0.5 * good[0])
