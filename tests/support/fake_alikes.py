"""Pictures that look alike, in memory."""

from __future__ import annotations

from collections.abc import Sequence

from core.domain.images import phash as hashes

A_FEW = 8


class FakeLookAlikes:
    """core.image_ports.LookAlikes."""

    def __init__(self) -> None:
        self.judged: dict[str, int] = {}
        """Hashes of pictures that a judge has looked at, the oldest first, with their perceptual hashes."""

    async def look_alikes(self, phash: int, distance: int) -> Sequence[str]:
        near = [
            (hashes.distance(phash, other), -place, name) for place, (name, other) in enumerate(self.judged.items())
        ]
        return [name for bits, _, name in sorted(near) if bits <= distance][:A_FEW]
