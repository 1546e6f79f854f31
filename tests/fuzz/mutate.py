"""What may happen to a record on its way: bits flip, ends are cut off, other JSON stands where a field was."""

from __future__ import annotations

import re
from dataclasses import replace
from random import Random

from tests.oracle.contract import LogRecord

LARGEST = 1_048_576
BIG_IN = 4_000  # one in so many mutations makes a value of about the largest size: each takes up to 0.1 s to decide
DEEP_IN = 50

PIECES = [
    b"", b'"', b"\\", b",", b":", b"}", b"]", b"{", b"[", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\0",
    b"\x1f", b"\n", b"\xc0\x80", b"-", b".", b"e9", b"null", b"\\u0000", b"\\ud800", b"\\ud83d\\ude00", b"\\u12",
    "\u00e9".encode(), "\u0301\u0316".encode(), "\U0001f600".encode(), b"//",
]  # fmt: skip
TOKENS = [
    b"null", b"true", b"0", b"-0", b"12.0", b"1e400", b"-1e999", b"NaN", b"9" * 19, b"9" * 30, b"1" * 257, b"1" * 5000,
    b"9223372036854775807", b"9223372036854775808", b"18446744073709551616", b"1748779200000.9", b"01", b'""', b'" "',
    b'"a\\u0000b"', b'"\\ud800"', b'"\\ude00\\ud83d"', b'"\\ud83d\\ude00"', b"[]", b"{}", b"[null]", b'[""]',
    b'["a",1]', b"[[[]]]", b'{"a":{}}', b'"' + b"x" * 257 + b'"', b'"' + b"x" * 4097 + b'"', b'"' + b"[{" * 600 + b'"',
    b'"2025-06-01T12:00:00Z"', b'"9999-12-31T23:59:59-00:01"', b'"0001-01-01T00:00:00+23:59"',
]  # fmt: skip
TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|-?[0-9.]+|null|true')
VALUE = re.compile(rb'(?<=: )(?:"(?:[^"\\]|\\.)*"|-?[0-9.]+|null|true|\[[^]]*\]|\{[^}]*\})')
HEADERS = [
    ("assay-run", b"r1"), ("assay-run", b"r2"), ("assay-run", b"live"), ("assay-run", b""), ("assay-run", b"\xff"),
    ("assay-run", b"x" * 101), ("assay-run-end", b"junk"), ("other", b"1"), ("", b""), ("Assay-Run", b"r1"),
]  # fmt: skip


def mutated(random: Random, record: LogRecord) -> LogRecord:
    """The record with one to three things wrong with it; it may still be sound."""
    for _ in range(random.choice([1, 1, 2, 3])):
        record = _once(random, record)
    return record


def _once(random: Random, record: LogRecord) -> LogRecord:
    luck, value = random.random(), record.value or b""
    if luck < 0.06:
        return replace(record, headers=tuple(random.choices(HEADERS, k=random.randrange(4))))
    if luck < 0.08:
        return replace(
            record, value=random.choice([None, b"", b"\xef\xbb\xbf" + value, b" " + value + b"\n", value * 2])
        )
    if luck < 0.08 + 1 / DEEP_IN:
        return replace(record, value=_with_token(random, value, _deep(random)))
    if luck < 0.1 + 1 / BIG_IN:
        return replace(record, value=_big(random, value))
    if luck < 0.5:
        return replace(record, value=_with_token(random, value, random.choice(TOKENS)))
    return replace(record, value=_bytes(random, value))


def _bytes(random: Random, value: bytes) -> bytes:
    at = random.randrange(len(value) + 1)
    kind = random.randrange(4)
    if kind == 0 and at < len(value):
        return value[:at] + bytes([value[at] ^ 1 << random.randrange(8)]) + value[at + 1 :]
    if kind == 1:
        return value[:at] if random.random() < 0.5 else value[at:]
    if kind == 2:
        return value[:at] + value[at + random.randrange(8) :]
    return value[:at] + random.choice(PIECES) + value[at + random.randrange(3) :]


def _with_token(random: Random, value: bytes, token: bytes) -> bytes:
    """Another value where a field's stood; one time in eight anywhere, also where a name was."""
    tokens = list((VALUE if random.random() < 7 / 8 else TOKEN).finditer(value))
    if not tokens:
        return token
    found = random.choice(tokens)
    return value[: found.start()] + token + value[found.end() :]


def _deep(random: Random) -> bytes:
    levels = random.choice([2, 510, 511, 512, 513, 2_000, 50_000])
    return b"[" * levels + b"]" * levels if random.random() < 0.5 else b'{"a":' * levels + b"0" + b"}" * levels


def _big(random: Random, value: bytes) -> bytes:
    """About a mebibyte of something inside a field that nobody reads; at, or one over, the limit."""
    fill = random.choice([b"x", b"[", b"\\u0041", b"\\\\", b'\\"', b"\xc3\xa9", b'","', b"\\ud83d\\ude00", b'"],["'])
    before, after = value[:-1] + b',"unread":["', b'"]}'
    size = LARGEST + random.choice([-1, 0, 1])
    copies = (size - len(before) - len(after)) // len(fill)
    rest = size - len(before) - len(after) - copies * len(fill)
    return before + fill * copies + b"y" * rest + after
