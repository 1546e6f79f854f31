"""Who scores a spoilt picture: a judge in a call of its own, or a student. Nothing is stored."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, Protocol
from uuid import UUID

from core.domain.events import event_id
from core.domain.images.student import Student
from core.eval_facts import JudgeVersion
from core.ports import Listing, Llm, LlmRequest, Picture, Task
from core.stages.patience import Patience
from core.stages.picture_calls import Shown, picture_judge, read_judgement, score_request
from core.stages.purse import Bill, Purse, RunLlm

APPLICATION = "eval-images"
"""Stands where a call names its application, so that its cost is told apart."""

Family = Literal["order", "canary"]
FAMILIES: tuple[Family, ...] = ("order", "canary")


class Variant(NamedTuple):
    """What is made of a picture: a transform and its strength, or a canary and which of its two texts."""

    family: Family
    name: str
    step: int


@dataclass(frozen=True, slots=True)
class BasePicture:
    """A picture that is spoilt: JPEG as the service's decoder made it, and what it shows."""

    name: str
    image_hash: str
    jpeg: bytes
    listing: Listing


class Said(NamedTuple):
    """A score and what came with it."""

    score: int
    flags: tuple[str, ...]
    reasoning: str
    cost_usd: float = 0.0
    call_id: UUID | None = None


class Scorer(Protocol):
    """Who scores pictures: one judge, or one student."""

    @property
    def version(self) -> str:
        """`name@hash`."""
        ...

    def recipe(self, base: BasePicture) -> str:
        """As `ImageAnswer.recipe`."""
        ...

    async def score(self, base: BasePicture, variant: Variant, picture: Picture) -> Said:
        """LlmError where there is none."""
        ...


@dataclass(frozen=True, slots=True)
class JudgeScorer:
    """A judge version, asked about each picture in a call of its own. `run` names the run its calls are told with,
    `seller` the attribute that no judge is told (the setting `listing_seller_attribute`)."""

    judge: JudgeVersion
    llm: Llm
    purse: Purse
    patience: Patience
    run: UUID
    seller: str

    @property
    def version(self) -> str:
        """As `Scorer`."""
        return self.judge.version

    def recipe(self, base: BasePicture) -> str:
        """As `Scorer`."""
        return judge_recipe(self.judge, base)

    async def score(self, base: BasePicture, variant: Variant, picture: Picture) -> Said:
        """Through the lane, paid from the purse."""
        bill = Bill()
        llm = RunLlm(self.llm, self.purse, bill, {"eval_images": str(self.run), "judge": self.judge.version})
        request = variant_request(self.judge, base, variant, picture, self.run, self.seller)
        reply = await self.patience.of(lambda: llm.complete(request))
        told = read_judgement(reply.text)
        return Said(told.overall, tuple(told.flags), told.reasoning, sum(bill.usd.values()), reply.call_id)


@dataclass(frozen=True, slots=True)
class StudentScorer:
    """A student: its score as the service would write it, rounded, 1 to 10. It reads no text and sets no flag."""

    student: Student

    @property
    def version(self) -> str:
        """As `Scorer`."""
        return self.student.version

    def recipe(self, base: BasePicture) -> str:
        """As `Scorer`."""
        return self.student.extractor

    async def score(self, base: BasePicture, variant: Variant, picture: Picture) -> Said:
        """At once, for nothing."""
        says = self.student.says(picture.features[self.student.extractor])
        return Said(says.points, (), says.reasoning)


def judge_recipe(judge: JudgeVersion, base: BasePicture) -> str:
    """As `Scorer.recipe`, of a judge."""
    asked = picture_judge(judge, base.listing.category)
    return f"{asked.model} {asked.prompt.version}"


def variant_request(
    judge: JudgeVersion, base: BasePicture, variant: Variant, picture: Picture, run: UUID, seller: str
) -> LlmRequest:
    """The judge's call about one variant, as the listing's main picture."""
    url = f"{base.name}#{variant.name}-{variant.step}"
    subject = {"application": APPLICATION, "listing_id": base.listing.listing_id, "image_url": url}
    key = f"{APPLICATION}/{run}/{judge.version}/{base.image_hash}/{'/'.join(map(str, variant))}"
    task = Task(event_id(key), key, "image", "backfill", base.name, subject, {}, 1)
    shown = replace(base.listing, image_urls=(url,))
    return score_request([Shown(task, picture)], shown, picture_judge(judge, base.listing.category), seller)
