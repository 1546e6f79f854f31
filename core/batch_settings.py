"""Settings of the batch lane (docs/batch-lane.md), a part of `core.llm_settings.JudgeSettings`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode


class BatchSettings(BaseSettings):
    """What goes into a provider's batches, and how large they are."""

    llm_batch_lanes: Annotated[tuple[Literal["panel", "backfill"], ...], NoDecode] = Field(
        (),
        description="lanes answered by the provider's batch API, of panel, backfill, comma-separated; none when empty",
    )
    llm_batch_purposes: Annotated[
        tuple[Literal["guideline", "judgements", "picture_scores", "picture_description"], ...], NoDecode
    ] = Field(
        ("judgements", "picture_scores", "picture_description"),
        description="calls that go into batches; no guidelines, since what waits for one would wait twice",
    )
    llm_batch_deadline_s: float = Field(
        21_600.0,
        gt=0,
        description="seconds after which what a batch has not answered is asked live: a panel has its night",
    )
    llm_batch_enough: int = Field(
        1_000, ge=1, description="calls of one lane and model that are ordered at once, without waiting for more"
    )
    llm_batch_wait_s: float = Field(
        300.0, ge=0, description="seconds the first collected call waits for others: little beside a batch's hours"
    )
    llm_batch_max_requests: int = Field(
        10_000,
        ge=1,
        le=100_000,
        description="calls in a batch: OpenAI takes 50,000, a smaller one is answered and read sooner",
    )
    llm_batch_max_bytes: int = Field(
        190_000_000, ge=1_000, description="bytes of a batch's file: OpenAI and Azure take 200 MB"
    )
    llm_batch_queued_tokens: int = Field(
        2_000_000,
        ge=1,
        description="input tokens of a model in open batches: the limit of OpenAI's lower tiers",
    )
    llm_batch_look_s: float = Field(
        120.0, gt=0, description="most seconds between two looks at a batch: they are seldom done within minutes"
    )
    llm_batch_cancel_on_stop: bool = Field(
        False, description="whether SIGTERM cancels open batches; else they go on, and the next start fetches them"
    )

    @field_validator("llm_batch_lanes", "llm_batch_purposes", mode="before")
    @classmethod
    def _words(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value
