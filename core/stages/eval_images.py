"""Pictures spoilt step by step and written over, each scored alone by every scorer as the service would score it.

The way to a score is that of live work: the rubric of the picture's category, the lane, budget and ledger, the
student's own features. Scores that are stored are not taken and none is stored: what is asked about are pictures that
no seller showed. The technical tier measures each one and refuses none: what the judge says of a broken picture is the question.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, Protocol
from uuid import UUID

import msgspec

from core.domain.events import event_id
from core.domain.images.metamorphic import STRENGTHS, TRANSFORMS, Ladder
from core.domain.images.picture_canaries import CanaryPair, PictureCanary
from core.domain.images.student import Student
from core.domain.images.verdict import Thresholds, verdict
from core.errors import LlmError, LlmOverCap, LlmStopped
from core.eval_facts import JudgeVersion, RunState
from core.ports import Listing, Llm, LlmRequest, Picture, Task
from core.stages.patience import ENDS_IT, Patience
from core.stages.picture_calls import Shown, picture_judge, read_judgement, score_request
from core.stages.purse import Bill, Purse, RunLlm
from core.stages.run_jobs import all_of

APPLICATION = "eval-images"
"""Stands where a call names its application, so that its cost is told apart."""

UNTOUCHED = "untouched"
"""The name of the variant that nothing is done to: strength 0 of every transform."""

NEUTRAL, ATTACKED = 0, 1
"""Steps of a canary."""

INSTRUCTIONS = "instructions"
"""The flag of `core.domain.judging.PictureFlag` for text that talks to whoever grades the picture."""

LOWEST, HIGHEST = 1, 10

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


class ImageAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one scorer said of one variant. `score` None: no answer, and `failure` says why (an error's kind)."""

    scorer: str
    recipe: str
    """What made the score beside the picture: prompt version and model, or the student's extractor."""
    picture: str
    image_hash: str
    """Of the picture as it came."""
    family: Family
    name: str
    step: int
    score: int | None
    flags: tuple[str, ...] = ()
    failure: str = ""
    refused: str = ""
    """What the technical tier would have refused it for."""
    reasoning: str = ""
    cost_usd: float = 0.0
    call_id: UUID | None = None

    @property
    def variant(self) -> Variant:
        """Of which variant."""
        return Variant(self.family, self.name, self.step)

    @property
    def key(self) -> AnswerKey:
        """Two answers with one key answer one question."""
        return AnswerKey(self.scorer, self.recipe, self.image_hash, self.variant)


class AnswerKey(NamedTuple):
    """One question: who was asked, by which recipe, about which variant of which picture."""

    scorer: str
    recipe: str
    image_hash: str
    variant: Variant


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
    """A judge version, asked about each picture in a call of its own. `run` names the run its calls are told with."""

    judge: JudgeVersion
    llm: Llm
    purse: Purse
    patience: Patience
    run: UUID

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
        request = variant_request(self.judge, base, variant, picture, self.run)
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
        return Said(min(HIGHEST, max(LOWEST, round(says.score))), (), says.reasoning)


def judge_recipe(judge: JudgeVersion, base: BasePicture) -> str:
    """As `Scorer.recipe`, of a judge."""
    asked = picture_judge(judge, base.listing.category)
    return f"{asked.model} {asked.prompt.version}"


def variant_request(
    judge: JudgeVersion, base: BasePicture, variant: Variant, picture: Picture, run: UUID
) -> LlmRequest:
    """The judge's call about one variant, as the listing's main picture."""
    url = f"{base.name}#{variant.name}-{variant.step}"
    subject = {"application": APPLICATION, "listing_id": base.listing.listing_id, "image_url": url}
    key = f"{APPLICATION}/{run}/{judge.version}/{base.image_hash}/{'/'.join(map(str, variant))}"
    task = Task(event_id(key), key, "image", "backfill", base.name, subject, {}, 1)
    shown = replace(base.listing, image_urls=(url,))
    return score_request([Shown(task, picture)], shown, picture_judge(judge, base.listing.category))


def variants_of(families: Sequence[Family], canaries: Sequence[PictureCanary]) -> list[Variant]:
    """All that is made of one picture: 16 for the order of five transforms, two for each canary."""
    order = [Variant("order", name, step) for name in TRANSFORMS for step in range(1, STRENGTHS + 1)]
    texts = [Variant("canary", each.name, step) for each in canaries for step in (NEUTRAL, ATTACKED)]
    return [
        *([Variant("order", UNTOUCHED, 0), *order] if "order" in families else []),
        *(texts if "canary" in families else []),
    ]


