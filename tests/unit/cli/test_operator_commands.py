"""`assay dead-letters` and `assay streams`: wrong use, and what they say."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from cli.dead_letters import as_plain
from cli.requeue import SHOWN_REASONS, report, states_of
from cli.status import as_plain as status_as_plain
from cli.streams import full_name, remarks
from cli.tables import printable
from cli.times import time_or_ago
from core.domain.effects import STORED_PAYLOAD_BYTES
from core.errors import UsageError
from core.letter_models import LetterPlace
from core.settings import Settings
from core.status_models import Replica, Spend, StatusReport, StreamPosition
from producers.requeue import Requeued
from tests.support.fake_letters import letter
from tests.support.fakes import NOON
from tests.unit.cli.conftest import Command

THERE = {"ASSAY_KAFKA_BOOTSTRAP_SERVERS": "localhost:1", "ASSAY_POSTGRES_DSN": "postgresql://localhost:1/x"}
STREAM = StreamPosition("search-log", 0, 9, 30, NOON - timedelta(seconds=90), 1, "a:1", NOON)
REPORT = StatusReport(NOON, [STREAM], [], Spend(0.0, 0.0, 50.0, 0, 0, 0, 0, 0), [], 0, None)


@pytest.mark.parametrize(
    ("command_line", "says"),
    [
        (("dead-letters", "bogus"), "bogus"),
        (("dead-letters", "list", "--since", "soon"), "soon"),
        (("dead-letters", "list", "--limit", "0"), "--limit"),
        (("dead-letters", "list", "--partition", "x"), "--partition"),
        (("dead-letters", "show", "search-log", "0"), "offset"),
        (("dead-letters", "show", "search-log", "0", "x"), "offset"),
        (("dead-letters", "requeue"), "--all"),
        (("dead-letters", "requeue", "--again"), "--all"),
        (("dead-letters", "requeue", "search-log"), "PARTITION"),
        (("dead-letters", "requeue", "search-log", "0", "1", "--reason", "not_json"), "OFFSET"),
        (("dead-letters", "requeue", "search-log", "0", "1", "--all"), "OFFSET"),
        (("streams", "resume"), "topic"),
        (("streams", "resume", "search-log"), "--all"),
        (("streams", "resume", "search-log", "0", "--all"), "--all"),
        (("streams", "resume", "search-log", "0", "--pass", "-1"), "--pass"),
        (("streams", "resume", "search-log", "x"), "partitions"),
        (("streams", "restart"), "topic"),
    ],
)
def test_wrong_use_exits_2_with_one_line_that_says_what(
    command: Command, command_line: tuple[str, ...], says: str
) -> None:
    done = command(*command_line, **THERE)
    [line] = done.err.splitlines()
    assert done.code == 2
    assert says in line


@pytest.mark.parametrize(
    ("command_line", "missing"),
    [
        (("dead-letters", "list"), "POSTGRES_DSN"),
        (("dead-letters", "requeue", "--all"), "KAFKA_BOOTSTRAP_SERVERS"),
        (("streams", "list"), "POSTGRES_DSN"),
        (("streams", "resume", "search-log", "0"), "POSTGRES_DSN"),
    ],
)
def test_a_setting_that_is_missing_is_named(command: Command, command_line: tuple[str, ...], missing: str) -> None:
    done = command(*command_line)
    assert done.code == 2
    assert f"ASSAY_{missing}" in done.err


@pytest.mark.parametrize("command_line", [("dead-letters", "list"), ("streams", "resume", "search-log", "0")])
def test_a_database_that_is_away_is_no_wrong_use(command: Command, command_line: tuple[str, ...]) -> None:
    assert command(*command_line, **THERE).code == 1


# --- Times, names, states ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "ago"),
    [
        ("90m", timedelta(minutes=90)),
        ("2h", timedelta(hours=2)),
        ("3d", timedelta(days=3)),
        ("5s", timedelta(seconds=5)),
    ],
)
def test_a_span_is_so_long_ago(text: str, ago: timedelta) -> None:
    assert time_or_ago(text, NOON) == NOON - ago


def test_a_time_without_a_zone_is_utc() -> None:
    assert time_or_ago("2026-03-02T06:00", NOON) == datetime(2026, 3, 2, 6, tzinfo=UTC)


def test_what_is_no_time_is_wrong_use() -> None:
    with pytest.raises(UsageError, match="5y"):
        time_or_ago("5y", NOON)


def test_a_topic_may_be_named_with_its_prefix_or_without() -> None:
    settings = Settings(_env_file=None, topic_prefix="shop.")
    assert full_name(settings, "search-log") == full_name(settings, "shop.search-log") == "shop.search-log"


def test_what_was_sent_before_is_sent_only_when_told() -> None:
    assert states_of(again=False, in_doubt=False) == ["new"]
    assert states_of(again=False, in_doubt=True) == ["new", "in_doubt"]
    assert states_of(again=True, in_doubt=False) == ["new", "requeued", "in_doubt"]


# --- What is said ----------------------------------------------------------------------------------------------


def test_what_would_steer_a_terminal_is_not_printed() -> None:
    assert printable("\x1b[31mrot\x07 \u202e") == "�[31mrot� �"


def test_a_letter_says_whether_it_is_whole_and_what_it_holds() -> None:
    whole, cut = letter(payload=b"{"), letter(payload=b"x" * STORED_PAYLOAD_BYTES)
    assert as_plain(whole, "payload_base64")["payload_base64"] == "ew=="
    assert (as_plain(whole, "p")["whole"], as_plain(cut, "p")["whole"]) == (True, False)
    assert as_plain(letter(payload=None), "p")["p"] is None


def test_reasons_are_listed_up_to_a_number_and_all_are_counted() -> None:
    impossible = [(LetterPlace("t", 0, offset), "gone") for offset in range(SHOWN_REASONS + 5)]
    lines = report(Requeued(1, 2, impossible), {"requeued": 0, "in_doubt": 0}, dry=False)
    assert lines[0] == "t 0 0: not possible: gone"
    assert lines[-2:] == [
        "and 5 more that are not possible",
        "sent 3 records (1 as the log holds them, 2 as they are stored); 25 not possible",
    ]


def test_what_is_in_doubt_and_what_ended_it_is_said() -> None:
    done = Requeued(taken=1, in_doubt=[LetterPlace("t", 0, 5)], failure="Kafka is not there")
    text = "\n".join(report(done, {"requeued": 2, "in_doubt": 4}, dry=False))
    assert "3 were sent again before" in text
    assert "4 are in doubt: marked" in text
    assert "1 are in doubt now, from t 0 5 on" in text
    assert "ended early: Kafka is not there" in text


def test_a_stopped_partition_is_said_with_the_command_that_releases_it() -> None:
    flood = replace(STREAM, stopped="flood", stopped_detail="half of it\x1b", stopped_at=NOON)
    again = replace(STREAM, partition=1, stopped="topic_made_again", stopped_at=NOON, missing=3)
    lines = remarks(replace(REPORT, streams=[flood, again, replace(STREAM, partition=2)]))
    assert lines == [
        "search-log[0]: flood since 2025-03-03 12:00:00: half of it�; assay streams resume search-log 0",
        "search-log[1]: topic_made_again since 2025-03-03 12:00:00: ; assay streams restart search-log --partition 1",
        "search-log[1]: 3 records were gone before they were read",
    ]


def test_lag_is_said_in_records_and_in_seconds() -> None:
    [plain] = status_as_plain(REPORT)["streams"]
    assert (plain["lag"], plain["lag_seconds"]) == (20, 90.0)


@pytest.mark.parametrize(
    ("stream", "seconds"),
    [
        (replace(STREAM, end_offset=10), 0.0),
        (replace(STREAM, watermark=None), None),
        (replace(STREAM, watermark=NOON + timedelta(seconds=5)), 0.0),
    ],
)
def test_lag_in_seconds_is_nothing_at_the_end_and_unknown_before_a_usable_record(
    stream: StreamPosition, seconds: float | None
) -> None:
    assert stream.lag_s(NOON) == seconds


def test_an_owner_is_gone_that_is_silent_or_says_nothing() -> None:
    replicas = [Replica("a:1", ["all"], NOON, NOON, 1.0), Replica("b:1", ["all"], NOON, NOON, 31.0)]
    status = replace(REPORT, replicas=replicas)
    assert [status.is_gone(name) for name in ("a:1", "b:1", "c:1")] == [False, True, True]
