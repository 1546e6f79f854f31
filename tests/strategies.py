"""Hypothesis strategies of the whole suite: JSON texts that are right, odd and wrong, and search logs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from hypothesis import strategies as st

from tests.oracle.contract import LogRecord
from tests.oracle.generate import make_log

NOW_MS = 1_750_000_000_000
"""Kafka's own time of generated records, June 2025."""


@dataclass(frozen=True)
class Raw:
    """A piece of JSON text that goes out as it is: what `json.dumps` would never write."""

    text: str


def encode(value: object) -> str:
    """JSON text, in which objects may be lists of pairs (repeated keys) and `Raw` stands for itself."""
    if isinstance(value, Raw):
        return value.text
    if isinstance(value, dict):
        return encode(Pairs(tuple(value.items())))
    if isinstance(value, Pairs):
        return "{" + ",".join(f"{encode(name)}:{encode(held)}" for name, held in value.pairs) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(encode, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


@dataclass(frozen=True)
class Pairs:
    """An object whose keys may come twice."""

    pairs: tuple[tuple[object, object], ...]


# --- JSON of any kind -------------------------------------------------------------------------------------

odd_numbers = st.sampled_from(
    [
        "0", "-0", "1", "-1", "12.0", "1e3", "1E+2", "1e-400", "1e400", "-1e999", "9" * 30, "-" + "9" * 300,
        "1" * 256, "1" * 257,
        "1" * 4301, "1" * 5000, "1." + "0" * 500 + "1", "01", "1.", ".5", "+1", "0x1", "1e", "--1", "-", "NaN",
        "Infinity", "-Infinity",
        "18446744073709551615", "18446744073709551616", "9223372036854775807", "9223372036854775808",
        "-9223372036854775809",
        "0.1e1", "1_000", "1750000000000", "1750000000000.9", "1.75e12", "17500000000009e-1", "1750000000000.0",
    ]
).map(Raw)  # fmt: skip

odd_texts = st.sampled_from(
    [
        r'"\u0000"', r'"a\u0000b"', r'"\ud83d\ude00"', r'"\ud83d"', r'"\ude00"', r'"\uD83D\uD83D"', r'"\ude00\ud83d"',
        r'"\u00e9"',
        r'"\\ud800"', r'"\\\ud800"', r'"\\u0000"', r'"\/"', r'"\q"', r'"\u12"', r'"\u 123"', r'"\u+123"',
        r'"\ud800\udbff\udc00"', '"\x01"', '"\t"', '"\n"', '"\x7f"', '"\u2028"',
        r'"\b\f\n\r\t\"\\"', '"\ufeff"', '"\U0001f600"', "'a'", '"a', '"\\', '"\\u', r'"\x41"', '""', '" "',
        '"\u00a0"', '"\u3000x\u3000"',
        r'"\u0041\u0300"', r'"\ud83d \ude00"', r'"\ud83dx"',
    ]
).map(Raw)  # fmt: skip


def nested(levels: int, bracket: str = "[") -> Raw:
    """A value of so many levels."""
    opening, closing = ("[", "]") if bracket == "[" else ('{"a":', "}")
    inner = "" if bracket == "[" else "0"
    return Raw(opening * levels + inner + closing * levels)


deep = st.builds(nested, st.sampled_from([2, 510, 511, 512, 513, 514, 2000, 100_000]), st.sampled_from("[{"))
brackets_in_text = st.just("[{" * 600)
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=8),
        odd_numbers, odd_texts
)  # fmt: skip
any_json = st.one_of(
    st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
        max_leaves=5,
    ),
    deep,
    brackets_in_text,
)


# --- Timestamps -------------------------------------------------------------------------------------------

