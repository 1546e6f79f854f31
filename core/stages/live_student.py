"""Which student scores pictures now: the promoted one, where this process makes the features that it takes.

`consumers.live_judge` looks at the book of students as at that of judges, so that a promotion needs no restart.
"""

from __future__ import annotations

import asyncio
from collections.abc import Set

import structlog

from core.domain.images.forest_student import ForestStudent, stored
from core.domain.images.student import Student
from core.student_ports import NO_STUDENT, KeptStudent, StudentBook

log = structlog.get_logger(__name__)


class LiveStudent:
    """The student of now, as of the last look; None: the judge scores every picture. `extractors` are those whose
    features the decoder of this process makes."""

    def __init__(self, book: StudentBook, extractors: Set[str]) -> None:
        self._book = book
        self._extractors = extractors
        self._named = NO_STUDENT
        self._student: ForestStudent | None = None

    def __call__(self) -> Student | None:
        """Who scores now."""
        return self._student

    async def look(self) -> None:
        """Read the book once: one small row, and the student itself where it is another than before. RetryLater where
        the database is away."""
        named = await self._book.live_version()
        if named == self._named:
            return
        kept = await self._book.find(named) if named != NO_STUDENT else None
        before, self._student = self._student, await asyncio.to_thread(self._usable, kept) if kept else None
        self._named = named
        log.info("student.changed", student=named, before=before.version if before else NO_STUDENT)

    def _usable(self, kept: KeptStudent) -> ForestStudent | None:
        """None, told once a promotion, for a student that this process can't use: pictures then go to the judge."""
        if kept.extractor not in self._extractors:
            made = ", ".join(sorted(self._extractors))
            log.warning("student.no_features", student=kept.version, takes=kept.extractor, made=made)
            return None
        try:
            return stored(kept.version, kept.body)
        except ValueError as error:
            log.error("student.unreadable", student=kept.version, error=str(error))
            return None
