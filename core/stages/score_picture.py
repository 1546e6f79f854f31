"""Score a listing's picture: fetch, refuse what is broken, reuse what is known, ask the judge, store.

Per task: done with a score and its event in one transaction, back to waiting, or failed with a reason. One
task's failure ends only that task.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from weakref import WeakValueDictionary

from pydantic import ValidationError

from core.domain.events import event_id
from core.domain.images.verdict import Thresholds, verdict
from core.domain.judging import PictureJudgement, PictureScoresReply
from core.domain.prompting import clean, picture_heading, section
from core.domain.relevance import Product
from core.domain.strict_schema import strict_schema
from core.errors import LlmError, LlmInvalid, LlmMissingItem, LlmWrongItems, PictureError
from core.eval_facts import JudgeVersion
from core.ports import (
    Catalogue,
    Clock,
    ImageScoreFact,
    JudgementStore,
    Listing,
    Llm,
    LlmReply,
    LlmRequest,
    OutgoingEvent,
    Picture,
    PicturePart,
    PictureSource,
    PictureStore,
    Task,
    TaskFailure,
    TaskInbox,
    TaskRetry,
    TextPart,
)
from core.prompts import Prompt
from core.stages.judge_recipe import prompt_of_judge
from core.stages.outcomes import in_time_of, outcome
from core.stages.shadow_tasks import Shadows, shadow_picture_tasks

MAX_OUTPUT_TOKENS = 900
"""One picture: 120 words of reasoning are 200 tokens, seven scores and the frame 120; nearly three times that
leaves slack and still cuts a runaway reply off."""

REASONING_LIMIT = 4_000
"""Characters of reasoning that are kept: five times what the prompt asks for."""

ITEM = "p1"
"""Name of the one picture of a call; several pictures of a listing will be p1, p2, …, the primary one first."""

_SCHEMA = strict_schema(PictureScoresReply)

ATTRIBUTES = 12
"""Attributes of a listing that are shown: what tells the item apart stands first, the rest is paid for unread."""


@dataclass(frozen=True, slots=True)
class PictureScorer:
    """The stage over its ports. `live` tells the judge of now and `shadows` who scores a share of its pictures too, as
    of the last look at the book. `attempts` is the setting `task_attempts`, `jitter` draws from 0 to 1, `thumbnail`
    makes a small JPEG."""

    llm: Llm
    pictures: PictureSource
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
    _judging: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)
    """One lock per picture hash under way, so that copies in one batch wait for the first one's score."""

    async def score(self, tasks: Sequence[Task]) -> None:
        """End each task's lease. An error that is not about one picture (database away, a defect) is raised after every
        task has ended or failed so; the leases of those then run out."""
        listings = await self.catalogue.listings([task.subject["listing_id"] for task in tasks])
        ends = [self._end(task, listings.get(task.subject["listing_id"])) for task in tasks]
        for result in await asyncio.gather(*ends, return_exceptions=True):
            if result is not None:
                raise result

    async def _end(self, task: Task, listing: Listing | None) -> None:
        try:
            await self._score_one(task, listing)
        except (LlmError, PictureError) as error:
            end = outcome(error, task, self.clock.now(), self.attempts, self.jitter())
            await self._release(end if self.wall is None else in_time_of(end, self.clock.now(), self.wall.now()))

    async def _release(self, end: TaskRetry | TaskFailure) -> None:
        if isinstance(end, TaskRetry):
            await self.inbox.release([end], [])
        else:
            await self.inbox.release([], [end])

    async def _score_one(self, task: Task, listing: Listing | None) -> None:
        if listing is None:
            raise PictureError("the listing is gone", "no_listing", final=True)
        url = task.subject["image_url"]
        picture = await self.pictures.fetch(url)
        await self._keep(url, picture)
        refused = verdict(picture.measures, self.thresholds)
        if refused is not None:
            raise PictureError("the technical tier refuses it", refused, final=True)
        judge = picture_judge(self.live())
        async with self._lock(picture.image_hash):
            known = await self._known(task, picture, judge)
            fact = known or await self._judged(task, listing, picture, judge)
            await self.store.save_image_score([fact], [self.event_of(fact)], [task.task_id], fact.judged_at)
        if known is None and (tasks := shadow_picture_tasks(task, fact, self.shadows())):
            await self.inbox.add(tasks)

    async def _keep(self, url: str, picture: Picture) -> None:
        small = await asyncio.to_thread(self.thumbnail, picture.jpeg)
        await self.picture_store.save_picture(url, picture, small, self.clock.now())

    def _lock(self, image_hash: str) -> asyncio.Lock:
        lock = self._judging.get(image_hash)
        if lock is None:
            lock = self._judging[image_hash] = asyncio.Lock()
        return lock

    async def _known(self, task: Task, picture: Picture, judge: PictureJudge) -> ImageScoreFact | None:
        """The score this very picture has, said of this task's listing; the call it names is the one that was made, by
        the judge it names."""
        known = await self.store.image_score(picture.image_hash, judge.prompt.version, judge.model)
        if known is None:
            return None
        key = content_key(task, picture.image_hash, known.prompt_version, known.model)
        return replace(
            known,
            event_id=event_id(key),
            content_key=key,
            listing_id=task.subject["listing_id"],
            image_url=task.subject["image_url"],
            judged_at=self.clock.now(),
        )

    async def _judged(self, task: Task, listing: Listing, picture: Picture, judge: PictureJudge) -> ImageScoreFact:
        request = score_request(task, listing, picture, judge)
        reply = await self.llm.complete(request)
        return score_fact(task, picture, judge, reply, read_judgement(reply.text), self.clock.now())


