"""From labels to a student that scores: `assay image-score train` and `students` on a real PostgreSQL."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid5

import pytest

from core.adapters.postgres import Pool
from core.adapters.students import PostgresStudentLabels, PostgresStudents
from core.domain.images.features import EXTRACTOR
from core.domain.images.labelled import LabelledPicture
from core.stages.live_student import LiveStudent
from core.student_ports import LabelAsk
from tests.support.fake_students import JUDGE, labelled_pictures
from tests.support.fakes import NOON
from tests.unit.cli.conftest import Command, Done, command

__all__ = ["command"]

pytestmark = pytest.mark.postgres

ASK = LabelAsk(JUDGE, EXTRACTOR, "seller")
PICTURES = labelled_pictures(240)


class Shop:
    """Pictures, labels and scores laid down as the service stores them, and the command beside them."""

    def __init__(self, pool: Pool, run: Command, dsn: str) -> None:
        self.pool, self._run, self._dsn = pool, run, dsn

    async def __call__(self, *arguments: str) -> Done:
        settings = {"ASSAY_POSTGRES_DSN": self._dsn}
        return await asyncio.to_thread(lambda: self._run("image-score", *arguments, **settings))

    async def show(self, pictures: list[LabelledPicture]) -> None:
        """Listings with their sellers, pictures with their features."""
        await self.pool.executemany(
            "INSERT INTO assay_data.listings (listing_id, market, title, category, attributes, image_urls, "
            "content_hash, deleted, run, told_at) VALUES ($1, 'de', 'a thing', $2, $3, $4, 'c', false, 'live', $5)",
            [(each.listing_id, each.category, {"seller": each.seller}, [each.image_url], NOON) for each in pictures],
        )
        await self.pool.executemany(
            "INSERT INTO assay_data.pictures (image_hash, media_type, width, height, byte_size, measures, thumbnail, "
            "first_seen, phash) VALUES ($1, 'image/jpeg', 9, 9, 9, '{}', '', $2, $3)",
            [(each.image_hash, NOON, each.phash) for each in pictures],
        )
        await self.pool.executemany(
            "INSERT INTO assay_data.picture_features (image_hash, extractor, features) VALUES ($1, $2, $3)",
            [(each.image_hash, EXTRACTOR, each.features) for each in pictures],
        )

    async def score(
        self,
        picture: LabelledPicture,
        score: int,
        *,
        tier: str = "llm",
        judge: str = JUDGE,
        version: str = "p@1",
        call: UUID | None = None,
        said: str = "",
        spread: float | None = None,
        days: int = 0,
        alike_of: str = "",
    ) -> None:
        """A score of the judge (by a call of its own) or of a student."""
        key = f"{picture.listing_id}/{tier}/{version}/{judge}/{days}"
        made = call or (uuid5(UUID(int=1), key) if tier == "llm" else None)
        await self.pool.execute(
            "INSERT INTO assay_data.image_scores (event_id, content_key, listing_id, image_url, image_hash, score, "
            "aspects, reasoning, tier, model, fingerprint, prompt_version, judged_at, call_id, judge, spread, "
            "alike_of) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'm', 'f', $10, $11, $12, $13, $14, $15)",
            uuid5(UUID(int=2), key),
            key,
            picture.listing_id,
            picture.image_url,
            picture.image_hash,
            score,
            dict(picture.aspects),
            said or f"of {picture.image_hash}",
            tier,
            version,
            NOON + timedelta(days=days),
            made,
            judge if tier == "llm" else "",
            spread,
            alike_of,
        )

    async def ask_for(self, picture: LabelledPicture, why: str) -> None:
        """The judge's task for a picture, done."""
        subject = {"listing_id": picture.listing_id, "image_url": picture.image_url}
        await self.pool.execute(
            "INSERT INTO assay_data.tasks (task_id, task_key, kind, lane, lane_rank, group_key, subject, payload, "
            "priority, state, not_before, created_at) "
            "VALUES ($1, $2, 'image_label', 'live', 0, $2, $3, $4, 0, 'done', $5, $5)",
            uuid5(UUID(int=3), picture.listing_id),
            picture.listing_id,
            subject,
            {"why": why},
            NOON,
        )


@pytest.fixture
async def shop(pool: Pool, command: Command, postgres_dsn: str) -> Shop:
    made = Shop(pool, command, postgres_dsn)
    await made.show(PICTURES)
    return made


@pytest.fixture
async def labelled(shop: Shop) -> Shop:
    for each in PICTURES:
        await shop.score(each, each.score)
    return shop


