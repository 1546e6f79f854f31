"""Options that the commands of datasets share or that are long to tell."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from core.domain.evaluation.dataset_files import Format
from core.domain.evaluation.items import DatasetKind
from core.errors import UsageError

GradesFile = Annotated[
    str, typer.Argument(help="JSON lines, CSV, a Quepid book (JSON, its .zip, or CSV), TREC qrels; .gz, - too")
]
Source = Annotated[str, typer.Option(help="where the grades come from: who graded, when, for what")]
Licence = Annotated[str, typer.Option(help="what may be done with them, such as CC-BY-4.0 or internal")]
RuleText = Annotated[
    str, typer.Option(help='what its grades mean to us: "0=0 1=1 2=1 3=2", "E=2 S=1 C=0 I=0", "unsure=none"')
]
Kind = Annotated[DatasetKind | None, typer.Option(help="image: pictures scored 1 to 10; else relevance")]
FileFormat = Annotated[
    Format | None,
    typer.Option("--format", help="where the name does not end in .jsonl, .csv, .tsv, .json, .zip, .qrels, .txt"),
]
Documents = Annotated[
    str, typer.Option(help="products by id (JSON lines or CSV) for a file that only names them; TREC needs it")
]
Queries = Annotated[str, typer.Option(help="texts of topics by id (JSON lines, or id, tab, text); TREC needs it")]
PictureFolder = Annotated[str | None, typer.Option(help="folder of picture files that the dataset names")]
Pictures = Annotated[str, typer.Option(help="folder of pictures that are files; else the one the file lies in")]
Column = Annotated[
    list[str] | None, typer.Option(help="CSV: our name of a column and its own, query=Suchbegriff; repeat it")
]
Raters = Annotated[str, typer.Option(help="CSV: columns that hold one rater's grades each: anna,ben")]
Usually = Annotated[str, typer.Option(help="of rows that name none")]
Engine = Annotated[str, typer.Option(help="whose rank or position a row tells, where it does not say")]
Tune = Annotated[float, typer.Option(min=0, max=1, help="part of the queries to write prompts with; the rest measures")]
Anchors = Annotated[
    bool, typer.Option("--anchors", help="kept out of prompts, examples and caches; watch the judge too")
]
AllowThin = Annotated[
    bool, typer.Option("--allow-thin", help="also where figures can't be made: one query, one label, …")
]
By = Annotated[str, typer.Option(help="who does it; else the user of this shell")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="say what would be stored, and store nothing")]
AsJson = Annotated[bool, typer.Option("--json", help="for programs")]
Only = Annotated[str, typer.Option(help="of this one alone")]
Length = Annotated[Literal["", "1", "2", "3+"], typer.Option(help="queries of so many words")]
Volume = Annotated[Literal["", "head", "torso", "tail"], typer.Option(help="queries of this band of traffic")]
JudgedSo = Annotated[
    Literal["", "irrelevant", "acceptable_substitute", "highly_relevant"], typer.Option(help="judged so")
]
JudgedFor = Annotated[Literal["", "panel", "friction", "volume", "request"], typer.Option(help="judged for this")]
Below = Annotated[
    float | None, typer.Option("--confidence-below", min=0, max=1, help="judged with less confidence than this")
]


def refuse_no_folder(pictures: str | None) -> None:
    """UsageError where `--pictures` names no folder."""
    if pictures is not None and not Path(pictures).is_dir():
        raise UsageError(f"--pictures: {pictures} is no folder")