@dataclass(frozen=True, slots=True)
class PictureJudge:
    """What of a judge version looks at pictures."""

    version: str
    """`name@hash`."""
    prompt: Prompt
    model: str


def picture_judge(judge: JudgeVersion) -> PictureJudge:
    """The picture judge of a version."""
    return PictureJudge(judge.version, prompt_of_judge(judge, "picture_scores"), judge.vision_model)


def score_fact(
    task: Task, picture: Picture, judge: PictureJudge, reply: LlmReply, judgement: PictureJudgement, at: datetime
) -> ImageScoreFact:
    """The fact that a reply makes."""
    key = content_key(task, picture.image_hash, judge.prompt.version, judge.model)
    return ImageScoreFact(
        event_id=event_id(key),
        content_key=key,
        listing_id=task.subject["listing_id"],
        image_url=task.subject["image_url"],
        image_hash=picture.image_hash,
        score=judgement.overall,
        aspects=judgement.aspects.model_dump(),
        reasoning=clean(judgement.reasoning, REASONING_LIMIT),
        tier="llm",
        model=judge.model,
        fingerprint=reply.fingerprint or reply.model,
        prompt_version=judge.prompt.version,
        judged_at=at,
        call_id=reply.call_id,
        judge=judge.version,
    )


def score_request(task: Task, listing: Listing, picture: Picture, judge: PictureJudge) -> LlmRequest:
    """The call for one picture: the rubric as rules, the listing and the picture as data."""
    return LlmRequest(
        lane=task.lane,
        purpose="picture_scores",
        model=judge.model,
        prompt_version=judge.prompt.version,
        system=judge.prompt.text,
        user=(
            TextPart(section("LISTING", [listing_row(listing)])),
            TextPart(picture_heading(ITEM)),
            PicturePart(picture.jpeg, picture.width, picture.height),
        ),
        schema=_SCHEMA,
        max_output_tokens=MAX_OUTPUT_TOKENS,
        subject={**task.subject, "judge": judge.version},
        check=read_judgement,
        tasks=(task.task_id,),
    )


def listing_row(listing: Listing | Product) -> dict[str, object]:
    """What a judge or critic is told of the listing: what the item is, so that it can tell whether the picture shows
    it."""
    texts = {
        "title": listing.title,
        "brand": listing.brand,
        "category": listing.category,
        "description": listing.description,
    }
    row: dict[str, object] = {name: clean(text) for name, text in texts.items() if text}
    attributes = sorted(dict(listing.attributes).items())[:ATTRIBUTES]
    if attributes:
        row["attributes"] = {clean(name): clean(value) for name, value in attributes}
    return row


def read_judgement(text: str) -> PictureJudgement:
    """The one judgement of a reply; LlmInvalid when it is none or not about the one picture."""
    try:
        reply = PictureScoresReply.model_validate_json(text)
    except ValidationError as error:
        raise LlmInvalid(f"the reply has {error.error_count()} faults") from error
    named = [judgement.item for judgement in reply.pictures]
    if not named:
        raise LlmMissingItem(f"the reply leaves {ITEM} out")
    if named != [ITEM]:
        raise LlmWrongItems(f"the reply is not about {ITEM} alone")
    return reply.pictures[0]


def content_key(task: Task, image_hash: str, version: str, model: str) -> str:
    """The key of a task's score by this prompt and model."""
    return score_key(task.subject["listing_id"], task.subject["image_url"], image_hash, version, model)


def score_key(listing_id: str, image_url: str, image_hash: str, version: str, model: str) -> str:
    """SHA-256 over all that makes a score: listing, URL, picture, prompt, model; parts end with a NUL none holds."""
    parts = (listing_id, image_url, image_hash, version, model)
    return hashlib.sha256("".join(f"{part}\0" for part in parts).encode()).hexdigest()
