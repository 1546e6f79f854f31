"""The review queue: one item on the screen, one key for an answer, and what the judge said only after it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args
from uuid import UUID

from aiohttp import web

from core.console import params
from core.console.access import User, allowed, entry_of, posted
from core.console.site import SITE, link, page
from core.domain.access import AuditEntry
from core.domain.evaluation.items import DatasetKind
from core.domain.guidelines import read_context
from core.domain.labels import Label
from core.domain.review.answers import NOTE_CHARS, Act, remark_of, standing
from core.domain.review.tags import TAGS, known_tags
from core.review_ports import COUNTED, Item, Noted, Opinion, ReviewRefused, ReviewRoom

KINDS: Sequence[DatasetKind] = get_args(DatasetKind)
SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Choice:
    """An answer: what it says, the key that gives it and a second one, empty where there is none."""

    grade: int
    words: str
    key: str
    letter: str = ""


CHOICES: Mapping[DatasetKind, tuple[Choice, ...]] = {
    "relevance": tuple(
        Choice(label.grade, label.value, str(place), label.value[0])
        for place, label in enumerate(reversed(Label), start=1)
    ),
    "image": tuple(Choice(score, str(score), str(score % 10)) for score in range(1, 11)),
}
"""Best first for products, as the guideline tells them; a picture's score is its key, 0 is ten."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What the judge said of an item that this reviewer has answered, beside their answer."""

    answer: Act
    opinions: Sequence[Opinion]
    note: str
    tags: tuple[str, ...]

    @property
    def agreed(self) -> bool:
        """Whether no judge that is live or was asked in a run says otherwise."""
        return all(each.grade == self.answer.grade for each in self.opinions if not each.shadow)


def room_of(request: web.Request) -> ReviewRoom:
    """The queue; no such page where the process has none."""
    room = request.app[SITE].review
    if room is None:
        raise web.HTTPNotFound
    return room


def kind_of(told: str) -> DatasetKind:
    """The queue that is meant: of products unless pictures are named."""
    return next((kind for kind in KINDS if kind == told), "relevance")


async def one(request: web.Request) -> web.Response:
    """The next item; `shown`: the item just answered, with what the judge said; `last`: a line about it."""
    user = await allowed(request, "review")
    room, kind = room_of(request), kind_of(request.query.get("kind", ""))
    looked_at = uuid_of(request.query.get("shown", ""))
    item = None if looked_at is None else await room.store.item(looked_at)
    shown = None if item is None else await shown_to(room, item, user)
    if item is not None and shown is not None:
        return await _page(request, room, user, item.subject.kind, item, shown)
    return await _next(request, room, user, kind)


async def answer(request: web.Request) -> web.Response:
    """Keep an answer or a skip; then the next item, or what the judge said where it says otherwise."""
    user, fields = await posted(request, "review")
    room, kind, item_id = room_of(request), kind_of(fields.get("kind", "")), uuid_of(fields.get("item", ""))
    item = None if item_id is None else await room.store.item(item_id)
    given = fields.get("grade", "")
    grade = None if item is None else grade_of(item.subject.kind, given)
    if item is None or (grade is None and given != SKIP):
        return await _next(request, room, user, kind, "That was no answer: nothing was kept.", 400)
    now, noted = request.app[SITE].clock.now(), noted_of(request, user)
    try:
        await room.store.answer(item.item_id, user.name, grade, note_in(fields), now, noted)
    except ReviewRefused as error:
        return await _next(request, room, user, kind, told_of(error), 409)
    if grade is None:
        return seen(link("/review", kind=kind))
    opinions = [each for each in await room.store.opinions(item.item_id) if not each.shadow]
    differs = any(each.grade != grade for each in opinions)
    return seen(link("/review", kind=kind, **{"shown" if differs else "last": str(item.item_id)}))


async def undo(request: web.Request) -> web.Response:
    """Take the newest answer back; its item is on the screen again."""
    user, fields = await posted(request, "review")
    room, kind = room_of(request), kind_of(fields.get("kind", ""))
    try:
        now = request.app[SITE].clock.now()
        await room.store.undo(user.name, kind, now, room.lease_s, noted_of(request, user))
    except ReviewRefused as error:
        return await _next(request, room, user, kind, told_of(error), 409)
    return seen(link("/review", kind=kind, undone=1))