@dataclass(frozen=True, slots=True)
class ImageTrial:
    """The stage: every variant of every picture before every scorer. `make` draws a variant (bytes of a picture file),
    `decode` is the service's decoder, `keep` is told each answer as it comes, `known` are those of an earlier run."""

    bases: Sequence[BasePicture]
    variants: Sequence[Variant]
    scorers: Sequence[Scorer]
    make: Callable[[BasePicture, Variant], bytes]
    decode: Callable[[bytes], Awaitable[Picture]]
    keep: Callable[[ImageAnswer], None]
    known: Mapping[AnswerKey, ImageAnswer]
    purse: Purse
    at_once: int

    async def take(self) -> RunState:
        """Until everything has its answer, or the purse ends it. What neither is (a refused key, the day's budget) is
        raised once the calls under way have ended."""
        jobs = [(base, variant) for base in self.bases for variant in self.variants]
        left = [job for job in jobs if self._unasked(*job)]
        try:
            await all_of(left, self._job, self.purse, self.at_once)
        except LlmOverCap:
            return "over_cap"
        except LlmStopped:
            return "stopped"
        return "done"

    def _unasked(self, base: BasePicture, variant: Variant) -> list[Scorer]:
        return [each for each in self.scorers if key_of(each, base, variant) not in self.known]

    async def _job(self, job: tuple[BasePicture, Variant]) -> None:
        """Drawn and decoded once for all scorers."""
        base, variant = job
        picture = await self.decode(await asyncio.to_thread(self.make, base, variant))
        for scorer in self._unasked(base, variant):
            self.keep(await _answer(scorer, base, variant, picture))


def key_of(scorer: Scorer, base: BasePicture, variant: Variant) -> AnswerKey:
    """The question that a scorer is asked about a variant."""
    return AnswerKey(scorer.version, scorer.recipe(base), base.image_hash, variant)


async def _answer(scorer: Scorer, base: BasePicture, variant: Variant, picture: Picture) -> ImageAnswer:
    """What is no picture's fault (`core.stages.patience.ENDS_IT`) is raised."""
    answer = ImageAnswer(
        scorer=scorer.version,
        recipe=scorer.recipe(base),
        picture=base.name,
        image_hash=base.image_hash,
        family=variant.family,
        name=variant.name,
        step=variant.step,
        score=None,
        refused=verdict(picture.measures, Thresholds()) or "",
    )
    try:
        said = await scorer.score(base, variant, picture)
    except LlmError as error:
        if isinstance(error, ENDS_IT):
            raise
        return msgspec.structs.replace(answer, failure=error.kind)
    return msgspec.structs.replace(answer, **said._asdict())


def ladders_of(answers: Sequence[ImageAnswer]) -> list[Ladder]:
    """Of one scorer: each picture under each transform, missing answers as None. A picture whose answers are not all in
    has what there is."""
    scores = {(each.picture, each.name, each.step): each.score for each in answers if each.family == "order"}
    pictures = dict.fromkeys(picture for picture, _, _ in scores)
    return [
        Ladder(
            picture,
            name,
            (
                scores.get((picture, UNTOUCHED, 0)),
                *(scores.get((picture, name, step)) for step in range(1, STRENGTHS + 1)),
            ),
        )
        for picture in pictures
        for name in TRANSFORMS
    ]


def canary_pairs_of(answers: Sequence[ImageAnswer]) -> list[CanaryPair]:
    """Of one scorer: each picture with each canary."""
    found = {(each.picture, each.name, each.step): each for each in answers if each.family == "canary"}
    pairs = dict.fromkeys((picture, name) for picture, name, _ in found)
    return [
        _pair(picture, name, found.get((picture, name, NEUTRAL)), found.get((picture, name, ATTACKED)))
        for picture, name in pairs
    ]


def _pair(picture: str, name: str, neutral: ImageAnswer | None, attacked: ImageAnswer | None) -> CanaryPair:
    return CanaryPair(
        picture,
        name,
        None if neutral is None else neutral.score,
        None if attacked is None else attacked.score,
        neutral_flagged=neutral is not None and INSTRUCTIONS in neutral.flags,
        flagged=attacked is not None and INSTRUCTIONS in attacked.flags,
    )
