"""Records a second, side by side: the limit, `search-log` into PostgreSQL, and the same count with other libraries.

Every contestant is a process of its own, one after the other, on the same broker and the same records.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import NamedTuple

from tests.bench.stream.records import Record, shop_log
from tests.bench.stream.sending import ends, fill, new_topic
from tests.bench.stream.servers import Cpu, Place, Servers, connect
from tests.bench.stream.tables import Table, say
from tests.bench.stream.watching import applied_to, taken, until

ROOT = Path(__file__).parents[3]
OTHERS = ROOT / "tests" / "bench" / "others"
OTHERS_PYTHON = ROOT / ".venv-bench" / "bin" / "python"
OTHER_S = 900.0
"""A million records at a thousand a second; the slowest does five thousand."""

LIMIT_S = 300.0
"""A million records at a fiftieth of the rate seen."""


@dataclass(frozen=True)
class Sizes:
    """Records for each contestant: rates are compared, so the slow ones need not read a million."""

    records: int
    quix: int
    faust: int
    rounds: int


QUICK = Sizes(300_000, 50_000, 20_000, 1)
FULL = Sizes(1_000_000, 200_000, 100_000, 3)


class Taken(NamedTuple):
    """What a contestant took."""

    records: int
    wall: float
    cpu: float

    @property
    def rate(self) -> float:
        """Records a second."""
        return self.records / self.wall

    @property
    def cpu_per_million(self) -> float:
        """CPU seconds a million records."""
        return self.cpu / self.records * 1e6


class Ours(NamedTuple):
    """What `search-log` took, and what it made others do."""

    own: Taken
    others: Cpu
    peak_mib: float


async def compare(servers: Servers, sizes: Sizes) -> list[Table]:
    """Two tables: the contestants, and the rounds in which the limit and `search-log` take turns."""
    async with servers.place() as place:
        with new_topic(place.bootstrap, place.topic):
            _, size = fill(place.bootstrap, place.topic, shop_log(sizes.records))
            rounds = [await _round(servers, place, sizes.records) for _ in range(sizes.rounds)]
    others = list(_others(servers, sizes))
    head = f"{sizes.records:,} records of {size:.0f} bytes on average, 4 partitions, one process each"
    return [_contestants(head, rounds, others), _rounds(rounds, sizes.records)]


Round = tuple[Taken, Taken, Ours]


async def _round(servers: Servers, place: Place, records: int) -> Round:
    bare = _limit("bare", place, records)
    strict = _limit("strict", place, records)
    async with servers.place() as empty:
        ours = await end_to_end(servers, Place(empty.bootstrap, empty.dsn, place.prefix))
    say(f"limit {bare.rate:,.0f}/s, strict {strict.rate:,.0f}/s, search-log {ours.own.rate:,.0f}/s")
    return bare, strict, ours


async def end_to_end(servers: Servers, place: Place) -> Ours:
    """`assay run search-log` over all that is in the topic: from its first assignment to its last transaction."""
    wanted = ends(place.bootstrap, place.topic)
    connection = await connect(place)
    try:
        with place.service() as service:
            began = await until(connection, place.topic, taken, service)
            cpu, others = service.cpu(), servers.cpu()
            ended = await until(connection, place.topic, applied_to(wanted), service)
            own = Taken(sum(wanted.values()), ended - began, service.cpu() - cpu)
            return Ours(own, servers.cpu().since(others), service.peak_rss())
    finally:
        await connection.close()


def _limit(kind: str, place: Place, records: int) -> Taken:
    command = [sys.executable, "-m", "tests.bench.stream.limit", kind, place.bootstrap, place.topic, str(records)]
    return _told(command, LIMIT_S)


def _others(servers: Servers, sizes: Sizes) -> list[tuple[str, Taken | None]]:
    wanted = (
        ("quixstreams, searches by query and hour", "quix_counts", sizes.quix),
        ("quixstreams, session windows", "quix_sessions", sizes.quix),
        ("faust-streaming, searches by query and hour", "faust_counts", sizes.faust),
    )
    return [(name, _other(servers, program, records)) for name, program, records in wanted if records]


def _other(servers: Servers, program: str, records: int) -> Taken | None:
    """None where the other libraries are not installed."""
    if not OTHERS_PYTHON.exists():
        return None
    log = list(shop_log(records))
    searches = sum(map(_is_search, log))
    with new_topic(servers.bootstrap, f"bench-{program}-{time.time_ns()}") as topic:
        fill(servers.bootstrap, topic, log)
        script = str(OTHERS / f"{program}.py")
        told = _told([str(OTHERS_PYTHON), script, servers.bootstrap, topic, str(records), str(searches)], OTHER_S)
    say(f"{program} {told.rate:,.0f}/s")
    return told


def _is_search(record: Record) -> bool:
    return b'"user_query"' in record.value


def _told(command: list[str], longest_s: float) -> Taken:
    """The JSON line that a contestant prints."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=longest_s, check=False)
    lines = [line[line.index("{") :] for line in done.stdout.splitlines() if '{"records"' in line]
    if not lines:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-2_000:]}")
    return Taken(**json.loads(lines[-1]))


