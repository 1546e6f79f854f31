"""Figures of `report`, of what its runs left. Pure.

Pictures of one class are of one product, taken in one shop: intervals are over classes (which are sellers here), by the
bootstrap of docs/metrics-of-agreement.md, and of shares Wilson's by the effective number.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec
import numpy as np

from core.domain.evaluation import estimates as names
from core.domain.evaluation.bootstrap import RESAMPLES, mean_of
from core.domain.evaluation.checks.report import Share
from core.domain.evaluation.checks.shares import Seen, share_of
from core.domain.evaluation.intervals import interval
from core.domain.evaluation.means import Mean
from core.domain.images.labelled import LabelledPicture
from core.domain.images.student_figures import Figures, StudentReport, figures
from core.domain.images.training import Recipe, parts_of
from tests.bench.pictures.report_run import Left, Ran
from tests.bench.pictures.report_shop import CHANGES, HALVED, ICONIC, SAME, Row, change_of

KINDS = (ICONIC, "natural")
WIDEST = 9.0
"""Points between the lowest score and the highest."""


@dataclass(frozen=True, slots=True)
class Scored:
    """A picture with its score. `said`: the student's, before the judge's, where it gave one."""

    row: Row
    url: str
    score: int
    tier: str
    aspects: Mapping[str, int]
    flags: Sequence[str]
    reasoning: str
    prompt_version: str
    image_hash: str
    said: Scored | None = None
    spread: float | None = None


def scored(ran: Ran, left: Left, *, copied: bool) -> list[Scored]:
    """Pictures by their number, each as it stands at the end."""
    by_url = {ran.url(row.number, copied=copied): row for row in ran.rows}
    found: dict[int, Scored] = {}
    for each in left.scores:
        row = by_url.get(str(each["image_url"]))
        if row is None:
            continue
        now = msgspec.convert({**each, "row": row, "url": each["image_url"], "said": None}, Scored)
        before = found.get(row.number)
        found[row.number] = replace(now, said=before) if before and before.tier == "student" else now
    return [found[number] for number in sorted(found)]


@dataclass(frozen=True, slots=True)
class Between:
    """Means of one thing in studio pictures and in shelf ones, and the difference by class, with its 95 % interval."""

    name: str
    iconic: float
    natural: float
    difference: float
    low: float | None
    high: float | None
    classes: int


def between(name: str, pairs: Iterable[tuple[Row, float]]) -> Between:
    """The difference is the mean over classes of the studio picture's value less its shelf pictures' mean."""
    given = list(pairs)
    by_class: defaultdict[str, defaultdict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row, value in given:
        by_class[row.class_name][row.kind].append(value)
    both = [each for each in by_class.values() if all(each[kind] for kind in KINDS)]
    apart = np.array([np.mean(each[KINDS[0]]) - np.mean(each[KINDS[1]]) for each in both])
    iconic, natural = (
        float(np.mean([value for row, value in given if row.kind == kind] or [np.nan])) for kind in KINDS
    )
    drawn = mean_of(Mean(apart, np.ones(len(apart))), names.MEAN_BIAS, RESAMPLES, 7)
    ends = interval(drawn, names.MEAN_BIAS, len(apart), (-WIDEST, WIDEST))
    low, high = (None, None) if isinstance(ends, str) else ends
    return Between(name, iconic, natural, float(apart.mean()), low, high, len(apart))


def overall(found: Sequence[Scored]) -> Between:
    """Of the scores."""
    return between("overall", ((each.row, float(each.score)) for each in found))


def by_category(found: Sequence[Scored]) -> list[Between]:
    """The same of each category of the index's first level."""
    parts = sorted({each.row.category.split(" > ")[0] for each in found})
    return [replace(overall([e for e in found if e.row.category.startswith(part)]), name=part) for part in parts]


def by_aspect(found: Sequence[Scored]) -> list[Between]:
    """The same of each aspect."""
    return [
        between(name, ((each.row, float(each.aspects[name])) for each in found)) for name in sorted(found[0].aspects)
    ]


def by_measure(ran: Ran) -> dict[str, dict[str, list[float]]]:
    """Of each measure of the technical tier its values by kind."""
    kinds = {ran.url(row.number): row.kind for row in ran.rows}
    made: dict[str, dict[str, list[float]]] = {}
    for each in ran.first.measures:
        for name, value in msgspec.convert(each["measures"], dict[str, float]).items():
            made.setdefault(name, {kind: [] for kind in KINDS})[kinds[str(each["url"])]].append(value)
    return made


@dataclass(frozen=True, slots=True)
class Change:
    """One way in which copies were changed: the judge's score beside the original's, and whether they were found."""

    name: str
    copies: int
    same: Share
    near: Share
    """Within one point."""
    mean: float
    """Points above the original."""
    found: int
    """As look-alikes of the file they were made of."""
    other: int
    """Found as another picture of the same product."""
    wrong: int
    """Found as a picture of another product."""


def changes(ran: Ran, originals: Sequence[Scored], copies: Sequence[Scored]) -> list[Change]:
    """Each change, in order."""
    before = {each.row.number: each for each in originals}
    return [_change(ran, name, before, [c for c in copies if change_of(c.row) == name]) for name in CHANGES]


