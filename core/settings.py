"""Settings: typed, read once from the environment and `.env`; a missing or impossible value stops the start.

Every limit and timeout says why it has its value. A value that is not set is not passed on.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Annotated, Literal

import msgspec
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from core.access_settings import AccessSettings
from core.addresses import are_brokers, is_dsn
from core.errors import SettingsError
from core.image_settings import ImageSettings
from core.llm_settings import JudgeSettings
from core.review_settings import ReviewSettings
from core.trace_settings import TraceSettings

DEFAULT_ENGAGEMENT_ACTIONS = ("click", "click_through", "item_click", "add_to_cart", "purchase")


class Settings(JudgeSettings, AccessSettings, ReviewSettings, TraceSettings, ImageSettings):
    """All settings of one process; names are `ASSAY_` and the field in capitals."""

    model_config = SettingsConfigDict(
        env_prefix="ASSAY_",
        env_file=".env",
        extra="ignore",
        frozen=True,
        populate_by_name=True,
        env_ignore_empty=True,
        allow_inf_nan=False,
    )

    # Kafka
    kafka_bootstrap_servers: str | None = Field(None, description="broker addresses, such as localhost:9092")
    kafka_options: Annotated[dict[str, str | int | float | bool], NoDecode] = Field(
        default_factory=dict,
        description='a JSON object of librdkafka options, such as {"security.protocol": "SSL"}',
    )
    topic_prefix: str = Field("", pattern=r"^[A-Za-z0-9._-]{0,100}$", description="letters, digits, . _ -")

    # Postgres
    postgres_dsn: SecretStr | None = Field(
        None, description="an address such as postgresql://user:password@host/database"
    )
    postgres_pool_size: int = Field(
        12,
        ge=2,
        le=200,
        description="connections; every process of one `run` shares them, a transaction holds one for milliseconds",
    )

    # Selection
    selection_interval_s: float = Field(
        30.0, gt=0, description="seconds between looks: panes move hourly, pictures at once"
    )
    selection_window_days: int = Field(14, ge=1, description="days of panes looked at: two weeks even out weekdays")
    selection_min_sessions: int = Field(
        20, ge=1, description="k: a query typed in fewer sessions is never chosen (privacy)"
    )
    selection_friction_queries: int = Field(50, ge=0, description="most queries chosen by friction a look")
    selection_volume_queries: int = Field(
        50, ge=0, description="how many of a market's largest queries are kept judged"
    )
    selection_panel_queries: int = Field(
        300, ge=1, description="panel size per market: 90 % power for a shift of .02 (docs/drift.md)"
    )
    selection_cooldown_days: int = Field(
        7, ge=1, description="days before friction chooses a query again with the same results"
    )

    # Search engines
    engines: str | None = Field(None, description="a TOML or JSON file of search engines, as in docs/engines.md")
    selection_results_from: Annotated[tuple[str, ...], NoDecode] = Field(
        ("log",), min_length=1, description="log, engines of ASSAY_ENGINES by name, or several, comma-separated"
    )
    selection_engine_hours: float = Field(
        24.0, gt=0, description="hours before an engine is asked again for a query: a catalogue's day"
    )
    selection_sampling: Literal["top", "zalando"] = Field(
        "top", description="top: the first results; zalando: the first and some from far down, panel strata by engine"
    )
    selection_sampling_top: int = Field(15, ge=1, le=100, description="first results that zalando takes")
    selection_sampling_deep_from: int = Field(500, ge=2, le=9_000, description="rank from which zalando takes some")
    selection_sampling_deep_count: int = Field(5, ge=0, le=100, description="how many zalando takes from there")

    # Drift
    drift_anchors_per_night: int = Field(
        30, ge=1, description="anchors judged again a night: 30 find a 2.7 % swap in 81 % (docs/drift.md)"
    )
    drift_level: Literal["fitted", "guaranteed"] = Field(
        "fitted", description="fitted or guaranteed, as in docs/drift.md"
    )
    drift_night_hour_utc: int = Field(
        2, ge=0, le=23, description="hour of the night's look, UTC: after the day, before people"
    )

    # Streams
    session_engagement_actions: Annotated[tuple[str, ...], NoDecode] = Field(
        DEFAULT_ENGAGEMENT_ACTIONS, description="actions that count as engagement, comma-separated"
    )
    stream_batch_records: int = Field(
        5_000, ge=1, le=100_000, description="records a transaction: 5,000 cost 20 ms of Postgres"
    )
    stream_batch_bytes: int = Field(
        8_000_000, ge=1, description="bytes a transaction: 5,000 usual records are 2 MB, and eight of the largest fit"
    )
    stream_batch_seconds: float = Field(1.0, gt=0, description="seconds a record waits at most before its transaction")
    stream_queued_bytes: int = Field(
        64_000_000, ge=1, description="bytes of records a stream holds that are read and not folded: a second of work"
    )
    stream_dead_letter_share: float = Field(
        0.2, ge=0, le=1, description="0 to 1: a partition stops above it, since a broken sender would fill the table"
    )
    stream_dead_letter_window: int = Field(
        10_000, ge=1, description="records the share is taken over: a tenth of a second at full speed, minutes at night"
    )
    stream_replay_rate: int = Field(
        20_000, ge=1, description="records a second that `assay replay` copies: a ninth of what a consumer can take"
    )

    # Retention
    retention_pane_days: int = Field(
        400, ge=1, le=1_000, description="days of panes: a year to compare with, and a month to look at it"
    )
    retention_dead_letter_days: int = Field(
        30, ge=1, le=1_000, description="days of dead letters: what nobody mended in a month nobody will"
    )
    retention_llm_call_days: int = Field(
        90, ge=1, le=1_000, description="days of LLM calls: what was sent and billed is asked about within a quarter"
    )
    retention_label_history_days: int = Field(
        0,
        ge=0,
        description="days a label or score stays once a newer one replaced it; 0: for ever, they are small; scores for 37 "
        "at least, which `image-watch` compares",
    )
    retention_grace_days: int = Field(
        7, ge=1, le=365, description="days an old day stays once written to: who reads last year's log can look at it"
    )

    # HTTP
    http_host: str = Field("127.0.0.1", description="address to listen on")
    http_port: int = Field(8080, ge=0, le=65_535, description="port to listen on; 0 takes a free one")
    console_edits: Literal["enabled", "disabled"] = Field(
        "disabled", description="no longer read: who signs in with the role review or operate edits (docs/access.md)"
    )

    # Logs
    log_format: Literal["auto", "json", "console"] = Field(
        "auto", description="auto, json or console; auto: console on a terminal"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="debug, info, warning or error")

    @field_validator("kafka_options", mode="before")
    @classmethod
    def _options(cls, value: object) -> object:
        return msgspec.json.decode(value) if isinstance(value, str) else value

    @field_validator("session_engagement_actions", "selection_results_from", mode="before")
    @classmethod
    def _actions(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("kafka_bootstrap_servers")
    @classmethod
    def _brokers(cls, value: str | None) -> str | None:
        if value is not None and not are_brokers(value):
            raise ValueError("not host:port, comma-separated")
        return value

    @field_validator("postgres_dsn")
    @classmethod
    def _dsn(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not is_dsn(value.get_secret_value()):
            raise ValueError("not a postgresql:// address; what is special in a password is written as %xx")
        return value


_build: Callable[..., Settings] = Settings
"""Overrides come by name and are checked by pydantic, not by the type checker."""


def load_settings(**overrides: object) -> Settings:
    """Settings of the environment; SettingsError with one line that names the variable and what it takes."""
    try:
        return _build(**overrides)
    except ValidationError as error:
        raise SettingsError(_one_line(error)) from None


def required(settings: Settings, *fields: str) -> None:
    """SettingsError for the first of `fields` that is not set."""
    for name in fields:
        if getattr(settings, name) is None:
            raise SettingsError(f"{variable_of(name)} is not set; it takes {_takes(name)}")


def postgres_dsn(settings: Settings) -> str:
    """The database's address; SettingsError when it is not set."""
    required(settings, "postgres_dsn")
    return settings.postgres_dsn.get_secret_value() if settings.postgres_dsn else ""


