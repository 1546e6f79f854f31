"""A process that ends between any two steps of a batch, and a provider whose answers get lost: nothing is ordered
twice, nothing is lost, and the ledger says what the provider billed."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import pytest

from core.adapters.llm_prices import load_prices
from core.adapters.postgres import Pool
from core.domain import money
from tests.support.batch_lane import MODEL, BatchLane, batch_lane, request
from tests.support.provider.batches import BatchKnobs

pytestmark = pytest.mark.postgres

PRICE = money.usd(money.cost(money.batch_price(load_prices().price(MODEL)), 1_000, 200, 100))
CALLS = 7
STEPS = {
    "store": [
        "open_batch", "reserved", "uploaded", "trying", "ordered", "looked", "keep", "unanswered", "unsettled",
        "settled", "ended", "wake",
    ],
    "api": ["upload", "create", "retrieve", "delete"],
    "money": ["reserve", "settle"],
}  # fmt: skip


class Killed(BaseException):
    """The process is gone; nothing of ours catches it."""


class Fragile:
    """Dies once, right before or right after a method does its work."""

    def __init__(self, inner: object, step: str, when: str) -> None:
        self._inner = inner
        self._step = step
        self._when = when
        self.died = False

    def __getattr__(self, name: str):
        real = getattr(self._inner, name)
        return self._dying(real) if name == self._step and not self.died else real

    def _dying(self, real: Callable):
        async def step(*values, **named):
            self.died = True
            if self._when == "after":
                await real(*values, **named)
            raise Killed

        return step


async def ask_all(lane: BatchLane) -> None:
    for number in range(CALLS):
        assert await lane.ask(request(f"call {number}")) is None


async def all_answered_once(lane: BatchLane) -> None:
    """Each call has its batch's answer, was billed once and paid for once, and nothing is reserved any more."""
    for number in range(CALLS):
        assert (await lane.llm.complete(request(f"call {number}"))).text == f'{{"of": "call {number}"}}'
    assert lane.inner.requests == []
    assert sorted(lane.provider.billed.values()) == [1] * CALLS
    assert len(lane.provider.lines) == CALLS
    spent = await lane.rows("SELECT sum(spent_usd)::float8 AS spent, sum(reserved_usd)::float8 AS reserved "
                            "FROM assay_data.llm_spend")  # fmt: skip
    assert spent[0]["spent"] == pytest.approx(CALLS * PRICE)
    assert spent[0]["reserved"] == 0
    assert await lane.value("SELECT count(*) FROM assay_data.llm_calls WHERE status = 'ok'") == CALLS


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("part", "step"), [(part, step) for part, steps in STEPS.items() for step in steps])
async def test_a_process_that_dies_at_a_step_orders_nothing_twice_and_loses_nothing(
    pool: Pool, part: str, step: str, when: str
) -> None:
    async with batch_lane(pool) as lane:
        await ask_all(lane)
        whole = getattr(lane.look, part)
        fragile = Fragile(whole, step, when)
        setattr(lane.look, part, fragile)
        for _ in range(6):
            try:
                await lane.looks(130)
            except Killed:
                break
            await asyncio.sleep(0.02)
        assert fragile.died
        setattr(lane.look, part, whole)
        await lane.until_ended(seconds=130)
        await all_answered_once(lane)


@pytest.mark.parametrize(("route", "trouble"), [
    ("upload", 503), ("upload", "after"), ("upload", 429), ("create", 503), ("create", "after"), ("create", 401),
    ("retrieve", 500), ("retrieve", "after"), ("content", 500), ("content", "after"),
])  # fmt: skip
async def test_a_route_that_fails_or_loses_its_answer_is_asked_again_without_a_second_order(
    pool: Pool, route: str, trouble: int | str
) -> None:
    async with batch_lane(pool) as lane:
        await ask_all(lane)
        lane.provider.failures[route] = [trouble]
        await lane.until_ended(looks=20)
        assert lane.provider.failures[route] == []
        await all_answered_once(lane)


async def test_an_order_whose_outcome_is_not_known_is_looked_for_before_it_is_made_again(pool: Pool) -> None:
    async with batch_lane(pool) as lane:
        await ask_all(lane)
        lane.provider.failures["create"] = ["after"]
        await lane.looks()
        assert await lane.value("SELECT state FROM assay_data.llm_batches") == "uploaded"
        await lane.looks(40)
        assert len(lane.provider.batches) == 1
        await lane.until_ended()
        assert len(lane.provider.batches) == 1


async def test_two_leaders_at_once_order_once(pool: Pool) -> None:
    async with batch_lane(pool) as lane:
        await ask_all(lane)
        for _ in range(8):
            lane.wall.by += timedelta(seconds=130)
            await asyncio.gather(lane.look.take(), lane.look.take(), lane.look.take())
            await asyncio.sleep(0.02)
        await all_answered_once(lane)


async def test_an_endpoint_without_batches_leaves_everything_to_the_live_lane(pool: Pool) -> None:
    async with batch_lane(pool) as lane:
        await ask_all(lane)
        lane.provider.failures["upload"] = [404]
        await lane.until_ended()
        for number in range(CALLS):
            assert (await lane.llm.complete(request(f"call {number}"))).text == '{"live": true}'
        assert await lane.value("SELECT sum(spent_usd + reserved_usd)::float8 FROM assay_data.llm_spend") == 0


async def test_a_batch_that_the_provider_forgot_goes_live_at_its_worst_case(pool: Pool) -> None:
    async with batch_lane(pool, BatchKnobs(ends="in_progress")) as lane:
        await ask_all(lane)
        await lane.looks()
        lane.provider.batches.clear()
        await lane.until_ended()
        assert (await lane.llm.complete(request("call 0"))).text == '{"live": true}'
        worst = await lane.value("SELECT sum(worst_usd)::float8 FROM assay_data.llm_batch_items")
        assert await lane.value("SELECT sum(spent_usd)::float8 FROM assay_data.llm_spend") == pytest.approx(worst)


async def test_a_late_answer_is_taken_while_the_live_call_has_not_been_made(pool: Pool) -> None:
    async with batch_lane(pool, BatchKnobs(delay_s=0.3)) as lane:
        await ask_all(lane)
        await lane.looks()
        lane.provider.knobs.expired = 0.0
        await lane.looks(6 * 3_600)
        await lane.until_ended()
        await all_answered_once(lane)


@pytest.mark.parametrize("seed", range(24))
async def test_deaths_and_troubles_at_random_never_bill_or_lose_a_call_twice(pool: Pool, seed: int) -> None:
    draw = random.Random(seed)
    steps = [(part, step) for part, steps in STEPS.items() for step in steps]
    async with batch_lane(pool, requests=3) as lane:
        await ask_all(lane)
        for _ in itertools.repeat(None, 12):
            part, step = draw.choice(steps)
            whole = getattr(lane.look, part)
            setattr(lane.look, part, Fragile(whole, step, draw.choice(["before", "after"])))
            lane.provider.failures[draw.choice(["upload", "create", "retrieve", "content"])] = [
                draw.choice([500, 503, 429, "after"])
            ]
            with suppress(Killed):
                await lane.looks(draw.choice([20, 130]))
            setattr(lane.look, part, whole)
            await asyncio.sleep(0.02)
        lane.provider.failures.clear()
        await lane.until_ended(looks=40)
        await all_answered_once(lane)
