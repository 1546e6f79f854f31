"""`assay eval import`: what people graded, from a file, as an immutable dataset."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from cli.database import migrated
from cli.eval_contents import contents_json, print_contents
from cli.eval_options import (
    AllowThin,
    Anchors,
    AsJson,
    By,
    Column,
    Documents,
    DryRun,
    Engine,
    FileFormat,
    GradesFile,
    Kind,
    Licence,
    Pictures,
    Queries,
    Raters,
    RuleText,
    Source,
    Tune,
    Usually,
)
from cli.eval_reading import Asked, read
from cli.eval_store import Draft, Stored, sealed, store
from cli.judge_identity import login_name
from core.domain.evaluation.datasets import TUNE_SHARE
from core.errors import UsageError
from core.settings import Settings, load_settings, required

THIN = "figures can't be made of it; to import it all the same, say --allow-thin"


def import_(
    file: GradesFile,
    name: Annotated[str, typer.Option(help="the dataset's name; a name may have many versions")] = "",
    source: Source = "",
    licence: Licence = "",
    rule: RuleText = "",
    kind: Kind = None,
    file_format: FileFormat = None,
    documents: Documents = "",
    queries: Queries = "",
    pictures: Pictures = "",
    column: Column = None,
    raters: Raters = "",
    application: Usually = "",
    market: Usually = "",
    language: Usually = "",
    engine: Engine = "",
    tune: Tune = TUNE_SHARE,
    anchors: Anchors = False,
    allow_thin: AllowThin = False,
    by: By = "",
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Keep what people graded as a dataset: a version that never changes, its queries split into tune and test."""
    settings = load_settings()
    asked = Asked(
        file=file,
        name=name,
        source=source,
        licence=licence,
        rule=rule,
        kind=kind,
        file_format=file_format,
        documents=documents,
        queries=queries,
        pictures=pictures,
        columns=tuple(column or ()),
        raters=tuple(each.strip() for each in raters.split(",") if each.strip()),
        application=application,
        market=market,
        language=language,
        engine=engine,
        tune=tune,
        anchors=anchors,
        by=by or login_name(),
    )
    found = read(asked)
    if found.problems and not allow_thin:
        raise UsageError(f"{file}: {'; '.join(found.problems)}; {THIN}")
    stored = tried(found.draft) if dry_run else asyncio.run(kept(settings, found.draft))
    say(stored, [*found.problems, *found.notices], dry_run=dry_run, as_json=as_json)


def tried(draft: Draft) -> Stored:
    """What would be stored, without the volume of its queries, which only the database knows."""
    return Stored(sealed(draft, draft.items), draft.items, fresh=True, new_anchors=0)


async def kept(settings: Settings, draft: Draft) -> Stored:
    """Store the draft in the settings' database."""
    required(settings, "postgres_dsn")
    async with migrated(settings) as pool:
        return await store(pool, draft, settings.selection_window_days)


def say(stored: Stored, notices: Sequence[str], *, dry_run: bool, as_json: bool) -> None:
    """What the dataset holds, what a person should know of it, and what was done."""
    if stored.known_anchors:
        notices = [*notices, f"pairs that are anchors too, but not treated so in this dataset: {stored.known_anchors}"]
    if as_json:
        figures = {**contents_json(stored.dataset, stored.items), "new_anchors": stored.new_anchors}
        told = {**figures, "stored": stored.fresh and not dry_run, "notices": list(notices)}
        sys.stdout.write(json.dumps(told, ensure_ascii=False) + "\n")
        return
    print_contents(stored.dataset, stored.items)
    sys.stdout.write("\n".join([*(f"note: {each}" for each in notices), outcome(stored, dry_run=dry_run)]) + "\n")


def outcome(stored: Stored, *, dry_run: bool) -> str:
    """One line of what was done."""
    ref = stored.dataset.ref
    if dry_run:
        return f"would be {ref}; nothing is stored"
    done = f"stored {ref}" if stored.fresh else f"{ref} is there already; nothing changed"
    if not stored.dataset.anchors:
        return done
    return f"{done}; {stored.new_anchors} new anchors watch the judge"
