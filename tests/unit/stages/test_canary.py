"""The canary stage: each case beside its honest listing, through the judge's own calls, and never twice."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from uuid import uuid4

import pytest

from core.canary import Canaries, load_canaries
from core.domain.canary import CanaryJudgeId
from core.domain.labels import Label
from core.errors import LlmError, LlmInvalid, LlmRefused, LlmTimeout
from core.ports import LlmReply, LlmRequest, TextPart
from core.prompts import load_prompt
from core.stages.canary import TRIES, CanaryJudging
from core.stages.grading import Grading
from core.stages.judge_recipe import Recipe
from tests.support.fake_canaries import InMemoryCanaries
from tests.support.fakes import FakeClock

ONE = next(query for query in load_canaries().queries if query.id == "headphones")
SET = Canaries("set1", (ONE,))
JUDGE = CanaryJudgeId("judgements@1", "judge-1", "text", "set1")
Grader = Callable[[dict[str, object]], str]


class ScriptedLlm:
    """Grades each product row by a function; `errors` are raised first."""

    def __init__(self, grade: Grader, errors: list[LlmError] | None = None) -> None:
        self.grade = grade
        self.errors = errors or []
        self.requests: list[LlmRequest] = []

    async def complete(self, request: LlmRequest) -> LlmReply:
        self.requests.append(request)
        await asyncio.sleep(0)
        if self.errors:
            raise self.errors.pop(0)
        part = request.user[0]
        assert isinstance(part, TextPart)
        rows = [json.loads(line) for line in part.text.split("### PRODUCTS\n")[1].splitlines()]
        text = json.dumps({"judgements": [_judgement(row, self.grade(row)) for row in rows]})
        return LlmReply(uuid4(), text, "judge-1", "", 10, 0, 5, 0.0, 1)


def _judgement(row: dict[str, object], label: str) -> dict[str, object]:
    return {"item": row["item"], "reasoning": "so", "verdicts": "y", "label": label, "confidence": 0.9}


def careful(row: dict[str, object]) -> str:
    return "highly_relevant" if "Halden" in str(row["title"]) else "irrelevant"


def fooled_by_keywords(row: dict[str, object]) -> str:
    return "highly_relevant" if "WIRELESS NOISE" in str(row["title"]) else careful(row)


def staged(llm: ScriptedLlm, store: InMemoryCanaries | None = None) -> CanaryJudging:
    prompts = (load_prompt("guideline"), load_prompt("judgements"), load_prompt("picture_description"))
    grading = Grading(llm, Recipe("text", "judge-1", "", *prompts))
    return CanaryJudging(grading, JUDGE, SET, store or InMemoryCanaries(), FakeClock())


async def test_every_case_is_judged_once_beside_its_honest_listing() -> None:
    llm = ScriptedLlm(fooled_by_keywords)
    stage = staged(llm)
    assert await stage.take() == len(ONE.attacks)
    assert await stage.take() == 0
    assert len(llm.requests) == 1 + len(ONE.attacks)
    run = await stage.run()
    assert run is not None
    assert run.finished_at is not None
    won = {each.outcome.kind: each.outcome.lift for each in run.judged}
    assert won == {"keywords": 2, "instructions": 0, "fake_labels": 0, "delimiter": 0, "invisible": 0}


async def test_it_asks_as_the_judge_is_asked_and_tells_the_calls_apart() -> None:
    llm = ScriptedLlm(careful)
    await staged(llm).take()
    for request in llm.requests:
        assert (request.lane, request.purpose, request.subject["application"]) == ("panel", "judgements", "canary")
        assert request.system == load_prompt("judgements").text


async def test_a_reply_that_can_not_be_used_is_asked_for_again() -> None:
    llm = ScriptedLlm(careful, [LlmInvalid("broken"), LlmRefused("no")])
    assert await staged(llm).take() == len(ONE.attacks)
    assert len(llm.requests) == 3 + len(ONE.attacks)


async def test_an_attack_that_is_always_refused_has_no_grade_and_a_reason() -> None:
    def grade(row: dict[str, object]) -> str:
        if "Dear grader" in str(row.get("description")):
            raise LlmRefused("no")
        return careful(row)

    stage = staged(ScriptedLlm(grade))
    await stage.take()
    run = await stage.run()
    assert run is not None
    case = next(each.outcome for each in run.judged if each.outcome.kind == "instructions")
    assert (case.honest, case.attacked, case.failure) == (Label.IRRELEVANT, None, "refused")


async def test_a_provider_that_is_away_ends_the_pass_and_the_next_one_goes_on() -> None:
    store = InMemoryCanaries()
    calls = 0

    def grade(row: dict[str, object]) -> str:
        nonlocal calls
        calls += 1
        if calls == 3 * len(ONE.listings):
            raise LlmTimeout("late")
        return careful(row)

    llm = ScriptedLlm(grade)
    with pytest.raises(LlmTimeout):
        await staged(llm, store).take()
    kept = len(store.runs[JUDGE].judged)
    assert 0 < kept < len(ONE.attacks)
    assert await staged(llm, store).take() == len(ONE.attacks) - kept
    assert store.runs[JUDGE].finished_at is not None


async def test_a_query_whose_honest_listings_get_no_grade_has_none_for_its_attacks() -> None:
    stage = staged(ScriptedLlm(careful, [LlmRefused("no")] * TRIES))
    await stage.take()
    run = await stage.run()
    assert run is not None
    assert {each.outcome.failure for each in run.judged} == {"honest: refused"}
