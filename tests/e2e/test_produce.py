"""`assay produce`: each line as it is, keyed rightly, onto a topic that it makes."""

from __future__ import annotations

import gzip
from pathlib import Path

from tests.e2e import shoppers, topics
from tests.e2e.conftest import Place

LOG_LINES = {
    b'{"client_id": "c1", "session_id": "s1", "user_query": "mug"}': b"c1",
    b'{"session_id": 7}': b"7",
    b'{"client_id": "", "event_attributes": {"session_id": "s2"}}': b"s2",
    b'{"client_id": null}': None,
    b"not json": None,
    b'{"client_id": "c1"': None,
    b"\xff\xfe": None,
    b' {"client_id": "k\xc3\xa4se"} ': "käse".encode(),
}


async def test_a_log_is_sent_line_by_line_keyed_by_identity_wrong_lines_too(place: Place, tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_bytes(shoppers.lines(list(LOG_LINES)))
    done = await place.assay("produce", "search-log", str(tmp_path / "log.jsonl"))
    found = topics.read(place.bootstrap, f"{place.prefix}search-log")
    assert (done.code, done.err) == (0, "")
    assert f"sent {len(LOG_LINES)} records to {place.prefix}search-log" in done.out
    assert {record.value: record.key for record in found} == LOG_LINES


async def test_a_packed_file_of_listings_is_keyed_by_listing_id(place: Place, tmp_path: Path) -> None:
    (tmp_path / "listings.jsonl.gz").write_bytes(gzip.compress(shoppers.lines(shoppers.listings())))
    done = await place.assay("produce", "listings", str(tmp_path / "listings.jsonl.gz"))
    found = topics.read(place.bootstrap, f"{place.prefix}listings")
    assert done.code == 0
    assert sorted(record.key or b"" for record in found) == sorted(name.encode() for name in shoppers.TITLES)


async def test_a_bulk_file_on_standard_input_is_sent_without_its_actions(place: Place) -> None:
    bulk = (
        b'{"index": {"_index": "ubi_queries", "_id": "1"}}\n{"client_id": "c1"}\n{"create": {}}\n{"client_id": "c2"}\n'
    )
    done = await place.assay("produce", "search-log", "-", stdin=bulk)
    found = topics.read(place.bootstrap, f"{place.prefix}search-log")
    assert done.code == 0
    assert {record.key: record.value for record in found} == {
        b"c1": b'{"client_id": "c1"}',
        b"c2": b'{"client_id": "c2"}',
    }


async def test_a_line_that_the_broker_takes_in_no_case_is_said_in_one_line(place: Place) -> None:
    done = await place.assay("produce", "listings", "-", stdin=b"x" * 3_000_000)
    assert done.code == 1
    assert "too large" in done.one_line()
