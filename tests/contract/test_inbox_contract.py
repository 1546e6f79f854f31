"""`TaskInbox`: what is queued, in what order it is taken, and how a lease ends."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from core.domain.failures import DOUBTED_CRASHES
from core.ports import Task, TaskFailure, TaskRetry
from tests.contract.facts import task as new
from tests.contract.stores import Stores

LEASE_S = 60.0


async def take(stores: Stores, groups: int = 10, per_group: int = 10) -> list[list[str]]:
    leased = await stores.inbox.lease(["relevance"], groups, per_group, LEASE_S)
    return [[task.task_key for task in group] for group in leased]


async def take_one(stores: Stores) -> Task:
    (group,) = await stores.inbox.lease(["relevance"], 1, 1, LEASE_S)
    return group[0]


# --- add -------------------------------------------------------------------------------------------------


async def test_a_key_is_queued_once(stores: Stores) -> None:
    assert await stores.inbox.add([new("a"), new("b"), new("a")]) == 2
    assert await stores.inbox.add([new("b"), new("c")]) == 1
    assert await stores.inbox.runnable(["relevance"]) == 3


async def test_adding_nothing_adds_nothing(stores: Stores) -> None:
    assert await stores.inbox.add([]) == 0


async def test_a_waiting_task_is_lifted_into_a_better_lane(stores: Stores) -> None:
    await stores.inbox.add([new("a", lane="backfill"), new("b", group="other", lane="panel")])
    assert await stores.inbox.add([new("a", lane="live")]) == 0
    assert await take(stores) == [["a"], ["b"]]


async def test_a_worse_lane_leaves_a_waiting_task_where_it_is(stores: Stores) -> None:
    await stores.inbox.add([new("a", lane="panel", priority=5.0)])
    await stores.inbox.add([new("a", lane="backfill", priority=1.0)])
    await stores.inbox.add([new("b", group="other", lane="panel", priority=3.0)])
    assert await take(stores) == [["a"], ["b"]]
    assert (await stores.task("a")).lane == "panel"


async def test_asking_again_for_a_deferred_task_does_not_run_it_sooner(stores: Stores) -> None:
    await stores.inbox.add([new("a", lane="backfill")])
    leased = await take_one(stores)
    later = stores.clock.now() + timedelta(hours=1)
    await stores.inbox.release([TaskRetry(leased.task_id, "rate_limited", later)], [])
    await stores.inbox.add([new("a", lane="live")])
    assert await take(stores) == []
    assert (await stores.task("a")).reason == "rate_limited"


async def test_a_running_or_done_task_is_not_touched_by_asking_again(stores: Stores) -> None:
    await stores.inbox.add([new("a", lane="backfill")])
    leased = await take_one(stores)
    assert await stores.inbox.add([new("a", lane="live")]) == 0
    assert (await stores.task("a")).state == "running"
    await stores.judgements.save_labels([], [], [leased.task_id], stores.clock.now())
    assert await stores.inbox.add([new("a", lane="live")]) == 0
    assert (await stores.task("a")).state == "done"


async def test_a_failed_task_starts_anew_when_asked_again(stores: Stores) -> None:
    await stores.inbox.add([new("a", lane="live", priority=9.0)])
    leased = await take_one(stores)
    await stores.inbox.release([], [TaskFailure(leased.task_id, "refused")])
    stores.clock.advance(60)
    assert await stores.inbox.add([new("a", lane="panel"), new("b")]) == 2
    again = await stores.task("a")
    assert (again.state, again.reason, again.attempts, again.lane) == ("waiting", "", 0, "panel")
    assert again.finished_at is None
    assert again.created_at == stores.clock.now()


# --- lease -----------------------------------------------------------------------------------------------


async def test_a_leased_task_carries_what_was_queued(stores: Stores) -> None:
    task = new("a", group="sofa", lane="panel", kind="anchor")
    await stores.inbox.add([task])
    ((leased,),) = await stores.inbox.lease(["anchor"], 1, 1, LEASE_S)
    assert (leased.task_key, leased.kind, leased.lane, leased.group_key) == ("a", "anchor", "panel", "sofa")
    assert leased.subject == task.subject
    assert leased.payload == task.payload
    assert leased.attempts == 1


async def test_groups_come_by_lane_then_priority_then_age(stores: Stores) -> None:
    await stores.inbox.add([new("old", group="old", lane="panel")])
    stores.clock.advance(1)
    await stores.inbox.add([new("young", group="young", lane="panel")])
    await stores.inbox.add([new("urgent", group="urgent", lane="panel", priority=0.5)])
    await stores.inbox.add([new("late", group="late", lane="backfill", priority=99.0)])
    await stores.inbox.add([new("live", group="live", lane="live", priority=-1.0)])
    assert await take(stores) == [["live"], ["urgent"], ["old"], ["young"], ["late"]]


async def test_a_group_is_taken_together_its_best_first(stores: Stores) -> None:
    await stores.inbox.add(
        [
            new("a1", group="a", lane="backfill"),
            new("b1", group="b", priority=3.0),
            new("a2", group="a", lane="live", priority=2.0),
            new("a3", group="a", lane="live", priority=5.0),
        ]
    )
    assert await take(stores) == [["a3", "a2", "a1"], ["b1"]]


async def test_no_more_groups_and_tasks_than_asked_for(stores: Stores) -> None:
    tasks = [new(f"{group}{n}", group=group, priority=-10.0 * ord(group) - n) for group in "abc" for n in range(3)]
    await stores.inbox.add(tasks)
    assert await take(stores, groups=2, per_group=2) == [["a0", "a1"], ["b0", "b1"]]
    assert await take(stores, groups=2, per_group=2) == [["a2"], ["b2"]]
    assert await take(stores, groups=2, per_group=2) == [["c0", "c1"]]


async def test_other_kinds_are_left_and_never_share_a_group(stores: Stores) -> None:
    await stores.inbox.add([new("r"), new("i", kind="image"), new("x", kind="anchor")])
    leased = await stores.inbox.lease(["relevance", "anchor"], 10, 10, LEASE_S)
    assert sorted([task.task_key for task in group] for group in leased) == [["r"], ["x"]]
    assert await stores.inbox.runnable(["image"]) == 1


async def test_a_leased_task_is_not_leased_again(stores: Stores) -> None:
    await stores.inbox.add([new("a")])
    assert await take(stores) == [["a"]]
    assert await take(stores) == []
    assert await stores.inbox.runnable(["relevance"]) == 1


async def test_a_lease_that_has_ended_is_taken_again(stores: Stores) -> None:
    await stores.inbox.add([new("a")])
    await take(stores)
    stores.clock.advance(LEASE_S)
    assert await take(stores) == []
    stores.clock.advance(0.001)
    assert (await take_one(stores)).attempts == 2


async def test_a_heartbeat_keeps_a_lease(stores: Stores) -> None:
    await stores.inbox.add([new("a")])
    leased = await take_one(stores)
    stores.clock.advance(LEASE_S - 1)
    assert await stores.inbox.renew([leased], LEASE_S) == set()
    stores.clock.advance(LEASE_S - 1)
    assert await take(stores) == []


async def test_a_heartbeat_tells_which_leases_are_another_s_by_now(stores: Stores) -> None:
    await stores.inbox.add([new("a"), new("b", group="other")])
    ((old,), (kept,)) = await stores.inbox.lease(["relevance"], 2, 1, LEASE_S)
    await stores.inbox.renew([kept], 2 * LEASE_S)
    stores.clock.advance(LEASE_S + 1)
    newer = await take_one(stores)
    assert newer.task_key == "a"
    assert await stores.inbox.renew([old, kept], LEASE_S) == {old.task_id}
    stores.clock.advance(LEASE_S - 1)
    assert await take(stores) == []


async def test_a_heartbeat_of_one_that_lost_its_lease_does_not_lengthen_the_other_s(stores: Stores) -> None:
    await stores.inbox.add([new("a")])
    old = await take_one(stores)
    stores.clock.advance(LEASE_S + 1)
    await take_one(stores)
    await stores.inbox.renew([old], 10 * LEASE_S)
    stores.clock.advance(LEASE_S + 1)
    assert await take(stores) == [["a"]]


async def test_a_lease_that_has_run_out_and_was_not_taken_is_renewed(stores: Stores) -> None:
    await stores.inbox.add([new("a")])
    leased = await take_one(stores)
    stores.clock.advance(LEASE_S + 1)
    assert await stores.inbox.renew([leased], LEASE_S) == set()
    assert await take(stores) == []


async def test_a_heartbeat_does_not_bring_back_what_was_released(stores: Stores) -> None:
    await stores.inbox.add([new("a")])
    leased = await take_one(stores)
    await stores.inbox.release([TaskRetry(leased.task_id, "timeout", stores.clock.now())], [])
    await stores.inbox.renew([leased], LEASE_S)
    assert await take(stores) == [["a"]]


# --- Crashes ---------------------------------------------------------------------------------------------


async def crash(stores: Stores, times: int, groups: int = 10) -> list[list[str]]:
    """Leases that run out, so many times; what the last of them took."""
    taken: list[list[str]] = []
    for _ in range(times):
        taken = await take(stores, groups)
        stores.clock.advance(LEASE_S + 1)
    return taken


async def test_a_task_whose_leases_keep_running_out_fails_as_crashed(stores: Stores) -> None:
    await stores.inbox.add([new("a")])
    assert await crash(stores, 5) == [["a"]]
    assert await take(stores) == []
    ended = await stores.task("a")
    assert (ended.state, ended.reason, ended.attempts) == ("failed", "crashed", 5)
    assert ended.finished_at == stores.clock.now()


async def test_a_task_that_crashed_again_and_again_is_a_group_by_itself(stores: Stores) -> None:
    await stores.inbox.add([new("a", priority=2.0), new("b", priority=1.0)])
    assert await crash(stores, DOUBTED_CRASHES) == [["a", "b"]]
    await stores.inbox.add([new("c"), new("d")])
    assert sorted(await take(stores)) == [["a"], ["b"], ["c", "d"]]


async def test_a_crash_between_tries_is_remembered(stores: Stores) -> None:
    await stores.inbox.add([new("a")])
    await crash(stores, 1)
    leased = await take_one(stores)
    assert leased.failures == {"crashed": 1}
    await stores.inbox.release([TaskRetry(leased.task_id, "timeout", stores.clock.now())], [])
    assert (await take_one(stores)).failures == {"crashed": 1, "timeout": 1}


async def test_a_crashed_task_starts_anew_when_asked_again(stores: Stores) -> None:
    await stores.inbox.add([new("a")])
    await crash(stores, 5)
    await take(stores)
    assert await stores.inbox.add([new("a")]) == 1
    again = await take_one(stores)
    assert (again.attempts, again.failures) == (1, {})


# --- release ---------------------------------------------------------------------------------------------


async def test_a_retry_waits_for_its_time_with_its_reason(stores: Stores) -> None:
    await stores.inbox.add([new("a")])
    leased = await take_one(stores)
    await stores.inbox.release([TaskRetry(leased.task_id, "timeout", stores.clock.now() + timedelta(seconds=5))], [])
    waiting = await stores.task("a")
    assert (waiting.state, waiting.reason, waiting.attempts) == ("waiting", "timeout", 1)
    assert await stores.inbox.runnable(["relevance"]) == 0
    assert await take(stores) == []
    stores.clock.advance(5)
    assert await stores.inbox.runnable(["relevance"]) == 1
    assert (await take_one(stores)).attempts == 2
    assert (await stores.task("a")).reason == ""


async def test_a_retry_that_does_not_count_gives_the_attempt_back(stores: Stores) -> None:
    await stores.inbox.add([new("a")])
    leased = await take_one(stores)
    await stores.inbox.release([TaskRetry(leased.task_id, "rate_limited", stores.clock.now(), counts=False)], [])
    assert (await stores.task("a")).attempts == 0
    assert (await take_one(stores)).attempts == 1


async def test_a_failure_is_an_end_with_its_reason(stores: Stores) -> None:
    await stores.inbox.add([new("a"), new("b", group="other")])
    leased = await take_one(stores)
    await stores.inbox.release([], [TaskFailure(leased.task_id, "refused")])
    failed = await stores.task(leased.task_key)
    assert (failed.state, failed.reason, failed.finished_at) == ("failed", "refused", stores.clock.now())
    assert len(await take(stores)) == 1


async def test_an_old_holder_can_not_undo_what_was_finished(stores: Stores) -> None:
    await stores.inbox.add([new("a")])
    old = await take_one(stores)
    stores.clock.advance(LEASE_S + 1)
    newer = await take_one(stores)
    await stores.judgements.save_labels([], [], [newer.task_id], stores.clock.now())
    await stores.inbox.release([TaskRetry(old.task_id, "timeout", stores.clock.now())], [])
    await stores.inbox.release([], [TaskFailure(old.task_id, "timeout")])
    done = await stores.task("a")
    assert (done.state, done.reason) == ("done", "")


async def test_an_old_holder_can_not_put_back_or_fail_what_another_holds(stores: Stores) -> None:
    await stores.inbox.add([new("a")])
    old = await take_one(stores)
    stores.clock.advance(LEASE_S + 1)
    newer = await take_one(stores)
    assert newer.lease > old.lease
    await stores.inbox.release([TaskRetry(old.task_id, "timeout", stores.clock.now(), lease=old.lease)], [])
    await stores.inbox.release([], [TaskFailure(old.task_id, "refused", lease=old.lease)])
    assert (await stores.task("a")).state == "running"
    await stores.inbox.release([], [TaskFailure(newer.task_id, "refused", lease=newer.lease)])
    assert (await stores.task("a")).state == "failed"


async def test_a_lease_s_number_is_never_used_again(stores: Stores) -> None:
    await stores.inbox.add([new("a")])
    first = await take_one(stores)
    await stores.inbox.release([TaskRetry(first.task_id, "stopped", stores.clock.now(), counts=False)], [])
    second = await take_one(stores)
    assert (first.attempts, second.attempts) == (1, 1)
    assert second.lease > first.lease


async def test_failures_are_counted_by_their_kind_and_only_those_that_count(stores: Stores) -> None:
    await stores.inbox.add([new("a")])
    for reason, counts in (("timeout", True), ("invalid_reply", True), ("rate_limited", False), ("timeout", True)):
        leased = await take_one(stores)
        await stores.inbox.release([TaskRetry(leased.task_id, reason, stores.clock.now(), counts=counts)], [])
    assert (await take_one(stores)).failures == {"timeout": 2, "invalid_reply": 1}


async def test_releases_that_meet_end_each_of_their_tasks(stores: Stores) -> None:
    await stores.inbox.add([new(f"{n}", group=f"g{n}") for n in range(30)])
    leased = [task for group in await stores.inbox.lease(["relevance"], 30, 1, LEASE_S) for task in group]
    later = stores.clock.now() + timedelta(seconds=9)
    await asyncio.gather(
        *(stores.inbox.release([TaskRetry(task.task_id, "timeout", later)], []) for task in leased[:15]),
        *(stores.inbox.release([], [TaskFailure(task.task_id, "refused")]) for task in leased[15:]),
    )
    ends = [(await stores.task(task.task_key)).state for task in leased]
    assert ends == ["waiting"] * 15 + ["failed"] * 15


async def test_releasing_nothing_is_nothing(stores: Stores) -> None:
    await stores.inbox.add([new("a")])
    await stores.inbox.release([], [])
    assert await stores.inbox.runnable(["relevance"]) == 1


async def test_a_lane_can_be_leased_alone(stores: Stores) -> None:
    await stores.inbox.add([new("a", group="g1", lane="live"), new("b", group="g2", lane="backfill")])
    groups = await stores.inbox.lease(["relevance"], 5, 5, LEASE_S, "backfill")
    assert [task.task_key for group in groups for task in group] == ["b"]
