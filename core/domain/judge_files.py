"""The file that a judge is written in. Pure.

A judge file is TOML. What it leaves out is as in the built-in judge; what it says and nobody knows is refused, since a
misspelt key would be a judge that differs in nothing.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from core.domain.cascade import Cascade
from core.domain.evaluation.anchor_texts import AnchorText, anchors_in_text
from core.domain.judges import LIVE, SETTINGS, JudgeVersion
from core.domain.judging import MAX_PRODUCTS_PER_CALL
from core.domain.labels import Mode
from core.domain.sampling import Effort, Sampling
from core.errors import UsageError

CASCADE_CONFIDENCE = 0.8
"""Where a file names a cascade and no confidence: as the setting ASSAY_LLM_CASCADE_CONFIDENCE has it."""

PROMPT_LIMIT = 64_000
"""Characters of a prompt: the longest built-in one has 7,000, and 64,000 are 16,000 tokens that every call pays."""

MOST_REASONING_TOKENS = 32_000
"""Every call is reserved with them at the output price: beyond, one call could cost more than a day's labels."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class CascadeTable(_Part):
    """`[cascade]`: the strong model, a second cheap one, and the confidence below which a grade is unsure."""

    model: str = Field(min_length=1, max_length=200)
    second_model: str = Field("", max_length=200)
    confidence: float = Field(CASCADE_CONFIDENCE, ge=0, le=1)


class PromptTable(_Part):
    """`[prompts]`: paths relative to the judge file; the built-in prompt where there is none."""

    guideline: str | None = Field(None, min_length=1)
    judgements: str | None = Field(None, min_length=1)
    picture_description: str | None = Field(None, min_length=1)
    picture_scores: str | None = Field(None, min_length=1)


class ParameterTable(_Part):
    """`[parameters]`: how the models are asked for guidelines and judgements; the endpoint's way where left out."""

    temperature: float | None = Field(None, ge=0, le=2)
    reasoning_effort: Effort = ""
    reasoning_tokens: int = Field(0, ge=0, le=MOST_REASONING_TOKENS)


RubricPath = Annotated[str, Field(min_length=1)]


class JudgeFile(_Part):
    """What a judge file says."""

    name: str
    model: str = Field(min_length=1, max_length=200)
    vision_model: str = Field("", max_length=200)
    mode: Mode = "text"
    products_per_call: int = Field(MAX_PRODUCTS_PER_CALL, ge=1, le=MAX_PRODUCTS_PER_CALL)
    prompts: PromptTable = PromptTable()
    cascade: CascadeTable | None = None
    parameters: ParameterTable = ParameterTable()
    rubrics: dict[str, RubricPath | Literal[False]] = Field(default_factory=dict)
    """`[rubrics]`: paths as in `[prompts]`, by the rubric's name, which may be a new one; `false` leaves the built-in
    one of that name out."""

    @field_validator("name")
    @classmethod
    def _plain(cls, name: str) -> str:
        if not _NAME.fullmatch(name) or name.endswith(".toml"):
            raise ValueError("takes 1 to 64 letters, digits and . _ -, beginning with a letter or digit, no .toml")
        if name in (SETTINGS, LIVE):
            raise ValueError(f"{name!r} is what commands call another judge; take another name")
        return name

    @property
    def models(self) -> tuple[str, ...]:
        """Every model that it names."""
        steps = (self.cascade.model, self.cascade.second_model) if self.cascade else ()
        return tuple(dict.fromkeys(model for model in (self.model, self.vision_model, *steps) if model))

    def cascade_made(self) -> Cascade | None:
        """As the grading step takes it."""
        told = self.cascade
        return None if told is None else Cascade(told.model, told.second_model, told.confidence)

    def sampling(self) -> Sampling:
        """As requests carry it."""
        told = self.parameters
        return Sampling(told.temperature, told.reasoning_effort, told.reasoning_tokens)


def parsed_judge(text: str, where: str) -> JudgeFile:
    """The file's content; UsageError with `where`, line and key for what is wrong with it."""
    try:
        return JudgeFile.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{where} is no TOML: {error}") from None
    except ValidationError as error:
        raise UsageError(_fault(error, text, where)) from None


def _fault(error: ValidationError, text: str, where: str) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    steps = [str(step) for step in first["loc"]]
    line = _line_of(text, steps) or _line_of(text, steps[:-1])
    place = f"{where}, line {line}" if line else where
    if first["type"] == "extra_forbidden":
        known = _known(steps[:-1])
        return f"{place}: there is no key {'.'.join(steps)!r}; there are {', '.join(known)}"
    if first["type"] == "missing":
        return f"{place}: {'.'.join(steps)} is missing"
    return f"{place}: {'.'.join(steps)}: {first['msg'].removeprefix('Value error, ')}"


def _known(table: Sequence[str]) -> Sequence[str]:
    tables: Mapping[str, type[_Part]] = {
        "prompts": PromptTable,
        "cascade": CascadeTable,
        "parameters": ParameterTable,
    }
    return list(tables[table[0]].model_fields if table else JudgeFile.model_fields)


def _line_of(text: str, steps: Sequence[str]) -> int | None:
    """The line of a key (and its table) that stands alone on it, from 1; None where it is written otherwise."""
    table = ""
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*\[\s*([\w.-]+)\s*\]", line)
        table = header[1] if header else table
        key = re.match(r"\s*[\"']?([\w.-]+)[\"']?\s*=", line)
        if (header and [table] == list(steps)) or (key and [*filter(None, [table]), key[1]] == list(steps)):
            return number
    return None


def refuse_anchors(judge: JudgeVersion, anchors: Iterable[AnchorText]) -> None:
    """UsageError where a prompt or rubric shows an anchor with its product: the judge would be measured by what it was
    told."""
    known = list(anchors)
    texts = {
        **{f"prompt {name}": text for name, text in judge.prompts.items()},
        **{f"rubric {name}": text for name, text in judge.rubrics.items()},
    }
    for name, text in texts.items():
        for anchor in anchors_in_text([text], known)[:1]:
            raise UsageError(
                f"the {name} of the judge {judge.name} shows the anchor {anchor.query!r} with its product "
                f"{anchor.title!r}: anchors never enter a prompt; take it out"
            )
