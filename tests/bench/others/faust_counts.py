"""Searches per query and hour with faust-streaming: `faust_counts.py BOOTSTRAP TOPIC RECORDS SEARCHES`.

As its documentation writes it: a JSON topic, an agent, `group_by` the query (over a topic between), a table with a
changelog topic, kept in memory. No sessions (so no reformulations, exits or engagement), no strict decoding, no dead
letters, nothing in PostgreSQL. The hour is part of the table's key: cheaper than faust's windowed tables.
"""

from __future__ import annotations

import os
import sys
import tempfile

import faust
from progress import Progress, milliseconds, normalised

HOUR_MS = 3_600_000
PARTITIONS = 4


def main() -> None:
    bootstrap, topic, records, searches = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    progress = Progress(records, searches)
    app = faust.App(
        f"{topic}.faust", broker=f"kafka://{bootstrap}", store="memory://", topic_partitions=PARTITIONS,
        consumer_auto_offset_reset="earliest", web_enabled=False, datadir=tempfile.mkdtemp(),
    )  # fmt: skip
    log = app.topic(topic, value_serializer="json", key_serializer="raw")
    searched = app.topic(
        f"{topic}.searched", value_serializer="json", key_type=str, partitions=PARTITIONS, internal=True
    )
    counts = app.Table("searches", default=int, partitions=PARTITIONS)

    @app.agent(log)
    async def read(stream: faust.Stream) -> None:
        async for record in stream:
            progress.read()
            if "user_query" in record:
                await searched.send(key=normalised(record["user_query"]), value=record["timestamp"])

    @app.agent(searched)
    async def count(stream: faust.Stream) -> None:
        async for query, timestamp in stream.items():
            counts[f"{query}|{milliseconds(timestamp) // HOUR_MS}"] += 1
            progress.counted()
            if progress.is_done():
                progress.show()
                os._exit(0)  # its orderly end takes a minute, and nothing is left to do

    faust.Worker(app, loglevel="warning").execute_from_commandline()


if __name__ == "__main__":
    main()
