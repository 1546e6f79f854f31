"""Strict JSON: equal to the oracle's reading, and no text makes it slow or deep."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings

from core.domain import strict_json
from tests.oracle import strict as oracle
from tests.strategies import any_json, encode, search_log_values


def is_json(value: bytes) -> bool:
    try:
        strict_json.loads(value)
    except strict_json.NotJsonError:
        return False
    return True


def oracle_says(value: bytes) -> bool:
    try:
        oracle.parse(value)
    except oracle.NotJson:
        return False
    return True


@settings(max_examples=200)
@given(search_log_values)
def test_what_is_json_is_what_the_oracle_says(value: bytes) -> None:
    assert is_json(value) == oracle_says(value)


@settings(max_examples=200)
@given(any_json)
def test_any_encoded_value_is_read_as_the_oracle_reads_it(value: object) -> None:
    text = encode(value).encode("utf-8", "surrogatepass")
    assert is_json(text) == oracle_says(text)


@pytest.mark.parametrize("value", [b'"\\ud83d\\ude00"', b'"\\uD83D\\uDE00"', b'"\\\\ud800"', b'"\\\\\\\\ud800"'])
def test_paired_and_escaped_surrogates_are_json(value: bytes) -> None:
    assert is_json(value)


@pytest.mark.parametrize(
    "value", [b'"\\ud83d"', b'"\\ude00\\ud83d"', b'"\\\\\\ud800"', b'{"\\ud800":1}', b'{"a":"\\ud800","a":1}']
)
def test_a_lone_surrogate_escape_is_not_json_wherever_it_stands(value: bytes) -> None:
    assert not is_json(value)


@pytest.mark.parametrize(("levels", "expected"), [(512, True), (513, False)])
def test_512_levels_are_json_also_beside_other_brackets(levels: int, expected: bool) -> None:
    deep = b"[" * (levels - 1) + b"]" * (levels - 1)
    assert is_json(b"[{},[]," + deep + b',"[[["]') is expected


@pytest.mark.parametrize("value", [b"9" * 100_000, b"-" + b"1" * 5_000, b"1e99999", b"0." + b"0" * 9_000 + b"1"])
def test_numbers_of_any_size_are_json(value: bytes) -> None:
    assert is_json(value)


@pytest.mark.parametrize(
    "value",
    [
        b"[" * 1_048_576,
        b'{"a":' * 200_000,
        b'"' + b"\\" * 1_048_574,
        b'"' * 1_048_576,
        b"[{" * 500_000,
        b"[" * 513 + b'"' + b'\\"' * 500_000,
    ],
)
def test_the_worst_megabyte_is_decided_within_a_second(value: bytes) -> None:
    started = time.process_time()
    assert not is_json(value)
    assert time.process_time() - started < 1.0
