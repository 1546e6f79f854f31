"""What the table of dead letters promises to whoever sends them again, in memory and in PostgreSQL."""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol

import pytest

from core.adapters.dead_letters import DeadLetters
from core.adapters.postgres import Pool, connection
from core.letter_models import DeadLetterView, LetterFilter, LetterPlace
from producers.requeue import Letters
from tests.support.fake_letters import MemoryLetters, letter
from tests.support.fakes import NOON
from tests.support.sample_rows import insert

LATER = NOON + timedelta(seconds=1, microseconds=1)
MUCH_LATER = NOON + timedelta(hours=1)


class Seen(Protocol):
    """The letters, and a way to put some there."""

    letters: Letters

    async def add(self, *letters: DeadLetterView) -> None: ...


class FakeSeen:
    def __init__(self) -> None:
        self.fake = MemoryLetters()
        self.letters: Letters = self.fake

    async def add(self, *letters: DeadLetterView) -> None:
        self.fake.add(*letters)


class PostgresSeen:
    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.letters: Letters = DeadLetters(pool)

    async def add(self, *letters: DeadLetterView) -> None:
        await add(self.pool, *letters)


async def add(pool: Pool, *letters: DeadLetterView) -> None:
    """Letters as the stream writes them."""
    names = ("run", "topic", "partition", "offset", "reason", "detail", "payload", "received_at", "requeued_at")
    rows = [{name: getattr(each, name) for name in names} for each in letters]
    async with connection(pool) as held:
        await insert(held, "dead_letters", rows)


@pytest.fixture(params=["fake", pytest.param("postgres", marks=pytest.mark.postgres)])
def seen(request: pytest.FixtureRequest) -> Seen:
    return FakeSeen() if request.param == "fake" else PostgresSeen(request.getfixturevalue("pool"))


async def one(seen: Seen, offset: int = 7) -> DeadLetterView:
    [found] = await seen.letters.whole("search-log", 0, [offset])
    return found


async def test_letters_come_whole_and_in_the_order_of_their_offsets(seen: Seen) -> None:
    await seen.add(letter(9, b"nine"), letter(8, None), letter(8, b"", topic="other"))
    found = await seen.letters.whole("search-log", 0, [9, 8, 1])
    assert [(each.offset, each.payload, each.size) for each in found] == [(8, None, None), (9, b"nine", 4)]


async def test_a_claimed_letter_is_in_doubt_until_it_is_confirmed(seen: Seen) -> None:
    await seen.add(letter())
    assert await seen.letters.claim([await one(seen)], LATER) == {LetterPlace("search-log", 0, 7)}
    claimed = await one(seen)
    await seen.letters.confirm([claimed.place], LATER, MUCH_LATER)
    assert (claimed.requeue_state, claimed.requeued_at) == ("in_doubt", LATER)
    assert ((await one(seen)).requeue_state, (await one(seen)).requeue_confirmed_at) == ("requeued", MUCH_LATER)


async def test_of_two_who_claim_the_same_letter_one_has_it(seen: Seen) -> None:
    await seen.add(letter(7), letter(8))
    before = [await one(seen, 7), await one(seen, 8)]
    first = await seen.letters.claim(before[:1], LATER)
    second = await seen.letters.claim(before, MUCH_LATER)
    assert (first, second) == ({before[0].place}, {before[1].place})


async def test_a_letter_that_is_sent_once_more_is_in_doubt_anew(seen: Seen) -> None:
    await seen.add(letter())
    await seen.letters.claim([await one(seen)], LATER)
    await seen.letters.confirm([(await one(seen)).place], LATER, LATER)
    assert await seen.letters.claim([await one(seen)], MUCH_LATER) == {letter().place}
    assert (await one(seen)).requeue_state == "in_doubt"


async def test_a_confirmation_of_an_earlier_claim_is_none_of_the_later(seen: Seen) -> None:
    await seen.add(letter())
    await seen.letters.claim([await one(seen)], LATER)
    await seen.letters.claim([await one(seen)], MUCH_LATER)
    await seen.letters.confirm([letter().place], LATER, MUCH_LATER)
    assert (await one(seen)).requeue_state == "in_doubt"


# --- What only the command asks --------------------------------------------------------------------------


@pytest.fixture
async def table(pool: Pool) -> DeadLetters:
    letters = [
        letter(1, b"a" * 400),
        letter(2, reason="no_identity", received_at=NOON + timedelta(minutes=1)),
        letter(3, run="r1", topic="search-log-replay", received_at=NOON + timedelta(minutes=2)),
        letter(4, partition=1, received_at=NOON + timedelta(minutes=3), requeued_at=NOON),
    ]
    await add(pool, *letters)
    return DeadLetters(pool)


async def test_the_newest_come_first_with_their_beginnings(table: DeadLetters) -> None:
    found = await table.newest(LetterFilter(), 3, 10)
    assert [each.offset for each in found] == [4, 3, 2]
    [oldest] = (await table.newest(LetterFilter(), 9, 10))[3:]
    assert (oldest.payload, oldest.size) == (b"a" * 10, 400)


@pytest.mark.parametrize(
    ("wanted", "offsets"),
    [
        (LetterFilter(reason="no_identity"), [2]),
        (LetterFilter(topics=["search-log-replay", "x"]), [3]),
        (LetterFilter(run="r1"), [3]),
        (LetterFilter(partition=1), [4]),
        (LetterFilter(since=NOON + timedelta(minutes=2)), [4, 3]),
        (LetterFilter(run="r1", partition=1), []),
    ],
)
async def test_a_filter_leaves_what_matches_all_of_it(
    table: DeadLetters, wanted: LetterFilter, offsets: list[int]
) -> None:
    assert [each.offset for each in await table.newest(wanted, 9, 10)] == offsets


async def test_places_are_the_oldest_of_the_states_asked_for(table: DeadLetters) -> None:
    log, replayed = ("search-log", 0), ("search-log-replay", 0)
    assert await table.places(LetterFilter(), ["new"], None) == {log: [1, 2], replayed: [3]}
    assert await table.places(LetterFilter(), ["new"], 1) == {log: [1]}
    assert await table.places(LetterFilter(), ["in_doubt"], None) == {("search-log", 1): [4]}
    assert await table.places(LetterFilter(), ["requeued"], None) == {}


async def test_letters_are_counted_by_their_state(table: DeadLetters) -> None:
    assert await table.counts(LetterFilter()) == {"new": 3, "in_doubt": 1}
