"""`drift` on a real PostgreSQL: thirty nights of a simulated shop, its engine, its judge and their alerts."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import jsonschema

from consumers.drift import DriftLook, Pace
from core.adapters.drift_store import PostgresDriftStore
from core.adapters.inbox import PostgresInbox
from core.adapters.judgements import PostgresJudgements
from core.adapters.outbox import PostgresOutbox
from core.adapters.postgres import Pool
from core.adapters.signals import PostgresSignalStore
from core.adapters.stream_store import PostgresStreamStore
from core.domain.drift.budget import DriftSettings
from core.domain.effects import Effects
from core.domain.labels import Label
from core.drift_ports import Anchor
from core.ports import LabelFact, Task
from core.stages.events import alert_event, relevance_event
from core.telemetry import Metrics
from tests.contract.facts import label, outcome
from tests.support.fake_signals import listing, pane, results, told
from tests.support.fakes import FakeClock
from tests.unit.domain.drift.simulation import Anchors, Panel, day

QUERIES, ANCHORS, NIGHTS = 60, 100, 30
SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"
JUDGE = "text judge-1 relevance@1"
PACE = Pace(2, ANCHORS, 14, DriftSettings())

Act = Callable[[Panel, Anchors, int], None]


class Shop:
    """A shop of one market whose engine and judge are simulated, and all of whose rows are real."""

    def __init__(self, pool: Pool, seed: int) -> None:
        self.pool, self.clock = pool, FakeClock()
        self.panel, self.anchors = Panel(seed, queries=QUERIES), Anchors(seed, pace=ANCHORS, number=ANCHORS)
        self.streams, self.inbox = PostgresStreamStore(pool, self.clock), PostgresInbox(pool, self.clock)
        self.judgements, self.signals = PostgresJudgements(pool), PostgresSignalStore(pool)
        self.store = PostgresDriftStore(pool)
        self.look = DriftLook(self.signals, self.store, self.clock, PACE, lambda: JUDGE, alert_event, Metrics())
        self.content: dict[str, str] = {}
        self.grades: dict[str, int] = {}
        self.hashes: dict[str, str] = {}

    async def open(self) -> None:
        """Every query is in the panel; anchors are enrolled."""
        members = [("shop", "de", f"q{n:03d}") for n in range(QUERIES)]
        await self.signals.record([], members, [], self.clock.now())
        pairs = [Anchor(f"a{n}", "shop", "de", "de", "sofa", {"listing_id": f"a{n}"}, 1) for n in range(ANCHORS)]
        await self.store.add_anchors(pairs, self.clock.now())

    async def night(self, number: int, act: Act) -> None:
        """The engine and the judge do what they do; the night is frozen, judged and closed."""
        self.clock.time = datetime.combine(day(number), time(3), UTC)
        act(self.panel, self.anchors, number)
        await told(self.streams, self._day())
        assert await self.look.take() == 1
        await self._judge()
        self.clock.advance(timedelta(hours=1).total_seconds())
        assert await self.look.take() == 1

    def _day(self) -> Effects:
        """The day's traffic, what the engine shows now, and the listings that are new or changed."""
        effects, at = Effects(), self.clock.now()
        for n, shown in enumerate(self.panel.listing.tolist()):
            hits = [f"L{each}" for each in shown]
            pane(effects, f"q{n:03d}", int(self.panel.weights[n] * 20_000), at=at)
            results(effects, f"q{n:03d}", hits, at=at)
            for rank, hit in enumerate(hits):
                title = f"{hit}, edition {self.panel.version[n, rank]}"
                self.grades[hit] = int(self.panel.grade[n, rank])
                if self.content.get(hit) != title:
                    self.content[hit] = title
                    listing(effects, hit, title, at=at)
        self.hashes |= {each: told_of.content_hash for each, (_, told_of) in effects.listings.items()}
        return effects

    async def _judge(self) -> None:
        leased = await self.inbox.lease(["relevance", "anchor"], 1_000, 1_000, 600)
        while leased:
            await self._answer([task for group in leased for task in group])
            leased = await self.inbox.lease(["relevance", "anchor"], 1_000, 1_000, 600)

    async def _answer(self, tasks: list[Task]) -> None:
        now = self.clock.now()
        pairs, anchors = [t for t in tasks if t.kind == "relevance"], [t for t in tasks if t.kind == "anchor"]
        facts = [self._fact(task) for task in pairs]
        await self.judgements.save_labels(facts, [relevance_event(f) for f in facts], [t.task_id for t in pairs], now)
        said = {grade.anchor_id: grade.grade for grade in self.anchors.outcomes()} if anchors else {}
        outcomes = [
            outcome(
                str(t.payload["anchor_id"]), str(t.payload["night"]), Label.of_grade(said[str(t.payload["anchor_id"])])
            )
            for t in anchors
        ]
        await self.judgements.save_anchor_outcomes(outcomes, [t.task_id for t in anchors], now)

    def _fact(self, task: Task) -> LabelFact:
        listing_id = task.subject["listing_id"]
        return label(
            task.task_key,
            query=task.subject["query"],
            listing_id=listing_id,
            content_hash=self.hashes[listing_id],
            label=Label.of_grade(self.grades[listing_id]),
            reason="panel",
            judged_at=self.clock.now(),
        )


