"""What picture scoring is made of: the ports, who judges now, and how a task ends without a score."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from core.domain.images.student import Student
from core.domain.images.verdict import Thresholds
from core.errors import LlmError, PictureError
from core.eval_facts import JudgeVersion
from core.image_ports import LookAlikes
from core.image_settings import SELLER_ATTRIBUTE
from core.ports import (
    Catalogue,
    Clock,
    ImageScoreFact,
    JudgementStore,
    Llm,
    OutgoingEvent,
    PictureHost,
    PictureStore,
    Task,
    TaskFailure,
    TaskInbox,
    TaskRetry,
)
from core.stages.outcomes import in_time_of, outcome
from core.stages.picture_views import PictureViews
from core.stages.shadow_tasks import Shadows

LABEL_SHARE = 0.05
"""Of the student's pictures that the judge looks at whatever the student thinks of them: the setting's default."""


def no_student() -> Student | None:
    """Where none is live, and for candidates in the shadow, who are judges."""
    return None


@dataclass(frozen=True, slots=True)
class ScoringParts:
    """Ports and values of the stage. `live` tells the judge of now, `student` the student of now and `shadows` who
    scores a share of the judge's pictures too, as of the last look at the books. `attempts` is the setting
    `task_attempts`, `jitter` draws from 0 to 1, `thumbnail` makes a small JPEG. `alikes` finds pictures that may share
    a judgement; None: only the same bytes do."""

    llm: Llm
    pictures: PictureHost
    store: JudgementStore
    picture_store: PictureStore
    catalogue: Catalogue
    inbox: TaskInbox
    clock: Clock
    live: Callable[[], JudgeVersion]
    attempts: int
    event_of: Callable[[ImageScoreFact], OutgoingEvent]
    thumbnail: Callable[[bytes], bytes]
    jitter: Callable[[], float]
    wall: Clock | None = None
    """The inbox's clock where it is not `clock`: a simulation's tasks wait in real time."""
    thresholds: Thresholds = field(default_factory=Thresholds)
    shadows: Callable[[], Shadows] = tuple
    student: Callable[[], Student | None] = no_student
    alikes: LookAlikes | None = None
    share_distance: int = 0
    """Bits in which look-alikes that share a judgement may differ: the setting `image_share_distance`."""
    random_share: float = LABEL_SHARE
    """The setting `image_label_random_share`."""
    seller: str = SELLER_ATTRIBUTE
    """The setting `listing_seller_attribute`: that attribute is not shown to the judge."""
    judging: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)
    """One lock per picture hash under way, so that copies at one moment wait for the first one's score."""

    def views(self) -> PictureViews:
        """How pictures are come by."""
        return PictureViews(self.pictures, self.picture_store, self.clock, self.thumbnail, self.thresholds)

    def lock(self, image_hash: str) -> asyncio.Lock:
        """Of whoever judges this picture."""
        lock = self.judging.get(image_hash)
        if lock is None:
            lock = self.judging[image_hash] = asyncio.Lock()
        return lock

    async def give_up(self, tasks: Sequence[Task], error: LlmError | PictureError) -> None:
        """End the leases of tasks that have no score, each by its own count of failures. Jitter is drawn once: what is
        tried again together costs one call."""
        if tasks:
            jitter = self.jitter()
            ends = [self._end(task, error, jitter) for task in tasks]
            retries = [end for end in ends if isinstance(end, TaskRetry)]
            await self.inbox.release(retries, [end for end in ends if isinstance(end, TaskFailure)])

    def _end(self, task: Task, error: LlmError | PictureError, jitter: float) -> TaskRetry | TaskFailure:
        end = outcome(error, task, self.clock.now(), self.attempts, jitter)
        return end if self.wall is None else in_time_of(end, self.clock.now(), self.wall.now())
