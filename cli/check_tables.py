"""Reports of the tiers as tables of a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.table import Table

from cli.tables import table
from core.domain.evaluation.checks.report import Flagged, Share, TierReport
from core.domain.evaluation.checks.words_of_report import BY, NAMES, share_told, summary

REASON_LETTERS = 140
"""Of a reason in the list of flagged judgements: its first sentence or two."""


def report_tables(report: TierReport, flagged: Sequence[Flagged], shown: int) -> Iterator[Table]:
    """The tiers, the checks that found something, habits, and the first of the flagged."""
    yield table(
        summary(report), ("tier", "seen", "objected to", "held against", "missed", "false alarms"), _tiers(report)
    )
    rows = [
        (row.check, row.flagged, _share(row.by_critique), _share(row.by_people)) for row in report.checks if row.flagged
    ]
    yield table("checks that object", ("check", "objects to", "let stand by the critique", "by people"), rows)
    if report.habits:
        yield table("habits", ("habit", "what"), [(each.check, each.why) for each in report.habits])
    if flagged and shown:
        yield table(
            "judgements to look at", ("query", "product", "grade", "why"), [_flagged(each) for each in flagged[:shown]]
        )


def _tiers(report: TierReport) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for row in report.tiers:
        rows.append((NAMES[row.tier], row.seen, row.objected, "", "", ""))
        rows += [("", "", "", BY[each.by], _share(each.missed), _share(each.false_alarms)) for each in row.overturned]
        reasons = next((each.reasons for each in row.overturned if each.reasons is not None), None)
        if reasons is not None and reasons.n:
            rows.append(("", "", "", "reasons that do not hold", _share(reasons), ""))
    return rows


def _share(share: Share) -> str:
    return share_told(share)


def _flagged(each: Flagged) -> tuple[object, ...]:
    told = [f"{finding.check}: {finding.why}" for finding in each.findings]
    told += [f"critique: {each.better}, {each.why[:REASON_LETTERS]}"] if each.better is not None else []
    told += [f"people: {each.people}"] if each.people is not None and each.people != each.grade else []
    return each.query, each.title[:60], each.grade, "; ".join(told)
