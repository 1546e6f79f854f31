"""TREC qrels (`topic iteration document grade`), with the topics' texts and the products in files of their own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from core.domain.evaluation.line_files import objects_of
from core.domain.evaluation.rows import BadRow, Row, Usual, row_of
from core.domain.fields import Object

QUERY_IDS = ("query_id", "topic", "_id", "id", "qid")
QUERY_TEXTS = ("query", "text", "title")


def rows_of_qrels(
    lines: Sequence[str], skip: int, usual: Usual, queries: Mapping[str, str], products: Mapping[str, Object]
) -> list[Row]:
    """A row a line. BadRow for a line of other than four parts, a topic without a text, a document that the file of
    products does not have."""
    return [
        _row(line, f"line {number}", usual, queries, products)
        for number, line in enumerate(lines[skip:], skip + 1)
        if line.strip()
    ]


def _row(line: str, place: str, usual: Usual, queries: Mapping[str, str], products: Mapping[str, Object]) -> Row:
    parts = line.split()
    if len(parts) != 4:
        raise BadRow(place, f"{len(parts)} parts where qrels have four: topic, iteration, document, grade")
    topic, _, document, grade = parts
    if topic not in queries:
        raise BadRow(place, f"topic {topic} is not in the file of queries")
    if document not in products:
        raise BadRow(place, f"document {document} is not in the file of documents")
    return row_of({"query": queries[topic], "listing_id": document, "grade": grade}, place, usual, products)


def queries_of(lines: Sequence[str]) -> dict[str, str]:
    """Texts of topics by id: JSON lines of an id and a text, or lines of an id, a tab (or colon, or comma) and a text.
    BadRow."""
    told = [line for line in lines if line.strip()]
    if told and told[0].lstrip().startswith("{"):
        encoded = [line.encode() for line in lines]
        return dict(_query(record, place) for place, record in objects_of(encoded))
    return dict(_pair(line, f"line {number}") for number, line in enumerate(lines, 1) if line.strip())


def _query(record: Object, place: str) -> tuple[str, str]:
    key = next((str(record[name]) for name in QUERY_IDS if record.get(name) not in (None, "")), "")
    words = next((str(record[name]) for name in QUERY_TEXTS if record.get(name)), "")
    if not key or not words:
        raise BadRow(place, f"no id or no text; an example: {json.dumps({'query_id': '1', 'query': 'blue sofa'})}")
    return key, words


def _pair(line: str, place: str) -> tuple[str, str]:
    for between in ("\t", ":", ","):
        key, found, words = line.strip().partition(between)
        if found and key.strip() and words.strip():
            return key.strip(), words.strip().strip('"')
    raise BadRow(place, "no id and text with a tab between them")
