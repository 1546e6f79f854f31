"""The parts of a chaos run by themselves: what finds differences has to be right itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import pytest

from tests.chaos import log
from tests.chaos.faults import LONG, Fault, Kind, plan
from tests.chaos.proxy import AtCommit, Proxy, Streams
from tests.chaos.report import recovered
from tests.chaos.verify import QuickLog
from tests.chaos.watch import Moved, Recovery, Watch, _moved, _recovery
from tests.oracle import contract
from tests.oracle.contract import LogRecord
from tests.oracle.decoding import Dead, decode_search_log
from tests.oracle.generate import make_log

COMMIT = b"Q\0\0\0\x0cCOMMIT;\0"
SOON_S = 5.0


# --- The plain implementation, made quicker ---------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_the_quick_reading_is_the_plain_one(seed: int) -> None:
    records = make_log(seed, 1_500, partitions=1, identities=12)
    quick = QuickLog()
    for record in records:
        quick.read(record)
    plain = contract.panes(records)
    assert (quick.outcome.panes, quick.outcome.dead, len(quick.open)) == (plain.panes, plain.dead, plain.left_open)


def test_the_quick_reading_of_a_runs_own_log_is_the_plain_one() -> None:
    records = _log(3_000, partitions=1)
    quick = QuickLog()
    for record in records:
        quick.read(record)
    plain = contract.panes(records)
    assert (quick.outcome.panes, quick.outcome.dead) == (plain.panes, plain.dead)


# --- The log ------------------------------------------------------------------------------------------------------


def test_a_log_holds_every_dead_letter_reason_of_a_live_topic() -> None:
    read = (decode_search_log(record.value, record.kafka_ts) for record in _log(60_000) if not record.headers)
    reasons = {found.reason for found in read if isinstance(found, Dead)}
    assert reasons == {
        "too_large", "not_json", "not_an_object", "bad_field", "no_timestamp", "bad_timestamp", "no_identity",
        "unknown_kind", "no_query_id",
    }  # fmt: skip


def test_a_tenth_of_a_log_is_poison() -> None:
    records = _log(10_000)
    dead = sum(
        isinstance(decode_search_log(record.value, record.kafka_ts), Dead) for record in records if not record.headers
    )
    assert 0.08 < dead / len(records) < 0.12


def test_a_seed_gives_the_same_log() -> None:
    assert _log(500) == _log(500)


def _log(size: int, partitions: int = 4) -> list[LogRecord]:
    offsets = dict.fromkeys(range(partitions), -1)
    made = []
    for record in log.make_records(7, log.make_partitions(7, partitions), size):
        offsets[record.partition] += 1
        made.append(
            LogRecord(record.partition, offsets[record.partition], record.value, record.kafka_ts, record.headers)
        )
    return made


# --- Faults -------------------------------------------------------------------------------------------------------


def test_a_plan_holds_the_whole_dose_in_order_and_in_time() -> None:
    planned = plan(Random(1), LONG, 600)
    assert sorted(fault.kind.name for fault in planned) == sorted(
        kind.name for kind, count in LONG.items() for _ in range(count)
    )
    times = [fault.after_s for fault in planned]
    assert times == sorted(times)
    assert 0 <= times[0] < times[-1] <= 600


def test_a_long_run_kills_more_than_forty_times() -> None:
    assert LONG[Kind.KILL] >= 40


# --- Recoveries ---------------------------------------------------------------------------------------------------


def test_a_killed_replicas_partition_is_back_with_the_first_progress_of_another() -> None:
    watch = Watch("", {0: [Moved(1, 7, 10), Moved(5, 8, 10), Moved(6, 8, 12)]})
    assert _moved(watch, Fault(Kind.KILL, 2, 2, pid=7), 0) == Moved(6, 8, 12)


def test_a_zombie_that_keeps_its_partition_is_back_once_it_goes_on() -> None:
    watch = Watch("", {0: [Moved(1, 7, 10), Moved(2.5, 7, 11), Moved(6, 7, 12)]})
    assert _moved(watch, Fault(Kind.ZOMBIE, 2, 5, pid=7), 0) == Moved(6, 7, 12)


def test_a_partition_is_back_after_a_server_only_once_the_server_is() -> None:
    watch = Watch("", {0: [Moved(1, 7, 10), Moved(3, 7, 11), Moved(6, 7, 12)]})
    assert _moved(watch, Fault(Kind.BROKER, 2, 5), 0) == Moved(6, 7, 12)


def test_the_table_by_kind_names_median_and_longest() -> None:
    found = [Recovery(Kind.KILL, 0, 1.0, seconds, seconds / 10, alone=True) for seconds in (4.0, 5.0, 9.0)]
    [row] = recovered(found)
    assert (row.partitions, row.median_s, row.longest_s, row.longest_from_assigned_s) == (3, 5.0, 9.0, 0.9)


def test_a_recovery_during_which_something_else_was_hurt_is_told_apart() -> None:
    faults = [Fault(Kind.KILL, 2, 2, pid=7), Fault(Kind.BROKER, 3, 5)]
    disturbed = _recovery({0: [(4.0, 8)]}, faults, faults[0], 0, Moved(6, 8, 12))
    assert (disturbed.alone, disturbed.from_fault_s, disturbed.from_assigned_s) == (False, 4, 2.0)


# --- The proxy ----------------------------------------------------------------------------------------------------


class Server:
    """Answers each message with `ok`; says what it got."""

    def __init__(self) -> None:
        self.got: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while chunk := await reader.read(1_000):
                self.got.append(chunk)
                writer.write(b"ok")
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def proxied() -> AsyncIterator[tuple[Proxy, Server, Streams]]:
    """A proxy, the server behind it, and a connection through it."""
    behind = Server()
    listening = await asyncio.start_server(behind.serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]

    async def connect() -> Streams:
        return await asyncio.open_connection("127.0.0.1", port)

    proxy = Proxy(connect)
    reader, writer = await asyncio.open_connection("127.0.0.1", await proxy.start())
    try:
        yield proxy, behind, (reader, writer)
    finally:
        writer.close()
        await proxy.close()
        listening.close()


async def ask(client: Streams, message: bytes) -> bytes:
    """What is answered; nothing when the connection is gone."""
    client[1].write(message)
    try:
        return await asyncio.wait_for(client[0].read(100), SOON_S)
    except ConnectionError:
        return b""


async def test_what_is_sent_arrives_and_is_answered() -> None:
    async with proxied() as (_, server, client):
        assert await ask(client, b"hello") == b"ok"
        assert server.got == [b"hello"]


async def test_a_cut_ends_the_connection() -> None:
    async with proxied() as (proxy, _, client):
        await ask(client, b"hello")
        assert proxy.cut() == 1
        assert await ask(client, b"again") == b""


async def test_a_cut_of_other_ports_leaves_a_connection() -> None:
    async with proxied() as (proxy, _, client):
        await ask(client, b"hello")
        assert proxy.cut({1}) == 0
        assert await ask(client, b"again") == b"ok"


async def test_a_stall_holds_what_is_sent_and_then_lets_it_through() -> None:
    async with proxied() as (proxy, server, client):
        await ask(client, b"hello")
        stalling = asyncio.create_task(proxy.stall(0.3))
        await asyncio.sleep(0.05)
        client[1].write(b"held")
        await asyncio.sleep(0.1)
        assert server.got == [b"hello"]
        await stalling
        assert await asyncio.wait_for(client[0].read(100), SOON_S) == b"ok"


async def test_a_lost_commit_never_arrives() -> None:
    async with proxied() as (proxy, server, client):
        assert await commit(proxy, AtCommit.LOST, client) == b""
        assert COMMIT not in server.got


async def test_an_unanswered_commit_arrives_and_nobody_is_told() -> None:
    async with proxied() as (proxy, server, client):
        assert await commit(proxy, AtCommit.UNANSWERED, client) == b""
        assert COMMIT in server.got


async def test_a_late_commit_arrives_after_its_client_has_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.chaos.proxy.LATE_S", 0.2)
    async with proxied() as (proxy, server, client):
        assert await commit(proxy, AtCommit.LATE, client) == b""
        assert COMMIT not in server.got
        async with asyncio.timeout(SOON_S):
            while COMMIT not in server.got:  # noqa: ASYNC110 - what is waited for is on the other side
                await asyncio.sleep(0.01)


async def test_only_the_next_commit_is_hurt() -> None:
    async with proxied() as (proxy, _, client):
        assert not await proxy.cut_at_commit(AtCommit.LOST, 0.01)
        assert await ask(client, COMMIT) == b"ok"


async def commit(proxy: Proxy, how: AtCommit, client: Streams) -> bytes:
    """What a client hears of a commit that is hurt."""
    await ask(client, b"INSERT")
    hurting = asyncio.create_task(proxy.cut_at_commit(how, SOON_S))
    await asyncio.sleep(0)
    answer = await ask(client, COMMIT)
    assert await hurting
    return answer
