"""A run of evaluation over fakes: every item once a judge, nothing paid twice, never above the cap, and its ends."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID, uuid4

import pytest

from core.domain.images.verdict import Thresholds
from core.domain.judges import versioned
from core.errors import LlmBreakerOpen, LlmInvalid, LlmRefused, LlmUnauthorised
from core.eval_facts import EvalItem, EvalResult, EvalRun, JudgeVersion, RunState
from core.ports import LlmRequest
from core.settings import Settings
from core.stages.eval_parts import EvalPorts
from core.stages.eval_run import Evaluation, Meter
from core.stages.eval_tasks import chosen
from core.stages.live_judge import settings_judge
from core.stages.patience import PATIENCE_S, Patience
from core.stages.purse import Purse
from tests.support.fake_runs import InMemoryRuns, LabelsOfRuns
from tests.support.fakes import NOON, FakeClock
from tests.unit.stages.test_judge_query import World

COST = 0.001
"""Of a call of the scripted model."""

JUDGE = settings_judge(Settings(_env_file=None, llm_model="judge-1"))
OTHER = versioned(replace(JUDGE, name="other", model="judge-2"))
NAMESAKE = versioned(replace(JUDGE, name="namesake"))


class LivelyClock(FakeClock):
    """Lets others go on while it sleeps: judges wait for one another's guideline."""

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        await asyncio.sleep(0)


@dataclass
class Bench:
    """A run's surroundings, which several runs share."""

    world: World = field(default_factory=lambda: World(clock=LivelyClock()))
    runs: InMemoryRuns = field(default_factory=InMemoryRuns)
    worst_usd: float = COST

    @property
    def ports(self) -> EvalPorts:
        world = self.world
        return EvalPorts(
            llm=world.llm,
            runs=self.runs,
            store=world.store,
            labels=LabelsOfRuns(self.runs),
            guidelines=world.guidelines,
            claims=world.claims,
            catalogue=world.catalogue,
            pictures=world.pictures,
            patience=Patience(world.clock, 3, lambda: 0.5),
            at_once=4,
            thresholds=Thresholds(),
            seller="seller",
        )

    def purse(self, cap_usd: float = 1.0) -> Purse:
        return Purse(cap_usd, 0.0, lambda request: self.worst_usd)

    async def judge(
        self,
        items: Sequence[EvalItem],
        *judges: JudgeVersion,
        run: EvalRun | None = None,
        purse: Purse | None = None,
        anchors: bool = False,
    ) -> tuple[EvalRun, RunState]:
        made = run or run_of(items, judges, anchors=anchors)
        await self.runs.begin(made)
        meter = Meter(total=len(items) * len(judges))
        state = await Evaluation(self.ports, made, judges, items, purse or self.purse(), meter).judge()
        return made, state

    async def results(self, run: EvalRun) -> list[EvalResult]:
        return [each for judge in run.judges for each in await self.runs.results(run.run_id, judge)]

    def pairs_asked(self) -> int:
        return sum(asked.user[0].text.count('"item":') for asked in self.world.llm.of("judgements"))


@pytest.fixture
def bench() -> Bench:
    return Bench()


def run_of(items: Sequence[EvalItem], judges: Sequence[JudgeVersion], *, anchors: bool = False) -> EvalRun:
    versions = tuple(judge.version for judge in judges)
    run = EvalRun(uuid4(), "run", "d@1", "relevance", None, versions, "running", 1.0, 0.5, NOON, None, "ada")
    return replace(run, items=len(items), anchors=anchors)


def items(count: int, queries: int = 1) -> list[EvalItem]:
    return [item(f"i{number}", f"query {number % queries}", f"l{number}") for number in range(1, count + 1)]


def item(item_id: str, query: str, listing_id: str, **changes: object) -> EvalItem:
    made = EvalItem(
        item_id=item_id,
        split="test",
        application="shop",
        market="de",
        language="en",
        query=query,
        context=(),
        listing_id=listing_id,
        listing=None,
        image_url=None,
        segment={},
        ranks={},
        truth=1,
        ratings={},
    )
    return replace(made, **changes)


# --- Answers ---------------------------------------------------------------------------------------------


async def test_every_judge_answers_every_item(bench):
    run, state = await bench.judge(items(4, queries=2), JUDGE, OTHER)
    found = await bench.results(run)
    assert state == "done"
    assert [(each.item_id, each.grade, each.model) for each in found] == [
        ("i1", 2, "judge-1"), ("i2", 0, "judge-1"), ("i3", 2, "judge-1"), ("i4", 0, "judge-1"),
        ("i1", 2, "judge-2"), ("i2", 0, "judge-2"), ("i3", 2, "judge-2"), ("i4", 0, "judge-2"),
    ]  # fmt: skip
    assert (await bench.runs.find("run")).state == "done"


