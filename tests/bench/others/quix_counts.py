"""Searches per query and hour with quixstreams: `quix_counts.py BOOTSTRAP TOPIC RECORDS SEARCHES`.

As its documentation writes it: JSON topic, own time, filter, `group_by` the query (over a topic between), hourly
tumbling window, count; state in RocksDB with a changelog topic, at least once. No sessions (so no reformulations, exits
or engagement), no strict decoding, no dead letters, nothing in PostgreSQL.
"""

from __future__ import annotations

import sys
import tempfile
from datetime import timedelta

from progress import Progress, milliseconds, normalised
from quixstreams import Application


def main() -> None:
    bootstrap, topic, records, searches = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    progress = Progress(records, searches)
    with tempfile.TemporaryDirectory() as directory:
        app = Application(
            bootstrap, consumer_group=f"{topic}.quix", auto_offset_reset="earliest", state_dir=directory,
            loglevel="WARNING",
        )  # fmt: skip
        log = app.topic(topic, value_deserializer="json", timestamp_extractor=own_time)

        def counted(_value: object) -> None:
            progress.counted()
            if progress.is_done():
                progress.show()
                app.stop()

        frame = app.dataframe(log).update(lambda _value: progress.read())
        frame = frame.filter(lambda value: "user_query" in value)
        frame = frame.group_by(lambda value: normalised(value["user_query"]), name="query", key_serializer="str",
                               key_deserializer="str")  # fmt: skip
        frame.tumbling_window(timedelta(hours=1), grace_ms=timedelta(minutes=35)).count().current().update(counted)
        app.run()


def own_time(value: dict[str, str | int], _headers: object, _timestamp: float, _kind: object) -> int:
    """The record's own time."""
    return milliseconds(value["timestamp"])


if __name__ == "__main__":
    main()
