"""Replicas of `assay run search-log` as processes: started, killed, stopped for a while, ended in order, watched."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Literal

import psutil

from tests.chaos.servers import PREFIX, Servers

Protocol = Literal["consumer", "classic"]
State = Literal["up", "paused", "ending", "gone"]

TERM_S = 30.0  # CONTRACT 5: SIGTERM drains and exits 0 within this
LOOK_S = 0.1
PATIENCE_S = 60.0  # for a replica that can be hurt: they start within seconds, also on a busy machine
MOST_UNASKED = 10  # replicas that end by themselves are replaced no more often: this run has failed
TAIL_LINES = 40
CLASSIC_SESSION = "session.timeout.ms"  # with the new protocol the broker's, and refused by the client


@dataclass
class Replica:
    """A process, and what we did to it."""

    number: int
    protocol: Protocol
    process: subprocess.Popen[bytes]
    log: Path
    state: State = "up"

    @property
    def pid(self) -> int:
        return self.process.pid

    def lines(self) -> Iterator[dict[str, object]]:
        """What it logged, line by line."""
        for line in self.log.read_text(errors="replace").splitlines():
            if line.startswith("{") and line.endswith("}"):
                yield json.loads(line)

    def tail(self) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-TAIL_LINES:])

    def ports(self) -> set[int]:
        """The ports it connects from."""
        return {c.laddr.port for c in psutil.Process(self.pid).net_connections("tcp")}


@dataclass(frozen=True)
class UnaskedEnd:
    """A replica that ended though nobody told it to, or not as it should."""

    at: float
    what: str
    tail: str


@dataclass
class Fleet:
    """All replicas of a run, the dead ones too."""

    servers: Servers
    directory: Path
    size: int
    session_s: float
    random: Random
    protocol: Protocol = "consumer"
    closed: bool = False
    all: list[Replica] = field(default_factory=list)
    unasked: list[UnaskedEnd] = field(default_factory=list)

    def start(self) -> Replica:
        """One more."""
        number = len(self.all)
        log = self.directory / f"replica-{number:03}.log"
        replica = Replica(number, self.protocol, self._spawn(log, "search-log"), log)
        self.all.append(replica)
        return replica

    def outbox(self) -> subprocess.Popen[bytes]:
        """Publishes what waits, and ends."""
        return self._spawn(self.directory / "outbox.log", "outbox", "--until-idle")

    def until_idle(self) -> subprocess.Popen[bytes]:
        """A last replica, which is to find nothing to do and to end by itself."""
        return self._spawn(self.directory / "until-idle.log", "search-log", "--until-idle")

    def up(self) -> list[Replica]:
        """Those that run and that nobody is busy with."""
        return [replica for replica in self.all if replica.state == "up" and replica.process.poll() is None]

    async def any(self) -> Replica:
        """One of those; waits for one."""
        deadline = time.monotonic() + PATIENCE_S
        while not (found := self.up()):
            if time.monotonic() > deadline:
                raise RuntimeError(f"no replica is up for {PATIENCE_S:.0f} s")
            await asyncio.sleep(LOOK_S)
        return self.random.choice(found)

    def kill(self, replica: Replica) -> None:
        """-9, as a machine that is gone."""
        replica.state = "gone"
        replica.process.kill()
        replica.process.wait()

    async def pause(self, replica: Replica, seconds: float) -> None:
        """SIGSTOP and SIGCONT: what it then does it does in the belief that no time has passed."""
        replica.state = "paused"
        replica.process.send_signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            replica.process.send_signal(signal.SIGCONT)
        replica.state = "up"

    async def end(self, replica: Replica) -> float:
        """SIGTERM; how long it took. It has to drain and exit 0 in time."""
        replica.state = "ending"
        began = time.monotonic()
        replica.process.send_signal(signal.SIGTERM)
        try:
            code = await asyncio.to_thread(replica.process.wait, TERM_S)
        except subprocess.TimeoutExpired:
            self._say(replica, f"not ended {TERM_S:.0f} s after SIGTERM")
            replica.process.kill()
        else:
            if code and not self._ended_before_it_began(replica, code):
                self._say(replica, f"exit {code} after SIGTERM")
        replica.state = "gone"
        return time.monotonic() - began

    @staticmethod
    def _ended_before_it_began(replica: Replica, code: int) -> bool:
        """Python itself was still starting: nothing of ours could have taken the signal."""
        return code == -signal.SIGTERM and not replica.log.stat().st_size

    async def watch(self) -> None:
        """Find those that end by themselves, until cancelled; keep the fleet at its size."""
        while True:
            for replica in self.all:
                code = replica.process.poll()
                if code is not None and replica.state in ("up", "paused"):
                    self._say(replica, f"exit {code}, unasked")
                    replica.state = "gone"
                    if len(self.unasked) < MOST_UNASKED:
                        self.fill()
            await asyncio.sleep(LOOK_S)

    def fill(self) -> None:
        """Start what is missing."""
        alive = sum(replica.state != "gone" for replica in self.all)
        for _ in range(0 if self.closed else self.size - alive):
            self.start()

    async def end_all(self) -> None:
        """SIGTERM to all; no other one starts until `closed` is taken back."""
        self.closed = True
        while left := [replica for replica in self.all if replica.state != "gone"]:
            await asyncio.gather(*(self.end(replica) for replica in left if replica.state == "up"))
            await asyncio.sleep(LOOK_S)

    async def switch(self, protocol: Protocol) -> None:
        """All end, the group is empty, and others come that speak the other protocol."""
        await self.end_all()
        self.protocol, self.closed = protocol, False
        self.fill()

    def kill_all(self) -> None:
        """At the end of a run, however it ends."""
        for replica in self.all:
            if replica.process.poll() is None:
                replica.process.kill()
            replica.process.wait()
            replica.state = "gone"

    def _say(self, replica: Replica, what: str) -> None:
        self.unasked.append(
            UnaskedEnd(time.time(), f"replica {replica.number} ({replica.protocol}): {what}", replica.tail())
        )

    def _spawn(self, log: Path, *names: str) -> subprocess.Popen[bytes]:
        with log.open("wb") as file:
            return subprocess.Popen(
                [sys.executable, "-m", "cli.main", "run", *names],
                cwd=self.servers.code,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,  # Ctrl-C is for the run, which then ends them
            )

    def _environment(self) -> Mapping[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
        options: dict[str, object] = {"group.protocol": self.protocol}
        if self.protocol == "classic":
            options |= {CLASSIC_SESSION: int(self.session_s * 1000), "heartbeat.interval.ms": 500}
        return {
            **kept,
            "LANG": "C.UTF-8",
            "ASSAY_KAFKA_BOOTSTRAP_SERVERS": self.servers.bootstrap,
            "ASSAY_KAFKA_OPTIONS": json.dumps(options),
            "ASSAY_POSTGRES_DSN": self.servers.dsn,
            "ASSAY_TOPIC_PREFIX": PREFIX,
            "ASSAY_HTTP_PORT": "0",
            "ASSAY_LOG_FORMAT": "json",
            # Small transactions, so that many are under way when something is cut.
            "ASSAY_STREAM_BATCH_RECORDS": "500",
            "ASSAY_STREAM_BATCH_SECONDS": "0.1",
        }


def logged_at(line: Mapping[str, object]) -> float:
    """When a line was logged, in seconds since 1970."""
    return datetime.fromisoformat(str(line["timestamp"])).timestamp()
