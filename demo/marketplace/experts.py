"""What three people of the category team would say of pairs: near the truth, each with a slip of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from random import Random

EXPERTS = ("anna", "ben", "chiara")

SLIPS = (0.08, 0.12, 0.18)
"""Share of pairs that each grades one off: two of them then agree on eight of ten, as people on such pairs do."""

SEEN = 0.9
"""Share of the pairs that a person gets to see: no set of grades is ever complete."""


def rated(pairs: Sequence[Mapping[str, object]], seed: int) -> Iterator[dict[str, object]]:
    """Each pair with its `ratings` instead of its true `grade`."""
    rng = Random(f"{seed}:experts")
    for pair in pairs:
        truth = int(str(pair["grade"]))
        said = {name: _said(rng, truth, slip) for name, slip in zip(EXPERTS, SLIPS, strict=True)}
        seen = [name for name in EXPERTS if rng.random() < SEEN] or [EXPERTS[0]]
        known = {name: value for name, value in pair.items() if name != "grade"}
        yield {**known, "ratings": [{"rater": name, "grade": said[name]} for name in seen]}


def _said(rng: Random, truth: int, slip: float) -> int:
    if rng.random() >= slip:
        return truth
    return 1 if truth != 1 else rng.choice((0, 2))
