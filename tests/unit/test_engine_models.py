"""What the console calls a difference between engines."""

from __future__ import annotations

import pytest

from core.engine_models import SURE_P, EngineMeasureView


def measured(low: float | None, high: float | None, p: float | None) -> EngineMeasureView:
    return EngineMeasureView("next", "ndcg", 30, 0.8, 0.7, 0.9, 30, 0.08, low, high, p, 14, 12, 4)


def test_a_difference_is_sure_when_interval_and_p_say_so() -> None:
    assert measured(0.01, 0.2, SURE_P / 2).is_sure


@pytest.mark.parametrize(("low", "high", "p"), [(0.01, 0.2, 0.12), (-0.01, 0.2, 0.01), (None, None, None)])
def test_a_difference_is_not_sure_when_one_of_them_does_not(
    low: float | None, high: float | None, p: float | None
) -> None:
    assert not measured(low, high, p).is_sure
