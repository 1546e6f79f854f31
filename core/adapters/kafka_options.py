"""librdkafka's configuration: ours, and what the operator sets over it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

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
    "queued.max.messages.kbytes": 32_768,
    # Compressed bytes: what a fetch of a very compressible topic unpacks to is in memory before any limit of ours.
    "fetch.message.max.bytes": 1_048_576,
    # A partition is read from where we say only after the fetch under way has ended: 500 by default, half a start.
    "fetch.wait.max.ms": 100,
    "max.poll.interval.ms": 300_000,
    "topic.metadata.refresh.interval.ms": 30_000,
    "allow.auto.create.topics": False,
    "group.protocol": "consumer",
}
_CLASSIC: dict[str, str | int | float | bool] = {
    "group.protocol": "classic",
    "partition.assignment.strategy": "cooperative-sticky",
    "session.timeout.ms": 45_000,
}
_CONSUMER_ONLY = {
    "group.protocol",
    "group.id",
    "partition.assignment.strategy",
    "session.timeout.ms",
    "isolation.level",
}


@dataclass(frozen=True, slots=True)
class MemberOptions:
    """A group member's configuration: of its consumer, of one that speaks the old group protocol to a broker that
    has no other (None when the operator has chosen), and of what asks about topics."""

    consumer: Mapping[str, str | int | float | bool]
    classic: Mapping[str, str | int | float | bool] | None
    shared: Mapping[str, str | int | float | bool]


def member_options(servers: str, group: str, options: Options) -> MemberOptions:
    """Ours, and what the operator sets over it."""
    classic = None if "group.protocol" in options else consumer_options(servers, group, {**_CLASSIC, **options})
    return MemberOptions(consumer_options(servers, group, options), classic, shared_options(servers, options))


def consumer_options(servers: str, group: str, options: Options) -> dict[str, str | int | float | bool]:
    """librdkafka's configuration of a consumer."""
    config = {**_DEFAULTS, **options, "bootstrap.servers": servers, "group.id": group, "client.id": "assay"}
    return config if config["group.protocol"] == "consumer" else {**_CLASSIC, **config}


def shared_options(servers: str, options: Options) -> dict[str, str | int | float | bool]:
    """What every client takes: the operator's options without those that only a consumer knows."""
    shared = {key: value for key, value in options.items() if key not in _CONSUMER_ONLY}
    return {**shared, "bootstrap.servers": servers, "client.id": "assay"}
