"""The batch API of an OpenAI-compatible provider, over any answering function: files, batches, results in a file.

Everything is in memory and ends with the server.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import msgspec
from aiohttp import web

Answer = Callable[[bytes], Awaitable[tuple[int, bytes]]]
"""A request's body to status and body, both JSON, as `POST /v1/chat/completions` would give them."""

LISTED = 20
"""Batches of a listing's page where none asks for more, as OpenAI's."""


class InputLine(msgspec.Struct):
    """A line of an input file."""

    custom_id: str
    body: msgspec.Raw
    method: str = "POST"
    url: str = "/v1/chat/completions"


@dataclass(frozen=True, slots=True)
class OutputLine:
    """A result: into the error file where `status` is not 200."""

    custom_id: str
    status: int
    body: bytes


@dataclass(slots=True)
class StoredBatch:
    """A batch as it stands; times in Unix seconds."""

    id: str
    input_file_id: str
    metadata: dict[str, str]
    created_at: int
    status: str = "validating"
    total: int = 0
    completed: int = 0
    failed: int = 0
    output_file_id: str | None = None
    error_file_id: str | None = None
    errors: list[dict[str, object]] = field(default_factory=list)


class BatchRoutes:
    """Files and batches of one server. A sub-class may answer otherwise, for tests."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.files: dict[str, bytes] = {}
        self.batches: dict[str, StoredBatch] = {}
        self._running: set[asyncio.Task[None]] = set()

    def add_to(self, app: web.Application) -> None:
        """Its addresses."""
        app.router.add_post("/v1/files", self.upload)
        app.router.add_get("/v1/files/{file_id}/content", self.content)
        app.router.add_delete("/v1/files/{file_id}", self.delete)
        app.router.add_post("/v1/batches", self.create)
        app.router.add_get("/v1/batches", self.listed)
        app.router.add_get("/v1/batches/{batch_id}", self.retrieve)
        app.router.add_post("/v1/batches/{batch_id}/cancel", self.cancel)
        app.on_cleanup.append(self._stop)

    async def upload(self, request: web.Request) -> web.Response:
        """`POST /v1/files`."""
        form = await request.post()
        file = form.get("file")
        if not isinstance(file, web.FileField) or form.get("purpose") != "batch":
            return _error(400, "a file of the purpose batch is expected")
        content = file.file.read()
        return _json(self._file_object(self.keep(content), len(content), file.filename))

    async def content(self, request: web.Request) -> web.Response:
        """`GET /v1/files/{id}/content`."""
        found = self.files.get(request.match_info["file_id"])
        return _error(404, "no such file") if found is None else web.Response(body=found)

    async def delete(self, request: web.Request) -> web.Response:
        """`DELETE /v1/files/{id}`."""
        file_id = request.match_info["file_id"]
        if self.files.pop(file_id, None) is None:
            return _error(404, "no such file")
        return _json({"id": file_id, "object": "file", "deleted": True})

    async def create(self, request: web.Request) -> web.Response:
        """`POST /v1/batches`."""
        asked = msgspec.json.decode(await request.read(), type=dict[str, object])
        file_id, metadata = asked.get("input_file_id"), asked.get("metadata")
        if not isinstance(file_id, str) or file_id not in self.files:
            return _error(400, "no such input file")
        told = {str(key): str(value) for key, value in metadata.items()} if isinstance(metadata, dict) else {}
        batch = StoredBatch(f"batch_{uuid.uuid4().hex}", file_id, told, int(time.time()))
        self.batches[batch.id] = batch
        task = asyncio.create_task(self.work(batch))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return _json(shown(batch))

    async def retrieve(self, request: web.Request) -> web.Response:
        """`GET /v1/batches/{id}`."""
        batch = self.batches.get(request.match_info["batch_id"])
        return _error(404, "no such batch") if batch is None else _json(shown(batch))

    async def listed(self, request: web.Request) -> web.Response:
        """`GET /v1/batches`, newest first."""
        newest = list(self.batches.values())[::-1]
        after, limit = request.query.get("after"), int(request.query.get("limit", str(LISTED)))
        ids = [batch.id for batch in newest]
        rest = newest[ids.index(after) + 1 :] if after in ids else newest
        data = [shown(batch) for batch in rest[:limit]]
        return _json({"object": "list", "data": data, "has_more": len(rest) > limit})

    async def cancel(self, request: web.Request) -> web.Response:
        """`POST /v1/batches/{id}/cancel`."""
        batch = self.batches.get(request.match_info["batch_id"])
        if batch is None:
            return _error(404, "no such batch")
        if batch.status in ("completed", "failed", "expired", "cancelled"):
            return _error(409, f"the batch is {batch.status}")
        batch.status = "cancelling"
        return _json(shown(batch))

    def keep(self, content: bytes) -> str:
        """Store a file; returns its id."""
        file_id = f"file-{uuid.uuid4().hex}"
        self.files[file_id] = content
        return file_id

    async def work(self, batch: StoredBatch) -> None:
        """Answer the lines one by one, until done or cancelled."""
        lines = [msgspec.json.decode(line, type=InputLine) for line in self.files[batch.input_file_id].splitlines()]
        if batch.status == "validating":
            batch.status = "in_progress"
        batch.total = len(lines)
        results: list[OutputLine] = []
        for line in lines:
            if batch.status == "cancelling":
                break
            results.append(await self.answered(line))
        self.end(batch, results, "cancelled" if batch.status == "cancelling" else "completed")

    async def answered(self, line: InputLine) -> OutputLine:
        """One line's result."""
        status, body = await self._answer(bytes(line.body))
        return OutputLine(line.custom_id, status, body)

    def end(self, batch: StoredBatch, results: Sequence[OutputLine], status: str) -> None:
        """Write the files."""
        good = [line for line in results if line.status == 200]
        bad = [line for line in results if line.status != 200]
        batch.output_file_id = self.keep(b"".join(map(written, good))) if good else None
        batch.error_file_id = self.keep(b"".join(map(written, bad))) if bad else None
        batch.completed, batch.failed, batch.status = len(good), len(bad), status

    async def _stop(self, app: web.Application) -> None:
        for task in self._running:
            task.cancel()

    @staticmethod
    def _file_object(file_id: str, size: int, name: str) -> dict[str, object]:
        return {
            "id": file_id,
            "object": "file",
            "bytes": size,
            "created_at": int(time.time()),
            "filename": name,
            "purpose": "batch",
            "status": "processed",
        }


