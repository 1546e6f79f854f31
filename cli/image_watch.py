"""`assay image-score watch`: the looks of the night, now."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated

import typer
from rich.table import Table

from cli.compose_image_watch import night_look, no_other_looks
from cli.database import migrated
from cli.tables import print_tables, table, write_json
from core.adapters.clock import SystemClock
from core.image_ports import ImageAlert
from core.settings import Settings, load_settings, secrets_of
from core.telemetry import Metrics, configure_logging


def watch(as_json: Annotated[bool, typer.Option("--json", help="as JSON")] = False) -> None:
    """Look at picture scores as the process `image-watch` does at night, and show what a person must know."""
    settings = load_settings()
    configure_logging(settings.log_format, settings.log_level, secrets_of(settings))
    found = asyncio.run(_watched(settings))
    if as_json:
        write_json(found)
    else:
        print_tables(alerts_table(found))


async def _watched(settings: Settings) -> list[ImageAlert]:
    async with migrated(settings) as pool, no_other_looks(pool):
        return await night_look(settings, pool, SystemClock(), Metrics()).all()


def alerts_table(found: Sequence[ImageAlert]) -> Table:
    """A line an alert."""
    columns = ("kind", "of", "metric", "before", "now", "evidence")
    rows = [
        (
            alert.kind,
            _named(alert.segment),
            alert.metric,
            f"{alert.before:.3g}",
            f"{alert.after:.3g}",
            _named(alert.evidence),
        )
        for alert in found
    ]
    return table("Alerts about picture scores, last whole day", columns, rows)


def _named(values: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())
