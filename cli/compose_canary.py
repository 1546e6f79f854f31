"""The canary's parts: the judge that the settings name, put to the canary set."""

from __future__ import annotations

from core.adapters.canary_store import PostgresCanaries
from core.adapters.postgres import Pool
from core.canary import load_canaries
from core.domain.canary import CanaryJudgeId
from core.ports import Clock, Llm
from core.settings import Settings
from core.stages.canary import CanaryJudging
from core.stages.grading import Grading, cascade_of
from core.stages.judge_recipe import recipe_of


def canary_judging(settings: Settings, pool: Pool, llm: Llm, clock: Clock) -> CanaryJudging:
    """The stage as `relevance` judges: same mode, models, cascade and prompts. `llm` is one that answers at once, no
    batch lane: a new prompt's lift is worth knowing today."""
    cascade = cascade_of(settings)
    recipe = recipe_of(settings, settings.judge_mode, cascade.identity if cascade else "")
    canaries = load_canaries()
    model = f"{recipe.judging_model} {recipe.cascade}".rstrip()
    judge = CanaryJudgeId(recipe.judgements.version, model, recipe.mode, canaries.version)
    return CanaryJudging(Grading(llm, recipe, cascade), judge, canaries, PostgresCanaries(pool), clock)