async def test_a_result_carries_its_provenance(bench):
    run, _ = await bench.judge(items(1), JUDGE)
    [found] = await bench.results(run)
    assert (found.verdicts, found.reasoning, found.confidence) == ("y", "saw red shoe 1", 0.9)
    assert found.guideline_version.startswith("guideline@")
    assert found.extra["prompt_version"].startswith("judgements@")
    assert (found.call_id, found.reused, len(found.content_key)) == (UUID(int=7), False, 64)


async def test_an_item_pays_its_part_of_every_call_made_for_it(bench):
    run, _ = await bench.judge(items(2), JUDGE)
    found = await bench.results(run)
    assert [each.cost_usd for each in found] == [pytest.approx(COST)] * 2  # half a guideline, half a judging call
    assert [each.call_usd for each in found] == [pytest.approx(COST / 2)] * 2


async def test_every_call_names_run_and_judge_and_goes_in_the_backfill_lane(bench):
    run, _ = await bench.judge(items(2), JUDGE)
    asked = bench.world.llm.requests
    assert {(each.subject["eval_run"], each.subject["judge"]) for each in asked} == {(str(run.run_id), JUDGE.version)}
    assert {each.lane for each in asked} == {"backfill"}


async def test_a_product_that_the_dataset_brings_is_judged_as_it_says(bench):
    listing = {"listing_id": "mine", "title": "red boot", "market": "de"}
    run, _ = await bench.judge([item("i1", "boots", "mine", listing=listing)], JUDGE)
    assert [each.grade for each in await bench.results(run)] == [2]


async def test_two_items_of_one_pair_are_asked_once_and_both_answered(bench):
    run, _ = await bench.judge([item("a", "shoes", "l1"), item("b", "shoes", "l1")], JUDGE)
    assert [each.grade for each in await bench.results(run)] == [2, 2]
    assert bench.pairs_asked() == 1


async def test_judges_share_a_guideline(bench):
    await bench.judge(items(2), JUDGE, OTHER)
    assert len(bench.world.llm.of("guideline")) == 1


# --- Nothing is paid twice -------------------------------------------------------------------------------


async def test_what_an_earlier_run_judged_costs_nothing(bench):
    await bench.judge(items(3), JUDGE)
    run, _ = await bench.judge(items(4), JUDGE)
    found = await bench.results(run)
    assert [(each.item_id, each.reused) for each in found] == [("i1", True), ("i2", True), ("i3", True), ("i4", False)]
    assert [each.cost_usd for each in found[:3]] == [0.0] * 3
    assert [each.call_usd for each in found[:3]] == [pytest.approx(COST / 3)] * 3
    assert bench.pairs_asked() == 4


async def test_judges_that_differ_by_name_alone_pay_once(bench):
    run, _ = await bench.judge(items(3), JUDGE, NAMESAKE)
    assert sum(each.reused for each in await bench.results(run)) == 3
    assert bench.pairs_asked() == 3


async def test_a_run_taken_up_again_asks_for_what_is_left_alone(bench):
    run, _ = await bench.judge(items(3), JUDGE)
    _, state = await bench.judge(items(5), JUDGE, run=run)
    assert state == "done"
    assert bench.pairs_asked() == 5
    assert len(await bench.results(run)) == 5


async def test_anchors_are_judged_anew_and_known_to_nobody(bench):
    await bench.judge(items(2), JUDGE)
    await bench.judge(items(2), JUDGE, anchors=True)
    assert bench.pairs_asked() == 4
    await bench.judge([item("x", "query 0", "l5")], JUDGE, anchors=True)
    await bench.judge([item("x", "query 0", "l5")], JUDGE)
    assert bench.pairs_asked() == 6


async def test_a_run_on_anchors_taken_up_again_keeps_its_own_answers(bench):
    run, _ = await bench.judge(items(2), JUDGE, anchors=True)
    await bench.judge(items(2), JUDGE, run=run)
    assert bench.pairs_asked() == 2


# --- Failures --------------------------------------------------------------------------------------------


async def test_what_fails_is_told_by_its_kind_and_is_no_grade(bench):
    bench.world.llm.refuses = "blue shoe 2"
    run, state = await bench.judge([*items(3), item("i9", "query 0", "nobody's")], JUDGE)
    assert state == "done"
    assert {each.item_id: (each.grade, each.failure) for each in await bench.results(run)} == {
        "i1": (2, ""), "i2": (None, "refused"), "i3": (2, ""), "i9": (None, "listing_unknown"),
    }  # fmt: skip


async def test_what_failed_is_asked_again_when_the_run_is_taken_up(bench):
    bench.world.llm.refuses = "blue shoe 2"
    run, _ = await bench.judge(items(2), JUDGE)
    bench.world.llm.refuses = ""
    await bench.judge(items(2), JUDGE, run=run)
    assert [(each.item_id, each.failure) for each in await bench.results(run)] == [("i1", ""), ("i2", "")]


