"""One real Apache Kafka broker (KRaft) on loopback, from Maven's jars: started, stopped, killed and started again.

broker = KafkaBroker(tmp_path)
broker.start()
... broker.bootstrap ...
broker.kill9(); broker.start()      # what it had acknowledged is still there
broker.stop()
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import time
import uuid
from collections.abc import Mapping
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from tests.support.ports import free_port

POM = Path(__file__).with_name("pom.xml")
CACHE = Path(__file__).parents[3] / ".cache" / "kafka"
START_SECONDS = 60.0  # 2.5 s on an idle core, 6 more after kill9; busy cores take several times that
STOP_SECONDS = 30.0  # an orderly stop takes 0.5 s idle
FETCH_SECONDS = 600.0  # 45 MB of jars on a slow line
# A small heap keeps several suites on one machine; serial collection costs least CPU on two cores.
JAVA_OPTIONS = ("-Xms128m", "-Xmx768m", "-XX:+UseSerialGC", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error")


def is_available() -> bool:
    """Whether a broker can be started here: Java, and Maven or jars fetched before."""
    return shutil.which("java") is not None and (shutil.which("mvn") is not None or jars_are_here())


def jars_are_here() -> bool:
    """Whether a start has nothing to fetch."""
    return _jars_dir().is_dir()


class KafkaBroker:
    """A broker with its data in `directory`. Not started by the constructor; the port stays the same over restarts.

    `behind`: the port of a proxy that forwards to `proxied_port`; clients that come by it are told to stay with it.
    `properties` are put over those below, in the broker's own names.
    """

    def __init__(
        self,
        directory: Path,
        port: int | None = None,
        *,
        behind: int | None = None,
        properties: Mapping[str, str] | None = None,
    ) -> None:
        self.directory = directory
        self.port = port or free_port()
        self.behind = behind
        self.proxied_port = free_port() if behind else None
        self._more = dict(properties or {})
        self._controller_port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        """What `bootstrap.servers` takes."""
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        """Of the running broker."""
        return self._process.pid if self._process else None

    def start(self) -> str:
        """Start on the data that is there, wait until clients are served; returns `bootstrap`."""
        if self._process is not None:
            raise RuntimeError("the broker runs already")
        jars = fetch_jars()
        self.directory.mkdir(parents=True, exist_ok=True)
        properties = self.directory / "server.properties"
        if not properties.exists():
            properties.write_text(self._properties())
            self._format(jars, properties)
        with (self.directory / "broker.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*_java(jars), "kafka.Kafka", str(properties)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for pytest, which then stops the broker in order
            )
        self._wait_until_served()
        return self.bootstrap

    def stop(self) -> None:
        """SIGTERM and wait; a broker that is not running is left so."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def kill9(self) -> None:
        """As a crash: no word to anyone. `start` again keeps the data."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def restart(self) -> None:
        """An orderly stop and a start."""
        self.stop()
        self.start()

    def __enter__(self) -> KafkaBroker:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _wait_until_served(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        client = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0, "reconnect.backoff.max.ms": 500})
        while time.monotonic() < deadline and self._process and self._process.poll() is None:
            with contextlib.suppress(KafkaException):
                if client.list_topics(timeout=1.0).brokers:
                    return
        self.kill9()
        tail = (self.directory / "broker.log").read_text(errors="replace")[-2_000:]
        raise RuntimeError(f"no broker on {self.bootstrap} within {START_SECONDS:.0f} s; its log ends:\n{tail}")

    def _format(self, jars: Path, properties: Path) -> None:
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        # One id in 64 begins with "-": as an argument of its own it would be read as another option.
        command = [*_java(jars), "kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "-c", str(properties)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode:
            properties.unlink()
            raise RuntimeError(f"the broker's storage can't be formatted: {(done.stdout + done.stderr)[-2_000:]}")

    def _properties(self) -> str:
        here, controller = f"127.0.0.1:{self.port}", f"127.0.0.1:{self._controller_port}"
        return "\n".join(
            (
                "process.roles=broker,controller",
                "node.id=1",
                f"controller.quorum.voters=1@{controller}",
                f"listeners=PLAINTEXT://{here},CONTROLLER://{controller}",
                f"advertised.listeners=PLAINTEXT://{here}",
                "controller.listener.names=CONTROLLER",
                f"log.dirs={self.directory.resolve() / 'data'}",
                "num.partitions=4",
                "offsets.topic.replication.factor=1",
                "offsets.topic.num.partitions=4",
                "transaction.state.log.replication.factor=1",
                "transaction.state.log.min.isr=1",
                "transaction.state.log.num.partitions=4",
                "share.coordinator.state.topic.replication.factor=1",
                "share.coordinator.state.topic.min.isr=1",
                "group.initial.rebalance.delay.ms=0",
                "broker.session.timeout.ms=3000",  # after kill9 the broker waits this long for its former self
                "broker.heartbeat.interval.ms=500",
                "message.max.bytes=2097152",  # a value over the contract's 1 MiB must reach the consumer
                "log.retention.ms=-1",  # tests send records of years ago; retention would delete them
                *self._behind(here, controller),
                *(f"{name}={value}" for name, value in self._more.items()),
                "",
            )
        )

    def _behind(self, here: str, controller: str) -> list[str]:
        """A second listener whose address, as told to clients, is the proxy's. Of a repeated line the last counts."""
        if self.behind is None:
            return []
        return [
            f"listeners=PLAINTEXT://{here},PROXIED://127.0.0.1:{self.proxied_port},CONTROLLER://{controller}",
            f"advertised.listeners=PLAINTEXT://{here},PROXIED://127.0.0.1:{self.behind}",
            "inter.broker.listener.name=PLAINTEXT",
            "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT",
        ]


def fetch_jars() -> Path:
    """The directory of the jars; fetched once by Maven, whole or not at all."""
    target = _jars_dir()
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # Maven's own store is not made for two at once
        return target if jars_are_here() else _fetched(target)


def _fetched(target: Path) -> Path:
    partial = target.with_name(f"{target.name}.{os.getpid()}")
    partial.mkdir(parents=True)
    try:
        _run_maven(partial)
        with contextlib.suppress(OSError):  # another run was first: its jars are the same
            partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return target


def _run_maven(output: Path) -> None:
    command = ["mvn", "-q", "-B", "-f", str(POM), "dependency:copy-dependencies", f"-DoutputDirectory={output}"]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=FETCH_SECONDS, check=False
    )
    if done.returncode:
        raise RuntimeError(f"Maven can't fetch the broker: {(done.stdout + done.stderr)[-2_000:]}")


def _jars_dir() -> Path:
    return CACHE / hashlib.sha256(POM.read_bytes()).hexdigest()[:12]


def _java(jars: Path) -> list[str]:
    return ["java", *JAVA_OPTIONS, "-cp", f"{jars}/*"]
