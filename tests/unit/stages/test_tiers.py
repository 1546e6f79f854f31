"""The tiers as a stage: judgements gathered, a sample put to the critic, the report."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from core.domain.critiquing import Given, critique_key, matched_critiques
from core.domain.evaluation.checks.tiers import People
from core.domain.judging import CritiqueReply, JudgementCritique
from core.domain.labels import Label
from core.domain.relevance import Search
from core.errors import LlmImpossible, LlmOverBudget, LlmOverCap, LlmRefused, LlmWrongItems
from core.eval_facts import EvalItem, EvalResult, EvalRun
from core.ports import LlmReply, LlmRequest, Task
from core.prompts import load_prompt
from core.stages.critique import Critic
from core.stages.judge_items import ListingError, Outcome
from core.stages.patience import Patience
from core.stages.tiers import Gathered, Gathering, Subject, all_tiers, first_tier
from core.tier_ports import LiveJudgement, ReviewedGrade
from tests.support.fake_tiers import InMemoryTiers
from tests.support.fakes import NOON
from tests.support.virtual_clock import VirtualClock
from tests.unit.domain.evaluation.checks.samples import GOOD, guideline, judged, product, scored
from tests.unit.stages.test_grading import _item

RUN = EvalRun(
    UUID(int=1), "morning", "pairs@1", "relevance", None, ("j@1",), "done", 1.0, 0.5, NOON, NOON, "ada", items=2
)
SUBJECT = Subject("run:1", "morning", "relevance", "j@1")


@dataclass
class CriticModel:
    """Disagrees with every judgement of a product whose title is named; `error` for a call that holds such a title."""

    overturns: dict[str, str] = field(default_factory=dict)
    errors: dict[str, Exception] = field(default_factory=dict)
    contradicts_itself: bool = False
    requests: list[LlmRequest] = field(default_factory=list)

    async def complete(self, request: LlmRequest) -> LlmReply:
        self.requests.append(request)
        products, given = _section(request, "PRODUCTS"), _section(request, "JUDGEMENTS")
        for row in products:
            if row["title"] in self.errors:
                raise self.errors[row["title"]]
        rows = [self._row(product, told) for product, told in zip(products, given, strict=True)]
        text = json.dumps({"critiques": rows})
        assert request.check is not None
        request.check(text)
        return LlmReply(uuid4(), text, request.model, "fp", 10, 0, 5, 0.01, 1, asked_model=request.model)

    def _row(self, shown: dict[str, str], given: dict[str, str]) -> dict[str, object]:
        label = self.overturns.get(shown["title"], given["label"])
        agrees = (label == given["label"]) != self.contradicts_itself
        return {"item": shown["item"], "why": "so", "reason_holds": True, "agrees": agrees, "label": label}


def _section(request: LlmRequest, name: str) -> list[dict[str, str]]:
    text = request.user[0].text.split(f"### {name}\n")[1].split("\n### ")[0]
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def critic(llm: CriticModel, store: InMemoryTiers | None = None, salt: str = "") -> Critic:
    patience = Patience(VirtualClock(NOON), 2, lambda: 0.0)
    return Critic(llm, store or InMemoryTiers(), patience, load_prompt("critique"), "strong", 4, salt)


def answers(count: int, query: str = "q"):
    return [
        judged(key=f"{query}{n}", search=Search("shop", "uk", query, "en"), product=product(title=f"{query} {n}"))
        for n in range(count)
    ]


async def test_judgements_of_one_query_share_calls_and_each_is_seen_once():
    llm = CriticModel({"q 3": "irrelevant"})
    found = await critic(llm).critiques([*answers(12), *answers(2, "other")])
    assert sorted(len(_section(request, "JUDGEMENTS")) for request in llm.requests) == [2, 2, 10]
    assert found.complete
    assert len(found.verdicts) == 14
    assert [key for key, each in found.verdicts.items() if each.grade == 0] == ["q3"]


async def test_a_call_carries_the_judgement_and_what_it_rests_on():
    llm = CriticModel()
    await critic(llm).critiques([GOOD])
    (request,) = llm.requests
    assert (request.purpose, request.lane, request.model) == ("critique", "backfill", "strong")
    assert _section(request, "JUDGEMENTS") == [
        {"item": "p1", "label": "highly_relevant", "reasoning": GOOD.reasoning, "verdicts": "yyy"}
    ]
    assert request.user[0].text.index("### GUIDELINE") < request.user[0].text.index("### PRODUCTS")
    assert request.subject["query"] == GOOD.search.query


async def test_what_was_critiqued_before_is_paid_once():
    store = InMemoryTiers()
    await critic(CriticModel({"q 0": "irrelevant"}), store).critiques(answers(3))
    again = CriticModel()
    found = await critic(again, store).critiques(answers(3))
    assert again.requests == []
    assert found.verdicts["q0"].grade == 0


async def test_anchors_are_looked_at_anew():
    store = InMemoryTiers()
    await critic(CriticModel(), store).critiques(answers(1))
    salted = CriticModel()
    await critic(salted, store, salt="run").critiques(answers(1))
    assert len(salted.requests) == 1


async def test_another_reason_for_the_same_label_is_another_judgement():
    store, llm = InMemoryTiers(), CriticModel()
    (one,) = answers(1)
    await critic(llm, store).critiques([one])
    await critic(llm, store).critiques([replace(one, reasoning="Another reason for it.")])
    assert len(llm.requests) == 2


@pytest.mark.parametrize("error", [LlmRefused("no"), LlmImpossible("large"), LlmOverCap("cap")])
async def test_calls_that_fail_leave_their_judgements_unseen(error):
    found = await critic(CriticModel(errors={"other 0": error})).critiques([*answers(2), *answers(1, "other")])
    assert set(found.verdicts) == {"q0", "q1"}
    assert not found.complete


async def test_what_only_a_person_can_mend_is_raised():
    with pytest.raises(LlmOverBudget):
        await critic(CriticModel(errors={"q 0": LlmOverBudget("spent", NOON)})).critiques(answers(1))


async def test_a_critique_that_contradicts_itself_is_left_out():
    found = await critic(CriticModel(contradicts_itself=True)).critiques(answers(1))
    assert found.verdicts == {}
    assert not found.complete


async def test_what_is_a_picture_or_not_known_any_more_is_not_asked_for():
    llm = CriticModel()
    await critic(llm).critiques([scored(7), judged(product=None), judged(guideline=None)])
    assert llm.requests == []


def test_the_calls_can_be_sized_before():
    sizes = [count for _, count in critic(CriticModel()).requests([*answers(12), *answers(1, "other")])]
    assert sorted(sizes) == [1, 2, 10]


@pytest.mark.parametrize("items", [["p1", "p1"], ["p2"]])
def test_a_reply_about_other_items_is_none(items):
    given = {"p1": Given(Label.IRRELEVANT, "r", "n")}
    rows = [
        JudgementCritique(item=item, why="", reason_holds=True, agrees=True, label=Label.IRRELEVANT) for item in items
    ]
    with pytest.raises(LlmWrongItems):
        matched_critiques(CritiqueReply(critiques=rows), given)


def test_a_critiques_key_is_of_all_that_it_hangs_on():
    given = Given(Label.IRRELEVANT, "r", "n")
    keys = {
        critique_key("k", given, ("m", "p")),
        critique_key("k2", given, ("m", "p")),
        critique_key("k", replace(given, label=Label.HIGHLY_RELEVANT), ("m", "p")),
        critique_key("k", replace(given, reasoning="s"), ("m", "p")),
        critique_key("k", replace(given, verdicts="y"), ("m", "p")),
        critique_key("k", given, ("m2", "p")),
    }
    assert len(keys) == 6


def _eval_item(item_id: str, truth: int | None) -> EvalItem:
    listing = {"listing_id": item_id, "title": f"Sony {item_id}"}
    return EvalItem(
        item_id, "test", "shop", "uk", "en", "sony", (), item_id, listing, None, {}, {}, truth, {"ada": truth or 0}
    )


def _result(item_id: str, **changes: object) -> EvalResult:
    told = EvalResult(
        RUN.run_id, "j@1", item_id, 2, 0.9, "Made by Sony and so on.", "y", {}, "g1", f"key-{item_id}", None, "", False,
        0.0, 0.0, 0.0, 0, NOON,
    )  # fmt: skip
    return replace(told, **changes)


async def told_of(tasks: Sequence[Task]) -> list[Outcome]:
    """Of each task whose listing is named `l…` its product; else it has none."""
    return [
        replace(_item(task.subject["listing_id"]), task=task)
        if task.subject["listing_id"].startswith("l")
        else (task, ListingError("gone", "listing_unknown"))
        for task in tasks
    ]


async def test_a_runs_answers_come_with_product_guideline_and_people():
    body = guideline("must_have")
    store = InMemoryTiers({"g1": body}, {"key-l2": ReviewedGrade(1, 0.5), "key-l1": ReviewedGrade(0, 0.5)})
    items = [_eval_item("l1", 2), _eval_item("l2", None), _eval_item("x3", 0), _eval_item("l4", 0)]
    results = [
        _result("l1"),
        _result("l2"),
        _result("x3", guideline_version="gone"),
        _result("l4", grade=None, failure="no"),
    ]
    found = await Gathering(told_of, store).of_run(RUN, "j@1", "text", items, results)
    first, second, third = found.judged
    assert (first.product.title, first.guideline, first.key) == ("l1", body, "key-l1")
    assert (third.product, third.guideline) == (None, None)
    assert [each.title for each in first.beside] == ["l2"]
    assert second.search == Search("shop", "uk", "sony", "en")
    assert found.people == {"key-l1": People(2), "key-l2": People(1, 2.0), "key-x3": People(0)}


def _live(event: int, judge: str, **changes: object) -> LiveJudgement:
    told = LiveJudgement(
        "relevance", UUID(int=event), f"key{event}", judge, "shop", "uk", "en", "sony", (), f"l{event}", {"title": "t"},
        guideline("must_have"), 2, 0.9, "Made by Sony and so on.", "y", {}, "text", "", "",
    )  # fmt: skip
    return replace(told, **changes)


async def test_live_judgements_are_told_by_judge():
    store = InMemoryTiers(people={"key1": ReviewedGrade(0, None)})
    found = await Gathering(told_of, store).of_live([_live(1, "a"), _live(2, "b"), _live(3, "a", listing=None)])
    assert {judge: [each.key for each in gathered.judged] for judge, gathered in found.items()} == {
        "a": ["key1", "key3"],
        "b": ["key2"],
    }
    assert found["a"].people == {"key1": People(0, None)}
    assert [each.product is None for each in found["a"].judged] == [False, True]


async def test_a_label_of_a_judge_that_saw_the_picture_may_name_its_colour():
    found = await Gathering(told_of, InMemoryTiers()).of_live([_live(1, "a", mode="multimodal")])
    assert found["a"].judged[0].pictured


async def test_the_report_tells_all_tiers_and_what_they_cost():
    llm = CriticModel({"q 1": "irrelevant"})
    contradicting = judged(key="bad", verdicts="yny")
    gathered = Gathered([*answers(3), contradicting], {"q0": People(2), "q1": People(0), "bad": People(0)})
    first = first_tier(SUBJECT, gathered)
    report, found = await all_tiers(first, critic(llm), 1.0, NOON + timedelta(1), lambda: 0.25)
    assert (report.items, report.cost_usd, report.complete, report.critic) == (4, 0.25, True, "strong")
    assert report.of("checks").objected == 1
    assert report.of("critique").seen == 4
    assert report.of("people").objected == 2
    assert {each.key for each in found} == {"bad", "q1"}


async def test_without_a_critic_the_second_tier_has_seen_nothing():
    gathered = Gathered([judged(product=None), *answers(1)], {})
    report, _ = await all_tiers(first_tier(SUBJECT, gathered), None, 0.1, NOON, lambda: 0.0)
    assert (report.of("critique").seen, report.critic, report.share, report.unchecked) == (0, "", 0.0, 1)
