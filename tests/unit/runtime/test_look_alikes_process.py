"""A look takes in and groups until nothing is left."""

from __future__ import annotations

from consumers import look_alikes


class Parts:
    """Scores in parts, each with hashes that are grouped at the next turn."""

    def __init__(self, taken: list[int], grouped: list[int]) -> None:
        self.taken, self.grouped = taken, grouped
        self.turns = 0

    async def take(self) -> int:
        self.turns += 1
        return self.taken.pop(0) if self.taken else 0

    async def group(self) -> int:
        return self.grouped.pop(0) if self.grouped else 0


async def test_a_look_goes_on_until_nothing_is_new() -> None:
    parts = Parts([5_000, 12, 0, 0], [1_000, 1_000, 40, 0])
    assert await look_alikes.look(parts) == 2_040
    assert parts.turns == 4


async def test_a_look_ends_however_much_there_is() -> None:
    parts = Parts([1] * 1_000, [1] * 1_000)
    assert await look_alikes.look(parts) == parts.turns == look_alikes.TURNS_A_LOOK
