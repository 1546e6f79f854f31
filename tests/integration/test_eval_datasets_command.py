"""`assay eval import` and `assay eval datasets` on a real PostgreSQL."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from cli.main import main

pytestmark = pytest.mark.postgres

RULE = ("--rule", "0=0 1=1 2=1 3=2")
SAID = ("--name", "sofas", "--source", "our own", "--licence", "CC0", "--by", "ada")
GRADES = "query,listing_id,title,rater:ada,rater:ben\nsofa,L1,Sofa,3,2\nlamp,L2,Lamp,0,\n"


@dataclass(frozen=True)
class Assay:
    """The command on a database."""

    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str) -> str:
        self.monkeypatch.setattr(sys, "argv", ["assay", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = self.capsys.readouterr()
        assert (ended.value.code, said.err) == (0, "")
        return said.out


@pytest.fixture
def assay(
    postgres_dsn: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Assay:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ASSAY_POSTGRES_DSN", postgres_dsn)
    (tmp_path / "grades.csv").write_text(GRADES)
    return Assay(monkeypatch, capsys)


# --- import, list, show, export ----------------------------------------------------------------------------


def test_a_file_becomes_a_dataset_once(assay: Assay) -> None:
    first = assay("eval", "import", "grades.csv", *SAID, *RULE)
    again = assay("eval", "import", "grades.csv", *SAID, *RULE)
    assert "stored sofas@" in first
    assert "is there already; nothing changed" in again
    [listed] = json.loads(assay("eval", "datasets", "list", "--json"))
    assert (listed["source"], listed["licence"], listed["made_by"]) == ("our own", "CC0", "ada")
    assert listed["ref"] in assay("eval", "datasets")


def test_an_export_is_imported_to_the_very_same_version(assay: Assay) -> None:
    assay("eval", "import", "grades.csv", *SAID, *RULE)
    assert "wrote 2 items" in assay("eval", "datasets", "export", "sofas", "-o", "out.jsonl")
    assert "is there already" in assay("eval", "import", "out.jsonl")
    lines = Path("out.jsonl").read_text().splitlines()
    Path("turned.jsonl").write_text("\n".join([lines[0], *reversed(lines[1:])]))
    assert "is there already" in assay("eval", "import", "turned.jsonl")


def test_a_dataset_is_shown_with_what_it_holds(assay: Assay) -> None:
    assay("eval", "import", "grades.csv", *SAID, *RULE)
    told = json.loads(assay("eval", "datasets", "show", "sofas", "--json"))["contents"]
    assert (told["items"], told["queries"], told["raters"]) == (2, 2, {"ada": 2, "ben": 1})
    shown = assay("eval", "datasets", "show", "sofas")
    assert "irrelevant 1, acceptable_substitute 1" in shown


def test_no_datasets_are_said_to_be_none(assay: Assay) -> None:
    assert "there is no dataset yet" in assay("eval", "datasets", "list")
    assert json.loads(assay("eval", "datasets", "list", "--json")) == []


def test_another_rule_is_another_version_of_the_name(assay: Assay) -> None:
    assay("eval", "import", "grades.csv", *SAID, *RULE)
    assay("eval", "import", "grades.csv", *SAID, "--rule", "0=0 1=1 2=2 3=2")
    assert len({each["version"] for each in json.loads(assay("eval", "datasets", "list", "--json"))}) == 2


async def test_anchors_are_a_dataset_and_watch_the_judge(assay: Assay, pool: asyncpg.Pool) -> None:
    said = await asyncio.to_thread(assay, "eval", "import", "grades.csv", *SAID, *RULE, "--anchors")
    again = await asyncio.to_thread(assay, "eval", "import", "grades.csv", *SAID, *RULE, "--anchors")
    assert "2 new anchors watch the judge" in said
    assert "0 new anchors" in again
    rows = await pool.fetch(
        "SELECT query, human_grade, listing ->> 'title' AS title FROM assay_data.anchors ORDER BY query"
    )
    assert [tuple(row) for row in rows] == [("lamp", 0, "Lamp"), ("sofa", 1, "Sofa")]


async def test_pairs_that_are_anchors_elsewhere_are_said(assay: Assay, pool: asyncpg.Pool) -> None:
    await asyncio.to_thread(assay, "eval", "import", "grades.csv", *SAID, *RULE, "--anchors")
    said = await asyncio.to_thread(assay, "eval", "import", "grades.csv", *SAID, *RULE, "--name", "others")
    assert "note: pairs that are anchors too, but not treated so in this dataset: 2" in said


@pytest.mark.data
def test_the_human_pairs_are_imported(assay: Assay, shared_data: Path) -> None:
    file = str(shared_data / "relevance" / "human_pairs.jsonl")
    told = json.loads(assay("eval", "import", file, *SAID, *RULE, "--market", "us", "--language", "en", "--json"))
    assert (told["items"], told["queries"], len(told["raters"])) == (2_135, 64, 18)
    assert told["contents"]["grades"] == {"irrelevant": 1_189, "acceptable_substitute": 296, "highly_relevant": 650}
    assert told["notices"] == ["raters who share no item with another: haystack_08, haystack_case"]


async def test_a_query_that_shoppers_type_has_its_volume(assay: Assay, pool: asyncpg.Pool) -> None:
    await pool.execute(
        "INSERT INTO assay_data.panes (run, application, market, query, hour, searches, sessions, engaged,"
        " reformulated, exits, zero_results)"
        " VALUES ('live', 'default', 'default', 'sofa', date_trunc('hour', now()), 900, 9, 0, 0, 0, 0)"
    )
    await asyncio.to_thread(assay, "eval", "import", "grades.csv", *SAID, *RULE)
    told = json.loads(await asyncio.to_thread(assay, "eval", "datasets", "show", "sofas", "--json"))
    assert told["contents"]["segments"]["volume"] == {"head": 1}
