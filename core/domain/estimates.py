"""What a call will take, from what calls of the same prompt version took. Pure.

The input of the next call is what was counted, times what counting was wrong by so far; its output is the running
high quantile of the share of the allowed output that was used. Before enough is known both are at their worst.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import Final

QUANTILE: Final = 0.9
"""Of the outputs seen: nine of ten calls give tokens back, and what the tenth took too much is owed by the next."""

ENOUGH: Final = 10
"""Calls until their quantile is used: the 0.9 of fewer is the largest of them."""

KEPT: Final = 200
"""Calls looked back on: a change of the guidelines or the model shows within two seconds of full rate."""

AGAIN: Final = 20
"""The quantile is reckoned anew after so many calls: sorting 200 numbers is 20 µs, as much as a call's own share."""

MOST: Final = 4.0
"""An answer counts as so many times what was counted or allowed at most: a provider's rule for pictures may be another
than ours, but a slip of one answer must not slow down hundreds of calls, or make them look impossible."""

VERSIONS: Final = 100
"""Prompt versions remembered; those in use are under ten."""


@dataclass(slots=True)
class _Seen:
    outputs: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT))
    inputs: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT))
    output: float = 1.0
    input: float = 1.0
    since: int = 0


class Estimates:
    """Tokens of calls by prompt version (and model: `prompt` names both)."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, _Seen] = OrderedDict()

    def tokens(self, prompt: str, counted_input: int, allowed_output: int) -> int:
        """What such a call will take of the provider's limit."""
        seen = self._seen.get(prompt)
        if seen is None or len(seen.outputs) < ENOUGH:
            return counted_input + allowed_output
        return max(1, round(seen.input * counted_input + seen.output * allowed_output))

    def learn(self, prompt: str, *, counted_input: int, input_tokens: int, allowed_output: int, output: int) -> None:
        """An answered call: what was counted and allowed, and what it took."""
        seen = self._seen.setdefault(prompt, _Seen())
        self._seen.move_to_end(prompt)
        if len(self._seen) > VERSIONS:
            self._seen.popitem(last=False)
        seen.outputs.append(min(MOST, output / max(1, allowed_output)))
        seen.inputs.append(min(MOST, input_tokens / max(1, counted_input)))
        seen.since += 1
        if seen.since >= AGAIN or len(seen.outputs) == ENOUGH:
            seen.since = 0
            seen.output = _quantile(seen.outputs)
            seen.input = sum(seen.inputs) / len(seen.inputs)


def _quantile(values: deque[float]) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(QUANTILE * len(ordered)))]
