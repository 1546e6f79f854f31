"""`assay image-score duplicates`: pictures of several sellers that look alike."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.table import Table

from cli.database import migrated, reads_of
from cli.tables import moment, print_tables, table, write_json
from core.adapters.clock import SystemClock
from core.duplicate_models import DuplicateFilter, DuplicateGroup, DuplicateReport, SeenPicture
from core.settings import Settings, load_settings

LONGEST_WINDOW = 3_650
"""Days: ten years, longer than listings stay."""


def duplicates(
    market: Annotated[str, typer.Option(help="only groups with a listing of this market")] = "",
    seller: Annotated[str, typer.Option(help="only groups in which this seller is")] = "",
    days: Annotated[int, typer.Option(min=1, max=LONGEST_WINDOW, help="that got a picture in so many days")] = 28,
    group: Annotated[str, typer.Option(help="one group by its id, with more of its copies")] = "",
    page: Annotated[int, typer.Option(min=1, max=1_000, help="of groups; with --group, of its copies")] = 1,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of a table")] = False,
) -> None:
    """List pictures that look alike and that several sellers show: the one seen first, and its copies."""
    wanted = DuplicateFilter(days=days, market=market, seller=seller, group=group, page=page)
    found = asyncio.run(_read(load_settings(), wanted))
    if as_json:
        write_json(found)
    else:
        _print(found)


async def _read(settings: Settings, wanted: DuplicateFilter) -> DuplicateReport:
    async with migrated(settings) as pool:
        return await reads_of(settings, pool, SystemClock()).pictures.duplicates(wanted)


def _print(found: DuplicateReport) -> None:
    if not found.groups:
        typer.echo(nothing(found.wanted))
        return
    print_tables(groups_table(found.groups), *map(copies_table, found.groups))
    if found.more:
        typer.echo(f"There are more: --page {found.wanted.page + 1}")


def nothing(wanted: DuplicateFilter) -> str:
    """What to do where nothing was found."""
    if wanted.group:
        return f"No group {wanted.group}, or no copies on page {wanted.page}. Without --group all are listed."
    if wanted.page > 1:
        return f"Nothing on page {wanted.page}."
    if wanted.market or wanted.seller:
        return f"No group of the last {wanted.days} days matches. Leave --market or --seller out, or raise --days."
    return (
        f"No two sellers showed pictures that look alike in the last {wanted.days} days. They are looked for as "
        "pictures are scored (assay run image-score); ASSAY_LISTING_SELLER_ATTRIBUTE names the attribute that tells "
        "sellers apart."
    )


def groups_table(groups: Sequence[DuplicateGroup]) -> Table:
    """A row a group."""
    rows = [
        (each.group_id, each.sellers, each.listings, each.pictures, ", ".join(each.markets), moment(each.newest_at))
        for each in groups
    ]
    return table("Near-duplicates", ("group", "sellers", "listings", "files", "markets", "newest"), rows)


def copies_table(group: DuplicateGroup) -> Table:
    """The first picture of a group and the copies that are shown."""
    hidden = group.copies_in_all - len(group.copies)
    more = f", {hidden:,} copies more" if hidden > 0 else ""
    rows = [_row("first", group.first), *(_row("copy", copy) for copy in group.copies)]
    columns = ("", "seen", "seller", "listing", "market", "bits", "on sale", "address")
    return table(f"Group {group.group_id}{more}", columns, rows)


def _row(place: str, each: SeenPicture) -> Sequence[object]:
    on_sale = "yes" if each.on_sale else "no"
    seen = moment(each.seen_at)
    return (place, seen, each.seller, each.listing_id, each.market, each.distance, on_sale, each.image_url)
