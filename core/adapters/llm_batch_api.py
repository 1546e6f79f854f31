"""The provider's files and batches, by the `openai` client; errors translated as those of a call."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from typing import IO, TypeVar
from uuid import UUID

import openai
from openai.types import Batch as TheirBatch

from core.adapters.llm_batch_lines import ENDPOINT, line, result
from core.adapters.llm_errors import failure, shown
from core.batch_ports import ProviderBatch, Result
from core.errors import LlmError, LlmImpossible
from core.ports import Clock

T = TypeVar("T")

OURS = "assay_batch"
"""Key of a batch's metadata under which our own id stands: by it a batch is found again whose creation nobody
remembers."""

STEP_TIMEOUT_S = 60.0
"""For anything but files: these answer in under a second, and a minute tells a stall from a slow moment."""

FILE_TIMEOUT_S = 240.0
"""For a whole file: 200 MB at 1 MB/s. Shorter than what makes a look count as hanging (core/runtime/periodic.py)."""

RESULTS_AT_ONCE = 200
"""Results handed on together: one statement stores them, and 200 answers are some 400 KB."""

LISTED_MAX = 2_000
"""Batches looked through for one of ours, newest first: more than any account makes between a crash and its repair."""

CLOCKS_DIFFER_S = 86_400.0
"""How much older than ours a batch's own time may say it is and still be ours: a host's clock may be hours off, and
taking a batch for missing that is there would order it twice."""

SPOOL_BYTES = 8_000_000
"""A file up to this size is made in memory, a larger one on disk."""


class OpenAiBatches:
    """Port `BatchApi`. `client` is not closed here; `wall` is real time."""

    def __init__(self, client: openai.AsyncOpenAI, secret: str, wall: Clock) -> None:
        self._client = client
        self._secret = secret
        self._wall = wall

    async def upload(self, name: str, lines: AsyncIterator[tuple[UUID, str]]) -> str | None:
        """As the port says."""
        with tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES) as file:
            if not await _written(file, lines):
                return None
            file.seek(0)
            sent = self._client.files.create(
                file=(name, file, "application/jsonl"), purpose="batch", timeout=FILE_TIMEOUT_S
            )
            return (await self._translated(sent)).id

    async def find(self, batch_id: UUID, file_id: str, since: datetime) -> ProviderBatch | None:
        """As the port says; a provider that keeps no metadata is told by the file, which is no other batch's."""
        async with AsyncExitStack() as stack:
            stack.push_async_exit(self._exit)
            seen = 0
            async for batch in self._client.batches.list(limit=100, timeout=STEP_TIMEOUT_S):
                seen += 1
                if (batch.metadata or {}).get(OURS) == str(batch_id) or batch.input_file_id == file_id:
                    return _ours(batch)
                if batch.created_at < since.timestamp() - CLOCKS_DIFFER_S or seen >= LISTED_MAX:
                    break
        return None

    async def create(self, batch_id: UUID, file_id: str) -> ProviderBatch:
        """As the port says. The idempotency key is one more guard where a provider knows it."""
        made = self._client.batches.create(
            input_file_id=file_id,
            endpoint=ENDPOINT,
            completion_window="24h",
            metadata={OURS: str(batch_id)},
            extra_headers={"Idempotency-Key": str(batch_id)},
            timeout=STEP_TIMEOUT_S,
        )
        return _ours(await self._translated(made))

    async def retrieve(self, provider_id: str) -> ProviderBatch | None:
        """As the port says."""
        try:
            return _ours(await self._client.batches.retrieve(provider_id, timeout=STEP_TIMEOUT_S))
        except openai.NotFoundError:
            return None
        except openai.APIError as error:
            raise self._error(error) from None

    async def cancel(self, provider_id: str) -> None:
        """As the port says; a batch that is over already can't be cancelled, which is no error."""
        try:
            await self._client.batches.cancel(provider_id, timeout=STEP_TIMEOUT_S)
        except (openai.NotFoundError, openai.ConflictError, openai.BadRequestError):
            return
        except openai.APIError as error:
            raise self._error(error) from None

    async def results(self, file_id: str) -> AsyncIterator[list[Result]]:
        """As the port says; the file is never held as a whole."""
        async with AsyncExitStack() as stack:
            stack.push_async_exit(self._exit)
            opened = self._client.files.with_streaming_response.content(file_id, timeout=FILE_TIMEOUT_S)
            response = await stack.enter_async_context(opened)
            found: list[Result] = []
            async for text in _lines(response.iter_bytes()):
                read = result(text)
                found += [] if read is None else [read]
                if len(found) >= RESULTS_AT_ONCE:
                    yield found
                    found = []
            if found:
                yield found

    async def delete(self, file_ids: Sequence[str]) -> None:
        """As the port says."""
        for file_id in file_ids:
            try:
                await self._client.files.delete(file_id, timeout=STEP_TIMEOUT_S)
            except openai.NotFoundError:
                continue
            except openai.APIError as error:
                raise self._error(error) from None

    async def _translated(self, call: Awaitable[T]) -> T:
        try:
            return await call
        except openai.APIError as error:
            raise self._error(error) from None

    async def _exit(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> bool:
        if isinstance(error, openai.APIError):
            raise self._error(error) from None
        return False

    def _error(self, error: openai.APIError) -> LlmError:
        if isinstance(error, openai.NotFoundError):  # a file or a batch that is gone, no model
            return LlmImpossible(f"the provider has no such file or batch: {shown(error.message, self._secret)}")
        return failure(error, 0, self._secret, self._wall.now()).error


async def _written(file: IO[bytes], lines: AsyncIterator[tuple[UUID, str]]) -> int:
    """Writes the calls, a line each; returns how many."""
    count = 0
    async for call_id, said in lines:
        file.write(line(call_id, said))
        count += 1
    return count


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Lines of a stream of bytes, empty ones left out."""
    rest = b""
    async for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for text in whole:
            if text.strip():
                yield text
    if rest.strip():
        yield rest


def _ours(batch: TheirBatch) -> ProviderBatch:
    errors = (batch.errors.data if batch.errors else None) or []
    words = "; ".join(f"{error.code or ''} {error.message or ''}".strip() for error in errors[:3])
    return ProviderBatch(
        provider_id=batch.id,
        status=batch.status,
        output_file=batch.output_file_id,
        error_file=batch.error_file_id,
        done=(batch.request_counts.completed + batch.request_counts.failed) if batch.request_counts else 0,
        error=" ".join(words.split())[:300],
        queue_full=any("token_limit" in (error.code or "") for error in errors),
    )
