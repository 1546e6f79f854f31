"""Files of grades as a person would hand them in, read the way import does."""

from __future__ import annotations

import json
from collections.abc import Sequence

from core.domain.evaluation.csv_files import Columns
from core.domain.evaluation.dataset_files import Beside, Format, head_of, rows_of
from core.domain.evaluation.datasets import items_of
from core.domain.evaluation.items import DatasetKind, EvalItem
from core.domain.evaluation.rows import Row, Usual
from core.domain.evaluation.rules import ours, rule_of
from core.domain.fields import BadFieldError

RULE = "0=0 1=1 2=1 3=2"


def picture_hash(path: str) -> str:
    if path.endswith("gone.jpg"):
        raise BadFieldError(f"path: {path} can't be read")
    return f"hash of {path}"


def usual(kind: DatasetKind = "relevance") -> Usual:
    return Usual(kind, picture_hash, market="de", language="de")


def jsonl(*records: object) -> list[bytes]:
    return [json.dumps(record).encode() + b"\n" for record in records]


def read_rows(
    file_format: Format, lines: Sequence[bytes], kind: DatasetKind = "relevance", beside: Beside | None = None
) -> list[Row]:
    return rows_of(file_format, lines, head_of(file_format, lines), usual(kind), beside or Beside()).rows


def read_table(
    text: str, kind: DatasetKind = "relevance", renamed: dict[str, str] | None = None, raters: Sequence[str] = ()
) -> tuple[list[Row], list[str]]:
    """Rows and notices of a CSV."""
    lines = text.encode().splitlines(keepends=True)
    found = rows_of("csv", lines, head_of("csv", lines), usual(kind), Beside(columns=Columns(renamed or {}, raters)))
    return found.rows, found.notices


def items_in(
    lines: Sequence[bytes], rule: str = RULE, kind: DatasetKind = "relevance", share: float = 0.3
) -> list[EvalItem]:
    """Items of JSON lines."""
    head = head_of("jsonl", lines)
    mapped = ours(kind, head.rule) if head.mapped else rule_of(rule, kind)
    return items_of(read_rows("jsonl", lines, kind), mapped, share)
