"""Which of the live judge's pairs and pictures candidates judge too, as tasks behind all live work. Pure.

A task brings the listing as the live judge saw it, and the id of the live label: both are judged on the same inputs.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.domain.guidelines import context_text
from core.domain.judges import in_shadow
from core.domain.relevance import Search
from core.domain.task_keys import digest, shadow_task_key
from core.eval_facts import JudgeVersion
from core.facts import ImageScoreFact, LabelFact, Listing, NewTask, Task
from core.stages.judge_items import Item

Shadows = Sequence[tuple[JudgeVersion, float]]
"""Candidates, each with its share of the live work, 0 to 1."""

JUDGE = "judge"
"""Key of a shadow task's payload and subject: the candidate's version."""

LIVE_LABEL = "live_event_id"
"""Key of a shadow task's payload: the live label (or score) that it stands beside."""


def shadow_tasks(search: Search, items: Sequence[Item], facts: Sequence[LabelFact], shadows: Shadows) -> list[NewTask]:
    """Tasks of the pairs that a candidate judges too; `facts` are the live labels, one an item, in its order."""
    found: list[NewTask] = []
    for judge, share in shadows:
        for item, fact in zip(items, facts, strict=True):
            pair = (search.application, search.market, search.query, context_text(search.context), fact.listing_id)
            if in_shadow(pair, share):
                found.append(_pair_task(search, item, fact, judge.version))
    return found


def _pair_task(search: Search, item: Item, fact: LabelFact, judge: str) -> NewTask:
    payload: dict[str, object] = {
        "language": search.language,
        "listing": told_listing(item.listing),
        JUDGE: judge,
        LIVE_LABEL: str(fact.event_id),
    }
    query = (search.application, search.market, search.query, context_text(search.context))
    return NewTask(
        shadow_task_key(judge, str(fact.event_id)),
        "shadow",
        "backfill",
        digest("shadow", judge, *query)[:32],
        {
            "application": search.application,
            "market": search.market,
            "query": search.query,
            "listing_id": fact.listing_id,
            JUDGE: judge,
        },
        payload | ({"context": dict(search.context)} if search.context else {}),
    )


def shadow_picture_tasks(task: Task, fact: ImageScoreFact, shadows: Shadows) -> list[NewTask]:
    """The same of a picture that was just scored; its listing is the catalogue's."""
    return [
        NewTask(
            shadow_task_key(judge.version, str(fact.event_id)),
            "shadow_image",
            "backfill",
            digest("shadow", judge.version, fact.listing_id)[:32],
            {**task.subject, JUDGE: judge.version},
            {JUDGE: judge.version, LIVE_LABEL: str(fact.event_id)},
        )
        for judge, share in shadows
        if in_shadow((fact.listing_id, fact.image_url), share)
    ]


def told_listing(listing: Listing) -> dict[str, object]:
    """The listing in the shape of the topic `listings`, as tasks carry it."""
    price = {"amount": listing.price_amount, "currency": listing.price_currency}
    told: dict[str, object] = {
        "listing_id": listing.listing_id,
        "market": listing.market,
        "language": listing.language,
        "title": listing.title,
        "description": listing.description,
        "brand": listing.brand,
        "category": listing.category,
        "price": price if listing.price_amount is not None or listing.price_currency else None,
        "attributes": dict(listing.attributes),
        "image_urls": list(listing.image_urls),
    }
    return {name: value for name, value in told.items() if value}
