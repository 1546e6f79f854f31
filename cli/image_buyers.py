"""`assay image-score buyers`: whether buyers do what picture scores say, over time and by category."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated

import typer
from rich.table import Table

from cli.buyers_tables import agreement_table, categories_table, curve_table, days_table, series_tables
from cli.compose_image_watch import buyers_look, no_other_looks
from cli.database import migrated
from cli.tables import print_tables, write_json
from core.adapters.buyers import PostgresBuyers
from core.adapters.clock import SystemClock
from core.adapters.postgres import Pool
from core.buyer_ports import AgreementRow, BuyerDay
from core.domain.images.buyers.exposures import Market
from core.domain.images.buyers.propensities import Curve
from core.errors import UsageError
from core.settings import Settings, load_settings, secrets_of
from core.telemetry import configure_logging

MOST_DAYS = 400
"""Days asked for at once: more than are kept, so that a mistyped year is said and not read."""


@dataclass(frozen=True, slots=True)
class Found:
    """What there is of some days."""

    days: Sequence[BuyerDay]
    rows: Sequence[AgreementRow]
    curves: Sequence[tuple[Market, Curve]]
    """Of the last day."""


def buyers(
    days: Annotated[int, typer.Option(min=1, max=MOST_DAYS, help="the last so many whole UTC days")] = 7,
    start: Annotated[
        str | None, typer.Option("--from", help="first day, such as 2026-03-02, in place of --days")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", help="last day; today's is half and said to be")] = None,
    market: Annotated[str | None, typer.Option(help="only this market")] = None,
    again: Annotated[bool, typer.Option("--again", help="read days anew from the log that were read before")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="as JSON, every row")] = False,
) -> None:
    """Hold picture scores against what buyers did, days that were not read yet being read from the log first."""
    settings = load_settings()
    configure_logging(settings.log_format, settings.log_level, secrets_of(settings))
    found = asyncio.run(_found(settings, wanted(days, start, end, SystemClock().now()), again=again))
    shown = of_market(found, market)
    if as_json:
        write_json(report(shown))
    else:
        print_tables(*tables(shown))


def wanted(days: int, start: str | None, end: str | None, now: datetime) -> list[date]:
    """The days asked for, oldest first; UsageError."""
    if (start is None) != (end is None):
        raise UsageError("--from and --to go together")
    last = now.date() - timedelta(days=1) if end is None else _day(end)
    first = last - timedelta(days=days - 1) if start is None else _day(start)
    if first > last:
        raise UsageError("--from is after --to")
    if last > now.date():
        raise UsageError(f"{last} has not begun")
    count = (last - first).days + 1
    if count > MOST_DAYS:
        raise UsageError(f"{count} days; at most {MOST_DAYS} at once")
    return [first + timedelta(days=each) for each in range(count)]


def of_market(found: Found, market: str | None) -> Found:
    """What is of one market, by its name in any application; UsageError where nothing is."""
    if market is None:
        return found
    rows = [row for row in found.rows if row.market == market]
    curves = [(key, curve) for key, curve in found.curves if key[1] == market]
    if not rows and not curves:
        there = ", ".join(sorted({key[1] for key, _ in found.curves})) or "none"
        raise UsageError(f"no market {market!r} in these days; there are: {there}")
    return Found(found.days, rows, curves)


def report(found: Found) -> dict[str, object]:
    """Everything `--json` says."""
    return {
        "days": found.days,
        "agreement": found.rows,
        "propensities": [
            {
                "application": application,
                "market": market,
                "method": curve.method,
                "propensity": curve.propensity.tolist(),
                "clicks": curve.clicks.tolist(),
            }
            for (application, market), curve in found.curves
        ],
    }


def tables(found: Found) -> Iterator[Table]:
    """As a person reads it: the newest figures first, then categories, time, places, and what was read."""
    yield agreement_table(found.rows)
    yield categories_table(found.rows)
    yield from series_tables(found.rows)
    for market, curve in found.curves:
        yield curve_table(market, curve)
    yield days_table(found.days)


async def _found(settings: Settings, days: Sequence[date], *, again: bool) -> Found:
    async with migrated(settings) as pool:
        await _read(settings, pool, days, again=again)
        store = PostgresBuyers(pool)
        curves = [
            (market, curve)
            for market in await store.markets(days[-1], days[-1])
            if (curve := await store.curve(days[-1], market)) is not None
        ]
        return Found(await store.days(days[0], days[-1]), await store.agreement(days[0], days[-1]), curves)


async def _read(settings: Settings, pool: Pool, days: Sequence[date], *, again: bool) -> None:
    """Read what is missing, or was half a day, and weigh it anew together with the days after it."""
    known = {each.day for each in await PostgresBuyers(pool).days(days[0], days[-1]) if each.is_whole}
    missing = [day for day in days if again or day not in known]
    if not missing:
        return
    look = buyers_look(settings, pool, SystemClock())
    async with no_other_looks(pool):
        await look.read(missing)
        for day in days[days.index(missing[0]) :]:
            await look.weigh(day)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text!r} is no day; it takes one such as 2026-03-02") from None
