"""Settings of judging: the LLM behind it, its limits and money, and how results and pictures are put to it.

A part of `core.settings.Settings`, in a file of its own for its length.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from pydantic import AliasChoices, Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import NoDecode

from core.batch_settings import BatchSettings

LaneName = Literal["live", "panel", "backfill"]

LANE_SHARES: dict[LaneName, float] = {"live": 0.5, "panel": 0.2, "backfill": 0.1}
"""Half for what shoppers meet now; a panel's night and a backfill move all the same. What is left goes by priority."""


class JudgeSettings(BatchSettings):
    """What the judging processes read."""

    # LLM
    llm_base_url: str | None = Field(
        None,
        validation_alias=AliasChoices("ASSAY_LLM_BASE_URL", "OPENAI_BASE_URL", "llm_base_url"),
        description="an OpenAI-compatible endpoint, such as https://api.openai.com/v1",
    )
    llm_api_key: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("ASSAY_LLM_API_KEY", "OPENAI_API_KEY", "llm_api_key"),
        description="the key of the endpoint",
    )
    llm_model: str | None = Field(None, min_length=1, description="the judge's model name")
    llm_vision_model: str | None = Field(None, description="the model for pictures; the judge's when not set")
    llm_requests_per_minute: int = Field(500, ge=1, description="requests, all replicas together")
    llm_tokens_per_minute: int = Field(200_000, ge=1, description="tokens, all replicas together")
    llm_max_in_flight: int = Field(32, ge=1, le=10_000, description="calls at once, all replicas together")
    llm_budget_usd_per_day: float = Field(
        50.0, ge=0, description="US dollars a UTC day; nothing is called that could pass it"
    )
    llm_lane_budget_usd_per_day: Annotated[dict[LaneName, Annotated[float, Field(ge=0)]], NoDecode] = Field(
        default_factory=dict,
        description='US dollars a UTC day for a lane, such as {"backfill": 20}; a lane not named has no cap of its own',
    )
    llm_lane_shares: Annotated[dict[LaneName, Annotated[float, Field(ge=0, le=1)]], NoDecode] = Field(
        default_factory=LANE_SHARES.copy,
        description="part of the limits that a lane gets however much waits in better ones, 0 to 1, in sum at most 1",
    )
    llm_prefix_order: bool = Field(
        True, description="calls that begin alike go one after the other, so that the provider's prompt cache pays"
    )
    llm_timeout_s: float = Field(
        120.0,
        gt=0,
        description="seconds for a whole call: ten times the 99th percentile of a 20-product reply",
    )
    llm_connect_timeout_s: float = Field(
        10.0, gt=0, description="seconds to connect: a handshake takes under 1, three SYN retries take 7"
    )
    llm_prices: str | None = Field(None, description="a JSON file of prices that replaces the built-in table")

    # Cascade
    llm_cascade_model: str | None = Field(
        None, min_length=1, description="the strong model, asked where the judge's is unsure; no cascade when not set"
    )
    llm_cascade_second_model: str | None = Field(
        None, min_length=1, description="a second cheap model, asked too: where the two differ, the strong one decides"
    )
    llm_cascade_confidence: float = Field(
        0.8, ge=0, le=1, description="0 to 1, below it a grade is unsure: the prompt has .95 for plain, .7 for not told"
    )

    # Critique
    llm_critique_model: str | None = Field(
        None,
        min_length=1,
        description="looks at a sample of judgements again; else the cascade's strong one, or that for pictures",
    )

    # Fallback
    llm_fallback_base_url: str | None = Field(
        None,
        description="a second OpenAI-compatible endpoint, asked while the first is out of service; none when not set",
    )
    llm_fallback_api_key: SecretStr | None = Field(None, description="the key of the second endpoint")
    llm_fallback_model: str | None = Field(None, min_length=1, description="the judge's model name there")
    llm_fallback_vision_model: str | None = Field(
        None, min_length=1, description="the model for pictures there; the fallback judge's when not set"
    )
    llm_fallback_requests_per_minute: int = Field(
        500, ge=1, description="requests to the second endpoint, all replicas together"
    )
    llm_fallback_tokens_per_minute: int = Field(
        200_000, ge=1, description="tokens of the second endpoint, all replicas together"
    )
    llm_fallback_max_in_flight: int = Field(
        32, ge=1, le=10_000, description="calls at once to the second endpoint, all replicas together"
    )
    llm_fallback_lanes: Annotated[tuple[LaneName, ...], NoDecode] = Field(
        ("live",),
        description="lanes that may use it, of live, panel, backfill: a panel judged by another model looks like drift",
    )
    llm_fallback_hold_s: float = Field(
        30.0,
        ge=0,
        description="seconds of a Retry-After from which it is used: a minute's limit is over sooner, a quota is not",
    )

    # Judging
    judge_mode: Literal["text", "text_and_description", "multimodal"] = Field(
        "text", description="text, text_and_description or multimodal"
    )
    judge_products_per_call: int = Field(20, ge=1, le=20, description="1 to 20: more a call cost fewer tokens a pair")
    judge_results_per_query: int = Field(
        20, ge=1, le=100, description="how many of a query's results are judged: the first page"
    )
    canary_max_share: float = Field(
        0.05,
        ge=0,
        le=1,
        description="0 to 1: share of the canary attacks that may succeed before `assay canary` fails and an alert comes; "
        "3 of 61 are a model's own wavering",
    )
    task_attempts: int = Field(
        5, ge=1, le=50, description="failures of one kind before a task fails: passing faults end within 3"
    )
    task_lease_s: float = Field(
        300.0,
        gt=0,
        description="seconds a lease lives without heartbeat: twice the longest call, so no living call loses its task",
    )

    @field_validator("llm_lane_budget_usd_per_day", "llm_lane_shares", mode="before")
    @classmethod
    def _by_lane(cls, value: object) -> object:
        return msgspec.json.decode(value) if isinstance(value, str) else value

    @field_validator("llm_fallback_lanes", mode="before")
    @classmethod
    def _lanes(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("llm_lane_shares")
    @classmethod
    def _at_most_all(cls, value: dict[str, float]) -> dict[str, float]:
        if sum(value.values()) > 1 + 1e-9:
            raise ValueError("in sum over 1")
        return value

    @field_validator("llm_base_url", "llm_fallback_base_url")
    @classmethod
    def _http_url(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            raise ValueError("not an http or https address")
        return value

    @field_validator("llm_cascade_second_model")
    @classmethod
    def _second_of_a_cascade(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and info.data.get("llm_cascade_model") is None:
            raise ValueError("ASSAY_LLM_CASCADE_MODEL is not set")
        return value

    def vision_model(self) -> str | None:
        """The model that looks at pictures."""
        return self.llm_vision_model or self.llm_model
