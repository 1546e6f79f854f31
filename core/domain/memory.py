"""What was made before and is asked for again, kept in bounded room."""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

Made = TypeVar("Made", bound=str)

ENTRY_BYTES = 250
"""Of an entry beside its text, with a key of 32 bytes: key, pair, number and a place in the table, which doubles at
once when it grows."""


class Memory(Generic[Made]):
    """Texts by the digest of what they were made of, `most` bytes of them; what was not asked for longest goes first.

    For functions whose answer hangs on their arguments alone, so nothing in it is ever out of date.
    """

    def __init__(self, most: int) -> None:
        self._room = most
        self._kept: OrderedDict[bytes, tuple[Made, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def of(self, key: bytes, make: Callable[[], Made]) -> Made:
        """What was made for `key`, else what `make` makes now."""
        known = self._kept.get(key)
        if known is not None:
            self._kept.move_to_end(key)
            return known[0]
        made = make()
        size = ENTRY_BYTES + sys.getsizeof(made)
        self._kept[key] = made, size
        self._room -= size
        while self._room < 0:
            self._room += self._kept.popitem(last=False)[1][1]
        return made
