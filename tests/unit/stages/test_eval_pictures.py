"""Pictures of a dataset: scored, taken where known, refused like those of shops; and what a plan says before."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

from core.domain.evaluation.costing import CallHabits
from core.domain.images.verdict import Thresholds
from core.domain.money import Price, PriceList
from core.domain.pacing import Limits
from core.errors import LlmInvalid, PictureError
from core.eval_facts import EvalItem, EvalResult, EvalRun, RunState
from core.ports import ImageScoreFact, LlmRequest, TextPart
from core.settings import Settings
from core.stages.eval_parts import EvalPorts
from core.stages.eval_plan import JudgePlan, Pricing, Weight, planned
from core.stages.eval_run import Evaluation, Meter
from core.stages.live_judge import settings_judge
from core.stages.patience import Patience
from core.stages.purse import Purse
from tests.support.fake_guidelines import InMemoryClaims, InMemoryGuidelines
from tests.support.fake_runs import InMemoryRuns, LabelsOfRuns, NoHistory
from tests.support.fakes import NOON
from tests.unit.stages.test_eval_run import JUDGE, Bench, item, items, run_of
from tests.unit.stages.test_score_picture import House, picture

EYE = settings_judge(Settings(_env_file=None, llm_model="eye"))
PRICES = PriceList(version="1", default=Price(input=1, cached_input=1, output=1), models={})
PRICING = Pricing(PRICES, Limits(600, 10**6, 10), lambda request: Weight(_bytes(request), 0.5), 768)


USUAL = Thresholds()


class Gallery:
    """Runs on pictures, over the picture stage's surroundings."""

    def __init__(self, house: House, thresholds: Thresholds = USUAL) -> None:
        self.house = house
        self.runs = InMemoryRuns()
        claims, guidelines = InMemoryClaims(), InMemoryGuidelines(house.inbox, house.judgements, house.catalogue)
        patience = Patience(house.clock, 3, lambda: 0.5)
        labels = LabelsOfRuns(self.runs)
        self.ports = EvalPorts(
            house.llm, self.runs, house.judgements, labels, guidelines, claims, house.catalogue, house.source,
            patience, 4, thresholds, "merchant",
        )  # fmt: skip

    async def judge(self, *shown: EvalItem, anchors: bool = False) -> tuple[RunState, list[EvalResult]]:
        run = await self.begun(*shown, anchors=anchors)
        purse = Purse(1.0, 0.0, lambda request: 0.001)
        state = await Evaluation(self.ports, run, [EYE], shown, purse, Meter(total=len(shown))).judge()
        return state, list(await self.runs.results(run.run_id, EYE.version))

    async def begun(self, *shown: EvalItem, anchors: bool = False) -> EvalRun:
        run = replace(run_of(shown, [EYE], anchors=anchors), kind="image")
        await self.runs.begin(run)
        return run


def shown(item_id: str, url: str = "u", listing_id: str = "l1") -> EvalItem:
    return item(item_id, listing_id, listing_id, image_url=url)


async def test_a_picture_has_the_judges_score_with_its_aspects() -> None:
    state, [found] = await Gallery(House()).judge(shown("a"))
    assert (state, found.grade, found.reasoning, found.aspects["focus"]) == ("done", 8, "Sharp.", 7)
    assert (found.model, found.cost_usd, found.confidence) == ("eye", 0.001, None)


async def test_the_bounds_of_the_technical_tier_are_those_that_are_set() -> None:
    gallery = Gallery(House(), Thresholds(min_side=10_000))
    _, [found] = await gallery.judge(shown("a"))
    assert (found.failure, gallery.house.llm.requests) == ("unusable:too_small", [])


async def test_the_seller_is_not_told_to_the_judge_of_a_run() -> None:
    house = House()
    told = house.catalogue.known["l1"]
    house.catalogue.known["l1"] = replace(told, attributes={"colour": "red", "merchant": "ann"})
    await Gallery(house).judge(shown("a"))
    text = house.llm.requests[0].user[0]
    assert isinstance(text, TextPart)
    assert ("red" in text.text, "ann" in text.text) == (True, False)


async def test_a_picture_that_an_earlier_run_scored_costs_nothing() -> None:
    gallery = Gallery(House())
    await gallery.judge(shown("a"))
    _, [found] = await gallery.judge(shown("b"))
    assert (found.item_id, found.grade, found.reused, found.cost_usd) == ("b", 8, True, 0.0)
    assert len(gallery.house.llm.requests) == 1


