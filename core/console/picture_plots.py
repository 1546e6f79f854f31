"""Pictures' figures as plots and bars: pure functions from what was read to markup."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from itertools import groupby

from markupsafe import Markup

from core.console.plots import Column, Point, histogram, line_chart, nice_top
from core.console.text import compact, percent
from core.domain.friction import wilson_lower
from core.picture_models import BAD_SCORE, Distribution, SegmentScores
from core.picture_watch_models import BuyerAgreement, FlagCount, PictureAlertView, StudentDay

GOOD_SCORE = 8
"""From it on a picture is coloured as a good one."""

SMALL_MULTIPLES = 12
"""Segments drawn, the largest; the table below has the others."""

MAX_LINES = 12
"""Segments drawn over time; a filter finds the others."""

LEAST_FOR_RANKS = 10
"""Labels of a day from which their rank correlation is drawn: of fewer it is chance, and the table has it."""

WHY_NAMES = {"random": "chosen at random", "unsure": "the student was least sure of"}


def tone(score: float) -> str:
    """Class of a score 1 to 10: what a person would call bad, middling, good."""
    return "bad" if score <= BAD_SCORE else "middling" if score < GOOD_SCORE else "good"


def overall(scores: Distribution) -> Markup:
    """Pictures by score."""
    columns = [Column(str(score), count, tone(score)) for score, count in enumerate(scores.counts, start=1)]
    return histogram(columns, "Pictures by score", compact, size=(720, 200))


def multiples(segments: Sequence[SegmentScores]) -> list[tuple[SegmentScores, Markup]]:
    """The largest segments, each as shares of its own pictures, all on one scale."""
    shown = segments[:SMALL_MULTIPLES]
    top = nice_top(max((max(each.scores.counts) / each.scores.pictures for each in shown), default=1.0))
    return [(each, _multiple(each, top)) for each in shown]


def _multiple(segment: SegmentScores, top: float) -> Markup:
    whole = segment.scores.pictures
    columns = [Column(str(n), count / whole, tone(n)) for n, count in enumerate(segment.scores.counts, start=1)]
    name = f"Share of pictures by score, {segment.market} {segment.category}".strip()
    return histogram(columns, name, whole_percent, top=top)


def buyer_charts(
    rows: Sequence[BuyerAgreement], alerts: Sequence[PictureAlertView]
) -> list[tuple[Sequence[BuyerAgreement], Markup]]:
    """A line a segment, those with most impressions first, with its newest alert marked."""
    lines = [list(each) for _, each in groupby(rows, key=lambda row: row.segment)]
    lines.sort(key=lambda line: -line[-1].impressions)
    return [(line, _buyer_chart(line, alerts)) for line in lines[:MAX_LINES]]


def _buyer_chart(line: Sequence[BuyerAgreement], alerts: Sequence[PictureAlertView]) -> Markup:
    known = {row.day: row for row in line}
    days = every_day(line[0].day, line[-1].day)
    points = [
        Point(f"{day:%-d %b}", row.correlation, row.low, row.high) if (row := known.get(day)) else _gap(day)
        for day in days
    ]
    name = f"Correlation with {' '.join(part for part in line[0].segment if part)} by day"
    return line_chart(points, name, decimals, signed=True, mark=_marked(days, line[0], alerts))


def alerts_of(row: BuyerAgreement, alerts: Sequence[PictureAlertView]) -> list[PictureAlertView]:
    """Those about this line, newest first: what their segment names is the line's, `all` or empty being any."""
    own = {"application": row.application, "market": row.market, "tier": row.tier, "action": row.action}
    return [
        alert
        for alert in alerts
        if all(alert.segment.get(name) in (value, "all", "", None) for name, value in own.items())
    ]


def _marked(days: Sequence[date], row: BuyerAgreement, alerts: Sequence[PictureAlertView]) -> int | None:
    """Place of the newest alert's day: the last that was over when it was raised."""
    for alert in alerts_of(row, alerts):
        if (day := about(alert)) in days:
            return days.index(day)
    return None


def about(alert: PictureAlertView) -> date:
    """The day that an alert is about: the one its evidence names, else the last that was over."""
    told = alert.evidence.get("day")
    try:
        return date.fromisoformat(told) if isinstance(told, str) else alert.detected_at.date() - timedelta(days=1)
    except ValueError:
        return alert.detected_at.date() - timedelta(days=1)


def student_charts(agreement: Sequence[StudentDay]) -> list[tuple[str, Markup]]:
    """Correlation and share within one point by day, of each way that pictures were chosen."""
    charts = []
    for why, name in WHY_NAMES.items():
        rows = newest_of_day([row for row in agreement if row.why == why])
        if any(row.pictures >= LEAST_FOR_RANKS for row in rows):
            charts.append((f"Rank correlation, {name}", _by_day(rows, f"Rank correlation, {name}", _correlated)))
        if rows:
            charts.append((f"Within one point, {name}", _by_day(rows, f"Within one point, {name}", _within_one)))
    return charts


def newest_of_day(rows: Sequence[StudentDay]) -> list[StudentDay]:
    """One row a day: of a day on which the version changed, that of the version with more labels."""
    days = {row.day: row for row in sorted(rows, key=lambda row: row.pictures)}
    return [days[day] for day in sorted(days)]


def flag_charts(by_day: Sequence[tuple[date, FlagCount]]) -> list[tuple[str, Markup]]:
    """A flag's share of pictures by day, with its 95 % interval."""
    names = sorted({name for _, found in by_day for name in found.flagged})
    return [(name, _flag_chart(name, dict(by_day))) for name in names]


def _flag_chart(name: str, by_day: Mapping[date, FlagCount]) -> Markup:
    points = [
        _share(day, by_day[day].flagged[name], by_day[day].pictures) if day in by_day else _gap(day)
        for day in every_day(min(by_day), max(by_day))
    ]
    return line_chart(points, f"Share of pictures with {name.replace('_', ' ')} by day", axis_percent)


def _by_day(rows: Sequence[StudentDay], name: str, point: Callable[[StudentDay], Point]) -> Markup:
    known = {row.day: row for row in rows}
    days = every_day(rows[0].day, rows[-1].day)
    show = axis_percent if point is _within_one else decimals
    return line_chart([point(known[day]) if day in known else _gap(day) for day in days], name, show, signed=True)


def _correlated(row: StudentDay) -> Point:
    return Point(f"{row.day:%-d %b}", row.rank_correlation if row.pictures >= LEAST_FOR_RANKS else None)


def _within_one(row: StudentDay) -> Point:
    return _share(row.day, row.within_one, row.pictures)


def _share(day: date, hits: int, n: int) -> Point:
    return Point(f"{day:%-d %b}", hits / n, wilson_lower(hits, n), 1 - wilson_lower(n - hits, n))


def _gap(day: date) -> Point:
    return Point(f"{day:%-d %b}", None)


def every_day(first: date, last: date) -> list[date]:
    """From one to the other, both with."""
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def decimals(value: float) -> str:
    """A correlation on an axis."""
    return f"{value:.2g}" if value else "0"


def whole_percent(value: float) -> str:
    """A share on an axis, without decimals."""
    return percent(value, 0)


def axis_percent(value: float) -> str:
    """A share on an axis, with a decimal only where it needs one."""
    return percent(value, 0 if float(round(100 * value, 6)).is_integer() else 1)
