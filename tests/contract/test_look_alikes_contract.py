"""Pictures that look alike are found by their hash: the same in memory and in PostgreSQL."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from core.adapters.picture_alike import PostgresLookAlikes
from core.adapters.postgres import Pool
from core.image_ports import LookAlikes
from tests.support.fake_alikes import FakeLookAlikes
from tests.support.sample_data import NOW
from tests.support.sample_sightings import insert_picture, insert_score

BASE = 0b0110 << 60 | 0xABCD
Judged = Callable[[str, int], Awaitable[None]]


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.postgres)])
def alikes(request: pytest.FixtureRequest) -> tuple[LookAlikes, Judged]:
    """The port, and a way to have a judge look at a picture: each one a second later."""
    if request.param == "fake":
        fake = FakeLookAlikes()

        async def remember(image_hash: str, phash: int) -> None:
            fake.judged[image_hash] = phash

        return fake, remember
    pool: Pool = request.getfixturevalue("pool")
    names: list[str] = []

    async def store(image_hash: str, phash: int) -> None:
        names.append(image_hash)
        at = NOW + timedelta(seconds=len(names))
        await insert_picture(pool, image_hash, phash, at)
        await insert_score(pool, f"l-{image_hash}", image_hash, at)

    return PostgresLookAlikes(pool), store


async def test_nothing_is_like_the_first_picture(alikes: tuple[LookAlikes, Judged]) -> None:
    port, _ = alikes
    assert list(await port.look_alikes(BASE, 4)) == []


async def test_the_nearest_come_first_then_the_newest(alikes: tuple[LookAlikes, Judged]) -> None:
    port, judged = alikes
    for name, phash in (("far", BASE ^ 0b111), ("old", BASE ^ 1), ("new", BASE ^ 1 << 40), ("same", BASE)):
        await judged(name, phash)
    assert list(await port.look_alikes(BASE, 4)) == ["same", "new", "old", "far"]


async def test_just_those_within_the_distance_are_found(alikes: tuple[LookAlikes, Judged]) -> None:
    """The bits lie as far from one another as can be, so that no quarter of the hash is spared."""
    port, judged = alikes
    spread = [3, 19, 35, 51, 11, 27, 43, 62]
    for count in range(9):
        await judged(f"p{count}", BASE ^ sum(1 << bit for bit in spread[:count]))
    found = {distance: list(await port.look_alikes(BASE, distance)) for distance in range(8)}
    assert found == {distance: [f"p{count}" for count in range(distance + 1)] for distance in range(8)}


async def test_a_few_are_named_however_many_there_are(alikes: tuple[LookAlikes, Judged]) -> None:
    port, judged = alikes
    for number in range(12):
        await judged(f"p{number:02}", BASE)
    assert list(await port.look_alikes(BASE, 2)) == [f"p{number:02}" for number in range(11, 3, -1)]


async def test_hashes_below_zero_are_found_too(alikes: tuple[LookAlikes, Judged]) -> None:
    port, judged = alikes
    await judged("minus", -1)
    assert list(await port.look_alikes(-4, 2)) == ["minus"]
