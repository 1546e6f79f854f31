"""The stage with a cascade: labels carry the model that gave them; a failed strong call fails its products alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.errors import LlmUnavailable
from core.ports import LlmReply, LlmRequest
from tests.unit.stages.test_judge_query import ScriptedLlm, World, _products, _task


class TwoModels(ScriptedLlm):
    """Blue shoes are open to the first model; the strong one fails while `away`."""

    away = False

    def _replied(self, request: LlmRequest) -> LlmReply:
        if self.away and request.model == "strong":
            raise LlmUnavailable("the LLM answered 500", "server_error")
        reply = super()._replied(request)
        text = reply.text
        if request.model == "judge-1" and request.purpose == "judgements":
            blue = any("blue" in row["title"] for row in _products(request))
            text = text.replace('irrelevant", "confidence": 0.9', 'irrelevant", "confidence": 0.4') if blue else text
        return replace(reply, text=text, asked_model=request.model)


def _world(*, away: bool = False) -> World:
    llm = TwoModels()
    llm.away = away
    return World(llm=llm)


async def test_labels_name_the_model_that_gave_them():
    world = _world()
    await world.judge(llm_cascade_model="strong").judge(await world.queue(["l1", "l2", "l3"]))
    models = {fact.listing_id: fact.model for fact in world.store.facts.values()}
    assert models == {"l1": "judge-1", "l2": "strong", "l3": "judge-1"}


async def test_without_the_strong_model_its_products_wait_and_the_others_have_their_labels():
    world = _world(away=True)
    await world.judge(llm_cascade_model="strong").judge(await world.queue(["l1", "l2", "l3"]))
    assert set(world.labels()) == {"l1", "l3"}
    assert world.ends()["l2"] == ("waiting", "server_error")


@pytest.mark.parametrize(("confidence", "calls"), [(0.8, 1), (0.7, 2)])
async def test_pairs_are_judged_anew_by_another_cascade_and_not_by_the_same(confidence, calls):
    world = _world()
    await world.judge(llm_cascade_model="strong").judge(await world.queue(["l1"]))
    await world.inbox.add([_task("l1", {}, "again")])
    other = world.judge(llm_cascade_model="strong", llm_cascade_confidence=confidence)
    await other.judge(await world.lease())
    assert len(world.llm.of("judgements")) == calls
    assert {row.state for row in world.inbox.rows.values()} == {"done"}
