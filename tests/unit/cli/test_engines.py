"""`assay engines`: wrong use is said in one line."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from cli.engines import app
from core.domain.engine_requests import candidate_of
from core.domain.fields import Unusable
from core.errors import SettingsError, UsageError

COMPARE = ["compare", "--engines"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([*COMPARE, "a", "--panel", "3"], "two or more different names"),
        ([*COMPARE, "a,a", "--panel", "3"], "two or more different names"),
        ([*COMPARE, "a,b"], "either --queries or --panel"),
        ([*COMPARE, "a,b", "--panel", "3", "--queries", "x"], "either --queries or --panel"),
        (["search", "a", "  "], "the query is empty"),
    ],
)
def test_wrong_use_is_named(arguments: list[str], words: str) -> None:
    result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, UsageError)
    assert words in str(result.exception)


def test_comparing_takes_a_database_and_a_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_POSTGRES_DSN", "postgresql://nowhere/x")
    result = CliRunner().invoke(app, [*COMPARE, "a,b", "--panel", "3"])
    assert isinstance(result.exception, SettingsError)
    assert "ASSAY_LLM_MODEL is not set" in str(result.exception)


def test_an_engine_without_a_file_of_engines_is_named() -> None:
    result = CliRunner().invoke(app, ["search", "shop", "sofa"])
    assert isinstance(result.exception, SettingsError)
    assert "ASSAY_ENGINES is not set" in str(result.exception)


def test_a_query_of_the_file_is_read_with_its_context() -> None:
    told = {
        "query": " Rotes  SOFA",
        "market": "de",
        "language": "de",
        "searches": 60,
        "engine": "a",
        "filters": {"c": 1},
    }
    found = candidate_of(json.dumps(told).encode())
    assert not isinstance(found, Unusable)
    assert (found.query.key, found.query.language) == (("default", "de", "rotes sofa"), "de")
    assert found.stratum == ("a", True, "torso", 1)


@pytest.mark.parametrize(
    ("line", "reason"),
    [(b"{", "not_json"), (b"[]", "not_an_object"), (b'{"query": " "}', "no_query"), (b'{"query": 3}', "bad_field")],
)
def test_a_line_that_is_no_query_says_why(line: bytes, reason: str) -> None:
    found = candidate_of(line)
    assert isinstance(found, Unusable)
    assert found.reason == reason
