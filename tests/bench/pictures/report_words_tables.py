"""Numbers and tables as `report` writes them."""

from __future__ import annotations

from collections.abc import Sequence

from core.domain.evaluation.checks.report import Share
from core.domain.evaluation.estimates import Estimate


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |".replace("| --- |", "|---|").replace("|  |", "| |") for line in lines)


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
