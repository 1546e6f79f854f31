"""In the simulated marketplace the look at buyers finds the lift that is there, and none where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from core.domain.images.buyers.agreement import Agreement, agreement
from demo.marketplace.shoppers import served
from tests.support.buyers_world import World, curve_of, shown

WORLDS = {lift: World(4, lift, 7, 600) for lift in (0.5, 0.0)}


@pytest.fixture(scope="module")
def found() -> dict[float, tuple[float, Agreement]]:
    """By lift: the truth, and what is found."""
    return {lift: measured(world) for lift, world in WORLDS.items()}


def measured(world: World) -> tuple[float, Agreement]:
    sums = world.folded()
    examined, _, clicks = shown(sums, curve_of(sums))
    held = world.listings(examined, clicks)
    return world.true_lift(examined), agreement(held, 200, np.random.default_rng(1))


def test_a_lift_that_is_there_is_found(found: dict[float, tuple[float, Agreement]]) -> None:
    truth, said = found[0.5]
    assert said.lift is not None
    assert 0 < said.lift.low < truth < said.lift.high


def test_none_is_found_where_nobody_minds_pictures(found: dict[float, tuple[float, Agreement]]) -> None:
    truth, said = found[0.0]
    assert truth == pytest.approx(0, abs=1e-9)
    assert said.lift is not None
    assert said.lift.low < 0 < said.lift.high


def test_shoppers_who_do_not_mind_pictures_click_bad_ones_as_often() -> None:
    bad, good = (served(["a"], [2], [quality], lift=0.0).chances for quality in (0.0, 1.0))
    assert bad == good
    assert served(["a"], [2], [0.0]).chances[0] == pytest.approx(0.5 * good[0])
