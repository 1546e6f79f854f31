"""What every replica needs and one of them pays for: made once, and waited for by the others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from core.errors import RetryLater
from core.guideline_ports import Claims
from core.ports import Clock

CLAIM_S = 15.0
"""Seconds for which others wait for whoever makes a thing and no longer renews: a replica that died holds nobody up."""

RENEWALS = 3
"""In a claim's life: two may fail before another makes the thing too, and the first answer stands."""

LOOK_S = 0.25
"""Seconds between two looks whether another has made it: a call takes a second or two."""

Made = TypeVar("Made")


async def made_once(
    claims: Claims,
    wall: Clock,
    name: str,
    read: Callable[[], Awaitable[Made | None]],
    make: Callable[[], Awaitable[Made]],
) -> Made:
    """What `read` finds, else what `make` makes and stores: by one caller of all replicas, while the others wait and
    read again. Who makes it and fails lets the next one try."""
    while True:
        known = await read()
        if known is not None:
            return known
        if await claims.claim(name, CLAIM_S):
            break
        await wall.sleep(LOOK_S)
    renewing = asyncio.create_task(_renewing(claims, name))
    try:
        made_meanwhile = await read()
        return await make() if made_meanwhile is None else made_meanwhile
    finally:
        renewing.cancel()
        await asyncio.wait({renewing})
        await claims.release(name)


async def _renewing(claims: Claims, name: str) -> None:
    """A renewal that fails is tried again; where none gets through the claim ends, and another may make it too. In real
    time, as the claim is."""
    while True:
        await asyncio.sleep(CLAIM_S / RENEWALS)
        with suppress(RetryLater):
            await claims.renew(name, CLAIM_S)
