"""A hostile picture server over real sockets: each attack ends in its named state, none gets inside, none stops another
listing."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from uuid import uuid4

import pytest

from consumers import image_score
from core.adapters.clock import SystemClock
from core.adapters.inbox import PostgresInbox
from core.adapters.judgements import PostgresJudgements
from core.adapters.picture_store import PostgresPictures
from core.adapters.pictures import HttpPictureSource, thumbnail
from core.adapters.postgres import Pool
from core.domain.images.verdict import Thresholds
from core.errors import PictureError
from core.ports import Listing, LlmReply, LlmRequest, NewTask, Picture, PicturePart, TextPart
from core.stages.events import image_score_event
from core.stages.live_judge import settings_judge
from core.stages.score_picture import PictureScorer
from tests.support.fakes import InMemoryCatalogue
from tests.support.hostile_server import OUTSIDE, Hostile, hostile
from tests.support.picture_server import settings, source
from tests.support.streams import read_until_idle

SETTINGS = settings(image_timeout_s=1.0, image_per_host=8, image_in_flight=64)
ASPECTS = ("focus", "lighting", "background", "framing", "completeness", "overlays", "honesty", "authenticity")


@pytest.fixture
async def enemy() -> AsyncIterator[Hostile]:
    async with hostile() as made:
        yield made


@contextmanager
def sockets_watched(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """The addresses that sockets were made for, as they are asked of the kernel."""
    reached: set[str] = set()
    loop = asyncio.get_running_loop()
    connect = loop.sock_connect

    async def watched(made, address):
        reached.add(address[0])
        await connect(made, address)

    with monkeypatch.context() as patched:
        patched.setattr(loop, "sock_connect", watched)
        yield reached


async def fate(pictures: HttpPictureSource, url: str) -> tuple[str | None, bool]:
    try:
        found = await pictures.fetch(url)
    except PictureError as error:
        return error.kind, error.final
    assert isinstance(found, Picture)
    assert b"script" not in found.jpeg
    return None, True


async def test_every_attack_ends_in_its_named_state_and_none_gets_inside(
    enemy: Hostile, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sockets_watched(monkeypatch) as reached:
        async with source(enemy.names, image_timeout_s=1.0, image_in_flight=64) as pictures:
            ends = await asyncio.gather(*(fate(pictures, enemy.url(attack)) for attack in enemy.attacks))
    assert dict(zip((attack.name for attack in enemy.attacks), ends, strict=True)) == {
        attack.name: (attack.kind, attack.final) for attack in enemy.attacks
    }
    assert enemy.canary.visits == 0
    assert reached == {OUTSIDE}


async def test_no_proxy_and_no_password_of_the_environment_is_used(
    enemy: Hostile, monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    canary = f"http://127.0.0.2:{enemy.canary.port}"
    netrc = tmp_path / "netrc"
    netrc.write_text("default login me password sesame\n")
    for name, value in {"http_proxy": canary, "HTTPS_PROXY": canary, "ALL_PROXY": canary, "NETRC": str(netrc)}.items():
        monkeypatch.setenv(name, value)
    async with source(enemy.names) as pictures:
        assert await fate(pictures, enemy.good(1)) == (None, True)
    assert enemy.canary.visits == 0
    assert b"Authorization" not in b"".join(enemy.server.heads)


class Judge:
    """Grades every picture it is shown 7."""

    async def complete(self, request: LlmRequest) -> LlmReply:
        shown = [part for part in request.user if isinstance(part, PicturePart)]
        assert all(b"script" not in part.jpeg for part in shown)
        texts = [part.text for part in request.user if isinstance(part, TextPart)]
        items = [re.sub(r".*PICTURE (p\d+).*", r"\1", text, flags=re.DOTALL) for text in texts if "### PICTURE" in text]
        row = {"reasoning": "Plain.", "aspects": dict.fromkeys(ASPECTS, 7), "flags": [], "overall": 7}
        text = json.dumps({"pictures": [{"item": item, **row} for item in items]})
        return LlmReply(uuid4(), text, "eye", "fp", 900, 0, 200, 0.0, 1)


def scorer(pool: Pool, pictures: HttpPictureSource, listings: Sequence[Listing]) -> PictureScorer:
    return PictureScorer(
        llm=Judge(),
        pictures=pictures,
        store=PostgresJudgements(pool),
        picture_store=PostgresPictures(pool),
        catalogue=InMemoryCatalogue(listings),
        inbox=PostgresInbox(pool, SystemClock()),
        clock=SystemClock(),
        live=lambda: settings_judge(SETTINGS),
        attempts=5,
        event_of=image_score_event,
        thumbnail=thumbnail,
        jitter=lambda: 1.0,
        thresholds=Thresholds(blank_contrast=0.0, blank_border=1.0),
    )


async def worked_off(pool: Pool, scored: PictureScorer, tasks: Sequence[NewTask]) -> dict[str, tuple[str, str]]:
    """State and reason by URL once nothing can be done for a second."""
    inbox = PostgresInbox(pool, SystemClock())
    await inbox.add(tasks)
    await read_until_idle(*image_score.build(SETTINGS, inbox, scored.score, SystemClock(), 0.5))
    rows = await pool.fetch("SELECT subject ->> 'image_url' AS url, state, reason FROM assay.judge_tasks")
    return {row["url"]: (row["state"], row["reason"]) for row in rows}


@pytest.mark.postgres
async def test_of_each_listing_that_is_attacked_the_good_picture_is_scored(pool: Pool, enemy: Hostile) -> None:
    """The whole process on real PostgreSQL, decoding in confined workers: a listing for each attack, with one picture
    that is none of the enemy's."""
    listings, tasks, wanted = [], [], {}
    for number, attack in enumerate(enemy.attacks):
        urls = (enemy.url(attack), enemy.good(number))
        listings.append(listing(f"l{number}", urls))
        tasks += [image_task(f"l{number}", url) for url in urls]
        state = "done" if attack.kind is None else "failed" if attack.final else "waiting"
        wanted |= {urls[0]: (state, attack.kind or ""), urls[1]: ("done", "")}
    async with HttpPictureSource(SETTINGS, resolver=enemy.names) as pictures:
        assert await worked_off(pool, scorer(pool, pictures, listings), tasks) == wanted
    assert enemy.canary.visits == 0


def listing(listing_id: str, urls: tuple[str, ...]) -> Listing:
    return Listing(listing_id, "de", "de", "Red lamp", None, "Acme", "Lamps", 9.5, "EUR", {}, urls, "hash")


def image_task(listing_id: str, url: str) -> NewTask:
    return NewTask(f"{listing_id} {url}", "image", "live", listing_id, {"listing_id": listing_id, "image_url": url})
