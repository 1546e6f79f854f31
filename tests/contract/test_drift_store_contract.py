"""`DriftStore`: nights are frozen with their tasks, get the labels there are, and are closed as one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Protocol
from uuid import UUID

import pytest

from core.adapters.drift_store import PostgresDriftStore
from core.adapters.inbox import PostgresInbox
from core.adapters.judgements import PostgresJudgements
from core.adapters.outbox import PostgresOutbox
from core.adapters.postgres import Pool
from core.adapters.stream_store import PostgresStreamStore
from core.domain.drift.anchors import AnchorGrade
from core.domain.drift.budget import DriftSettings
from core.domain.drift.nightly import DriftState, judge_night
from core.domain.drift.panel import Segment
from core.domain.drift.verdict import Alert, Status
from core.domain.effects import Effects
from core.domain.labels import Label
from core.drift_ports import Anchor, ClosedNight, DriftStore, FrozenSlot, OpenNight
from core.ports import JudgementStore, LabelFact, NewTask, Outbox, OutgoingEvent, TaskFailure, TaskInbox
from core.stream_ports import StreamStore
from tests.contract.facts import label, outcome, task
from tests.support.fake_drift import InMemoryDrift
from tests.support.fake_signals import InMemorySignals, pane, told
from tests.support.fake_streams import InMemoryStreamStore
from tests.support.fakes import NOON, FakeClock, InMemoryInbox, InMemoryJudgements, InMemoryOutbox

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NIGHT, NEXT = date(2025, 3, 3), date(2025, 3, 4)


class World(Protocol):
    """The store, and what fills and shows it."""

    drift: DriftStore
    streams: StreamStore
    inbox: TaskInbox
    judgements: JudgementStore
    outbox: Outbox

    async def alerts(self) -> dict[UUID, tuple[str, str, float]]: ...
    async def accounts(self, night: date) -> dict[str, tuple[int, list[str]]]: ...


class FakeWorld:
    def __init__(self) -> None:
        inbox, outbox, streams = InMemoryInbox(FakeClock()), InMemoryOutbox(), InMemoryStreamStore()
        judgements = InMemoryJudgements(inbox, outbox)
        self.fake = InMemoryDrift(inbox, outbox, judgements, InMemorySignals(streams, inbox))
        self.drift: DriftStore = self.fake
        self.streams: StreamStore = streams
        self.inbox: TaskInbox = inbox
        self.judgements: JudgementStore = judgements
        self.outbox: Outbox = outbox

    async def alerts(self) -> dict[UUID, tuple[str, str, float]]:
        return {key: (alert.cause, alert.status, alert.after) for key, alert in self.fake.alerts.items()}

    async def accounts(self, night: date) -> dict[str, tuple[int, list[str]]]:
        accounts = self.fake.nights[night].accounts.items()
        return {key: (account.compared, [row.query for row in account.rows]) for key, account in accounts}


@dataclass
class PostgresWorld:
    pool: Pool

    def __post_init__(self) -> None:
        self.drift: DriftStore = PostgresDriftStore(self.pool)
        self.streams: StreamStore = PostgresStreamStore(self.pool, FakeClock())
        self.inbox: TaskInbox = PostgresInbox(self.pool, FakeClock())
        self.judgements: JudgementStore = PostgresJudgements(self.pool)
        self.outbox: Outbox = PostgresOutbox(self.pool)

    async def alerts(self) -> dict[UUID, tuple[str, str, float]]:
        rows = await self.pool.fetch("SELECT alert_id, cause, status, after FROM assay_data.alerts")
        return {row["alert_id"]: (row["cause"], row["status"], row["after"]) for row in rows}

    async def accounts(self, night: date) -> dict[str, tuple[int, list[str]]]:
        rows = await self.pool.fetch(
            """SELECT n.segment, n.compared, array_agg(q.query ORDER BY q.query) AS queries
            FROM assay_data.night_accounts AS n JOIN assay_data.query_accounts AS q USING (night, segment)
            WHERE night = $1 GROUP BY n.segment, n.compared""",
            night,
        )
        return {row["segment"]: (row["compared"], row["queries"]) for row in rows}


@pytest.fixture(params=["fake", pytest.param("postgres", marks=pytest.mark.postgres)])
def world(request: pytest.FixtureRequest) -> World:
    return FakeWorld() if request.param == "fake" else PostgresWorld(request.getfixturevalue("work_pool"))


def slot(query: str = "sofa", rank: int = 1, **changes: object) -> FrozenSlot:
    listing_id = f"{query}-{rank}"
    frozen = FrozenSlot("shop", "de", "de", "bm25", "tail", query, 12.0, rank, listing_id, "c1", f"task/{query}/{rank}")
    return replace(frozen, **changes)


def slot_task(of: FrozenSlot) -> NewTask:
    return task(of.task_key, of.query, lane="panel")


def anchor(anchor_id: str, **changes: object) -> Anchor:
    known = Anchor(anchor_id, "shop", "de", "de", "sofa", {"listing_id": "L1", "title": "Sofa", "n": 1.5}, 2)
    return replace(known, **changes)


def anchor_task(anchor_id: str, night: date) -> NewTask:
    return task(f"anchor/{anchor_id}/{night}", kind="anchor", lane="panel", payload={"night": str(night)})


def label_of(of: FrozenSlot, given: Label, key: str, **changes: object) -> LabelFact:
    return label(key, query=of.query, listing_id=of.listing_id, content_hash=of.content_hash, label=given, **changes)


async def freeze(world: World, night: date, *slots: FrozenSlot) -> None:
    await world.drift.freeze(night, slots, [slot_task(each) for each in slots], NOON)


async def graded(world: World, night: date) -> list[tuple[int, int | None, str | None]]:
    (panel,) = await world.drift.panels(night)
    return [(each.rank, each.grade, each.label_key) for each in panel.slots]


# --- A night's course ------------------------------------------------------------------------------------


async def test_before_the_first_night_there_is_none(world: World) -> None:
    assert await world.drift.last_night() is None
    assert await world.drift.open_night() is None
    assert await world.drift.state() == DriftState()


async def test_a_frozen_night_is_open_and_its_tasks_wait(world: World) -> None:
    await freeze(world, NIGHT, slot(), slot(rank=2))
    assert await world.drift.last_night() == NIGHT
    assert await world.drift.open_night() == OpenNight(NIGHT, NOON, judged=False)
    assert await world.inbox.runnable(["relevance"]) == 2


async def test_a_night_whose_pairs_and_anchors_have_ended_is_judged(world: World) -> None:
    await world.drift.freeze(NIGHT, [slot()], [slot_task(slot()), anchor_task("p1", NIGHT)], NOON)
    (pairs,) = await world.inbox.lease(["relevance"], 1, 10, 60)
    await world.judgements.save_labels([], [], [each.task_id for each in pairs], NOON)
    assert await world.drift.open_night() == OpenNight(NIGHT, NOON, judged=False)
    (anchors,) = await world.inbox.lease(["anchor"], 1, 10, 60)
    assert await world.drift.open_night() == OpenNight(NIGHT, NOON, judged=False)
    await world.inbox.release([], [TaskFailure(anchors[0].task_id, "refused")])
    assert await world.drift.open_night() == OpenNight(NIGHT, NOON, judged=True)


async def test_anchors_of_another_night_and_other_work_hold_no_night_up(world: World) -> None:
    await world.drift.freeze(NIGHT, [], [anchor_task("p1", NEXT), task("request")], NOON)
    assert await world.drift.open_night() == OpenNight(NIGHT, NOON, judged=True)


async def test_the_oldest_open_night_comes_first(world: World) -> None:
    await freeze(world, NEXT, slot())
    await freeze(world, NIGHT, slot())
    opened = await world.drift.open_night()
    assert opened is not None
    assert opened.night == NIGHT
    assert await world.drift.last_night() == NEXT


# --- Labels of a night -----------------------------------------------------------------------------------


async def test_slots_come_back_by_segment_with_weights(world: World) -> None:
    await freeze(world, NIGHT, slot("lampe", weight=3.0), slot("sofa"), slot("sofa", engine="vectors", task_key="v"))
    panels = {panel.segment: panel for panel in await world.drift.panels(NIGHT)}
    first, second = Segment("shop", "de", engine="bm25"), Segment("shop", "de", engine="vectors")
    assert panels.keys() == {first, second}
    assert panels[first].weights == {"lampe": 3.0, "sofa": 12.0}
    assert [(each.query, each.listing_id) for each in panels[second].slots] == [("sofa", "sofa-1")]
    assert panels[first].night == NIGHT


async def test_a_slot_has_the_newest_label_of_its_pair_whoever_asked(world: World) -> None:
    of = slot()
    await freeze(world, NIGHT, of, slot(rank=2))
    newest = label_of(of, Label.HIGHLY_RELEVANT, "new", judged_at=NOON + HOUR, reason="friction")
    await world.judgements.save_labels([newest], [], [], NOON)
    await world.judgements.save_labels([label_of(of, Label.IRRELEVANT, "old")], [], [], NOON)
    assert await graded(world, NIGHT) == [(1, 2, "new"), (2, None, None)]


async def test_a_label_names_its_model_fingerprint_and_prompt(world: World) -> None:
    await freeze(world, NIGHT, slot(), slot(rank=2))
    await world.judgements.save_labels([label_of(slot(), Label.IRRELEVANT, "k")], [], [], NOON)
    (panel,) = await world.drift.panels(NIGHT)
    assert [each.model_key for each in panel.slots] == ["judge-1 fp relevance@1", ""]


@pytest.mark.parametrize(
    "other", [{"content_hash": "c2"}, {"listing_id": "x"}, {"query": "bett"}, {"market": "at"}, {"application": "app"}]
)
async def test_a_label_of_another_content_listing_or_query_is_not_the_slots(
    world: World, other: dict[str, str]
) -> None:
    await freeze(world, NIGHT, slot())
    fact = label_of(slot(), Label.IRRELEVANT, "k")
    await world.judgements.save_labels([replace(fact, **other)], [], [], NOON)
    assert await graded(world, NIGHT) == [(1, None, None)]


async def test_labels_that_come_later_are_found_at_the_next_look(world: World) -> None:
    await freeze(world, NIGHT, slot())
    assert await graded(world, NIGHT) == [(1, None, None)]
    await world.judgements.save_labels([label_of(slot(), Label.ACCEPTABLE_SUBSTITUTE, "k")], [], [], NOON)
    assert await graded(world, NIGHT) == [(1, 1, "k")]


# --- Weights and anchors ---------------------------------------------------------------------------------


async def test_weights_are_the_searches_of_each_applications_last_day(world: World) -> None:
    effects = Effects()
    pane(effects, "sofa", 5)
    pane(effects, "sofa", 7, at=NOON - 23 * HOUR)
    pane(effects, "sofa", 11, at=NOON - 24 * HOUR)
    pane(effects, "lampe", 2, market=("app", "at"), at=NOON - 9 * DAY)
    pane(effects, "lampe", 2, run="trial")
    await told(world.streams, effects)
    assert await world.drift.weights() == {("shop", "de", "sofa"): 12.0, ("app", "at", "lampe"): 2.0}


async def test_an_anchor_comes_back_whole_and_is_added_once(world: World) -> None:
    assert await world.drift.add_anchors([], NOON) == 0
    assert await world.drift.add_anchors([anchor("p1"), anchor("p2")], NOON) == 2
    assert await world.drift.add_anchors([anchor("p2", human_grade=0), anchor("p3")], NOON) == 1
    assert await world.drift.next_anchors(10) == [anchor("p1"), anchor("p2"), anchor("p3")]


async def test_the_anchors_asked_about_longest_ago_come_first(world: World) -> None:
    await world.drift.add_anchors([anchor(f"p{n}") for n in range(4)], NOON)
    for day, asked in ((1, ["p1", "p3"]), (2, ["p0"]), (3, ["p1"])):
        night = date(2025, 3, day)
        tasks = [replace(anchor_task(name, night), payload={"anchor_id": name, "night": str(night)}) for name in asked]
        await world.drift.freeze(night, [], tasks, NOON)
    assert [each.anchor_id for each in await world.drift.next_anchors(3)] == ["p2", "p3", "p0"]


async def test_grades_are_those_of_the_night(world: World) -> None:
    await world.drift.add_anchors([anchor("p1"), anchor("p2")], NOON)
    judged = [outcome("p1", str(NIGHT), Label.HIGHLY_RELEVANT), outcome("p2", str(NEXT), Label.IRRELEVANT)]
    await world.judgements.save_anchor_outcomes(judged, [], NOON)
    assert await world.drift.anchor_grades(NIGHT) == [AnchorGrade("p1", 2)]


# --- The end of a night ----------------------------------------------------------------------------------


def alert(status: Status, cause: str = "engine", after: float = 0.5) -> Alert:
    segment = Segment("shop", "de", engine="bm25")
    evidence = {"causes": [cause], "t": -4.5, "queries": 60, "unbridged_slots": None}
    return Alert(segment, "engine-event:2025-03-03", cause, "mean_gain", 0.7, after, NIGHT, status, evidence)


def event(number: int) -> OutgoingEvent:
    return OutgoingEvent(UUID(int=number), "relevance-alerts", "k", "t", NOON, b"{}")


async def close(world: World, night: date, alerts: list[tuple[UUID, Alert]], events: list[OutgoingEvent]) -> DriftState:
    result = judge_night(await world.drift.state(), night, await world.drift.panels(night), [], DriftSettings())
    await world.drift.close(ClosedNight(night, result.state, result.accounts, alerts, events), NOON + HOUR)
    return result.state


async def test_closing_keeps_state_accounts_alerts_and_events(world: World) -> None:
    await freeze(world, NIGHT, slot("lampe"), slot("sofa"))
    state = await close(world, NIGHT, [(UUID(int=1), alert("provisional"))], [event(5)])
    assert await world.drift.open_night() is None
    assert await world.drift.last_night() == NIGHT
    assert await world.drift.state() == state
    assert await world.accounts(NIGHT) == {'["shop","de","all","all","bm25"]': (0, ["lampe", "sofa"])}
    assert await world.alerts() == {UUID(int=1): ("engine", "provisional", 0.5)}
    async with world.outbox.batch(10) as events:
        assert list(events) == [event(5)]


async def test_the_next_night_starts_from_the_last_ones_state(world: World) -> None:
    await freeze(world, NIGHT, slot())
    await close(world, NIGHT, [], [])
    await freeze(world, NEXT, slot())
    state = await close(world, NEXT, [], [])
    assert state.night == NEXT
    assert await world.drift.state() == state
    assert await world.accounts(NEXT) == {'["shop","de","all","all","bm25"]': (1, ["sofa"])}


async def test_the_final_alert_takes_the_place_of_the_provisional_one(world: World) -> None:
    await freeze(world, NIGHT, slot())
    await close(world, NIGHT, [(UUID(int=1), alert("provisional"))], [event(5)])
    await freeze(world, NEXT, slot())
    await close(world, NEXT, [(UUID(int=1), alert("final", "judge", 0.6))], [event(6)])
    assert await world.alerts() == {UUID(int=1): ("judge", "final", 0.6)}
    assert await world.outbox.unpublished() == 2


# --- PostgreSQL alone ------------------------------------------------------------------------------------


async def test_a_night_can_be_frozen_once(work_pool: Pool) -> None:
    world = PostgresWorld(work_pool)
    await freeze(world, NIGHT, slot())
    with pytest.raises(Exception, match="drift_nights_pkey"):
        await freeze(world, NIGHT, slot("bett"))
    assert await world.inbox.runnable(["relevance"]) == 1


async def test_a_close_that_fails_leaves_the_night_open(work_pool: Pool) -> None:
    world = PostgresWorld(work_pool)
    await freeze(world, NIGHT, slot())
    with pytest.raises(Exception, match="0x00"):
        await close(world, NIGHT, [(UUID(int=1), alert("final"))], [replace(event(1), topic="a\x00b")])
    opened = await world.drift.open_night()
    assert opened is not None
    assert await world.alerts() == {}
    assert await world.drift.state() == DriftState()


async def test_an_alerts_evidence_is_readable_in_the_view(work_pool: Pool) -> None:
    world = PostgresWorld(work_pool)
    await freeze(world, NIGHT, slot())
    await close(world, NIGHT, [(UUID(int=1), alert("final"))], [])
    row = await work_pool.fetchrow("SELECT * FROM assay.relevance_alerts WHERE evidence->>'t' = '-4.5'")
    assert row is not None
    assert row["segment"] == {
        "application": "shop",
        "market": "de",
        "language": "all",
        "volume_band": "all",
        "engine": "bm25",
    }
    assert (row["before"], row["detected_at"]) == (0.7, NOON + HOUR)
