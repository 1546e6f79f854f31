"""CONTRACT 2, decoding and dead letters, written from its text alone: as plain as it can be, slow is fine.

Where the text can be read in two ways, both readings are named at the place, and the more literal one is taken.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction

from tests.oracle.strict import NotJson, Number, parse

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
YEAR_2000_MS = 946_684_800_000
END_OF_9999_MS = 253_402_300_799_999


@dataclass(frozen=True)
class Dead:
    """Why a record can't be used; `names` are the fields of which a `bad_field` may name any."""

    reason: str
    names: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Search:
    """What section 3 needs of a usable search-log record."""

    at: int
    application: str
    identity: str
    query_id: str | None
    user_query: str | None
    action: str | None
    market: str
    language: str | None
    engine: str | None
    hit_ids: tuple[str, ...] | None
    object_id: str | None
    ordinal: str | None


# --- Fields ------------------------------------------------------------------------------------------------


EMPTY_TEXT_IS_ABSENT_WHERE_NO_TEXT_BELONGS = True
""""null means absent; so does empty text, except in `user_query`": taken at its word this holds for an object, a list
and a number too (true); read as part of the sentence on texts, empty text is a wrong type there (false)."""


class Fields:
    """The object's read fields, each checked, used or not; `bad` are the names of those that are wrong."""

    def __init__(self, value: dict[str, object]) -> None:
        self.value = value
        self.bad: set[str] = set()

    def at(self, path: str) -> object:
        """The value at `path`, None when absent. A parent that is no object is a read field of a wrong type."""
        found: object = self.value
        walked: list[str] = []
        for name in path.split("."):
            if found == "" and EMPTY_TEXT_IS_ABSENT_WHERE_NO_TEXT_BELONGS:
                return None
            if not isinstance(found, dict):
                self.bad.add(".".join(walked))
                return None
            walked.append(name)
            found = found.get(name)
            if found is None:
                return None
        if found == "" and EMPTY_TEXT_IS_ABSENT_WHERE_NO_TEXT_BELONGS and path != "user_query":
            return None
        return found

    def text(self, path: str, limit: int | None) -> str | None:
        value = self.at(path)
        if value is None:
            return None
        if not isinstance(value, str) or "\0" in value or (limit is not None and len(value) > limit):
            self.bad.add(path)
            return None
        return value if value or path == "user_query" else None

    def id(self, path: str) -> str | None:
        value = self.at(path)
        if value is None or value == "":
            return None
        read = _id(value)
        if read is None:
            self.bad.add(path)
        return read

    def integer(self, path: str) -> str | None:
        value = self.at(path)
        if value is None:
            return None
        if not isinstance(value, Number) or not value.is_integer:
            self.bad.add(path)
            return None
        return value.digits()

    def ids(self, path: str) -> tuple[str, ...] | None:
        value = self.at(path)
        if value is None:
            return None
        read = [_id(item) for item in value] if isinstance(value, list) else [None]
        if None in read:
            self.bad.add(path)
            return None
        return tuple(item for item in read if item is not None)


def _id(value: object) -> str | None:
    """A present id, or None when it is wrong. (Empty text among the hit ids is wrong.)"""
    if isinstance(value, Number) and value.is_integer:
        value = value.digits()
    if not isinstance(value, str) or value == "" or "\0" in value or len(value) > 256:
        return None
    return value


# --- Timestamps --------------------------------------------------------------------------------------------


def milliseconds(value: object) -> int | None:
    """Milliseconds since 1970, rounded down, or None when unreadable."""
    if isinstance(value, Number):
        # "a number of milliseconds": a float64 (what every JSON reader makes of a fraction or exponent) is taken here;
        # the other reading, exact decimals, differs only in fractions finer than 0.0001 ms before a full millisecond.
        number = int(value.text) if value.is_integer and len(value.text) < 30 else float(value.text)
        return math.floor(number) if math.isfinite(number) else None
    if not isinstance(value, str) or "\0" in value:  # fromisoformat takes any character between date and time
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    passed = moment - EPOCH
    microseconds = (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds
    return math.floor(Fraction(microseconds, 1000))


def timestamp(value: object, kafka_ts: int) -> int | Dead:
    if value is None or value == "":
        return Dead("no_timestamp")
    at = milliseconds(value)
    if at is None or at < YEAR_2000_MS or at > END_OF_9999_MS or at > kafka_ts + 300_000:
        return Dead("bad_timestamp")
    return at


# --- Records -----------------------------------------------------------------------------------------------


def read_object(value: bytes | None) -> dict[str, object] | Dead:
    if value is not None and len(value) > 1_048_576:
        return Dead("too_large")
    try:
        parsed = parse(value)
    except NotJson:
        return Dead("not_json")
    return parsed if isinstance(parsed, dict) else Dead("not_an_object")


def decode_search_log(value: bytes | None, kafka_ts: int) -> Search | Dead:
    """A usable record of `search-log`, or why it is none (`no_run` aside, which is the headers' matter)."""
    found = read_object(value)
    if isinstance(found, Dead):
        return found
    fields = Fields(found)
    ids = {
        name: fields.id(name)
        for name in (
            "client_id",
            "session_id",
            "event_attributes.session_id",
            "query_id",
            "event_attributes.object.object_id",
        )
    }
    short = {
        name: fields.text(name, 100)
        for name in (
            "application",
            "action_name",
            "query_attributes.market",
            "query_attributes.language",
            "query_attributes.engine",
        )
    }
    user_query = fields.text("user_query", 4096)
    hit_ids = fields.ids("query_response_hit_ids")
    ordinal = fields.integer("event_attributes.position.ordinal")
    if fields.bad:
        return Dead("bad_field", frozenset(fields.bad))
    at = timestamp(found.get("timestamp"), kafka_ts)
    if isinstance(at, Dead):
        return at
    identity = ids["client_id"] or ids["session_id"] or ids["event_attributes.session_id"]
    if identity is None:
        return Dead("no_identity")
    if user_query is None and short["action_name"] is None:
        return Dead("unknown_kind")
    if short["action_name"] is None and ids["query_id"] is None:
        return Dead("no_query_id")
    return Search(
        at=at,
        application=short["application"] or "default",
        identity=identity,
        query_id=ids["query_id"],
        user_query=user_query,
        action=short["action_name"],
        market=short["query_attributes.market"] or "default",
        language=short["query_attributes.language"],
        engine=short["query_attributes.engine"],
        hit_ids=hit_ids,
        object_id=ids["event_attributes.object.object_id"],
        ordinal=ordinal,
    )
