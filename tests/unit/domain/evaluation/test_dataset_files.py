"""The formats: JSON lines, CSV, a book of Quepid, TREC qrels; what is right is read, what is wrong is named."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.evaluation.dataset_files import (
    Beside,
    Format,
    decoded,
    format_of,
    head_of,
    products_in,
    queries_in,
    rows_of,
)
from core.domain.evaluation.datasets import items_of
from core.domain.evaluation.items import DatasetKind
from core.domain.evaluation.rows import BadRow
from core.domain.evaluation.rules import ours
from tests.unit.domain.evaluation.files import jsonl, read_rows, read_table, usual

# --- JSON lines --------------------------------------------------------------------------------------------


def test_a_line_of_the_human_pairs_is_read() -> None:
    line = {
        "query": "sofa",
        "doc_id": "478578",
        "grade": 3.0,
        "ratings": [{"rater": "ada", "grade": 2.0}],
        "title": "Sofa",
        "name": "unused",
        "price_cents": 795,
        "image_url": "http://pictures/1.jpg",
        "attributes": {"width": 346.0, "legs": [1, "two"], "new": True, "none": None, "size": {"b": 1, "a": 2}},
    }
    [row] = read_rows("jsonl", jsonl(line))
    assert (row.listing_id, row.grade, row.ratings) == ("478578", 3.0, (("ada", 2.0),))
    assert row.listing is not None
    assert row.listing["price"] == {"amount": 7.95}
    assert row.listing["image_urls"] == ["http://pictures/1.jpg"]
    assert row.listing["attributes"] == {"width": "346", "legs": "1, two", "new": "yes", "size": '{"a":2,"b":1}'}


def test_a_line_of_assay_judge_is_read() -> None:
    listing = {"listing_id": 7, "title": "Sofa", "language": "sv", "price": {"amount": 5, "currency": "EUR"}}
    line = {"query": "sofa", "market": "at", "context": {"colour": "blue"}, "listing": listing, "label": "irrelevant"}
    [row] = read_rows("jsonl", jsonl(line))
    assert (row.market, row.language, row.context, row.grade) == ("at", "de", (("colour", "blue"),), "irrelevant")
    assert row.listing == {
        "listing_id": "7",
        "market": "at",
        "language": "sv",
        "title": "Sofa",
        "price": {"amount": 5.0, "currency": "EUR"},
    }


def test_a_pair_may_leave_its_product_to_the_catalogue() -> None:
    [row] = read_rows("jsonl", jsonl({"query": "sofa", "listing_id": "L1", "label": "irrelevant"}))
    assert row.listing is None


def test_a_head_is_no_row() -> None:
    lines = [
        b"\n",
        *jsonl({"assay_dataset": 1, "rule": "0=0 3=2", "source": "us", "license": "CC0"}, {"query": "a", "id": 1}),
    ]
    head = head_of("jsonl", lines)
    assert (head.rule, head.source, head.licence, head.mapped) == ("0=0 3=2", "us", "CC0", False)
    [row] = read_rows("jsonl", lines)
    assert row.place == "line 3"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"{", "line 1: not_json"),
        (b"[]", "line 1: not_an_object"),
        (b'{"listing_id": "L1"}', "line 1: query: absent or empty"),
        (b'{"query": "  ", "listing_id": "L1"}', "line 1: query: absent or empty"),
        (b'{"query": "sofa"}', "line 1: listing_id: absent"),
        (b'{"query": "sofa", "listing": {"listing_id": "L1"}}', "line 1: listing L1 has no title"),
        (b'{"query": "sofa", "listing_id": "L1", "ratings": 3}', "ratings: neither a list"),
        (b'{"query": "sofa", "listing_id": "L1", "ratings": [{"grade": 3}]}', "ratings: number 1 names no rater"),
        (b'{"query": "sofa", "listing_id": "L1", "ratings": {"ada": [1]}}', "what ada gave"),
        (b'{"query": "sofa", "listing_id": "L1", "split": "train"}', "split: train"),
        (b'{"query": "sofa", "listing_id": "L1", "rank": 0}', "rank: not from 1, the first place"),
        (b'{"query": "sofa", "listing_id": "L1", "rank": "first"}', "rank: not a whole number"),
        (b'{"query": "sofa", "listing_id": "L1", "title": "x", "price": "dear"}', "price: not a number"),
        (b'{"query": 3, "listing_id": "L1"}', "query: not text"),
        (b'{"query": "sofa", "listing_id": "L1", "context": {"query": "x"}}', "context.query"),
        (b'{"assay_dataset": 9}', "assay_dataset: 9"),
        (b'{"assay_dataset": 1, "kind": "sound"}', "kind: sound"),
        (b'{"assay_dataset": 1, "rule": 5}', "rule: not text"),
    ],
)
def test_a_line_that_can_not_be_used_is_named(line: bytes, says: str) -> None:
    with pytest.raises(BadRow) as refused:
        read_rows("jsonl", [line])
    assert says in str(refused.value)


# --- CSV ---------------------------------------------------------------------------------------------------


def test_one_rater_a_column() -> None:
    rows, notices = read_table(
        "query,listing_id,title,ada,ben\nsofa,L1,Sofa,3,\nlamp,L2,Lamp,0,1\n", raters=("ada", "ben")
    )
    assert [row.ratings for row in rows] == [(("ada", "3"),), (("ada", "0"), ("ben", "1"))]
    assert notices == []


def test_a_column_may_call_itself_a_raters() -> None:
    [row], _ = read_table("query,id,rater:ada,Rating: Ben B\nsofa,L1,3,0\n")
    assert row.ratings == (("ada", "3"), ("Ben B", "0"))


def test_one_rater_a_row() -> None:
    rows, _ = read_table("query,listing_id,rater,grade\nsofa,L1,ada,3\nsofa,L1,ben,0\n")
    assert [(row.ratings, row.grade) for row in rows] == [((("ada", "3"),), None), ((("ben", "0"),), None)]


def test_columns_may_have_other_names() -> None:
    told = {"Suchbegriff": "query", "Artikel": "listing_id", "Note": "grade"}
    [row], notices = read_table("Suchbegriff;Artikel;Note;Kommentar\nBlaues Sofa;L1;3;ja\n", renamed=told)
    assert (row.query, row.listing_id, row.grade) == ("blaues sofa", "L1", "3")
    assert notices == ["columns that are not read: Kommentar"]


@pytest.mark.parametrize("between", [",", ";", "\t"])
def test_cells_stand_apart_by_comma_semicolon_or_tab(between: str) -> None:
    [row], _ = read_table(between.join(("query", "id", "grade")) + "\n" + between.join(("sofa", "L1", "3")) + "\n")
    assert (row.query, row.grade) == ("sofa", "3")


def test_a_cell_may_hold_lines_and_the_place_is_where_it_ends() -> None:
    rows, _ = read_table('query,id,title,grade\n"so\nfa",L1,"Sofa, ""blue""",3\nlamp,L2,Lamp,0\n')
    assert [row.place for row in rows] == ["line 3", "line 4"]
    assert rows[0].listing is not None
    assert rows[0].listing["title"] == 'Sofa, "blue"'


