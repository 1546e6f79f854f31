"""What can't be run is refused in one line, before anything is stored or sent."""

from __future__ import annotations

from pathlib import Path

import asyncpg
import pytest

from cli.eval_run import Wanted, made_ready, refuse_muddled
from core.adapters.eval_datasets import PostgresDatasets
from core.errors import UsageError
from core.settings import Settings
from tests.support.sample_lamps import DATASET, ITEMS

GOOD = {
    "resume": None,
    "dataset": "lamps",
    "judges": ("settings",),
    "split": None,
    "limit": 0,
    "sample": 0,
    "cap_usd": None,
    "name": "",
    "pictures": None,
}
REFUSED = {
    "an unknown dataset": ({"dataset": "nobody"}, "nobody"),
    "an unknown judge": ({"judges": ("settings", "nobody")}, "nobody"),
    "a judge file that is not there": ({"judges": ("gone.toml",)}, "gone.toml"),
    "the same judge twice": ({"judges": ("settings", "settings")}, "same judge"),
    "an empty split": ({"split": "tune"}, "tune"),
    "a cap that would not suffice": ({"cap_usd": 0.00001}, "--cap-usd"),
    "an unknown run": ({"dataset": None, "judges": (), "resume": "nobody"}, "nobody"),
    "no judge": ({"judges": ()}, "--judge"),
    "a run and a dataset": ({"resume": "x"}, "--resume"),
    "two ways to take a part": ({"limit": 1, "sample": 1}, "--sample"),
    "no folder of pictures": ({"pictures": "/nowhere"}, "/nowhere"),
}


def settings(dsn: str, budget: float = 50.0) -> Settings:
    return Settings(
        _env_file=None,
        postgres_dsn=dsn,
        llm_base_url="http://127.0.0.1:9/v1",
        llm_model="offline-judge",
        llm_budget_usd_per_day=budget,
    )


async def tried(made: Settings, wanted: Wanted) -> None:
    refuse_muddled(wanted)
    await made_ready(made, wanted)


async def refusal(pool: asyncpg.Pool, made: Settings, **changes: object) -> str:
    """The line; nothing is stored."""
    await PostgresDatasets(pool).save(DATASET, ITEMS)
    with pytest.raises(UsageError) as refused:
        await tried(made, Wanted(**{**GOOD, **changes}))
    stored = "SELECT (SELECT count(*) FROM assay_data.eval_runs) + (SELECT count(*) FROM assay_data.judges)"
    assert await pool.fetchval(stored) == 0
    return str(refused.value)


@pytest.mark.parametrize("case", REFUSED)
async def test_what_can_not_be_run_is_refused_and_leaves_nothing(
    pool: asyncpg.Pool, postgres_dsn: str, case: str
) -> None:
    changes, named = REFUSED[case]
    line = await refusal(pool, settings(postgres_dsn), **changes)
    assert named in line
    assert "\n" not in line


async def test_a_days_budget_that_would_not_suffice_is_named(pool: asyncpg.Pool, postgres_dsn: str) -> None:
    line = await refusal(pool, settings(postgres_dsn, budget=0.00001))
    assert "ASSAY_LLM_BUDGET_USD_PER_DAY" in line


async def test_a_judge_file_with_a_missing_prompt_or_an_unknown_model_is_named(
    pool: asyncpg.Pool, postgres_dsn: str, tmp_path: Path
) -> None:
    file = tmp_path / "judge.toml"
    file.write_text('name = "a"\nmodel = "offline-judge"\n[prompts]\njudgements = "gone.md"\n')
    assert "gone.md" in await refusal(pool, settings(postgres_dsn), judges=(str(file),))
    file.write_text('name = "a"\nmodel = "gpt-99"\n')
    assert "gpt-99" in await refusal(pool, settings(postgres_dsn), judges=(str(file),))


async def test_what_can_be_run_is_made_ready_and_leaves_nothing_yet(pool: asyncpg.Pool, postgres_dsn: str) -> None:
    await PostgresDatasets(pool).save(DATASET, ITEMS)
    ready = await made_ready(settings(postgres_dsn), Wanted(**GOOD))
    [plan] = ready.plans
    assert (plan.asked, plan.known, round(plan.estimate.calls)) == (120, 0, 60)
    assert 0 < ready.estimate.usd < ready.estimate.high_usd < ready.run.cap_usd
    assert await pool.fetchval("SELECT count(*) FROM assay_data.eval_runs") == 0
