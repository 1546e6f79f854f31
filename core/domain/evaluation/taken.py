"""Live labels as a dataset for people to grade: blind, and without anchors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from core.domain.evaluation.anchor_texts import AnchorText
from core.domain.evaluation.datasets import length_of
from core.domain.evaluation.products import checked_listing
from core.domain.evaluation.rows import Row, pair_id, picture_id
from core.domain.fields import BadFieldError
from core.domain.guidelines import read_context


def pair_row(
    application: str,
    market: str,
    language: str,
    query: str,
    context: str,
    listing_id: str,
    known: Mapping[str, object] | None,
) -> Row | None:
    """The pair with nothing of what a judge said; None where its product can't be shown any more."""
    listing = shown(known, listing_id, market)
    if listing is None:
        return None
    spoken = language or str(listing.get("language") or "")
    filters = read_context(context)
    return Row(
        place=f"{query!r}, {listing_id}",
        item_id=pair_id(application, market, spoken, query, filters, listing_id),
        application=application,
        market=market,
        language=spoken,
        query=query,
        context=filters,
        listing_id=listing_id,
        listing=listing,
        image_url=None,
        segment=_category(listing),
        ranks={},
        split=None,
        grade=None,
        ratings=(),
    )


def picture_row(
    application: str, market: str, language: str, listing_id: str, image_url: str, known: Mapping[str, object] | None
) -> Row:
    """The picture with nothing of what a judge said; of a listing that is gone, the picture alone."""
    listing = shown(known, listing_id, market)
    return Row(
        place=f"{listing_id}, {image_url}",
        item_id=picture_id(listing_id, image_url),
        application=application,
        market=market,
        language=language,
        query=listing_id,
        context=(),
        listing_id=listing_id,
        listing=listing,
        image_url=image_url,
        segment=_category(listing or {}),
        ranks={},
        split=None,
        grade=None,
        ratings=(),
    )


def shown(known: Mapping[str, object] | None, listing_id: str, market: str) -> dict[str, object] | None:
    """The listing as a dataset keeps it; None for none, or one that can't be used."""
    if known is None:
        return None
    told = {name: value for name, value in known.items() if value is not None}
    try:
        return checked_listing({"listing_id": listing_id, "market": market, **told})
    except BadFieldError:
        return None


def fits(row: Row, language: str, length: str, category: str) -> bool:
    """Whether it is of the segment; empty: whichever."""
    return (
        language in ("", row.language)
        and length in ("", length_of(row.query))
        and category in ("", row.segment.get("category"))
    )


def without_anchors(rows: Iterable[Row], anchors: Iterable[AnchorText]) -> list[Row]:
    """The pairs that are no anchors, by their listing and by their title: an anchor may come back under another id."""
    told = list(anchors)
    by_id = {(each.query, each.listing_id) for each in told}
    by_title = {(each.query, each.title) for each in told if each.title}
    return [
        row
        for row in rows
        if (row.query, row.listing_id) not in by_id
        and (row.query, str((row.listing or {}).get("title") or "")) not in by_title
    ]


def _category(listing: Mapping[str, object]) -> dict[str, str]:
    category = listing.get("category")
    return {"category": category} if isinstance(category, str) and category else {}
