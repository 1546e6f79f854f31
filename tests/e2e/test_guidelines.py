"""`assay guideline` and `assay modes`: an edit judges its query again and nothing else, modes stand side by side."""

from __future__ import annotations

import json
from pathlib import Path

from tests.e2e import shoppers
from tests.e2e.conftest import Place

PAIRS = [
    {"query": query, "market": "uk", "language": "en", "listing": {"listing_id": f"{query} {number}", "title": title}}
    for query in ("red mug", "garden hose")
    for number, title in enumerate(("Red mug, 300 ml", "Garden hose 10 m", "Blue mug"))
]
LABELS = "SELECT query, listing_id, guideline_version FROM assay.relevance_labels ORDER BY 1, 2"
MUG = ("red mug", "--market", "uk", "--language", "en")


def written(directory: Path, pairs: list[dict[str, object]]) -> str:
    path = directory / "pairs.jsonl"
    path.write_bytes(shoppers.lines([json.dumps(pair).encode() for pair in pairs]))
    return str(path)


async def test_an_edit_judges_its_query_again_and_leaves_all_others(
    place: Place, judge_url: str, tmp_path: Path
) -> None:
    assay = place.assay.having(llm_base_url=judge_url)
    await assay("judge", written(tmp_path, PAIRS))
    await assay("run", "relevance", "--until-idle")
    before = await place.rows(LABELS)
    calls = await place.value("SELECT count(*) FROM assay.llm_calls")
    shown = await assay("guideline", "show", *MUG, "--json")
    body = json.loads(shown.out)
    body["requirements"].append({"requirement": "new", "importance": "nice_to_have", "why": "nobody wants used mugs"})
    (tmp_path / "edit.json").write_text(json.dumps(body))
    edited = await assay(
        "guideline", "edit", *MUG, "--from", str(tmp_path / "edit.json"), "--author", "ada", "--comment", "used ones"
    )
    await assay("run", "relevance", "--until-idle")
    after = await place.rows(LABELS)

    assert (shown.code, edited.code) == (0, 0)
    assert "3 results of this query are judged again" in edited.out
    assert after[:3] == before[:3]
    assert [row[1] for row in after[3:]] == [row[1] for row in before[3:]]
    assert all(str(row[2]).startswith("edit2.") for row in after[3:])
    assert await place.value("SELECT count(*) FROM assay.llm_calls") == int(str(calls)) + 1
    assert await place.value("SELECT count(*) FROM assay.relevance_label_history") == 9

    told = await assay("guideline", "history", *MUG)
    assert "+ nice_to_have: new (nobody wants used mugs)" in told.out
    assert "used ones" in told.out
    back = await assay("guideline", "restore", *MUG, str(before[3][2]), "--author", "ben")
    assert "3 results of this query are judged again" in back.out


async def test_a_guideline_that_is_none_is_not_stored(place: Place) -> None:
    missing = await place.assay("guideline", "show", *MUG)
    wrong = await place.assay("guideline", "edit", *MUG, "--from", "-", "--author", "ada", stdin=b'{"translation": ""}')
    assert (missing.code, wrong.code) == (2, 2)
    assert "there is no guideline of 'red mug'" in missing.one_line()
    assert "nothing was saved" in wrong.one_line()
    assert await place.value("SELECT count(*) FROM assay.guideline_history") == 0


async def test_pairs_of_one_query_in_two_contexts_have_a_guideline_each(
    place: Place, judge_url: str, tmp_path: Path
) -> None:
    filtered = [{**PAIRS[0], "context": {"gender": "women"}}, PAIRS[0]]
    queued = await place.assay("judge", written(tmp_path, filtered))
    await place.assay.having(llm_base_url=judge_url)("run", "relevance", "--until-idle")
    assert "queued 2 of 2" in queued.out
    assert await place.rows("SELECT context FROM assay.relevance_labels_by_context ORDER BY 1") == [
        ("",),
        ('{"gender":"women"}',),
    ]


async def test_modes_are_compared_with_one_another_and_with_people_and_rankers_see_none_of_it(
    place: Place, judge_url: str, tmp_path: Path
) -> None:
    rated = [{**pair, "grade": 2 if "Red" in str(pair["listing"]) else 0} for pair in PAIRS]
    file = written(tmp_path, rated)
    assay = place.assay.having(llm_base_url=judge_url)
    first = await assay("modes", file, "--modes", "text,text_and_description", "--json")
    calls = await place.value("SELECT count(*) FROM assay.llm_calls")
    again = await assay("modes", file, "--modes", "text,text_and_description", "--json")
    shown = await assay("modes", file, "--modes", "text,text_and_description")
    report, repeated = json.loads(first.out), json.loads(again.out)

    assert [(mode["mode"], mode["pairs"], mode["reused"]) for mode in report["modes"]] == [
        ("text", 6, 0),
        ("text_and_description", 6, 0),
    ]
    assert report["agreements"][0]["exact"]["value"] == 1.0
    assert {(each["one"], each["other"]) for each in report["agreements"]} == {
        ("text", "text_and_description"),
        ("text", "people"),
        ("text_and_description", "people"),
    }
    assert [mode["reused"] for mode in repeated["modes"]] == [6, 6]
    assert repeated["modes"][0]["input_tokens_per_pair"] == report["modes"][0]["input_tokens_per_pair"] > 0
    assert await place.value("SELECT count(*) FROM assay.llm_calls") == calls
    assert await place.value("SELECT count(*) FROM assay.relevance_label_history") == 0
    assert "6 pairs in 2 modes" in shown.out


async def test_modes_takes_two_or_more_of_those_there_are(place: Place, tmp_path: Path) -> None:
    done = await place.assay("modes", written(tmp_path, PAIRS), "--modes", "text,sight")
    assert done.code == 2
    assert "--modes takes two or more" in done.one_line()
