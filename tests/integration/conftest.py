"""A broker whose groups notice quickly who is gone, for the tests of this folder that wait for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.kafka import KafkaBroker

SESSION_MS = 4_000
"""A member that is silent for this long has lost its partitions: a tenth of what brokers ask for by themselves."""


@pytest.fixture(scope="session")
def quick_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its address."""
    directory: Path = tmp_path_factory.mktemp("quick-broker")
    properties = {
        "group.consumer.min.session.timeout.ms": "1000",
        "group.consumer.session.timeout.ms": str(SESSION_MS),
        "group.consumer.min.heartbeat.interval.ms": "200",
        "group.consumer.heartbeat.interval.ms": "500",
        "group.min.session.timeout.ms": "1000",
        "log.cleaner.backoff.ms": "200",
    }
    with KafkaBroker(directory, properties=properties) as broker:
        yield broker.bootstrap
