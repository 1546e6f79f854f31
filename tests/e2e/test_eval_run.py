"""`assay eval run` as its user has it: said before it starts, killed and resumed without paying twice."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from cli.eval_parts import AT_ONCE_TIMES
from core.adapters.eval_datasets import PostgresDatasets
from core.adapters.postgres import open_pool
from tests.e2e.command import Assay, Running
from tests.support.provider import Knobs, StandIn, started
from tests.support.sample_lamps import DATASET, ITEMS, PRODUCTS

IN_FLIGHT = 8
UNDER_WAY = AT_ONCE_TIMES * IN_FLIGHT
"""Calls on their way to the provider or back, and answers on their way into the database."""


@pytest.fixture
def provider() -> Iterator[StandIn]:
    with started(Knobs(median_ms=150.0, p99_ms=400.0)) as running:
        yield running


@pytest.fixture
async def assay(tmp_path: Path, postgres_dsn: str, provider: StandIn) -> Assay:
    pool = await open_pool(postgres_dsn, 2)
    try:
        await PostgresDatasets(pool).save(DATASET, ITEMS)
    finally:
        await pool.close()
    return Assay(
        tmp_path,
        {
            "ASSAY_POSTGRES_DSN": postgres_dsn,
            "ASSAY_LLM_BASE_URL": provider.base_url,
            "ASSAY_LLM_MODEL": "offline-judge",
            "ASSAY_LLM_MAX_IN_FLIGHT": str(IN_FLIGHT),
            "ASSAY_LLM_REQUESTS_PER_MINUTE": "60000",
            "ASSAY_LLM_TOKENS_PER_MINUTE": "50000000",
        },
    )


RUN = ("eval", "run", "--dataset", "lamps", "--judge", "settings")


async def shown(assay: Assay, run: str) -> tuple[str, int]:
    """A run's state, and how many answers it has."""
    done = await assay("eval", "runs", run, "--json")
    assert done.code == 0, done.err
    told: Mapping[str, object] = json.loads(done.out)
    judges = told["judges"]
    assert isinstance(judges, list)
    return str(told["state"]), sum(each["answers"] for each in judges)


async def a_third_is_billed(provider: StandIn, running: Running) -> None:
    deadline = time.monotonic() + 60.0
    while (await provider.stats()).pairs < len(ITEMS) // 3:
        assert running.is_up()
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


async def test_a_killed_run_is_resumed_and_nothing_answered_is_paid_again(assay: Assay, provider: StandIn) -> None:
    async with assay.started(*RUN, "--name", "morning", "--yes") as running:
        await a_third_is_billed(provider, running)
        running.process.kill()
        running.process.wait()
    state, answers = await shown(assay, "morning")
    assert (state, 0 < answers < len(ITEMS)) == ("interrupted", True)
    again = await assay(*RUN, "--yes")
    assert again.code == 0, again.err
    assert "going on with it" in again.err
    assert await shown(assay, "morning") == ("done", len(ITEMS))
    stats = await provider.stats()
    assert stats.pairs == len(ITEMS)
    assert stats.calls_again <= UNDER_WAY
    assert stats.pairs_again <= UNDER_WAY * PRODUCTS


async def test_sigterm_stops_a_run_which_then_goes_on_with_nothing_paid_again(assay: Assay, provider: StandIn) -> None:
    async with assay.started(*RUN, "--name", "noon", "--yes") as running:
        await a_third_is_billed(provider, running)
        stopped = await running.terminated()
    assert stopped.code == 1
    assert "--resume noon" in stopped.out
    again = await assay("eval", "run", "--resume", "noon", "--yes")
    assert again.code == 0, again.err
    stats = await provider.stats()
    assert (stats.pairs, stats.pairs_again) == (len(ITEMS), 0)


async def test_cost_and_time_are_said_and_nothing_is_sent_before_somebody_agrees(
    assay: Assay, provider: StandIn
) -> None:
    said = await assay(*RUN, "--estimate")
    assert said.code == 0, said.err
    assert "120 items, 1 judge." in said.out
    refused = await assay(*RUN)
    assert (refused.code, refused.err.splitlines()[-1].startswith("assay: nobody is there to answer")) == (2, True)
    assert (await provider.stats()).calls == 0
    assert (await assay("eval", "runs")).out.startswith("there is no run yet")