def _contestants(head: str, rounds: list[Round], others: list[tuple[str, Taken | None]]) -> Table:
    bare, strict, ours = _middles(rounds)
    rows = [
        _row("limit: consume, one bare typed decode", bare, bare),
        _row("consume, the service's strict decoder", strict, bare),
        _row("`search-log` into PostgreSQL", ours, bare),
        *(_row(name, taken, bare) if taken else [name, "not installed", "", "", ""] for name, taken in others),
    ]
    return Table(head, ["", "records", "records/s", "share of the limit", "CPU s a million"], rows)


def _middles(rounds: list[Round]) -> tuple[Taken, Taken, Taken]:
    return (
        _middle([bare for bare, _, _ in rounds]),
        _middle([strict for _, strict, _ in rounds]),
        _middle([ours.own for _, _, ours in rounds]),
    )


def _middle(taken: list[Taken]) -> Taken:
    """The round with the median rate (of two, the slower)."""
    return sorted(taken, key=lambda one: one.rate)[(len(taken) - 1) // 2]


def _row(name: str, taken: Taken, limit: Taken) -> list[str]:
    share = f"{taken.rate / limit.rate:.1%}"
    return [name, f"{taken.records:,}", f"{taken.rate:,.0f}", share, f"{taken.cpu_per_million:.1f}"]


def _elsewhere(ours: Ours) -> str:
    return f"{ours.others.elsewhere(ours.own.cpu, ours.own.wall):.2f}"


def _rounds(rounds: list[Round], records: int) -> Table:
    millions = records / 1e6
    rows = [
        ["limit, records/s", *(f"{bare.rate:,.0f}" for bare, _, _ in rounds)],
        ["`search-log`, records/s", *(f"{ours.own.rate:,.0f}" for _, _, ours in rounds)],
        ["the second as a share of the first", *(f"{o.own.rate / b.rate:.1%}" for b, _, o in rounds)],
        ["`search-log`, CPU s a million", *(f"{o.own.cpu_per_million:.1f}" for _, _, o in rounds)],
        ["PostgreSQL meanwhile, CPU s a million", *(f"{o.others.postgres / millions:.1f}" for _, _, o in rounds)],
        ["the broker meanwhile, CPU s a million", *(f"{o.others.broker / millions:.1f}" for _, _, o in rounds)],
        ["everything else on the machine meanwhile, cores", *(_elsewhere(o) for _, _, o in rounds)],
        ["most resident memory, MiB", *(f"{o.peak_mib:.0f}" for _, _, o in rounds)],
    ]
    shares = median(o.own.rate / b.rate for b, _, o in rounds)
    note = f"Rounds, the two by turns; the median share is {shares:.1%}"
    return Table(note, ["", *(f"round {i + 1}" for i in range(len(rounds)))], rows)
