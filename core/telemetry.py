"""Logs and metrics: how a process says what it does.

Every metric has its row in `core.metric_table`; `docs/metrics.md` is made from it by `python -m core.telemetry`. A
secret is never logged: not under a key that names one, not inside any text.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Literal
from urllib.parse import unquote

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from pydantic import SecretStr
from structlog.typing import EventDict, Processor, WrappedLogger

from core.metric_table import COUNTERS, GAUGES, HISTOGRAMS, METRICS, CounterName, GaugeName, HistogramName, Metric

__all__ = ["METRICS", "Metric", "Metrics", "configure_logging"]


class Metrics:
    """The metrics of one process on a registry of their own; passed to whoever counts, never global.

    A label set other than the table's is a ValueError.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._counters = {
            row.name: Counter(row.name, row.meaning, row.labels, registry=self.registry) for row in COUNTERS
        }
        self._gauges = {row.name: Gauge(row.name, row.meaning, row.labels, registry=self.registry) for row in GAUGES}
        self._histograms = {
            row.name: Histogram(row.name, row.meaning, row.labels, registry=self.registry, buckets=row.buckets)
            for row in HISTOGRAMS
        }
        ProcessCollector(registry=self.registry)

    def count(self, name: CounterName, amount: float = 1, **labels: str) -> None:
        """Add `amount`, 0 or more, to a counter."""
        counter = self._counters[name]
        (counter.labels(**labels) if labels else counter).inc(amount)

    def set(self, name: GaugeName, value: float, **labels: str | int) -> None:
        """A gauge's value now."""
        gauge = self._gauges[name]
        (gauge.labels(**labels) if labels else gauge).set(value)

    def observe(self, name: HistogramName, value: float, **labels: str) -> None:
        """One measurement, in the metric's unit."""
        histogram = self._histograms[name]
        (histogram.labels(**labels) if labels else histogram).observe(value)

    def forget(self, name: GaugeName, **labels: str | int) -> None:
        """Stop showing a labelled gauge: a partition that is another replica's now. Unknown labels are no error."""
        row = next(row for row in GAUGES if row.name == name)
        self._gauges[name].remove(*(str(labels[label]) for label in row.labels))

    def text(self) -> bytes:
        """The Prometheus text format, for `/metrics`."""
        return generate_latest(self.registry)


def metrics_page() -> str:
    """`docs/metrics.md`: a table a kind, of every metric."""
    kinds = (("Counters", COUNTERS), ("Gauges", GAUGES), ("Histograms", HISTOGRAMS))
    return (
        "\n".join(["# Metrics", "", "Made by `python -m core.telemetry`.", *(_section(*kind) for kind in kinds)]) + "\n"
    )


def _section(title: str, rows: Sequence[Metric]) -> str:
    lines = [f"| `{row.name}` | {', '.join(row.labels) or 'none'} | {row.meaning} |" for row in rows]
    return "\n".join(["", f"## {title}", "", "| name | labels | meaning |", "|---|---|---|", *lines])


# --- Logs ------------------------------------------------------------------------------------------------

MASK = "***"
_SECRET_WORDS = frozenset(
    {"key", "apikey", "token", "password", "passwd", "secret", "dsn", "authorization", "cookie", "credentials"}
)
_PUBLIC_KEYS = frozenset({"task_key", "group_key", "content_key", "record_key"})
"""Keys of rows and records, which name facts and open nothing; an operator needs them to find a task."""
_OF_STRUCTLOG = frozenset({"_record", "_from_structlog", "exc_info"})
"""What the formatter itself puts beside the event and takes out again."""
_IN_TEXT = re.compile(r"(?<=://)[^\s/@]*:[^\s/]*@|(?<=Bearer )[^\s\"']+|\bsk-[\w-]{8,}")
"""What a vendor's message may quote: user and password of an address, a bearer token, an OpenAI-style key."""
_PASSWORD_OF_ADDRESS = re.compile(r"://[^\s/@:]*:([^\s/]*)@")
_SHORTEST_SECRET = 6
"""Characters: a shorter secret is part of ordinary words, and masking it everywhere would spoil every line."""


def configure_logging(
    log_format: Literal["auto", "json", "console"], level: str, secrets: Sequence[SecretStr | None] = ()
) -> None:
    """Logs to standard error, those of libraries too: one JSON object a line, or columns on a terminal (`auto`).

    `secrets` are masked wherever their text turns up, a DSN's password by itself too.
    """
    as_json = log_format == "json" or (log_format == "auto" and not sys.stderr.isatty())
    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        Mask(secrets),
    ]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *before, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _renderer(as_json)],
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *before],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)  # a library's chatter is not ours; what it warns of is
    for package in ("core", "consumers", "producers", "cli", "demo"):
        logging.getLogger(package).setLevel(level.upper())


def _renderer(as_json: bool) -> Processor:
    if as_json:
        return structlog.processors.JSONRenderer(ensure_ascii=False)
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)


class Mask:
    """The processor that takes secrets out of an event, however deep they are."""

    def __init__(self, secrets: Sequence[SecretStr | None] = ()) -> None:
        texts = {text for secret in secrets if secret for text in _texts_of(secret.get_secret_value())}
        known = sorted((text for text in texts if len(text) >= _SHORTEST_SECRET), key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def __call__(self, logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        """The event with every secret replaced."""
        return {key: value if key in _OF_STRUCTLOG else self._clean(key, value) for key, value in event.items()}

    def _clean(self, key: str, value: object) -> object:
        if isinstance(value, SecretStr) or (_names_secret(key) and isinstance(value, str | bytes)):
            return MASK
        if isinstance(value, str):
            return self._clean_text(value)
        if isinstance(value, Mapping):
            return {str(inner): self._clean(str(inner), item) for inner, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._clean(key, item) for item in value]
        if value is None or isinstance(value, bool | int | float):
            return value
        return self._clean_text(str(value))

    def _clean_text(self, text: str) -> str:
        known = self._known.sub(MASK, text) if self._known else text
        return _IN_TEXT.sub(lambda found: f"{MASK}@" if found[0].endswith("@") else MASK, known)


def _texts_of(secret: str) -> tuple[str, ...]:
    found = _PASSWORD_OF_ADDRESS.search(secret)
    return (secret, found[1], unquote(found[1])) if found else (secret,)


def _names_secret(key: str) -> bool:
    words = re.sub(r"([a-z])([A-Z])", r"\1_\2", key).lower().replace("-", "_").split("_")
    return words[-1] in _SECRET_WORDS and key not in _PUBLIC_KEYS


if __name__ == "__main__":
    sys.stdout.write(metrics_page())
