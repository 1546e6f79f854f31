"""A trial of `assay eval images` from order to end: its pictures, who scores them, what that would cost, the stage."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from uuid import UUID, uuid4

from cli.eval_datasets import dataset_named
from cli.eval_images_bases import Wanted, bare_listing, drawn, of_dataset, of_folder, refuse_without_features
from cli.eval_images_kept import KeptAnswers
from cli.eval_parts import EvalParts, eval_parts
from cli.eval_running import refuse_over
from cli.image_students import student_desk
from cli.judge_identity import judge_book, judge_from
from core.adapters.eval_datasets import PostgresDatasets
from core.adapters.llm_endpoint import Surroundings
from core.adapters.picture_files import FilePictures
from core.adapters.picture_variants import can_write, spoilt, untouched, written
from core.adapters.pictures import HttpPictureSource
from core.domain.evaluation.costing import CostEstimate, PlannedCall, estimated
from core.domain.images.metamorphic import TRANSFORMS
from core.domain.images.picture_canaries import CANARIES, PictureCanary
from core.domain.images.student import Student
from core.errors import UsageError
from core.eval_facts import EvalItem, JudgeVersion
from core.image_thresholds import thresholds_of
from core.ports import Listing, Picture
from core.settings import Settings
from core.stages.eval_images import UNTOUCHED, AnswerKey, ImageAnswer, ImageTrial, variants_of
from core.stages.eval_pictures import listing_of_item
from core.stages.eval_plan import habits_of
from core.stages.eval_run import Meter
from core.stages.eval_tasks import task_of_item
from core.stages.image_scorers import (
    BasePicture,
    Family,
    JudgeScorer,
    Scorer,
    StudentScorer,
    Variant,
    judge_recipe,
    variant_request,
)
from core.stages.purse import Purse
from core.status_models import Spend
from core.student_desk import readable

ESTIMATED_WITH = UUID(int=0)
"""Stands for a run in requests that are sized and never sent."""

STUDENTS_AT_ONCE = 4
"""Variants under way where students alone are asked: two decoders, and two that are drawn meanwhile."""


@dataclass(frozen=True, slots=True)
class TrialOrder:
    """What the command line says. `pictures` and `dataset` None: drawn ones."""

    judges: tuple[str, ...]
    students: tuple[str, ...]
    pictures: str | None
    dataset: str | None
    wanted: Wanted
    families: tuple[Family, ...]
    font: str | None
    cap_usd: float | None


@dataclass(frozen=True, slots=True)
class TrialParts:
    """Open while the command runs. `evals` None: no judge is asked, so no endpoint is needed."""

    settings: Settings
    around: Surroundings
    http: HttpPictureSource
    evals: EvalParts | None


@dataclass(frozen=True, slots=True)
class ReadyTrial:
    """A trial that may begin, and what it would take."""

    bases: Sequence[BasePicture]
    variants: Sequence[Variant]
    judges: Sequence[JudgeVersion]
    students: Sequence[Student]
    left_out: Sequence[str]
    """Canaries whose letters no font at hand has."""
    estimate: CostEstimate
    cap_usd: float

    @property
    def asked(self) -> int:
        """Answers that it takes in all."""
        return len(self.bases) * len(self.variants) * (len(self.judges) + len(self.students))


@asynccontextmanager
async def trial_parts(settings: Settings, around: Surroundings, order: TrialOrder) -> AsyncIterator[TrialParts]:
    """Over the settings' database, decoder and, where judges are asked, endpoint."""
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(HttpPictureSource(settings))
        evals = await stack.enter_async_context(eval_parts(settings, around)) if order.judges else None
        yield TrialParts(settings, around, http, evals)


async def made_ready(parts: TrialParts, order: TrialOrder, kept: KeptAnswers) -> ReadyTrial:
    """The trial as it would begin; UsageError where there is nothing to spoil, nobody to ask or not the money."""
    book = judge_book(parts.around.pool)
    judges = [await judge_from(book, parts.settings, ref, parts.around.clock) for ref in order.judges]
    students = [await student_meant(parts, ref) for ref in order.students]
    versions = [each.version for each in judges] + [each.version for each in students]
    if len(set(versions)) < len(versions):
        raise UsageError("--judge, --student: two of them are the same")
    bases = await _bases(parts, order)
    for student in students:
        await refuse_without_features(parts.http, bases, student)
    usable = [each for each in CANARIES if can_write(each, order.font)]
    variants = variants_of(order.families, usable)
    estimate, cap = await _money(parts, judges, bases, variants, kept)
    left_out = [each.name for each in CANARIES if each not in usable] if "canary" in order.families else []
    return ReadyTrial(
        bases, variants, judges, students, left_out, estimate, cap if order.cap_usd is None else order.cap_usd
    )


def refuse_unpayable(ready: ReadyTrial, spend: Spend) -> None:
    """UsageError where the cap or what is left of the day's budgets would not suffice."""
    refuse_over(ready.estimate, ready.cap_usd, 0.0, spend, "fewer pictures (--limit)")


