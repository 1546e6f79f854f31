"""What the picture judge is told of a category, under which version, and when a picture is asked for anew."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cli.judge_identity import read_judge
from core.adapters.clock import SystemClock
from core.domain.judge_files import JudgeFile
from core.domain.judges import changed_rubrics, versioned
from core.domain.prompting import prompt_version
from core.errors import UsageError
from core.prompts import load_prompt, load_rubrics
from core.settings import Settings
from core.stages.judge_recipe import picture_identity, picture_prompt
from core.stages.live_judge import judge_of_file
from tests.support.fake_judges import judge

RULES = load_prompt("picture_scores")
OLD = versioned(replace(judge(), rubrics={}))

CHARACTERS_A_TOKEN = 4
CACHED_FROM_TOKENS = 1_024
"""The shortest prefix that providers cache (OpenAI, prompt caching)."""


def reruled(**rubrics: str):
    return versioned(replace(judge(), rubrics={**judge().rubrics, **rubrics}))


def test_rules_come_first_and_the_rubric_after_them() -> None:
    prompt = picture_prompt(judge(), "Shoes")
    assert prompt.text.startswith(RULES.text.rstrip())
    assert "the outsole and the inside of the heel" in prompt.text
    assert prompt.version.startswith(f"{RULES.version}+shoes@")


@pytest.mark.parametrize("category", [None, "", "Grußkarten"])
def test_without_a_rubric_the_rules_are_alone(category: str | None) -> None:
    assert picture_prompt(judge(), category) == RULES


def test_a_judge_of_before_there_were_rubrics_has_none() -> None:
    assert picture_prompt(OLD, "Shoes") == RULES
    assert picture_identity(OLD) == f"judge-1|{prompt_version('picture_scores', RULES.text)}"


def test_another_rubric_makes_another_judge_and_asks_anew() -> None:
    other = reruled(shoes="Categories: shoes\nLook at the soles.")
    assert other.version != judge().version
    assert picture_identity(other) != picture_identity(judge())
    assert picture_prompt(other, "Shoes").version != picture_prompt(judge(), "Shoes").version
    assert picture_prompt(other, "Bags").version == picture_prompt(judge(), "Bags").version


def test_what_differs_between_rubrics_is_told_by_line() -> None:
    other = reruled(shoes="Categories: shoes\nLook at the soles.", lamps="Categories: ufo\nLight.")
    changed = changed_rubrics(judge(), other)
    assert sorted(changed) == ["lamps", "shoes"]
    assert "+Look at the soles." in changed["shoes"]


def test_a_file_overrides_adds_and_leaves_out_only_what_it_names() -> None:
    told = {"shoes": "s.md", "ufos": "u.md", "used": False}
    file = JudgeFile.model_validate({"name": "a", "model": "m", "rubrics": told})
    made = judge_of_file(file, {}, {"shoes": "Categories: shoes\nx", "ufos": "Categories: ufo\ny"})
    assert set(made.rubrics) == {*load_rubrics(), "ufos"} - {"used"}
    assert made.rubrics["shoes"] == "Categories: shoes\nx"
    assert made.rubrics["bags"] == load_rubrics()["bags"]


def test_leaving_out_what_is_not_there_is_refused() -> None:
    file = JudgeFile.model_validate({"name": "a", "model": "m", "rubrics": {"shoos": False}})
    with pytest.raises(UsageError, match=r"rubrics\.shoos: there is no such built-in rubric"):
        judge_of_file(file, {})


def test_a_category_claimed_twice_is_refused() -> None:
    file = JudgeFile.model_validate({"name": "a", "model": "m", "rubrics": {"boots": "b.md"}})
    with pytest.raises(UsageError, match="boots and shoes both name the category 'boots'"):
        judge_of_file(file, {}, {"boots": "Categories: boots\nx"})


def test_the_rules_alone_are_long_enough_for_a_providers_cache_and_no_longer_than_need_be() -> None:
    tokens = len(RULES.text) / CHARACTERS_A_TOKEN
    longest = max(len(picture_prompt(judge(), name).text) for name in load_rubrics()) / CHARACTERS_A_TOKEN
    assert CACHED_FROM_TOKENS < tokens < 2_000
    assert longest < 2_400


def test_a_judge_files_rubric_is_refused_under_its_own_path_and_line(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('name = "a"\nmodel = "gpt-4.1-mini"\n[rubrics]\nufos = "ufos.md"\n')
    (tmp_path / "ufos.md").write_text("Look at the hull.\n")
    with pytest.raises(UsageError, match=r"ufos\.md, line 1: begins with `Categories:`"):
        read_judge(str(tmp_path / "a.toml"), Settings(_env_file=None), SystemClock())
    (tmp_path / "ufos.md").write_text("Categories: ufo*\nLook at the hull.\n")
    made = read_judge(str(tmp_path / "a.toml"), Settings(_env_file=None), SystemClock())
    assert "Look at the hull." in picture_prompt(made, "Flying things > Ufos").text


def test_rubrics_are_files_beside_the_prompts() -> None:
    folder = Path(__file__).parents[3] / "core" / "prompts" / "rubrics"
    assert {path.stem for path in folder.glob("*.md")} == set(load_rubrics())