def test_a_table_of_a_spreadsheet_begins_with_a_byte_order_mark() -> None:
    [row], _ = read_table("\ufeffquery,id,grade\nsofa,L1,3\n")
    assert row.query == "sofa"


def test_a_table_has_its_head_in_comments() -> None:
    text = "# rule: 0=0 3=2\n# Licence: CC0\n# other: x\nquery,id,grade\nsofa,L1,3\n"
    head = head_of("csv", text.encode().splitlines(keepends=True))
    assert (head.rule, head.licence) == ("0=0 3=2", "CC0")
    [row], _ = read_table(text)
    assert row.place == "line 5"


def test_cells_of_json_are_read() -> None:
    [row], _ = read_table(
        'query,id,grade,title,attributes,context\nsofa,L1,3,Sofa,"{""n"": 2}","{""colour"": ""blue""}"\n'
    )
    assert row.context == (("colour", "blue"),)
    assert row.listing is not None
    assert row.listing["attributes"] == {"n": "2"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "line 1: no columns"),
        ("word,id,grade\nsofa,L1,3\n", "line 1: no column query; the file has word, id, grade; name it with --column"),
        ("query,product,grade\nsofa,L1,3\n", "line 1: no column listing_id"),
        ("query,id,ada\nsofa,L1,3\n", "line 1: no column of grades"),
        ("query,id,grade,grade\nsofa,L1,3,3\n", "line 1: two columns are called grade"),
        ("query,id,grade\nsofa,L1\n", "line 2: 2 cells where the table has 3 columns"),
        ("query,id,grade\nsofa,L1,3,4\n", "line 2: 4 cells"),
        ('query,id,grade\nsofa,L1,"3"4\n', "line 2: "),
        ('query,id,grade\nsofa,L1,"3\n', "line 2: "),
        ("query,id,grade,attributes\nsofa,L1,3,{\n", "line 2: attributes: no JSON"),
        ("query,id,grade\n,L1,3\n", "line 2: query: absent or empty"),
    ],
)
def test_a_table_that_can_not_be_used_says_where(text: str, says: str) -> None:
    with pytest.raises(BadRow) as refused:
        read_table(text)
    assert says in str(refused.value)


