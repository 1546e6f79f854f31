"""A listing with three pictures while a student is live: its scores go out at once, LLM or no LLM, and the judge's
labels replace them. Real Kafka, real PostgreSQL, the processes as `assay run` composes them."""

from __future__ import annotations

import asyncio
import io
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pytest
from PIL import Image

import cli.compose
from cli.compose import composed
from cli.run import opened, prepared
from core.adapters.clock import SystemClock
from core.domain.images.features import EXTRACTOR
from core.domain.images.listing_score import listing_score
from core.domain.images.student import Student, StudentSays
from core.runtime.supervisor import supervise
from core.settings import load_settings
from tests.e2e import topics
from tests.e2e.conftest import NOWHERE, Place
from tests.support.picture_server import LOOPBACK, Server, answer, says
from tests.support.waiting import until_true

QUICK_S = 10.0  # a machine that runs other tests beside this one; alone it takes one
NAMES = ["listings", "image-score", "outbox"]


@dataclass(frozen=True)
class Unsure:
    """Sees every picture alike and is sure of none."""

    version: str = "student@e2e"
    extractor: str = EXTRACTOR
    unsure_above: float = 0.5

    def says(self, features: bytes) -> StudentSays:
        return StudentSays(6.6, 1.25, {"focus": 7}, "Much like others of its kind.")


class Live:
    """In the place of the book of students."""

    def __call__(self) -> Student:
        return Unsure()

    async def look(self) -> None:
        """Nobody is promoted."""


@asynccontextmanager
async def shop() -> AsyncIterator[Server]:
    server = Server()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    async with listening:
        yield server


def photograph(seed: int) -> bytes:
    noise = np.random.default_rng(seed).integers(0, 255, (12, 16, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).resize((640, 480), Image.Resampling.BICUBIC).save(buffer, "JPEG")
    return buffer.getvalue()


@asynccontextmanager
async def running(place: Place, url: str, *, until_idle: bool) -> AsyncIterator[asyncio.Task[None]]:
    given = {name.removeprefix("ASSAY_").lower(): value for name, value in place.assay.settings.items()}
    settings = load_settings(**{**given, "llm_base_url": url, "image_allowed_networks": LOOPBACK})
    wall, stop = SystemClock(), asyncio.Event()
    async with opened(settings, wall, wall, until_idle=until_idle, soon_s=60.0) as parts:
        assert await prepared(parts, stop)
        async with composed(NAMES, parts) as processes:
            task = asyncio.create_task(supervise(processes, stop, until_idle=until_idle))
            try:
                yield task
            finally:
                stop.set()
                await task


def scores(place: Place) -> list[Mapping[str, object]]:
    return [json.loads(record.value) for record in topics.read(place.bootstrap, f"{place.prefix}image-scores")]


async def test_three_pictures_are_scored_by_the_student_at_once_and_then_by_the_judge(
    place: Place, judge_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli.compose, "live_student", lambda settings, pool: Live())
    async with shop() as server:
        urls = [server.url(f"/{n}.jpg", says(answer(photograph(n)))) for n in range(3)]
        told = {"listing_id": "l1", "timestamp": datetime.now(UTC).isoformat(), "title": "Lamp", "image_urls": urls}
        for name in ("listings", "image-scores"):
            topics.make(place.bootstrap, place.prefix + name, 1)
        async with running(place, NOWHERE, until_idle=False):
            await asyncio.sleep(1)  # partitions are assigned
            topics.send(place.bootstrap, f"{place.prefix}listings", [("l1", json.dumps(told).encode())])
            since = time.monotonic()

            async def all_scored() -> bool:
                return await asyncio.to_thread(lambda: len(scores(place)) == 3)

            await until_true(all_scored, QUICK_S)
            waited = time.monotonic() - since
        first = scores(place)
        async with running(place, judge_url, until_idle=True) as judging:
            await judging
        found = scores(place)

    assert waited < QUICK_S
    assert sorted((each["image_url"], each["tier"], each["score"], each["spread"]) for each in first) == [
        (url, "student", 7, 1.25) for url in urls
    ]
    assert found[:3] == first
    assert sorted((each["image_url"], each["tier"], each["spread"]) for each in found[3:]) == [
        (url, "llm", None) for url in urls
    ]
    assert await place.rows("SELECT DISTINCT tier FROM assay.image_scores") == [("llm",)]
    by_url = {str(each["image_url"]): int(str(each["score"])) for each in found[3:]}
    expected = listing_score(by_url[urls[0]], [by_url[url] for url in urls[1:]])
    assert await place.value("SELECT score FROM assay.listing_image_scores") == pytest.approx(expected)
    assert sorted(await place.rows("SELECT kind, state, count(*) FROM assay.judge_tasks GROUP BY 1, 2")) == [
        ("image", "done", 3),
        ("image_label", "done", 3),
    ]
