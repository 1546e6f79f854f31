"""The process `retention`: what one look does with what the store tells, and what it says of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import pytest

from consumers.retention import BATCHES_A_LOOK, RetentionLook, build, judged_days, keeps_of
from core.domain.retention import DAYS_AHEAD, HISTORIES, History, KeptDay, utc_day
from core.retention_ports import Cursor, DaySize, Judged, Superseded
from core.settings import load_settings
from core.telemetry import Metrics
from tests.support.fakes import FakeClock, InMemoryLeadership

NOW = datetime(2026, 3, 17, 12, tzinfo=UTC)
DAY = timedelta(days=1)
OLD = NOW.date() - 500 * DAY


@dataclass
class Store:
    """Port `RetentionStore`. Days in `held` can't be dropped now; `rest` are rows by day that are in the rest."""

    kept: dict[tuple[History, date], KeptDay] = field(default_factory=dict)
    rest: dict[tuple[History, date], int] = field(default_factory=dict)
    held: set[date] = field(default_factory=set)
    judged: dict[Judged, list[Superseded]] = field(default_factory=dict)
    befores: list[datetime] = field(default_factory=list)

    def put(self, history: History, day: date, *, own: bool = True, rows: int = 0) -> None:
        self.kept[history, day] = KeptDay(day, own, NOW - 100 * DAY)
        self.rest[history, day] = rows

    async def find(self, history: History, last: date, now: datetime) -> None:
        """Everything is known here."""

    async def days(self, history: History, last: date) -> list[KeptDay]:
        return [row for (name, day), row in self.kept.items() if name == history and day <= last]

    async def make(self, history: History, days: Sequence[date], now: datetime) -> int:
        self.kept |= {(history, day): KeptDay(day, True, now) for day in days}
        return len(days)

    async def drop(self, history: History, day: date, asked_before: datetime, now: datetime) -> int | None:
        if day in self.held:
            return None
        self.kept[history, day] = self.kept[history, day]._replace(emptied=True)
        return 7

    async def let_go(self, history: History, now: datetime) -> int:
        gone = [key for key, row in self.kept.items() if key[0] == history and row.emptied]
        for key in gone:
            del self.kept[key]
        return len(gone)

    async def clean(self, history: History, day: date, asked_before: datetime, limit: int) -> int:
        deleted = min(limit, self.rest[history, day])
        self.rest[history, day] -= deleted
        if not deleted:
            del self.kept[history, day]
        return deleted

    async def forget_superseded(self, judged: Judged, before: datetime, after: Cursor | None, limit: int) -> Superseded:
        self.befores.append(before)
        steps = self.judged.get(judged, [])
        return steps.pop(0) if steps else Superseded(0, None)

    async def sizes(self, history: History, days: Sequence[date]) -> list[DaySize]:
        return [DaySize(day, 7, 8_192) for day in days]

    async def superseded(self, judged: Judged, before: datetime) -> int:
        return 3


def look(store: Store, metrics: Metrics | None = None, label_days: int = 0) -> RetentionLook:
    settings = load_settings(retention_label_history_days=label_days)
    return RetentionLook(store, FakeClock(NOW), keeps_of(settings), judged_days(settings), metrics or Metrics())


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


async def test_a_first_look_makes_the_days_ahead_and_a_second_finds_nothing_to_do() -> None:
    looking = look(Store())
    assert await looking.take() == len(HISTORIES) * (DAYS_AHEAD + 1)
    assert await looking.take() == 0


async def test_an_old_day_is_dropped_and_said() -> None:
    store, metrics = Store(), Metrics()
    store.put("panes", OLD)
    await look(store, metrics).take()
    assert ("panes", OLD) not in store.kept
    assert value(metrics, "assay_retention_days_dropped_total", table="panes") == 1
    assert value(metrics, "assay_retention_days_due", table="panes") == 0


async def test_each_table_has_a_term_of_its_own() -> None:
    store, day = Store(), NOW.date() - 60 * DAY
    for history in HISTORIES:
        store.put(history, day)
    await look(store).take()
    assert {history for history in HISTORIES if (history, day) in store.kept} == {"panes", "llm_calls"}


async def test_a_day_that_can_not_go_now_is_counted_as_due() -> None:
    store, metrics = Store(held={OLD}), Metrics()
    store.put("panes", OLD)
    await look(store, metrics).take()
    assert value(metrics, "assay_retention_days_due", table="panes") == 1
    began = datetime.combine(OLD, datetime.min.time(), UTC).timestamp()
    assert value(metrics, "assay_retention_oldest_day_seconds", table="panes") == began


async def test_rows_in_the_rest_go_in_batches_over_as_many_looks_as_it_takes() -> None:
    store, metrics = Store(), Metrics()
    rows = BATCHES_A_LOOK * 5_000 + 1
    store.put("panes", OLD, own=False, rows=rows)
    looking = look(store, metrics)
    await looking.take()
    assert store.rest["panes", OLD] == 1
    await looking.take()
    assert ("panes", OLD) not in store.kept
    assert value(metrics, "assay_retention_rows_deleted_total", table="panes") == rows


async def test_replaced_labels_stay_for_ever_unless_a_term_is_set() -> None:
    store = Store()
    await look(store).take()
    assert store.befores == []
    await look(store, label_days=90).take()
    assert set(store.befores) == {NOW - 90 * DAY}


@pytest.mark.parametrize(
    ("flag_base_days", "days"),
    [(28, {"labels": 7, "image_scores": 37}), (100, {"labels": 7, "image_scores": 109})],
)
def test_replaced_scores_stay_for_as_long_as_a_nightly_look_compares_them(
    flag_base_days: int, days: dict[Judged, int]
) -> None:
    assert judged_days(load_settings(retention_label_history_days=7, image_flag_base_days=flag_base_days)) == days


async def test_replaced_labels_are_walked_to_the_end_and_then_not_again_the_same_day() -> None:
    store, metrics = Store(), Metrics()
    store.judged["labels"] = [Superseded(2, Cursor(NOW, 1)), Superseded(1, None), Superseded(9, None)]
    looking = look(store, metrics, label_days=90)
    await looking.take()
    assert await looking.take() == 0
    assert value(metrics, "assay_retention_rows_deleted_total", table="labels") == 3


async def test_what_is_due_is_said_and_nothing_is_changed() -> None:
    store = Store()
    store.put("panes", OLD)
    before = dict(store.kept)
    due = await look(store, label_days=90).due()
    assert [(row.table, len(row.days), row.replaced) for row in due] == [
        ("panes", 1, 0), ("dead_letters", 0, 0), ("llm_calls", 0, 0), ("labels", 0, 3), ("image_scores", 0, 3)
    ]  # fmt: skip
    assert store.kept == before


async def test_a_process_looks_when_nudged_and_is_idle_after() -> None:
    settings, store = load_settings(), Store()
    process = build(settings, store, InMemoryLeadership(), FakeClock(NOW), Metrics(), on_nudge_only=True)
    assert (process.name, await process.idle()) == ("retention", True)


@pytest.mark.parametrize("history", HISTORIES)
async def test_days_of_today_are_kept_under_the_shortest_terms(history: History) -> None:
    shortest = load_settings(
        retention_pane_days=1, retention_dead_letter_days=1, retention_llm_call_days=1, retention_grace_days=1
    )
    store = Store()
    store.put(history, utc_day(NOW))
    store.put(history, utc_day(NOW) - DAY)
    await RetentionLook(store, FakeClock(NOW), keeps_of(shortest), {}, Metrics()).take()
    assert {(history, utc_day(NOW)), (history, utc_day(NOW) - DAY)} <= store.kept.keys()
