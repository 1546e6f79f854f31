"""Logs say what happened and never a secret; metrics are those of the table."""

from __future__ import annotations

import json
import logging
import re
from datetime import datetime
from pathlib import Path
from typing import get_args

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from core import telemetry
from core.metric_table import METRICS, MetricName
from core.telemetry import MASK, Mask, Metrics, configure_logging

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "metrics.md"


# --- Metrics ---------------------------------------------------------------------------------------------


def test_every_name_has_one_row_in_the_table() -> None:
    assert sorted(row.name for row in METRICS) == sorted(get_args(MetricName))


def test_every_name_is_one_prometheus_accepts_with_its_unit_at_the_end() -> None:
    assert all(row.name.endswith("_total") == (row in telemetry.COUNTERS) for row in METRICS)


def test_the_page_of_metrics_is_the_table() -> None:
    assert PAGE.read_text() == telemetry.metrics_page(), "python -m core.telemetry > docs/metrics.md"


def _set_somewhere() -> set[str]:
    files = [file for package in ("core", "consumers", "producers", "cli") for file in (ROOT / package).rglob("*.py")]
    return {
        name
        for file in files
        if file != Path(telemetry.__file__)
        for name in re.findall(r'\.(?:count|set|observe)\(\s*"(assay_\w+)"', file.read_text())
    }


def test_every_metric_is_set_somewhere() -> None:
    assert _set_somewhere() == set(get_args(MetricName))


def _sample(metrics: Metrics, name: str, labels: dict[str, str]) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def test_counts_add_up_by_label() -> None:
    metrics = Metrics()
    metrics.count("assay_stream_records_total", 3, topic="listings", outcome="used")
    metrics.count("assay_stream_records_total", topic="listings", outcome="used")
    assert _sample(metrics, "assay_stream_records_total", {"topic": "listings", "outcome": "used"}) == 4


def test_a_gauge_without_labels_holds_the_last_value() -> None:
    metrics = Metrics()
    metrics.set("assay_outbox_waiting", 7)
    metrics.set("assay_outbox_waiting", 2)
    assert _sample(metrics, "assay_outbox_waiting", {}) == 2


def test_a_measurement_falls_into_its_bucket() -> None:
    metrics = Metrics()
    metrics.observe("assay_stream_batch_seconds", 0.02, topic="listings")
    bucket = {"topic": "listings", "le": "0.025"}
    assert _sample(metrics, "assay_stream_batch_seconds_bucket", bucket) == 1


def test_a_forgotten_partition_is_shown_no_more() -> None:
    metrics = Metrics()
    metrics.set("assay_stream_lag_records", 5, topic="listings", partition=3)
    metrics.forget("assay_stream_lag_records", topic="listings", partition=3)
    assert _sample(metrics, "assay_stream_lag_records", {"topic": "listings", "partition": "3"}) is None


def test_forgetting_what_was_never_set_is_no_error() -> None:
    metrics = Metrics()
    metrics.forget("assay_stream_lag_records", topic="listings", partition=3)
    assert b'partition="3"' not in metrics.text()


def test_a_label_the_table_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="label"):
        Metrics().count("assay_panes_written_total", 1, topic="listings")


def test_two_processes_in_one_interpreter_share_no_numbers() -> None:
    one, other = Metrics(), Metrics()
    one.count("assay_panes_written_total", 5)
    assert _sample(other, "assay_panes_written_total", {}) == 0


def test_the_text_is_what_prometheus_reads() -> None:
    families = {family.name for family in text_string_to_metric_families(Metrics().text().decode())}
    assert {row.name.removesuffix("_total") for row in METRICS} <= families


# --- Logs ------------------------------------------------------------------------------------------------


def _log_json() -> None:
    # In the test itself: pytest changes standard error between the set-up of a test and the test.
    configure_logging("json", "info", [SecretStr("hunter2-hunter2"), SecretStr("postgresql://u:p%40ssword@h/d"), None])


def _last(logs: pytest.CaptureFixture[str]) -> dict[str, object]:
    found = json.loads(logs.readouterr().err.splitlines()[-1])
    assert isinstance(found, dict)
    return found


