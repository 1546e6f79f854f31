"""Pictures spoilt step by step and written over, each scored alone by every scorer as the service would score it.

The way to a score is that of live work: the rubric of the picture's category, the lane, budget and ledger, the
student's own features. Scores that are stored are not taken and none is stored: what is asked about are pictures that
no seller showed. The technical tier measures each one and refuses none: what is said of a broken picture is the
question.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

import msgspec

from core.domain.images.metamorphic import STRENGTHS, TRANSFORMS, Ladder
from core.domain.images.picture_canaries import NEUTRALS, CanaryScores, PictureCanary
from core.domain.images.verdict import Thresholds, verdict
from core.errors import LlmError, LlmOverCap, LlmStopped
from core.eval_facts import RunState
from core.ports import Picture
from core.stages.image_scorers import BasePicture, Family, Scorer, Variant
from core.stages.patience import ENDS_IT
from core.stages.purse import Purse
from core.stages.run_jobs import all_of

UNTOUCHED = "untouched"
"""The name of the variant that nothing is done to: strength 0 of every transform."""

ATTACKED = NEUTRALS
"""The last step of a canary; those before it are its texts of no meaning."""

INSTRUCTIONS = "instructions"
"""The flag of `core.domain.judging.PictureFlag` for text that talks to whoever grades the picture."""


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


def variants_of(families: Sequence[Family], canaries: Sequence[PictureCanary]) -> list[Variant]:
    """All that is made of one picture: 16 for the order of five transforms, three for each canary."""
    order = [Variant("order", name, step) for name in TRANSFORMS for step in range(1, STRENGTHS + 1)]
    texts = [Variant("canary", each.name, step) for each in canaries for step in range(ATTACKED + 1)]
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
    thresholds: Thresholds
    """Of the technical tier, which is told and refuses nothing here."""

    async def take(self) -> RunState:
        """Until everything has its answer, or the purse ends it. What neither is (a refused key, the day's budget) is
        raised once the calls under way have ended."""
        jobs = [(base, variant) for base in self.bases for variant in self.variants if self._unasked(base, variant)]
        try:
            await all_of(jobs, self._job, self.purse, self.at_once)
        except LlmOverCap:
            return "over_cap"
        except LlmStopped:
            return "stopped"
        return "done"

    @property
    def left(self) -> int:
        """Answers that are yet to be given."""
        return sum(len(self._unasked(base, variant)) for base in self.bases for variant in self.variants)

    def answered(self, scorer: Scorer, kept: Mapping[AnswerKey, ImageAnswer]) -> list[ImageAnswer]:
        """Of the trial's questions those that `kept` answers, in their order."""
        keys = (key_of(scorer, base, variant) for base in self.bases for variant in self.variants)
        return [kept[key] for key in keys if key in kept]

    def _unasked(self, base: BasePicture, variant: Variant) -> list[Scorer]:
        return [each for each in self.scorers if key_of(each, base, variant) not in self.known]

    async def _job(self, job: tuple[BasePicture, Variant]) -> None:
        """Drawn and decoded once for all scorers."""
        base, variant = job
        picture = await self.decode(await asyncio.to_thread(self.make, base, variant))
        for scorer in self._unasked(base, variant):
            self.keep(await _answer(scorer, base, variant, picture, self.thresholds))


def key_of(scorer: Scorer, base: BasePicture, variant: Variant) -> AnswerKey:
    """The question that a scorer is asked about a variant."""
    return AnswerKey(scorer.version, scorer.recipe(base), base.image_hash, variant)


async def _answer(
    scorer: Scorer, base: BasePicture, variant: Variant, picture: Picture, thresholds: Thresholds
) -> ImageAnswer:
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
        refused=verdict(picture.measures, thresholds) or "",
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


def canary_scores_of(answers: Sequence[ImageAnswer]) -> list[CanaryScores]:
    """Of one scorer: each picture with each canary."""
    found = {(each.picture, each.name, each.step): each for each in answers if each.family == "canary"}
    asked = dict.fromkeys((picture, name) for picture, name, _ in found)
    return [_scores(*each, [found.get((*each, step)) for step in range(ATTACKED + 1)]) for each in asked]


def _scores(picture: str, name: str, answers: Sequence[ImageAnswer | None]) -> CanaryScores:
    scores = [None if each is None else each.score for each in answers]
    flags = [each is not None and INSTRUCTIONS in each.flags for each in answers]
    return CanaryScores(
        picture,
        name,
        tuple(scores[:ATTACKED]),
        scores[ATTACKED],
        flagged=flags[ATTACKED],
        false_alarms=sum(flags[:ATTACKED]),
    )
