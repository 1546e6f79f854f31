"""Settings of judging: the LLM behind it, its limits and money, and how results and pictures are put to it.

A part of `core.settings.Settings`, in a file of its own for its length.
"""

from __future__ import annotations

from typing import Literal

from pydantic import AliasChoices, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings


class JudgeSettings(BaseSettings):
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
    llm_timeout_s: float = Field(
        120.0,
        gt=0,
        description="seconds for a whole call: ten times the 99th percentile of a 20-product reply",
    )
    llm_connect_timeout_s: float = Field(
        10.0, gt=0, description="seconds to connect: a handshake takes under 1, three SYN retries take 7"
    )
    llm_prices: str | None = Field(None, description="a JSON file of prices that replaces the built-in table")

    # Judging
    judge_mode: Literal["text", "text_and_description", "multimodal"] = Field(
        "text", description="text, text_and_description or multimodal"
    )
    judge_products_per_call: int = Field(20, ge=1, le=20, description="1 to 20: more a call cost fewer tokens a pair")
    judge_results_per_query: int = Field(
        20, ge=1, le=100, description="how many of a query's results are judged: the first page"
    )
    task_attempts: int = Field(5, ge=1, le=50, description="attempts before a task fails: passing faults end within 3")
    task_lease_s: float = Field(
        300.0,
        gt=0,
        description="seconds a lease lives without heartbeat: twice the longest call, so no living call loses its task",
    )

    @field_validator("llm_base_url")
    @classmethod
    def _http_url(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            raise ValueError("not an http or https address")
        return value

    def vision_model(self) -> str | None:
        """The model that looks at pictures."""
        return self.llm_vision_model or self.llm_model
