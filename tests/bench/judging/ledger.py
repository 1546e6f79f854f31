"""What the ledger costs a call: CPU of the client and of the server for reserve and settle together.

Calls come at a given rate from as many tasks as are under way, each asking by itself; what waits while a statement
runs goes into the next one, as in the service. `python -m tests.bench.judging.ledger --rate 600 --seconds 20`
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID, uuid4

import asyncpg
import psutil

from core.adapters.llm_ledger import CallAsk, CallEnd
from core.adapters.llm_postgres import PostgresLedger
from core.adapters.migrate import migrate
from core.adapters.postgres import open_pool
from core.adapters.together import Together
from core.domain.budget import Caps
from tests.support import postgres

LATENCY_S = 0.1
REQUEST = json.dumps({"system": "h", "user": [{"text": "x" * 6_000}], "schema": {}, "max_output_tokens": 1_200})
REPLY = json.dumps({"judgements": [{"item": f"p{n}", "reasoning": "r" * 80, "label": "irrelevant"} for n in range(20)]})


def ask(tasks: int) -> CallAsk:
    """A call of a usual size."""
    return CallAsk(
        call_id=uuid4(),
        endpoint="http://127.0.0.1/v1",
        lane="live",
        purpose="judgements",
        model="judge-mini-2026-02",
        prompt_version="judge@4f1d02aa",
        prompt_hash="0123456789abcdef0123456789abcdef",
        subject={"application": "shop", "market": "de", "query": "rotes sofa mit schlaffunktion"},
        tasks=tuple(uuid4() for _ in range(tasks)),
        tokens=3_000,
        cost=2_000_000_000,
        prices="2026-11-01",
    )


def end(call_id: UUID) -> CallEnd:
    """Its end, with what was said."""
    return CallEnd(
        call_id=call_id,
        status="ok",
        started_at=datetime.now(UTC),
        latency_ms=100,
        tokens=2_000,
        cost=1_000_000_000,
        http_status=200,
        input_tokens=1_700,
        cached_tokens=1_024,
        output_tokens=300,
        system="rules",
        request=REQUEST,
        reply=REPLY,
        answered_by="judge-mini-2026-02",
        fingerprint="fp",
    )


async def idle(asked: Sequence[object]) -> Sequence[object]:
    """A ledger that costs nothing: what is left is the batching and the loop."""
    await asyncio.sleep(0.004)
    return asked


async def drive(
    reserve: Callable[[Sequence[CallAsk]], Awaitable[Sequence[object]]],
    settle: Callable[[Sequence[CallEnd]], Awaitable[Sequence[object]]],
    rate: int,
    seconds: float,
    tasks: int,
) -> int:
    """Calls at `rate` a second, each reserved, `LATENCY_S` under way and settled; how many."""
    asks, ends = Together(reserve, 200), Together(settle, 200)

    async def call() -> None:
        one = ask(tasks)
        await asks(one)
        await asyncio.sleep(LATENCY_S)
        await ends(end(one.call_id))

    started, made = time.perf_counter(), 0
    async with asyncio.TaskGroup() as group:
        while (passed := time.perf_counter() - started) < seconds:
            while made < passed * rate:
                group.create_task(call())
                made += 1
            await asyncio.sleep(0.002)
    return made


class ServerCpu:
    """CPU seconds of one server's processes, those that have ended meanwhile included as far as they were seen."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._seen: dict[int, float] = {}

    async def seconds(self) -> float:
        """So far."""
        connection = await asyncpg.connect(self._dsn)
        try:
            pids = await connection.fetch("SELECT pid FROM pg_stat_activity")
        finally:
            await connection.close()
        for (pid,) in pids:
            with suppress(psutil.NoSuchProcess):
                times = psutil.Process(pid).cpu_times()
                self._seen[pid] = times.user + times.system
        return sum(self._seen.values())


async def main(rate: int, seconds: float, tasks: int) -> None:
    """Both ways once, and the difference."""
    server = postgres.EmbeddedPostgres()
    try:
        await migrate(server.dsn)
        pool = await open_pool(server.dsn, 4)
        ledger = PostgresLedger(pool, Caps(10**18), 150.0)
        counts = {"reserve": 0, "settle": 0}

        async def reserve(asks: Sequence[CallAsk]) -> Sequence[object]:
            counts["reserve"] += 1
            return await ledger.reserve(asks, datetime.now(UTC))

        async def settle(ends: Sequence[CallEnd]) -> Sequence[object]:
            counts["settle"] += 1
            await ledger.settle(ends, [])
            return ends

        await drive(reserve, settle, rate, 2.0, tasks)
        counts.update(reserve=0, settle=0)
        cpu = ServerCpu(server.dsn)
        used, theirs = time.process_time(), await cpu.seconds()
        calls = await drive(reserve, settle, rate, seconds, tasks)
        used, theirs = time.process_time() - used, await cpu.seconds() - theirs
        bare = time.process_time()
        await drive(idle, idle, rate, seconds, tasks)
        bare = time.process_time() - bare
        print(
            f"{calls} calls at {rate} a second: {1e3 * (used - bare) / calls:.3f} ms of CPU a call for the ledger "
            f"({1e3 * used / calls:.3f} with the loop and the batching), server {1e3 * theirs / calls:.3f} ms; "
            f"{counts['reserve']} reserving and {counts['settle']} settling statements"
        )
        await pool.close()
    finally:
        server.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=600, help="calls a second")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--tasks", type=int, default=20, help="tasks of a call")
    chosen = parser.parse_args()
    asyncio.run(main(chosen.rate, chosen.seconds, chosen.tasks))
