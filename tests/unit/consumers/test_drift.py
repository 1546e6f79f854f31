"""The process `drift`: a night is frozen once, waits for its labels, is closed and announced."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry

from consumers.drift import JUDGED_WITHIN, DriftLook, Pace, alert_id, build, night_of
from core.domain.drift.budget import DriftSettings
from core.domain.drift.panel import Segment
from core.domain.drift.verdict import Alert
from core.domain.effects import Effects
from core.domain.labels import Label
from core.drift_ports import Anchor
from core.ports import AnchorOutcome, LabelFact, NewTask, Task, TaskFailure
from core.settings import Settings
from core.stages.events import alert_event
from core.telemetry import Metrics
from tests.contract.facts import label, outcome
from tests.support.fake_drift import InMemoryDrift
from tests.support.fake_signals import InMemorySignals, listing, pane, results, told
from tests.support.fake_streams import InMemoryStreamStore
from tests.support.fakes import FakeClock, InMemoryInbox, InMemoryJudgements, InMemoryLeadership, InMemoryOutbox

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
EVENING = datetime(2025, 3, 3, 20, tzinfo=UTC)
NIGHT = date(2025, 3, 3)
JUDGE = "text judge-1 relevance@1"
PACE = Pace(night_hour=2, anchors=10, window_days=14, settings=DriftSettings())


class House:
    """Drift over fakes, and a judge that a test tells what to say."""

    def __init__(self, pace: Pace = PACE) -> None:
        self.clock = FakeClock(EVENING)
        self.inbox, self.outbox, self.streams = InMemoryInbox(self.clock), InMemoryOutbox(), InMemoryStreamStore()
        self.judgements = InMemoryJudgements(self.inbox, self.outbox)
        self.signals = InMemorySignals(self.streams, self.inbox)
        self.store = InMemoryDrift(self.inbox, self.outbox, self.judgements, self.signals)
        self.metrics = Metrics()
        self.look = DriftLook(self.signals, self.store, self.clock, pace, lambda: JUDGE, alert_event, self.metrics)
        self.pair_grade, self.flipped = 2, frozenset[str]()

    def pass_time(self, span: timedelta) -> None:
        self.clock.advance(span.total_seconds())

    async def enroll(self, *anchor_ids: str) -> None:
        anchors = [Anchor(each, "shop", "de", "de", "sofa", {"listing_id": each}, 2) for each in anchor_ids]
        await self.store.add_anchors(anchors, self.clock.now())

    async def tell(self, effects: Effects) -> None:
        await told(self.streams, effects)

    async def join(self, *queries: str) -> None:
        await self.signals.record([], [("shop", "de", query) for query in queries], [], self.clock.now())

    async def judge(self, *, fail: bool = False) -> None:
        """End every task that waits: the answers of today's judge, or refusals."""
        groups = await self.inbox.lease(["relevance", "anchor"], 10_000, 10_000, 60)
        tasks = [task for group in groups for task in group]
        if fail:
            await self.inbox.release([], [TaskFailure(task.task_id, "refused") for task in tasks])
            return
        pairs, anchors = [t for t in tasks if t.kind == "relevance"], [t for t in tasks if t.kind == "anchor"]
        facts = [self.fact(task) for task in pairs]
        await self.judgements.save_labels(facts, [], [t.task_id for t in pairs], self.clock.now())
        outcomes = [self.outcome(task) for task in anchors]
        await self.judgements.save_anchor_outcomes(outcomes, [t.task_id for t in anchors], self.clock.now())

    def fact(self, task: Task) -> LabelFact:
        subject = task.subject
        content = self.streams.listings[subject["listing_id"]][1].content_hash
        given = Label.of_grade(0 if subject["listing_id"].startswith("bad") else self.pair_grade)
        return label(
            task.task_key,
            query=subject["query"],
            listing_id=subject["listing_id"],
            content_hash=content,
            label=given,
            judged_at=self.clock.now(),
        )

    def outcome(self, task: Task) -> AnchorOutcome:
        anchor_id, night = str(task.payload["anchor_id"]), str(task.payload["night"])
        return outcome(anchor_id, night, Label.IRRELEVANT if anchor_id in self.flipped else Label.HIGHLY_RELEVANT)

    async def whole_night(self) -> None:
        """Freeze, judge, close; then it is the next evening."""
        assert await self.look.take() == 1
        await self.judge()
        assert await self.look.take() == 1
        self.pass_time(DAY)

    def tasks(self, kind: str) -> list[NewTask]:
        return [row.new for row in self.inbox.rows.values() if row.new.kind == kind]

    def asked(self, night: date) -> list[str]:
        return [str(t.payload["anchor_id"]) for t in self.tasks("anchor") if t.payload["night"] == str(night)]

    def alerts(self) -> list[dict[str, object]]:
        return [json.loads(event.body) for event in self.outbox.events if event.topic == "relevance-alerts"]


