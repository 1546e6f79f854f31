"""What people do with judge versions: promote, roll back, put into the shadow; each deed is kept with who and why."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from core.domain.access import AuditEntry
from core.domain.evaluation.shadows import ShadowAgreement, agreement_of
from core.domain.judges import LIVE, SETTINGS, JudgeVersion, promoted
from core.errors import UsageError
from core.eval_ports import GateBook, JudgeBook, JudgeDeed, ShadowStore
from core.ports import Clock

WHY_CHARS = 1_000
"""Characters of a reason: a paragraph; what is longer stands in a ticket that it names."""

BY_CHARS = 256
"""Characters of a name: the longest mail address has 254."""

Noted = Callable[[JudgeDeed], AuditEntry]
"""The console's audit entry of a deed; it is kept in the deed's transaction."""


@dataclass(frozen=True, slots=True)
class JudgeDesk:
    """Where people work on judges. `settings` is the judge that the settings make, `shadows` what candidates said."""

    book: JudgeBook
    gates: GateBook
    shadows: ShadowStore
    clock: Clock
    settings: Callable[[], JudgeVersion]

    async def live(self) -> JudgeVersion:
        """Who judges now, by the book."""
        return await self.book.live() or self.settings()

    async def meant(self, ref: str) -> JudgeVersion | None:
        """By version, name or a beginning, or `live`; the settings' judge also where it is not stored yet."""
        if ref == LIVE:
            return await self.live()
        settings = self.settings()
        return settings if ref == settings.version else await self.book.find(ref)

    async def agreements(self, judge: str = "") -> list[ShadowAgreement]:
        """A candidate, or every one that has said anything, beside each judge that was live then."""
        counts = await self.shadows.counts(judge)
        return await asyncio.to_thread(
            lambda: [agreement_of(each.judge, each.live, each.kind, each.counts) for each in counts]
        )

    async def promote(
        self, judge: JudgeVersion, by: str, why: str, *, force: bool = False, noted: Noted | None = None
    ) -> JudgeDeed:
        """Make it the live judge, stored where it is new. UsageError where it is that already, no reason is given, or
        no gate on the current dataset was passed and `force` is not set."""
        by, why = said_by(by), reason_given(why)
        if (await self.live()).version == judge.version and await self.book.live():
            raise UsageError(f"{judge.version} is live already")
        gate_id = await self.gates.passed(judge.version)
        if gate_id is None and not force:
            raise UsageError(
                f"{judge.version} has passed no gate on the current dataset: run `assay eval run` and "
                "`assay eval gate` with it first, or promote it with --force, and say why it may go without"
            )
        await self.book.save(judge, by, self.clock.now())
        return await self._kept(JudgeDeed("promote", judge.version, 1.0, by, why, self.clock.now(), gate_id), noted)

    async def rollback(self, by: str, why: str, *, noted: Noted | None = None) -> JudgeDeed:
        """Back to the judge that was live before the last promotion, or to the settings' judge before the first."""
        by, why = said_by(by), reason_given(why)
        standing = promoted((deed.act, deed.version) for deed in reversed(await self.book.deeds()))
        if not standing:
            raise UsageError("no judge is promoted, so there is nothing to roll back: the settings' judge is live")
        before = standing[-2] if len(standing) > 1 else SETTINGS
        return await self._kept(JudgeDeed("rollback", before, 1.0, by, why, self.clock.now()), noted)

    async def shadow(self, judge: JudgeVersion, share: float, by: str, why: str) -> JudgeDeed:
        """Have it judge a share of the live tasks too; given again with another share, that one counts."""
        if not 0 < share <= 1:
            raise UsageError(f"--share takes more than 0 and at most 1, not {share:g}")
        if (await self.live()).version == judge.version:
            raise UsageError(f"{judge.version} is live: it would be its own shadow")
        by, why = said_by(by), _said(why)
        await self.book.save(judge, by, self.clock.now())
        return await self._kept(JudgeDeed("shadow", judge.version, share, by, why, self.clock.now()))

    async def unshadow(self, judge: JudgeVersion, by: str, why: str) -> JudgeDeed:
        """End that; what it said is kept."""
        if judge.version not in [candidate.version for candidate, _ in await self.book.shadows()]:
            raise UsageError(f"{judge.version} is not in the shadow")
        return await self._kept(JudgeDeed("unshadow", judge.version, 0.0, said_by(by), _said(why), self.clock.now()))

    async def _kept(self, deed: JudgeDeed, noted: Noted | None = None) -> JudgeDeed:
        await self.book.note(deed, noted(deed) if noted else None)
        return deed


def said_by(by: str) -> str:
    """A name as deeds keep it. UsageError where there is none."""
    name = " ".join(by.split())[:BY_CHARS]
    if not name:
        raise UsageError("who does this has to be said: --by")
    return name


def reason_given(why: str) -> str:
    """A reason as deeds keep it. UsageError where there is none, or too long a one."""
    told = _said(why)
    if not told:
        raise UsageError("a reason has to be given: --why")
    return told


def _said(why: str) -> str:
    told = " ".join(why.split())
    if len(told) > WHY_CHARS:
        raise UsageError(f"the reason has {len(told):,} characters, at most {WHY_CHARS:,}")
    return told
