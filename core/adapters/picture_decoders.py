"""Where pictures are decoded: in worker processes of their own (production), or in a thread (tests, small demos)."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import msgspec

import core
from core.adapters.picture_decode import Decoded, Limits, decode
from core.adapters.picture_embedding import QUIET, check_model, embedding_of
from core.adapters.picture_worker import LENGTH_BYTES, Answer
from core.errors import PictureError

WORKERS = 2
"""A shop's picture takes 3 to 30 ms: two workers keep up with 50 a second and leave cores for the rest."""

SECONDS_PER_PICTURE = 15.0
"""50 megapixels decode in 0.6 s (JPEG) to 5 s (16-bit PNG) on a machine with its cores taken; three times the worst."""

LARGEST_ANSWER = 32 * 1024 * 1024
"""Bytes: a JPEG of the longest side allowed and its measures take a tenth; more is not an answer of ours."""


class Decoder(Protocol):
    """Decodes pictures somewhere."""

    async def decode(self, data: bytes) -> Decoded:
        """The picture; PictureError when it can't be used or took too much."""
        ...

    async def close(self) -> None:
        """Let go of threads and processes."""
        ...


class ThreadDecoder:
    """In this process, one at a time off the loop: no memory limit, and what hangs keeps its thread."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._embed = embedding_of(limits.embedding_model)
        self._one = asyncio.Semaphore(1)

    async def decode(self, data: bytes) -> Decoded:
        """As `Decoder`."""
        async with self._one:
            return await asyncio.to_thread(decode, data, self._limits, self._embed)

    async def close(self) -> None:
        """Nothing is held."""


class ProcessDecoder:
    """In worker processes, started when first needed: a hostile file costs its own task and one restart."""

    def __init__(self, limits: Limits, workers: int = WORKERS, seconds: float = SECONDS_PER_PICTURE) -> None:
        check_model(limits.embedding_model)
        self._limits = limits
        self._seconds = seconds
        self._idle: asyncio.LifoQueue[Process | None] = asyncio.LifoQueue()
        for _ in range(workers):
            self._idle.put_nowait(None)

    async def decode(self, data: bytes) -> Decoded:
        """As `Decoder`; `decode_timeout` and `decoder_died` are retried, since a busy machine does both."""
        worker = await self._idle.get()
        try:
            worker = worker or await self._start()
            said = await self._ask(worker, data)
        except BaseException:
            halted, worker = worker, None  # in the middle of a conversation: it can't be used again
            await _end(halted)
            raise
        finally:
            self._idle.put_nowait(worker)
        if isinstance(said, Decoded):
            return said
        raise PictureError(said.message, said.kind, final=said.final)

    async def close(self) -> None:
        """End the workers that are idle; a caller closes after its last `decode`."""
        workers = [self._idle.get_nowait() for _ in range(self._idle.qsize())]
        for worker in workers:
            await _end(worker)
            self._idle.put_nowait(None)

    async def _ask(self, worker: Process, data: bytes) -> Answer:
        try:
            async with asyncio.timeout(self._seconds):
                return await _exchange(worker, data)
        except TimeoutError as error:
            raise PictureError("decoding took too long", "decode_timeout", final=False) from error
        except (OSError, EOFError, msgspec.MsgspecError) as error:
            raise PictureError("the decoder died", "decoder_died", final=False) from error

    async def _start(self) -> Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            "core.adapters.picture_worker",
            msgspec.json.encode(self._limits).decode(),
            stdin=PIPE,
            stdout=PIPE,
            env=_environment(),
            start_new_session=True,  # Ctrl-C is the parent's to handle; the worker ends when its input does
        )


def _environment() -> dict[str, str]:
    """No key, no password: only where this package and the system's libraries are, and one thread for numpy."""
    root = str(Path(core.__path__[0]).parent)
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "SYSTEMROOT") if name in os.environ}
    return {"PYTHONPATH": root, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", **QUIET, **kept}


async def _exchange(worker: Process, data: bytes) -> Answer:
    if worker.stdin is None or worker.stdout is None:
        raise EOFError("no pipe")
    worker.stdin.write(len(data).to_bytes(LENGTH_BYTES))
    worker.stdin.write(data)  # by itself: joined it would be 20 MB twice
    await worker.stdin.drain()
    size = int.from_bytes(await worker.stdout.readexactly(LENGTH_BYTES))
    if size > LARGEST_ANSWER:
        raise EOFError("an answer that is none")
    said: Answer = msgspec.msgpack.decode(await worker.stdout.readexactly(size), type=Answer)
    return said


async def _end(worker: Process | None) -> None:
    if worker is None:
        return
    with suppress(ProcessLookupError):
        worker.kill()
    await worker.wait()
