"""Shoppers: look down the list, click what fits and looks good, rephrase or leave when nothing does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from random import Random

from demo.marketplace.engine import PAGE
from demo.marketplace.facts import Market
from demo.marketplace.queries import Query
from demo.marketplace.records import OutRecord, SessionWriter, Visitor
from demo.marketplace.times import DAY_MS

POSITION_BIAS = 0.6
"""A result at rank r (from 1) is looked at with probability r ** -0.6, between the click models' usual 0.5 and 1."""

CLICK = (0.02, 0.14, 0.42)
"""Chance of a click on a perfect picture that is looked at, by grade."""

PICTURE_LIFT = 0.5
"""A picture of quality 0 is clicked this share less often than one of quality 1; linear between."""

CART = (0.02, 0.12, 0.28)
"""Chance of add_to_cart after a click, by grade."""

PURCHASE = 0.4
SATISFIED = 0.5
"""Chance to stop looking after a click."""

REPHRASES = 0.55
"""Chance to rephrase after a search without a click; the others leave, or page, or think of something else."""

NEXT_PAGE, REFRESH, FILTER, NEW_INTENT = 0.15, 0.03, 0.04, 0.12
MAX_SEARCHES = 4

HOURS = (1, 1, 1, 1, 1, 2, 4, 7, 9, 10, 10, 11, 12, 11, 10, 10, 11, 13, 15, 17, 18, 15, 8, 2)
"""Sessions by hour, UTC; the last quarter of the last hour is left free, so that no session passes midnight."""

WEEKEND = 1.2
ANONYMOUS, INSIDE, NUMERIC = 0.08, 0.2, 0.1
CLIENTS_PER_SESSION = 5
"""Size of the market's clientele per daily session: most people come back within the weeks."""

BOT_SEARCHES = 2_100
BOT_PAUSE_S = 7.0
"""Over the 2,000 records that make a session automated, within the 6 hours that one may span."""


@dataclass(frozen=True, slots=True)
class Served:
    """A page of results: ids, grades, and the chance that each is clicked when the shopper gets there."""

    ids: tuple[str, ...]
    grades: tuple[int, ...]
    chances: tuple[float, ...]


def served(
    ids: Sequence[str], grades: Sequence[int], qualities: Sequence[float], *, lift: float = PICTURE_LIFT
) -> Served:
    """Ids with the click chances that grade, rank and picture quality (0 to 1) give.

    At `lift` 0 nobody minds the picture."""
    chances = tuple(
        rank**-POSITION_BIAS * CLICK[grade] * (1 - lift * (1 - quality))
        for rank, (grade, quality) in enumerate(zip(grades, qualities, strict=True), start=1)
    )
    return Served(tuple(ids), tuple(grades), chances)


