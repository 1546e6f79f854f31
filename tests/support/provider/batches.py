"""The batch routes of the stand-in, with faults: delay, any order, failed, missing, doubled, foreign lines, expiry."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec
from aiohttp import web

from demo.offline_judge.batches import BatchRoutes, InputLine, OutputLine, StoredBatch, written

Body = dict[str, object]

TROUBLE = b'{"error": {"message": "the server had an error", "type": "server_error", "code": null}}'
EXPIRED = "This request could not be executed before the completion window expired."


@dataclass
class BatchKnobs:
    """Shares are 0 to 1, of the lines. `ends` is what every batch becomes; `in_progress`: it never ends."""

    delay_s: float = 0.0
    shuffled: bool = True
    failed: float = 0.0
    """Answered with 500."""
    missing: float = 0.0
    """No line at all."""
    doubled: float = 0.0
    """The same result twice."""
    foreign: int = 0
    """Lines under ids that nobody asked for, and one that is no JSON."""
    ends: str = "completed"
    expired: float = 0.5
    """With `ends` expired: the lines that were not answered."""
    error_code: str = ""
    """With `ends` failed."""
    seed: int = 7


@dataclass
class StandInBatches(BatchRoutes):
    """What `add_batch_routes` mounted: `billed` counts answers by custom id, `failures` are raised by the route's name
    before (or, with `after`, behind) what it does."""

    answer: Callable[[Body], Body]
    knobs: BatchKnobs
    billed: Counter[str] = field(default_factory=Counter)
    lines: list[str] = field(default_factory=list)
    """Custom ids of every batch that was created, each time."""

    def __post_init__(self) -> None:
        super().__init__(self._answered)
        self.random = random.Random(self.knobs.seed)
        self.failures: dict[str, list[int | str]] = {}

    async def _answered(self, body: bytes) -> tuple[int, bytes]:
        return 200, msgspec.json.encode(self.answer(msgspec.json.decode(body)))

    async def answered(self, line: InputLine) -> OutputLine:
        if self.random.random() < self.knobs.failed:
            return OutputLine(line.custom_id, 500, TROUBLE)
        self.billed[line.custom_id] += 1
        return await super().answered(line)

    async def upload(self, request: web.Request) -> web.Response:
        return await self._troubled("upload", super().upload, request)

    async def content(self, request: web.Request) -> web.Response:
        return await self._troubled("content", super().content, request)

    async def create(self, request: web.Request) -> web.Response:
        return await self._troubled("create", super().create, request)

    async def retrieve(self, request: web.Request) -> web.Response:
        return await self._troubled("retrieve", super().retrieve, request)

    async def _troubled(self, name, route, request: web.Request) -> web.Response:
        """`failures[name]`: a status before the work is done, or `after`: the work is done and the answer lost."""
        trouble = self.failures.get(name)
        first = trouble.pop(0) if trouble else None
        if isinstance(first, int):
            return web.Response(status=first, body=TROUBLE, content_type="application/json")
        done = await route(request)
        if first == "after" and request.transport is not None:
            request.transport.abort()
        return done

    async def work(self, batch: StoredBatch) -> None:
        found = [msgspec.json.decode(each, type=InputLine) for each in self.files[batch.input_file_id].splitlines()]
        self.lines += [line.custom_id for line in found]
        batch.total, knobs = len(found), self.knobs
        if knobs.ends == "failed":
            code = knobs.error_code or "invalid_request"
            batch.errors = [{"code": code, "message": "the batch can't be taken", "line": None, "param": None}]
            batch.status = "failed"
            return
        batch.status = "in_progress" if batch.status == "validating" else batch.status
        await self._waited(batch)
        cut = batch.status == "cancelling" or knobs.ends in ("expired", "cancelled")
        kept = [line for line in found if not (cut and self.random.random() < knobs.expired)]
        self._write(batch, [await self.answered(line) for line in kept], found, "cancelled" if batch.status ==
                    "cancelling" else knobs.ends)  # fmt: skip

    async def _waited(self, batch: StoredBatch) -> None:
        """Until its time has come, or it is cancelled."""
        until = time.monotonic() + (1e9 if self.knobs.ends == "in_progress" else self.knobs.delay_s)
        while time.monotonic() < until and batch.status != "cancelling":  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    def _write(self, batch: StoredBatch, results: list[OutputLine], found: list[InputLine], status: str) -> None:
        draw, knobs = self.random, self.knobs
        results = [line for line in results if draw.random() >= knobs.missing]
        results += [line for line in results if draw.random() < knobs.doubled]
        if knobs.shuffled:
            draw.shuffle(results)
        self.end(batch, results, status)
        if status == "expired":
            batch.error_file_id = self.keep(self._content(batch.error_file_id) + self._expired(results, found))
        if knobs.foreign and batch.output_file_id:
            foreign = [OutputLine(str(uuid.uuid4()), 200, b"{}") for _ in range(knobs.foreign)]
            noise = b"".join(map(written, foreign)) + b"no json\n" + written(OutputLine("not-ours", 200, b"{}"))
            self.files[batch.output_file_id] = noise + self.files[batch.output_file_id]

    def _content(self, file_id: str | None) -> bytes:
        return self.files[file_id] if file_id else b""

    @staticmethod
    def _expired(results: list[OutputLine], found: list[InputLine]) -> bytes:
        answered = {line.custom_id for line in results}
        error = {"code": "batch_expired", "message": EXPIRED}
        rows = [{"custom_id": line.custom_id, "response": None, "error": error} for line in found]
        return b"".join(msgspec.json.encode(row) + b"\n" for row in rows if row["custom_id"] not in answered)


def add_batch_routes(
    app: web.Application, answer: Callable[[Body], Body], knobs: BatchKnobs | None = None
) -> StandInBatches:
    """Mount `/v1/files` and `/v1/batches` on `app`; `answer` makes a chat completion of a request's body."""
    routes = StandInBatches(answer, knobs or BatchKnobs())
    routes.add_to(app)
    return routes
