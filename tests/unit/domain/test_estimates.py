"""What a call will take, learned of calls of the same prompt version."""

from __future__ import annotations

import random

from core.domain.estimates import ENOUGH, KEPT, Estimates


def _learned(outputs: list[int], inputs: int = 500) -> Estimates:
    estimates = Estimates()
    for output in outputs:
        estimates.learn("v1", counted_input=1_000, input_tokens=inputs, allowed_output=2_000, output=output)
    return estimates


def test_before_enough_is_known_all_that_is_allowed_is_expected() -> None:
    assert _learned([100] * (ENOUGH - 1)).tokens("v1", 1_000, 2_000) == 3_000


def test_then_the_counted_input_is_corrected_and_the_output_is_its_high_quantile() -> None:
    draw = random.Random(3)
    estimates = _learned([draw.randrange(0, 1_001) for _ in range(KEPT)])
    assert 500 + 850 <= estimates.tokens("v1", 1_000, 2_000) <= 500 + 950


def test_another_prompt_version_is_learned_anew() -> None:
    assert _learned([100] * 50).tokens("v2", 1_000, 2_000) == 3_000


def test_a_change_shows_after_as_many_calls_as_are_looked_back_on() -> None:
    estimates = _learned([100] * KEPT + [1_000] * KEPT)
    assert estimates.tokens("v1", 1_000, 2_000) == 1_500


def test_one_absurd_answer_hardly_moves_the_estimate() -> None:
    estimates = Estimates()
    for number in range(200):
        used = 10**9 if number == 100 else 1_000
        estimates.learn("v", counted_input=1_000, input_tokens=used, allowed_output=100, output=used // 20)
    assert estimates.tokens("v", 1_000, 100) <= 1_200
