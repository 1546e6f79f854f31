"""From a task to what is known of its picture: fetched, kept, measured, refused where it is broken.

What is kept of the picture that an address showed last is asked for first: where it is enough, the host is asked only
whether the picture has changed, and a host that says no is sent nothing and decoded nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from core.domain.images.verdict import Thresholds, verdict
from core.errors import PictureError
from core.ports import Clock, Picture, PictureHost, PictureStore, SeenPicture, Task

Enough = Callable[[SeenPicture], Awaitable[bool]]
"""Whether what is kept of a picture gives its score, without its bytes."""


@dataclass(frozen=True, slots=True)
class Viewed:
    """A picture that may be scored. `picture` None: it has not changed, and its bytes were not fetched."""

    task: Task
    image_hash: str
    measures: Mapping[str, float]
    phash: int | None
    features: Mapping[str, bytes]
    picture: Picture | None


@dataclass(frozen=True, slots=True)
class PictureViews:
    """Pictures of tasks. `thumbnail` makes a small JPEG of a picture that comes without one."""

    pictures: PictureHost
    store: PictureStore
    clock: Clock
    thumbnail: Callable[[bytes], bytes]
    thresholds: Thresholds

    async def view(self, task: Task, enough: Enough) -> Viewed:
        """The task's picture; PictureError where there is none that may be scored."""
        url = task.subject["image_url"]
        seen = await self.store.seen(url)
        if seen is None or not (seen.etag or seen.last_modified) or not await enough(seen):
            return self._usable(await self._kept(task, await self.pictures.fetch(url)))
        changed = await self.pictures.fetch_changed(url, seen.etag, seen.last_modified)
        if changed is not None:
            return self._usable(await self._kept(task, changed))
        await self.store.unchanged(url, seen.image_hash, self.clock.now())
        return self._usable(Viewed(task, seen.image_hash, seen.measures, seen.phash, seen.features, None))

    async def fetched(self, task: Task) -> Picture:
        """The task's picture with its bytes, whatever is kept of it."""
        url = task.subject["image_url"]
        picture = await self.pictures.fetch(url)
        self._usable(await self._kept(task, picture))
        return picture

    async def _kept(self, task: Task, picture: Picture) -> Viewed:
        """Kept before anything is made of it."""
        small = picture.thumbnail or await asyncio.to_thread(self.thumbnail, picture.jpeg)
        await self.store.save_picture(task.subject["image_url"], picture, small, self.clock.now())
        return Viewed(task, picture.image_hash, picture.measures, picture.phash, picture.features, picture)

    def _usable(self, viewed: Viewed) -> Viewed:
        refused = verdict(viewed.measures, self.thresholds)
        if refused is not None:
            raise PictureError("the technical tier refuses it", refused, final=True)
        return viewed