def test_a_line_is_json_with_level_time_in_utc_and_what_was_bound(capsys: pytest.CaptureFixture[str]) -> None:
    _log_json()
    structlog.get_logger("core.x").info("batch written", records=5)
    line = _last(capsys)
    assert (line["event"], line["level"], line["logger"], line["records"]) == ("batch written", "info", "core.x", 5)
    assert datetime.fromisoformat(str(line["timestamp"])).utcoffset() is not None


def test_what_a_library_warns_of_is_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    _log_json()
    logging.getLogger("aiohttp.client").warning("lost %s", "a connection")
    assert _last(capsys)["event"] == "lost a connection"


def test_what_a_library_chats_about_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    _log_json()
    logging.getLogger("openai").info("request options")
    assert capsys.readouterr().err == ""


def test_a_level_below_the_one_set_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    _log_json()
    structlog.get_logger("core.x").debug("nothing")
    assert capsys.readouterr().err == ""


def test_a_traceback_is_text_without_the_secrets_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    _log_json()
    try:
        raise ValueError("can't log in with hunter2-hunter2 or p@ssword")
    except ValueError:
        structlog.get_logger("core.x").exception("failed")
    text = str(_last(capsys)["exception"])
    assert "ValueError: can't log in with *** or ***" in text


def test_a_librarys_traceback_loses_its_secrets_too(capsys: pytest.CaptureFixture[str]) -> None:
    _log_json()
    try:
        raise ValueError("hunter2-hunter2")
    except ValueError:
        logging.getLogger("asyncio").exception("failed")
    written = capsys.readouterr().err
    assert "hunter2" not in written
    assert "ValueError: ***" in written


def test_a_terminal_gets_columns(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("console", "info")
    structlog.get_logger("core.x").info("batch written", records=5, api_key="hunter2-hunter2")
    written = capsys.readouterr().err
    assert "batch written" in written
    assert "hunter2" not in written
    assert not written.startswith("{")


def test_auto_is_json_where_standard_error_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("auto", "info")
    structlog.get_logger("core.x").info("x")
    assert _last(capsys)["event"] == "x"


def _masked(key: str, value: object, *secrets: str) -> object:
    return Mask([SecretStr(secret) for secret in secrets])(None, "info", {key: value})[key]


@pytest.mark.parametrize(
    "key", ["key", "api_key", "llm_api_key", "apiKey", "token", "access-token", "password", "postgres_dsn", "DSN"]
)
def test_a_key_that_names_a_secret_hides_its_text(key: str) -> None:
    assert _masked(key, "abc") == MASK


@pytest.mark.parametrize(("key", "value"), [("task_key", "abc"), ("output_tokens", 12), ("monkey", "abc")])
def test_a_key_that_only_sounds_like_one_hides_nothing(key: str, value: object) -> None:
    assert _masked(key, value) == value


def test_a_secret_is_hidden_under_any_key() -> None:
    assert _masked("value", SecretStr("abc")) == MASK


def test_secrets_deep_inside_are_hidden() -> None:
    assert _masked("request", {"headers": [{"Authorization": "Bearer abc"}]}) == {"headers": [{"Authorization": MASK}]}


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("no route to postgresql://assay:s3cret@db/assay", "no route to postgresql://***@db/assay"),
        ("sent Bearer abc.def", "sent Bearer ***"),
        ("Incorrect API key provided: sk-proj-abcdef1234", "Incorrect API key provided: ***"),
        ("see https://example.com/a:b@c", "see https://example.com/a:b@c"),
    ],
)
def test_what_a_vendor_quotes_is_hidden_in_the_text(text: str, clean: str) -> None:
    assert _masked("error", text) == clean


def test_an_error_as_a_value_is_hidden_in_too() -> None:
    assert _masked("error", ValueError("with hunter2-hunter2"), "hunter2-hunter2") == f"with {MASK}"


@given(st.text(min_size=6), st.text(), st.text())
def test_a_known_secret_never_stays_in_a_text(secret: str, before: str, after: str) -> None:
    cleaned = str(_masked("event", before + secret + after, secret))
    assert secret in MASK + before + after or secret not in cleaned