def test_a_column_that_is_named_and_not_there_is_refused() -> None:
    with pytest.raises(BadRow, match="line 1: no column cleo; the file has query, id, ada"):
        read_table("query,id,ada\nsofa,L1,3\n", raters=("cleo",))


def test_text_that_is_not_utf_8_is_named_by_line() -> None:
    with pytest.raises(BadRow, match="line 2: not UTF-8 at byte 3; save the file as UTF-8"):
        decoded([b"query\n", "Kös".encode("latin-1")[:0] + b"abc\xff\n"])


# --- Pictures ----------------------------------------------------------------------------------------------


def test_pictures_are_of_a_listing_and_scored() -> None:
    text = "image_url,listing_id,seller,category,rater,score\nhttps://p/1.jpg,L1,s1,Sofas,ada,7\n"
    [row], _ = read_table(text, kind="image")
    assert (row.query, row.image_url, row.ratings) == ("L1", "https://p/1.jpg", (("ada", "7"),))
    assert row.segment == {"seller": "s1", "category": "Sofas"}


def test_a_picture_may_be_a_file() -> None:
    rows, _ = read_table("path,score\na.jpg,7\nb/c.jpg,2\n", kind="image")
    assert [row.image_url for row in rows] == ["a.jpg", "b/c.jpg"]
    assert len({row.query for row in rows}) == 2


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("listing_id,score\nL1,7\n", "line 1: no column image_url"),
        ("image_url,listing_id\nhttps://p/1.jpg,L1\n", "line 1: no column of grades"),
        ("path,score\ngone.jpg,7\n", "line 2: path: gone.jpg can't be read"),
        ("image_url,score\n,7\n", "line 2: image_url: absent"),
    ],
)
def test_pictures_that_can_not_be_used_say_where(text: str, says: str) -> None:
    with pytest.raises(BadRow) as refused:
        read_table(text, kind="image")
    assert says in str(refused.value)


# --- Quepid ------------------------------------------------------------------------------------------------

PAIR = {
    "query_text": "projector screen",
    "doc_id": "325961",
    "position": 2,
    "document_fields": json.dumps(
        {"title": "Projecta ProScreen", "thumb": "http://p/1.jpg", "brand": "Projecta", "year": 9}
    ),
    "information_need": "for a project",
    "judgements": [
        {"rating": 3.0, "unrateable": False, "judge_later": False, "user_email": "ada@example.com"},
        {"rating": 1.0, "unrateable": False, "judge_later": False},
        {"rating": None, "unrateable": True, "judge_later": False, "user_email": "ben@example.com"},
    ],
}


