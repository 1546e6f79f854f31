"""Members that go, are thrown out, and come back: exact, in their time, and without ending a process."""

from __future__ import annotations

import asyncio
import itertools
import json
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator

import pytest
from structlog.testing import capture_logs

from core.adapters import kafka_member
from core.adapters.postgres import Pool
from tests.integration.conftest import SESSION_MS
from tests.oracle.contract import LogRecord
from tests.oracle.generate import make_log
from tests.support import streams
from tests.support.topics import Place, panes_of, quiet
from tests.support.waiting import until, until_true

pytestmark = pytest.mark.kafka
PARTITIONS = 3
MAX_POLL_MS = 30_000
QUICK_NEW: streams.Options = {"group.protocol": "consumer", "max.poll.interval.ms": MAX_POLL_MS}
QUICK_CLASSIC: streams.Options = {
    "group.protocol": "classic",
    "heartbeat.interval.ms": 300,
    "session.timeout.ms": SESSION_MS,
    "max.poll.interval.ms": MAX_POLL_MS,
}
BOTH = pytest.mark.parametrize("options", [QUICK_NEW, QUICK_CLASSIC], ids=["consumer", "classic"])


@pytest.fixture
def place(quick_broker: str, topic_prefix: str, pool: Pool, options: streams.Options) -> Place:
    made = Place(quick_broker, f"{topic_prefix}search-log", pool, options)
    made.make(PARTITIONS)
    return made


@BOTH
async def test_a_revoke_with_the_database_away_ends_in_its_share_and_loses_nothing(place: Place) -> None:
    log = make_log(81, 900, partitions=PARTITIONS)
    first, second = place.process(owner="first"), place.process(owner="second")
    await asyncio.to_thread(place.send, log[:300])
    with capture_logs() as logs:
        async with streams.running(first.process):
            await place.until_applied(300)
            async with place.locked() as free:
                await asyncio.to_thread(place.send, log[300:])
                await quiet(0.5)
                async with streams.running(second.process):
                    asked = time.monotonic()
                    await until(lambda: "stream.revoked" in {line["event"] for line in logs}, streams.WAIT_S)
                    took = time.monotonic() - asked
                    free.set()
                    await place.until_applied(len(log))
                    await streams.until_idle(first.process, second.process)
    assert "stream.left_unwritten" in {line["event"] for line in logs}
    assert took < MAX_POLL_MS / 1000 / 2
    assert await place.panes() == panes_of(log)


@BOTH
async def test_a_member_that_slept_past_its_session_is_refused_rejoins_and_works_on(
    place: Place, postgres_dsn: str, topic_prefix: str
) -> None:
    log = make_log(82, 3_000, partitions=PARTITIONS)
    rest = iter(log)
    children = [
        streams.spawn(["search-log"], place.bootstrap, postgres_dsn, topic_prefix, json.dumps(place.options))
        for _ in range(2)
    ]
    try:
        await feed(place, rest, lambda: applied_is(place, 300))
        children[0].send_signal(signal.SIGSTOP)
        await feed(place, rest, lambda: owners_are(place, 1), 40)
        children[0].send_signal(signal.SIGCONT)
        await feed(place, rest, lambda: owners_are(place, 2), 40)
        await asyncio.to_thread(place.send, rest)
        await place.until_applied(len(log))
    finally:
        outputs = [stopped(child) for child in children]
    assert [code for code, _ in outputs] == [0, 0], outputs
    assert await place.panes() == panes_of(log)


@BOTH
async def test_a_member_that_did_not_poll_for_too_long_rejoins_and_works_on(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = make_log(83, 900, partitions=PARTITIONS)
    options = {**place.options, "max.poll.interval.ms": SESSION_MS + 1_000}
    place = Place(place.bootstrap, place.topic, place.pool, options)
    first, second = place.process(owner="first"), place.process(owner="second")
    sleepy = Sleepy()
    monkeypatch.setattr(kafka_member.Member, "turn", sleepy.turn(kafka_member.Member.turn))
    await asyncio.to_thread(place.send, log[:300])
    async with streams.running(first.process) as [task]:
        await place.until_applied(300)
        sleepy.seconds = SESSION_MS / 1000 + 3
        await until(lambda: sleepy.sleeps)
        async with streams.running(second.process):
            await asyncio.to_thread(place.send, log[300:600])
            await place.until_applied(600)
            await until_true(lambda: owners_are(place, 2), streams.WAIT_S)
            await asyncio.to_thread(place.send, log[600:])
            await place.until_applied(900)
            assert not task.done()
    assert await place.panes() == panes_of(log)


@BOTH
async def test_partitions_that_move_among_three_members_are_counted_once(place: Place) -> None:
    log = make_log(84, 4_000, partitions=PARTITIONS)
    rest = iter(log)
    first, second, third, last = (place.process(100, owner=name) for name in ("1", "2", "3", "4"))
    async with streams.running(first.process):
        await feed(place, rest, lambda: applied_is(place, 100))
        async with streams.running(second.process, third.process):
            await feed(place, rest, lambda: owners_are(place, 3))
        await feed(place, rest, lambda: owners_are(place, 1))
        async with streams.running(last.process):
            await feed(place, rest, lambda: owners_are(place, 2))
            await asyncio.to_thread(place.send, rest)
            await place.until_applied(len(log))
    assert await place.panes() == panes_of(log)


class Sleepy:
    """Makes the next turn of whichever member is first last for `seconds`, once."""

    seconds = 0.0
    sleeps = False

    def turn(self, turn: Callable[[kafka_member.Member], None]) -> Callable[[kafka_member.Member], None]:
        def sleeping(member: kafka_member.Member) -> None:
            seconds, self.seconds = self.seconds, 0.0
            if seconds:
                self.sleeps = True
                time.sleep(seconds)
            turn(member)

        return sleeping


async def feed(
    place: Place, rest: Iterator[LogRecord], condition: Callable[[], Awaitable[bool]], most: int = 20
) -> None:
    """Send a few records at a time until it is so."""
    async with asyncio.timeout(streams.WAIT_S):
        while not await condition():
            await asyncio.to_thread(place.send, itertools.islice(rest, most))
            await asyncio.sleep(0.1)


async def applied_is(place: Place, records: int) -> bool:
    return await place.applied() >= records


async def owners_are(place: Place, number: int) -> bool:
    """Whether so many processes own the partitions, by what the database has."""
    sql = "SELECT count(DISTINCT owner) FROM assay_data.stream_partitions WHERE topic = $1"
    return int(await place.pool.fetchval(sql, place.topic)) == number


def stopped(child: subprocess.Popen[bytes]) -> tuple[int, str]:
    child.send_signal(signal.SIGCONT)
    child.terminate()
    output, _ = child.communicate(timeout=60)
    return child.returncode, output.decode()[-3_000:]
