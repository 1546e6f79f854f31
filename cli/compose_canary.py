"""The canary's parts: a judge, put to the canary set."""

from __future__ import annotations

from core.adapters.canary_store import PostgresCanaries
from core.adapters.postgres import Pool
from core.canary import load_canaries
from core.domain.canary import CanaryJudgeId
from core.eval_facts import JudgeVersion
from core.ports import Clock, Llm
from core.stages.canary import CanaryJudging
from core.stages.grading import Grading
from core.stages.judge_recipe import recipe_of_judge


def canary_judging(pool: Pool, llm: Llm, clock: Clock, judge: JudgeVersion) -> CanaryJudging:
    """The stage as that judge grades: same mode, models, cascade and prompts. `llm` is one that answers at once, no
    batch lane: a new prompt's lift is worth knowing today."""
    grading = Grading(llm, recipe_of_judge(judge), judge.cascade)
    return CanaryJudging(grading, tried_judge(judge), load_canaries(), PostgresCanaries(pool), clock)


def tried_judge(judge: JudgeVersion) -> CanaryJudgeId:
    """As which judge its run of the present set is kept."""
    recipe = recipe_of_judge(judge)
    model = f"{recipe.judging_model} {recipe.cascade}".rstrip()
    return CanaryJudgeId(recipe.judgements.version, model, recipe.mode, load_canaries().version)