def book(*pairs: object) -> list[bytes]:
    return json.dumps({"name": "Party", "query_doc_pairs": pairs}, indent=1).encode().splitlines(keepends=True)


@pytest.mark.parametrize("as_object", [False, True])
def test_a_book_of_quepid_is_read(as_object: bool) -> None:
    fields = json.loads(str(PAIR["document_fields"])) if as_object else PAIR["document_fields"]
    lines = book({**PAIR, "document_fields": fields})
    found = rows_of("quepid", lines, head_of("quepid", lines), usual(), Beside())
    [row] = found.rows
    assert row.ratings == (("ada@example.com", 3.0), ("anonymous", 1.0))
    assert (row.query, row.ranks) == ("projector screen", {"engine": 2})
    assert row.listing is not None
    assert row.listing["attributes"] == {"year": "9"}
    assert row.listing["image_urls"] == ["http://p/1.jpg"]
    assert found.notices == ["judgements put off or called unrateable, taken as no grade: 1"]


def test_a_pair_of_a_book_without_fields_is_left_to_the_file_of_documents() -> None:
    beside = Beside(products={"325961": {"id": "325961", "title": "Projecta"}})
    [row] = read_rows("quepid", book({**PAIR, "document_fields": {}}), beside=beside)
    assert row.listing is not None
    assert row.listing["title"] == "Projecta"


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([b"[]"], "the book: not_an_object"),
        ([b"{}"], "the book: no list query_doc_pairs"),
        (book(3), "pair 1: not an object"),
        (book(PAIR, {**PAIR, "query_text": ""}), "pair 2 (, 325961): query: absent or empty"),
        (book({**PAIR, "doc_id": None}), "pair 1 (projector screen, None): listing_id: absent"),
        (book({**PAIR, "judgements": [1]}), "judgements: not a list of objects"),
        (book({**PAIR, "document_fields": "{"}), "document_fields: no JSON"),
        (book({**PAIR, "document_fields": "[]"}), "document_fields: not an object"),
    ],
)
def test_a_book_that_can_not_be_used_says_which_pair(lines: list[bytes], says: str) -> None:
    with pytest.raises(BadRow) as refused:
        read_rows("quepid", lines)
    assert says in str(refused.value)


def test_quepids_table_of_a_book_has_raters_as_columns() -> None:
    rows, _ = read_table("query,docid,Ada A,Anonymous\n =sofa,L1,3.0,\nlamp,L2,0.0,1.0\n")
    assert [row.query for row in rows] == ["=sofa", "lamp"]
    assert [row.ratings for row in rows] == [(("Ada A", "3.0"),), (("Ada A", "0.0"), ("Anonymous", "1.0"))]


def test_quepids_table_of_a_case_has_one_rating_and_queries_without_any() -> None:
    rows, notices = read_table("query,docid,rating\nsofa,L1,3.0\nlamp,,\n")
    assert [(row.query, row.grade) for row in rows] == [("sofa", "3.0")]
    assert notices == ["rows that name a query and no product, left out: 1"]


# --- TREC --------------------------------------------------------------------------------------------------

BESIDE = Beside(products={"D1": {"docno": "D1", "title": "Sofa"}}, queries={"101": "blue sofa"})


def test_qrels_are_read_with_their_topics_and_documents() -> None:
    [row] = read_rows("trec", [b"101 0 D1 3\n", b"\n"], beside=BESIDE)
    assert (row.query, row.listing_id, row.grade) == ("blue sofa", "D1", "3")
    assert row.listing is not None


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"101 0 D1", "line 1: 3 parts where qrels have four"),
        (b"102 0 D1 3", "line 1: topic 102 is not in the file of queries"),
        (b"101 0 D2 3", "line 1: document D2 is not in the file of documents"),
    ],
)
def test_qrels_that_can_not_be_used_say_where(line: bytes, says: str) -> None:
    with pytest.raises(BadRow) as refused:
        read_rows("trec", [line], beside=BESIDE)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    "lines",
    [
        [b"101\tblue sofa\n"],
        [b"101:blue sofa\n"],
        [b'{"_id": "101", "text": "blue sofa"}\n'],
        [b'{"query_id": 101, "query": "blue sofa"}\n'],
    ],
)
def test_queries_are_lines_of_id_and_text_or_json(lines: list[bytes]) -> None:
    assert queries_in(lines) == {"101": "blue sofa"}


