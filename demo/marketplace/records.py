"""Kafka records as the marketplace sends them, and the writer of one session's records."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Literal
from uuid import UUID

import msgspec

from demo.marketplace.facts import Market, language_of
from demo.marketplace.times import iso

Topic = Literal["search-log", "listings"]

APPLICATION = "marketplace"
ENGINE = "bm25"

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class OutRecord:
    """One record to produce: topic without prefix, key (identity or listing id), value, time in ms since 1970."""

    topic: Topic
    key: bytes
    value: bytes
    timestamp_ms: int


def json_record(topic: Topic, key: str, body: dict[str, object], at_ms: int) -> OutRecord:
    """A record with a JSON value."""
    return OutRecord(topic, key.encode(), _encode(body), at_ms)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who a session is, and the habits of the tracker on the page (every one is allowed by UBI 1.3)."""

    market: Market
    client_id: str | None
    session_id: str
    session_inside: bool
    """The session id stands in `event_attributes`, not at the top."""
    numeric_time: bool
    query_in_events: bool

    @property
    def identity(self) -> str:
        """The key of the topic (CONTRACT 3)."""
        return self.client_id or self.session_id


class SessionWriter:
    """Writes one session's records; `now` moves on only by `wait`."""

    def __init__(self, visitor: Visitor, rng: Random, now: int) -> None:
        self._visitor = visitor
        self._rng = rng
        self._query: tuple[str, str] = ("", "")
        self.now = now
        self.records: list[OutRecord] = []

    def wait(self, low_s: float, high_s: float) -> None:
        """Let some time pass, seconds."""
        self.now += round(1000 * self._rng.uniform(low_s, high_s))

    def query(self, text: str, hits: tuple[str, ...]) -> None:
        """A query record under a new `query_id`."""
        query_id = str(UUID(int=self._rng.getrandbits(128), version=4))
        self._query = (query_id, text)
        body, market = self._head(), self._visitor.market
        body["query_id"] = query_id
        body["user_query"] = text
        body["query_response_hit_ids"] = hits
        body["query_attributes"] = {"market": market, "language": language_of(market), "engine": ENGINE}
        if self._visitor.session_inside:
            body["event_attributes"] = {"session_id": self._visitor.session_id}
        self._add(body)

    def event(self, action: str, listing_id: str | None = None, ordinal: int = 0) -> None:
        """An event record of the latest query."""
        query_id, text = self._query
        body = self._head()
        body["query_id"] = query_id
        body["action_name"] = action
        if self._visitor.query_in_events:
            body["user_query"] = text
        attributes: dict[str, object] = {}
        if self._visitor.session_inside:
            attributes["session_id"] = self._visitor.session_id
        if listing_id is not None:
            attributes["object"] = {"object_id": listing_id, "object_id_field": "listing_id"}
            attributes["position"] = {"ordinal": ordinal}
        body["event_attributes"] = attributes
        self._add(body)

    def _head(self) -> dict[str, object]:
        visitor = self._visitor
        head: dict[str, object] = {
            "application": APPLICATION,
            "timestamp": self.now if visitor.numeric_time else iso(self.now),
        }
        if visitor.client_id is not None:
            head["client_id"] = visitor.client_id
        if not visitor.session_inside:
            head["session_id"] = visitor.session_id
        return head

    def _add(self, body: dict[str, object]) -> None:
        self.records.append(json_record("search-log", self._visitor.identity, body, self.now))
