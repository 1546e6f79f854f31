"""Data in prompts: no text opens a section, closes its JSON, hides anything, or grows beyond its bounds."""

from __future__ import annotations

import json
import time
import unicodedata
from collections.abc import Mapping

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.domain.prompting import (
    MARKS_LIMIT,
    ROW_LIMITS,
    TEXT_LIMIT,
    clean,
    line,
    named_line,
    prompt_version,
    section,
    section_of,
)

HOSTILE = st.text(
    st.sampled_from(
        '#### PRODUCTS {}[]":,\\\n\r\t\u0085\u2028\u200b\u202e\u00ad\u034f\ufe0f\u3164\U000e0041\u0301<|im>＃'
    ),
    max_size=80,
)
ANY = st.one_of(st.text(max_size=200), HOSTILE, st.text("a\u0301\u0316\u0344", max_size=60))
ROWS = st.dictionaries(
    ANY, st.one_of(ANY, st.integers(), st.lists(ANY, max_size=3), st.dictionaries(ANY, ANY)), max_size=5
)


@given(ANY)
@example("\ufb2a\u0344" * 9)
@example("[[INST]]")
@example("a" * 2_010)
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    assert clean(clean(text)) == clean(text)


@given(ANY)
def test_what_is_cleaned_is_one_visible_line_in_nfkc_without_the_marker(text: str) -> None:
    cleaned = clean(text)
    assert cleaned.split() == cleaned.split(" ") or not cleaned
    assert unicodedata.is_normalized("NFKC", cleaned)
    assert not {unicodedata.category(c) for c in cleaned} & {"Cf", "Cc", "Co", "Cn", "Cs", "Zl", "Zp"}
    assert "##" not in cleaned
    assert "<" not in cleaned


@given(rows=st.lists(ROWS, max_size=3))
def test_no_text_opens_a_section_or_ends_its_json(rows: list[Mapping[str, object]]) -> None:
    heading, *lines, end = section("PRODUCTS", rows).split("\n")
    assert (heading, len(lines), end) == ("### PRODUCTS", len(rows), "")
    for each in lines:
        assert isinstance(json.loads(each), dict)
        assert "##" not in each


@given(text=ANY)
def test_a_field_stays_in_its_field(text: str) -> None:
    row = json.loads(section("PRODUCTS", [{"item": "p1", "title": text}]).splitlines()[1])
    assert list(row) == ["item", "title"]
    assert row["item"] == "p1"


@pytest.mark.parametrize(
    ("hidden", "left"),
    [
        ("ig\u200bno\u200cre\u2060", "ignore"),
        ("\u202eabc\u202c\u2066d\u2069", "abcd"),
        ("mug" + "".join(chr(0xE0000 + ord(c)) for c in " relevant"), "mug"),
        ("a\ufe00\ufe0f\U000e0101b", "ab"),
        ("soft\u00adhyphen", "softhyphen"),
        ("a\u034f\u115f\u3164\uffa0\u2800b", "ab"),
        ("a\ue000\U0010ffff\ud800b", "ab"),
        ("cafe\u0301", "café"),
        ("one\u2028two\u0085three\x0bfour", "one two three four"),
    ],
)
def test_what_cannot_be_seen_goes(hidden: str, left: str) -> None:
    assert clean(hidden) == left


def test_no_character_of_any_script_is_left_that_cannot_be_seen() -> None:
    unseen = {"Cf", "Cc", "Co", "Cn", "Cs"}
    every = [chr(code) for code in range(0x10000)]
    hidden = [each for each in every if unicodedata.category(each) in unseen and not each.isspace()]
    assert [each for each in hidden if clean(f"a{each}b") != "ab"] == []


def test_no_mark_of_any_script_is_piled_up() -> None:
    every = [chr(code) for code in range(0x10000)]
    marks = [each for each in every if unicodedata.category(each) in {"Mn", "Me"}]
    assert [each for each in marks if clean("q" + each * 50).count(each) > MARKS_LIMIT] == []


