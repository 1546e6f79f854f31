"""A broker from before KIP-848: the classic protocol by itself, unless an operator has asked for the new one."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from core.adapters.postgres import Pool
from tests.oracle.generate import make_log
from tests.support import streams
from tests.support.kafka import KafkaBroker
from tests.support.topics import NEW, Place, panes_of

pytestmark = pytest.mark.kafka
LOG = make_log(71, 600, partitions=2)
END_S = 60.0


@pytest.fixture(scope="module")
def old_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """It answers the new protocol's requests as a broker does that has none."""
    directory: Path = tmp_path_factory.mktemp("old-broker")
    with KafkaBroker(directory, properties={"group.coordinator.rebalance.protocols": "classic"}) as broker:
        yield broker.bootstrap


@pytest.fixture
def old(old_broker: str, topic_prefix: str, pool: Pool) -> Place:
    place = Place(old_broker, f"{topic_prefix}search-log", pool, {})
    place.make(2)
    place.send(LOG)
    return place


async def test_the_default_falls_back_to_the_classic_protocol_and_says_so(old: Place) -> None:
    with capture_logs() as logs:
        await old.process().read_until_idle()
    assert [line["topics"] for line in logs if line["event"] == "stream.classic_protocol"] == [[old.topic]]
    assert await old.panes() == panes_of(LOG)
    assert not [thread for thread in threading.enumerate() if thread.name == "kafka-poll"]


async def test_the_new_protocol_asked_for_by_an_operator_ends_the_command_with_the_reason(
    old: Place, postgres_dsn: str, topic_prefix: str
) -> None:
    child = streams.spawn(["search-log"], old.bootstrap, postgres_dsn, topic_prefix, json.dumps(NEW))
    output, code = ended(child)
    said = [line for line in output.splitlines() if "KIP-848" in line]
    assert (code, len(said)) == (1, 1)
    assert "group.protocol" in said[0]


def ended(child: subprocess.Popen[bytes]) -> tuple[str, int]:
    output, _ = child.communicate(timeout=END_S)
    return output.decode(), child.returncode
