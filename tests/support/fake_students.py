"""Students and the labels they learn from, in memory; pictures with labels that a student can learn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np

from core.domain.access import AuditEntry
from core.domain.images.features import EXTRACTOR, feature_names
from core.domain.images.labelled import AgreedLabel, LabelledPicture
from core.student_ports import KeptStudent, LabelAsk, LabelCount, StudentDeed
from tests.support.fake_audit import FakeAudit

JUDGE = "strict@0123456789ab"


@dataclass
class InMemoryStudents:
    """`StudentBook`."""

    kept: dict[str, KeptStudent] = field(default_factory=dict)
    noted: list[StudentDeed] = field(default_factory=list)
    audit: FakeAudit = field(default_factory=FakeAudit)

    async def save(self, student: KeptStudent) -> bool:
        if student.version in self.kept:
            return False
        self.kept[student.version] = student
        return True

    async def find(self, ref: str) -> KeptStudent | None:
        if not ref:
            return None
        newest = sorted(self.kept.values(), key=lambda each: each.trained_at, reverse=True)
        named = [each for each in newest if each.name == ref][:1]
        found = named or [each for each in newest if each.version.startswith(ref)]
        return found[0] if len(found) == 1 else None

    async def all(self) -> Sequence[KeptStudent]:
        newest = sorted(self.kept.values(), key=lambda each: each.trained_at, reverse=True)
        return [replace(each, body=b"") for each in newest]

    async def live_version(self) -> str:
        return self.noted[-1].version if self.noted else ""

    async def note(self, deed: StudentDeed, entry: AuditEntry | None = None) -> None:
        self.noted.append(deed)
        if entry is not None:
            await self.audit.note(entry)

    async def deeds(self) -> Sequence[StudentDeed]:
        return self.noted[::-1]


@dataclass
class FixedLabels:
    """`StudentLabels` of what a test lays down: pictures all of one judge."""

    pictures: list[LabelledPicture] = field(default_factory=list)
    labels: list[AgreedLabel] = field(default_factory=list)
    judge: str = JUDGE
    extractors: tuple[str, ...] = (EXTRACTOR,)

    async def labelled(self, ask: LabelAsk) -> Sequence[LabelledPicture]:
        if ask.judge != self.judge or ask.extractor not in self.extractors:
            return []
        return [each for each in self.pictures if ask.market in ("", each.market)]

    async def counts(self) -> Sequence[LabelCount]:
        if not self.pictures:
            return []
        return [LabelCount(self.judge, len(self.pictures), dict.fromkeys(self.extractors, len(self.pictures)))]

    async def agreed(self, first: date, since: date, last: date, seller_attribute: str) -> Sequence[AgreedLabel]:
        asked = (each for each in self.labels if first <= each.day <= last)
        return [each for each in asked if each.why == "random" or each.day >= since]


def labelled_pictures(number: int, sellers: int = 12, seed: int = 1, noise: float = 0.4) -> list[LabelledPicture]:
    """Pictures whose score follows two of their figures."""
    rng = np.random.default_rng(seed)
    figures = rng.normal(size=(number, len(feature_names()))).astype(np.float32)
    scores = np.clip(np.rint(5.5 + 2 * figures[:, 3] - figures[:, 40] + noise * rng.normal(size=number)), 1, 10)
    return [
        LabelledPicture(
            image_hash=f"{seed}-{at:05}",
            listing_id=f"l{at}",
            image_url=f"http://pictures.example/{at}.jpg",
            seller=f"s{at % sellers}",
            market="de",
            category="shoes" if at % 2 else "lamps",
            phash=None,
            features=figures[at].tobytes(),
            score=int(scores[at]),
            aspects={"focus": int(scores[at]), "lighting": 7},
            why="",
            certain=True,
        )
        for at in range(number)
    ]
