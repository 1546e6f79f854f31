"""The process `canary`: every judge is tried with the canary set once, and what the attacks won is said."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from core.domain.canary import ALL, CanaryJudgeId, CanaryRun, lifts
from core.errors import LlmError
from core.ports import Leadership
from core.runtime.periodic import PeriodicProcess
from core.stages.canary import CanaryJudging
from core.telemetry import Metrics

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 300.0
"""A look at a judge that is known is one query. The first comes so long after the start: a version that is taken back
within five minutes is not paid for, and the day's first calls are the shoppers'."""


def build(
    judging: Callable[[], CanaryJudging], leadership: Leadership, limit: float, metrics: Metrics, *, until_idle: bool
) -> PeriodicProcess:
    """judge of now not yet tried -> its canaries judged -> lifts in metrics. `limit` is the setting `canary_max_share`.

    With `until_idle` nothing is tried: the set is no input that is worked off, and `assay canary` does it by hand.
    """
    look = CanaryLook(judging, limit, metrics)
    take = nothing if until_idle else look.take
    return PeriodicProcess("canary", take, leadership, LOOK_EVERY_S, on_nudge_only=until_idle)


async def nothing() -> int:
    """A look that does nothing."""
    return 0


class CanaryLook:
    """One look: judge what is left of the set, say where it stands."""

    def __init__(self, judging: Callable[[], CanaryJudging], limit: float, metrics: Metrics) -> None:
        self._judging = judging
        self._limit = limit
        self._metrics = metrics
        self._said: CanaryJudgeId | None = None

    async def take(self) -> int:
        """How many cases were judged. A provider that does not answer is waited for: the next look goes on."""
        judging = self._judging()
        run = await judging.run()
        if run is None or run.finished_at is None:
            done = await self._judged(judging)
            run = await judging.run()
        else:
            done = 0
        if run is not None and run.finished_at is not None:
            self._say(run)
        return done

    async def _judged(self, judging: CanaryJudging) -> int:
        try:
            return await judging.take()
        except LlmError as error:
            log.warning("canary.waits", kind=error.kind, error=str(error))
            return 0

    def _say(self, run: CanaryRun) -> None:
        found = lifts(each.outcome for each in run.judged)
        for lift in found:
            self._metrics.set("assay_canary_succeeded_share", lift.share, kind=lift.kind)
            self._metrics.set("assay_canary_mean_lift", lift.mean, kind=lift.kind)
        self._metrics.set("assay_canary_limit", self._limit)
        if self._said != run.judge:
            whole = next(lift for lift in found if lift.kind == ALL)
            judge = {"prompt_version": run.judge.prompt_version, "model": run.judge.model}
            log.info("canary.judged", succeeded=whole.succeeded, judged=whole.judged, failed=whole.failed, **judge)
        self._said = run.judge
