"""The tiers put together: who saw what, who objected, and what the next one overturned. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from core.domain.evaluation.checks import checks_of, findings
from core.domain.evaluation.checks.facts import Finding, Judged
from core.domain.evaluation.checks.report import CheckRow, Flagged, Overturn, Share, TierRow
from core.domain.evaluation.checks.shares import Seen, share_of

SAME_SCORE = 1
"""Points by which two scores of a picture (1 to 10) may differ and agree: two careful people differ by one. From two on
a critique, or a person, overturns a score."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a critique says of a judgement. `grade` is the one it sees: where it agrees, the judge's own."""

    grade: int
    reason_holds: bool
    why: str


@dataclass(frozen=True, slots=True)
class People:
    """What people say of what was judged. `weight`: one by the chance with which it was drawn; None where it was chosen
    for what an answer teaches, so that it says nothing of the rest."""

    grade: int
    weight: float | None = 1.0


@dataclass(frozen=True, slots=True)
class Checked:
    """A judgement with what the first tier found."""

    judged: Judged
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """A judgement with what each tier says of it; None: that tier has not seen it. `weight` is that of the critique's
    sample: 1 where the checks object, else one by the share."""

    judged: Judged
    findings: tuple[Finding, ...]
    critique: Verdict | None
    people: People | None
    weight: float

    @property
    def overturned(self) -> bool:
        """The critique sees another grade."""
        return self.critique is not None and not same_grade(self.judged, self.critique.grade)

    @property
    def refuted(self) -> bool:
        """The critique objects to something: the label, or what the reason says."""
        return self.critique is not None and (self.overturned or not self.critique.reason_holds)

    @property
    def wrong(self) -> bool:
        """People see another grade."""
        return self.people is not None and not same_grade(self.judged, self.people.grade)


def same_grade(judged: Judged, other: int) -> bool:
    """Labels by themselves, scores of pictures within `SAME_SCORE`."""
    return abs(judged.grade - other) <= (SAME_SCORE if judged.kind == "image" else 0)


def drawn(key: str, share: float) -> bool:
    """Whether a judgement that passes the checks is put to the critique: the same whenever it is asked, and of two
    shares the larger has all of the smaller's."""
    digest = hashlib.sha256(f"critique {key}".encode()).digest()
    return int.from_bytes(digest[:8]) < share * 2**64


def through_checks(judged: Sequence[Judged]) -> list[Checked]:
    """Every judgement through every check of its kind; half a millisecond each."""
    return [Checked(each, findings(each)) for each in judged]


def cases(
    checked: Sequence[Checked], critiques: Mapping[str, Verdict], people: Mapping[str, People], share: float
) -> list[Case]:
    """One a judgement. `critiques` and `people` by its key."""
    found = []
    for each in checked:
        key, weight = each.judged.key, 1.0 if each.findings or not share else 1 / share
        found.append(Case(each.judged, each.findings, critiques.get(key), people.get(key), weight))
    return found


def to_critique(checked: Sequence[Checked], share: float) -> list[Judged]:
    """The critique's sample: all that the checks object to, and of the rest a share by hash. Judgements whose product
    or guideline is not known can't be looked at again, nor can pictures without an address."""
    return [each.judged for each in checked if _lasts(each.judged) and (each.findings or drawn(each.judged.key, share))]


def _lasts(judged: Judged) -> bool:
    """There is something to look at again. A picture of an unknown listing was scored alone, and is so again."""
    if judged.kind == "image":
        return bool(judged.image_url)
    return judged.product is not None and judged.guideline is not None


def tier_rows(found: Sequence[Case], skipped: Mapping[str, int] | None = None) -> tuple[TierRow, ...]:
    """The three of them. A tier that has seen nothing is there with 0. `skipped`: what the critique could not look at,
    by the reason."""
    return (
        TierRow("checks", len(found), sum(bool(each.findings) for each in found), _of_checks(found)),
        TierRow(
            "critique",
            sum(each.critique is not None for each in found),
            sum(each.refuted for each in found),
            _of_critique(found),
            dict(skipped or {}),
        ),
        TierRow("people", sum(each.people is not None for each in found), sum(each.wrong for each in found)),
    )


def check_rows(kind: str, found: Sequence[Case]) -> tuple[CheckRow, ...]:
    """Each check with what later tiers make of its alarms."""
    return tuple(_check_row(check.__name__, found) for check in checks_of(kind))


def flagged(found: Iterable[Case]) -> list[Flagged]:
    """Those that a tier objects to, those first to which most of them do."""
    told = [each for each in found if each.findings or each.refuted or each.wrong]
    return [
        Flagged(
            key=each.judged.key,
            item_id=each.judged.item_id,
            query=each.judged.search.query,
            listing_id=each.judged.listing_id,
            title=each.judged.product.title if each.judged.product else "",
            grade=each.judged.grade,
            reasoning=each.judged.reasoning,
            findings=each.findings,
            better=each.critique.grade if each.critique and each.overturned else None,
            why=each.critique.why if each.critique else "",
            people=each.people.grade if each.people else None,
        )
        for each in sorted(told, key=_objections, reverse=True)
    ]


def _objections(case: Case) -> int:
    return bool(case.findings) + case.refuted + case.wrong


def _of_checks(found: Sequence[Case]) -> tuple[Overturn, ...]:
    passed = [each for each in found if not each.findings]
    objected = [each for each in found if each.findings]
    return (
        Overturn(
            "critique",
            missed=_critiqued(passed, lambda case: case.overturned),
            false_alarms=_critiqued(objected, lambda case: not case.refuted),
            reasons=_critiqued(passed, lambda case: case.critique is not None and not case.critique.reason_holds),
        ),
        _by_people(passed, objected),
    )


def _of_critique(found: Sequence[Case]) -> tuple[Overturn, ...]:
    """Weighted by both samples: what the checks pass is seen by the critique in part only."""
    seen = [each for each in found if each.critique is not None]
    passed, objected = [each for each in seen if not each.overturned], [each for each in seen if each.overturned]
    return (_by_people(passed, objected, lambda case: case.weight),)


def _by_people(
    passed: Sequence[Case], objected: Sequence[Case], weight: Callable[[Case], float] = lambda _: 1.0
) -> Overturn:
    wrong = _answered(passed, lambda case: case.wrong, weight)
    return Overturn("people", wrong, _answered(objected, lambda case: not case.wrong, weight))


def _check_row(name: str, found: Sequence[Case]) -> CheckRow:
    alarmed = [each for each in found if any(finding.check == name for finding in each.findings)]
    return CheckRow(
        name,
        len(alarmed),
        _critiqued(alarmed, lambda case: not case.refuted),
        _answered(alarmed, lambda case: not case.wrong, lambda _: 1.0),
    )


def _critiqued(among: Sequence[Case], hit: Callable[[Case], bool]) -> Share:
    """Of the checks' two sides each was drawn with one chance, so weights are alike."""
    return share_of([Seen(hit(each), each.judged.search.query) for each in among if each.critique is not None])


def _answered(among: Sequence[Case], hit: Callable[[Case], bool], weight: Callable[[Case], float]) -> Share:
    """Weighted by people's sample, and by `weight`."""
    return share_of(
        [
            Seen(hit(each), each.judged.search.query, each.people.weight * weight(each))
            for each in among
            if each.people is not None and each.people.weight is not None
        ]
    )
