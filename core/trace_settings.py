"""Settings of traces sent to an OpenTelemetry backend (docs/tracing.md), a part of `core.settings.Settings`."""

from __future__ import annotations

from typing import Literal

from pydantic import AliasChoices, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings


class TraceSettings(BaseSettings):
    """Where spans go, and what of them."""

    traces_endpoint: str | None = Field(
        None,
        validation_alias=AliasChoices("ASSAY_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT", "traces_endpoint"),
        description="base address of an OTLP/HTTP receiver, such as http://localhost:6006; /v1/traces is added",
    )
    traces_headers: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("ASSAY_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS", "traces_headers"),
        description="headers sent along, as name=value, comma-separated, values percent-encoded where need be",
    )
    traces_resource: str = Field(
        "",
        validation_alias=AliasChoices("ASSAY_TRACES_RESOURCE", "OTEL_RESOURCE_ATTRIBUTES", "traces_resource"),
        description="resource attributes, as name=value, comma-separated, such as wandb.project=search",
    )
    traces_content: Literal["none", "all"] = Field(
        "none",
        description="all: prompts, replies, queries, listings and reasons leave with the spans; none: figures, and "
        "names of models, judges and versions",
    )

    @field_validator("traces_endpoint")
    @classmethod
    def _http_endpoint(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            raise ValueError("not an http or https address")
        return value

    @field_validator("traces_headers")
    @classmethod
    def _pairs(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not all("=" in part for part in value.get_secret_value().split(",") if part.strip()):
            raise ValueError("not name=value, comma-separated")
        return value

    @field_validator("traces_resource")
    @classmethod
    def _attributes(cls, value: str) -> str:
        if not all("=" in part for part in value.split(",") if part.strip()):
            raise ValueError("not name=value, comma-separated")
        return value