def written(line: OutputLine) -> bytes:
    """A line of an output or error file."""
    response = {"status_code": line.status, "request_id": uuid.uuid4().hex, "body": msgspec.Raw(line.body)}
    said = {"id": f"batch_req_{uuid.uuid4().hex}", "custom_id": line.custom_id, "response": response, "error": None}
    return msgspec.json.encode(said) + b"\n"


def shown(batch: StoredBatch) -> dict[str, object]:
    """The batch object."""
    return {
        "id": batch.id,
        "object": "batch",
        "endpoint": "/v1/chat/completions",
        "completion_window": "24h",
        "input_file_id": batch.input_file_id,
        "status": batch.status,
        "metadata": batch.metadata,
        "created_at": batch.created_at,
        "output_file_id": batch.output_file_id,
        "error_file_id": batch.error_file_id,
        "errors": {"object": "list", "data": batch.errors} if batch.errors else None,
        "request_counts": {"total": batch.total, "completed": batch.completed, "failed": batch.failed},
    }


def _json(body: dict[str, object]) -> web.Response:
    return web.Response(body=msgspec.json.encode(body), content_type="application/json")


def _error(status: int, message: str) -> web.Response:
    said = {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None}}
    return web.Response(status=status, body=msgspec.json.encode(said), content_type="application/json")
