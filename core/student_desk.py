"""What people do with students: train, promote, roll back; each deed is kept with who and why."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec

from core.domain.evaluation.estimates import Difference, Estimate
from core.domain.images.forest_student import ForestStudent, packed, stored
from core.domain.images.labelled import LabelledPicture
from core.domain.images.student_figures import FEWEST_OF_PART, RANK, StudentReport, difference, report_on
from core.domain.images.training import Parts, Recipe, parts_of, trained
from core.domain.judges import promoted
from core.errors import UsageError
from core.judge_desk import reason_given, said_by
from core.ports import Clock
from core.student_ports import NO_STUDENT, KeptStudent, LabelAsk, StudentBook, StudentDeed, StudentLabels

FEWEST_BY_CHANCE = 100
"""Held-back pictures of the random share for two students to be compared on them alone: with fewer the rank correlation
of each has an error over 0.05, which is as much as a student is better than the one before."""


@dataclass(frozen=True, slots=True)
class Trained:
    """A student that was just trained. `new` False: the same labels had made it before."""

    kept: KeptStudent
    report: StudentReport
    parts: Parts
    new: bool


@dataclass(frozen=True, slots=True)
class StudentDesk:
    """Where people work on students."""

    book: StudentBook
    labels: StudentLabels
    clock: Clock

    async def judge_meant(self, judge: str, extractor: str) -> str:
        """The judge version to learn from: the one given, else that of the newest label. UsageError where it has
        labelled no picture with features of the extractor, and tells what there is."""
        counts = await self.labels.counts()
        if not counts:
            raise UsageError("no judge has scored a picture yet: run `assay run image-score` until it has")
        meant = judge or counts[0].judge
        found = next((each for each in counts if each.judge == meant), None)
        if found is None:
            known = ", ".join(f"{each.judge} ({each.pictures:,})" for each in counts)
            raise UsageError(f"{judge} has scored no picture; pictures by judge: {known}")
        if not found.with_features.get(extractor):
            there = ", ".join(f"{name} ({number:,})" for name, number in found.with_features.items()) or "none"
            raise UsageError(
                f"none of the {found.pictures:,} pictures that {meant} scored has features of {extractor}; there are: "
                f"{there}. Features are made when a picture is fetched"
            )
        return meant

    async def train(self, ask: LabelAsk, recipe: Recipe, by: str) -> Trained:
        """Train on the labels asked for, measure on the sellers held back, store. UsageError where there is too
        little."""
        pictures = await self.labels.labelled(ask)
        parts, student, report = await asyncio.to_thread(_trained, pictures, recipe)
        told = metadata(ask, recipe, parts, student, report)
        at = self.clock.now()
        kept = KeptStudent(student.version, recipe.name, recipe.extractor, told, packed(student), at, said_by(by))
        return Trained(kept, report, parts, await self.book.save(kept))

    async def meant(self, ref: str) -> KeptStudent:
        """By version, name or a beginning, or `live`. UsageError where there is none."""
        version = await self.book.live_version() if ref == "live" else ref
        found = await self.book.find(version)
        if found is None:
            raise UsageError(
                "no student is live" if ref == "live" else f"no student is meant by {ref!r}, or several are"
            )
        return found

    async def promote(self, student: KeptStudent, by: str, despite: str = "") -> StudentDeed:
        """Make it the live one. UsageError where it is that already, or where it orders the pictures of its held-back
        sellers worse than the live one (without a live one: no better than chance), unless `despite` says why."""
        live = await self.book.live_version()
        if live == student.version:
            raise UsageError(f"{live} is live already")
        await asyncio.to_thread(readable, student)
        why = f"despite the figures: {reason_given(despite)}" if despite else await self._allowed(student, live)
        return await self._noted(StudentDeed("promote", student.version, said_by(by), why, self.clock.now()))

    async def rollback(self, by: str, why: str) -> StudentDeed:
        """Back to the student that was live before the last promotion, or to none before the first."""
        standing = promoted((deed.act, deed.version) for deed in reversed(await self.book.deeds()))
        if not standing:
            raise UsageError("no student is live, so there is nothing to roll back: the judge scores every picture")
        before = standing[-2] if len(standing) > 1 else NO_STUDENT
        return await self._noted(StudentDeed("rollback", before, said_by(by), reason_given(why), self.clock.now()))

    async def _noted(self, deed: StudentDeed) -> StudentDeed:
        await self.book.note(deed)
        return deed

    async def _allowed(self, student: KeptStudent, live: str) -> str:
        """Why it may be promoted. UsageError where it may not."""
        other = await self.book.find(live) if live else None
        if other is None:
            value = _rank(student.metadata)
            if value is None or value <= 0:
                raise UsageError(
                    f"{student.version} orders held-back pictures no better than chance; --despite REASON overrules"
                )
            return f"the first: rank correlation {value:.3f} on held-back sellers' pictures"
        found = await self._compared(student, other)
        told = f"rank correlation {_signed(found)} against {live} on {found.n_items:,} held-back pictures"
        if found.value is None or found.value < 0:
            raise UsageError(f"{student.version} is worse than the live student: {told}; --despite REASON overrules")
        return told

    async def _compared(self, student: KeptStudent, other: KeptStudent) -> Difference:
        ask, recipe = _asked(student.metadata), _recipe(student)
        pictures = await self.labels.labelled(ask)
        its = replace(ask, extractor=other.extractor)
        seen = {
            each.image_hash: each.features for each in (pictures if its == ask else await self.labels.labelled(its))
        }
        return await asyncio.to_thread(_difference, student, other, pictures, recipe, seen)


def metadata(
    ask: LabelAsk, recipe: Recipe, parts: Parts, student: ForestStudent, report: StudentReport
) -> dict[str, object]:
    """What is kept of a training: enough to take the same pictures again, and every figure; no name of a seller."""
    told = {
        "ask": ask,
        "recipe": recipe,
        "judge": ask.judge,
        "pictures": len(parts.train),
        "sellers": len({each.seller for each in parts.train}),
        "held_back": len(parts.held),
        "held_back_sellers": len({each.seller for each in parts.held}),
        "copies": parts.copies,
        "unsure_above": student.unsure_above,
        "widen": student.widen,
        "coverage": report.coverage,
        "figures": report.student.metrics,
        "report": report,
    }
    kept = msgspec.to_builtins(told)
    return dict(kept)


def _trained(pictures: Sequence[LabelledPicture], recipe: Recipe) -> tuple[Parts, ForestStudent, StudentReport]:
    parts = parts_of(pictures, recipe)
    student = trained(parts.train, recipe)
    return parts, student, report_on(student, parts.train, parts.held, recipe.random_share)


def _difference(
    student: KeptStudent,
    other: KeptStudent,
    pictures: Sequence[LabelledPicture],
    recipe: Recipe,
    seen: Mapping[str, bytes],
) -> Difference:
    held = [(each, seen[each.image_hash]) for each in parts_of(pictures, recipe).held if each.image_hash in seen]
    if len(held) < FEWEST_OF_PART:
        raise UsageError(
            f"{student.version} can't be held against {other.version}: of the held-back pictures both can see "
            f"{len(held)} only; --despite REASON overrules"
        )
    return difference(readable(student), readable(other), by_chance(held))


def by_chance(held: Sequence[tuple[LabelledPicture, bytes]]) -> Sequence[tuple[LabelledPicture, bytes]]:
    """Those of the random share where they are enough to tell students apart, else all: of the rest the student before
    was unsure, and students would be compared on hard pictures mostly."""
    found = [each for each in held if each[0].why == "random"]
    return found if len(found) >= FEWEST_BY_CHANCE else held


def readable(kept: KeptStudent) -> ForestStudent:
    """The student of a version; UsageError that names it where what is stored of it can't be used."""
    try:
        return stored(kept.version, kept.body)
    except ValueError as error:
        raise UsageError(
            f"{kept.version} can't be read: {error}. Train anew, or take another (`assay image-score students list`); "
            "where it is the live one, `students promote --despite REASON` puts another in its place"
        ) from None


def _asked(told: Mapping[str, object]) -> LabelAsk:
    return msgspec.convert(told["ask"], LabelAsk)


def _recipe(student: KeptStudent) -> Recipe:
    return msgspec.convert(student.metadata["recipe"], Recipe)


def _rank(told: Mapping[str, object]) -> float | None:
    """On the random share where the report has it: what holds of it holds of all pictures."""
    report = msgspec.convert(told["report"], StudentReport)
    figures = report.chance.metrics if report.chance else msgspec.convert(told["figures"], dict[str, Estimate])
    return figures[RANK].value


def _signed(found: Difference) -> str:
    if found.value is None:
        return f"not defined ({found.why_not})"
    ends = "" if found.low is None or found.high is None else f" ({found.low:+.3f} to {found.high:+.3f})"
    return f"{found.value:+.3f}{ends}"
