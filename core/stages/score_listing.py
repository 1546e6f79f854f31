"""The pictures of one listing: each looked at by itself and scored at once where that is possible, the others judged in
one call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace

from core.domain.images.student import Student
from core.errors import LlmError, LlmImpossible, LlmRefused, LlmTruncated, PictureError
from core.ports import ImageScoreFact, Listing, LlmReply, NewTask, Picture, SeenPicture, Task
from core.stages.judge_query import calls_of
from core.stages.picture_calls import (
    PICTURES_A_CALL,
    PictureJudge,
    Shown,
    Told,
    items_of,
    read_scores,
    score_fact,
    score_request,
)
from core.stages.picture_views import Viewed
from core.stages.score_parts import ScoringParts
from core.stages.shadow_tasks import shadow_picture_tasks
from core.stages.student_scores import copied, student_scored


@dataclass(frozen=True, slots=True)
class ListingScoring:
    """One listing's tasks, by one judge and one student from the first step to the last, whoever is promoted meanwhile.
    Tasks of the kind `image` are the student's where one is live; the judge's are all others."""

    parts: ScoringParts
    listing: Listing
    judge: PictureJudge
    identity: str
    """Of the picture judge, as keys of tasks hold it."""
    student: Student | None

    async def score(self, tasks: Sequence[Task]) -> None:
        """End each task's lease; what is no picture's fault is raised once all have ended."""
        looked = await asyncio.gather(*map(self._looked, tasks), return_exceptions=True)
        left = [each for each in looked if isinstance(each, Viewed)]
        calls = calls_of(self._in_order(left), PICTURES_A_CALL)
        ends = await asyncio.gather(*map(self._judged, calls), return_exceptions=True)
        for each in (*looked, *ends):
            if isinstance(each, BaseException):
                raise each

    async def _looked(self, task: Task) -> Viewed | None:
        """The picture where the judge is to be asked; None: the task has ended."""
        student = self.student if task.kind == "image" else None
        try:
            viewed = await self.parts.views().view(task, lambda seen: self._is_enough(seen, student))
        except PictureError as error:
            await self.parts.give_up([task], error)
            return None
        if student is None:
            return viewed
        known = await self._known(viewed)
        if known is None:
            await self._student_scored(viewed, student)
        else:
            await self._save([known], [task])
        return None

    async def _is_enough(self, seen: SeenPicture, student: Student | None) -> bool:
        """Whether the bytes are not needed: the student has its features, or the judge's score is there."""
        return (student is not None and student.extractor in seen.features) or await self._score_of(
            seen.image_hash
        ) is not None

    async def _student_scored(self, viewed: Viewed, student: Student) -> None:
        """At once, with the judge's task where it is to look too; no place at the LLM is needed."""
        at = self.parts.clock.now()
        facts, more = student_scored(viewed, student, self.identity, self.parts.random_share, at)
        await self._save(facts, [viewed.task], more)

    async def _judged(self, batch: Sequence[Viewed]) -> None:
        """One call for those of which no score is known. Whoever judges one of them at this moment is waited for."""
        async with self._alone({each.image_hash for each in batch}):
            known = await asyncio.gather(*map(self._known, batch))
            pairs = list(zip(batch, known, strict=True))
            facts = [fact for fact in known if fact is not None]
            if facts:
                await self._save(facts, [each.task for each, fact in pairs if fact is not None])
            await self._asked(await self._with_bytes([each for each, fact in pairs if fact is None]))

    async def _asked(self, pictures: Sequence[tuple[Viewed, Picture]]) -> None:
        """Each picture once, however many addresses show it. What may be one picture's fault (refused, cut off, too
        large) is tried again in halves."""
        if not pictures:
            return
        tasks = [each.task for each, _ in pictures]
        once = {picture.image_hash: Shown(each.task, picture) for each, picture in reversed(pictures)}
        shown = list(reversed(once.values()))
        try:
            reply, told = await self._told(shown, tasks)
        except LlmError as error:
            if isinstance(error, LlmRefused | LlmTruncated | LlmImpossible) and len(shown) > 1:
                middle = len(pictures) // 2
                await self._asked(pictures[:middle])
                await self._asked(pictures[middle:])
            else:
                await self.parts.give_up(tasks, error)
            return
        by_hash = {each.picture.image_hash: said for each, said in zip(shown, told, strict=True)}
        await self._kept([(each.task, picture.image_hash) for each, picture in pictures], by_hash, reply)

    async def _told(self, shown: Sequence[Shown], tasks: Sequence[Task]) -> tuple[LlmReply, list[Told]]:
        request = score_request(shown, self.listing, self.judge, self.parts.seller)
        reply = await self.parts.llm.complete(replace(request, tasks=tuple(task.task_id for task in tasks)))
        return reply, list(read_scores(reply.text, items_of(len(shown))).values())

    async def _kept(self, asked: Sequence[tuple[Task, str]], told: Mapping[str, Told], reply: LlmReply) -> None:
        """Scores, and tasks for the shadow's share of them; a picture of which the reply says nothing ends alone."""
        at, shadows = self.parts.clock.now(), self.parts.shadows()
        facts: list[ImageScoreFact] = []
        done: list[Task] = []
        more: list[NewTask] = []
        for task, image_hash in asked:
            said = told[image_hash]
            if isinstance(said, LlmError):
                await self.parts.give_up([task], said)
                continue
            fact = score_fact(task, image_hash, self.judge, reply, said, at)
            facts.append(fact)
            done.append(task)
            more += shadow_picture_tasks(task, fact, shadows)
        await self._save(facts, done, more)

    async def _save(self, facts: Sequence[ImageScoreFact], done: Sequence[Task], more: Sequence[NewTask] = ()) -> None:
        parts = self.parts
        events, ended = [parts.event_of(fact) for fact in facts], [task.task_id for task in done]
        await parts.store.save_image_score(facts, events, ended, parts.clock.now(), more)

    async def _with_bytes(self, batch: Sequence[Viewed]) -> list[tuple[Viewed, Picture]]:
        """Those whose bytes could be had; a host that said before that a picture has not changed is asked again."""
        found: list[tuple[Viewed, Picture]] = []
        for each in batch:
            try:
                found.append((each, each.picture or await self.parts.views().fetched(each.task)))
            except PictureError as error:
                await self.parts.give_up([each.task], error)
        return found

    async def _known(self, viewed: Viewed) -> ImageScoreFact | None:
        """The judge's score that this very picture has, else one of a look-alike, said of this task's listing. A score
        that was a look-alike's itself is not passed on: who is like it need not be like the one that was judged."""
        found = await self._score_of(viewed.image_hash)
        for image_hash in await self._alike(viewed) if found is None else ():
            other = await self._score_of(image_hash)
            if other is not None and not other.alike_of:
                found = other
                break
        return None if found is None else copied(found, viewed, self.parts.clock.now())

    async def _alike(self, viewed: Viewed) -> Sequence[str]:
        parts = self.parts
        if parts.alikes is None or viewed.phash is None:
            return ()
        return await parts.alikes.look_alikes(viewed.phash, parts.share_distance)

    async def _score_of(self, image_hash: str) -> ImageScoreFact | None:
        return await self.parts.store.image_score(image_hash, self.judge.prompt.version, self.judge.model)

    def _in_order(self, viewed: Sequence[Viewed]) -> list[Viewed]:
        """As the listing shows them, the main picture first; those that it shows no more come last."""
        places = {url: place for place, url in enumerate(self.listing.image_urls)}
        return sorted(viewed, key=lambda each: places.get(each.task.subject["image_url"], len(places)))

    @asynccontextmanager
    async def _alone(self, hashes: set[str]) -> AsyncIterator[None]:
        """Inside the block nobody else in this process judges these pictures. In one order, so that two can't wait for
        each other."""
        async with AsyncExitStack() as stack:
            for image_hash in sorted(hashes):
                await stack.enter_async_context(self.parts.lock(image_hash))
            yield
