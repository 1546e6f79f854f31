"""Dead letters sent again to the topics they came from: as the log still holds them, else as they are stored.

At most once: a letter is marked before its record is sent and confirmed after. One whose sending was not confirmed is
in doubt, and only a person sends it again, since a record that is sent twice is counted twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from core.domain.effects import STORED_PAYLOAD_BYTES, RawRecord
from core.domain.events import LISTINGS, LISTINGS_REPLAY, SEARCH_LOG, SEARCH_LOG_REPLAY
from core.domain.folds import RUN_HEADER
from core.domain.keys import key_of
from core.errors import AssayError
from core.letter_models import DeadLetterView, LetterPlace
from core.ports import Clock, OutgoingRecord, RecordSink

CHUNK = 100
"""Letters at a time: of the largest that are sent 200 MB, and no more than these are in doubt after a crash."""

LARGEST_BYTES = 2_000_000
"""Of a value that is sent: our producer takes records of two mebibytes, key and headers among them."""

IMPOSSIBLE_GONE = "the log does not hold it any more, and only the beginning of it is stored"
IMPOSSIBLE_LARGE = f"it is larger than {LARGEST_BYTES} bytes, the most that is sent"
IMPOSSIBLE_PARTITION = "its topic has no such partition any more"


class KeyedRecord(Protocol):
    """A record with its key."""

    @property
    def key(self) -> bytes | None:
        """The key it was sent with."""
        ...

    @property
    def record(self) -> RawRecord:
        """The record."""
        ...


class Lookup(Protocol):
    """Topics whose records are read by offset."""

    def partitions(self, topic: str) -> list[int]:
        """Partitions of a topic; none when it is not there."""
        ...

    def at(self, topic: str, partition: int, offsets: Collection[int]) -> Mapping[int, KeyedRecord]:
        """Those that the log still holds."""
        ...


class Letters(Protocol):
    """The table of dead letters."""

    async def whole(self, topic: str, partition: int, offsets: Sequence[int]) -> Sequence[DeadLetterView]:
        """The letters of these places, with all that is stored of their values."""
        ...

    async def claim(self, letters: Sequence[DeadLetterView], at: datetime) -> set[LetterPlace]:
        """Mark letters of one partition as sent again; those are left out that another marked since they were read."""
        ...

    async def confirm(self, places: Sequence[LetterPlace], claimed_at: datetime, at: datetime) -> None:
        """Kafka has their records."""
        ...


@dataclass(frozen=True, slots=True)
class Again:
    """A letter and the record that is sent for it."""

    letter: DeadLetterView
    record: OutgoingRecord
    from_log: bool


@dataclass(slots=True)
class Requeued:
    """What became of the letters."""

    from_log: int = 0
    from_stored: int = 0
    impossible: list[tuple[LetterPlace, str]] = field(default_factory=list)
    taken: int = 0
    """Marked by another meanwhile."""
    in_doubt: list[LetterPlace] = field(default_factory=list)
    """Marked, and perhaps sent, when `failure` came."""
    failure: str = ""
    """What ended it early."""


@dataclass(frozen=True, slots=True)
class Requeue:
    """Sends letters again. `dry`: only says what would become of them. `as_of_now`: at the present time, in place of
    the record's own Kafka timestamp, by which a `bad_timestamp` is measured."""

    lookup: Lookup
    letters: Letters
    sink: RecordSink
    clock: Clock
    topic_prefix: str
    dry: bool = False
    as_of_now: bool = False

    async def run(self, places: Mapping[tuple[str, int], Sequence[int]]) -> Requeued:
        """Letters by (topic, partition), each partition's in the order of its offsets. A server that goes away ends it;
        what was done stays done."""
        done = Requeued()
        try:
            for (topic, partition), offsets in places.items():
                there = partition in await asyncio.to_thread(self.lookup.partitions, topic)
                for start in range(0, len(offsets), CHUNK):
                    letters = await self.letters.whole(topic, partition, offsets[start : start + CHUNK])
                    await self._chunk(letters, done, there=there)
        except AssayError as error:
            done.failure = str(error)
        return done

    async def _chunk(self, letters: Sequence[DeadLetterView], done: Requeued, *, there: bool) -> None:
        """Letters of one partition."""
        ready: list[Again] = []
        found = await self._found(letters) if there else {}
        for letter in letters:
            again = self._again(letter, found.get(letter.offset)) if there else IMPOSSIBLE_PARTITION
            if isinstance(again, str):
                done.impossible.append((letter.place, again))
            else:
                ready.append(again)
        sent = ready if self.dry or not ready else await self._sent(ready, done)
        done.from_log += sum(again.from_log for again in sent)
        done.from_stored += sum(not again.from_log for again in sent)

    async def _found(self, letters: Sequence[DeadLetterView]) -> Mapping[int, KeyedRecord]:
        if not letters:
            return {}
        topic, partition, _ = letters[0].place
        return await asyncio.to_thread(self.lookup.at, topic, partition, [letter.offset for letter in letters])

    def _again(self, letter: DeadLetterView, found: KeyedRecord | None) -> Again | str:
        made = again_of(letter, found, self.topic_prefix)
        if isinstance(made, str) or not self.as_of_now:
            return made
        record = made.record
        return Again(
            letter,
            OutgoingRecord(record.topic, record.key, record.value, record.headers, record.partition),
            made.from_log,
        )

    async def _sent(self, ready: Sequence[Again], done: Requeued) -> list[Again]:
        at = self.clock.now()
        claimed = await self.letters.claim([again.letter for again in ready], at)
        mine = [again for again in ready if again.letter.place in claimed]
        done.taken += len(ready) - len(mine)
        if mine:
            places = [again.letter.place for again in mine]
            done.in_doubt = places
            await self.sink.send([again.record for again in mine])
            await self.letters.confirm(places, at, self.clock.now())
            done.in_doubt = []
        return mine


