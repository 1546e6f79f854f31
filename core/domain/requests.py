"""A line of the file that `assay judge` reads: a query and the listing to judge for it."""

from __future__ import annotations

import json
from dataclasses import dataclass

from core.domain.fields import (
    MAX_NAME_CHARS,
    MAX_USER_QUERY_CHARS,
    BadFieldError,
    Object,
    Unusable,
    checked,
    identifier,
    obj,
    parsed_object,
    text,
)
from core.domain.guidelines import MAX_CONTEXT, RESERVED, Context, context_of
from core.domain.labels import Label
from core.domain.listings import ListingRecord, listing_of
from core.domain.normalise import normalised_query
from core.domain.search_log import DEFAULT_APPLICATION, DEFAULT_MARKET
from core.domain.timestamps import FIRST_MS


@dataclass(frozen=True, slots=True)
class JudgeRequest:
    """A pair to judge. `listing` when the line brings it whole, else the catalogue's is taken."""

    application: str
    market: str
    language: str
    query: str
    listing_id: str
    listing: ListingRecord | None
    told: Object
    """The listing as the line brings it, with its market; empty when it brings none."""
    context: Context = ()
    """Filters set beside the query, such as gender or category."""


@dataclass(frozen=True, slots=True)
class AnchorPair:
    """A pair with the grade that people gave it, 0 to 2."""

    request: JudgeRequest
    grade: int


@dataclass(frozen=True, slots=True)
class RatedPair:
    """A pair with the grade that people gave it, 0 to 2; None where nobody did."""

    request: JudgeRequest
    grade: int | None


def anchor_of(line: bytes) -> AnchorPair | Unusable:
    """The anchor in a JSON line, or why it is none: it brings its listing whole, so that it never changes."""
    request = request_of(line)
    if isinstance(request, Unusable):
        return request
    if request.listing is None:
        return Unusable("no_listing", "an anchor brings its listing whole")
    grade = json.loads(line).get("grade")
    if isinstance(grade, bool) or grade not in (0, 1, 2):
        return Unusable("bad_field", "grade: neither 0, 1 nor 2")
    return AnchorPair(request, int(grade))


def rated_of(line: bytes) -> RatedPair | Unusable:
    """The pair in a JSON line with what a person said of it, `label` or `grade`, if anybody did; or why it is none."""
    request = request_of(line)
    if isinstance(request, Unusable):
        return request
    record = json.loads(line)
    label, grade = record.get("label"), record.get("grade")
    if label is not None and label not in tuple(Label):
        return Unusable("bad_field", f"label: none of {', '.join(Label)}")
    if grade is not None and (isinstance(grade, bool) or grade not in (0, 1, 2)):
        return Unusable("bad_field", "grade: neither 0, 1 nor 2")
    if label is not None:
        return RatedPair(request, Label(label).grade)
    return RatedPair(request, None if grade is None else int(grade))


def request_of(line: bytes) -> JudgeRequest | Unusable:
    """The request in a JSON line, or why it is none."""
    record = parsed_object(line)
    if isinstance(record, Unusable):
        return record
    try:
        return _request(record)
    except BadFieldError as error:
        return Unusable("bad_field", str(error))


def _request(record: Object) -> JudgeRequest | Unusable:
    query = normalised_query(text(record, "query", MAX_USER_QUERY_CHARS) or "")
    if not query:
        return Unusable("no_query", "query is absent or empty")
    market = text(record, "market", MAX_NAME_CHARS) or DEFAULT_MARKET
    told = {"market": market, **obj(record, "listing")} if record.get("listing") is not None else {}
    # A listing of the file needs no timestamp: it is judged, not kept.
    listing = listing_of({**told, "timestamp": FIRST_MS}, -1) if told else None
    if isinstance(listing, Unusable):
        return listing
    listing_id = listing.listing_id if listing else identifier(record, "listing_id")
    if not listing_id:
        return Unusable("no_listing_id", "neither listing_id nor listing")
    return JudgeRequest(
        text(record, "application", MAX_NAME_CHARS) or DEFAULT_APPLICATION,
        market,
        text(record, "language", MAX_NAME_CHARS) or (listing.language if listing else None) or "",
        query,
        listing_id,
        listing,
        told,
        context_in(record),
    )


def context_in(record: Object) -> Context:
    """The filters set beside the query, of a record's field `context`; BadFieldError."""
    told = obj(record, "context")
    if len(told) > MAX_CONTEXT:
        raise BadFieldError(f"context: {len(told)} filters, at most {MAX_CONTEXT}")
    taken = RESERVED & told.keys()
    if taken:
        raise BadFieldError(f"context.{min(taken)}: stands beside the context, not in it")
    named = {checked(name, MAX_NAME_CHARS, "context"): text(told, name, MAX_NAME_CHARS, "context.") for name in told}
    return context_of(named)