async def test_a_picture_that_the_service_scored_costs_nothing() -> None:
    gallery = Gallery(House())
    _, [mine] = await gallery.judge(shown("a"))
    gallery.runs.kept.clear()
    image_hash, version = picture().image_hash, mine.extra["prompt_version"]
    fact = ImageScoreFact(
        uuid4(), "its", "l9", "v", image_hash, 3, {}, "Dim.", "llm", "eye", "fp", version, NOON, uuid4()
    )
    await gallery.house.judgements.save_image_score([fact], [], [], NOON)
    _, [found] = await gallery.judge(shown("b"))
    assert (found.grade, found.reused, found.call_id) == (3, True, fact.call_id)


async def test_anchors_are_scored_anew_and_known_to_nobody() -> None:
    gallery = Gallery(House())
    await gallery.judge(shown("a"), anchors=True)
    await gallery.judge(shown("a"))
    await gallery.judge(shown("a"), anchors=True)
    assert len(gallery.house.llm.requests) == 3


async def test_a_picture_that_can_not_be_judged_is_told_by_its_kind() -> None:
    blank = picture("bb", {**picture().measures, "width": 20.0, "height": 20.0})
    house = House(u=PictureError("gone", "gone", final=True), small=blank)
    _, found = await Gallery(house).judge(shown("a"), shown("b", "small"), replace(shown("c"), image_url=None))
    assert [(each.item_id, each.grade) for each in found] == [("a", None), ("b", None), ("c", None)]
    assert (found[0].failure, found[2].failure) == ("gone", "no_picture")
    assert found[1].failure not in ("", "gone")
    assert house.llm.requests == []


async def test_a_reply_that_can_not_be_used_is_no_score() -> None:
    house = House()
    house.llm.answer = LlmInvalid("broken")
    state, [found] = await Gallery(house).judge(shown("a"))
    assert (state, found.failure, len(house.llm.requests)) == ("done", "invalid_reply", 3)


async def test_a_listing_that_nobody_knows_is_no_reason_to_leave_the_picture_out() -> None:
    house = House()
    _, [found] = await Gallery(house).judge(shown("a", listing_id="nobody's"))
    assert found.grade == 8
    assert "title" not in house.llm.requests[0].user[0].text


# --- Plans -----------------------------------------------------------------------------------------------


async def test_a_plan_of_pictures_counts_each_at_the_largest_size_and_sends_nothing() -> None:
    gallery = Gallery(House())
    run = await gallery.begun(shown("a"), shown("b"))
    [plan] = await planned(gallery.ports, NoHistory(), PRICING, run, [EYE], [shown("a"), shown("b")])
    assert (plan.asked, plan.known, plan.estimate.calls) == (2, 0, 2)
    assert plan.estimate.input_tokens > 2 * PRICES.default.picture.tokens(768, 768)
    assert gallery.house.llm.requests == []


async def test_a_plan_leaves_out_what_is_known_and_tells_what_is_lost() -> None:
    bench = Bench()
    await bench.judge(items(3), JUDGE)
    before = len(bench.world.llm.requests)
    wanted = [*items(5), item("x", "query 0", "nobody's"), item("y", "unheard of", "l1")]
    [plan] = await plans(bench, wanted)
    assert (plan.known, plan.lost, plan.asked) == (3, 1, 3)
    assert plan.estimate.calls == 3  # of the known query one; of the other a guideline first
    assert len(bench.world.llm.requests) == before


async def test_of_many_queries_some_are_sized_and_stand_for_all() -> None:
    bench = Bench()
    many = [item(f"i{number}", f"query {number}", "l1") for number in range(500)]
    [plan] = await plans(bench, many)
    assert (plan.asked, round(plan.estimate.calls)) == (500, 1_000)


async def plans(bench: Bench, wanted: list[EvalItem]) -> list[JudgePlan]:
    history = NoHistory(CallHabits(50, 80, 0.25, 0.5, 1.0))
    return await planned(bench.ports, history, PRICING, run_of(wanted, [JUDGE]), [JUDGE], wanted)


def _bytes(request: LlmRequest) -> int:
    return len(request.system)