_times = st.datetimes(datetime(1999, 12, 30), datetime(2026, 1, 1))
_zones = st.sampled_from(["", "Z", "+00:00", "-05:00", "+0530", "+14", "-23:59:59", "+05:30:15.123456", " +01:00", "z"])
_forms = st.sampled_from(
    ["%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%d %H:%M:%S", "%Y%m%dT%H%M%S", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H", "%G-W%V-%u",
    "%G-W%V-%uT%H:%M", "%Y%m%d",
     "%Y-%m-%d", "%GW%V%u", "%G-W%V", "%Y-%jT%H:%M", "%Y-%m-%dX%H:%M:%S,%f", "%Y-%m-%dT%H:%M:%S.000999",
     "%Y-%m-%dT%H:%M:%S.1",
     "%Y-%m-%dT%H:%M:%S.123456789", "%Y-%m-%d\u2028%H%M", "%d.%m.%Y", "%Y-%m-%dT%H:%M:60", "%Y-%m-%dT24:00"]
)  # fmt: skip
timestamp_texts = st.one_of(
    st.builds(lambda time, form, zone: time.strftime(form) + zone, _times, _forms, _zones),
    st.sampled_from(
        ["", " ", "2025-06-15", "2000-01-01T00:00:00Z", "1999-12-31T23:59:59.999999Z", "2000-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59.999999",
         "9999-12-31T23:59:59-00:01", "0001-01-01T00:00:00+23:59", "2025-06-15T15:11:40.0009995Z", "1750000000000",
         "2025-06-15\0",
         "2025-06-15\x0012:00", "\u0662025-06-15", "2025-06-15T12:00:00.", "2025-06-15T12:00:00+24:00", "2025-02-29",
         "2024-02-29", "now"]
    ),
)  # fmt: skip
_edges = st.sampled_from(
    [946_684_800_000, 946_684_799_999, 946_684_799_999.9, 253_402_300_799_999, 253_402_300_800_000,
    253_402_300_799_999.5, NOW_MS + 300_000,
     NOW_MS + 300_001, NOW_MS + 300_000.5, 0, -1, -0.5, 10**18, 10**40, 1e300]
)  # fmt: skip
timestamps = st.one_of(
    st.integers(NOW_MS - 10**9, NOW_MS), st.floats(NOW_MS - 10**9, NOW_MS), _edges, timestamp_texts, odd_numbers,
        any_json
)  # fmt: skip


# --- Records of search-log --------------------------------------------------------------------------------

_sized = st.sampled_from([1, 99, 100, 101, 255, 256, 257, 4095, 4096, 4097])
_long = st.builds(lambda n, c: c * n, _sized, st.sampled_from(["a", "\u00e9", "\U0001f600"]))
ids = st.one_of(st.text(max_size=6), st.integers(), _long, odd_numbers, odd_texts)
names = st.one_of(st.text(max_size=6), _long, odd_texts)
_odd = st.one_of(st.none(), st.just(""), any_json)


