"""Settings of the review queue (docs/review.md), a part of `core.settings.Settings`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode


class ReviewSettings(BaseSettings):
    """How the queue is filled and who decides."""

    review_reviewers: int = Field(
        2,
        ge=1,
        le=20,
        description="answers each item is asked for: two show where people disagree, one is twice as fast",
    )
    review_items: int = Field(
        200, ge=1, le=100_000, description="items of one filling: an expert's hour, and what a calibration needs"
    )
    review_random_share: float = Field(
        0.2,
        ge=0,
        le=1,
        description="part of a filling drawn at random: only it feeds unbiased figures (docs/review.md)",
    )
    review_lease_s: float = Field(
        600.0,
        gt=0,
        description="seconds an item stays with whom it is shown to: an answer takes 20, a question to a "
        "colleague minutes",
    )
    review_adjudicators: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="names, comma-separated, of reviewers who decide disagreements without the role operate"
    )

    @field_validator("review_adjudicators", mode="before")
    @classmethod
    def _names(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value
