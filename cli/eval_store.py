"""A drafted dataset into the database: its queries' volume, its version, and its anchors among those of the drift."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cli.anchors import anchor_id
from core.adapters.clock import SystemClock
from core.adapters.drift_store import PostgresDriftStore
from core.adapters.eval_datasets import PostgresDatasets
from core.adapters.postgres import Pool
from core.adapters.signals import PostgresSignalStore
from core.domain.evaluation.datasets import NAME, dataset_of, with_volume
from core.domain.selection import volume_band
from core.drift_ports import Anchor
from core.errors import UsageError
from core.eval_facts import Dataset, DatasetKind, EvalItem
from core.eval_ports import DatasetStore


@dataclass(frozen=True, slots=True)
class Draft:
    """A dataset that is not stored yet."""

    name: str
    kind: DatasetKind
    rule: str
    anchors: bool
    source: str
    licence: str
    made_by: str
    items: Sequence[EvalItem]


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a draft. `fresh` false: this version was there already."""

    dataset: Dataset
    items: Sequence[EvalItem]
    fresh: bool
    new_anchors: int
    known_anchors: int = 0
    """Pairs of a dataset that is none of anchors which are anchors elsewhere."""


def checked_name(name: str) -> str:
    """A dataset's name; UsageError."""
    if not NAME.fullmatch(name):
        raise UsageError("--name takes letters, digits, dot, dash and underscore, at most 100, such as sofas-2026")
    return name


async def store(pool: Pool, draft: Draft, window_days: int) -> Stored:
    """Keep the draft; a version that is known stays as it is. Anchors are among the drift's too, each once."""
    items = await told_of_volume(pool, draft, window_days)
    dataset = sealed(draft, items)
    datasets = PostgresDatasets(pool)
    fresh = await datasets.save(dataset, items)
    added = await PostgresDriftStore(pool).add_anchors(drift_anchors(draft), dataset.made_at) if draft.anchors else 0
    known = dataset if fresh else await datasets.find(dataset.ref) or dataset
    return Stored(known, items, fresh, added, 0 if draft.anchors else await anchors_among(datasets, draft))


async def anchors_among(datasets: DatasetStore, draft: Draft) -> int:
    """How many of the draft's pairs are anchors."""
    anchors = {(each.query, each.listing_id) for each in await datasets.anchor_texts()}
    return sum((item.query, item.listing_id) in anchors for item in draft.items)


def sealed(draft: Draft, items: Sequence[EvalItem]) -> Dataset:
    """The version that the draft is, made now."""
    return dataset_of(
        items,
        name=draft.name,
        kind=draft.kind,
        rule=draft.rule,
        anchors=draft.anchors,
        source=draft.source,
        licence=draft.licence,
        made_at=SystemClock().now(),
        made_by=draft.made_by,
    )


async def told_of_volume(pool: Pool, draft: Draft, window_days: int) -> Sequence[EvalItem]:
    """The items with the volume of their queries in the live traffic of the last days, where there was any."""
    if draft.kind != "relevance":
        return draft.items
    signals = await PostgresSignalStore(pool).signals(window_days)
    bands = {(each.application, each.market, each.query): volume_band(each.searches) for each in signals}
    return with_volume(draft.items, bands)


def drift_anchors(draft: Draft) -> list[Anchor]:
    """The draft's pairs as the drift asks about them. It knows neither pictures nor filters: those stay out."""
    return [
        Anchor(
            anchor_id(item.application, item.market, item.query, item.listing_id),
            item.application,
            item.market,
            item.language,
            item.query,
            item.listing,
            item.truth,
        )
        for item in draft.items
        if draft.kind == "relevance" and item.listing is not None and item.truth is not None and not item.context
    ]