async def test_a_passing_failure_is_waited_out(bench):
    bench.world.llm.faults = [("judgements", LlmInvalid("broken")), ("judgements", LlmInvalid("broken"))]
    run, _ = await bench.judge(items(1), JUDGE)
    assert [each.failure for each in await bench.results(run)] == [""]


async def test_a_provider_that_is_away_for_long_ends_the_run_and_blames_no_item(bench):
    away = LlmBreakerOpen("away", PATIENCE_S / 2)
    bench.world.llm.faults = [("judgements", away)] * 3
    run = run_of(items(1), [JUDGE])
    with pytest.raises(LlmBreakerOpen):
        await bench.judge(items(1), JUDGE, run=run)
    assert bench.runs.runs[run.run_id].state == "stopped"
    assert await bench.results(run) == []


async def test_a_refused_key_ends_the_run_as_stopped(bench):
    bench.world.llm.faults = [("guideline", LlmUnauthorised("no key"))]
    run = run_of(items(8, queries=8), [JUDGE])
    with pytest.raises(LlmUnauthorised):
        await bench.judge(items(8, queries=8), JUDGE, run=run)
    assert bench.runs.runs[run.run_id].state == "stopped"


# --- The cap ---------------------------------------------------------------------------------------------


async def test_a_run_ends_before_its_cap_is_passed(bench):
    purse = bench.purse(cap_usd=4.5 * COST)
    run, state = await bench.judge(items(6, queries=6), JUDGE, purse=purse)
    assert (state, bench.runs.runs[run.run_id].state) == ("over_cap", "over_cap")
    assert len(bench.world.llm.requests) == 4
    assert purse.spent_usd == pytest.approx(4 * COST)


async def test_calls_under_way_are_held_at_their_worst(bench):
    bench.worst_usd = 10 * COST
    purse = bench.purse(cap_usd=14 * COST)
    _, state = await bench.judge(items(2, queries=2), JUDGE, purse=purse)
    assert state == "done"  # one after the other, since two together could pass the cap
    assert purse.spent_usd == pytest.approx(4 * COST)


async def test_an_answer_that_can_not_be_used_is_counted_at_its_worst(bench):
    bench.worst_usd = 5 * COST
    bench.world.llm.faults = [("judgements", LlmRefused("no"))]
    purse = bench.purse()
    await bench.judge(items(1), JUDGE, purse=purse)
    assert purse.spent_usd == pytest.approx(COST + 5 * COST)


# --- Stops -----------------------------------------------------------------------------------------------


async def test_told_to_stop_it_keeps_what_was_under_way_and_sends_no_more(bench):
    bench.world.llm.slow_s = 0.01
    stops: list[asyncio.Task[None]] = []
    asked: list[LlmRequest] = []

    def worst(request: LlmRequest) -> float:
        asked.append(request)
        if len(asked) == 20:  # of 60: a guideline and a judging call for each query
            stops.append(asyncio.create_task(purse.stopped()))
        return COST

    purse = Purse(1.0, 0.0, worst)
    run, state = await bench.judge(items(30, queries=30), JUDGE, purse=purse)
    found = await bench.results(run)
    assert (state, 0 < len(found) < 30) == ("stopped", True)
    assert len(bench.world.llm.of("judgements")) == len(found)
    _, state = await bench.judge(items(30, queries=30), JUDGE, run=run)
    assert (state, bench.pairs_asked()) == ("done", 30)


async def test_a_call_that_waits_is_told_of_the_stop(bench):
    purse = bench.purse()
    await purse.stopped()
    _, state = await bench.judge(items(2), JUDGE, purse=purse)
    assert (state, bench.world.llm.requests) == ("stopped", [])


# --- Which items -----------------------------------------------------------------------------------------


def test_a_split_a_beginning_and_a_sample_are_chosen():
    every = [item(f"i{n}", f"q{n % 5}", f"l{n}", split="tune" if n % 5 == 0 else "test") for n in range(20)]
    assert {each.split for each in chosen(every, "tune", 0, 0)} == {"tune"}
    assert [each.item_id for each in chosen(every, None, 3, 0)] == ["i0", "i1", "i2"]
    sample = chosen(every, "test", 0, 8)
    assert (len(sample), len({each.query for each in sample})) == (8, 2)
    assert chosen(every, "test", 0, 8) == sample


def test_a_larger_sample_holds_the_smaller_one():
    every = items(40, queries=8)
    small, large = chosen(every, None, 0, 10), chosen(every, None, 0, 20)
    assert {each.item_id for each in small} <= {each.item_id for each in large}