async def lived(pool: Pool, act: Act) -> Shop:
    shop = Shop(pool, seed=3)
    await shop.open()
    for number in range(NIGHTS):
        await shop.night(number, act)
    return shop


def engine_then_judge(panel: Panel, anchors: Anchors, number: int) -> None:
    """Night 16: three slots in ten are replaced by worse listings. Night 22: a tenth of the anchors flips."""
    if number == 22:
        anchors.swap(0.1)
        panel.stricter = 0.1
    panel.shift = 0.27 if number == 16 else 0.0
    panel.step(deploy=0.3 if number == 16 else 0.0)


async def test_a_worse_engine_and_later_another_judge_are_two_alerts_with_their_causes(pool: Pool) -> None:
    await lived(pool, engine_then_judge)
    rows = await pool.fetch("SELECT * FROM assay.relevance_alerts ORDER BY detected_at")
    assert [row["cause"] for row in rows] == ["engine", "judge"]
    engine, judge = rows
    assert (engine["metric"], engine["segment"]["engine"], engine["segment"]["market"]) == ("mean_gain", "bm25", "de")
    assert engine["after"] < engine["before"]
    assert engine["evidence"]["event_night"] == str(day(16))
    assert abs(engine["evidence"]["t"]) > engine["evidence"]["threshold"]
    assert engine["detected_at"].date() <= day(18)
    assert (judge["metric"], set(judge["segment"].values())) == ("anchor_flip_rate", {"all"})
    assert judge["after"] > judge["before"]
    assert str(day(21)) <= judge["evidence"]["since_night"] <= str(day(23))
    await each_alert_has_its_two_events(pool)
    await every_night_is_accounted(pool)


async def each_alert_has_its_two_events(pool: Pool) -> None:
    async with PostgresOutbox(pool).batch(100_000) as events:
        bodies = [json.loads(event.body) for event in events if event.topic == "relevance-alerts"]
    schema = json.loads((SCHEMAS / "relevance-alerts.schema.json").read_text())
    for body in bodies:
        jsonschema.validate(body, schema, format_checker=jsonschema.FormatChecker())
    for cause in ("engine", "judge"):
        assert [body["status"] for body in bodies if body["cause"] == cause] == ["provisional", "final"]
    ids = {str(row["alert_id"]) for row in await pool.fetch("SELECT alert_id FROM assay.relevance_alerts")}
    assert ids == {body["alert_id"] for body in bodies}


async def every_night_is_accounted(pool: Pool) -> None:
    """The steps of a query are its change: summed over nights they give where its slots' mean gain has gone."""
    assert await pool.fetchval("SELECT count(*) FROM assay_data.drift_nights WHERE done_at IS NOT NULL") == NIGHTS
    assert await pool.fetchval("SELECT count(*) FROM assay_data.query_accounts") == NIGHTS * QUERIES
    off = await pool.fetchval(
        """SELECT max(abs(b.mean_gain - a.mean_gain - (b.engine_step + b.catalogue_step + b.judge_step)))
        FROM assay_data.query_accounts AS a JOIN assay_data.query_accounts AS b
            ON b.query = a.query AND b.segment = a.segment AND b.night = a.night + 1"""
    )
    assert off < 1e-9


async def test_without_faults_there_is_no_alert(pool: Pool) -> None:
    await lived(pool, lambda panel, _anchors, _number: panel.step())
    assert await pool.fetchval("SELECT count(*) FROM assay.relevance_alerts") == 0
    waiting = await pool.fetchval("SELECT count(*) FROM assay.judge_tasks WHERE state <> 'done'")
    assert waiting == 0