def _mostly(right: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    """Seven of eight times what belongs there."""
    return st.integers(0, 7).flatmap(lambda n: _odd if n == 0 else right)


def _optional_object(fields: dict[str, st.SearchStrategy[object]]) -> st.SearchStrategy[object]:
    return st.fixed_dictionaries({}, optional={**fields, "unread": any_json})


_event_attributes = _optional_object(
    {
        "session_id": _mostly(ids),
        "object": _mostly(_optional_object({"object_id": _mostly(ids), "name": any_json})),
        "position": _mostly(_optional_object({"ordinal": _mostly(st.integers() | odd_numbers), "x": any_json})),
    }
)
_query_attributes = _optional_object({name: _mostly(names) for name in ("market", "language", "engine")})
_plain_fields: dict[str, st.SearchStrategy[object]] = {
    "application": names,
    "client_id": ids,
    "session_id": ids,
    "query_id": ids,
    "user_query": names,
    "action_name": names,
    "timestamp": timestamps,
    "query_response_hit_ids": st.lists(_mostly(ids), max_size=4),
    "query_attributes": _query_attributes,
    "event_attributes": _event_attributes,
}
_sound = {
    "client_id": st.just("c1"),
    "query_id": st.sampled_from(["q1", "q2"]),
    "user_query": st.sampled_from(["Red  Shoe", "", " ", "e\u0301t\u00e9"]),
    "timestamp": st.integers(NOW_MS - 10**9, NOW_MS),
}


@st.composite
def _record(
    draw: st.DrawFn, plain: dict[str, st.SearchStrategy[object]], sound: dict[str, st.SearchStrategy[object]]
) -> object:
    """A sound record with a few fields drawn anew, dropped, repeated or added."""
    pairs: list[tuple[object, object]] = [(name, draw(value)) for name, value in sound.items()]
    for _ in range(draw(st.integers(0, 4))):
        name = draw(st.sampled_from(sorted(plain)))
        kind = draw(st.integers(0, 5))
        if kind == 0:
            pairs = [pair for pair in pairs if pair[0] != name]
        elif kind == 1:
            pairs.append(
                (
                    draw(st.sampled_from(["unread", "a\u00e9", "", Raw(r'"\u0063lient_id"'), Raw(r'"\ud800"')])),
                    draw(any_json),
                )
            )
        else:
            pairs.insert(draw(st.integers(0, len(pairs))), (name, draw(_mostly(plain[name]))))
    return Pairs(tuple(pairs))


def _mutated(text: bytes, places: list[tuple[int, bytes]]) -> bytes:
    for place, piece in places:
        at = place % (len(text) + 1)
        text = text[:at] + piece + text[at + (place % 3) :]
    return text


_pieces = st.sampled_from(
    [b"", b'"', b"\\", b",", b"}", b"]", b"{", b"[", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\0",
    b"\x1f", b" ", b"\t", b"\x0b", b"\xc0\x80", b"0", b"null",
     b"//", b"\\u0000", b"\\ud800", b"e", b"-", b"."]
)  # fmt: skip


def _as_bytes(record: st.SearchStrategy[object]) -> st.SearchStrategy[bytes]:
    """Encoded, one in four times with bytes put in, dropped or overwritten."""
    sound = record.map(lambda value: encode(value).encode("utf-8", "surrogatepass"))
    places = st.lists(st.tuples(st.integers(0, 10_000), _pieces), min_size=1, max_size=3)
    broken = st.builds(_mutated, sound, places)
    wrapped = st.builds(lambda before, text, after: before + text + after, _around, sound, _around)
    whole = st.one_of(any_json, st.lists(_record(_plain_fields, _sound), max_size=2)).map(
        lambda v: encode(v).encode("utf-8", "surrogatepass")
    )
    return st.one_of(sound, sound, sound, sound, broken, broken, wrapped, whole, st.binary(max_size=12))


_around = st.sampled_from([b"", b" ", b"\r\n\t", b"\xef\xbb\xbf", b"\x0c", b"\xc2\xa0", b"{}", b",", b"\0"])

search_log_values = _as_bytes(_record(_plain_fields, _sound))
kafka_times = st.sampled_from([NOW_MS, NOW_MS, NOW_MS, NOW_MS - 10**9, 946_684_500_000, 253_402_300_799_999])

_listing_fields: dict[str, st.SearchStrategy[object]] = {
    "listing_id": ids,
    "timestamp": timestamps,
    "event": st.sampled_from(["new", "updated", "deleted", "gone", "", "New"]),
    "market": names,
    "language": names,
    "title": names,
    "description": names,
    "brand": names,
    "category": names,
    "price": _optional_object({"amount": _mostly(st.integers() | st.floats(0, 1e6)), "currency": _mostly(names)}),
    "attributes": st.dictionaries(st.text(max_size=4), _mostly(names), max_size=3),
    "image_urls": st.lists(_mostly(names), max_size=3),
}
_sound_listing = {
    "listing_id": st.just("l1"),
    "title": st.just("A shoe"),
    "timestamp": st.integers(NOW_MS - 10**9, NOW_MS),
}
listing_values = _as_bytes(_record(_listing_fields, _sound_listing))


# --- Logs -------------------------------------------------------------------------------------------------


def logs(*, runs: tuple[str, ...] = (), partitions: int = 2) -> st.SearchStrategy[list[LogRecord]]:
    """Logs of several partitions in one interleaving: late records, equal times, every limit at its edge."""
    sizes = st.integers(1, 200)
    return st.builds(partial(make_log, runs=runs, partitions=partitions), st.integers(0, 2**32), sizes)
