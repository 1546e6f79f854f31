"""An OTLP/HTTP receiver that keeps what it is sent."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

Value = str | int | float | bool


@dataclass
class Receiver:
    """`status` is what it answers with; `slow` seconds it waits before."""

    url: str = ""
    status: int = 200
    slow: float = 0.0
    spans: list[Span] = field(default_factory=list)
    resources: list[dict[str, Value]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        raw = await request.read()
        self.headers.append(dict(request.headers))
        await asyncio.sleep(self.slow)
        if self.status != 200:
            return web.Response(status=self.status)
        sent = ExportTraceServiceRequest.FromString(
            gzip.decompress(raw) if request.headers.get("Content-Encoding") == "gzip" else raw
        )
        for of_resource in sent.resource_spans:
            self.resources.append(values_of(of_resource.resource.attributes))
            for scope in of_resource.scope_spans:
                self.spans += scope.spans
        body = ExportTraceServiceResponse().SerializeToString()
        return web.Response(body=body, content_type="application/x-protobuf")

    def named(self, beginning: str) -> list[Span]:
        """Spans whose name begins so."""
        return [span for span in self.spans if span.name.startswith(beginning)]


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """On a free port of this machine."""
    receiver = Receiver()
    app = web.Application(client_max_size=64_000_000)
    app.router.add_post("/v1/traces", receiver.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield receiver
    finally:
        await runner.cleanup()


def values_of(attributes: Iterable[KeyValue]) -> dict[str, Value]:
    """Attributes by name."""
    return {each.key: getattr(each.value, str(each.value.WhichOneof("value"))) for each in attributes}
