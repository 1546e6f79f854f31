"""Judge versions as tables."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from cli.judges_told import judges_table
from core.domain.judges import JudgeVersion
from core.eval_ports import KeptJudge

JUDGE = JudgeVersion("plain@0f3a", "plain", "text", "small-model", "small-model", 20, None, {})
NOON = datetime(2026, 3, 29, 12, tzinfo=UTC)


def row_of(judge: JudgeVersion) -> dict[str, str]:
    """Each head with its cell."""
    shown = judges_table([KeptJudge(judge, "ada", NOON)], "", {})
    return {str(column.header): str(next(iter(column.cells))) for column in shown.columns}


def test_each_value_stands_under_its_head() -> None:
    row = row_of(JUDGE)
    assert (row["model"], row["a call"], row["cascade"], row["by"]) == ("small-model", "20", "none", "ada")
    assert row["added"].startswith("2026-03-29")


def test_a_model_of_its_own_for_pictures_is_named() -> None:
    assert row_of(replace(JUDGE, vision_model="eyes"))["model"] == "small-model, pictures: eyes"
