"""What every replica needs and one of them pays for: made once, and waited for by the others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from core.guideline_ports import Claims
from core.ports import Clock

CLAIM_S = 150.0
"""Seconds for which others wait for whoever makes a thing: a call's limit of 120 and what it may wait for its turn. A
call that takes longer may be made twice, and the first answer stands."""

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
    try:
        made_meanwhile = await read()
        return await make() if made_meanwhile is None else made_meanwhile
    finally:
        await claims.release(name)
