"""Files of JSON lines: rows, products by id, queries by id."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from core.domain.evaluation.products import product_id
from core.domain.evaluation.rows import BadRow, Row, Usual, row_of
from core.domain.fields import BadFieldError, Object, Unusable, parsed_object


def rows_of_lines(lines: Sequence[bytes], skip: int, usual: Usual, products: Mapping[str, Object]) -> list[Row]:
    """A row a line that is not blank, after the head's; BadRow for the first that can't be used."""
    return [row_of(record, place, usual, products) for place, record in objects_of(lines, skip)]


def products_of_lines(lines: Sequence[bytes]) -> dict[str, Object]:
    """Records of products by their id. BadRow."""
    found: dict[str, Object] = {}
    for place, record in objects_of(lines):
        found.setdefault(_id(record, place), record)
    return found


def objects_of(lines: Sequence[bytes], skip: int = 0) -> Iterable[tuple[str, Object]]:
    """Each line's place and its object. BadRow."""
    for number, line in enumerate(lines[skip:], skip + 1):
        if not line.strip():
            continue
        record = parsed_object(line)
        if isinstance(record, Unusable):
            raise BadRow(f"line {number}", f"{record.reason}: {record.detail}")
        yield f"line {number}", record


def _id(record: Object, place: str) -> str:
    try:
        found = product_id(record)
    except BadFieldError as error:
        raise BadRow(place, str(error)) from None
    if not found:
        raise BadRow(place, "a product without an id, such as listing_id")
    return found
