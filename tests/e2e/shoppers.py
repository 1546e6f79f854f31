"""A small day in a shop: enough sessions for a query to be chosen, one query that serves its shoppers badly."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from tests.e2e import topics

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
GOOD, BAD = "red mug", "blue kettle"
TITLES = {
    "m1": "Red ceramic mug 300 ml", "m2": "Red enamel mug", "k1": "Yellow rubber duck",
    "k2": "Garden hose 10 m", "k3": "Blue electric kettle 1.7 l",
}  # fmt: skip
RESULTS = {GOOD: ["m1", "m2"], BAD: ["k1", "k2", "k3"]}


def listing(listing_id: str) -> dict[str, object]:
    """A listing of the shop."""
    return {
        "listing_id": listing_id, "timestamp": "2026-03-01T00:00:00Z", "market": "uk", "language": "en",
        "title": TITLES[listing_id],
    }  # fmt: skip


def listings() -> list[bytes]:
    """All listings as JSON lines."""
    return [line(listing(listing_id)) for listing_id in TITLES]


def log(shoppers: int = 60) -> list[bytes]:
    """Each shopper comes twice, three hours apart, so that the second visit ends the first one's session."""
    visits = [record for number in range(shoppers) for record in _visit(number, START)]
    again = [record for number in range(shoppers) for record in _visit(number, START + timedelta(hours=3))]
    return [line(record) for record in visits + again]


def _visit(number: int, start: datetime) -> Iterator[dict[str, object]]:
    """Who wants the mug finds it; who wants the kettle leaves."""
    client, at = f"c{number}", start + timedelta(seconds=number)
    query = (GOOD, BAD)[number % 2]
    query_id = f"{client}-{start:%H}"
    shared = {"application": "shop", "client_id": client, "query_id": query_id}
    yield {
        **shared, "timestamp": at.isoformat(), "user_query": query, "query_response_hit_ids": RESULTS[query],
        "query_attributes": {"market": "uk", "language": "en", "engine": "e1"},
    }  # fmt: skip
    if query == GOOD:
        clicked = {"object": {"object_id": "m1"}}
        yield {
            **shared, "timestamp": (at + timedelta(seconds=9)).isoformat(), "action_name": "click",
            "event_attributes": clicked,
        }  # fmt: skip


def line(record: object) -> bytes:
    """A JSON line without its end."""
    return json.dumps(record).encode()


def lines(records: list[bytes]) -> bytes:
    """A JSON-lines file."""
    return b"".join(record + b"\n" for record in records)


def fill(bootstrap: str, prefix: str, wrong: Sequence[bytes] = ()) -> None:
    """The day on the live topics of a broker."""
    make_topics(bootstrap, prefix)
    topics.send(bootstrap, f"{prefix}listings", [(listing_id, line(listing(listing_id))) for listing_id in TITLES])
    topics.send(bootstrap, f"{prefix}search-log", [(key_of(record), record) for record in log()])
    topics.send(bootstrap, f"{prefix}search-log", [("wrong", record) for record in wrong])


def send_late(bootstrap: str, prefix: str) -> None:
    """One more listing, `late`."""
    told = {**listing("m1"), "listing_id": "late", "timestamp": "2026-03-03T00:00:00Z"}
    topics.send(bootstrap, f"{prefix}listings", [("late", line(told))])


def make_topics(bootstrap: str, prefix: str) -> None:
    """The live topics."""
    for topic in ("search-log", "listings"):
        topics.make(bootstrap, prefix + topic)


def key_of(record: bytes) -> str:
    """The shopper."""
    return str(json.loads(record)["client_id"])
