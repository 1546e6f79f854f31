"""`assay eval datasets`: the datasets there are, what one holds, and one as a file."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from cli.database import migrated
from cli.eval_contents import contents_json, dataset_json, print_contents
from cli.tables import moment, print_tables, table
from core.adapters.eval_datasets import PostgresDatasets
from core.adapters.postgres import Pool
from core.domain.evaluation.export_lines import export_lines
from core.errors import UsageError
from core.eval_facts import Dataset, EvalItem
from core.settings import Settings, load_settings, required

app = typer.Typer(help="Datasets: list them, show one, write one to a file.", invoke_without_command=True)

Ref = Annotated[str, typer.Argument(help="its name (the newest version), name@version, or six characters of a version")]
AsJson = Annotated[bool, typer.Option("--json", help="for programs")]

NONE_YET = "there is no dataset yet; `assay eval import` makes one of a file, `assay eval take` of live labels"


@app.callback()
def listed(context: typer.Context) -> None:
    """Show all datasets, newest first."""
    if context.invoked_subcommand is None:
        list_(as_json=False)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """Show all datasets, newest first."""
    found = asyncio.run(_all(_settings()))
    if as_json:
        sys.stdout.write(json.dumps([dataset_json(each) for each in found], ensure_ascii=False) + "\n")
    elif found:
        columns = ("dataset", "kind", "items", "queries", "raters", "source", "licence", "made", "by")
        print_tables(table("datasets", columns, [_row(each) for each in found]))
    else:
        sys.stdout.write(NONE_YET + "\n")


@app.command("show")
def show(ref: Ref, as_json: AsJson = False) -> None:
    """Say what a dataset holds: grades, raters, split, segments."""
    dataset, items = asyncio.run(_one(_settings(), ref))
    if as_json:
        sys.stdout.write(json.dumps(contents_json(dataset, items), ensure_ascii=False) + "\n")
    else:
        print_contents(dataset, items)


@app.command("export")
def export(
    ref: Ref,
    output: Annotated[str, typer.Option("-o", "--output", help="the file to write; - is standard output")] = "-",
) -> None:
    """Write a dataset as JSON lines, which `assay eval import` takes back as the very same version."""
    dataset, items = asyncio.run(_one(_settings(), ref))
    lines = b"".join(export_lines(dataset, items))
    if output == "-":
        sys.stdout.buffer.write(lines)
        return
    try:
        Path(output).write_bytes(lines)
    except OSError as error:
        raise UsageError(f"{output} can't be written: {error.strerror or error}") from None
    sys.stdout.write(f"wrote {len(items)} items of {dataset.ref} to {output}\n")


async def dataset_named(pool: Pool, ref: str) -> Dataset:
    """The dataset that a person names; UsageError says which there are where it is none."""
    datasets = PostgresDatasets(pool)
    found = await datasets.find(ref)
    if found is not None:
        return found
    known = list(dict.fromkeys(each.name for each in await datasets.all()))
    raise UsageError(f"there is no dataset {ref}; there is {', '.join(known)}" if known else NONE_YET)


async def _one(settings: Settings, ref: str) -> tuple[Dataset, Sequence[EvalItem]]:
    async with migrated(settings) as pool:
        dataset = await dataset_named(pool, ref)
        return dataset, await PostgresDatasets(pool).items(dataset)


async def _all(settings: Settings) -> Sequence[Dataset]:
    async with migrated(settings) as pool:
        return await PostgresDatasets(pool).all()


def _settings() -> Settings:
    settings = load_settings()
    required(settings, "postgres_dsn")
    return settings


def _row(dataset: Dataset) -> tuple[object, ...]:
    return (
        dataset.ref,
        dataset.kind + (", anchors" if dataset.anchors else ""),
        dataset.items,
        dataset.queries,
        len(dataset.raters),
        dataset.source,
        dataset.licence,
        moment(dataset.made_at),
        dataset.made_by,
    )
