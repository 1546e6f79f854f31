"""`assay eval review`: fill the queue of the console's review pages, and take the answers out as a dataset."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import sys
from collections import Counter
from typing import Annotated, Literal

import numpy as np
import typer

from cli.database import migrated
from cli.eval_contents import contents_json, print_contents
from cli.eval_import import outcome
from cli.eval_reading import told_of
from cli.eval_store import Draft, Stored, checked_name, store
from cli.judge_identity import login_name
from cli.review_room import fill_parts
from cli.tables import print_tables, table
from cli.times import time_or_ago
from core.adapters.clock import SystemClock
from core.adapters.reviews import PostgresReviews
from core.domain.evaluation.datasets import TUNE_SHARE
from core.domain.evaluation.rules import unstated
from core.domain.review.export import dataset_item
from core.errors import UsageError
from core.eval_facts import DatasetKind, EvalItem
from core.review_ports import Answered, AnswerFilter, Fill, ReviewRefused, ReviewStore
from core.settings import Settings, load_settings, required
from core.stages.review_fill import Amount, FromDrift, FromLive, FromRun, fill_queue

app = typer.Typer(help="People grade in the console; this fills their queue and takes the answers out.")

LIVE_FROM = "7d"
"""How far back live labels are drawn from unless told: a week, every weekday once."""

EXPORTED = 1_000_000
"""Items of one export at most: ten years of ten experts."""

FILLS = 10
"""Fillings that `status` tells of."""

KindOption = Annotated[Literal["relevance", "image"], typer.Option(help="products for queries, or pictures")]


@app.command("fill")
def fill(
    from_run: Annotated[str, typer.Option("--from-run", help="items of this run, by name or id")] = "",
    live: Annotated[bool, typer.Option("--live", help="live labels, of --from and --to")] = False,
    drift: Annotated[str, typer.Option("--drift", help="what this alert points at, by id or its beginning")] = "",
    from_: Annotated[str, typer.Option("--from", help="2026-03-02T06:00Z, or 90m, 2h, 3d ago")] = LIVE_FROM,
    to: Annotated[str, typer.Option("--to", help="as --from; now when not given")] = "",
    kind: KindOption = "relevance",
    items: Annotated[int | None, typer.Option(min=1, max=100_000, help="else ASSAY_REVIEW_ITEMS")] = None,
    random_share: Annotated[
        float | None, typer.Option("--random-share", min=0, max=1, help="else ASSAY_REVIEW_RANDOM_SHARE")
    ] = None,
    reviewers: Annotated[int | None, typer.Option(min=1, max=20, help="else ASSAY_REVIEW_REVIEWERS")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="of the draw; any when not given")] = None,
    by: Annotated[str, typer.Option(help="who fills it; else the user of this shell")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """Queue items for people: those whose answers teach most, and a random share for unbiased figures."""
    settings = load_settings()
    wanted = source_of(from_run, live=live, drift=drift, kind=kind, since=from_, until=to)
    amount = Amount(
        settings.review_items if items is None else items,
        settings.review_random_share if random_share is None else random_share,
        settings.review_reviewers if reviewers is None else reviewers,
        by or login_name(),
    )
    required(settings, "postgres_dsn")
    made, new = asyncio.run(filled(settings, wanted, amount, seed))
    sys.stdout.write((json.dumps(fill_json(made, new)) if as_json else told(made, new, amount)) + "\n")


@app.command("export")
def export(
    name: Annotated[str, typer.Option(help="the dataset's name; a name may have many versions")],
    kind: KindOption = "relevance",
    fill_id: Annotated[str, typer.Option("--fill", help="only answers of this filling, as `status` names it")] = "",
    only_random: Annotated[bool, typer.Option("--only-random", help="only what was drawn at random")] = False,
    all_answered: Annotated[
        bool, typer.Option("--complete", help="only items with a decision, or all the answers asked for, alike")
    ] = False,
    anchors: Annotated[
        bool, typer.Option("--anchors", help="the answers to anchors instead, as a dataset of anchors")
    ] = False,
    licence: Annotated[str, typer.Option(help="what may be done with the data")] = "internal",
    tune: Annotated[float, typer.Option(min=0, max=1, help="part of the queries to write prompts with")] = TUNE_SHARE,
    by: Annotated[str, typer.Option(help="who exports; else the user of this shell")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """Make the answers a dataset version: reviewers are its raters, a decision is its truth."""
    settings = load_settings()
    source = " ".join(["review queue", *([f"filling {fill_id}"] if fill_id else []), *(["random share"] * only_random)])
    draft = Draft(
        name=checked_name(name),
        kind=kind,
        rule=unstated(kind).text,
        anchors=anchors,
        source=source,
        licence=told_of("--licence", licence, "what may be done with them"),
        made_by=told_of("--by", by or login_name(), "who exports them"),
        items=(),
    )
    required(settings, "postgres_dsn")
    wanted = Wanted(fill_id, only_random, all_answered, tune)
    stored, left_out = asyncio.run(exported(settings, draft, wanted))
    if as_json:
        said = {**contents_json(stored.dataset, stored.items), "stored": stored.fresh, "left_out": left_out}
        sys.stdout.write(json.dumps(said, ensure_ascii=False) + "\n")
        return
    print_contents(stored.dataset, stored.items)
    notes = [f"left out, {why}: {count}" for why, count in left_out.items()]
    sys.stdout.write("\n".join([*notes, outcome(stored, dry_run=False)]) + "\n")


@app.command("status")
def status(kind: KindOption = "relevance", as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """What the queue was filled with, and how far people are."""
    settings = load_settings()
    required(settings, "postgres_dsn")
    fills, answered = asyncio.run(stand(settings, kind))
    if as_json:
        rows = [{**fill_json(each, None), "answered": count} for each, count in zip(fills, answered, strict=True)]
        sys.stdout.write(json.dumps(rows) + "\n")
        return
    columns = ("filling", "from", "items", "at random", "of", "answered", "at", "by")
    lines = [
        (
            str(each.fill_id)[:8],
            each.told,
            each.items,
            each.random_items,
            each.frame,
            count,
            f"{each.made_at:%Y-%m-%d %H:%M}",
            each.made_by,
        )
        for each, count in zip(fills, answered, strict=True)
    ]
    print_tables(table(f"fillings of the review queue, {kind}", columns, lines))


def source_of(
    run: str, *, live: bool, drift: str, kind: DatasetKind, since: str, until: str
) -> FromRun | FromLive | FromDrift:
    """Where items are to come from; UsageError unless exactly one place is named."""
    if [bool(run), live, bool(drift)].count(True) != 1:
        raise UsageError("name one source: --from-run RUN, --live, or --drift ALERT")
    if run:
        return FromRun(run)
    if drift:
        return FromDrift(drift, kind)
    now = SystemClock().now()
    period = time_or_ago(since, now), time_or_ago(until, now) if until else now
    if period[0] >= period[1]:
        raise UsageError("--from is not before --to")
    return FromLive(kind, *period)


async def filled(
    settings: Settings, wanted: FromRun | FromLive | FromDrift, amount: Amount, seed: int | None
) -> tuple[Fill, int]:
    """The filling and how many of its items are new; UsageError where there is nothing to fill with."""
    async with migrated(settings) as pool:
        try:
            return await fill_queue(fill_parts(pool), wanted, amount, SystemClock().now(), np.random.default_rng(seed))
        except ReviewRefused as error:
            raise UsageError(f"{error}; nothing was queued") from None


def told(made: Fill, new: int, amount: Amount) -> str:
    """The filling for a person."""
    known = f", {made.items - new} of them in the queue already" if new < made.items else ""
    return (
        f"queued {made.items} items of {made.frame} from {made.told}{known}: {made.random_items} at random, "
        f"{made.items - made.random_items} for what their answers teach, each for {amount.needed} "
        f"reviewer{'' if amount.needed == 1 else 's'}; filling {str(made.fill_id)[:8]}. Answer them at /review."
    )


def fill_json(made: Fill, new: int | None) -> dict[str, object]:
    """The filling for programs."""
    plain = {**dataclasses.asdict(made), "fill_id": str(made.fill_id), "made_at": made.made_at.isoformat()}
    return plain if new is None else {**plain, "new": new}


@dataclasses.dataclass(frozen=True, slots=True)
class Wanted:
    """Which answers are exported."""

    fill: str
    only_random: bool
    complete: bool
    tune: float


async def exported(settings: Settings, draft: Draft, wanted: Wanted) -> tuple[Stored, dict[str, int]]:
    """The stored dataset, and what was left out by why; UsageError where nothing is left."""
    async with migrated(settings) as pool:
        reviews = PostgresReviews(pool)
        fill = await _fill(reviews, draft.kind, wanted.fill) if wanted.fill else None
        asked = AnswerFilter(draft.kind, fill.fill_id if fill else None, at_random=wanted.only_random, limit=EXPORTED)
        left_out: Counter[str] = Counter()
        items = [
            item for each in await reviews.answered(asked) if (item := _item(each, draft, wanted, left_out)) is not None
        ]
        if not items:
            raise UsageError("no answer to export" + "".join(f"; left out, {why}: {n}" for why, n in left_out.items()))
        whole = dataclasses.replace(draft, items=_once(items))
        return await store(pool, whole, settings.selection_window_days), dict(left_out)


def _item(each: Answered, draft: Draft, wanted: Wanted, left_out: Counter[str]) -> EvalItem | None:
    """The item of an answered one; None for what stays out, which is counted."""
    item = dataset_item(each.item.subject, each.item.listing, each.item.segment, each.acts, wanted.tune)
    if item is None:
        return None
    if each.anchors != draft.anchors:
        left_out["anchors" if each.anchors else "no anchors"] += 1
        return None
    settled = each.item.decided is not None or (
        len(item.ratings) >= each.item.needed and len(set(item.ratings.values())) == 1
    )
    if wanted.complete and not settled:
        left_out["not all asked have answered alike, and nobody decided"] += 1
        return None
    return item


def _once(items: list[EvalItem]) -> list[EvalItem]:
    """The newest of each id: a product that changed since is another item of the queue, and the same of a dataset."""
    return list({item.item_id: item for item in reversed(items)}.values())[::-1]


async def _fill(reviews: ReviewStore, kind: DatasetKind, ref: str) -> Fill:
    """By its id or a beginning of it; UsageError."""
    found = [each for each in await reviews.fills(kind, EXPORTED) if str(each.fill_id).startswith(ref)]
    if len(found) != 1:
        raise UsageError(f"{len(found) or 'no'} fillings are called {ref!r}; `assay eval review status` names them")
    return found[0]


async def stand(settings: Settings, kind: DatasetKind) -> tuple[list[Fill], list[int]]:
    """The newest fillings, and of how many of their items somebody has answered."""
    async with migrated(settings) as pool:
        reviews = PostgresReviews(pool)
        fills = list(await reviews.fills(kind, FILLS))
        counts = await reviews.answered_of([each.fill_id for each in fills])
        return fills, [counts[each.fill_id] for each in fills]
