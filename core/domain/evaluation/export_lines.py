"""A dataset as JSON lines that import takes back to the very same version."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from core.domain.evaluation.heads import FORMAT, MARK
from core.domain.evaluation.items import Dataset, EvalItem


def export_lines(dataset: Dataset, items: Iterable[EvalItem]) -> Iterator[bytes]:
    """The head, then an item a line. Grades are ours by now; the head says by which rule they became so."""
    yield _line(
        {
            MARK: FORMAT,
            "name": dataset.name,
            "version": dataset.version,
            "kind": dataset.kind,
            "source": dataset.source,
            "licence": dataset.licence,
            "rule": dataset.rule,
            "anchors": dataset.anchors,
            "mapped": True,
        }
    )
    for item in items:
        yield _line(_told(item))


def _told(item: EvalItem) -> dict[str, object]:
    """Fields as import reads them; what is not known is left out."""
    told: dict[str, object] = {
        "split": item.split,
        "application": item.application,
        "market": item.market,
        "language": item.language,
        "query": item.query if item.image_url is None else "",
        "context": dict(item.context),
        "listing_id": item.listing_id,
        "listing": item.listing,
        "image_url": item.image_url,
        "segment": item.segment,
        "ranks": item.ranks,
        "grade": item.truth,
        "ratings": [{"rater": rater, "grade": grade} for rater, grade in item.ratings.items()],
    }
    return {name: value for name, value in told.items() if value not in (None, "", {}, [])}


def _line(told: dict[str, object]) -> bytes:
    return msgspec.json.encode(told) + b"\n"
