"""A row of a file, whichever its format: which item it tells of, and what people said of it, as it was written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from core.domain.evaluation.items import DatasetKind, Split
from core.domain.evaluation.products import checked_listing, has_product, product_id, product_of
from core.domain.fields import (
    MAX_NAME_CHARS,
    MAX_USER_QUERY_CHARS,
    BadFieldError,
    Object,
    checked,
    integer,
    obj,
    present,
    text,
)
from core.domain.guidelines import Context
from core.domain.normalise import normalised_query
from core.domain.requests import context_in
from core.domain.search_log import DEFAULT_APPLICATION, DEFAULT_MARKET
from core.domain.task_keys import digest

RATER_CHARS = 100
"""Of a rater's name: an address of e-mail fits."""

MAX_DIGITS = 10
"""Of a rank as text: longer ones are no ranks, and Python refuses to read very long ones."""

REMOTE = ("http://", "https://")
"""What a picture's address begins with; what begins otherwise is a file."""

LAST_RANK = 32_767
"""Nobody grades what stands deeper, and measures keep places in 16 bits."""

GRADES = ("label", "grade", "rating", "score", "relevance")
"""Names of a grade, in the order in which they count where a row has several."""

FIELDS = frozenset(
    {
        *("application", "market", "language", "query", "context", "listing", "ratings", "rater", "ranks", "engine"),
        *("rank", "position", "split", "segment", "seller", "path", *GRADES),
    }
)
"""What a row may say besides its product."""


class BadRow(ValueError):
    """A row can't be used; `place` is where it stands, as a person finds it."""

    def __init__(self, place: str, message: str) -> None:
        super().__init__(f"{place}: {message}")
        self.place = place


@dataclass(frozen=True, slots=True)
class Usual:
    """What holds for rows that say nothing themselves. `picture_hash` gives the SHA-256 of a picture file's bytes;
    BadFieldError where it can't be read."""

    kind: DatasetKind
    picture_hash: Callable[[str], str]
    application: str = DEFAULT_APPLICATION
    market: str = DEFAULT_MARKET
    language: str = ""
    engine: str = "engine"


@dataclass(frozen=True, slots=True)
class Row:
    """One place of a file. Grades are as written."""

    place: str
    item_id: str
    application: str
    market: str
    language: str
    query: str
    context: Context
    listing_id: str
    listing: Mapping[str, object] | None
    image_url: str | None
    segment: Mapping[str, str]
    ranks: Mapping[str, int]
    split: Split | None
    grade: object
    """Adjudicated, or the only one there is; None: absent."""
    ratings: tuple[tuple[str, object], ...]


def row_of(record: Object, place: str, usual: Usual, products: Mapping[str, Object]) -> Row:
    """The row that an object tells of; `products` by id of those who stand in a file of their own. BadRow."""
    try:
        return _picture(record, place, usual) if usual.kind == "image" else _pair(record, place, usual, products)
    except BadFieldError as error:
        raise BadRow(place, str(error)) from None


def _pair(record: Object, place: str, usual: Usual, products: Mapping[str, Object]) -> Row:
    query = normalised_query(_words(record, "query", MAX_USER_QUERY_CHARS))
    if not query:
        raise BadFieldError("query: absent or empty")
    application, market, language = _where(record, usual)
    listing_id, listing = _product(record, market, language, products)
    language = language or _said(listing, "language")
    context = context_in(record)
    return Row(
        place=place,
        item_id=pair_id(application, market, language, query, context, listing_id),
        application=application,
        market=market,
        language=language,
        query=query,
        context=context,
        listing_id=listing_id,
        listing=listing,
        image_url=None,
        segment=_segment(record, listing),
        ranks=_ranks(record, usual.engine),
        split=_split(record),
        grade=_grade(record) if present(record, "rater") is None else None,
        ratings=_ratings(record),
    )


def pair_id(application: str, market: str, language: str, query: str, context: Context, listing_id: str) -> str:
    """The same pair has the same id in every dataset."""
    filters = [part for name, value in context for part in (name, value)]
    return digest(application, market, language, query, listing_id, *filters)[:24]


def picture_id(listing_id: str, picture: str) -> str:
    """`picture` is its address, or of a file the hash of its bytes."""
    return digest("picture", listing_id, picture)[:24]


def _picture(record: Object, place: str, usual: Usual) -> Row:
    path, address = _words(record, "path"), _words(record, "image_url")
    if not path and not address:
        raise BadFieldError("image_url: absent, and so is path")
    address = path or address
    picture = address if address.startswith(REMOTE) else usual.picture_hash(address)
    application, market, language = _where(record, usual)
    listing_id, listing = _product(record, market, language, {}, picture)
    return Row(
        place=place,
        item_id=picture_id(listing_id, picture),
        application=application,
        market=market,
        language=language or _said(listing, "language"),
        query=listing_id,
        context=(),
        listing_id=listing_id,
        listing=listing,
        image_url=address,
        segment=_segment(record, listing),
        ranks={},
        split=_split(record),
        grade=_grade(record) if present(record, "rater") is None else None,
        ratings=_ratings(record),
    )


