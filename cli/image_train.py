"""`assay image-score train`: a student made of the judge's labels, measured on sellers it never saw, stored."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.image_students import ByOption, JsonOption, on_students, report_tables, say_promoted
from cli.judge_identity import login_name
from cli.tables import print_tables, say, table, write_json
from cli.times import time_or_ago
from core.adapters.clock import SystemClock
from core.domain.images.features import EXTRACTOR
from core.domain.images.student_figures import RANK
from core.domain.images.training import Recipe
from core.errors import UsageError
from core.settings import Settings
from core.student_desk import StudentDesk, Trained
from core.student_ports import LabelAsk, StudentDeed

LEAST = 200
"""Labelled pictures: of fewer, under 40 are held back, whose rank correlation is uncertain by 0.17 (Fisher's scale)."""

HELD_BACK = 0.2

COPY_DISTANCE = 2
"""Bits of 64 up to which pictures of two sellers are copies: re-encoded and resized ones, none missed
(docs/pictures.md). Wider bounds leave out other pictures of the same kind of thing, and with them what is to learn."""


def train(
    name: Annotated[str, typer.Option(help="of the student; its version is the name and a hash")] = "student",
    features: Annotated[str, typer.Option(help="the extractor whose features it takes")] = EXTRACTOR,
    since: Annotated[str, typer.Option(help="labels of that time on: 2026-03-02T06:00Z, or 30d")] = "",
    judge: Annotated[str, typer.Option(help="a judge version; that of the newest label when not given")] = "",
    market: Annotated[str, typer.Option(help="listings of this market alone")] = "",
    least: Annotated[int, typer.Option("--min", min=20, help="fewest labelled pictures to train on")] = LEAST,
    held_back: Annotated[float, typer.Option(min=0.05, max=0.5, help="share of pictures to measure on")] = HELD_BACK,
    promote: Annotated[
        bool, typer.Option("--promote", help="make it live, unless it is worse than the live one")
    ] = False,
    by: ByOption = "",
    as_json: JsonOption = False,
) -> None:
    """Train a student on the scores of one judge version, and print its version.

    Sellers are held back whole, and of pictures that several sellers show one is taken, so that it is measured on what
    it has never seen."""
    if not name.strip() or "@" in name or not name.isprintable():
        raise UsageError(f"--name takes a word without @, not {name!r}")

    async def work(settings: Settings, desk: StudentDesk) -> tuple[Trained, StudentDeed | None]:
        start = time_or_ago(since, SystemClock().now()) if since else None
        seller, meant = settings.listing_seller_attribute, await desk.judge_meant(judge, features)
        ask = LabelAsk(meant, features, seller, start, market)
        found = await desk.train(ask, recipe_of(settings, name, features, held_back, least), by or login_name())
        return found, await desk.promote(found.kept, by or login_name()) if promote else None

    made, deed = on_students(work)
    if as_json:
        told = {"version": made.kept.version, "new": made.new, "metadata": made.kept.metadata}
        write_json(told | {"promoted": deed is not None})
        return
    _print(made)
    if deed:
        say_promoted(deed)


def recipe_of(settings: Settings, name: str, extractor: str, held_back: float, least: int) -> Recipe:
    """How to train under these settings."""
    return Recipe(
        name=name,
        extractor=extractor,
        held_back=held_back,
        least=least,
        unsure_share=settings.image_label_unsure_share,
        random_share=settings.image_label_random_share,
        copy_distance=COPY_DISTANCE,
    )


def _print(made: Trained) -> None:
    told, report = made.kept.metadata, made.report
    rows = [
        ("judge", told["judge"]),
        ("features", made.kept.extractor),
        ("trained on", f"{told['pictures']:,} pictures of {told['sellers']:,} sellers"),
        ("held back", f"{told['held_back']:,} pictures of {told['held_back_sellers']:,} other sellers"),
        ("left out", f"{made.parts.copies:,} pictures that another seller shows too"),
        ("size", f"{len(made.kept.body):,} bytes"),
    ]
    print_tables(table(f"Student {made.kept.version}", ("what", "of it"), rows), *report_tables(report))
    single = report.baselines[-1]
    mine, theirs = (each.metrics[RANK].value for each in (report.student, single))
    if mine is not None and theirs is not None and mine <= theirs:
        say(f"it orders held-back pictures no better than {single.name} does: more or other labels are needed")
    sample = set(report.chosen) - {""}
    if sample:
        say("labels were chosen by a student: those of the random share count by the inverse of that share")
    say(f"{made.kept.version} is stored" if made.new else f"{made.kept.version} is known already")
