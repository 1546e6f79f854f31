"""What was made before and is asked for again, kept in bounded room."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

Made = TypeVar("Made", bound=str)

ENTRY_BYTES = 250
"""Of an entry beside its characters, as measured with keys of 32 bytes: two objects' heads and a place in the table."""

CHARACTER_BYTES = 4
"""What a character takes at most; Latin text takes one."""


class Memory(Generic[Made]):
    """Texts by the digest of what they were made of, `most` bytes of them; what was not asked for longest goes first.

    For functions whose answer hangs on their arguments alone, so nothing in it is ever out of date.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._room = most
        self._kept: OrderedDict[bytes, Made] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def of(self, key: bytes, make: Callable[[], Made]) -> Made:
        """What was made for `key`, else what `make` makes now."""
        known = self._kept.get(key)
        if known is not None:
            self._kept.move_to_end(key)
            return known
        made = make()
        self._kept[key] = made
        self._room -= _bytes(made)
        while self._room < 0:
            self._room += _bytes(self._kept.popitem(last=False)[1])
        return made


def _bytes(text: str) -> int:
    return ENTRY_BYTES + len(text) * (1 if text.isascii() else CHARACTER_BYTES)
