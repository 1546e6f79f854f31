"""What a dataset holds, as a command says it: for people, and as JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from cli.tables import moment, print_tables, table
from core.domain.evaluation.fitness import Contents, contents
from core.eval_facts import Dataset, EvalItem

SHOWN_VALUES = 12
"""Values of a segment in its row; markets and lengths are fewer, categories may be hundreds."""


def contents_json(dataset: Dataset, items: Sequence[EvalItem]) -> dict[str, object]:
    """The dataset and its figures, for programs."""
    return {**dataset_json(dataset), "contents": dataclasses.asdict(contents(items, dataset.kind))}


def dataset_json(dataset: Dataset) -> dict[str, object]:
    """The dataset's own facts, for programs."""
    told = dataclasses.asdict(dataset)
    return {"ref": dataset.ref, **told, "made_at": dataset.made_at.isoformat()}


def print_contents(dataset: Dataset, items: Sequence[EvalItem]) -> None:
    """The dataset and its figures, for people."""
    found = contents(items, dataset.kind)
    print_tables(
        table(dataset.ref, ["fact", "value"], _facts(dataset, found)),
        *([table("raters", ["rater", "items graded"], list(found.raters.items()))] if found.raters else []),
    )


def _facts(dataset: Dataset, found: Contents) -> list[tuple[str, str]]:
    queries = "queries" if dataset.kind == "relevance" else "listings"
    return [
        ("kind", dataset.kind + (", anchors" if dataset.anchors else "")),
        ("source", dataset.source),
        ("licence", dataset.licence),
        ("rule", dataset.rule),
        ("made", f"{moment(dataset.made_at)} by {dataset.made_by}"),
        ("items", f"{found.items} of {found.queries} {queries}"),
        ("graded", f"{found.graded}: {_counted(found.grades)}" if found.graded else "0"),
        ("tune", f"{found.tune_items} items of {found.tune_queries} {queries}"),
        ("test", f"{found.test_items} items of {found.test_queries} {queries}"),
        ("graded by two or more", str(found.shared)),
        ("with their product", str(found.with_product)),
        ("with an engine's rank", str(found.with_ranks)),
        *((f"by {name}", _counted(counts)) for name, counts in found.segments.items()),
    ]


def _counted(counts: Mapping[str, int]) -> str:
    shown = [f"{name} {count}" for name, count in list(counts.items())[:SHOWN_VALUES]]
    more = len(counts) - SHOWN_VALUES
    return ", ".join([*shown, *([f"and {more} more"] if more > 0 else [])])
