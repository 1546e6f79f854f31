"""Numbers and tables as `report` writes them."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

from core.domain.evaluation.checks.report import Share
from core.domain.evaluation.estimates import Estimate

WIDTH = 138
"""Characters of a line."""


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown."""
    head, *lines = (f"| {' | '.join(line)} |" for line in (columns, *rows))
    return "\n".join([head, "|---" * len(columns) + "|", *lines])


def filled(page: str) -> str:
    """Paragraphs in lines of one length; tables, headings and what is fenced as they are."""
    fenced = page.split("```")
    return "```".join(part if place % 2 else _filled(part) for place, part in enumerate(fenced))


def _filled(text: str) -> str:
    return "\n\n".join(_paragraph(each) for each in re.split(r"\n{2,}", text))


def _paragraph(text: str) -> str:
    """A list's items are each one."""
    if text.lstrip().startswith(("|", "#")) or not text.strip():
        return text
    parts = re.split(r"\n(?=- )", text)
    ends_in_break = "\n" if text.endswith("\n") else ""
    return "\n".join(_wrapped(part, "  " if part.lstrip().startswith("- ") else "") for part in parts) + ends_in_break


def _wrapped(text: str, indent: str) -> str:
    before = text[: len(text) - len(text.lstrip("\n"))]
    words = " ".join(text.split())
    return before + textwrap.fill(
        words, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def cell(text: str) -> str:
    """Text that may stand in a table."""
    return " ".join(text.replace("|", "/").split())


def percent(value: float) -> str:
    """Of a share."""
    return f"{value:.0%}".replace("%", " %")


def share(found: Share) -> str:
    """With its interval."""
    if found.value is None or found.low is None or found.high is None:
        return ""
    return f"{percent(found.value)} ({found.low:.0%} to {found.high:.0%})".replace("%)", " %)").replace("% to", " % to")


def ends(low: float | None, high: float | None, form: str) -> str:
    """An interval in brackets; empty where there is none."""
    return "" if low is None or high is None else f"({low:{form}} to {high:{form}})"


def estimate(found: Estimate) -> str:
    """A figure with its interval, or why there is none."""
    if found.value is None:
        return "not defined"
    return f"{found.value:.3f} {ends(found.low, found.high, '.3f')}".strip()
