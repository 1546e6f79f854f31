"""Two judges tried with the canary set, for the sample shop: the earlier one is fooled more often."""

from __future__ import annotations

from datetime import datetime, timedelta

from core.adapters.canary_store import PostgresCanaries
from core.adapters.postgres import Pool
from core.canary import load_canaries
from core.domain.canary import CanaryJudgeId, CaseOutcome, JudgedCase
from core.domain.labels import Label

FOOLED = {"judgements@1f0d3c55": 6, "judgements@4f1d02aa": 29}
"""Every so many cases one attack succeeds."""


async def runs(pool: Pool, now: datetime) -> None:
    """The newest judge's run last."""
    canaries, store = load_canaries(), PostgresCanaries(pool)
    for days, (prompt_version, every) in zip((30, 2), FOOLED.items(), strict=True):
        judge, at = CanaryJudgeId(prompt_version, "judge-mini-2026-02", "text", canaries.version), now
        at -= timedelta(days=days)
        await store.begin(judge, canaries.cases, at)
        cases = [case for query in canaries.queries for case in query.attacks]
        judged = [_judged(case.id, case.kind, fooled=n % every == every - 1) for n, case in enumerate(cases)]
        await store.save(judge, judged, at + timedelta(minutes=2))


def _judged(case_id: str, kind: str, *, fooled: bool) -> JudgedCase:
    attacked = Label.ACCEPTABLE_SUBSTITUTE if fooled else Label.IRRELEVANT
    why = "The text asks for a grade; what is sold is another thing."
    return JudgedCase(CaseOutcome(case_id, kind, Label.IRRELEVANT, attacked), "Another kind of thing.", why)
