"""`assay eval report`: what came of a run, on the terminal, as a page in one file or as JSON."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from cli.database import migrated
from cli.eval_tables import report_tables
from cli.tables import print_tables
from core.adapters.clock import SystemClock
from core.adapters.reads_evals import EvalReader
from core.console.evals_file import html_of
from core.domain.evaluation.gate_rules import DIMENSIONS
from core.domain.evaluation.items import Split
from core.domain.evaluation.report import Asked, Report
from core.errors import UsageError
from core.settings import Settings, load_settings, required

EXAMPLES = 10
"""Changed items on a terminal: a screen; a page and JSON tell more."""


def report(
    run: Annotated[str, typer.Argument(help="the run by its name, id or a beginning of the id")],
    judge: Annotated[
        list[str] | None,
        typer.Option(help="only this judge of the run; of two the second is held against the first"),
    ] = None,
    segment: Annotated[
        list[str] | None,
        typer.Option(help=f"market=de: only items of it; market: break down by it. Of {', '.join(DIMENSIONS)}"),
    ] = None,
    split: Annotated[Split | None, typer.Option(help="only items of this split")] = None,
    html: Annotated[str, typer.Option(help="write the report to this file too, as a page that needs no other")] = "",
    console: Annotated[str, typer.Option(help="address of a console that the file's links to calls lead to")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="JSON for programs")] = False,
    examples: Annotated[int, typer.Option(min=0, help="items whose label changed, on the terminal")] = EXAMPLES,
) -> None:
    """Say how far judges agree with people, beside people among themselves, and which of two judges is better."""
    asked = asked_of(judge or [], segment or [], split)
    if console and not console.startswith(("http://", "https://")):
        raise UsageError("--console takes an address such as https://assay.example.com")
    settings = load_settings()
    required(settings, "postgres_dsn")
    made = asyncio.run(made_report(settings, run, asked))
    if html:
        write(html, html_of(made, SystemClock().now(), console))
    if as_json:
        sys.stdout.write(msgspec.json.encode(made).decode() + "\n")
    else:
        print_tables(*report_tables(made, examples))


def asked_of(judges: list[str], segments: list[str], split: Split | None) -> Asked:
    """What the options ask for; UsageError for a segment that there is not."""
    asked = Asked(judges=tuple(judges), split=split)
    for given in segments:
        name, mark, value = given.partition("=")
        if name not in DIMENSIONS or (mark and not value):
            raise UsageError(f"--segment takes market=de, or market alone, of {', '.join(DIMENSIONS)}")
        asked = (
            replace(asked, where=(*asked.where, (name, value)))
            if mark
            else replace(asked, by=(*(asked.by or ()), name))
        )
    return asked


async def made_report(settings: Settings, run: str, asked: Asked) -> Report:
    """The report; UsageError where there is no such run, judge or segment."""
    async with migrated(settings) as pool:
        reader = EvalReader(pool)
        return await reader.made(await reader.run(run), asked)


def write(file: str, text: str) -> None:
    """The text into the file; UsageError where it can't be written."""
    try:
        Path(file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"can't write {file}: {error.strerror}") from None
