"""The batch lane on a real database, a stand-in provider and a clock that tests set ahead."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from aiohttp import web

from core.adapters.clock import SystemClock
from core.adapters.inbox import PostgresInbox
from core.adapters.llm_batch import BatchLlm, BatchPolicy
from core.adapters.llm_batch_api import OpenAiBatches
from core.adapters.llm_batch_items import PostgresBatchItems
from core.adapters.llm_batch_money import LedgerMoney
from core.adapters.llm_batch_store import PostgresBatches
from core.adapters.llm_client import Endpoint, client
from core.adapters.llm_postgres import PostgresLedger
from core.adapters.llm_prices import load_prices
from core.adapters.postgres import Pool, connection
from core.domain.budget import caps_of
from core.errors import LlmPending
from core.facts import TaskRetry
from core.ports import LlmReply, LlmRequest, NewTask, Task, TextPart
from core.stages.order_batches import BatchLook, BatchRules
from core.telemetry import Metrics
from tests.support.provider.batches import BatchKnobs, StandInBatches, add_batch_routes

MODEL = "gpt-4.1-mini"
KEY = "sk-never-to-be-seen-0123456789"
RULES = BatchRules(
    lanes=frozenset({"panel", "backfill"}),
    enough=1,
    wait=timedelta(seconds=300),
    requests=1_000,
    size=10_000_000,
    queued_tokens=10_000_000,
    longest_look_s=60.0,
    keep_days=90,
)
POLICY = BatchPolicy(
    frozenset({"panel", "backfill"}), frozenset({"judgements", "picture_scores"}), timedelta(hours=6), secret=KEY
)


class Ahead(SystemClock):
    """Real time, which a test may set ahead."""

    def __init__(self) -> None:
        self.by = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.by


def said(body: dict[str, object]) -> dict[str, object]:
    """A chat completion that repeats what was asked."""
    messages = body["messages"]
    assert isinstance(messages, list)
    content = messages[-1]["content"]
    return {
        "id": "x",
        "model": f"{body['model']}-2026-01-01",
        "system_fingerprint": "fp_1",
        "choices": [{"index": 0, "message": {"content": json.dumps({"of": content})}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1_000, "completion_tokens": 100, "prompt_tokens_details": {"cached_tokens": 200}},
    }


@dataclass
class Inner:
    """The live lane: counts, and answers."""

    requests: list[LlmRequest] = field(default_factory=list)

    async def complete(self, request: LlmRequest) -> LlmReply:
        self.requests.append(request)
        return LlmReply(uuid.uuid4(), '{"live": true}', "live", "", 1, 0, 1, 0.0, 1, request.model)


def request(text: str, tasks: tuple[uuid.UUID, ...] = (), **changes) -> LlmRequest:
    asked = LlmRequest(
        lane="backfill",
        purpose="judgements",
        model=MODEL,
        prompt_version="judgements-1",
        system="Rules.",
        user=(TextPart(text),),
        schema={"type": "object", "properties": {"reasoning": {}, "label": {}}},
        max_output_tokens=500,
        subject={"query": text},
        tasks=tasks,
    )
    return replace(asked, **changes)


@dataclass
class BatchLane:
    """Everything of one test. `look` is made anew by `restarted`, as after a crash."""

    pool: Pool
    wall: Ahead
    provider: StandInBatches
    base_url: str
    llm: BatchLlm
    inner: Inner
    look: BatchLook
    inbox: PostgresInbox

    async def looks(self, seconds: float = 0.0) -> int:
        """Set time ahead, then look."""
        self.wall.by += timedelta(seconds=seconds)
        return await self.look.take()

    async def until_ended(self, looks: int = 12, seconds: float = 130.0) -> None:
        """Looks, two minutes apart, until no batch is open."""
        for _ in range(looks):
            await self.looks(seconds)
            await asyncio.sleep(0.05)  # the stand-in works in real time
            counts = await self.look.store.counts(self.wall.now())
            if not counts.open and not counts.collected:
                return
        raise AssertionError(f"still open: {counts}")

    async def queued(self, *names: str, group: str = "shop/q", lane="backfill") -> list[uuid.UUID]:
        """Tasks in the inbox, leased."""
        await self.inbox.add([NewTask(name, "relevance", lane, group, {"listing_id": name}) for name in names])
        return [task.task_id for task in await self.leased()]

    async def leased(self) -> list[Task]:
        groups = await self.inbox.lease(["relevance"], 10, 20, 60.0)
        return [task for group in groups for task in group]

    async def ask(self, asked: LlmRequest) -> LlmReply | None:
        """As a stage does: pending tasks go back to waiting."""
        try:
            return await self.llm.complete(asked)
        except LlmPending as error:
            retries = [TaskRetry(task, error.kind, error.until, counts=False) for task in asked.tasks]
            await self.inbox.release(retries, [])
            return None

    async def rows(self, statement: str, *values: object) -> list:
        async with connection(self.pool) as held:
            return list(await held.fetch(statement, *values))

    async def value(self, statement: str, *values: object):
        return (await self.rows(statement, *values))[0][0]


@asynccontextmanager
async def batch_lane(pool: Pool, knobs: BatchKnobs | None = None, **rules) -> AsyncIterator[BatchLane]:
    """A lane with its own stand-in while the block lasts."""
    app = web.Application(client_max_size=300_000_000)
    provider = add_batch_routes(app, said, knobs)
    runner = web.AppRunner(app, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    base_url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    wall, prices = Ahead(), load_prices()
    ledger = PostgresLedger(pool, caps_of(50.0, {}), 60.0, wall)
    asking = client(Endpoint(base_url, KEY, 10.0, 5.0))
    inner = Inner()
    llm = BatchLlm(inner, PostgresBatchItems(pool), prices, POLICY, wall, wall)
    store, api = PostgresBatches(pool), OpenAiBatches(asking, KEY, wall)
    money = LedgerMoney(ledger, prices, base_url, KEY)
    look = BatchLook(store, api, money, replace(RULES, **rules), wall, wall, Metrics())
    try:
        yield BatchLane(pool, wall, provider, base_url, llm, inner, look, PostgresInbox(pool, wall))
    finally:
        await asking.close()
        await runner.cleanup()
