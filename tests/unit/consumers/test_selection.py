"""The process `selection`: what is chosen, in which order it is judged, and when it is chosen again."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from consumers.selection import Limits, SelectionLook, build
from core.domain.effects import Effects
from core.domain.friction import QuerySignals
from core.domain.selection import FRESH_SHARE, fresh_traffic, length_band, panel, volume_band
from core.ports import NewTask
from core.settings import Settings
from tests.support.fake_signals import Choice, InMemorySignals, asked, listing, pane, results, told
from tests.support.fake_streams import InMemoryStreamStore
from tests.support.fakes import NOON, FakeClock, InMemoryInbox, InMemoryLeadership

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LIMITS = Limits(days=14, min_sessions=20, friction=10, volume=0, panel=0, cooldown_days=7, results=10)
NO_FRICTION = replace(LIMITS, friction=0)
QUIET = [(f"ruhig {n}", 100, 5) for n in range(10)]
"""A market where one search in twenty struggles."""


@dataclass
class Shop:
    """A selection over fakes."""

    limits: Limits = LIMITS

    def __post_init__(self) -> None:
        self.clock = FakeClock()
        self.streams, self.inbox = InMemoryStreamStore(), InMemoryInbox(self.clock)
        self.store = InMemorySignals(self.streams, self.inbox)

    def judge(self) -> str:
        return "text judge-1 relevance@1"

    async def look(self, limits: Limits | None = None) -> int:
        return await SelectionLook(self.store, self.clock, limits or self.limits, self.judge).take()

    async def tell(self, effects: Effects) -> None:
        await told(self.streams, effects)

    def chosen(self, reason: str) -> list[str]:
        return [choice.selection.query for choice in self.choices(reason)]

    def choices(self, reason: str) -> list[Choice]:
        return [choice for choice in self.store.choices if choice.selection.reason == reason]

    def tasks(self) -> list[NewTask]:
        """In the order in which they would be judged."""
        return [row.new for row in sorted(self.inbox.rows.values(), key=lambda row: row.order)]

    def queries(self) -> list[str]:
        return list(dict.fromkeys(task.subject["query"] for task in self.tasks()))


async def shop(limits: Limits, queries: Iterable[tuple[str, int, int]], **told_as: object) -> Shop:
    made = Shop(limits)
    await made.tell(asked(queries, **told_as))
    return made


# --- What is chosen --------------------------------------------------------------------------------------


async def test_friction_chooses_what_struggles_beyond_its_market() -> None:
    here = await shop(LIMITS, [*QUIET, ("sofa", 100, 60)])
    assert await here.look() == 2
    (choice,) = here.choices("friction")
    assert (choice.selection.query, choice.pairs) == ("sofa", 2)
    assert choice.selection.evidence["rate"] == 0.6
    assert choice.selection.evidence["baseline"] == 0.1


async def test_friction_is_judged_by_priority_and_before_volume_in_the_live_lane() -> None:
    struggling = [("oft und schlecht", 400, 200), ("selten und schlecht", 60, 40)]
    here = await shop(replace(LIMITS, volume=3), [*QUIET, *struggling, ("kopf", 9_000, 450)])
    await here.look()
    assert {task.lane for task in here.tasks()} == {"live"}
    assert here.queries() == ["oft und schlecht", "selten und schlecht", "kopf", "ruhig 0"]


async def test_the_panel_is_judged_after_friction_and_volume() -> None:
    here = await shop(replace(LIMITS, volume=1, panel=3), [*QUIET, ("sofa", 500, 300)])
    await here.look()
    assert [task.lane for task in here.tasks()] == ["live"] * 2 + ["panel"] * 4
    assert here.queries()[0] == "sofa"


async def test_a_query_chosen_for_two_reasons_is_judged_once_as_the_more_urgent() -> None:
    here = await shop(replace(LIMITS, panel=20), [*QUIET, ("sofa", 500, 300)])
    await here.look()
    (task,) = [task for task in here.tasks() if task.subject["listing_id"] == "sofa-0"]
    assert (task.lane, task.payload["reason"]) == ("live", "friction")
    assert "sofa" in here.chosen("panel")


async def test_volume_takes_the_head_of_each_market() -> None:
    here = Shop(replace(NO_FRICTION, volume=1))
    effects = asked([("groß", 900, 0), ("klein", 30, 0)])
    pane(effects, "big", 40, market=("shop", "us"))
    results(effects, "big", ["groß-0"], market=("shop", "us"))
    await here.tell(effects)
    await here.look()
    assert sorted(here.chosen("volume")) == ["big", "groß"]


async def test_a_query_typed_in_fewer_than_k_sessions_is_never_chosen() -> None:
    here = Shop(replace(LIMITS, volume=10, panel=10))
    effects = asked([("sofa", 50, 1)])
    pane(effects, "selten", 500, sessions=19, struggles=400)
    results(effects, "selten", ["sofa-0"])
    await here.tell(effects)
    await here.look()
    assert {choice.selection.query for choice in here.store.choices} == {"sofa"}


async def test_a_query_that_holds_an_email_address_is_never_chosen() -> None:
    queries = [("sofa", 50, 1), ("sofa jan@example.org", 500, 400), ("+49 30 901820", 500, 400)]
    here = await shop(replace(LIMITS, volume=10, panel=10), queries)
    await here.look()
    assert {choice.selection.query for choice in here.store.choices} == {"sofa"}
    assert "@" not in repr(here.tasks())


async def test_listings_the_catalogue_does_not_know_are_left_out() -> None:
    here = Shop(replace(NO_FRICTION, volume=5))
    effects = Effects()
    pane(effects, "sofa", 50)
    results(effects, "sofa", ["fremd", "a", "gelöscht"])
    listing(effects, "a")
    listing(effects, "gelöscht", event="deleted")
    await here.tell(effects)
    assert await here.look() == 1
    assert [task.subject["listing_id"] for task in here.tasks()] == ["a"]


async def test_the_listings_of_two_engines_are_judged_once_each() -> None:
    here = Shop(replace(NO_FRICTION, volume=5))
    effects = Effects()
    pane(effects, "sofa", 50)
    results(effects, "sofa", ["a", "b"], engine="bm25")
    results(effects, "sofa", ["b", "c"], engine="vectors")
    for each in "abc":
        listing(effects, each)
    await here.tell(effects)
    assert await here.look() == 3
    assert sorted(task.subject["listing_id"] for task in here.tasks()) == ["a", "b", "c"]
    assert here.choices("volume")[0].pairs == 3


async def test_queries_with_nothing_to_judge_hold_no_place() -> None:
    here = Shop(replace(LIMITS, friction=2, volume=2, panel=2))
    await here.tell(asked([(f"leer {n}", 1_000, 900) for n in range(9)], catalogue=False))
    await here.tell(asked([(f"voll {n}", 9_000, 100 + n) for n in range(4)]))
    await here.tell(asked([("sofa", 100, 99), ("bett", 100, 98)]))
    await here.look()
    assert here.chosen("friction") == ["sofa", "bett"]
    assert here.chosen("volume") == ["voll 0", "voll 1"]
    assert len(here.store.panel) == 2


# --- When it is chosen again -----------------------------------------------------------------------------


async def test_friction_rests_while_the_results_stay_until_the_cool_down_is_over() -> None:
    here = await shop(LIMITS, [*QUIET, ("sofa", 100, 60)])
    await here.look()
    here.clock.advance(7 * DAY.total_seconds() - 1)
    await here.look()
    assert here.chosen("friction") == ["sofa"]
    here.clock.advance(1)
    await here.look()
    assert here.chosen("friction") == ["sofa", "sofa"]


async def test_friction_chooses_changed_results_at_once_and_judges_what_is_new() -> None:
    here = await shop(LIMITS, [*QUIET, ("sofa", 100, 60)])
    await here.look()
    effects = Effects()
    results(effects, "sofa", ["sofa-0", "neu"], at=NOON + HOUR)
    listing(effects, "neu")
    await here.tell(effects)
    assert await here.look() == 1
    assert here.chosen("friction") == ["sofa", "sofa"]


async def test_a_listing_with_new_content_is_a_changed_result() -> None:
    here = await shop(LIMITS, [*QUIET, ("sofa", 100, 60)])
    await here.look()
    effects = Effects()
    listing(effects, "sofa-1", "Sofa, now blue")
    await here.tell(effects)
    assert await here.look() == 1


async def test_volume_and_panel_are_chosen_again_only_when_results_change() -> None:
    here = await shop(replace(NO_FRICTION, volume=1, panel=1), [("sofa", 100, 0)])
    await here.look()
    here.clock.advance(90 * DAY.total_seconds())
    assert await here.look() == 0
    assert len(here.store.choices) == 2
    effects = Effects()
    results(effects, "sofa", ["sofa-1", "sofa-0"], at=NOON + HOUR)
    await here.tell(effects)
    assert await here.look() == 0  # the pairs have their tasks
    assert (len(here.chosen("volume")), len(here.chosen("panel"))) == (2, 2)


async def test_nothing_new_writes_nothing() -> None:
    here = await shop(replace(LIMITS, volume=5, panel=5), [*QUIET])
    await here.look()
    before = list(here.store.choices)
    assert await here.look() == 0
    assert here.store.choices == before


# --- The panel -------------------------------------------------------------------------------------------

VARIED = [
    (f"{'wort ' * words}{band} {n}", searches, 0)
    for words in (0, 1, 3, 5)
    for band, searches in (("tail", 30), ("torso", 90), ("head", 700))
    for n in range(6)
]


async def test_the_panel_takes_from_every_stratum_in_turn() -> None:
    here = await shop(replace(NO_FRICTION, panel=24), VARIED)
    await here.look()
    sizes = {query: searches for query, searches, _ in VARIED}
    strata = Counter((length_band(query), volume_band(sizes[query])) for _, _, query in here.store.panel)
    assert len(strata) == 9  # a query here has at least two words
    assert min(strata.values()) >= 2


async def test_the_panel_keeps_its_members_when_the_traffic_moves() -> None:
    here = await shop(replace(NO_FRICTION, panel=10), VARIED)
    await here.look()
    members = set(here.store.panel)
    await here.tell(asked([(f"neu {n}", 5_000, 0) for n in range(30)], at=NOON + HOUR))
    await here.look()
    assert set(here.store.panel) == members


async def test_a_larger_panel_keeps_its_members_and_is_topped_up() -> None:
    here = await shop(replace(NO_FRICTION, panel=10), VARIED)
    await here.look()
    members = set(here.store.panel)
    await here.look(replace(NO_FRICTION, panel=15))
    assert members < set(here.store.panel)
    assert len(here.store.panel) == 15


async def test_a_member_with_little_traffic_keeps_its_seat_and_is_not_chosen() -> None:
    here = await shop(replace(NO_FRICTION, panel=2), [("sofa", 50, 0), ("bett", 50, 0)])
    await here.look()
    later = asked([("lampe", 50, 0), ("sofa", 50, 0)], at=NOON + 20 * DAY)
    pane(later, "bett", 3, at=NOON + 20 * DAY)
    await here.tell(later)
    here.store.choices.clear()
    await here.look()
    assert {query for _, _, query in here.store.panel} == {"sofa", "bett"}
    assert here.chosen("panel") == ["sofa"]


async def test_a_member_nobody_types_any_more_gives_its_seat_to_another() -> None:
    here = await shop(replace(NO_FRICTION, panel=1), [("sofa", 50, 0)])
    await here.look()
    await here.tell(asked([("lampe", 50, 0)], at=NOON + 20 * DAY))
    await here.look()
    assert {query for _, _, query in here.store.panel} == {"sofa", "lampe"}


async def test_the_panel_is_the_same_on_every_replica() -> None:
    one = await shop(replace(NO_FRICTION, panel=10), VARIED)
    other = await shop(replace(NO_FRICTION, panel=10), VARIED[::-1])
    await one.look()
    await other.look()
    assert one.store.panel.keys() == other.store.panel.keys()


# --- Fresh traffic ---------------------------------------------------------------------------------------


def fresh(here: Shop) -> set[str]:
    return {c.selection.query for c in here.choices("panel") if "fresh" in c.selection.evidence}


async def test_each_day_a_tenth_as_many_are_drawn_from_outside_the_panel() -> None:
    here = await shop(replace(NO_FRICTION, panel=30), VARIED)
    await here.look()
    first = fresh(here)
    assert len(first) == 3
    assert first.isdisjoint(query for _, _, query in here.store.panel)
    assert len(here.store.panel) == 30
    await here.look()
    assert fresh(here) == first
    here.clock.advance(DAY.total_seconds())
    await here.look()
    assert len(fresh(here) - first) >= 1


async def test_a_query_drawn_before_joins_the_panel_without_being_judged_again() -> None:
    here = await shop(replace(NO_FRICTION, panel=10), [(f"sofa {n}", 50, 0) for n in range(11)])
    await here.look()
    (drawn,) = fresh(here)
    assert await here.look(replace(NO_FRICTION, panel=11)) == 0
    assert ("shop", "de", drawn) in here.store.panel
    assert len(here.store.choices) == 11


async def test_the_draw_follows_the_searches() -> None:
    signals = [QuerySignals("shop", "de", f"q{n}", 900 if n < 10 else 100, 50, 0, 0, 0, 0) for n in range(100)]
    drawn = Counter[bool]()
    for day in range(200):
        (ranking,) = fresh_traffic(signals, 10, frozenset(), (NOON + day * DAY).date())
        drawn[ranking.candidates[0].priority == 900] += 1
    assert 80 <= drawn[True] <= 120  # half of the searches are of the ten large queries


@given(st.integers(1, 400), st.sets(st.integers(0, 39), max_size=40))
def test_no_market_gets_more_places_than_its_panel_has(size: int, held: set[int]) -> None:
    signals = [QuerySignals("shop", "de", f"q {n}", 30 + n, 30, 0, 0, 0, 0) for n in range(40)]
    members = frozenset(("shop", "de", f"q {n}") for n in held)
    kept, newcomers = panel(signals, signals, size, members)
    assert {s.query for s in kept.candidates} == {f"q {n}" for n in held}
    assert newcomers.places == max(0, size - len(held))
    drawn = fresh_traffic(signals, size, members, NOON.date())
    assert all(ranking.places == round(size * FRESH_SHARE) for ranking in drawn)
    assert all(("shop", "de", s.query) not in members for ranking in drawn for s in ranking.candidates)


# --- The process -----------------------------------------------------------------------------------------


async def test_the_process_takes_its_limits_from_the_settings() -> None:
    here = await shop(LIMITS, [*QUIET, ("sofa", 100, 60)])
    settings = Settings(selection_friction_queries=0, selection_volume_queries=2, selection_panel_queries=3)
    process = build(settings, here.store, InMemoryLeadership(), here.clock, lambda: "judge", on_nudge_only=True)
    assert process.name == "selection"
    running = asyncio.create_task(process.run())
    await process.nudge()
    process.stop()
    await running
    assert (here.chosen("friction"), len(here.chosen("volume")), len(here.store.panel)) == ([], 2, 3)
