"""A missing or impossible setting stops the start: one line that names the variable, exit code 2, no secret."""

from __future__ import annotations

import os
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import SettingsError
from core.settings import Settings, load_settings, variable_of
from tests.unit.cli.conftest import Command, Done

DSN = "postgresql://assay:hunter2@localhost/assay"
THERE = {
    "ASSAY_KAFKA_BOOTSTRAP_SERVERS": "localhost:9092",
    "ASSAY_POSTGRES_DSN": DSN,
    "ASSAY_LLM_BASE_URL": "http://localhost:1/v1",
    "ASSAY_LLM_MODEL": "m",
}


def refused(done: Done, variable: str) -> str:
    """The line that a refusal consists of."""
    [line] = done.err.splitlines()
    assert done.code == 2
    assert line.startswith(f"assay: {variable} ")
    return line


@pytest.mark.parametrize(
    ("variable", "process"),
    [
        ("ASSAY_KAFKA_BOOTSTRAP_SERVERS", "search-log"),
        ("ASSAY_POSTGRES_DSN", "console"),
        ("ASSAY_LLM_BASE_URL", "relevance"),
        ("ASSAY_LLM_MODEL", "selection"),
    ],
)
def test_run_refuses_to_start_without_a_setting_it_needs(command: Command, variable: str, process: str) -> None:
    given_ = {name: value for name, value in THERE.items() if name != variable}
    line = refused(command("run", process, **given_), variable)
    assert "is not set; it takes " in line


@pytest.mark.parametrize("command_line", [("produce", "listings", "x"), ("migrate",), ("status",), ("judge", "x")])
def test_every_other_command_names_what_it_lacks(command: Command, command_line: tuple[str, ...]) -> None:
    needed = "ASSAY_KAFKA_BOOTSTRAP_SERVERS" if command_line[0] == "produce" else "ASSAY_POSTGRES_DSN"
    refused(command(*command_line), needed)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ASSAY_KAFKA_BOOTSTRAP_SERVERS", "localhost:port"),
        ("ASSAY_LLM_CASCADE_SECOND_MODEL", "without a first"),
        ("ASSAY_LLM_CASCADE_CONFIDENCE", "1.5"),
        ("ASSAY_LLM_FALLBACK_BASE_URL", "example.com/v1"),
        ("ASSAY_LLM_FALLBACK_LANES", "live,night"),
        ("ASSAY_KAFKA_BOOTSTRAP_SERVERS", "localhost:9092,,"),
        ("ASSAY_KAFKA_OPTIONS", "{bad"),
        ("ASSAY_KAFKA_OPTIONS", "[1]"),
        ("ASSAY_KAFKA_OPTIONS", '{"a": []}'),
        ("ASSAY_TOPIC_PREFIX", "a b"),
        ("ASSAY_POSTGRES_DSN", "mysql://localhost/x"),
        ("ASSAY_POSTGRES_DSN", "postgresql://localhost:port/x"),
        ("ASSAY_POSTGRES_DSN", "postgresql://[::1/x"),
        ("ASSAY_LLM_BASE_URL", "ftp://localhost"),
        ("ASSAY_LLM_REQUESTS_PER_MINUTE", "0"),
        ("ASSAY_LLM_TOKENS_PER_MINUTE", "many"),
        ("ASSAY_LLM_MAX_IN_FLIGHT", "1.5"),
        ("ASSAY_LLM_BUDGET_USD_PER_DAY", "-1"),
        ("ASSAY_LLM_BUDGET_USD_PER_DAY", "nan"),
        ("ASSAY_LLM_BUDGET_USD_PER_DAY", "inf"),
        ("ASSAY_IMAGE_ALLOWED_NETWORKS", "10.0.0.0/99"),
        ("ASSAY_HTTP_PORT", "70000"),
        ("ASSAY_LOG_LEVEL", "loud"),
        ("OPENAI_BASE_URL", "ftp://localhost"),
    ],
)
def test_an_impossible_value_is_refused_with_what_it_takes(command: Command, variable: str, value: str) -> None:
    there = {name: told for name, told in THERE.items() if not (variable.startswith("OPENAI") and "BASE_URL" in name)}
    line = refused(command("run", "all", **{**there, variable: value}), variable)
    assert "it takes " in line


@pytest.mark.parametrize(
    "value",
    [
        "mysql://assay:hunter2@localhost/x",
        "postgresql://assay:hunter2/x@localhost/y",
        "postgresql://assay:hunter2@localhost:port/y",
        "postgresql://assay:hunter2℀@localhost/y",
        "hunter2",
    ],
)
def test_no_part_of_an_impossible_database_address_is_shown(command: Command, value: str) -> None:
    done = command("migrate", ASSAY_POSTGRES_DSN=value)
    assert "hunter2" not in refused(done, "ASSAY_POSTGRES_DSN") + done.out


def test_no_part_of_an_address_that_is_only_wrong_is_shown(command: Command) -> None:
    done = command("migrate", ASSAY_POSTGRES_DSN="postgresql://no.such.invalid:1/hunter2@localhost/y")
    assert done.code == 1
    assert "hunter2" not in done.out + done.err


def test_what_only_the_driver_finds_impossible_is_refused_too(command: Command) -> None:
    done = command("migrate", ASSAY_POSTGRES_DSN=f"{DSN}?sslmode=hunter2")
    assert "hunter2" not in refused(done, "ASSAY_POSTGRES_DSN")


def test_an_option_kafka_does_not_know_is_refused_without_its_value(command: Command, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"{}\n")
    options = '{"sasl.pasword": "hunter2"}'
    done = command("produce", "listings", "x", ASSAY_KAFKA_BOOTSTRAP_SERVERS="localhost:1", ASSAY_KAFKA_OPTIONS=options)
    line = refused(done, "ASSAY_KAFKA_OPTIONS")
    assert "sasl.pasword" in line
    assert "hunter2" not in line


def test_an_env_file_is_read(command: Command, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("ASSAY_HTTP_PORT=nowhere\n")
    refused(command("status"), "ASSAY_HTTP_PORT")


def test_addresses_of_several_hosts_are_possible() -> None:
    settings = load_settings(
        postgres_dsn="postgresql://u:p%2Fq@one:5432,two:5433/db?host=/run/pg",
        kafka_bootstrap_servers="one:9092, [::1]:9092,SASL_SSL://three",
    )
    assert settings.kafka_bootstrap_servers is not None


@given(
    field=st.sampled_from(sorted(Settings.model_fields)),
    value=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)
    | st.sampled_from(["0", "-1", "1e400", "9" * 5000, "{}", '{"a": 1e999}', "null", "true", "::", "1/2", "http://["]),
)
def test_any_text_in_any_variable_is_a_setting_or_a_settings_error(field: str, value: str) -> None:
    with mock.patch.dict(os.environ, {variable_of(field): value}):
        said = refusal()
    assert said is None or (said.startswith(variable_of(field)) and len(said.splitlines()) == 1)


def refusal() -> str | None:
    """What the settings are refused with."""
    try:
        load_settings()
    except SettingsError as error:
        return str(error)
    return None
