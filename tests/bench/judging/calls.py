"""Hundreds of calls a second from one process: the CPU of a call through the whole lane, beside the bare clients.

The requests are those that the service itself sends, kept by the stand-in; all clients send them at the same rate, by
turns, each in a process of its own.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import msgspec

from tests.bench.judging.client import Sent
from tests.bench.judging.service import ended, fleet
from tests.bench.judging.work import Shape, put
from tests.bench.stream.servers import Place, Servers, connect
from tests.bench.stream.tables import Table, say
from tests.support.provider import Knobs, StandIn, started

LATENCY_MS = 100.0
BODIES, BODIES_S = 200, 60.0
KINDS = ("assay", "openai", "aiohttp")
NAMES = {
    "assay": "Assay's lane, ledger on PostgreSQL",
    "openai": "bare `openai` on aiohttp",
    "aiohttp": "plain aiohttp",
}
AIM = 1.5


@dataclass(frozen=True)
class Sizes:
    """Calls a second; `products` of a request."""

    rate: int
    seconds: float
    rounds: int
    products: int = 1


QUICK = Sizes(300, 4.0, 1)
FULL = Sizes(600, 20.0, 3)


@dataclass(frozen=True)
class Turn:
    """What one client took. `postgres`: CPU seconds."""

    sent: Sent
    postgres: float

    @property
    def ms(self) -> float:
        """CPU of a call."""
        return self.sent.cpu / max(1, self.sent.calls) * 1e3


async def calls(servers: Servers, sizes: Sizes) -> list[Table]:
    """One table."""
    turns: dict[str, list[Turn]] = {kind: [] for kind in KINDS}
    async with servers.place() as place:
        with tempfile.TemporaryDirectory() as directory:
            file = Path(directory) / "bodies"
            file.write_bytes(await _bodies(place, sizes))
            knobs = Knobs(requests_per_minute=sizes.rate * 60, median_ms=LATENCY_MS, p99_ms=LATENCY_MS)
            for _ in range(sizes.rounds):
                for kind in KINDS:
                    with started(knobs) as provider:
                        turns[kind].append(await _turn(servers, place, provider, kind, file, sizes))
                    say(f"{kind}: {turns[kind][-1].ms:.3f} ms")
    return [_table(turns, sizes)]


async def _bodies(place: Place, sizes: Sizes) -> bytes:
    """What the service sends for so many calls."""
    shape = Shape(max(1, BODIES // 20), 20 * sizes.products)
    await put(place, shape)
    connection = await connect(place)
    try:
        with (
            started(Knobs(median_ms=10, p99_ms=10, kept_bodies=BODIES)) as provider,
            fleet(place, provider, llm_requests_per_minute=60_000, llm_tokens_per_minute=1_000_000_000,
                  judge_products_per_call=sizes.products) as service,
        ):  # fmt: skip
            service.start()
            await ended(connection, service, BODIES_S)
            await service.terminate()
            return await provider.bodies()
    finally:
        await connection.close()


async def _turn(servers: Servers, place: Place, provider: StandIn, kind: str, file: Path, sizes: Sizes) -> Turn:
    arguments = [kind, str(file), provider.base_url, place.dsn, str(sizes.rate), str(sizes.seconds)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.judging.client", *arguments, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert (await process.stdout.readline()).strip() == b"go", f"the client {kind} has not begun"
    before = servers.cpu()
    line = await process.stdout.readline()
    used = servers.cpu().since(before)
    assert await process.wait() == 0, f"the client {kind} has failed"
    return Turn(msgspec.json.decode(line, type=Sent), used.postgres)


def _table(turns: dict[str, list[Turn]], sizes: Sizes) -> Table:
    middle = {kind: median(turn.ms for turn in found) for kind, found in turns.items()}
    rows = []
    for kind, found in turns.items():
        done, seconds = sum(turn.sent.calls for turn in found), sum(turn.sent.seconds for turn in found)
        rows.append(
            [
                NAMES[kind], f"{done / seconds:,.0f}", f"{sum(turn.sent.failed for turn in found)}",
                f"{middle[kind]:.3f}", f"{middle[kind] / middle['openai']:.2f}",
                f"{middle[kind] / middle['aiohttp']:.1f}",
                f"{sum(turn.postgres for turn in found) / done * 1e3:.3f}",
            ]
        )  # fmt: skip
    note = (
        f"{sizes.rate} calls a second offered, answers after {LATENCY_MS:.0f} ms, {sizes.products} product(s) each; "
        f"{sizes.rounds} rounds of {sizes.seconds:.0f} s by turns, medians. Aim: at most {AIM} times the bare client"
    )
    columns = ("", "calls/s", "failed", "CPU ms a call", "times `openai`", "times aiohttp", "PostgreSQL ms a call")
    return Table(note, columns, rows)
