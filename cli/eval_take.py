"""`assay eval take`: live labels chosen by segment, date, query or disagreement, as a dataset for people to grade."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated

import typer

from cli.database import migrated
from cli.eval_import import say
from cli.eval_options import AsJson, Below, By, JudgedFor, JudgedSo, Length, Licence, Only, Tune, Volume
from cli.eval_reading import told_of
from cli.eval_store import Draft, Stored, checked_name, store, told_of_volume
from cli.judge_identity import login_name
from cli.times import time_or_ago
from core.adapters.clock import SystemClock
from core.adapters.eval_datasets import PostgresDatasets
from core.adapters.eval_taking import MOST_CANDIDATES, Choice, Chosen, Where, chosen_pairs, chosen_pictures
from core.adapters.postgres import Pool
from core.domain.evaluation.datasets import TUNE_SHARE, items_of
from core.domain.evaluation.rows import Row
from core.domain.evaluation.rules import unstated
from core.domain.evaluation.taken import fits, pair_row, picture_row, without_anchors
from core.domain.normalise import normalised_query
from core.errors import UsageError
from core.eval_facts import DatasetKind
from core.settings import Settings, load_settings, required

ITEMS = 200
"""Items of a dataset unless the command says: a day's work of one expert, and what the drift asks of anchors."""

DAYS = 28
"""Days looked back unless the command says: whole weeks."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Which items count beyond what their labels say; empty: all."""

    language: str
    length: str
    volume: str
    category: str


@dataclass(frozen=True, slots=True)
class Taken:
    """The rows that were chosen, and what was left out and why."""

    rows: Sequence[Row]
    notices: Sequence[str]


def take(
    name: Annotated[str, typer.Option(help="the dataset's name")],
    kind: Annotated[DatasetKind, typer.Option(help="pairs, or pictures")] = "relevance",
    where: Annotated[Where, typer.Option(help="disagreement: judges, modes or candidates differ on it")] = "all",
    application: Only = "",
    market: Only = "",
    language: Only = "",
    length: Length = "",
    volume: Volume = "",
    category: Only = "",
    query: Only = "",
    label: JudgedSo = "",
    reason: JudgedFor = "",
    below: Below = None,
    from_: Annotated[str, typer.Option("--from", help="judged since: 2026-03-02T06:00Z, or 2h, 3d ago")] = f"{DAYS}d",
    to: Annotated[str, typer.Option(help="judged before; else up to now")] = "",
    items: Annotated[int, typer.Option(min=1, max=MOST_CANDIDATES, help="at most so many, drawn at random")] = ITEMS,
    licence: Licence = "internal",
    tune: Tune = TUNE_SHARE,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Make live labels a dataset without grades, for people to grade blind; anchors are left out."""
    settings = load_settings()
    required(settings, "postgres_dsn")
    start, end = span(from_, to, SystemClock().now())
    choice = Choice(start, end, where, application, market, normalised_query(query), label, reason, below)
    segment = Segment(language, length, volume, category)
    _possible(kind, choice, segment)
    draft = Draft(
        name=checked_name(name),
        kind=kind,
        rule=unstated(kind).text,
        anchors=False,
        source=source_of(choice, segment),
        licence=told_of("--licence", licence, "what may be done with them"),
        made_by=told_of("--by", by or login_name(), "who takes them"),
        items=(),
    )
    stored, notices = asyncio.run(taken(settings, draft, choice, segment, items, tune))
    say(stored, notices, dry_run=False, as_json=as_json)


def span(from_: str, to: str, now: datetime) -> tuple[datetime, datetime]:
    """Since when and before when; UsageError where that is no time at all."""
    start, end = time_or_ago(from_, now), time_or_ago(to, now) if to else now + timedelta(seconds=1)
    if start >= end:
        raise UsageError("--from is not before --to")
    return start, end


async def taken(
    settings: Settings, draft: Draft, choice: Choice, segment: Segment, most: int, tune: float
) -> tuple[Stored, Sequence[str]]:
    """Choose, draw and keep; UsageError where nothing fits."""
    async with migrated(settings) as pool:
        found = await rows_taken(pool, draft.kind, choice, segment)
        whole = drafted(draft, found.rows, tune)
        known = await told_of_volume(pool, whole, settings.selection_window_days)
        kept = [item for item in known if segment.volume in ("", item.segment.get("volume", "tail"))][:most]
        if not kept:
            said = "; ".join(["no live label fits; see /queries in the console for what was judged", *found.notices])
            raise UsageError(said)
        return await store(pool, replace(draft, items=kept), settings.selection_window_days), found.notices


async def rows_taken(pool: Pool, kind: DatasetKind, choice: Choice, segment: Segment) -> Taken:
    """What fits the choice and the segment, in the order of the draw, anchors left out."""
    chosen = await (chosen_pairs if kind == "relevance" else chosen_pictures)(pool, choice)
    told = [row for each in chosen if (row := row_taken(kind, each)) is not None]
    fitting = [row for row in told if fits(row, segment.language, segment.length, segment.category)]
    anchors = await PostgresDatasets(pool).anchor_texts() if kind == "relevance" else []
    rows = without_anchors(fitting, anchors)
    return Taken(
        rows,
        [
            *([f"more fit than the {MOST_CANDIDATES} that were drawn"] if len(chosen) == MOST_CANDIDATES else []),
            *(
                [f"left out, since nobody tells of the product any more: {gone}"]
                if (gone := len(chosen) - len(told))
                else []
            ),
            *([f"left out as anchors: {held}"] if (held := len(fitting) - len(rows)) else []),
        ],
    )


def row_taken(kind: DatasetKind, chosen: Chosen) -> Row | None:
    """What was chosen as a row without grades."""
    where = (chosen.application, chosen.market, chosen.language)
    if kind == "image":
        return picture_row(*where, chosen.listing_id, chosen.image_url, chosen.known)
    return pair_row(*where, chosen.query, chosen.context, chosen.listing_id, chosen.known)


def drafted(draft: Draft, rows: Sequence[Row], tune: float) -> Draft:
    """The draft with the rows as items that nobody graded."""
    return replace(draft, items=items_of(rows, unstated(draft.kind), tune))


def source_of(choice: Choice, segment: Segment) -> str:
    """What the dataset was taken from, in a line."""
    told = {
        "application": choice.application,
        "market": choice.market,
        "query": choice.query,
        "label": choice.label,
        "reason": choice.reason,
        "confidence below": "" if choice.below is None else f"{choice.below:g}",
        "language": segment.language,
        "length": segment.length,
        "volume": segment.volume,
        "category": segment.category,
        "where": "" if choice.where == "all" else choice.where,
    }
    said = ", ".join(f"{name} {value}" for name, value in told.items() if value)
    return f"live labels judged {choice.start:%Y-%m-%d} to {choice.end:%Y-%m-%d}" + (f": {said}" if said else "")


def _possible(kind: DatasetKind, choice: Choice, segment: Segment) -> None:
    """UsageError for a choice that pictures have no answer to."""
    told = {
        "--application": choice.application,
        "--query": choice.query,
        "--label": choice.label,
        "--reason": choice.reason,
        "--confidence-below": "" if choice.below is None else "set",
        "--length": segment.length,
        "--volume": segment.volume,
    }
    wrong = [name for name, value in told.items() if value]
    if kind == "image" and wrong:
        raise UsageError(
            f"{wrong[0]} is of pairs; pictures are chosen by market, language, category, date, disagreement"
        )
