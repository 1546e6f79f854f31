"""The demo's student: trained on what the judge has said of the first pictures, live from then on."""

from __future__ import annotations

from rich.console import Console

from cli.compose import Parts
from cli.image_students import student_desk
from cli.image_train import HELD_BACK, LEAST, recipe_of
from core.domain.images.features import EXTRACTOR
from core.errors import UsageError
from core.student_ports import LabelAsk

NAME = "demo"
BY = "demo"


async def train_student(parts: Parts, console: Console) -> bool:
    """Train by the very way of `assay image-score train --promote`; false, and said, where there is too little."""
    desk, settings = student_desk(parts.pool), parts.settings
    try:
        judge = await desk.judge_meant("", EXTRACTOR)
        ask = LabelAsk(judge, EXTRACTOR, settings.listing_seller_attribute)
        made = await desk.train(ask, recipe_of(settings, NAME, EXTRACTOR, HELD_BACK, LEAST), BY)
        deed = await desk.promote(made.kept, BY)
    except UsageError as error:
        console.print(f"no student: {error}")
        return False
    console.print(f"a student scores new pictures from here on: {made.kept.version}, {deed.why}")
    return True
