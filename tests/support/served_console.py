"""The console served on a free port of this machine, over a database of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from aiohttp import ClientSession, web

from cli.judge_identity import judge_desk
from core.access_settings import AccessSettings
from core.adapters.audit import PostgresAudit
from core.adapters.guidelines import PostgresGuidelines
from core.adapters.postgres import Pool, open_pool
from core.adapters.reads import PostgresReads
from core.adapters.reviews import PostgresReviews
from core.console.access import Door
from core.console.app import make_app
from core.guideline_ports import Desk, JudgeNames
from core.judge_desk import JudgeDesk
from core.ports import Clock
from core.read_ports import HealthReport, Reads
from core.review_ports import ReviewRoom
from tests.support import sample_data
from tests.support.fake_audit import FakeAudit
from tests.support.fake_judges import empty_desk, settings_version
from tests.support.sample_data import Filled
from tests.support.sample_judged import GUIDELINE_PROMPT

BUDGET_USD = 50.0
LEASE_S = 600.0
TURNING = HealthReport(loops_turn=True, ready=True, detail={"search-log": "turns"})


class FixedClock:
    """The time of the sample shop."""

    def now(self) -> datetime:
        return sample_data.NOW

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


@dataclass(frozen=True)
class Served:
    """Where the console is and what is in its database."""

    url: str
    reads: PostgresReads
    pool: Pool
    filled: Filled


@asynccontextmanager
async def serving(
    reads: Reads,
    report: HealthReport = TURNING,
    desk: Desk | None = None,
    door: Door | None = None,
    room: ReviewRoom | None = None,
    judges: JudgeDesk | None = None,
) -> AsyncIterator[str]:
    """Its address. Without a door of its own nobody signs in."""
    door = door or Door(AccessSettings(), FakeAudit(), FixedClock())
    told = (lambda: report, lambda: b"assay_up 1\n", door, desk, room, judges or empty_desk())
    app = make_app(reads, FixedClock(), *told)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def sample_shop(
    dsn: str, access: AccessSettings | None = None, clock: Clock | None = None
) -> AsyncIterator[Served]:
    """The console over the sample shop, which is written into the migrated database at `dsn`; `access`: who signs in,
    else nobody does."""
    pool = await open_pool(dsn, 6)
    try:
        filled = await sample_data.fill(pool)
        reads = PostgresReads(pool, FixedClock(), BUDGET_USD)
        desk = Desk(PostgresGuidelines(pool), FixedClock(), lambda: JudgeNames("judge", GUIDELINE_PROMPT))
        door = Door(access or AccessSettings(), PostgresAudit(pool), clock or FixedClock())
        room = ReviewRoom(PostgresReviews(pool), LEASE_S)
        judges = judge_desk(pool, FixedClock(), settings_version)
        async with serving(reads, desk=desk, door=door, room=room, judges=judges) as url:
            yield Served(url, reads, pool, filled)
    finally:
        await asyncio.wait_for(pool.close(), 10)


async def text_of(visitor: ClientSession, path: str, status: int = 200, **parameters: str) -> str:
    """A page as somebody gets it who expects this status."""
    async with visitor.get(path, params=parameters) as answer:
        assert answer.status == status
        return await answer.text()