def _where(record: Object, usual: Usual) -> tuple[str, str, str]:
    return (
        _words(record, "application", MAX_NAME_CHARS) or usual.application,
        _words(record, "market", MAX_NAME_CHARS) or usual.market,
        _words(record, "language", MAX_NAME_CHARS) or usual.language,
    )


def _product(
    record: Object, market: str, language: str, products: Mapping[str, Object], nameless: str = ""
) -> tuple[str, Mapping[str, object] | None]:
    """Its id and, where the line or the file of products tells of it, the product. `nameless`: the id of one that has
    none; empty where it must have one."""
    if present(record, "listing") is not None:
        usual = {"market": market, **({"language": language} if language else {})}
        listing = checked_listing({**usual, **obj(record, "listing")})
        return str(listing["listing_id"]), listing
    listing_id = product_id(record) or nameless
    if not listing_id:
        raise BadFieldError("listing_id: absent; a pair names its product by listing_id or brings it as listing")
    told = record if has_product(record) else products.get(listing_id)
    return listing_id, None if told is None else product_of(told, listing_id, market, language, rest=told is not record)


def _said(listing: Mapping[str, object] | None, name: str) -> str:
    return str((listing or {}).get(name) or "")


def _words(record: Object, name: str, limit: int | None = None) -> str:
    return text(record, name, limit) or ""


def _segment(record: Object, listing: Mapping[str, object] | None) -> dict[str, str]:
    named = obj(record, "segment")
    told = {checked(name, MAX_NAME_CHARS, "segment"): text(named, name, None, "segment.") for name in named}
    extra = {name: _words(record, name) for name in ("seller",)}
    found = {"category": _words(record, "category") or _said(listing, "category"), **extra, **told}
    return {name: value for name, value in found.items() if value}


def _split(record: Object) -> Split | None:
    value = _words(record, "split")
    if value not in ("", "tune", "test"):
        raise BadFieldError(f"split: {value:.40}, which is neither tune nor test")
    return "tune" if value == "tune" else "test" if value == "test" else None


def _ranks(record: Object, engine: str) -> dict[str, int]:
    named = obj(record, "ranks")
    ranks = {checked(name, MAX_NAME_CHARS, "ranks"): integer(named, name, "ranks.") for name in named}
    place = next((name for name in ("rank", "position") if present(record, name) is not None), "")
    if place:
        ranks[_words(record, "engine", MAX_NAME_CHARS) or engine] = _whole(record[place], place)
    found = {name: rank for name, rank in ranks.items() if rank is not None}
    if any(not 1 <= rank <= LAST_RANK for rank in found.values()):
        raise BadFieldError(f"rank: not from 1, the first place, to {LAST_RANK}")
    return found


def _whole(value: object, name: str) -> int:
    if isinstance(value, str) and value.strip().isdecimal() and len(value) < MAX_DIGITS:
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadFieldError(f"{name}: not a whole number")
    return value


def _grade(record: Object) -> object:
    return next((value for name in GRADES if (value := present(record, name)) is not None), None)


def _ratings(record: Object) -> tuple[tuple[str, object], ...]:
    """Those of the field `ratings` (a list of rater and grade, or an object of grades by rater), and a row's own."""
    given = record.get("ratings")
    listed = [] if given is None else _listed(given)
    if present(record, "rater") is not None:
        listed.append((_words(record, "rater"), _grade(record)))
    return tuple(
        (checked(rater.strip(), RATER_CHARS, "rater"), grade) for rater, grade in listed if _scalar(grade, rater)
    )


def _listed(given: object) -> list[tuple[str, object]]:
    if isinstance(given, dict):
        return [(str(rater), grade) for rater, grade in given.items()]
    if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
        raise BadFieldError("ratings: neither a list of rater and grade nor an object of grades by rater")
    return [(_rater(each, number), _grade(each)) for number, each in enumerate(given, 1)]


def _rater(rating: Object, number: int) -> str:
    name = _words(rating, "rater")
    if not name:
        raise BadFieldError(f"ratings: number {number} names no rater")
    return name


def _scalar(grade: object, rater: str) -> bool:
    """Whether a grade is there; BadFieldError where it is neither a word nor a number."""
    if isinstance(grade, dict | list | bool):
        raise BadFieldError(f"ratings: what {rater:.60} gave is neither a word nor a number")
    return grade is not None
