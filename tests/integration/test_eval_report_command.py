"""`assay eval report` and `assay eval gate` on a real PostgreSQL."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import pytest

from cli.main import main
from core.adapters.judge_book import PostgresJudgeBook
from core.adapters.postgres import open_pool
from core.eval_facts import JudgePrompt, JudgeVersion
from core.eval_ports import JudgeDeed
from tests.support.fakes import NOON
from tests.support.postgres import close_pool
from tests.support.sample_evals import DATASET, NEW, OLD, evaluation

pytestmark = pytest.mark.postgres

LOOSE = """dataset = "shop-pairs"
split = "both"
[[not_worse]]
metric = "exact"
by = 0.02
read = "value"
[[minimum]]
metric = "coverage"
value = 0.9
read = "value"
[cost]
usd_per_pair = 0.001
"""
PROMPTS: dict[JudgePrompt, str] = {name: f"prompt {name}" for name in get_args(JudgePrompt)}
STRICT = LOOSE.replace("by = 0.02", 'by = 0.02\neach = "market"')


@dataclass(frozen=True)
class Assay:
    """The command on a database with the sample run."""

    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str, code: int = 0) -> str:
        self.monkeypatch.setattr(sys, "argv", ["assay", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = self.capsys.readouterr()
        assert ended.value.code == code, said.err
        return said.out + said.err


async def _fill(dsn: str) -> None:
    pool = await open_pool(dsn, 2)
    try:
        await evaluation(pool, NOON)
        book = PostgresJudgeBook(pool)
        for version in (OLD, NEW):
            name = version.partition("@")[0]
            await book.save(JudgeVersion(version, name, "text", "m", "m", 10, None, PROMPTS), "mara", NOON)
        await book.note(JudgeDeed("promote", OLD, 1.0, "mara", "the first", NOON))
    finally:
        await close_pool(pool, 10.0)


@pytest.fixture
def assay(
    postgres_dsn: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Assay:
    asyncio.run(_fill(postgres_dsn))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ASSAY_POSTGRES_DSN", postgres_dsn)
    monkeypatch.setenv("ASSAY_LLM_MODEL", "offline-judge")
    (tmp_path / "loose.toml").write_text(LOOSE)
    (tmp_path / "strict.toml").write_text(STRICT)
    return Assay(monkeypatch, capsys)


def gate(file: str, *more: str) -> tuple[str, ...]:
    return ("eval", "gate", "--rules", file, "--run", "strict-brands-1", "--judge", "strict-brands", *more)


def test_a_report_is_told_on_the_terminal_in_a_file_and_as_json(assay: Assay) -> None:
    said = assay("eval", "report", "strict-brands-1", "--judge", "plain", "--judge", "strict-brands", "--examples", "2")
    assert f"{NEW} against {OLD}: 107 items of 18 queries" in said
    assert "2 of 32 items whose label changed, worst first" in said
    assay("eval", "report", "strict-brands-1", "--html", "report.html", "--json")
    told = json.loads(assay("eval", "report", "strict-brands-1", "--segment", "market=de", "--json"))
    assert (told["items"], told["where"]) == (36, [["market", "de"]])
    assert "Agreement with people" in Path("report.html").read_text()


def test_rules_that_are_kept_exit_0_and_a_broken_one_1(assay: Assay) -> None:
    assert "passed (gate" in assay(*gate("loose.toml"))
    said = assay(*gate("strict.toml"), code=1)
    assert "not passed" in said
    assert "market=de" in said
    told = json.loads(assay(*gate("strict.toml", "--json"), code=1))
    assert (told["passed"], told["counts"], told["against"], told["dataset"]) == (False, True, OLD, DATASET.ref)


def test_a_judge_that_was_not_tried_with_the_canaries_breaks_their_rule(assay: Assay) -> None:
    Path("canary.toml").write_text(LOOSE + "[canary]\nshare = 0.05\n")
    told = json.loads(assay(*gate("canary.toml", "--json"), code=1))
    assert "not tried with the present canary set" in told["outcomes"][-2]["why"]


def test_a_judge_is_promoted_only_after_its_gate(assay: Assay) -> None:
    promote = ("judges", "promote", "strict-brands", "--why", "brands")
    assert "gate" in assay(*promote, code=2)
    assay(*gate("strict.toml"), code=1)
    assay(*promote, code=2)
    assay(*gate("loose.toml"))
    assay(*promote)
    assert NEW in assay("judges", "log")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("eval", "report", "nothing"), "the newest are strict-brands-1"),
        (("eval", "report", "strict-brands-1", "--judge", "x"), "names no judge of this run"),
        (("eval", "report", "strict-brands-1", "--segment", "town=x"), "--segment takes market=de"),
        (("eval", "report", "strict-brands-1", "--segment", "market=fr"), "it has de, jp, us"),
        (("eval", "report", "strict-brands-1", "--html", "no/such/place.html"), "can't write no/such/place.html"),
        (gate("none.toml"), "can't read none.toml"),
        (gate("unknown.toml"), "there is no metric 'kapa'"),
        (gate("other.toml"), "about the dataset 'other'"),
        (gate("loose.toml", "--against", "none"), "[[not_worse]]"),
        (gate("loose.toml", "--against", NEW), "is itself the judge"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_kept(assay: Assay, arguments: tuple[str, ...], said: str) -> None:
    Path("unknown.toml").write_text(LOOSE.replace('"exact"', '"kapa"'))
    Path("other.toml").write_text(LOOSE.replace("shop-pairs", "other"))
    assert said in assay(*arguments, code=2)


def test_the_live_judge_is_taken_from_another_run_or_asked_for(assay: Assay) -> None:
    assay("judges", "promote", "strict-brands", "--why", "to try", "--force")
    said = assay(*gate("loose.toml"), code=2)
    assert "is itself the judge" in said
    assert "no run has settings@" in assay(*gate("loose.toml", "--against", "settings"), code=2)
