"""What is asked of a judge and what it answers: shapes of the prompts' data and of the structured replies.

The reply models are the JSON Schemas sent to the provider (`response_format`) and the check on what comes back.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from core.domain.labels import Label

MAX_PRODUCTS_PER_CALL = 20
"""Rules and guideline are paid once a call: by twenties a pair costs a quarter to a tenth of the input tokens of one a
call (docs/benchmarks.md), and more would risk replies that are cut off."""

Importance = Literal["must_have", "approximate_is_okay", "nice_to_have"]


class Reply(BaseModel):
    """Base of the structured replies: unknown keys are refused, so a reply is what the schema says or invalid."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Requirement(Reply):
    """One thing the shopper asks for, how much it matters and why we think so."""

    requirement: str
    importance: Importance
    why: str


class LabelGuide(Reply):
    """When each label applies to a product of this query."""

    highly_relevant: str
    acceptable_substitute: str
    irrelevant: str


class GuidelineReply(Reply):
    """Step 1: what the query asks for, and the guideline made from it. Schema name `guideline`."""

    translation: str = Field(description="the query in English; the query itself when it is English")
    specificity: Literal["broad", "medium", "specific"]
    requirements: list[Requirement]
    guideline: LabelGuide


class ProductJudgement(Reply):
    """One product graded on its own; reasoning comes before the label."""

    item: str = Field(description="the product's item name as given, such as p1")
    reasoning: str
    verdicts: str = Field(
        description="one letter a requirement, in the guideline's order: y met, n not met, ? not told by the data"
    )
    label: Label
    confidence: float = Field(ge=0, le=1)


class JudgementsReply(Reply):
    """Step 5: one judgement for every product given. Schema name `judgements`."""

    judgements: list[ProductJudgement]


VERDICTS = frozenset("yn?")
"""`y` the data shows the requirement to be met, `n` it shows that it is not, `?` it tells neither."""

_BETWEEN = str.maketrans("", "", " ,;|")
"""What models put between the letters, unasked."""


def read_verdicts(told: str, requirements: int) -> str:
    """The letters as we keep them, in small print and with nothing between; empty where they are other letters or not
    as many as there are requirements: a list that does not fit says nothing of any of them, and costs no label."""
    letters = told.casefold().translate(_BETWEEN)
    return letters if len(letters) == requirements and VERDICTS.issuperset(letters) else ""


def undecided(judgement: ProductJudgement, guideline: GuidelineReply) -> int:
    """How many `must_have` requirements the product's data neither shows to be met nor rules out; all of them where the
    judge gave no usable verdicts, and 0 where one is clearly not met, since that one settles the label."""
    told = read_verdicts(judgement.verdicts, len(guideline.requirements)) or "?" * len(guideline.requirements)
    musts = [
        letter
        for letter, requirement in zip(told, guideline.requirements, strict=True)
        if requirement.importance == "must_have"
    ]
    return 0 if "n" in musts else musts.count("?")


class JudgementCritique(Reply):
    """What a second model says of one judgement; `why` comes before what follows from it."""

    item: str = Field(description="the product's item name as given, such as p1")
    why: str
    reason_holds: bool = Field(description="the reasoning says nothing that the data does not show")
    agrees: bool = Field(description="the label is right")
    label: Label = Field(description="the right label: the given one where you agree")


class CritiqueReply(Reply):
    """One critique for every judgement given. Schema name `critique`."""

    critiques: list[JudgementCritique]


class PictureCritiqueReply(Reply):
    """What a second model says of a picture's scores; `why` comes before the rest. Schema name `critique`."""

    why: str
    reason_holds: bool = Field(description="the reasoning says nothing that the picture does not show")
    agrees: bool = Field(description="the overall score is right, or one off")
    overall: int = Field(ge=1, le=10, description="the right overall score: the given one where you agree")


class DescriptionReply(Reply):
    """Step 4: the picture in words. Schema name `picture_description`."""

    description: str


PictureFlag = Literal["ai_made", "over_edited", "instructions"]
"""What a picture is, beside how good it is: `ai_made` made or redrawn by an image generator; `over_edited` retouched so
far that the item no longer looks as it is; `instructions` text in it talks to whoever grades it."""


class PictureAspects(Reply):
    """Score of each aspect, 1 (bad) to 10 (perfect)."""

    focus: int = Field(ge=1, le=10)
    lighting: int = Field(ge=1, le=10)
    background: int = Field(ge=1, le=10)
    framing: int = Field(ge=1, le=10)
    completeness: int = Field(ge=1, le=10)
    overlays: int = Field(ge=1, le=10)
    honesty: int = Field(ge=1, le=10)
    authenticity: int = Field(ge=1, le=10, description="looks like an untouched photograph of a real thing")


class PictureJudgement(Reply):
    """One picture scored by the rubric; reasoning comes before the scores, and what it is before the overall one."""

    item: str
    reasoning: str
    aspects: PictureAspects
    flags: list[PictureFlag] = Field(description="those that hold, each at most once; empty for most pictures")
    overall: int = Field(ge=1, le=10)

    @field_validator("flags")
    @classmethod
    def _once(cls, flags: list[PictureFlag]) -> list[PictureFlag]:
        """Providers' strict schemas can't say that entries differ, and a flag said twice means what it means once."""
        return list(dict.fromkeys(flags))


class PictureScoresReply(Reply):
    """One judgement for every picture given. Schema name `picture_scores`."""

    pictures: list[PictureJudgement]