async def house(queries: Iterable[str] = ("sofa", "bett"), anchors: int = 0) -> House:
    """A panel of these queries with two listings each, traffic of the day, and anchors."""
    made = House()
    effects = Effects()
    for query in queries:
        pane(effects, query, 50, at=EVENING)
        results(effects, query, [f"{query}-0", f"{query}-1"], at=EVENING)
        for n in range(2):
            listing(effects, f"{query}-{n}", at=EVENING)
    await made.tell(effects)
    await made.join(*queries)
    await made.enroll(*(f"p{n}" for n in range(anchors)))
    return made


# --- Freezing --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hour", "now", "night"),
    [
        (2, datetime(2025, 3, 3, 2, tzinfo=UTC), date(2025, 3, 3)),
        (2, datetime(2025, 3, 3, 1, 59, tzinfo=UTC), date(2025, 3, 2)),
        (0, datetime(2025, 3, 1, 0, tzinfo=UTC), date(2025, 3, 1)),
        (23, datetime(2025, 1, 1, 22, 59, tzinfo=UTC), date(2024, 12, 31)),
    ],
)
def test_a_night_carries_the_date_on_which_its_hour_came(hour: int, now: datetime, night: date) -> None:
    assert night_of(now, hour) == night


async def test_nothing_to_watch_is_no_night() -> None:
    here = House()
    assert await here.look.take() == 0
    assert await here.store.last_night() is None


async def test_members_without_known_results_are_no_night() -> None:
    here = House()
    await here.join("sofa")
    assert await here.look.take() == 0
    assert await here.store.last_night() is None


async def test_a_night_freezes_the_panels_slots_and_the_anchors() -> None:
    here = await house(anchors=2)
    assert await here.look.take() == 1
    night = here.store.nights[NIGHT]
    assert [(s.query, s.rank, s.listing_id, s.weight, s.volume_band) for s in night.slots] == [
        ("bett", 1, "bett-0", 50, "head"),
        ("bett", 2, "bett-1", 50, "head"),
        ("sofa", 1, "sofa-0", 50, "head"),
        ("sofa", 2, "sofa-1", 50, "head"),
    ]
    assert {task.task_key for task in here.tasks("relevance")} == {slot.task_key for slot in night.slots}
    assert {task.lane for task in here.inbox.rows.values() for task in [task.new]} == {"panel"}
    assert sorted(here.asked(NIGHT)) == ["p0", "p1"]


async def test_anchors_alone_are_a_night() -> None:
    here = House()
    await here.enroll("p0")
    assert await here.look.take() == 1
    assert here.asked(NIGHT) == ["p0"]


async def test_both_engines_are_frozen_and_a_shared_listing_is_judged_once() -> None:
    here = await house(["sofa"])
    effects = Effects()
    results(effects, "sofa", ["sofa-1", "sofa-0"], engine="vectors", at=EVENING)
    await here.tell(effects)
    await here.look.take()
    slots = here.store.nights[NIGHT].slots
    assert [(s.engine, s.rank, s.listing_id) for s in slots] == [
        ("bm25", 1, "sofa-0"),
        ("bm25", 2, "sofa-1"),
        ("vectors", 1, "sofa-1"),
        ("vectors", 2, "sofa-0"),
    ]
    assert len(here.tasks("relevance")) == 2


async def test_a_night_is_frozen_once() -> None:
    here = await house()
    await here.whole_night()
    here.pass_time(-19 * HOUR)  # 01:00: the next night's hour has not come
    assert await here.look.take() == 0
    assert list(here.store.nights) == [NIGHT]


async def test_nights_are_skipped_while_the_process_was_down() -> None:
    here = await house()
    await here.whole_night()
    here.pass_time(4 * DAY)
    await here.whole_night()
    assert list(here.store.nights) == [NIGHT, NIGHT + 5 * DAY]


async def test_a_night_left_open_by_a_stopped_process_is_closed_before_the_next() -> None:
    here = await house()
    await here.look.take()
    here.pass_time(3 * DAY)
    assert await here.look.take() == 1
    assert here.store.nights[NIGHT].done_at == here.clock.now()
    assert await here.look.take() == 1
    assert list(here.store.nights) == [NIGHT, NIGHT + 3 * DAY]


# --- Waiting and closing ---------------------------------------------------------------------------------


async def test_a_night_waits_for_its_tasks_and_closes_with_the_last() -> None:
    here = await house(anchors=1)
    await here.look.take()
    here.pass_time(HOUR)
    assert await here.look.take() == 0
    await here.judge()
    assert await here.look.take() == 1
    assert here.store.nights[NIGHT].done_at == here.clock.now()


async def test_failed_tasks_hold_no_night_up_and_are_no_labels() -> None:
    here = await house(["sofa"])
    await here.look.take()
    await here.judge(fail=True)
    assert await here.look.take() == 1
    (account,) = here.store.nights[NIGHT].accounts.values()
    assert [row.mean_gain for row in account.rows] == [None]


