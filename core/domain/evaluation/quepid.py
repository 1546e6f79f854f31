"""A book of Quepid as its JSON export tells it: `query_doc_pairs`, each with `judgements` by several raters.

Made by Quepid's app/views/api/v1/export/books (September 2026): `query_text`, `doc_id`, `position`, `document_fields`
(text of JSON in older exports, an object in newer ones), `judgements` of `rating`, `unrateable`, `judge_later`,
`user_email` (absent where nobody signed in).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.domain import strict_json
from core.domain.evaluation.products import has_product, product_of
from core.domain.evaluation.rows import BadRow, Row, Usual, row_of
from core.domain.fields import BadFieldError, Object, Unusable, identifier, obj, parsed_object, present, text

ANONYMOUS = "anonymous"
"""A judgement without a user, as Quepid's own table calls it."""

ENGINE = "quepid"
"""Whose place `position` is, where nobody says."""


@dataclass(frozen=True, slots=True)
class Book:
    """Rows, and judgements that carry no grade."""

    name: str
    rows: list[Row]
    notices: list[str]


def rows_of_book(content: bytes, usual: Usual, products: Mapping[str, Object]) -> Book:
    """Every pair of the book. BadRow names the pair by its number, query and document."""
    book = parsed_object(content)
    if isinstance(book, Unusable):
        raise BadRow("the book", f"{book.reason}: {book.detail}")
    pairs = book.get("query_doc_pairs")
    if not isinstance(pairs, list):
        raise BadRow("the book", "no list query_doc_pairs: is this the JSON export of a book?")
    found = [_row(pair, number, usual, products) for number, pair in enumerate(pairs, 1)]
    put_off = sum(count for _, count in found)
    notices = [f"judgements put off or called unrateable, taken as no grade: {put_off}"] if put_off else []
    return Book(str(book.get("name") or ""), [row for row, _ in found], notices)


def _row(pair: object, number: int, usual: Usual, products: Mapping[str, Object]) -> tuple[Row, int]:
    if not isinstance(pair, dict):
        raise BadRow(f"pair {number}", "not an object")
    place = f"pair {number} ({pair.get('query_text')!s:.60}, {pair.get('doc_id')!s:.60})"
    try:
        query, doc_id = text(pair, "query_text", None), identifier(pair, "doc_id") or ""
        given = pair.get("judgements") or []
        if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
            raise BadFieldError("judgements: not a list of objects")
        record = {
            "query": query,
            "listing_id": doc_id,
            "position": pair.get("position") or None,
            "ratings": [_rating(each) for each in given if _graded(each)],
            **_product(pair, doc_id, usual),
        }
    except BadFieldError as error:
        raise BadRow(place, str(error)) from None
    return row_of(record, place, usual, products), sum(not _graded(each) for each in given)


def _graded(judgement: Object) -> bool:
    return not judgement.get("unrateable") and not judgement.get("judge_later") and judgement.get("rating") is not None


def _rating(judgement: Object) -> Object:
    return {"rater": text(judgement, "user_email", None) or ANONYMOUS, "grade": judgement.get("rating")}


def _product(pair: Object, doc_id: str, usual: Usual) -> Object:
    """The product that `document_fields` tells of, with every field of it; nothing where they hold no title."""
    fields = present(pair, "document_fields")
    told = _fields(fields) if isinstance(fields, str) else obj(pair, "document_fields")
    if not doc_id or not has_product(told):
        return {}
    return {"listing": product_of(told, doc_id, usual.market, usual.language, rest=True)}


def _fields(written: str) -> Object:
    try:
        told = strict_json.loads(written.encode())
    except strict_json.NotJsonError as error:
        raise BadFieldError(f"document_fields: no JSON: {error}") from None
    if not isinstance(told, dict):
        raise BadFieldError("document_fields: not an object")
    return told
