"""The process `look-alikes`: pictures of several sellers that look alike, out of the scores that are new."""

from __future__ import annotations

import structlog

from core.image_ports import Duplicates
from core.ports import Leadership
from core.runtime.periodic import PeriodicProcess

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 30.0
"""A copied picture is a matter of hours for those who look after fraud; half a minute keeps each look small."""

TURNS_A_LOOK = 200
"""Parts of a look: half a minute or two of work after a long pause, then another look goes on."""


def build(duplicates: Duplicates, leadership: Leadership, *, on_nudge_only: bool) -> PeriodicProcess:
    """new scores -> who showed which picture since when -> groups of pictures that look alike."""
    return PeriodicProcess(
        "look-alikes", lambda: look(duplicates), leadership, LOOK_EVERY_S, on_nudge_only=on_nudge_only
    )


async def look(duplicates: Duplicates) -> int:
    """Everything new, in parts; returns how many hashes were put into groups."""
    hashes = 0
    for _ in range(TURNS_A_LOOK):
        taken, grouped = await duplicates.take(), await duplicates.group()
        hashes += grouped
        if taken == grouped == 0:
            break
    if hashes:
        log.info("look_alikes.grouped", hashes=hashes)
    return hashes