class Crowd:
    """The shoppers of one market. `serve(query, day)` gives up to two pages, one after the other."""

    def __init__(
        self,
        seed: int,
        market: Market,
        queries: Sequence[Query],
        sessions_per_day: int,
        serve: Callable[[Query, int], tuple[Served, ...]],
    ) -> None:
        self._seed, self._market, self._sessions = seed, market, sessions_per_day
        self._queries = queries
        self._by_key: Mapping[str, Query] = {query.key: query for query in queries}
        self._cumulated = list(accumulate(query.weight for query in queries))
        self._serve = serve

    def day(self, index: int, start_ms: int, *, weekend: bool) -> list[OutRecord]:
        """All records of that day's sessions, session by session."""
        rng = Random(f"{self._seed}:sessions:{self._market}:{index}")
        count = round(self._sessions * (WEEKEND if weekend else 1.0))
        clients = rng.sample(range(CLIENTS_PER_SESSION * count), count)
        records: list[OutRecord] = []
        for number in range(count):
            records += self._session(index, number, clients[number], start_ms + _moment(rng))
        return records

    def bot(self, index: int, start_ms: int) -> list[OutRecord]:
        """One automated session: thousands of searches, no click."""
        rng = Random(f"{self._seed}:bot:{self._market}:{index}")
        visitor = Visitor(self._market, f"{self._market}-scraper", f"{self._market}-s-scraper", False, False, False)
        writer = SessionWriter(visitor, rng, start_ms + DAY_MS // 4)
        for number in range(BOT_SEARCHES):
            query = self._queries[number % len(self._queries)]
            writer.query(query.text, self._serve(query, index)[0].ids)
            writer.wait(BOT_PAUSE_S - 1, BOT_PAUSE_S + 1)
        return writer.records

    def _session(self, day: int, number: int, client: int, start_ms: int) -> list[OutRecord]:
        rng = Random(f"{self._seed}:session:{self._market}:{day}:{number}")
        writer = SessionWriter(self._visitor(rng, day, number, client), rng, start_ms)
        query: Query | None = self._intent(rng)
        for _ in range(MAX_SEARCHES):
            if query is None:
                break
            engaged = self._look(rng, writer, query, day)
            query = self._next(rng, writer, query, engaged=engaged)
        return writer.records

    def _visitor(self, rng: Random, day: int, number: int, client: int) -> Visitor:
        anonymous, inside, numeric, echo = (rng.random() for _ in range(4))
        return Visitor(
            self._market,
            None if anonymous < ANONYMOUS else f"{self._market}-c-{client:05d}",
            f"{self._market}-s-{day:03d}-{number:05d}",
            inside < INSIDE,
            numeric < NUMERIC,
            echo < 0.5,
        )

    def _intent(self, rng: Random) -> Query:
        return rng.choices(self._queries, cum_weights=self._cumulated)[0]

    def _look(self, rng: Random, writer: SessionWriter, query: Query, day: int) -> bool:
        """One search with its pages; whether anything was clicked."""
        pages = self._serve(query, day)
        text = typed(query.text, rng)
        writer.query(text, pages[0].ids)
        if rng.random() < REFRESH:
            writer.wait(2, 20)
            writer.query(text, pages[0].ids)
        if rng.random() < FILTER:
            writer.wait(2, 8)
            writer.event("apply_filter")
        if _scan(rng, writer, pages[0], 0):
            return True
        if len(pages) > 1 and rng.random() < NEXT_PAGE:
            writer.wait(4, 20)
            writer.query(text, pages[1].ids)
            return _scan(rng, writer, pages[1], PAGE)
        return False

    def _next(self, rng: Random, writer: SessionWriter, query: Query, *, engaged: bool) -> Query | None:
        """What is searched next; None: the shopper leaves."""
        if not engaged and query.rephrasings and rng.random() < REPHRASES:
            writer.wait(5, 90)
            return self._by_key[rng.choice(query.rephrasings)]
        if rng.random() < NEW_INTENT:
            writer.wait(40, 240)
            return self._intent(rng)
        return None


def typed(text: str, rng: Random) -> str:
    """The same query as different people type it; it normalises to the same text."""
    habit = rng.random()
    if habit < 0.72:
        return text
    if habit < 0.82:
        return text.title()
    if habit < 0.88:
        return text.upper()
    return text.replace(" ", "  ") + " " if habit < 0.95 else f" {text}"


def _scan(rng: Random, writer: SessionWriter, page: Served, first: int) -> bool:
    """Down the page; `first` is the ordinal of its first result. Whether anything was clicked."""
    engaged = False
    for place, chance in enumerate(page.chances):
        if rng.random() >= chance:
            continue
        engaged = True
        writer.wait(3, 25)
        listing_id, grade = page.ids[place], page.grades[place]
        writer.event("click", listing_id, first + place)
        _buy(rng, writer, listing_id, first + place, grade)
        if rng.random() < SATISFIED:
            break
    return engaged


def _buy(rng: Random, writer: SessionWriter, listing_id: str, ordinal: int, grade: int) -> None:
    if rng.random() >= CART[grade]:
        return
    writer.wait(10, 60)
    writer.event("add_to_cart", listing_id, ordinal)
    if rng.random() < PURCHASE:
        writer.wait(20, 90)
        writer.event("purchase", listing_id, ordinal)


def _moment(rng: Random) -> int:
    hour = rng.choices(range(24), HOURS)[0]
    minutes = 30.0 if hour == 23 else 60.0
    return hour * 3_600_000 + round(rng.uniform(0, minutes) * 60_000)