def trial_of(
    parts: TrialParts, ready: ReadyTrial, font: str | None, purse: Purse, kept: KeptAnswers, meter: Meter
) -> ImageTrial:
    """The stage; `meter` counts what it keeps."""
    texts = {each.name: each for each in CANARIES}

    def make(base: BasePicture, variant: Variant) -> bytes:
        return drawn_variant(base, variant, texts, font)

    async def decode(data: bytes) -> Picture:
        return await parts.http.decoded(data)

    def keep(answer: ImageAnswer) -> None:
        kept.keep(answer)
        meter.done += 1
        meter.failed += bool(answer.failure)

    return ImageTrial(
        bases=ready.bases,
        variants=ready.variants,
        scorers=scorers_of(parts, ready, purse),
        make=make,
        decode=decode,
        keep=keep,
        known=kept.known,
        purse=purse,
        at_once=parts.evals.ports.at_once if parts.evals else STUDENTS_AT_ONCE,
        thresholds=thresholds_of(parts.settings),
    )


def drawn_variant(base: BasePicture, variant: Variant, texts: Mapping[str, PictureCanary], font: str | None) -> bytes:
    """The variant as bytes of a picture file."""
    if variant.family == "canary":
        return written(base.jpeg, texts[variant.name], variant.step, font)
    transform = next((each for each in TRANSFORMS if each == variant.name), None)
    return untouched(base.jpeg) if transform is None else spoilt(base.jpeg, transform, variant.step)


def scorers_of(parts: TrialParts, ready: ReadyTrial, purse: Purse) -> list[Scorer]:
    """Judges, whose calls are paid from the purse, and students."""
    run = uuid4()
    judges: list[Scorer] = [
        JudgeScorer(judge, parts.evals.ports.llm, purse, parts.evals.ports.patience, run, parts.evals.ports.seller)
        for judge in ready.judges
        if parts.evals
    ]
    return [*judges, *map(StudentScorer, ready.students)]


def purse_of(parts: TrialParts, ready: ReadyTrial) -> Purse:
    """The trial's money."""
    evals = parts.evals
    return Purse(ready.cap_usd, 0.0, lambda request: evals.pricing.weigh(request).worst_usd if evals else 0.0)


async def _bases(parts: TrialParts, order: TrialOrder) -> list[BasePicture]:
    limit = parts.settings.image_max_bytes
    if order.dataset is not None:
        dataset = await dataset_named(parts.around.pool, order.dataset)
        if dataset.kind != "image":
            raise UsageError(f"{dataset.ref} is a dataset of products: --dataset takes one of pictures (kind image)")
        items = await PostgresDatasets(parts.around.pool).items(dataset)

        async def tell(item: EvalItem) -> Listing:
            return await _listing(parts, item, order.wanted.category)

        return await of_dataset(FilePictures(parts.http, order.pictures, limit), items, tell, order.wanted)
    if order.pictures is not None:
        return await of_folder(parts.http, order.pictures, order.wanted, limit)
    return await drawn(parts.http, order.wanted)


async def _listing(parts: TrialParts, item: EvalItem, category: str) -> Listing:
    """As a run of evaluation knows it; students look at nothing of it."""
    if parts.evals is None:
        return bare_listing(category, item.listing_id)
    return await listing_of_item(parts.evals.ports, item, task_of_item(ESTIMATED_WITH, "", item))


async def _money(
    parts: TrialParts,
    judges: Sequence[JudgeVersion],
    bases: Sequence[BasePicture],
    variants: Sequence[Variant],
    kept: KeptAnswers,
) -> tuple[CostEstimate, float]:
    """What all judges would cost, and the cap where none is given. One call of each picture is sized."""
    if parts.evals is None:
        return CostEstimate(), 0.0
    pricing = parts.evals.pricing
    calls = [call for judge in judges for base in bases for call in _planned(parts.evals, judge, base, variants, kept)]
    estimate = estimated(calls, await habits_of(parts.evals.history, calls), pricing.prices, pricing.limits)
    return estimate, estimate.safe_usd(min(pricing.limits.in_flight, math.ceil(estimate.calls) + 1))


def _planned(
    evals: EvalParts, judge: JudgeVersion, base: BasePicture, variants: Sequence[Variant], kept: KeptAnswers
) -> list[PlannedCall]:
    """One call that stands for all of the picture's; none where all are answered."""
    recipe = judge_recipe(judge, base)
    left = sum(AnswerKey(judge.version, recipe, base.image_hash, each) not in kept.known for each in variants)
    side = evals.pricing.picture_side
    stand_in = Picture("", b"", side, side, side, side, 0, "", {})
    request = variant_request(judge, base, Variant("order", UNTOUCHED, 0), stand_in, ESTIMATED_WITH, evals.ports.seller)
    return [evals.pricing.planned(request, 1, left)] if left else []


async def student_meant(parts: TrialParts, ref: str) -> Student:
    """The student that `ref` means, `live` the one that scores now; UsageError where there is none."""
    return readable(await student_desk(parts.around.pool).meant(ref))
