"""A student to measure with: trained on drawn pictures as the offline judge scores them."""

from __future__ import annotations

from datetime import UTC, datetime

from core.adapters.picture_decode import Limits, decode
from core.adapters.postgres import open_pool
from core.adapters.students import PostgresStudents
from core.domain.images.features import EXTRACTOR
from core.domain.images.forest_student import ForestStudent, packed
from core.domain.images.labelled import LabelledPicture
from core.domain.images.training import Recipe, trained
from core.student_ports import KeptStudent, StudentDeed
from demo.offline_judge import pictures
from tests.bench.pictures import files

NAME = "bench"
PICTURES = 240
LIMITS = Limits(max_pixels=10_000_000, max_side=768)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def made(count: int = PICTURES) -> ForestStudent:
    """Of as many pictures. It is never unsure: nothing goes to a judge because of it."""
    recipe = Recipe(NAME, EXTRACTOR, held_back=0.0, least=1, unsure_share=0.0, random_share=0.0, copy_distance=0)
    return trained([_labelled(number) for number in range(count)], recipe)


def _labelled(number: int) -> LabelledPicture:
    decoded = decode(files.sample(number), LIMITS)
    judged = pictures.score("p1", pictures.measure(decoded.jpeg))
    return LabelledPicture(
        image_hash=decoded.image_hash,
        listing_id=str(number),
        image_url="",
        seller=str(number % 20),
        market="de",
        category="",
        phash=decoded.phash,
        features=decoded.features[EXTRACTOR],
        score=judged.overall,
        aspects=judged.aspects.model_dump(),
        why="",
        certain=True,
    )


async def promoted(dsn: str, student: ForestStudent) -> None:
    """The student is live in that database."""
    pool = await open_pool(dsn, 2)
    try:
        book = PostgresStudents(pool)
        await book.save(KeptStudent(student.version, NAME, EXTRACTOR, {}, packed(student), LONG_AGO, NAME))
        await book.note(StudentDeed("promote", student.version, NAME, "to measure", LONG_AGO))
    finally:
        await pool.close()
