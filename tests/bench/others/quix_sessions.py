"""Sessions and what they searched for with quixstreams: `quix_sessions.py BOOTSTRAP TOPIC RECORDS SEARCHES`.

The nearest of its own forms to what `search-log` does: session windows of a shopper (a gap of 30 minutes, 5 of grace)
that collect searches and engagement; what a closed session searched for is grouped by query (over a topic between) and
counted by the hour. State in RocksDB with changelog topics, at least once. Closed by the shopper's own time, as it is
by default: the last session of a shopper who does not come back is never counted. `closing_strategy="partition"`
would count it, at 300 records a second once sessions begin to close. No reformulations, no strict decoding, no dead
letters, nothing in PostgreSQL.
"""

from __future__ import annotations

import sys
import tempfile
from datetime import timedelta

from progress import Progress, milliseconds, normalised
from quixstreams import Application
from quixstreams.dataframe.windows.aggregations import Reduce

ENGAGED = {"click", "click_through", "item_click", "add_to_cart", "purchase"}

Searches = list[list[object]]
"""Of one session: query, time, whether it was engaged."""


def main() -> None:
    bootstrap, topic, records = sys.argv[1], sys.argv[2], int(sys.argv[3])
    progress = Progress(records, 0)
    with tempfile.TemporaryDirectory() as directory:
        app = Application(
            bootstrap, consumer_group=f"{topic}.quix-sessions", auto_offset_reset="earliest", state_dir=directory,
            loglevel="ERROR",
        )  # fmt: skip
        log = app.topic(topic, value_deserializer="json", key_deserializer="str", timestamp_extractor=own_time)

        def read(_value: object) -> None:
            progress.read()
            if progress.is_done():
                progress.show()
                app.stop()

        sessions = app.dataframe(log).update(read).session_window(timedelta(minutes=30), timedelta(minutes=5))
        closed = sessions.agg(searches=Reduce(taken, first, merged)).final()
        searches = closed.apply(lambda window: window["searches"], expand=True)
        by_query = searches.group_by(lambda search: search[0], name="query", key_serializer="str",
                                     key_deserializer="str")  # fmt: skip
        by_query.tumbling_window(timedelta(hours=1), grace_ms=timedelta(hours=7)).count().current()
        app.run()


def first(record: dict[str, str]) -> Searches:
    """A session's searches after its first record."""
    return taken([], record)


def taken(searches: Searches, record: dict[str, str]) -> Searches:
    """And after each one more."""
    if "user_query" in record:
        searches.append([normalised(record["user_query"]), milliseconds(record["timestamp"]), False])
    elif searches and record.get("action_name") in ENGAGED:
        searches[-1][2] = True
    return searches


def merged(one: Searches, other: Searches) -> Searches:
    """Two sessions that turn out to be one."""
    return one + other


def own_time(value: dict[str, str | int], _headers: object, _timestamp: float, _kind: object) -> int:
    """The record's own time."""
    return milliseconds(value["timestamp"])


if __name__ == "__main__":
    main()
