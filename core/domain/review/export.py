"""Answers as items of a dataset: reviewers are its raters, a decision its truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.domain.evaluation.datasets import split_of
from core.domain.evaluation.items import EvalItem
from core.domain.evaluation.rows import pair_id, picture_id
from core.domain.guidelines import read_context
from core.domain.review.answers import Act, Subject, decided, ratings_of, truth_of


def dataset_item(
    subject: Subject,
    listing: Mapping[str, object] | None,
    segment: Mapping[str, str],
    acts: Sequence[Act],
    share: float,
) -> EvalItem | None:
    """The item with every answer that stands; None where there is none. `share`: part of the queries in `tune`."""
    ratings, decision = ratings_of(acts), decided(acts)
    if not ratings:
        return None
    context = read_context(subject.context)
    image = subject.kind == "image"
    named = (subject.application, subject.market, subject.language, subject.query)
    return EvalItem(
        item_id=picture_id(subject.listing_id, subject.image_url)
        if image
        else pair_id(*named, context, subject.listing_id),
        split=split_of(subject.query, share),
        application=subject.application,
        market=subject.market,
        language=subject.language,
        query=subject.query,
        context=context,
        listing_id=subject.listing_id,
        listing=listing,
        image_url=subject.image_url or None,
        segment=segment,
        ranks={},
        truth=truth_of(ratings, decision.grade if decision else None),
        ratings=ratings,
    )
