"""The panel: what is stored of it each night, and the accounting that splits every change into its three steps.

Labels are cached, so a slot's gain changes only when its listing does (engine), its content does (catalogue), or the
judge says otherwise of the same content (judge). The split is exact: the three steps sum to the change.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple

import msgspec

ABSENT_NIGHTS = 7
"""Nights a query may be missing and still be compared with what it was. Ours: a rare query has a quiet week, but a
comparison over longer would book weeks of change on one night."""


class Segment(msgspec.Struct, frozen=True, order=True):
    """What is judged as one: DESIGN 9. `all` stands for every value."""

    application: str = "all"
    market: str = "all"
    language: str = "all"
    volume_band: str = "all"
    engine: str = "all"

    @property
    def key(self) -> str:
        """The five values as a JSON list: a key for tables and state."""
        return msgspec.json.encode(list(msgspec.structs.astuple(self))).decode()


class Pair(NamedTuple):
    """A query and one content of one listing: what a bridge's label is of."""

    query: str
    listing_id: str
    content_hash: str


class PanelSlot(msgspec.Struct, frozen=True):
    """A row stored a night: one place of one panel query's results, and the label it has in the cache.

    `grade` 0, 1, 2, or None where there is none: not judged yet, unknown listing, failed. A failure is never a label.
    `label_key`: the cache key of the label; `model_key`: model, fingerprint and prompt version as one text.
    """

    query: str
    rank: int
    listing_id: str
    content_hash: str
    grade: int | None
    label_key: str | None
    model_key: str


class PanelNight(msgspec.Struct, frozen=True):
    """One segment's night. `weights`: searches of each query that day; they need not sum to 1."""

    segment: Segment
    night: date
    slots: tuple[PanelSlot, ...]
    weights: dict[str, float]


class Graded(msgspec.Struct, frozen=True, array_like=True):
    """The newest labelled content of a slot. It stays while the slot waits for its new label."""

    listing_id: str
    content_hash: str
    grade: int
    label_key: str


class QueryState(msgspec.Struct, frozen=True, array_like=True):
    """What the next night is compared with, and the sums of the steps since `since`."""

    since: date
    seen: date
    shown: dict[int, tuple[str, str]]
    graded: dict[int, Graded]
    engine_sum: float
    catalogue_sum: float
    judge_sum: float


class Steps(msgspec.Struct, frozen=True):
    """The split of one query's change, in grades (0 to 2) summed over `slots`: whole numbers, so it is exact."""

    slots: int = 0
    engine: int = 0
    catalogue: int = 0
    judge: int = 0
    rejudged: int = 0
    flipped: int = 0
    unbridged: int = 0

    def gain(self, grades: int) -> float:
        """`grades` as a change of the query's mean gain: grade / 2, mean over its slots."""
        return grades / (2 * self.slots) if self.slots else 0.0


class QueryAccount(msgspec.Struct, frozen=True, array_like=True):
    """A row stored a night and query. Gains 0 to 1; steps are of the mean over slots labelled on both sides.

    `mean_gain`: of the slots labelled tonight, None if none is. `compared`: slots shown on both nights, of them
    `replaced` with another listing and `edited` with another content. `rejudged`: same content, new label key, of them
    `flipped` to another grade. The sums run from `since`; rows with another `since` can't be compared.
    """

    query: str
    weight: float
    mean_gain: float | None
    engine_step: float
    catalogue_step: float
    judge_step: float
    engine_sum: float
    catalogue_sum: float
    judge_sum: float
    compared: int
    replaced: int
    edited: int
    rejudged: int
    flipped: int
    since: date


class NightAccount(msgspec.Struct, frozen=True):
    """One segment's night, accounted: a row stored a night, and its queries' rows.

    `gap`: nights since the one before it, 1 when none is missing. `compared`, `replaced`, `edited`: sums of the rows'.
    `models`: the model keys of tonight's labels; a cache holds those of the past too.
    """

    night: date
    gap: int
    compared: int
    replaced: int
    edited: int
    rows: tuple[QueryAccount, ...]
    models: tuple[str, ...] = ()

    @property
    def turnover(self) -> float:
        """Share of the compared slots that show another listing, per night."""
        return self.replaced / max(1, self.compared) / self.gap

    @property
    def edits(self) -> float:
        """Share of the compared slots whose listing stayed and whose content changed, per night."""
        return self.edited / max(1, self.compared) / self.gap

    @classmethod
    def of(cls, night: date, gap: int, rows: Sequence[QueryAccount], models: Sequence[str] = ()) -> NightAccount:
        """The account with its sums taken from the rows."""
        compared, replaced = sum(row.compared for row in rows), sum(row.replaced for row in rows)
        return cls(night, gap, compared, replaced, sum(row.edited for row in rows), tuple(rows), tuple(models))


