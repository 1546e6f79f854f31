"""How far a program of another library is, and what it took: one line of JSON on standard output."""

from __future__ import annotations

import json
import sys
import time
from datetime import datetime


class Progress:
    """Counts records read and searches counted; the clock starts with the first record."""

    def __init__(self, records: int, searches: int) -> None:
        self._left = [records, searches]
        self._records = records
        self._began = 0.0
        self._cpu = 0.0

    def read(self) -> None:
        """One record of the log is in."""
        if not self._began:
            self._began, self._cpu = time.monotonic(), time.process_time()
        self._left[0] -= 1

    def counted(self) -> None:
        """One search is in its count."""
        self._left[1] -= 1

    def is_done(self) -> bool:
        """Whether all are read and counted."""
        return max(self._left) <= 0

    def show(self) -> None:
        """Print it; faust takes `sys.stdout` for its log."""
        wall, cpu = time.monotonic() - self._began, time.process_time() - self._cpu
        print(json.dumps({"records": self._records, "wall": wall, "cpu": cpu}), file=sys.__stdout__, flush=True)


def normalised(query: str) -> str:
    """Near enough to the contract's; these programs leave out NFKC and the limit."""
    return " ".join(query.casefold().split())


def milliseconds(timestamp: str | float) -> int:
    """A record's own time, milliseconds since 1970."""
    if isinstance(timestamp, str):
        return int(datetime.fromisoformat(timestamp).timestamp() * 1000)
    return int(timestamp)