async def test_labels_become_a_student_that_a_running_process_follows(labelled: Shop) -> None:
    live = LiveStudent(PostgresStudents(labelled.pool), {EXTRACTOR})
    await live.look()
    assert live() is None
    made = await labelled("train", "--name", "small", "--promote", "--by", "ada", "--json")
    assert made.code == 0, made.err
    told = json.loads(made.out)
    assert told["promoted"]
    assert told["metadata"]["figures"]["rank_correlation"]["value"] > 0.5
    await live.look()
    student = live()
    assert student is not None
    assert student.version == told["version"]
    assert 1 <= student.says(PICTURES[0].features).score <= 10
    listed = json.loads((await labelled("students", "list", "--json")).out.splitlines()[-1])
    assert [(each["version"], each["live"]) for each in listed] == [(told["version"], True)]
    row = await labelled.pool.fetchrow("SELECT * FROM assay.image_students")
    assert (row["live"], row["judge"], row["extractor"]) == (True, JUDGE, EXTRACTOR)
    assert row["rank_correlation"] == pytest.approx(told["metadata"]["figures"]["rank_correlation"]["value"])
    assert (await labelled("students", "rollback", "--why", "a try", "--by", "ada")).code == 0
    await live.look()
    assert live() is None


async def test_a_training_is_told_as_tables_with_its_baselines(labelled: Shop) -> None:
    made = await labelled("train", "--by", "ada")
    assert made.code == 0, made.err
    for part in (
        "held back",
        "the mean score",
        "alone",
        "Aspects",
        "Categories",
        "within twice its spread",
        "student@",
    ):
        assert part in made.out
    shown = await labelled("students", "show", "student")
    assert "the mean score" in shown.out


async def test_too_few_labels_are_refused_with_what_is_needed(shop: Shop) -> None:
    for each in PICTURES[:40]:
        await shop.score(each, each.score)
    made = await shop("train")
    assert made.code == 2
    assert "40 labelled pictures of 12 sellers" in made.err
    assert "200 (--min)" in made.err


async def test_without_any_label_the_way_to_get_some_is_told(shop: Shop) -> None:
    made = await shop("train")
    assert (made.code, "no judge has scored a picture yet" in made.err) == (2, True)


async def test_own_scores_shared_and_foreign_labels_are_not_learned_from(shop: Shop) -> None:
    first, own, copy, alike, foreign, twice, *_ = PICTURES
    call = UUID(int=77)
    await shop.score(first, 8, call=call, said="the same words")
    await shop.score(own, 9, tier="student")
    await shop.score(copy, 8, call=call, said="the same words")
    await shop.score(alike, 8, alike_of="0123")
    await shop.score(foreign, 2, judge="other@1")
    await shop.score(twice, 3)
    await shop.score(twice, 4, days=1)
    found = await PostgresStudentLabels(shop.pool).labelled(ASK)
    assert {each.image_hash: each.score for each in found} == {first.image_hash: 8, twice.image_hash: 4}
    assert found[0] == replace(first, score=8)


async def test_what_a_student_was_unsure_of_is_certain_to_be_labelled(labelled: Shop) -> None:
    made = json.loads((await labelled("train", "--json")).out)
    sure, unsure = labelled_pictures(2, seed=8)
    await labelled.show([replace(sure, listing_id="new1"), replace(unsure, listing_id="new2")])
    for name, each, spread, why in (("new1", sure, 0.0, "random"), ("new2", unsure, 9.0, "unsure")):
        placed = replace(each, listing_id=name)
        await labelled.score(placed, 5, tier="student", version=made["version"], spread=spread)
        await labelled.ask_for(placed, why)
        await labelled.score(placed, 6)
    found = {each.listing_id: each for each in await PostgresStudentLabels(labelled.pool).labelled(ASK)}
    assert [(found[name].why, found[name].certain) for name in ("new1", "new2")] == [
        ("random", False),
        ("unsure", True),
    ]


async def test_agreement_by_day_tells_the_random_share_apart(shop: Shop) -> None:
    for at, each in enumerate(PICTURES[:30]):
        await shop.score(each, min(10, each.score + 1), tier="student", version="small@1", spread=1.0)
        await shop.ask_for(each, "random" if at % 3 else "unsure")
        await shop.score(each, each.score)
    rows = await shop.pool.fetch(
        "SELECT why, sum(pictures)::int AS pictures, min(mean_bias) AS bias, min(within_one) AS within_one, "
        "min(rank_correlation) AS rank FROM assay.student_agreement WHERE version = 'small@1' GROUP BY why ORDER BY why"
    )
    assert [(row["why"], row["pictures"]) for row in rows] == [("all", 30), ("random", 20), ("unsure", 10)]
    assert all(0.5 <= row["bias"] <= 1 and row["within_one"] == 1 and row["rank"] > 0.9 for row in rows)
    pairs = await PostgresStudentLabels(shop.pool).agreed(NOON.date(), NOON.date(), NOON.date(), "seller")
    assert len(pairs) == 30
    assert {each.seller for each in pairs} == {each.seller for each in PICTURES[:30]}
    tomorrow = NOON.date() + timedelta(days=1)
    before = await PostgresStudentLabels(shop.pool).agreed(NOON.date(), tomorrow, tomorrow, "seller")
    assert [each.why for each in before] == ["random"] * 20


async def test_a_label_that_came_before_the_student_says_nothing_of_it(shop: Shop) -> None:
    await shop.score(PICTURES[0], 5)
    await shop.score(PICTURES[0], 6, tier="student", version="small@1", spread=1.0)
    assert await PostgresStudentLabels(shop.pool).agreed(NOON.date(), NOON.date(), NOON.date(), "seller") == []
