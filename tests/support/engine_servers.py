"""Stand-ins of search engines: the requests and replies of OpenSearch's `_search`, Solr's `/select` and a plain API.

Each ranks the same documents the same way, whatever is asked, and keeps what it was sent. `faults` are played first.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qsl

from aiohttp import web

Kind = Literal["opensearch", "solr", "json"]
KINDS: tuple[Kind, ...] = ("opensearch", "solr", "json")

DOCUMENTS = 600


def document(number: int) -> dict[str, object]:
    """A product as a shop's index has it."""
    return {
        "id": f"d{number}",
        "name": f"Product {number}",
        "brand": {"name": "Acme"},
        "cost": {"amount": 9.5 + number, "currency": "EUR"},
        "facets": {"colour": ["black", "red"], "size": 42},
        "image": f"https://pictures.example/{number}.jpg",
    }


LISTING = {
    "title": "name",
    "brand": "brand.name",
    "price.amount": "cost.amount",
    "price.currency": "cost.currency",
    "attributes": "facets",
    "image_urls": "image",
}
"""Where a listing's fields stand in `document`."""


@dataclass
class Asked:
    """One request as it came."""

    query: str
    market: str
    path: str
    headers: Mapping[str, str]
    at: float


@dataclass
class Fault:
    """An answer instead of results."""

    status: int = 200
    body: object = None
    headers: dict[str, str] = field(default_factory=dict)
    hangs: bool = False


@dataclass
class EngineServer:
    """A running stand-in."""

    kind: Kind
    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    most_at_once: int = 0
    slow_s: float = 0.0
    partial: bool = False
    ids: list[str] = field(default_factory=lambda: [f"d{n}" for n in range(1, DOCUMENTS + 1)])
    _now: int = 0

    def config(self, **more: object) -> dict[str, object]:
        """Its entry in the file of `ASSAY_ENGINES`."""
        base: dict[str, object] = {"requests_per_second": 500, "attempts": 2, "timeout_s": 2.0}
        match self.kind:
            case "opensearch":
                template = {
                    "query": {"multi_match": {"query": "{{query}}", "fields": ["name"]}},
                    "size": "{{size}}",
                    "from": "{{from}}",
                }
                return base | {"kind": "opensearch", "url": self.url, "template": json.dumps(template)} | more
            case "solr":
                params = {"q": "{{query}}", "defType": "edismax", "qf": "name"}
                return base | {"kind": "solr", "url": self.url, "params": params} | more
            case "json":
                url = self.url + "&q={{query}}&n={{size}}&start={{from}}"
                return base | {"kind": "json", "url": url, "hits": "result.items"} | more

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One search."""
        query, size, start = _searched(self.kind, request, await request.read())
        market = request.match_info["market"]
        now = asyncio.get_running_loop().time()
        self.asked.append(Asked(query, market, request.raw_path, dict(request.headers), now))
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)
        try:
            if self.faults:
                return await _played(self.faults.pop(0))
            await asyncio.sleep(self.slow_s)
            return web.json_response(self._found(size, start))
        finally:
            self._now -= 1

    def _found(self, size: int, start: int) -> object:
        documents = [document(int(i[1:])) for i in self.ids[start : start + size]]
        match self.kind:
            case "opensearch":
                hits = [{"_index": "p", "_id": d["id"], "_score": 1.0, "_source": d} for d in documents]
                shards = {"total": 5, "successful": 4 if self.partial else 5, "skipped": 0, "failed": int(self.partial)}
                total = {"value": len(self.ids), "relation": "eq"}
                found = {"total": total, "max_score": 1.0, "hits": hits}
                return {"took": 3, "timed_out": False, "_shards": shards, "hits": found}
            case "solr":
                header: dict[str, object] = {"status": 0, "QTime": 2}
                header |= {"partialResults": True} if self.partial else {}
                docs = {"numFound": len(self.ids), "start": start, "numFoundExact": True, "docs": documents}
                return {"responseHeader": header, "response": docs}
            case "json":
                return {"result": {"items": documents}}


REFUSALS: dict[Kind, object] = {
    "opensearch": {
        "error": {
            "root_cause": [{"type": "index_not_found_exception", "reason": "the words of the engine", "index": "p"}],
            "type": "index_not_found_exception",
            "reason": "no such index [p]",
        },
        "status": 400,
    },
    "solr": {
        "responseHeader": {"status": 400, "QTime": 1},
        "error": {
            "metadata": ["error-class", "org.apache.solr.common.SolrException"],
            "msg": "the words of the engine",
            "code": 400,
        },
    },
    "json": {"error": "the words of the engine"},
}


@asynccontextmanager
async def engine_server(kind: Kind) -> AsyncIterator[EngineServer]:
    """A stand-in of this kind while the block lasts."""
    server = EngineServer(kind)
    app = web.Application(client_max_size=10_000_000)
    path = {"opensearch": "/p-{market}/_search", "solr": "/solr/p-{market}/select", "json": "/api/p-{market}/find"}
    app.router.add_route("GET" if kind == "json" else "POST", path[kind], server.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        address = f"http://127.0.0.1:{runner.addresses[0][1]}"
        server.url = address + path[kind].replace("{market}", "{{market}}") + ("?v=1" if kind == "json" else "")
        yield server
    finally:
        await runner.cleanup()


def _searched(kind: Kind, request: web.Request, body: bytes) -> tuple[str, int, int]:
    match kind:
        case "opensearch":
            told = json.loads(body)
            return told["query"]["multi_match"]["query"], told["size"], told["from"]
        case "solr":
            form = dict(parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True))
            assert set(form) == {"q", "defType", "qf", "start", "rows", "wt"}
            return form["q"], int(form["rows"]), int(form["start"])
        case "json":
            assert set(request.query) == {"v", "q", "n", "start"}
            return request.query["q"], int(request.query["n"]), int(request.query["start"])


async def _played(fault: Fault) -> web.Response:
    if fault.hangs:
        await asyncio.sleep(1)
    body = fault.body if isinstance(fault.body, bytes) else json.dumps(fault.body).encode()
    return web.Response(status=fault.status, body=body, headers=fault.headers)