@pytest.mark.parametrize("lines", [[b"101\n"], [b'{"query": "blue sofa"}\n']])
def test_a_query_without_id_or_text_is_refused_by_line(lines: list[bytes]) -> None:
    with pytest.raises(BadRow, match="line 1: no id"):
        queries_in(lines)


@pytest.mark.parametrize("lines", [jsonl({"docno": "D1", "title": "Sofa"}), [b"listing_id,title\n", b"D1,Sofa\n"]])
def test_documents_are_json_lines_or_a_table(lines: list[bytes]) -> None:
    assert products_in(lines)["D1"]["title"] == "Sofa"


@pytest.mark.parametrize("lines", [jsonl({"title": "Sofa"}), [b"name,title\n", b"D1,Sofa\n"]])
def test_documents_without_ids_are_refused(lines: list[bytes]) -> None:
    with pytest.raises(BadRow, match=r"line 1: .*listing_id"):
        products_in(lines)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("a.jsonl.gz", "jsonl"),
        ("A.CSV", "csv"),
        ("a.tsv", "csv"),
        ("book.json.zip", "quepid"),
        ("qrels.txt", "trec"),
        ("-", None),
        ("a.xlsx", None),
    ],
)
def test_the_ending_tells_the_format(name: str, found: str | None) -> None:
    assert format_of(name) == found


# --- Anything ----------------------------------------------------------------------------------------------

KNOWN = """query listing_id title listing ratings rater grade rank ranks segment context price price_cents attributes
    image_urls image_url path split assay_dataset market query_text doc_id judgements document_fields position"""
NAMES = st.sampled_from(KNOWN.split())
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["a\0", "1", "{", "[]"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
RECORDS = st.dictionaries(NAMES, VALUES, max_size=6)


def only_a_bad_row(file_format: Format, lines: list[bytes], kind: DatasetKind) -> None:
    """Whatever the file holds is read, or refused by place; what is read can be stored."""
    try:
        head = head_of(file_format, lines)
        rows = rows_of(file_format, lines, head, usual(kind), BESIDE).rows
        items = items_of(rows, ours(kind, "as they are"), 0.3)
    except BadRow:
        return
    for item in items:
        assert b"\\u0000" not in msgspec.json.encode(item)


@given(st.lists(RECORDS, max_size=3), st.sampled_from(["relevance", "image"]))
def test_any_json_lines_are_read_or_refused(records: list[dict[str, object]], kind: DatasetKind) -> None:
    only_a_bad_row("jsonl", jsonl(*records), kind)


@given(st.lists(RECORDS, max_size=3))
def test_any_book_is_read_or_refused(records: list[dict[str, object]]) -> None:
    only_a_bad_row("quepid", book(*records), "relevance")


@given(st.lists(st.lists(NAMES | st.text('ab1,";\n\0{}[]', max_size=5), max_size=4), max_size=4))
def test_any_table_is_read_or_refused(cells: list[list[str]]) -> None:
    text = "\n".join(",".join(row) for row in cells)
    only_a_bad_row("csv", text.encode().splitlines(keepends=True), "relevance")


@given(st.lists(st.binary(max_size=30), max_size=3), st.sampled_from(["jsonl", "csv", "quepid", "trec"]))
def test_any_bytes_are_read_or_refused(lines: list[bytes], file_format: Format) -> None:
    only_a_bad_row(file_format, lines, "relevance")