def kafka_servers(settings: Settings) -> str:
    """The brokers' addresses; SettingsError when they are not set."""
    required(settings, "kafka_bootstrap_servers")
    return settings.kafka_bootstrap_servers or ""


def variable_of(name: str) -> str:
    """The environment variable of a field."""
    return f"ASSAY_{name.upper()}"


def _takes(name: str) -> str:
    field = Settings.model_fields[name]
    kind = "a whole number: " if field.annotation is int else "a number: " if field.annotation is float else ""
    return kind + (field.description or "a value")


def _one_line(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    named = str(first["loc"][0]) if first["loc"] else ""
    name = named.lower().removeprefix("assay_").replace("openai_", "llm_")
    if name in Settings.model_fields:
        given = "OPENAI_" if named.startswith("OPENAI_") or _only_openai(name) else "ASSAY_LLM_"
        shown = variable_of(name).replace("ASSAY_LLM_", given) if name.startswith("llm_") else variable_of(name)
        return f"{shown} can't be used ({first['msg']}); it takes {_takes(name)}"
    return f"settings can't be used: {first['msg']}"


def _only_openai(name: str) -> bool:
    bare = name.removeprefix("llm_").upper()
    return not os.environ.get(f"ASSAY_LLM_{bare}") and bool(os.environ.get(f"OPENAI_{bare}"))


def secrets_of(settings: Settings) -> list[SecretStr | None]:
    """What no line of the log may show: keys, tokens, and what a receiver of traces is sent."""
    return [
        settings.postgres_dsn,
        settings.llm_api_key,
        settings.llm_fallback_api_key,
        settings.console_secret,
        settings.traces_headers,
        *(each.token for each in settings.console_tokens),
    ]
