"""From rows to an immutable dataset: one item a pair, grades by the rule, a split by query, a version by content."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import msgspec

from core.domain.evaluation.items import Dataset, DatasetKind, EvalItem, Split
from core.domain.evaluation.rows import BadRow, Row
from core.domain.evaluation.rules import OutsideRule, Rule

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
"""A dataset's name: it stands in commands, addresses and file names."""

TUNE_SHARE = 0.3
"""Part of the queries that prompts are written with. Figures come from the rest, and their intervals get narrower with
the root of its queries: of 100, 70 cost a fifth in width, half of them two fifths."""

VERSION_CHARS = 16
"""Hex digits of a version: 64 bits, so that two datasets never share one by chance."""

LONGEST_LENGTH = 3
"""Words of a query from which on they are no longer told apart: `3+`."""


@dataclass
class _Gathered:
    """What the rows so far say of one item."""

    first: Row
    listing: Mapping[str, object] | None = None
    truth: int | None = None
    ratings: dict[str, int] = field(default_factory=dict)
    ranks: dict[str, int] = field(default_factory=dict)
    segment: dict[str, str] = field(default_factory=dict)


def items_of(rows: Sequence[Row], rule: Rule, share: float) -> list[EvalItem]:
    """One item a pair or picture, in the order in which the rows first name it. `share`: part of the queries in `tune`.

    Rows of the same item may each bring other raters. BadRow names the row whose grade is outside the rule, that
    contradicts an earlier one, or whose query is in the other split.
    """
    found: dict[str, _Gathered] = {}
    for row in rows:
        _add(found.setdefault(row.item_id, _Gathered(row)), row, rule)
    splits = _splits(rows, share)
    return [_item(each, rule.kind, splits[each.first.query]) for each in found.values()]


def dataset_of(
    items: Sequence[EvalItem],
    *,
    name: str,
    kind: DatasetKind,
    rule: str,
    anchors: bool,
    source: str,
    licence: str,
    made_at: datetime,
    made_by: str,
) -> Dataset:
    """The dataset that these items are, under the version that their content has."""
    return Dataset(
        name=name,
        version=version_of(kind, rule, anchors, items),
        kind=kind,
        source=source,
        licence=licence,
        rule=rule,
        anchors=anchors,
        items=len(items),
        queries=len({item.cluster for item in items}),
        raters=tuple(sorted({rater for item in items for rater in item.ratings})),
        made_at=made_at,
        made_by=made_by,
    )


def version_of(kind: DatasetKind, rule: str, anchors: bool, items: Iterable[EvalItem]) -> str:
    """16 hex digits of the content, the same in whatever order it stands.

    Not part of it: name, source, licence, date and hand; a query's volume, which is a fact of the traffic and changes
    by the hour; and where a picture lies, since the item's id tells it (of a file, by its bytes).
    """
    told = hashlib.sha256(msgspec.json.encode([kind, rule, anchors]))
    for item in sorted(items, key=lambda each: each.item_id):
        segment = {name: value for name, value in item.segment.items() if name != "volume"}
        place = (item.application, item.market, item.language, item.query, item.context, item.listing_id)
        said = (item.listing, segment, item.ranks, item.truth, item.ratings)
        told.update(msgspec.json.encode([item.item_id, item.split, place, said], order="sorted"))
    return told.hexdigest()[:VERSION_CHARS]


def split_of(query: str, share: float) -> Split:
    """Where a query belongs, by its hash alone: the same in every market, dataset and version, so that what a prompt
    was written with is never what it is measured on. A larger share keeps what a smaller one had in `tune`."""
    place = int.from_bytes(hashlib.sha256(query.encode()).digest()[:8]) / 2**64
    return "tune" if place < share else "test"


def median(grades: Sequence[int]) -> int:
    """The median of grades, rounded down: between two labels the stricter one counts."""
    ordered = sorted(grades)
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) // 2


def length_of(query: str) -> str:
    """`1`, `2` or `3+` words."""
    words = len(query.split())
    return f"{LONGEST_LENGTH}+" if words >= LONGEST_LENGTH else str(words)


def with_volume(items: Sequence[EvalItem], bands: Mapping[tuple[str, str, str], str]) -> list[EvalItem]:
    """The items with their queries' volume, where the traffic knows it and the file said nothing of it."""
    return [
        replace(item, segment={**item.segment, "volume": band})
        if "volume" not in item.segment and (band := bands.get((item.application, item.market, item.query)))
        else item
        for item in items
    ]


def _add(found: _Gathered, row: Row, rule: Rule) -> None:
    if row.listing is not None:
        if found.listing not in (None, row.listing):
            raise BadRow(row.place, f"tells of {row.listing_id} otherwise than an earlier row of this query did")
        found.listing = row.listing
    adjudicated = _grade(rule, row.grade, row.place, "grade")
    if adjudicated is not None:
        if found.truth not in (None, adjudicated):
            raise BadRow(row.place, f"another grade than in {found.first.place} for the same {_thing(row, rule.kind)}")
        found.truth = adjudicated
    for rater, written in row.ratings:
        grade = _grade(rule, written, row.place, f"{rater}'s grade")
        if grade is None:
            continue
        if found.ratings.setdefault(rater, grade) != grade:
            raise BadRow(row.place, f"{rater} gave the same {_thing(row, rule.kind)} two grades")
    for engine, rank in row.ranks.items():
        if found.ranks.setdefault(engine, rank) != rank:
            raise BadRow(row.place, f"{engine} has the same product of {row.query!r} in two places")
    found.segment = {**row.segment, **found.segment}


def _grade(rule: Rule, written: object, place: str, whose: str) -> int | None:
    try:
        return rule.grade(written)
    except OutsideRule as error:
        raise BadRow(place, f"{whose} {written!s:.60}: {error}") from None


def _thing(row: Row, kind: DatasetKind) -> str:
    return f"picture of {row.listing_id}" if kind == "image" else f"pair of {row.query!r} and {row.listing_id}"


def _splits(rows: Sequence[Row], share: float) -> dict[str, Split]:
    """By query: as the rows say, else by its hash."""
    told: dict[str, Split] = {}
    stated = [row for row in rows if row.split is not None]
    if stated and len(stated) != len(rows):
        without = next(row for row in rows if row.split is None)
        raise BadRow(without.place, f"no split, while {stated[0].place} has one")
    for row in rows:
        split = row.split or split_of(row.query, share)
        if told.setdefault(row.query, split) != split:
            raise BadRow(row.place, f"{row.query!r} is in {split} here and in {told[row.query]} before")
    return told


def _item(found: _Gathered, kind: DatasetKind, split: Split) -> EvalItem:
    row = found.first
    known = {"market": row.market, "language": row.language}
    if kind == "relevance":
        known["length"] = length_of(row.query)
    ratings = dict(sorted(found.ratings.items()))
    truth = found.truth
    return EvalItem(
        item_id=row.item_id,
        split=split,
        application=row.application,
        market=row.market,
        language=row.language,
        query=row.query,
        context=row.context,
        listing_id=row.listing_id,
        listing=found.listing,
        image_url=row.image_url,
        segment={name: value for name, value in {**known, **found.segment}.items() if value},
        ranks=found.ranks,
        truth=truth if truth is not None else median(list(ratings.values())) if ratings else None,
        ratings=ratings,
    )
