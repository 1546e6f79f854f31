"""The page of settings: `python -m core.settings_page > docs/settings.md`. What it says comes from `core.settings`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass

from core.settings import Settings, variable_of

INTRODUCTION = """# Settings

Made by `python -m core.settings_page > docs/settings.md`.

Settings are environment variables; a file `.env` in the working directory is read too, and the environment wins over
it. An empty variable counts as not set, and what is not set takes its default. They are read once, at the start. A
missing or impossible value stops the start with one line that names the variable and what it takes, and exit code 2.
Secrets (`ASSAY_POSTGRES_DSN`, keys and tokens of endpoints, console, traces) are never logged, shown or stored.

All replicas of a service should have the same values: rate, budget and batch sizes are meant for all of them together,
and the judge (model, mode) is a part of what makes a label the same label.
"""


@dataclass(frozen=True, slots=True)
class Group:
    """Settings whose names begin with one of `prefixes`, under one title, with what to know of them."""

    title: str
    prefixes: tuple[str, ...]
    about: str


GROUPS = (
    Group("Kafka", ("kafka_", "topic_"), "`assay demo` brings a broker of its own where none is set."),
    Group("PostgreSQL", ("postgres_",), "`assay demo` brings a database of its own where none is set."),
    Group(
        "LLM",
        ("llm_",),
        "Any OpenAI-compatible endpoint. The limits are the account's: they hold for all replicas together "
        "([ADR 0003](adr/0003-rate-and-money-in-postgres.md)). `assay demo` uses the offline judge where no endpoint "
        "is set, and `assay offline-judge` serves it for everything else.",
    ),
    Group(
        "Judging",
        ("judge_", "task_", "canary_"),
        "Another mode is another judge: everything it is asked is judged anew.",
    ),
    Group("Selection", ("selection_",), "Which queries are judged, how many and how often."),
    Group("Search engines", ("engines",), "Where results come from besides the log: [engines.md](engines.md)."),
    Group("Review", ("review_",), "How people grade, and what for: [review.md](review.md)."),
    Group("Drift", ("drift_",), "How it works: [drift.md](drift.md)."),
    Group("Pictures", ("image_", "listing_"), "What happens to a picture, and why: [pictures.md](pictures.md)."),
    Group("Agreement with buyers", ("buyers_",), "What they do: [buyers.md](buyers.md)."),
    Group(
        "Streams",
        ("session_", "stream_"),
        "The rules of sessions are fixed ([data.md](data.md)); what counts as engagement is yours to say.",
    ),
    Group(
        "Retention",
        ("retention_",),
        "How long each table is kept; the process `retention` lets go what is older "
        "([ADR 0010](adr/0010-retention-by-day-partitions.md)). Newest labels and scores stay: "
        "[retention.md](retention.md).",
    ),
    Group(
        "HTTP",
        ("http_",),
        "Every `assay run` answers probes, metrics, read API and console here. Where the port is taken, a run without "
        "`console` takes a free one.",
    ),
    Group(
        "Console",
        ("console_",),
        "Who signs in, how, and what it allows: [access.md](access.md). With neither tokens nor a proxy, whoever "
        "reaches the port reads, and nobody writes.",
    ),
    Group(
        "Traces",
        ("traces_",),
        "Spans of LLM calls and their results, sent by OTLP/HTTP where an endpoint is set: [tracing.md](tracing.md).",
    ),
    Group("Logs", ("log_",), "To standard error."),
)

NEEDED_BY = {
    "kafka_bootstrap_servers": "needed by `assay run`, `produce`, `replay`",
    "postgres_dsn": "needed by `assay run`, `migrate`, `judge`, `anchors`, `replay`, `retention`, `status`",
    "llm_base_url": "needed by `assay canary` and the processes `relevance`, `image-score`, `canary`, `batches`",
    "llm_model": "needed by `assay judge` and every process but `search-log`, `image-watch`, `outbox`, `retention`, "
    "`console`",
}
"""What can't start without a setting that has no default (`cli.run.check_settings` and the commands)."""

FALLBACK = {
    "llm_base_url": "OPENAI_BASE_URL",
    "llm_api_key": "OPENAI_API_KEY",
    "traces_endpoint": "OTEL_EXPORTER_OTLP_ENDPOINT",
    "traces_headers": "OTEL_EXPORTER_OTLP_HEADERS",
    "traces_resource": "OTEL_RESOURCE_ATTRIBUTES",
}
"""Names that users of the openai client and of OpenTelemetry have set already."""


def page() -> str:
    """The whole page; ends with a line break."""
    shapes: Mapping[str, Mapping[str, object]] = Settings.model_json_schema(by_alias=False)["properties"]
    return "\n".join([INTRODUCTION, *(_section(group, shapes) for group in GROUPS)])


def _section(group: Group, shapes: Mapping[str, Mapping[str, object]]) -> str:
    names = [name for name in Settings.model_fields if name.startswith(group.prefixes)]
    rows = [f"| `{variable_of(name)}` | {_default(name)} | {_takes(name, shapes[name])} |" for name in names]
    head = ["| variable | default | takes |", "|---|---|---|"]
    return "\n".join([f"## {group.title}", "", group.about, "", *head, *rows, ""])


def _default(name: str) -> str:
    value: object = Settings.model_fields[name].get_default(call_default_factory=True)
    return f"`{_shown(value)}`" if value not in (None, "", (), {}) else "not set"


def _shown(value: object) -> str:
    if isinstance(value, dict) and all(isinstance(each, str) for each in value.values()):
        return ",".join(f"{key}={each}" for key, each in value.items())
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _takes(name: str, shape: Mapping[str, object]) -> str:
    told = [Settings.model_fields[name].description or "", _bounds(shape), NEEDED_BY.get(name, "")]
    told.append(f"else `{FALLBACK[name]}` is taken" if name in FALLBACK else "")
    return "; ".join(part for part in told if part).replace("|", "\\|")


def _bounds(shape: Mapping[str, object]) -> str:
    """The limits of a number, as a person writes them."""
    above, least, most = shape.get("exclusiveMinimum"), shape.get("minimum"), shape.get("maximum")
    parts = [
        f"above {above:g}" if isinstance(above, int | float) else "",
        f"at least {least}" if least is not None else "",
        f"at most {most}" if most is not None else "",
    ]
    return ", ".join(part for part in parts if part)


def main() -> None:
    """Write it to standard output."""
    sys.stdout.write(page())


if __name__ == "__main__":
    main()
