"""librdkafka's configuration: ours, and what the operator sets over it."""

from __future__ import annotations

import logging
from collections.abc import Mapping

Options = Mapping[str, str | int | float | bool]

LIBRDKAFKA = logging.getLogger("librdkafka")
"""The client library's own words, so that they are formatted and filtered like ours."""

_DEFAULTS: dict[str, str | int | float | bool] = {
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "auto.offset.reset": "error",
    "enable.partition.eof": True,
    "isolation.level": "read_committed",
    # 1000 by default: a fast consumer then sleeps a second each time its queue is full (DESIGN 11).
    "fetch.queue.backoff.ms": 5,
    "queued.min.messages": 20_000,
    "queued.max.messages.kbytes": 65_536,
    "fetch.message.max.bytes": 4_194_304,
    "max.poll.interval.ms": 300_000,
    "topic.metadata.refresh.interval.ms": 30_000,
    "allow.auto.create.topics": False,
    "group.protocol": "consumer",
}
_CLASSIC: dict[str, str | int | float | bool] = {
    "partition.assignment.strategy": "cooperative-sticky",
    "session.timeout.ms": 45_000,
}


def consumer_options(servers: str, group: str, options: Options) -> dict[str, str | int | float | bool]:
    """librdkafka's configuration: ours, and what the operator set over it."""
    config = {**_DEFAULTS, **options, "bootstrap.servers": servers, "group.id": group, "client.id": "assay"}
    return config if config["group.protocol"] == "consumer" else {**_CLASSIC, **config}
