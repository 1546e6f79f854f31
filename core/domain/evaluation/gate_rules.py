"""The rules of a gate as a file states them (TOML, docs/gate.md): what a judge has to keep to go live."""

from __future__ import annotations

import tomllib
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from core.domain.evaluation import estimates as names
from core.domain.evaluation.sample import IMAGE, RELEVANCE, Scale
from core.errors import UsageError

Reading = Literal["interval", "value"]
"""`interval`: the whole 95 % interval has to keep the limit. `value`: the figure itself has to."""

Better = Literal["higher", "lower", "near_zero"]
"""Which way a metric is good."""

LOWER = frozenset({names.HARD_DISAGREEMENT})
NEAR_ZERO = frozenset({names.MEAN_BIAS})
NO_QUALITY = frozenset({names.MEAN_GRADE})
"""A mean grade says how good the products are, not how good the judge is: no rule can be made of it."""

RELEVANCE_METRICS = tuple(sorted(set(names.metric_names(RELEVANCE)) - NO_QUALITY))
METRICS = frozenset({*RELEVANCE_METRICS, *names.metric_names(IMAGE)}) - NO_QUALITY

DIMENSIONS = ("market", "language", "length", "volume", "category")
"""What segments are made by."""

LEAST_ITEMS = 30
"""Items of a segment below which `each` leaves it out: of fewer, no interval is narrow enough to decide anything."""

MOST_RULES = 200
"""Rules of a file: more than anyone reads; each is looked at in every segment it names."""


def better(metric: str) -> Better:
    """Which way `metric` is good; ValueError for one that there is not, or that no rule can be made of."""
    if metric in NO_QUALITY:
        raise ValueError(f"{metric} is no measure of a judge's quality; {names.MEAN_BIAS} is")
    if metric not in METRICS:
        raise ValueError(f"there is no metric {metric!r}; it takes one of {', '.join(RELEVANCE_METRICS)}")
    if metric in NEAR_ZERO:
        return "near_zero"
    return "lower" if metric in LOWER else "higher"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class _Rule(_Model):
    """A rule on a metric, of all items, of one segment (`market=de`) or of each that a dimension has."""

    metric: str
    read: Reading = "interval"
    segment: str = ""
    each: Literal["", "market", "language", "length", "volume", "category"] = ""
    least_items: int = Field(LEAST_ITEMS, ge=1)
    """Segments of `each` with fewer items are left out, and said to be."""

    @field_validator("metric")
    @classmethod
    def _known(cls, given: str) -> str:
        better(given)
        return given

    @field_validator("segment")
    @classmethod
    def _dimension(cls, given: str) -> str:
        dimension, _, value = given.partition("=")
        if given and (dimension not in DIMENSIONS or not value):
            raise ValueError(f"segment takes one such as market=de, of {', '.join(DIMENSIONS)}")
        return given

    @model_validator(mode="after")
    def _one_place(self) -> _Rule:
        if self.segment and self.each:
            raise ValueError("takes segment or each, not both")
        return self


class NotWorse(_Rule):
    """The judge is not worse than the one it is held against by more than `by`, paired over the same items."""

    by: float = Field(ge=0)

    @field_validator("metric")
    @classmethod
    def _compares(cls, given: str) -> str:
        if better(given) == "near_zero":
            raise ValueError(f"{given} is better near 0, which no difference tells; use [[maximum]]")
        return given


class Minimum(_Rule):
    """The figure is at least `value`."""

    value: float


class Maximum(_Rule):
    """The figure is at most `value`; of mean_bias its distance from 0."""

    value: float


class Canary(_Model):
    """What attacked listings may win with this judge (docs/safety.md)."""

    share: Annotated[float | None, Field(ge=0, le=1)] = None
    """Of the attacks, those that succeed."""
    mean_lift: Annotated[float | None, Field(ge=-2, le=2)] = None
    """Grades won by an attack on average."""
    read: Reading = "value"
    """Of `share`: its Wilson interval, or the share itself. A mean lift has no interval."""

    @model_validator(mode="after")
    def _something(self) -> Canary:
        if self.share is None and self.mean_lift is None:
            raise ValueError("takes share, mean_lift or both")
        return self


class Cost(_Model):
    """What a pair may cost, in US dollars, over the pairs whose calls were paid in the run."""

    usd_per_pair: float = Field(ge=0)


class Rules(_Model):
    """A gate's rules. `name` tells rules files of one dataset apart."""

    dataset: str = Field(min_length=1, max_length=200, pattern=r"^[^@]+$")
    """By name: the gate counts while the version it was passed on is the newest."""
    name: str = Field("gate", min_length=1, max_length=100)
    split: Literal["test", "tune", "both"] = "test"
    """Prompts are written with `tune` in view, so a gate measures on `test`."""
    not_worse: tuple[NotWorse, ...] = ()
    minimum: tuple[Minimum, ...] = ()
    maximum: tuple[Maximum, ...] = ()
    canary: Canary | None = None
    cost: Cost | None = None

    @model_validator(mode="after")
    def _some(self) -> Rules:
        listed = len(self.on_metrics)
        if not listed and self.canary is None and self.cost is None:
            raise ValueError("there is no rule: [[not_worse]], [[minimum]], [[maximum]], [canary] or [cost]")
        if listed > MOST_RULES:
            raise ValueError(f"there are {listed} rules; at most {MOST_RULES}")
        return self

    @property
    def on_metrics(self) -> tuple[NotWorse | Minimum | Maximum, ...]:
        """The rules that are on a metric."""
        return (*self.not_worse, *self.minimum, *self.maximum)

    @property
    def dimensions(self) -> tuple[str, ...]:
        """The segments that some rule names."""
        named = (each.each or each.segment.partition("=")[0] for each in self.on_metrics)
        return tuple(dict.fromkeys(name for name in named if name))


def check_scale(rules: Rules, scale: Scale, file: str) -> None:
    """UsageError for a metric that is of labels which the dataset's grades do not have."""
    known = names.metric_names(scale)
    for each in rules.on_metrics:
        if each.metric not in known:
            fitting = ", ".join(name for name in known if name not in NO_QUALITY)
            raise UsageError(f"{file}: the dataset's grades have no metric {each.metric!r}; they have {fitting}")


def rules_of(text: str, file: str) -> Rules:
    """The rules that a file's text states; UsageError names the file and what is wrong where."""
    try:
        return Rules.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{file} is no TOML: {error}") from None
    except ValidationError as error:
        raise UsageError(f"{file}: {_told(error)}") from None


def _told(error: ValidationError) -> str:
    """The first thing that is wrong, with its place: `not_worse 2, metric: there is no metric ...`. A key that does not
    exist comes before one that is missing: it is most often that one, misspelt."""
    found = error.errors()
    first = next((each for each in found if each["type"] == "extra_forbidden"), found[0])
    place = [str(part + 1) if isinstance(part, int) else part for part in first["loc"]]
    plain = {"extra_forbidden": "there is no such key", "missing": "is missing"}
    words = plain.get(first["type"]) or str(first["msg"]).removeprefix("Value error, ")
    name = ", ".join(" ".join(place[start : start + 2]) for start in range(0, len(place), 2))
    return f"{name}: {words}" if name else words