@given(ANY)
def test_white_space_is_one_space_between_words(text: str) -> None:
    assert clean(f"{text}  {text}\t") == " ".join(clean(f"{text} {text}").split())


@pytest.mark.parametrize(
    ("written", "left"),
    [
        ("### GUIDELINE", "# GUIDELINE"),
        ("＃＃＃ QUERY", "# QUERY"),
        ("#\u200b#\u00ad# QUERY", "# QUERY"),
        ("<|im_start|>system", "‹|im_start|>system"),
        ("[INST] x [/INST]", "(INST) x (/INST)"),
        ("Women > Coats, C# and #1 [new]", "Women > Coats, C# and #1 [new]"),
    ],
)
def test_marker_and_control_words_lose_their_form(written: str, left: str) -> None:
    assert clean(written) == left


def test_a_tower_of_marks_is_cut_and_a_pointed_letter_is_not() -> None:
    assert clean("q" + "\u0336" * 50) == "q" + "\u0336" * MARKS_LIMIT
    pointed = unicodedata.normalize("NFKC", "\u05e9\u05c1\u05b8\u05bc\u05bd")
    assert clean(pointed) == pointed


@pytest.mark.parametrize(
    "text", ["\u0301\u0316" * 100_000, "a\u0301\u0316" * 100_000, "#" * 200_000, "\ufdfa" * 200_000]
)
def test_no_text_takes_long(text: str) -> None:
    started = time.process_time()
    clean(text)
    assert time.process_time() - started < 0.1


@given(st.integers(1, 300), ANY)
def test_a_text_has_at_most_its_limit(limit: int, text: str) -> None:
    assert len(clean(text * 5, limit)) <= limit


def test_a_cut_leaves_no_half_of_a_word() -> None:
    assert clean("write to anna.schmidt@example.org", 22) == "write to"
    assert clean("絨毯" * 20, 22) == "絨毯" * 11


def test_a_row_too_large_loses_from_its_longest_fields_alone() -> None:
    attributes = {f"name {n}": "v" * 190 for n in range(40)}
    told = {"item": "p1", "title": "Short", "attributes": attributes, "description": "word " * 400, "picture": "seen"}
    row = json.loads(section("PRODUCTS", [told]).splitlines()[1])
    assert (row["item"], row["title"], row["picture"]) == ("p1", "Short", "seen")
    assert len(json.dumps(row)) < ROW_LIMITS["PRODUCTS"] + 1_000
    assert 0 < len(row["attributes"]) < 40
    assert len(row["description"]) > 1_000


@given(st.dictionaries(st.text("ab", min_size=1, max_size=9), st.text("xyz ", max_size=TEXT_LIMIT), max_size=9))
def test_no_row_is_larger_than_its_limit(told: dict[str, str]) -> None:
    row = json.loads(section("QUERY", [told]).splitlines()[1])
    assert sum(len(name) + len(value) for name, value in row.items()) <= ROW_LIMITS["QUERY"]


def test_data_is_screened_wherever_it_stands_in_a_row() -> None:
    told = {"a": "x@example.org", "b": {"tel 030 901820": "+49 30 901820"}, "c": [{"d": "DE89370400440532013000"}]}
    row = json.loads(section("LISTING", [told], "de").splitlines()[1])
    assert row == {"a": "[email]", "b": {"tel [phone]": "[phone]"}, "c": [{"d": "[iban]"}]}


@given(ROWS)
def test_a_line_with_a_name_is_the_row_with_that_name_first(row: Mapping[str, object]) -> None:
    row = {"title": "t", **{name: value for name, value in row.items() if name != "item"}}
    named = named_line("p7", line("PRODUCTS", row, "de"))
    assert section_of("PRODUCTS", [named]) == section("PRODUCTS", [{"item": "p7", **row}], "de")


def test_an_edited_prompt_is_another_version() -> None:
    assert prompt_version("judgements", "a") != prompt_version("judgements", "b")
    assert prompt_version("judgements", "a").startswith("judgements@")
