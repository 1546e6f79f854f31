"""The review queue filled: candidates of a run, of live labels or of a drift alert, drawn and stored."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from core.domain.evaluation.items import DatasetKind
from core.domain.guidelines import context_text
from core.domain.listings import ListingRecord, listing_of
from core.domain.review.answers import Subject
from core.domain.review.drawing import Drawn, Frame, disagreement, draw, frame_of
from core.eval_facts import Dataset, EvalItem, EvalResult, EvalRun
from core.eval_ports import DatasetStore, RunStore
from core.ports import Catalogue, Listing
from core.review_ports import (
    Asked,
    Candidate,
    Fill,
    FillSource,
    Moved,
    Opinion,
    ReviewRefused,
    ReviewSources,
    ReviewStore,
)

ENDS: Mapping[DatasetKind, tuple[int, int]] = {"relevance": (0, 2), "image": (1, 10)}
"""The lowest and the highest grade."""

_NO_TIME = 1_767_225_600_000
"""Stands where a dataset's listing gives no time, in milliseconds: it is no part of what is judged."""


@dataclass(frozen=True, slots=True)
class FromRun:
    """The items of an evaluation run, by its name or id."""

    run: str


@dataclass(frozen=True, slots=True)
class FromLive:
    """Labels (or picture scores) given in a period."""

    kind: DatasetKind
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class FromDrift:
    """What a drift alert points at, by its id or the beginning of it."""

    alert: str
    kind: DatasetKind = "relevance"


@dataclass(frozen=True, slots=True)
class Amount:
    """How much is queued, and for whom."""

    items: int
    random_share: float
    """Part of the items that is drawn at random, 0 to 1: only those feed unbiased figures."""
    needed: int
    """Reviewers of each item."""
    by: str


@dataclass(frozen=True, slots=True)
class FillParts:
    """What filling reads and writes."""

    sources: ReviewSources
    store: ReviewStore
    datasets: DatasetStore
    runs: RunStore
    catalogue: Catalogue


@dataclass(frozen=True, slots=True)
class _Drawable:
    """A frame, and what it is of."""

    kind: DatasetKind
    source: FillSource
    told: str
    frame: Frame
    candidates: Sequence[Candidate] | None
    """By place in the frame, where they are known already."""


async def fill_queue(
    parts: FillParts, wanted: FromRun | FromLive | FromDrift, amount: Amount, now: datetime, rng: np.random.Generator
) -> tuple[Fill, int]:
    """Draw and store; (the filling, how many of its items are new in the queue). ReviewRefused where there is nothing
    to draw from."""
    found = await _drawable(parts, wanted, now)
    if not len(found.frame):
        raise ReviewRefused(f"nothing to review: no label is known of {found.told}")
    drawn = draw(found.frame, amount.items, amount.random_share, rng)
    asked = _asked(found, drawn, await _candidates(parts, found, drawn))
    fill = Fill(
        fill_id=uuid.uuid4(),
        kind=found.kind,
        source=found.source,
        told=found.told,
        frame=len(found.frame),
        items=len(asked),
        random_items=sum(each.drawn == "random" for each in asked),
        made_at=now,
        made_by=amount.by,
    )
    return fill, await parts.store.fill(fill, asked, amount.needed)


async def _drawable(parts: FillParts, wanted: FromRun | FromLive | FromDrift, now: datetime) -> _Drawable:
    match wanted:
        case FromRun(name):
            return await _of_run(parts, name, now)
        case FromLive(kind, since, until):
            told = f"live, {since:%Y-%m-%d %H:%M} to {until:%Y-%m-%d %H:%M} UTC"
            return _Drawable(kind, "live", told, await parts.sources.frame(kind, since, until), None)
        case FromDrift(alert, kind):
            moved = await parts.sources.moved(alert)
            if moved is None:
                raise ReviewRefused(f"there is no alert {alert!r}; the console's page Alerts lists them")
            return _Drawable(kind, "drift", _told_alert(moved), await _moved_frame(parts, moved, kind, now), None)


async def _moved_frame(parts: FillParts, moved: Moved, kind: DatasetKind, now: datetime) -> Frame:
    return await parts.sources.frame(kind, moved.since, max(now, moved.until), moved)


def _told_alert(moved: Moved) -> str:
    where = " ".join(part for part in (moved.application, moved.market) if part) or "every market"
    return f"alert {str(moved.alert_id)[:8]}, {where}"


async def _of_run(parts: FillParts, name: str, now: datetime) -> _Drawable:
    run = await parts.runs.find(name)
    if run is None:
        raise ReviewRefused(f"there is no run {name!r}; `assay eval run` makes one")
    dataset = await parts.datasets.find(run.dataset)
    if dataset is None:
        raise ReviewRefused(f"the dataset {run.dataset} of run {run.name} is not there any more")
    results = await _results(parts.runs, run)
    items = [item for item in await parts.datasets.items(dataset) if item.item_id in results]
    known = await parts.catalogue.listings([item.listing_id for item in items if item.listing is None])
    candidates = [_candidate(dataset, item, known.get(item.listing_id), results[item.item_id]) for item in items]
    frame = await _frame(parts.sources, run.kind, candidates, now)
    return _Drawable(run.kind, "run", f"run {run.name}", frame, candidates)


async def _results(runs: RunStore, run: EvalRun) -> Mapping[str, list[EvalResult]]:
    """Answers by item."""
    found: dict[str, list[EvalResult]] = defaultdict(list)
    for judge in run.judges:
        for result in await runs.results(run.run_id, judge):
            if result.grade is not None:
                found[result.item_id].append(result)
    return found


