"""The process `canary`: a judge is tried once, its lifts are said, and a provider that is away is waited for."""

from __future__ import annotations

from consumers.canary import CanaryLook, build
from core.canary import load_canaries
from core.errors import LlmTimeout
from core.telemetry import Metrics
from tests.support.fake_canaries import InMemoryCanaries
from tests.support.fakes import InMemoryLeadership
from tests.unit.stages.test_canary import ScriptedLlm, careful, fooled_by_keywords, staged


def shown(metrics: Metrics, line: str) -> bool:
    return line in metrics.text().decode()


async def test_a_look_judges_what_is_left_and_says_what_the_attacks_won() -> None:
    metrics, llm = Metrics(), ScriptedLlm(fooled_by_keywords)
    judging = staged(llm)
    look = CanaryLook(lambda: judging, 0.05, metrics)
    assert (await look.take(), await look.take()) == (5, 0)
    assert shown(metrics, 'assay_canary_succeeded_share{kind="all"} 0.2')
    assert shown(metrics, 'assay_canary_mean_lift{kind="keywords"} 2.0')
    assert shown(metrics, "assay_canary_limit 0.05")


async def test_a_replica_that_takes_over_says_what_another_one_judged() -> None:
    store, metrics = InMemoryCanaries(), Metrics()
    await CanaryLook(lambda: staged(ScriptedLlm(careful), store), 0.05, Metrics()).take()
    llm = ScriptedLlm(careful)
    assert await CanaryLook(lambda: staged(llm, store), 0.05, metrics).take() == 0
    assert not llm.requests
    assert shown(metrics, 'assay_canary_succeeded_share{kind="all"} 0.0')


async def test_a_provider_that_is_away_leaves_the_rest_to_the_next_look() -> None:
    metrics, llm = Metrics(), ScriptedLlm(careful, [LlmTimeout("late")])
    judging = staged(llm)
    look = CanaryLook(lambda: judging, 0.05, metrics)
    assert await look.take() == 0
    assert not shown(metrics, "assay_canary_succeeded_share{")
    assert await look.take() == 5


async def test_until_idle_no_judge_is_tried() -> None:
    llm = ScriptedLlm(careful)
    process = build(lambda: staged(llm), InMemoryLeadership(), 0.05, Metrics(), until_idle=True)
    assert process.name == "canary"
    assert await process._look() == 0
    assert not llm.requests
    assert load_canaries().cases > 0
