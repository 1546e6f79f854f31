"""When so many records can't be used that going on would fill a table with them instead of telling a person."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class DeadShare:
    """The share of unusable records among the last `window` of a partition, or the few more that whole batches make.

    Nothing is a flood before a whole window has been seen: of ten records after a start, three may be wrong.
    """

    window: int
    limit: float
    """A share from 0 to 1 that may be reached and not passed; 1 never stops."""
    _batches: deque[tuple[int, int]] = field(default_factory=deque)
    _records: int = 0
    _dead: int = 0

    def saw(self, records: int, dead: int) -> None:
        """The next batch: how many records, and how many of them were unusable."""
        self._batches.append((records, dead))
        self._records += records
        self._dead += dead
        while self._records - self._batches[0][0] >= self.window:
            first_records, first_dead = self._batches.popleft()
            self._records -= first_records
            self._dead -= first_dead

    def is_flood(self) -> bool:
        """Whether the limit is passed."""
        return self._records >= self.window and self._dead > self.limit * self._records

    def __str__(self) -> str:
        return f"{self._dead} of the last {self._records} records could not be used, more than {self.limit:.0%}"