def _change(ran: Ran, name: str, before: Mapping[int, Scored], copies: Sequence[Scored]) -> Change:
    rises = [each.score - before[each.row.number].score for each in copies]
    alike = Counter(_alike(ran, each.row, each.url) for each in copies)
    classes = [each.row.class_name for each in copies]
    return Change(
        name,
        len(copies),
        share_of([Seen(rise == 0, by) for rise, by in zip(rises, classes, strict=True)]),
        share_of([Seen(abs(rise) <= 1, by) for rise, by in zip(rises, classes, strict=True)]),
        float(np.mean(rises)),
        alike["found"],
        alike["other"],
        alike["wrong"],
    )


def _alike(ran: Ran, row: Row, url: str) -> str:
    """What the service says a copy looks like."""
    first = next((str(each["first_image_url"]) for each in ran.second.alike if each["image_url"] == url), None)
    if first is None:
        return "missed"
    known = {ran.url(each.number): each for each in ran.rows}
    if first in known and known[first].path == row.path:
        return "found"
    return "other" if first in known and known[first].class_name == row.class_name else "wrong"


def false_alikes(ran: Ran) -> int:
    """Originals that are said to look like another product's, before there was any copy."""
    return len(ran.first.alike)


@dataclass(frozen=True, slots=True)
class OnCopies:
    """What the student said of copies before the judge's label came."""

    beside: Sequence[Figures]
    """Copies of pictures that it was not trained on, of those that it was, and those of half the size, told apart."""
    unsure: int
    unsure_halved: int
    halved: int
    said: int
    student_first: int
    """Of those, whose first event on the topic is the student's and whose last is the judge's."""


def student_report(ran: Ran) -> StudentReport:
    """On held-back sellers, as its training has it."""
    return msgspec.convert(_metadata(ran)["report"], StudentReport)


def on_copies(ran: Ran, originals: Sequence[Scored], copies: Sequence[Scored]) -> OnCopies:
    """The student beside the judge; the originals' labels tell who was held back."""
    told = _metadata(ran)
    parts = parts_of(_labelled(ran, originals), msgspec.convert(told["recipe"], Recipe))
    if len(parts.held) != told["held_back"]:
        raise RuntimeError(f"held back are {len(parts.held)} pictures, and the student says {told['held_back']}")
    sellers = {each.seller for each in parts.held}
    held = {row.class_name for each in ran.listings if each.seller in sellers for row in each.rows}
    said = [each for each in copies if each.said]
    whole = [each for each in said if change_of(each.row) != HALVED]
    halved = [each for each in said if change_of(each.row) == HALVED]
    least = float(str(told["unsure_above"]))
    return OnCopies(
        (
            _beside("copies of held-back sellers' pictures", [e for e in whole if e.row.class_name in held]),
            _beside("copies of pictures that it was trained on", [e for e in whole if e.row.class_name not in held]),
            _beside("copies of half the size, of both", halved),
        ),
        _unsure(said, least),
        _unsure(halved, least),
        len(halved),
        len(said),
        _replaced(ran, said),
    )


def _unsure(said: Sequence[Scored], least: float) -> int:
    return sum((each.said.spread or 0.0) > least for each in said if each.said)


def _beside(name: str, said: Sequence[Scored]) -> Figures:
    pictures = [_picture(each, each.row.class_name, None) for each in said]
    labels = np.array([each.score for each in said], dtype=np.int64)
    student = np.array([each.said.score for each in said if each.said], dtype=np.int64)
    return figures(name, pictures, labels, student, RESAMPLES)


def _replaced(ran: Ran, said: Sequence[Scored]) -> int:
    tiers: defaultdict[object, list[object]] = defaultdict(list)
    for event in ran.second.events:
        tiers[event["image_url"]].append(event["tier"])
    return sum((tiers[each.url][0], tiers[each.url][-1]) == ("student", "llm") for each in said)


def _labelled(ran: Ran, originals: Sequence[Scored]) -> list[LabelledPicture]:
    """As training saw them: each file once; a seller's name decides whether he is held back."""
    hashes = {each["url"]: each["phash"] for each in ran.first.measures}
    sellers = {row.number: each.seller for each in ran.listings for row in each.rows}
    found = {e.image_hash: _picture(e, sellers[e.row.number], _whole(hashes[e.url])) for e in originals}
    return list(found.values())


def _whole(value: object) -> int | None:
    return None if value is None else int(str(value))


def _picture(each: Scored, seller: str, phash: int | None) -> LabelledPicture:
    return LabelledPicture(
        each.image_hash, "", each.url, seller, "", "", phash, b"", each.score, each.aspects, "", certain=True
    )


def _metadata(ran: Ran) -> Mapping[str, object]:
    return msgspec.convert(ran.student["metadata"], dict[str, object])


def reused(copies: Sequence[Scored]) -> int:
    """Copies of the same bytes that were given the known score."""
    return sum(change_of(each.row) == SAME and each.said is None for each in copies)


@dataclass(frozen=True, slots=True)
class Material:
    """What the chapters are about."""

    ran: Ran
    originals: Sequence[Scored]
    copies: Sequence[Scored]
    changes: Sequence[Change]


def material(ran: Ran) -> Material:
    """All of it."""
    originals, copies = scored(ran, ran.first, copied=False), scored(ran, ran.second, copied=True)
    return Material(ran, originals, copies, changes(ran, originals, copies))
