"""The batch lane on PostgreSQL and over HTTP: ordered, answered in any order, settled, and live where it fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from core.adapters.llm_prices import load_prices
from core.adapters.postgres import Pool
from core.domain import money
from core.domain.budget import caps_of
from core.errors import LlmImpossible, LlmInvalid, LlmPending
from core.facts import TaskRetry
from tests.support.batch_lane import KEY, MODEL, BatchLane, batch_lane, request
from tests.support.provider.batches import BatchKnobs

pytestmark = pytest.mark.postgres

SPENT = "SELECT sum(spent_usd)::float8 FROM assay_data.llm_spend"
RESERVED = "SELECT coalesce(sum(reserved_usd), 0)::float8 FROM assay_data.llm_spend"
STATUSES = "SELECT status, count(*) FROM assay_data.llm_calls GROUP BY status"
HALF_PRICE = money.usd(money.cost(money.batch_price(load_prices().price(MODEL)), 1_000, 200, 100))


@pytest.fixture
async def lane(pool: Pool) -> AsyncIterator[BatchLane]:
    async with batch_lane(pool) as made:
        yield made


async def asked(lane: BatchLane, count: int, **changes) -> None:
    for number in range(count):
        assert await lane.ask(request(f"call {number}", **changes)) is None


async def test_a_call_of_a_batched_lane_is_answered_when_it_is_asked_for_again(lane: BatchLane) -> None:
    await asked(lane, 5)
    await lane.until_ended()
    for number in range(5):
        reply = await lane.llm.complete(request(f"call {number}"))
        assert reply.text == f'{{"of": "call {number}"}}'
        assert reply.asked_model == "gpt-4.1-mini"
        assert reply.model == "gpt-4.1-mini-2026-01-01"
        assert reply.cost_usd == pytest.approx(HALF_PRICE)
    assert lane.inner.requests == []


async def test_other_lanes_and_purposes_go_straight_through(lane: BatchLane) -> None:
    await lane.llm.complete(request("now", lane="live"))
    await lane.llm.complete(request("a guideline", purpose="guideline"))
    assert len(lane.inner.requests) == 2
    assert await lane.value("SELECT count(*) FROM assay_data.llm_batch_items") == 0


async def test_money_is_reserved_before_the_order_and_settled_at_half_the_price_after(lane: BatchLane) -> None:
    lane.provider.knobs.delay_s = 0.3
    await asked(lane, 4)
    await lane.looks()
    assert await lane.value(RESERVED) > 4 * HALF_PRICE
    await lane.until_ended()
    assert await lane.value(RESERVED) == 0
    assert await lane.value(SPENT) == pytest.approx(4 * HALF_PRICE)
    calls = await lane.rows("SELECT status, batch, lane, input_tokens FROM assay_data.llm_calls")
    assert {(row["status"], row["batch"], row["lane"], row["input_tokens"]) for row in calls} == {
        ("ok", True, "backfill", 1_000)
    }
    view = "SELECT answered, cost_usd::float8 AS usd, live_usd::float8 AS live FROM assay.llm_batches"
    batch = (await lane.rows(view))[0]
    assert batch["answered"] == 4
    assert batch["usd"] == pytest.approx(4 * HALF_PRICE)
    assert batch["live"] > 1.5 * batch["usd"]


async def test_results_of_any_order_doubled_foreign_and_failed_come_out_right(pool: Pool) -> None:
    knobs = BatchKnobs(shuffled=True, failed=0.3, doubled=0.5, foreign=3)
    async with batch_lane(pool, knobs) as lane:
        await asked(lane, 40)
        await lane.until_ended()
        live = 0
        for number in range(40):
            reply = await lane.llm.complete(request(f"call {number}"))
            assert reply.text in (f'{{"of": "call {number}"}}', '{"live": true}')
            live += reply.text == '{"live": true}'
        assert 0 < live < 40
        assert len(lane.inner.requests) == live
        assert await lane.value(SPENT) == pytest.approx((40 - live) * HALF_PRICE)
        assert dict(await lane.rows(STATUSES)) == {"ok": 40 - live, "server_error": live}


async def test_a_missing_line_stays_at_its_worst_case_and_goes_live(pool: Pool) -> None:
    async with batch_lane(pool, BatchKnobs(missing=1.0)) as lane:
        await asked(lane, 2)
        await lane.until_ended()
        assert (await lane.llm.complete(request("call 0"))).text == '{"live": true}'
        worst = await lane.value("SELECT sum(worst_usd)::float8 FROM assay_data.llm_batch_items")
        assert await lane.value(SPENT) == pytest.approx(worst)


async def test_what_an_expired_batch_did_not_answer_goes_live_and_is_not_billed(pool: Pool) -> None:
    async with batch_lane(pool, BatchKnobs(ends="expired", expired=0.5)) as lane:
        await asked(lane, 30)
        await lane.until_ended()
        answered = sum(lane.provider.billed.values())
        assert 0 < answered < 30
        for number in range(30):
            await lane.llm.complete(request(f"call {number}"))
        assert len(lane.inner.requests) == 30 - answered
        assert await lane.value(SPENT) == pytest.approx(answered * HALF_PRICE)


@pytest.mark.parametrize("ends", ["failed", "cancelled"])
async def test_a_batch_that_the_provider_ends_leaves_nobody_waiting(pool: Pool, ends: str) -> None:
    async with batch_lane(pool, BatchKnobs(ends=ends, expired=1.0)) as lane:
        await asked(lane, 3)
        await lane.until_ended()
        assert (await lane.llm.complete(request("call 1"))).text == '{"live": true}'
        assert await lane.value(SPENT) == 0
        assert await lane.value(RESERVED) == 0


async def test_a_full_queue_leaves_the_calls_collected_for_a_later_batch(pool: Pool) -> None:
    async with batch_lane(pool, BatchKnobs(ends="failed", error_code="token_limit_exceeded")) as lane:
        await asked(lane, 3)
        await lane.looks()
        await lane.looks(20)
        counts = await lane.look.store.counts(lane.wall.now())
        assert (counts.collected, counts.open) == (3, 0)
        await lane.looks(60)
        assert len(lane.provider.batches) == 1
        lane.provider.knobs.ends = "completed"
        await lane.looks(900)
        await lane.until_ended()
        assert (await lane.llm.complete(request("call 2"))).text == '{"of": "call 2"}'
        assert await lane.value(SPENT) == pytest.approx(3 * HALF_PRICE)


async def test_a_call_past_its_deadline_goes_live_without_a_word_from_the_provider(pool: Pool) -> None:
    async with batch_lane(pool, BatchKnobs(ends="in_progress")) as lane:
        tasks = tuple(await lane.queued("a", "b"))
        assert await lane.ask(request("slow", tasks)) is None
        await lane.looks()
        await lane.looks(3_600)
        assert await lane.leased() == []
        await lane.looks(5 * 3_600)
        assert {task.task_id for task in await lane.leased()} == set(tasks)
        assert (await lane.llm.complete(request("slow", tasks))).text == '{"live": true}'


async def test_a_batch_past_its_deadline_is_cancelled_at_the_provider(pool: Pool) -> None:
    async with batch_lane(pool, BatchKnobs(ends="in_progress", expired=1.0)) as lane:
        await asked(lane, 2)
        await lane.looks()
        await lane.looks(6 * 3_600)
        batch = next(iter(lane.provider.batches.values()))
        assert batch.status in ("cancelling", "cancelled")
        await lane.until_ended()
        assert await lane.value(RESERVED) == 0


async def test_without_a_process_that_orders_a_call_goes_live_at_its_deadline(lane: BatchLane) -> None:
    with pytest.raises(LlmPending) as pending:
        await lane.llm.complete(request("alone"))
    assert pending.value.until > lane.wall.now()
    lane.wall.by += timedelta(hours=6)
    assert (await lane.llm.complete(request("alone"))).text == '{"live": true}'


async def test_tasks_of_a_call_come_back_together_when_its_answer_is_there(lane: BatchLane) -> None:
    one = tuple(await lane.queued("a", "b", "c"))
    assert await lane.ask(request("first", one)) is None
    two = tuple(await lane.queued("d", "e"))
    assert await lane.ask(request("second", two)) is None
    await lane.until_ended()
    groups = await lane.inbox.lease(["relevance"], 10, 20, 60.0)
    assert {frozenset(task.task_id for task in group) for group in groups} == {frozenset(one), frozenset(two)}
    assert {task.attempts for group in groups for task in group} == {1}


async def test_a_task_that_is_put_back_after_its_answer_came_is_woken_all_the_same(lane: BatchLane) -> None:
    tasks = tuple(await lane.queued("a"))
    with pytest.raises(LlmPending) as pending:
        await lane.llm.complete(request("late", tasks))
    await lane.until_ended()
    await lane.inbox.release([TaskRetry(tasks[0], "in_batch", pending.value.until, counts=False)], [])
    assert await lane.leased() == []
    await lane.looks(31)
    assert [task.task_id for task in await lane.leased()] == list(tasks)


async def test_a_group_that_changed_meanwhile_costs_that_call_again_and_no_more(lane: BatchLane) -> None:
    tasks = tuple(await lane.queued("a", "b", "c"))
    other = (*await lane.queued("d", group="shop/other"),)
    assert await lane.ask(request("a b c", tasks)) is None
    assert await lane.ask(request("d", other)) is None
    await lane.until_ended()
    await lane.leased()
    assert await lane.ask(request("a b", tasks[:2])) is None
    assert (await lane.llm.complete(request("d", other))).text == '{"of": "d"}'
    await lane.until_ended()
    assert (await lane.llm.complete(request("a b", tasks[:2]))).text == '{"of": "a b"}'
    assert sum(lane.provider.billed.values()) == 3
    assert set(lane.provider.billed.values()) == {1}


async def test_a_step_for_one_task_leaves_it_in_its_querys_group(pool: Pool) -> None:
    async with batch_lane(pool) as lane:
        tasks = await lane.queued("a", "b", "c")
        for task in tasks:
            assert await lane.ask(request(f"picture of {task}", (task,), purpose="picture_scores")) is None
        await lane.until_ended()
        groups = await lane.inbox.lease(["relevance"], 10, 20, 60.0)
        assert [{task.task_id for task in group} for group in groups] == [set(tasks)]


async def test_the_same_call_asked_twice_at_once_is_ordered_once(lane: BatchLane) -> None:
    replies = await asyncio.gather(*(lane.ask(request("same")) for _ in range(8)))
    assert replies == [None] * 8
    await lane.until_ended()
    assert len(lane.provider.lines) == 1


async def test_an_answer_that_others_have_had_is_none_for_the_next_night(lane: BatchLane) -> None:
    first = tuple(await lane.queued("anchor/1"))
    assert await lane.ask(request("the anchor", first)) is None
    await lane.until_ended()
    assert await lane.llm.complete(request("the anchor", first))
    await lane.rows("UPDATE assay_data.tasks SET state = 'done' RETURNING 1")
    second = tuple(await lane.queued("anchor/2"))
    assert await lane.ask(request("the anchor", second)) is None
    await lane.until_ended()
    assert len(lane.provider.lines) == 2


async def test_an_answer_its_asker_can_not_use_is_raised_once_and_then_asked_live(lane: BatchLane) -> None:
    def check(text: str) -> None:
        raise LlmInvalid("not what was asked for")

    assert await lane.ask(request("odd", check=check)) is None
    await lane.until_ended()
    with pytest.raises(LlmInvalid):
        await lane.llm.complete(request("odd", check=check))
    assert (await lane.llm.complete(request("odd", check=check))).text == '{"live": true}'
    assert dict(await lane.rows(STATUSES)) == {"invalid_reply": 1}


async def test_a_request_that_the_provider_refuses_is_raised_and_costs_nothing(pool: Pool) -> None:
    async with batch_lane(pool) as lane:

        async def refused(body: bytes) -> tuple[int, bytes]:
            return 400, b'{"error": {"message": "too long", "code": "context_length_exceeded"}}'

        lane.provider._answer = refused
        assert await lane.ask(request("long")) is None
        await lane.until_ended()
        with pytest.raises(LlmImpossible, match="too long"):
            await lane.llm.complete(request("long"))
        assert await lane.value(SPENT) == 0


async def test_a_call_that_will_be_halved_stays_refused_until_its_halves_are_through(lane: BatchLane) -> None:
    async def refused(body: bytes) -> tuple[int, bytes]:
        return 400, b'{"error": {"message": "too long", "code": null}}'

    lane.provider._answer = refused
    tasks = tuple(await lane.queued("a", "b"))
    assert await lane.ask(request("both", tasks)) is None
    await lane.until_ended()
    await lane.leased()
    for _ in range(3):
        with pytest.raises(LlmImpossible):
            await lane.llm.complete(request("both", tasks))
    assert lane.inner.requests == []


async def test_a_cap_lets_in_what_fits_and_the_rest_waits_for_room(pool: Pool) -> None:
    async with batch_lane(pool) as lane:
        await asked(lane, 6)
        worst = await lane.value("SELECT max(worst_usd)::float8 FROM assay_data.llm_batch_items")
        lane.look.money.ledger._caps = caps_of(3.5 * worst, {})
        lane.provider.knobs.delay_s = 30
        await lane.looks()
        counts = await lane.look.store.counts(lane.wall.now())
        assert (counts.ordered, counts.collected) == (3, 3)


async def test_a_lane_that_is_turned_off_is_cancelled_and_goes_live(pool: Pool) -> None:
    async with batch_lane(pool, BatchKnobs(ends="in_progress", expired=1.0), enough=2) as lane:
        tasks = tuple(await lane.queued("a"))
        await asked(lane, 2)
        await lane.looks()
        assert await lane.ask(request("collected", tasks)) is None
        lane.look.rules = replace(lane.look.rules, lanes=frozenset())
        await lane.looks()
        assert [task.task_id for task in await lane.leased()] == list(tasks)
        await lane.until_ended()
        assert next(iter(lane.provider.batches.values())).status == "cancelled"
        assert (await lane.llm.complete(request("call 0"))).text == '{"live": true}'
        assert await lane.value(RESERVED) == 0


async def test_bodies_go_once_the_provider_has_taken_the_file(pool: Pool) -> None:
    async with batch_lane(pool, BatchKnobs(ends="in_progress")) as lane:
        await asked(lane, 3)
        assert await lane.value("SELECT count(body) FROM assay_data.llm_batch_items") == 3
        await lane.looks()
        await lane.looks(20)
        assert await lane.value("SELECT count(body) FROM assay_data.llm_batch_items") == 0


async def test_a_call_larger_than_a_file_goes_live_and_batches_keep_to_their_limits(pool: Pool) -> None:
    async with batch_lane(pool, requests=4, size=3_000) as lane:
        await asked(lane, 10)
        assert await lane.ask(request("x" * 4_000)) is None
        for _ in range(12):
            await lane.looks(130)
        assert (await lane.llm.complete(request("x" * 4_000))).text == '{"live": true}'
        assert len(lane.provider.lines) == 10
        assert max(len(content.splitlines()) for content in lane.provider.files.values() or [b""]) <= 4


async def test_spent_calls_are_forgotten_when_their_tasks_are_done(lane: BatchLane) -> None:
    tasks = tuple(await lane.queued("a"))
    assert await lane.ask(request("one", tasks)) is None
    await lane.until_ended()
    await lane.leased()
    for _ in range(4):
        await lane.looks(301)
    assert await lane.value("SELECT count(*) FROM assay_data.llm_batch_items") == 1
    await lane.rows("UPDATE assay_data.tasks SET state = 'done' RETURNING 1")
    await lane.looks(301)
    assert await lane.value("SELECT count(*) FROM assay_data.llm_batch_items") == 0
    await lane.looks(100 * 86_400)
    assert await lane.value("SELECT count(*) FROM assay_data.llm_batches") == 0


async def test_the_key_is_in_no_row(lane: BatchLane) -> None:
    assert await lane.ask(request(f"my key is {KEY}")) is None
    await lane.until_ended()
    kept = await lane.value("SELECT string_agg(request::text || reply || error, '') FROM assay_data.llm_calls")
    assert KEY not in kept
