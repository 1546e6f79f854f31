"""`assay eval import`: wrong files and wrong use end with one line that says where, before the database is asked."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from cli.eval_reading import lines_of, picture_hash
from core.domain.fields import BadFieldError
from core.errors import UsageError
from tests.unit.cli.conftest import Command

NOWHERE = {"ASSAY_POSTGRES_DSN": "postgresql://localhost:1/x"}
SAID = ("--name", "sofas", "--source", "us", "--licence", "CC0")
RULE = ("--rule", "0=0 1=1 2=1 3=2")
GOOD = "query,listing_id,title,rater:ada,rater:ben\nsofa,L1,Sofa,3,2\nlamp,L2,Lamp,0,\n"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "grades.csv"
    path.write_text(GOOD)
    return path


@pytest.mark.parametrize(
    ("text", "options", "says"),
    [
        ("word,listing_id,grade\nsofa,L1,3\n", RULE, "grades.csv, line 1: no column query"),
        (
            "query,listing_id,grade\nsofa,L1,3\nlamp,L2,9\n",
            RULE,
            "grades.csv, line 3: grade 9: not in the rule 0=0 1=1 2=1",
        ),
        (
            "query,listing_id,grade\nsofa,L1,3\nlamp,L2,0\n",
            (),
            "line 2: grade 3: what it means is not said; state it with",
        ),
        ("query,listing_id,grade\nsofa,L1,3\nsofa,L2,0\n", RULE, "one query only, 'sofa'"),
        ("query,listing_id,grade\nsofa,L1,3\nlamp,L2,3\n", RULE, "one label only, highly_relevant"),
        ("query,id,rater:ada,rater:ben\nsofa,L1,3,\nlamp,L2,,0\n", RULE, "never graded the same item (ada, ben)"),
        ("query,listing_id,grade\n", RULE, "grades.csv holds no row"),
        ("", RULE, "grades.csv, line 1: no columns"),
        (GOOD, ("--rule", "0=5"), "--rule: '5' is none of our grades"),
        ("# rule: x\n" + GOOD, (), "grades.csv, rule: 'x' is no part of a rule"),
        (GOOD, (*RULE, "--column", "query"), "--column takes our name and the file's"),
        (GOOD, (*RULE, "--column", "word=query"), "--column: 'word' is none of"),
        (GOOD, (*RULE, "--raters", "cleo"), "line 1: no column cleo"),
        (GOOD, (*RULE, "--name", "so fas"), "--name takes letters"),
        (GOOD, (*RULE, "--source", " "), "--source is missing"),
        (GOOD, (*RULE, "--licence", ""), "--licence is missing"),
        (GOOD, (*RULE, "--tune", "2"), "--tune"),
        (GOOD, (*RULE, "--format", "trec"), "--queries FILE and --documents FILE"),
        (GOOD, (*RULE, "--documents", "gone.jsonl"), "gone.jsonl can't be read"),
        (
            "query,listing_id,grade\nsofa,L1,3\nlamp,L2,0\n",
            (*RULE, "--anchors"),
            "line 2: an anchor brings its product",
        ),
        ("query,id,title,grade\nsofa,L1,S,3\nlamp,L2,L,\n", (*RULE, "--anchors"), "line 3: an anchor carries a grade"),
    ],
)
def test_what_can_not_be_imported_says_where_and_stores_nothing(
    command: Command, table: Path, text: str, options: tuple[str, ...], says: str
) -> None:
    table.write_text(text)
    done = command("eval", "import", str(table), *SAID, *options, **NOWHERE)
    [line] = done.err.splitlines()
    assert (done.code, done.out) == (2, "")
    assert says in line


def test_a_name_that_tells_no_format_is_asked_about(command: Command, tmp_path: Path) -> None:
    path = tmp_path / "grades.xlsx"
    path.write_text(GOOD)
    done = command("eval", "import", str(path), *SAID, **NOWHERE)
    assert (done.code, "say --format jsonl, csv, quepid or trec" in done.err) == (2, True)


def test_a_dry_run_says_what_would_be_stored(command: Command, table: Path) -> None:
    done = command("eval", "import", str(table), *SAID, *RULE, "--dry-run", "--json", **NOWHERE)
    told = json.loads(done.out)
    assert (done.code, told["stored"], told["name"], told["rule"]) == (0, False, "sofas", "0=0 1=1 2=1 3=2")
    assert told["contents"]["grades"] == {"irrelevant": 1, "acceptable_substitute": 1}
    assert told["raters"] == ["ada", "ben"]


def test_thin_data_may_be_asked_for(command: Command, table: Path) -> None:
    table.write_text("query,listing_id,grade\nsofa,L1,3\n")
    done = command("eval", "import", str(table), *SAID, *RULE, "--allow-thin", "--dry-run", **NOWHERE)
    assert done.code == 0
    assert "note: one query only" in done.out
    assert "nothing is stored" in done.out


def test_the_files_head_says_what_the_command_line_need_not(command: Command, tmp_path: Path) -> None:
    path = tmp_path / "grades.csv"
    path.write_text("# name: lamps\n# source: us\n# licence: CC0\n# rule: 0=0 2=1 3=2\n" + GOOD)
    told = json.loads(command("eval", "import", str(path), "--dry-run", "--json", **NOWHERE).out)
    assert (told["name"], told["source"], told["rule"]) == ("lamps", "us", "0=0 2=1 3=2")


def test_a_rule_on_top_of_grades_that_are_ours_is_refused(command: Command, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"assay_dataset": 1, "mapped": true, "rule": "0=0 3=2"}\n{"query": "a", "id": 1, "grade": 2}\n')
    done = command("eval", "import", str(path), *SAID, *RULE, **NOWHERE)
    assert (done.code, "mapped already, by the rule 0=0 3=2" in done.err) == (2, True)


def test_the_one_file_of_a_zip_is_read(tmp_path: Path) -> None:
    path = tmp_path / "book.json.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("book.json", "{}\n[]")
        archive.writestr("__MACOSX/._book.json", "x")
    assert lines_of(str(path)) == [b"{}\n", b"[]"]


@pytest.mark.parametrize("names", [[], ["a", "b"]])
def test_a_zip_of_none_or_several_files_is_refused(tmp_path: Path, names: list[str]) -> None:
    path = tmp_path / "book.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in [*names, "__MACOSX/x"]:
            archive.writestr(name, "{}")
    with pytest.raises(UsageError, match=f"holds {len(names)} files"):
        lines_of(str(path))


def test_a_broken_zip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "book.zip"
    path.write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(UsageError, match="no zip file that can be read"):
        lines_of(str(path))


def test_a_picture_is_told_by_its_bytes_wherever_it_lies(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "a b.jpg").write_bytes(b"picture")
    (tmp_path / "there" / "c.jpg").write_bytes(b"picture")
    assert picture_hash("a b.jpg", tmp_path) == picture_hash("c.jpg", tmp_path / "there")


@pytest.mark.parametrize("name", ["gone.jpg", "a\0b.jpg", "."])
def test_a_picture_that_can_not_be_read_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadFieldError, match=r"can't be read in .*; name its folder with --pictures"):
        picture_hash(name, tmp_path)


def test_files_of_pictures_are_found_in_the_folder_that_is_named(command: Command, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    for name in ("1.jpg", "2.jpg"):
        (tmp_path / "there" / name).write_bytes(name.encode())
    path = tmp_path / "scores.csv"
    path.write_text("path,score\n1.jpg,3\n2.jpg,9\n")
    asked = ("eval", "import", str(path), *SAID, "--kind", "image", "--dry-run", "--json")
    missing = command(*asked, **NOWHERE)
    assert (missing.code, "line 2: path: 1.jpg can't be read" in missing.err) == (2, True)
    told = json.loads(command(*asked, "--pictures", str(tmp_path / "there"), **NOWHERE).out)
    assert (told["kind"], told["items"], told["contents"]["grades"]) == ("image", 2, {"3": 1, "9": 1})