def again_of(letter: DeadLetterView, found: KeyedRecord | None, topic_prefix: str) -> Again | str:
    """The record to send for a letter, or why there is none. It goes to the partition it was in: whoever sent it may
    spread keys otherwise than we do, and a shopper's records belong into one partition."""
    if found is not None and is_of(letter, found.record.value):
        if len(found.record.value or b"") > LARGEST_BYTES:
            return IMPOSSIBLE_LARGE
        return Again(letter, _as_in_the_log(letter, found), from_log=True)
    if len(letter.payload or b"") >= STORED_PAYLOAD_BYTES:
        return IMPOSSIBLE_GONE
    return Again(letter, _as_stored(letter, topic_prefix), from_log=False)


def is_of(letter: DeadLetterView, value: bytes | None) -> bool:
    """Whether a value begins as what is stored: a topic that was made again has other records at the same offsets."""
    return (value if value is None else value[:STORED_PAYLOAD_BYTES]) == letter.payload


def _as_in_the_log(letter: DeadLetterView, found: KeyedRecord) -> OutgoingRecord:
    headers = [(name, value or b"") for name, value in found.record.headers or ()]
    sent_at = found.record.timestamp if found.record.timestamp >= 0 else None
    return OutgoingRecord(letter.topic, found.key, found.record.value, headers, letter.partition, sent_at)


def _as_stored(letter: DeadLetterView, topic_prefix: str) -> OutgoingRecord:
    replayed = letter.topic.removeprefix(topic_prefix) in {SEARCH_LOG_REPLAY, LISTINGS_REPLAY}
    headers = [(RUN_HEADER, letter.run.encode())] if replayed and letter.run is not None else []
    return OutgoingRecord(letter.topic, _key(letter, topic_prefix), letter.payload, headers, letter.partition)


def _key(letter: DeadLetterView, topic_prefix: str) -> bytes | None:
    """As `assay produce` keys it."""
    topic, value = letter.topic.removeprefix(topic_prefix), letter.payload or b""
    if topic in {SEARCH_LOG, SEARCH_LOG_REPLAY}:
        return key_of("search-log", value)
    return key_of("listings", value) if topic in {LISTINGS, LISTINGS_REPLAY} else None
