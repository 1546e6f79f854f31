"""What is counted of calls and pictures, well ended or not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from core.adapters.llm_measured import MeasuredLlm
from core.adapters.picture_measured import MeasuredPictures
from core.errors import LlmError, LlmTimeout, PictureError
from core.ports import LlmReply, LlmRequest, Picture, PicturePart, TextPart
from core.telemetry import Metrics

REQUEST = LlmRequest("live", "judgements", "m", "v", "rules", (TextPart("data"),), {}, 100)
REPLY = LlmReply(UUID(int=1), "{}", "m", "f", 100, 60, 20, 0.5, 1_500)
PICTURE = Picture("hash", b"jpeg", 8, 8, 16, 16, 99, "image/png", {})


class Wall:
    def now(self) -> datetime:
        return datetime(2026, 3, 29, tzinfo=UTC)

    async def sleep(self, seconds: float) -> None:
        del seconds


class OneCall:
    """Waits for `go`, then answers or raises."""

    def __init__(self, end: LlmReply | LlmError) -> None:
        self.go = asyncio.Event()
        self._end = end

    async def complete(self, request: LlmRequest) -> LlmReply:
        assert request is REQUEST
        await self.go.wait()
        if isinstance(self._end, LlmError):
            raise self._end
        return self._end


class OnePicture:
    def __init__(self, end: Picture | PictureError) -> None:
        self._end = end

    async def fetch(self, url: str) -> Picture:
        if isinstance(self._end, PictureError):
            raise self._end
        return self._end


def _value(metrics: Metrics, name: str) -> Callable[..., float | None]:
    return lambda **labels: metrics.registry.get_sample_value(name, labels)


async def test_a_call_is_under_way_until_it_ends() -> None:
    metrics, inner = Metrics(), OneCall(REPLY)
    call = asyncio.create_task(MeasuredLlm(inner, metrics, Wall()).complete(REQUEST))
    await asyncio.sleep(0)
    under_way = _value(metrics, "assay_llm_under_way")
    assert under_way(lane="live") == 1
    inner.go.set()
    await call
    assert under_way(lane="live") == 0


async def test_a_cancelled_call_is_no_longer_under_way() -> None:
    metrics = Metrics()
    call = asyncio.create_task(MeasuredLlm(OneCall(REPLY), metrics, Wall()).complete(REQUEST))
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert _value(metrics, "assay_llm_under_way")(lane="live") == 0


async def test_a_call_that_failed_counts_under_its_kind() -> None:
    metrics, inner = Metrics(), OneCall(LlmTimeout("slow"))
    inner.go.set()
    with pytest.raises(LlmTimeout):
        await MeasuredLlm(inner, metrics, Wall()).complete(REQUEST)
    assert _value(metrics, "assay_llm_calls_total")(lane="live", model="m", status="timeout") == 1


async def test_a_picture_that_came_counts_as_fetched() -> None:
    metrics = Metrics()
    assert await MeasuredPictures(OnePicture(PICTURE), metrics).fetch("http://shop.example/a") is PICTURE
    assert _value(metrics, "assay_pictures_total")(outcome="fetched") == 1


async def test_a_picture_that_did_not_come_counts_under_its_reason() -> None:
    metrics = Metrics()
    with pytest.raises(PictureError):
        await MeasuredPictures(OnePicture(PictureError("no", "gone", final=True)), metrics).fetch("http://x.example/a")
    assert _value(metrics, "assay_pictures_total")(outcome="gone") == 1


class AnyCall:
    async def complete(self, request: LlmRequest) -> LlmReply:
        del request
        return REPLY


async def test_what_was_kept_from_the_provider_is_counted_by_kind() -> None:
    metrics = Metrics()
    parts = (TextPart('{"a":"[email] or [phone]"}'), PicturePart(b"jpeg", 8, 8), TextPart("[email] [new]"))
    await MeasuredLlm(AnyCall(), metrics, Wall()).complete(replace(REQUEST, user=parts))
    screened = _value(metrics, "assay_screened_total")
    assert (screened(kind="email"), screened(kind="phone"), screened(kind="card")) == (2, 1, None)
