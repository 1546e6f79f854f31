"""What a run will cost and how long it will take, said before it starts. Pure.

Input is counted from the very prompts; how many tokens their bytes make, how much of them the provider has cached, how
long replies are and how long they take comes from the last calls of the same prompt and model, as the ledger has them.
Two figures are told: the likely one, by medians, and a high one, by the ninth decile and nothing cached.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from core.domain import money
from core.domain.money import Price, PriceList
from core.domain.pacing import Limits

Purpose = Literal["guideline", "judgements", "picture_description", "picture_scores", "critique"]

TOKENS_PER_BYTE = 1 / 3.5
"""Where no call was seen: English has 4.3 bytes a token, JSON and Japanese 3."""

TOKENS_PER_BYTE_HIGH = 1 / 2
"""What the lane reserves of the rate (core/adapters/llm_wire.py): no natural text makes more."""

INPUT_SLACK = 1.1
"""Of a counted input where calls were seen: texts of another dataset make a tenth more tokens a byte at most."""

LATENCY_S = 2.0
"""Of a call where none was seen: hosted models answer 20 products in one to three seconds."""


@dataclass(frozen=True, slots=True)
class CallHabits:
    """What calls of one purpose, prompt and model took. Output in tokens: of `judgements` and `critique` by product, of
    the others by call. `cached` is the part of the input, 0 to 1, that the provider had in its prompt cache."""

    output: float
    output_high: float
    tokens_per_byte: float
    cached: float
    latency_s: float


UNSEEN: Mapping[Purpose, CallHabits] = {
    "guideline": CallHabits(400, 1_500, TOKENS_PER_BYTE, 0.0, LATENCY_S),
    "judgements": CallHabits(70, 160, TOKENS_PER_BYTE, 0.0, LATENCY_S),
    "picture_description": CallHabits(130, 400, TOKENS_PER_BYTE, 0.0, LATENCY_S),
    "picture_scores": CallHabits(320, 900, TOKENS_PER_BYTE, 0.0, LATENCY_S),
    "critique": CallHabits(70, 140, TOKENS_PER_BYTE, 0.0, LATENCY_S),
}
"""Of a model that was never called: outputs as measured on others, and at most what such a call may write
(core/domain/relevance.py, core/stages/picture_calls.py)."""


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """A call like `times` that a run will make. `text_bytes` of its whole prompt, `pictures` shown at the largest size
    there is, `products` graded by it, `output_most` tokens that it may write, and what one could cost at most."""

    purpose: Purpose
    prompt_version: str
    model: str
    text_bytes: int
    products: int
    output_most: int
    worst_usd: float
    pictures: int = 0
    picture_side: int = 0
    times: float = 1.0

    @property
    def kind(self) -> tuple[Purpose, str, str]:
        """Calls of one kind take alike."""
        return self.purpose, self.prompt_version, self.model


@dataclass(frozen=True, slots=True)
class CostEstimate:
    """Of one judge, or of a whole run: dollars likely and high, seconds at the limits if nobody else calls."""

    calls: float = 0.0
    input_tokens: float = 0.0
    output_tokens: float = 0.0
    usd: float = 0.0
    high_usd: float = 0.0
    seconds: float = 0.0
    worst_call_usd: float = 0.0
    """What the dearest call could cost at most: it is only sent where so much is left under the cap."""

    def plus(self, other: CostEstimate) -> CostEstimate:
        """Of both, one after the other at the same limits."""
        return CostEstimate(
            self.calls + other.calls,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.usd + other.usd,
            self.high_usd + other.high_usd,
            self.seconds + other.seconds,
            max(self.worst_call_usd, other.worst_call_usd),
        )

    @property
    def enough_usd(self) -> float:
        """The smallest cap under which the likely cost fits to the last call."""
        return self.usd + self.worst_call_usd

    def safe_usd(self, at_once: int) -> float:
        """The cap where none is given: the high figure, and the worst case of as many calls as are under way at once,
        so that the last ones need not wait for one another."""
        return self.high_usd + at_once * self.worst_call_usd


def estimated(
    calls: Sequence[PlannedCall],
    habits: Mapping[tuple[Purpose, str, str], CallHabits],
    prices: PriceList,
    limits: Limits,
) -> CostEstimate:
    """Of the calls at these prices and limits; a kind that `habits` does not have is taken as `UNSEEN` says."""
    total = CostEstimate()
    for call in calls:
        total = total.plus(_one(call, habits.get(call.kind), prices.price(call.model)))
    waiting = sum(call.times * _habit(call, habits).latency_s for call in calls)
    tokens = total.input_tokens + total.output_tokens
    seconds = max(
        total.calls / limits.requests_per_minute * 60,
        tokens / limits.tokens_per_minute * 60,
        waiting / limits.in_flight,
    )
    return total.plus(CostEstimate(seconds=seconds))


def _habit(call: PlannedCall, habits: Mapping[tuple[Purpose, str, str], CallHabits]) -> CallHabits:
    return habits.get(call.kind) or UNSEEN[call.purpose]


def _one(call: PlannedCall, seen: CallHabits | None, price: Price) -> CostEstimate:
    """All of a planned call's times; `seconds` is left to the whole."""
    pictures = call.pictures * money.picture_tokens(price, call.picture_side, call.picture_side) if call.pictures else 0
    habit = seen or UNSEEN[call.purpose]
    # What a picture counts for is no part of the bytes, so where pictures are shown the habit says nothing of texts.
    text = call.text_bytes * (TOKENS_PER_BYTE if call.pictures else habit.tokens_per_byte)
    text_high = text * INPUT_SLACK if seen and not call.pictures else call.text_bytes * TOKENS_PER_BYTE_HIGH
    by = call.products if call.purpose in ("judgements", "critique") else 1
    output, output_high = min(habit.output * by, call.output_most), min(habit.output_high * by, call.output_most)
    inside = round(text + pictures)
    likely = money.cost(price, inside, round(inside * habit.cached), round(output))
    high = money.cost(price, round(text_high + pictures), 0, round(output_high))
    return CostEstimate(
        calls=call.times,
        input_tokens=call.times * inside,
        output_tokens=call.times * output,
        usd=call.times * money.usd(likely),
        high_usd=call.times * money.usd(max(high, likely)),
        worst_call_usd=call.worst_usd,
    )
