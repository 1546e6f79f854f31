"""Score listings' pictures: fetch, refuse what is broken, reuse what is known, ask student and judge, store.

Per task: done with a score and its event in one transaction, back to waiting, or failed with a reason. One
task's failure ends only that task. `core.stages.score_listing` does the steps for one listing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import PictureError
from core.ports import Task
from core.stages.judge_recipe import picture_identity
from core.stages.picture_calls import picture_judge
from core.stages.score_listing import ListingScoring
from core.stages.score_parts import ScoringParts


@dataclass(frozen=True, slots=True)
class PictureScorer(ScoringParts):
    """The stage over its ports."""

    async def score(self, tasks: Sequence[Task]) -> None:
        """End each task's lease; tasks of one listing are scored together. An error that is not about one picture
        (database away, a defect) is raised after every task has ended or failed so; the leases of those then run out.
        """
        by_listing: dict[str, list[Task]] = {}
        for task in tasks:
            by_listing.setdefault(task.subject["listing_id"], []).append(task)
        known = await self.catalogue.listings(list(by_listing))
        judge, student = self.live(), self.student()
        identity = picture_identity(judge)
        ends = [
            ListingScoring(self, listing, picture_judge(judge, listing.category), identity, student).score(
                by_listing[listing_id]
            )
            for listing_id, listing in known.items()
        ]
        gone = [task for listing_id, group in by_listing.items() if listing_id not in known for task in group]
        ends.append(self.give_up(gone, PictureError("the listing is gone", "no_listing", final=True)))
        for result in await asyncio.gather(*ends, return_exceptions=True):
            if result is not None:
                raise result