async def _frame(sources: ReviewSources, kind: DatasetKind, candidates: Sequence[Candidate], now: datetime) -> Frame:
    """Of candidates that are known: confidence is that of the least sure judge."""
    queued = await sources.queued([each.subject.item_id for each in candidates])
    keys = [(each.subject.application, each.subject.market, each.subject.query) for each in candidates]
    searches = await sources.searches(list(dict.fromkeys(keys)), now)
    said = await sources.critics([each.content_key for told in candidates for each in told.opinions])
    sure = [[each.confidence for each in told.opinions if each.confidence is not None] for told in candidates]
    return frame_of(
        range(len(candidates)),
        [disagreement(_grades(told, said), *ENDS[kind]) for told in candidates],
        [min(each, default=np.nan) for each in sure],
        [searches.get(key, 0) for key in keys],
        [0.0] * len(candidates),
        [each.subject.item_id in queued for each in candidates],
    )


def _grades(candidate: Candidate, critics: Mapping[str, int]) -> list[int]:
    """What was said of it, by judges and by critiques of them."""
    judged = [each.grade for each in candidate.opinions]
    return judged + [critics[each.content_key] for each in candidate.opinions if each.content_key in critics]


async def _candidates(parts: FillParts, found: _Drawable, drawn: Sequence[Drawn]) -> Sequence[Candidate]:
    if found.candidates is not None:
        return [found.candidates[each.index] for each in drawn]
    texts = await parts.datasets.anchor_texts()
    anchors = {(each.query, name) for each in texts for name in (each.listing_id, each.title) if name}
    found_keys = [int(found.frame.keys[each.index]) for each in drawn]
    candidates = await parts.sources.candidates(found.kind, found_keys)
    listings = await parts.catalogue.listings([each.subject.listing_id for each in candidates])
    return [_whole(each, listings.get(each.subject.listing_id), anchors) for each in candidates]


def _whole(candidate: Candidate, known: Listing | None, anchors: set[tuple[str, str]]) -> Candidate:
    """With its product. A live pair that is an anchor too is one here: its answers never leave as an ordinary
    dataset's."""
    subject = candidate.subject
    category = {"category": known.category} if known is not None and known.category else {}
    return replace(
        candidate,
        listing=None if known is None else listing_record(known),
        segment={**candidate.segment, **category},
        anchors=bool(anchors & {(subject.query, subject.listing_id), (subject.query, known.title if known else "")}),
    )


def _asked(found: _Drawable, drawn: Sequence[Drawn], candidates: Sequence[Candidate]) -> list[Asked]:
    """Drawn candidates, each subject once: two items of a dataset may be the same pair."""
    frame = found.frame
    asked = {
        candidate.subject.item_id: Asked(
            candidate,
            each.place,
            each.drawn,
            each.probability,
            each.teaches,
            {
                "disagreement": float(frame.disagreement[each.index]),
                "doubt": float(frame.doubt[each.index]),
                "traffic": float(frame.traffic[each.index]),
                "drift": float(frame.drift[each.index]),
            },
        )
        for each, candidate in reversed(list(zip(drawn, candidates, strict=True)))
    }
    return sorted(asked.values(), key=lambda each: each.place)


def _candidate(dataset: Dataset, item: EvalItem, known: Listing | None, results: Sequence[EvalResult]) -> Candidate:
    listing = item.listing if item.listing is not None else None if known is None else listing_record(known)
    image = dataset.kind == "image"
    content = "" if image else known.content_hash if known is not None else _content_hash(listing)
    named = (item.application, item.market, item.language, item.query, context_text(item.context), item.listing_id)
    return Candidate(
        subject=Subject(dataset.kind, *named, content, (item.image_url or "") if image else ""),
        listing=listing,
        segment=item.segment,
        guideline_version=next((each.guideline_version for each in results if each.guideline_version), ""),
        opinions=[_opinion(each) for each in results],
        anchors=dataset.anchors,
        dataset=dataset.ref,
        dataset_item=item.item_id,
    )


def _content_hash(listing: Mapping[str, object] | None) -> str:
    """Of a listing as a dataset brings it; empty where it can't be read."""
    told = {name: value for name, value in (listing or {}).items() if value is not None}
    record = listing_of({"timestamp": _NO_TIME, **told, "event": "new"}, -1)
    return record.content_hash if isinstance(record, ListingRecord) else ""


def listing_record(listing: Listing) -> Mapping[str, object]:
    """A catalogue's listing in the shape of the topic `listings`; what is not told is left out."""
    names = ("listing_id", "market", "language", "title", "description", "brand", "category")
    price = {"amount": listing.price_amount, "currency": listing.price_currency}
    told: dict[str, object] = {name: getattr(listing, name) for name in names}
    told |= {"attributes": dict(listing.attributes), "image_urls": list(listing.image_urls)}
    told |= {"price": price if listing.price_amount is not None else None}
    return {name: value for name, value in told.items() if value}


def _opinion(result: EvalResult) -> Opinion:
    return Opinion(
        judge=result.judge,
        grade=result.grade if result.grade is not None else -1,
        confidence=result.confidence,
        reasoning=result.reasoning,
        verdicts=result.verdicts,
        aspects=result.aspects,
        content_key=result.content_key,
        run_id=result.run_id,
        dataset_item=result.item_id,
        call_id=result.call_id,
        judged_at=result.judged_at,
    )