async def remark(request: web.Request) -> web.Response:
    """Keep note and error classes of an answered item, where they are new; then the next item."""
    user, fields = await posted(request, "review")
    room, kind, item_id = room_of(request), kind_of(fields.get("kind", "")), uuid_of(fields.get("item", ""))
    item = None if item_id is None else await room.store.item(item_id)
    shown = None if item is None else await shown_to(room, item, user)
    if item is None or shown is None:
        return await _next(request, room, user, kind, "Answer the item first: nothing was kept.", 409)
    note = note_in(fields)
    tags = known_tags([each.tag for each in TAGS if fields.get(each.tag)])
    if (note, tags) != (shown.note, shown.tags):
        now = request.app[SITE].clock.now()
        await room.store.remark(item.item_id, user.name, note, tags, now, noted_of(request, user))
    return seen(link("/review", kind=kind))


async def shown_to(room: ReviewRoom, item: Item, user: User) -> Shown | None:
    """What the judge said, for somebody whose answer to the item stands; None for anybody else."""
    acts = await room.store.acts(item.item_id)
    own = next((act for act in standing(acts) if act.reviewer == user.name and act.grade is not None), None)
    if own is None:
        return None
    return Shown(own, await room.store.opinions(item.item_id), *remark_of(acts, user.name))


async def _next(
    request: web.Request, room: ReviewRoom, user: User, kind: DatasetKind, problem: str = "", status: int = 200
) -> web.Response:
    item = await room.store.take(user.name, kind, request.app[SITE].clock.now(), room.lease_s)
    return await _page(request, room, user, kind, item, None, problem, status)


async def _page(
    request: web.Request,
    room: ReviewRoom,
    user: User,
    kind: DatasetKind,
    item: Item | None,
    shown: Shown | None,
    problem: str = "",
    status: int = 200,
) -> web.Response:
    now = request.app[SITE].clock.now()
    progress, last = await asyncio.gather(room.store.progress(user.name, kind, now), _last(request, room, user))
    return page(
        request,
        "review.html",
        status=status,
        kind=kind,
        kinds=KINDS,
        item=item,
        context=[] if item is None else filters_of(item),
        shown=shown,
        last=last,
        progress=progress,
        counted=COUNTED,
        choices=CHOICES[kind],
        tags=TAGS,
        note_chars=NOTE_CHARS,
        problem=problem,
        undone=request.query.get("undone") == "1",
    )


async def _last(request: web.Request, room: ReviewRoom, user: User) -> tuple[Item, Shown] | None:
    """The item just answered, where no judge said otherwise: a line on the next one's page."""
    item_id = uuid_of(request.query.get("last", ""))
    item = None if item_id is None else await room.store.item(item_id)
    shown = None if item is None else await shown_to(room, item, user)
    return None if item is None or shown is None else (item, shown)


def filters_of(item: Item) -> list[tuple[str, str]]:
    """What the query was asked in, for a person: market, language, and the filters set beside it."""
    subject = item.subject
    told = [("market", subject.market), ("language", subject.language), *read_context(subject.context)]
    return [(name, value) for name, value in told if value]


def noted_of(request: web.Request, user: User) -> Noted:
    """The audit entry of what this person does with an item. A note is the reviewer's words and stays with the act, the
    reason of a decision is what is asked for later."""

    def entry(act: Act) -> AuditEntry:
        told: dict[str, str | int] = {} if act.grade is None else {"grade": act.grade}
        told |= {"tags": " ".join(act.tags)} if act.tags else {}
        told |= {"reason": act.note} if act.act == "decision" else {}
        return entry_of(request, user, f"review.{act.act}", str(act.item_id), told)

    return entry


def grade_of(kind: DatasetKind, given: str) -> int | None:
    """The grade that a form gives an item of this kind; None for what is none of its scale."""
    return next((each.grade for each in CHOICES[kind] if str(each.grade) == given), None)


def note_in(fields: Mapping[str, str]) -> str:
    """A form's note."""
    return params.sound(fields.get("note", "")).strip()[:NOTE_CHARS]


def uuid_of(text: str) -> UUID | None:
    """An id of an address or a form; None for what is none."""
    try:
        return UUID(text)
    except ValueError:
        return None


def told_of(error: ReviewRefused) -> str:
    """Its words as a sentence."""
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}. Nothing was kept."


def seen(address: str) -> web.Response:
    """To a page, so that a reload posts nothing again."""
    return web.Response(status=303, headers={"Location": address})
