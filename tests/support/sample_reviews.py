"""Candidates and fillings of a review queue, for tests of it and for its pictures."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime

from core.domain.evaluation.items import DatasetKind
from core.domain.review.answers import Subject
from core.domain.review.drawing import Draw
from core.review_ports import Asked, Candidate, Fill, Opinion
from tests.support.fakes import NOON


def opinion(judge: str = "strict@1a2b", grade: int = 2, **changed: object) -> Opinion:
    """What a judge said."""
    told: dict[str, object] = {
        "confidence": 0.8,
        "reasoning": f"The judge {judge} finds so.",
        "verdicts": "y",
        "aspects": {},
        "content_key": "",
        "run_id": uuid.UUID(int=7),
        "dataset_item": "i1",
        "call_id": uuid.UUID(int=3),
        "judged_at": NOON,
    }
    return Opinion(judge=judge, grade=grade, **{**told, **changed})  # type: ignore[arg-type]


def candidate(
    name: str = "L1",
    query: str = "blaues sofa",
    opinions: Sequence[Opinion] | None = None,
    kind: DatasetKind = "relevance",
    **changed: object,
) -> Candidate:
    """A pair, or a picture of a listing."""
    image = kind == "image"
    named = ("shop", "de", "de", name if image else query, "", name, "h1", f"https://pics.example/{name}.jpg" * image)
    listing: Mapping[str, object] = {
        "listing_id": name,
        "title": f"Sofa {name}, zwei Sitze",
        "brand": "Nordik",
        "category": "Sofas",
        "description": "Bezug aus Leinen, Gestell aus Buche.",
        "price": {"amount": 349.0, "currency": "EUR"},
        "attributes": {"Farbe": "blau"},
        "image_urls": [f"https://pics.example/{name}.jpg"],
    }
    told: dict[str, object] = {"listing": listing, "segment": {"market": "de"}, "guideline_version": ""}
    said = [opinion(grade=7 if image else 2)] if opinions is None else opinions
    return Candidate(subject=Subject(kind, *named), opinions=said, **{**told, **changed})  # type: ignore[arg-type]


def asked(each: Candidate, place: int = 0, drawn: Draw = "taught", probability: float = 1.0) -> Asked:
    """As it is drawn."""
    why = {"disagreement": 0.0, "doubt": 0.2, "traffic": 0.5, "drift": 0.0}
    return Asked(each, place, drawn, probability, 0.15, why)


def filling(kind: DatasetKind = "relevance", number: int = 1, at: datetime = NOON, items: int = 1) -> Fill:
    """A filling of its own id."""
    return Fill(uuid.UUID(int=number), kind, "run", f"run {number}", 10, items, 1, at, "ada")
