"""The process `image-score`: two loops, so that what waits for the LLM never stands before a new picture."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from consumers import image_score
from core.ports import NewTask, Task, TaskKind
from core.runtime.work import WorkProcess
from core.settings import Settings
from tests.support.fakes import FakeClock, InMemoryInbox
from tests.support.waiting import until

SETTINGS = Settings(_env_file=None, image_in_flight=2)


def task(kind: TaskKind, number: int) -> NewTask:
    subject = {"listing_id": f"l{number}", "image_url": "u"}
    return NewTask(f"{kind} {number}", kind, "live", f"l{number}", subject)


class Desk:
    """Labels wait until they are let go; new pictures are done at once."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.inbox = InMemoryInbox(self.clock)
        self.llm = asyncio.Event()
        self.done: list[str] = []

    async def score(self, tasks: Sequence[Task]) -> None:
        if tasks[0].kind != "image":
            await self.llm.wait()
        self.done += [each.kind for each in tasks]
        self.inbox.finish([each.task_id for each in tasks], self.clock.now())

    def processes(self) -> list[WorkProcess]:
        return image_score.build(SETTINGS, self.inbox, self.score, self.clock, 60.0)


async def test_labels_that_wait_for_the_llm_hold_up_no_new_picture() -> None:
    desk = Desk()
    await desk.inbox.add([task("image_label", n) for n in range(20)])
    await desk.inbox.add([task("shadow_image", n) for n in range(20)])
    new, labels = desk.processes()
    async with asyncio.TaskGroup() as running:
        for process in (new, labels):
            running.create_task(process.run())
        await until(lambda: "running" in {row.state for row in desk.inbox.rows.values()})
        await desk.inbox.add([task("image", n) for n in range(5)])
        await until(lambda: desk.done == ["image"] * 5)
        assert await new.idle()
        assert not await labels.idle()
        desk.llm.set()
        await until(lambda: len(desk.done) == 45)
        for process in (new, labels):
            process.stop()


async def test_every_kind_of_picture_task_has_its_loop() -> None:
    desk = Desk()
    desk.llm.set()
    kinds: tuple[TaskKind, ...] = ("image", "image_label", "shadow_image")
    for kind in kinds:
        await desk.inbox.add([task(kind, 1)])
        assert [await process.idle() for process in desk.processes()] == [kind != "image", kind == "image"]
        desk.inbox.rows.clear()
