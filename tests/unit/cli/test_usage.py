"""Wrong use exits 2 with one line; help exits 0."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from cli.compose import PROCESSES
from tests.unit.cli.conftest import Command

KAFKA = {"ASSAY_KAFKA_BOOTSTRAP_SERVERS": "localhost:1"}
POSTGRES = {"ASSAY_POSTGRES_DSN": "postgresql://localhost:1/x", "ASSAY_LLM_MODEL": "m"}
SPAN = ("--from", "2026-03-02", "--to", "2026-03-03")


@pytest.mark.parametrize(
    ("command_line", "says"),
    [
        (("bogus",), "bogus"),
        (("migrate", "--fast"), "--fast"),
        (("run",), "names"),
        (("run", "bogus"), "bogus"),
        (("produce",), "command"),
        (("produce", "bogus", "x"), "bogus"),
        (("produce", "listings"), "file"),
        (("produce", "listings", "missing.jsonl"), "missing.jsonl"),
        (("produce", "listings", "."), "."),
        (("judge", "missing.jsonl"), "missing.jsonl"),
        (("judge", "missing.jsonl", "--lane", "panel"), "panel"),
        (("replay",), "--run"),
        (("replay", "--run", "live", *SPAN), "live"),
        (("replay", "--run", "a b", *SPAN), "a b"),
        (("replay", "--run", "x" * 101, *SPAN), "xxx"),
        (("replay", "--run", "a", "--from", "soon", "--to", "2026-03-03"), "soon"),
        (("replay", "--run", "a", "--from", "2026-03-03", "--to", "2026-03-03"), "--from"),
        (("replay", "--run", "a", "--from", "2026-03-02"), "--to"),
        (("replay", "--run", "a", "--search-log", "x", "--to", "2026-03-02"), "--from"),
        (("replay", "--run", "a", "--search-log", "-", "--listings", "-"), "standard input"),
        (("replay", "--run", "a", *SPAN, "--rate", "0"), "--rate"),
        (("replay", "promote", "a", "--from", "2026-03-02T00:10", "--to", "2026-03-02T01:50"), "whole hour"),
        (("replay", "drop", "live"), "live"),
        (("replay", "promote", "live"), "live"),
        (("replay", "promote"), "run"),
        (("offline-judge", "--port", "99999"), "--port"),
    ],
)
def test_wrong_use_exits_2_with_one_line_that_says_what(
    command: Command, command_line: tuple[str, ...], says: str
) -> None:
    done = command(*command_line, **KAFKA, **POSTGRES)
    [line] = done.err.splitlines()
    assert done.code == 2
    assert says in line


def test_an_unknown_process_is_answered_with_those_there_are(command: Command) -> None:
    done = command("run", "bogus", **KAFKA, **POSTGRES)
    assert all(name in done.err for name in (*PROCESSES, "all"))


def test_no_command_at_all_shows_help_and_exits_2(command: Command) -> None:
    done = command()
    assert done.code == 2
    assert "Usage" in done.out


def test_help_names_every_command(command: Command) -> None:
    done = command("--help")
    names = ("migrate", "run", "produce", "replay", "judge", "offline-judge", "status", "demo")
    assert done.code == 0
    assert all(name in done.out for name in names)


@pytest.mark.parametrize("cut", [True, False], ids=["cut", "no gzip at all"])
def test_a_broken_gzip_file_is_wrong_use(command: Command, tmp_path: Path, cut: bool) -> None:
    whole = gzip.compress(b'{"query": "mug", "listing_id": "m1"}\n' * 100)
    (tmp_path / "x.gz").write_bytes(whole[:-9] if cut else b"plain text")
    done = command("judge", "x.gz", **POSTGRES)
    [line] = done.err.splitlines()
    assert done.code == 2
    assert "x.gz" in line


@pytest.mark.parametrize("wrong", ["{", "[]", '{"query": ""}', '{"query": "mug"}', '{"query": 1, "listing_id": "a"}'])
def test_judge_names_the_first_wrong_line_of_its_file(command: Command, tmp_path: Path, wrong: str) -> None:
    (tmp_path / "x").write_text('{"query": "mug", "listing_id": "m1"}\n\n' + wrong + "\n")
    done = command("judge", "x", **POSTGRES)
    assert done.code == 2
    assert done.err.startswith("assay: x, line 3: ")


def test_a_database_that_is_away_ends_a_command_with_1_and_one_line(command: Command) -> None:
    done = command("migrate", **POSTGRES)
    [line] = done.err.splitlines()
    assert done.code == 1
    assert "PostgreSQL is not there" in line
