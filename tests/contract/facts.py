"""Labels, scores, guidelines and listings to store; each test changes what it is about."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from core.domain.events import event_id
from core.domain.judging import GuidelineReply, LabelGuide, Requirement
from core.domain.labels import Label
from core.ports import AnchorOutcome, ImageScoreFact, LabelFact, Listing, NewTask, Picture, StoredGuideline
from tests.support.fakes import NOON

CALL = UUID(int=7)


def label(key: str, **changes: object) -> LabelFact:
    fact = LabelFact(
        event_id=event_id(key),
        content_key=key,
        application="shop",
        market="de",
        query="blaues sofa",
        listing_id="L1",
        label=Label.ACCEPTABLE_SUBSTITUTE,
        confidence=0.75,
        reasoning="A sofa, but green.",
        reason="friction",
        mode="text",
        model="judge-1",
        fingerprint="fp",
        prompt_version="relevance@1",
        guideline_version="g1",
        content_hash="c1",
        image_hash=None,
        judged_at=NOON,
        call_id=CALL,
    )
    return replace(fact, **changes)


def score(key: str, **changes: object) -> ImageScoreFact:
    fact = ImageScoreFact(
        event_id=event_id(key),
        content_key=key,
        listing_id="L1",
        image_url="https://pictures.example/1.jpg",
        image_hash="h1",
        score=8,
        aspects={"focus": 9, "lighting": 7},
        reasoning="Sharp, evenly lit.",
        tier="llm",
        model="eye-1",
        fingerprint="fp",
        prompt_version="image@1",
        judged_at=NOON,
        call_id=CALL,
    )
    return replace(fact, **changes)


def outcome(anchor: str, night: str, given: Label) -> AnchorOutcome:
    return AnchorOutcome(anchor, night, given, "judge-1", "fp", CALL, NOON)


def guideline(version: str, text: str = "a sofa", **changes: object) -> StoredGuideline:
    body = GuidelineReply(
        translation="blue sofa",
        specificity="medium",
        requirements=[Requirement(requirement="is a sofa", importance="must_have", why="named")],
        guideline=LabelGuide(highly_relevant=text, acceptable_substitute="another seat", irrelevant="no seat"),
    )
    return replace(StoredGuideline(version, "guideline@1", "judge-1", "model", body), **changes)


def listing(listing_id: str, **changes: object) -> Listing:
    told = Listing(
        listing_id=listing_id,
        market="de",
        language="de",
        title="Sofa Nordby, blau",
        description="Dreisitzer",
        brand="Nordby",
        category="Sofas",
        price_amount=499.5,
        price_currency="EUR",
        attributes={"Farbe": "blau"},
        image_urls=("https://pictures.example/1.jpg", "https://pictures.example/2.jpg"),
        content_hash="c1",
    )
    return replace(told, **changes)


def picture(image_hash: str) -> Picture:
    return Picture(image_hash, b"jpeg", 512, 384, 2048, 1536, 90_000, "image/png", {"sharpness": 12.5})


def task(key: str, group: str = "q", **changes: object) -> NewTask:
    asked = NewTask(
        task_key=key,
        kind="relevance",
        lane="live",
        group_key=group,
        subject={"market": "de", "query": group, "listing_id": key},
        payload={"products": [key], "n": 1.5},
    )
    return replace(asked, **changes)
