"""The command `assay` as its user has it: a process of its own, a clean environment, an empty directory."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

TERM_SECONDS = 30.0  # CONTRACT 5: SIGTERM drains and exits 0 within this
LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str
    seconds: float

    def checked(self) -> Done:
        """No command ever shows a traceback, whatever went wrong."""
        assert "Traceback" not in self.err, self.err
        return self

    def one_line(self) -> str:
        """The one line that a refusal consists of."""
        [line] = self.err.splitlines()
        return line

    def log(self) -> list[dict[str, object]]:
        """What a process logged."""
        return _log(self.err)


@dataclass
class Running:
    """A command that runs."""

    process: subprocess.Popen[bytes]
    files: tuple[Path, Path]
    began: float = field(default_factory=time.monotonic)

    def log(self) -> list[dict[str, object]]:
        """What it logged so far."""
        return _log(self.files[1].read_text())

    async def logged(self, event: str, seconds: float = 30.0, **fields: object) -> dict[str, object]:
        """The first line of its log that says `event` with these fields."""

        def found() -> dict[str, object] | None:
            lines = (line for line in self.log() if line.get("event") == event)
            return next((line for line in lines if fields.items() <= line.items()), None)

        await until(lambda: found() is not None or not self.is_up(), seconds)
        line = found()
        assert line is not None, f"no {event} in:\n{self.files[1].read_text()}"
        return line

    async def printed(self, seconds: float = 30.0) -> str:
        """The first line on standard output."""
        await until(lambda: "\n" in self.files[0].read_text() or not self.is_up(), seconds)
        return self.files[0].read_text().splitlines()[0]

    async def address(self) -> str:
        """Where its HTTP side listens."""
        return str((await self.logged("http.listening"))["address"])

    async def get(self, path: str) -> tuple[int, str]:
        """Status and body of a GET."""
        url = await self.address() + path
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            return response.status, await response.text()

    async def ready(self, seconds: float = 30.0) -> None:
        """Return when `/readyz` says 200."""
        deadline = time.monotonic() + seconds
        while (answer := await self.get("/readyz"))[0] != 200:
            assert time.monotonic() < deadline, answer
            await asyncio.sleep(LOOK_SECONDS)

    def is_up(self) -> bool:
        """Whether it still runs."""
        return self.process.poll() is None

    async def terminated(self) -> Done:
        """SIGTERM, and its end; it has to come in time."""
        self.began = time.monotonic()
        if self.is_up():
            self.process.send_signal(signal.SIGTERM)
        return await self.ended(TERM_SECONDS)

    async def ended(self, seconds: float) -> Done:
        """Its end, within so many seconds."""
        code = await asyncio.to_thread(self.process.wait, seconds)
        out, err = (path.read_text() for path in self.files)
        return Done(code, out, err, time.monotonic() - self.began).checked()


@dataclass(frozen=True)
class Assay:
    """Runs commands with these settings."""

    directory: Path
    settings: Mapping[str, str]

    def having(self, **settings: str | None) -> Assay:
        """With other settings; None: not set."""
        merged = {**self.settings, **{f"ASSAY_{name.upper()}": value for name, value in settings.items()}}
        return Assay(self.directory, {name: value for name, value in merged.items() if value is not None})

    async def __call__(self, *arguments: str, stdin: bytes = b"", seconds: float = 120.0, script: str = "") -> Done:
        """Run to the end. `script`: Python that runs in its place, with `arguments` as its own."""
        async with self.started(*arguments, stdin=stdin, script=script) as running:
            return await running.ended(seconds)

    @contextlib.asynccontextmanager
    async def started(self, *arguments: str, stdin: bytes = b"", script: str = "") -> AsyncIterator[Running]:
        """Run while the block lasts; killed at its end if it still is up."""
        work = self.directory / uuid.uuid4().hex
        work.mkdir()
        files = work / "out", work / "err"
        given = work / "in"
        given.write_bytes(stdin)
        command = ["-c", script] if script else ["-m", "cli.main"]
        with given.open("rb") as stdin_file, files[0].open("wb") as out, files[1].open("wb") as err:
            # As a plain process: asyncio's own would have to be closed before the loop of the session.
            process = subprocess.Popen(  # noqa: ASYNC220
                [sys.executable, *command, *arguments], stdin=stdin_file, stdout=out, stderr=err, cwd=work,
                env=self._environment(), start_new_session=True,
            )  # fmt: skip
        try:
            yield Running(process, files)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()

    def _environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "VIRTUAL_ENV") if name in os.environ}
        return {**kept, "LANG": "C.UTF-8", **self.settings}


async def until(condition: Callable[[], bool], seconds: float) -> None:
    """Wait until it is so, or the time is over: the caller then finds out."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:  # noqa: ASYNC110 - what is waited for is in a file
        await asyncio.sleep(LOOK_SECONDS)


def _log(text: str) -> list[dict[str, object]]:
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{") and line.endswith("}")]
    return [line for line in lines if isinstance(line, dict)]
