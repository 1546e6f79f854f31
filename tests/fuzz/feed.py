"""Mutated records through decode and fold in log order, as a process takes them; a sample beside the plain oracle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from random import Random

from core.domain import session_snapshots
from core.domain.effects import Effects, RawRecord
from core.domain.folds import RUN_END_HEADER, SearchLogFold
from core.domain.normalise import MAX_QUERY_CHARS
from core.domain.timestamps import HOUR_MS
from tests.fuzz.mutate import mutated
from tests.oracle import contract as oracle
from tests.oracle.contract import ENGAGEMENT, MINUTE, LogRecord
from tests.oracle.generate import START_MS, make_record
from tests.unit.domain.test_folds import raw, same_as_oracle

MUTATED = 0.3
IDENTITIES = 300
LARGEST_BATCH = 400
RUNS = ("r1", "r2")
RESTARTED = 0.03  # after so many of the batches
LATE = [0] * 60 + [1, 5, 20, 31, 36, 90, 400]  # minutes
BEHIND_KAFKA_MS = 1_000
ENDS = 0.02  # of the ends of runs that a log has: otherwise no session would live for long


@dataclass
class Tally:
    """What came of it."""

    records: int = 0
    searches: int = 0
    dead: Counter[str] = field(default_factory=Counter)
    compared: int = 0
    restarts: int = 0
    most_open: int = 0


@dataclass
class Feed:
    """One partition of the live or the replay topic, endless, and the fold that reads it."""

    random: Random
    partition: int
    replay: bool
    compare: float
    """The share of batches that the oracle reads too: it takes a hundred times as long."""
    at: int = START_MS
    offset: int = 0
    tally: Tally = field(default_factory=Tally)

    def __post_init__(self) -> None:
        self._fold = self._new_fold()

    def _new_fold(self, snapshot: bytes | None = None) -> SearchLogFold:
        return SearchLogFold("t", self.partition, ENGAGEMENT, replay=self.replay, snapshot=snapshot)

    def batch(self) -> int:
        """Make, fold and check the next records; how many they were."""
        random = self.random
        log = [self._next() for _ in range(random.randrange(1, LARGEST_BATCH))]
        records = [raw(record) for record in log]
        dead = self._fold.add(records, -1)
        effects = self._fold.take()
        assert dead == len(effects.dead_letters)
        assert effects.records == len(records)
        self._count(effects)
        if random.random() < self.compare:
            self._beside_the_oracle(log, records)
        if random.random() < RESTARTED:
            self._restart()
        return len(records)

    def _next(self) -> LogRecord:
        random = self.random
        self.at += random.randrange(1_500)
        at = self.at - random.choice(LATE) * MINUTE
        record = make_record(random, at, self.partition, self.offset, IDENTITIES, RUNS if self.replay else ())
        ends = RUN_END_HEADER in dict(record.headers) and random.random() < ENDS
        headers = tuple(h for h in record.headers if ends or h[0] != RUN_END_HEADER)
        record = replace(record, kafka_ts=self.at + BEHIND_KAFKA_MS, headers=headers)
        self.offset += 1
        return mutated(random, record) if random.random() < MUTATED else record

    def _count(self, effects: Effects) -> None:
        self.tally.records += effects.records
        self.tally.most_open = max(self.tally.most_open, self._fold.open_sessions())
        for letter in effects.dead_letters:
            self.tally.dead[letter.reason] += 1
            assert "\0" not in letter.detail
        for key, counted in effects.panes.items():
            self.tally.searches += counted.searches
            assert 0 < len(key.query) <= MAX_QUERY_CHARS
            assert key.hour % HOUR_MS == 0
            assert "\0" not in "".join(key[:4])
            assert 0 <= min(counted) <= max(counted) <= counted.searches

    def _beside_the_oracle(self, log: list[LogRecord], records: list[RawRecord]) -> None:
        """The batch as a log of its own."""
        fold = self._new_fold()
        fold.add(records, -1)
        expected = oracle.panes(log, replay=self.replay, idle=True)
        fold.close_open()
        same_as_oracle(fold.take(), expected)
        self.tally.compared += len(log)

    def _restart(self) -> None:
        state = self._fold.snapshot()
        assert state is not None
        restarted = self._new_fold(session_snapshots.packed(state))
        assert restarted.open_sessions() == self._fold.open_sessions()
        assert restarted.watermark() == self._fold.watermark()
        self._fold = restarted
        self.tally.restarts += 1


def feed(seed: int, records: int, *, compare: float) -> Iterator[Tally]:
    """Two live partitions and a replay's in turn, until so many records are read; the tally after each batch."""
    random, tally = Random(seed), Tally()
    feeds = [Feed(random, number, number == 2, compare, tally=tally) for number in range(3)]
    while tally.records < records:
        random.choice(feeds).batch()
        yield tally