async def test_a_night_closes_with_what_there_is_after_six_hours() -> None:
    here = await house()
    await here.look.take()
    here.pass_time(JUDGED_WITHIN - timedelta(seconds=1))
    assert await here.look.take() == 0
    here.pass_time(timedelta(seconds=1))
    assert await here.look.take() == 1
    assert here.store.nights[NIGHT].done_at is not None


async def test_labels_that_came_too_late_count_on_the_next_night() -> None:
    here = await house(["sofa"])
    await here.look.take()
    here.pass_time(JUDGED_WITHIN)
    await here.look.take()
    await here.judge()
    here.pass_time(DAY - JUDGED_WITHIN)
    await here.whole_night()
    (account,) = here.store.nights[NIGHT + DAY].accounts.values()
    assert [(row.mean_gain, row.compared) for row in account.rows] == [(1.0, 2)]


async def test_a_pair_with_a_label_is_not_judged_again_and_an_anchor_is() -> None:
    here = await house(anchors=1)
    await here.whole_night()
    await here.look.take()
    assert len(here.tasks("relevance")) == 4
    assert here.asked(NIGHT + DAY) == ["p0"]


async def test_anchors_take_turns_the_longest_unjudged_first() -> None:
    here = House(Pace(2, 2, 14, DriftSettings()))
    await here.enroll(*(f"p{n}" for n in range(5)))
    for _ in range(5):
        await here.whole_night()
    turns = [sorted(here.asked(NIGHT + number * DAY)) for number in range(5)]
    assert turns == [["p0", "p1"], ["p2", "p3"], ["p0", "p4"], ["p1", "p2"], ["p0", "p3"]]


# --- Alerts ----------------------------------------------------------------------------------------------

QUERIES = [f"anfrage {n}" for n in range(30)]


async def worse(here: House) -> None:
    """The engine shows two bad listings for most queries, one for the others."""
    effects = Effects()
    for n, query in enumerate(QUERIES):
        hits = [f"bad {query} 0", f"bad {query} 1" if n % 3 else f"{query}-1"]
        results(effects, query, hits, at=here.clock.now())
        for hit in hits:
            listing(effects, hit, at=EVENING)
    await here.tell(effects)


async def test_a_worse_engine_is_announced_provisionally_and_finally_as_one_alert() -> None:
    here = await house(QUERIES)
    for number in range(16):
        if number == 9:
            await worse(here)
        await here.whole_night()
    provisional, final = here.alerts()
    assert (provisional["status"], final["status"]) == ("provisional", "final")
    assert provisional["alert_id"] == final["alert_id"]
    assert {provisional["cause"], final["cause"]} == {"engine"}
    assert provisional["evidence"]["event_night"] == str(NIGHT + 9 * DAY)
    assert len({event.event_id for event in here.outbox.events}) == 2
    assert len(here.store.alerts) == 1


async def test_an_alert_is_counted_once() -> None:
    here = await house(QUERIES)
    for number in range(16):
        if number == 9:
            await worse(here)
        await here.whole_night()
    assert counted(here.metrics.registry) == 1


async def test_a_judge_that_changes_is_announced() -> None:
    here = await house(["sofa"], anchors=10)
    for number in range(25):
        if number == 12:
            here.flipped = frozenset({"p1", "p2", "p3", "p4"})
        await here.whole_night()
    first = here.alerts()[0]
    assert (first["cause"], first["metric"], first["status"]) == ("judge", "anchor_flip_rate", "provisional")
    assert first["segment"] == dict.fromkeys(first["segment"], "all")
    assert {alert["cause"] for alert in here.alerts()} == {"judge"}


async def test_quiet_nights_announce_nothing() -> None:
    here = await house(QUERIES, anchors=10)
    for _ in range(20):
        await here.whole_night()
    assert here.alerts() == []


def test_an_alerts_id_is_that_of_its_segment_and_event() -> None:
    def alert(market: str, event: str, status: str) -> Alert:
        return Alert(Segment(market=market), event, "engine", "mean_gain", 0.7, 0.6, NIGHT, status, {})

    ids = [
        alert_id(alert("de", "e1", "provisional")),
        alert_id(alert("de", "e1", "final")),
        alert_id(alert("at", "e1", "final")),
        alert_id(alert("de", "e2", "final")),
    ]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3


def counted(registry: CollectorRegistry) -> float:
    return registry.get_sample_value("assay_alerts_total", {"cause": "engine"}) or 0.0


# --- The process -----------------------------------------------------------------------------------------


async def test_the_process_looks_at_a_nudge() -> None:
    here = await house(anchors=3)
    settings = Settings(drift_anchors_per_night=2)
    process = build(
        settings,
        here.signals,
        here.store,
        InMemoryLeadership(),
        here.clock,
        lambda: "judge",
        alert_event,
        here.metrics,
        on_nudge_only=True,
    )
    running = asyncio.create_task(process.run())
    await process.nudge()
    process.stop()
    await running
    assert process.name == "drift"
    assert here.asked(NIGHT) == ["p0", "p1"]
