"""Pages of the tiers, and `assay eval check` over a real store and the offline judge."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from aiohttp import ClientSession

from cli.eval_checking import critic_of, estimate_of, of_run, ports_without_llm, refuse_unpayable, reported
from cli.eval_parts import eval_parts
from core.adapters.clock import SystemClock
from core.adapters.llm_endpoint import Surroundings
from core.adapters.postgres import Pool
from core.adapters.reads import PostgresReads
from core.adapters.tiers import PostgresTiers
from core.errors import UsageError
from core.settings import Settings
from core.stages.purse import Purse
from core.telemetry import Metrics
from demo.offline_judge import serve
from tests.contract.test_tiers_contract import FLAGGED, REPORT
from tests.support.sample_evals import OLD, RUN
from tests.support.served_console import FixedClock, serving, text_of

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
async def visitor(evaluated: Pool) -> AsyncIterator[ClientSession]:
    async with serving(PostgresReads(evaluated, FixedClock(), 50.0)) as url, ClientSession(url) as session:
        yield session


async def test_without_a_report_the_pages_say_how_to_begin(visitor: ClientSession) -> None:
    assert "assay eval check" in await text_of(visitor, "/tiers")
    assert "was not checked yet" in await text_of(visitor, f"/evals/{RUN}/tiers")


@pytest.mark.parametrize("path", ["/evals/nothing/tiers", f"/tiers/{UUID(int=1)}", "/tiers/nothing"])
async def test_what_is_not_there_is_not_found(visitor: ClientSession, path: str) -> None:
    await text_of(visitor, path, 404)


async def test_a_report_shows_its_tiers_checks_and_worst_judgements(evaluated: Pool, visitor: ClientSession) -> None:
    report = replace(REPORT, report_id=uuid4(), subject="live:relevance:1:2", told="yesterday")
    await PostgresTiers(evaluated).save(report, [replace(FLAGGED, reasoning="<script>alert(1)</script>")])
    shown = await text_of(visitor, f"/tiers/{report.report_id}")
    for part in ("yesterday", "15.0%", "label over verdicts", "one confidence", "&lt;script&gt;", "It is none."):
        assert part in shown
    assert "<script>alert" not in shown
    assert f"/tiers/{report.report_id}" in await text_of(visitor, "/tiers")


async def test_a_run_is_checked_critiqued_held_beside_people_and_shown(evaluated: Pool, visitor: ClientSession) -> None:
    around = Surroundings(evaluated, SystemClock(), SystemClock(), Metrics())
    run = await ports_without_llm(around).runs.find(str(RUN))
    assert run is not None
    first = await of_run(ports_without_llm(around), around, run, [OLD])
    async with serve() as url:
        settings = Settings(_env_file=None, llm_base_url=url, llm_model="offline-judge")
        async with eval_parts(settings, around) as parts:
            critic = critic_of(parts, around, "offline-judge")
            estimate = estimate_of(parts, critic, first, 0.5)
            purse = Purse(estimate.safe_usd(8), 0.0, lambda request: parts.pricing.weigh(request).worst_usd)
            ((report, _),) = await reported(around, first, critic, 0.5, purse)
    assert report.of("checks").seen == len(first[0].checked) > 0
    assert report.of("people").seen > 0
    shown = await text_of(visitor, f"/evals/{RUN}/tiers")
    assert OLD in shown
    assert "2 critique by a model" in shown
    assert json.dumps(report.items) in shown.replace(",", "")


async def test_a_cap_that_pays_for_no_call_is_refused_with_what_would_do(evaluated: Pool) -> None:
    from core.domain.evaluation.costing import CostEstimate

    with pytest.raises(UsageError, match=r"--checks-only needs none"):
        refuse_unpayable(0.001, CostEstimate(calls=3, usd=0.5, worst_call_usd=0.2))
    refuse_unpayable(0.3, CostEstimate(calls=3, usd=0.5, worst_call_usd=0.2))