def split(
    query: str, before: Mapping[int, Graded], after: Mapping[int, Graded], bridge: Mapping[Pair, int] | None = None
) -> Steps:
    """The change between two sides of one query's slots, split into its steps; ranks on one side only are left out.

    `bridge` holds grades by today's judge. Where it has the earlier content of a slot whose listing or content changed,
    both contents are compared by today's judge; the rest of the change is the judge's (the drift design, verdict 2).
    """
    engine = catalogue = judge = rejudged = flipped = unbridged = 0
    ranks = before.keys() & after.keys()
    for rank in ranks:
        old, new = before[rank], after[rank]
        change = new.grade - old.grade
        if (old.listing_id, old.content_hash) == (new.listing_id, new.content_hash):
            judge += change
            rejudged += new.label_key != old.label_key
            flipped += new.label_key != old.label_key and change != 0
            continue
        bridged = _bridged(query, old, new, bridge or {})
        unbridged += bridged is None
        own = change if bridged is None else bridged
        judge += change - own
        if old.listing_id != new.listing_id:
            engine += own
        else:
            catalogue += own
    return Steps(len(ranks), engine, catalogue, judge, rejudged, flipped, unbridged)


def _bridged(query: str, old: Graded, new: Graded, bridge: Mapping[Pair, int]) -> int | None:
    today = bridge.get(Pair(query, old.listing_id, old.content_hash))
    if today is None:
        return None
    return bridge.get(Pair(query, new.listing_id, new.content_hash), new.grade) - today


def account_night(
    states: Mapping[str, QueryState], last: date | None, panel: PanelNight
) -> tuple[dict[str, QueryState], NightAccount]:
    """Compare a panel with what each query was; new states, and the rows to store, sorted by query.

    Only queries of both nights are paired; a query that is new or was away over `ABSENT_NIGHTS` starts its sums anew.
    """
    by_query: dict[str, list[PanelSlot]] = {}
    for slot in panel.slots:
        by_query.setdefault(slot.query, []).append(slot)
    total = math.fsum(panel.weights.get(query, 0.0) for query in by_query)
    kept = {q: s for q, s in states.items() if (panel.night - s.seen).days <= ABSENT_NIGHTS}
    rows = []
    for query in sorted(by_query):
        weight = panel.weights.get(query, 0.0) / total if total > 0 else 0.0
        before = kept.get(query, QueryState(panel.night, panel.night, {}, {}, 0.0, 0.0, 0.0))
        kept[query], steps = _step(before, query, panel.night, by_query[query])
        churn = _churn(before.shown, kept[query].shown) if before.seen == last else (0, 0, 0)
        rows.append(_row(query, weight, by_query[query], kept[query], steps=steps, churn=churn))
    models = sorted({slot.model_key for slot in panel.slots if slot.grade is not None})
    gap = (panel.night - last).days if last else 1
    return kept, NightAccount.of(panel.night, gap, rows, models)


def _step(before: QueryState, query: str, night: date, slots: Sequence[PanelSlot]) -> tuple[QueryState, Steps]:
    graded = _graded(before.graded, slots)
    steps = split(query, before.graded, graded)
    after = QueryState(
        before.since,
        night,
        {slot.rank: (slot.listing_id, slot.content_hash) for slot in slots},
        graded,
        before.engine_sum + steps.gain(steps.engine),
        before.catalogue_sum + steps.gain(steps.catalogue),
        before.judge_sum + steps.gain(steps.judge),
    )
    return after, steps


def _row(
    query: str,
    weight: float,
    slots: Sequence[PanelSlot],
    state: QueryState,
    *,
    steps: Steps,
    churn: tuple[int, int, int],
) -> QueryAccount:
    return QueryAccount(
        query,
        weight,
        _mean_gain(slots),
        steps.gain(steps.engine),
        steps.gain(steps.catalogue),
        steps.gain(steps.judge),
        state.engine_sum,
        state.catalogue_sum,
        state.judge_sum,
        *churn,
        steps.rejudged,
        steps.flipped,
        state.since,
    )


def _graded(before: Mapping[int, Graded], slots: Iterable[PanelSlot]) -> dict[int, Graded]:
    after = {}
    for slot in slots:
        if slot.grade is not None:
            after[slot.rank] = Graded(slot.listing_id, slot.content_hash, slot.grade, slot.label_key or "")
        elif slot.rank in before:
            after[slot.rank] = before[slot.rank]
    return after


def _mean_gain(slots: Iterable[PanelSlot]) -> float | None:
    grades = [slot.grade for slot in slots if slot.grade is not None]
    return sum(grades) / (2 * len(grades)) if grades else None


def _churn(before: Mapping[int, tuple[str, str]], after: Mapping[int, tuple[str, str]]) -> tuple[int, int, int]:
    ranks = before.keys() & after.keys()
    replaced = sum(before[rank][0] != after[rank][0] for rank in ranks)
    edited = sum(before[rank][0] == after[rank][0] and before[rank][1] != after[rank][1] for rank in ranks)
    return len(ranks), replaced, edited
