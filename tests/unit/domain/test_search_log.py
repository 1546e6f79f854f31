"""Decoding of search-log records: equal to the plain oracle on anything, and CONTRACT 2 case by case."""

from __future__ import annotations

import json

import pytest
from hypothesis import event, given, settings

from core.domain.fields import Unusable
from core.domain.search_log import SearchLogRecord, decode_search_log
from tests.oracle import decoding as oracle
from tests.oracle.contract import normalise
from tests.strategies import NOW_MS, kafka_times, search_log_values


def same_as_oracle(value: bytes, kafka_ts: int) -> None:
    expected = oracle.decode_search_log(value, kafka_ts)
    found = decode_search_log(value, kafka_ts)
    if isinstance(expected, oracle.Dead):
        assert isinstance(found, Unusable), (expected, found)
        assert found.reason == expected.reason, (expected, found)
        assert "\0" not in found.detail
        if expected.names:
            assert any(found.detail.startswith(name) for name in expected.names), (expected, found)
        return
    always = expected.application, expected.identity, expected.at, expected.query_id, expected.action
    if expected.action is not None:
        assert found == SearchLogRecord(*always)
        return
    assert found == SearchLogRecord(
        *always,
        normalise(expected.user_query or ""),
        expected.market,
        expected.language,
        expected.engine,
        None if expected.hit_ids is None else list(expected.hit_ids),
    )


@settings(max_examples=400)
@given(search_log_values, kafka_times)
def test_decoding_equals_the_plain_oracle(value: bytes, kafka_ts: int) -> None:
    expected = oracle.decode_search_log(value, kafka_ts)
    event(expected.reason if isinstance(expected, oracle.Dead) else "usable")
    same_as_oracle(value, kafka_ts)


QUERY = {"client_id": "c", "query_id": "q", "user_query": "Lamp", "timestamp": NOW_MS}


def reason(value: bytes | None, kafka_ts: int = NOW_MS) -> str:
    found = decode_search_log(value, kafka_ts)
    return found.reason if isinstance(found, Unusable) else "usable"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "not_json"),
        (b"", "not_json"),
        (b"\xef\xbb\xbf{}", "not_json"),
        (b'{"unread":"\xff"}', "not_json"),
        (b'{"unread":"\\ud800"}', "not_json"),
        (b'{"unread":NaN}', "not_json"),
        (b'{"a":' + b"[" * 512 + b"]" * 512 + b"}", "not_json"),
        (b'{"a":' + b"[" * 511 + b"]" * 511 + b"}", "no_timestamp"),
        (b"[]", "not_an_object"),
        (b"null", "not_an_object"),
        (b'{"client_id":1.5,"timestamp":"x"}', "bad_field"),
        (b'{"client_id":true}', "bad_field"),
        (b'{"client_id":12.0}', "bad_field"),
        (b'{"client_id":"a\\u0000"}', "bad_field"),
        (b'{"query_response_hit_ids":[null]}', "bad_field"),
        (b'{"query_response_hit_ids":[""]}', "bad_field"),
        (b'{"event_attributes":{"position":{"ordinal":"1"}}}', "bad_field"),
        (b'{"event_attributes":{"object":{"object_id":"' + b"x" * 257 + b'"}}}', "bad_field"),
        (b'{"event_attributes":{"session_id":"' + b"x" * 257 + b'"},"client_id":"a"}', "bad_field"),
        (b'{"query_response_hit_ids":["' + b"x" * 257 + b'"]}', "bad_field"),
        (b'{"query_id":' + b"1" * 257 + b"}", "bad_field"),
        (b'{"client_id":1.5,"client_id":"a"}', "no_timestamp"),
        (b'{"timestamp":""}', "no_timestamp"),
        (b'{"timestamp":true}', "bad_timestamp"),
        (b'{"timestamp":{}}', "bad_timestamp"),
        (b'{"timestamp":1e400}', "bad_timestamp"),
        (b'{"timestamp":1750000000000}', "no_identity"),
        (b'{"timestamp":1750000000000,"client_id":"","session_id":"s"}', "unknown_kind"),
        (b'{"timestamp":1750000000000,"session_id":"s","user_query":""}', "no_query_id"),
        (b'{"timestamp":1750000000000,"session_id":"s","action_name":"click"}', "usable"),
        (b"x" * 1_048_577, "too_large"),
        (b" " * (1_048_576 - 2) + b"[]", "not_an_object"),
    ],
)
def test_the_reason_is_the_first_of_the_contracts_order(value: bytes | None, expected: str) -> None:
    assert reason(value) == expected


@pytest.mark.parametrize(("name", "limit"), [("client_id", 256), ("application", 100), ("user_query", 4096)])
def test_limits_count_characters_not_bytes(name: str, limit: int) -> None:
    assert reason(json.dumps({**QUERY, name: "\U0001f600" * limit}).encode()) == "usable"
    assert reason(json.dumps({**QUERY, name: "a" * (limit + 1)}).encode()) == "bad_field"


@pytest.mark.parametrize(("ahead", "expected"), [(300_000, "usable"), (300_001, "bad_timestamp")])
def test_a_record_may_be_five_minutes_ahead_of_kafka(ahead: int, expected: str) -> None:
    assert reason(json.dumps({**QUERY, "timestamp": NOW_MS + ahead}).encode()) == expected


def test_a_kafka_record_without_a_time_of_its_own_holds_nothing_back() -> None:
    assert reason(json.dumps(QUERY).encode(), -1) == "usable"


def test_integers_are_ids_by_their_decimal_text() -> None:
    value = json.dumps({**QUERY, "client_id": 2**70, "query_id": -0, "query_response_hit_ids": [7, "x"]}).encode()
    found = decode_search_log(value, NOW_MS)
    assert isinstance(found, SearchLogRecord)
    assert (found.identity, found.query_id, found.hits) == (str(2**70), "0", ["7", "x"])


def test_the_session_id_may_stand_in_the_event_attributes() -> None:
    record = {"timestamp": NOW_MS, "action_name": "click", "session_id": "", "event_attributes": {"session_id": 5}}
    found = decode_search_log(json.dumps(record).encode(), NOW_MS)
    assert isinstance(found, SearchLogRecord)
    assert found.identity == "5"
