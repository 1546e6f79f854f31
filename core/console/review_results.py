"""What came of the reviews: disagreements to decide, who agrees with whom, and the judge's bias by people's answers."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web

from core.console.access import Refused, User, allowed, posted
from core.console.review import (
    CHOICES,
    KINDS,
    filters_of,
    grade_of,
    kind_of,
    note_in,
    noted_of,
    room_of,
    seen,
    told_of,
    uuid_of,
)
from core.console.site import SITE, link, page
from core.domain.evaluation.calibration import calibrated
from core.domain.evaluation.estimates import Calibration
from core.domain.evaluation.items import DatasetKind
from core.domain.review.answers import NOTE_CHARS, decided, ratings_of, remark_of, truth_of
from core.domain.review.figures import SCALES, PairOfReviewers, Rated, answered_share, judged_sample, who_agrees
from core.domain.review.tags import TAGS, TagMeaning
from core.review_ports import Answered, AnswerFilter, Fill, Item, ReviewRefused, ReviewRoom

LISTED = 100
"""Disagreements on a page: an afternoon's; the next hundred come as these are decided."""

FILLS = 50
"""Fillings to choose from: a year of one a week."""

JUDGES = 6
"""Judges whose bias is shown: those with most answers beside theirs."""


@dataclass(frozen=True, slots=True)
class JudgeBias:
    """One judge's correction by the answers of a random share."""

    judge: str
    items: int
    answered: float | None
    """Part of the share that people have answered."""
    calibration: Calibration


@dataclass(frozen=True, slots=True)
class Figures:
    """What the page of agreement shows."""

    pairs: Sequence[PairOfReviewers]
    judges: Sequence[JudgeBias]
    tags: Sequence[tuple[TagMeaning, int]]
    answers: Sequence[tuple[str, int]]
    """Answers by reviewer, most first."""
    not_blind: int


async def disagreements(request: web.Request) -> web.Response:
    """Items that everybody asked has answered, not alike."""
    user = await allowed(request, "review")
    room, kind = room_of(request), kind_of(request.query.get("kind", ""))
    found = await room.store.answered(AnswerFilter(kind, disputed=True, limit=LISTED))
    return page(
        request,
        "review_disagreements.html",
        kind=kind,
        kinds=KINDS,
        rows=[(each, ratings_of(each.acts)) for each in found],
        listed=LISTED,
        decides=_decides(room, user),
        choices=CHOICES[kind],
        done=uuid_of(request.query.get("done", "")),
    )


async def disagreement(request: web.Request) -> web.Response:
    """One of them with every answer and what the judges said."""
    user = await allowed(request, "review")
    return await _shown(request, _deciding(room_of(request), user))


async def decide(request: web.Request) -> web.Response:
    """Keep the grade that counts, and why."""
    user, fields = await posted(request, "review")
    room = _deciding(room_of(request), user)
    reason, given = note_in(fields), fields.get("grade", "")
    item = await _item(request, room)
    kind = item.subject.kind
    await _answered(room, item)
    grade = grade_of(kind, given)
    if grade is None or not reason:
        missing = "Choose a grade" if grade is None else "Say why: the next person will ask"
        return await _shown(request, room, f"{missing}. Nothing was kept.", 400)
    try:
        now = request.app[SITE].clock.now()
        await room.store.decide(item.item_id, user.name, grade, reason, now, noted_of(request, user))
    except ReviewRefused as error:
        return await _shown(request, room, told_of(error), 409)
    return seen(link("/review/disagreements", kind=kind, done=str(item.item_id)))


async def agreement(request: web.Request) -> web.Response:
    """Who agrees with whom; by the random share of one filling (or of all), what the judge's labels are worth."""
    await allowed(request, "review")
    room, kind = room_of(request), kind_of(request.query.get("kind", ""))
    fills = await room.store.fills(kind, FILLS)
    fill = next((each for each in fills if str(each.fill_id) == request.query.get("fill")), _newest_random(fills))
    found = await room.store.answered(AnswerFilter(kind))
    share = [] if fill is None else await room.store.answered(AnswerFilter(kind, fill.fill_id, at_random=True))
    figures = await asyncio.to_thread(figures_of, kind, found, share)
    return page(
        request,
        "review_agreement.html",
        kind=kind,
        kinds=KINDS,
        fills=fills,
        fill=fill,
        figures=figures,
        scale=SCALES[kind],
    )


def figures_of(kind: DatasetKind, found: Sequence[Answered], share: Sequence[Answered]) -> Figures:
    """Agreement of all answers given blind, the judges' bias by those of a random share."""
    acts = [act for each in found for act in each.acts]
    tags = Counter(tag for each in found for who in ratings_of(each.acts) for tag in remark_of(each.acts, who)[1])
    answers = Counter(who for each in found for who in ratings_of(each.acts))
    judges = Counter(said.judge for each in share if ratings_of(each.acts, blind=True) for said in each.opinions)
    return Figures(
        pairs=who_agrees(kind, [rated(each, "") for each in found]),
        judges=[_bias(kind, judge, share) for judge, _ in judges.most_common(JUDGES)],
        tags=[(each, tags[each.tag]) for each in TAGS],
        answers=answers.most_common(),
        not_blind=sum(act.act == "answer" and not act.blind for act in acts),
    )


def rated(each: Answered, judge: str) -> Rated:
    """An item as figures take it: what was answered blind, and what the judge said. A decision counts as truth where
    there is one."""
    ratings, decision = ratings_of(each.acts, blind=True), decided(each.acts)
    said = next((opinion for opinion in each.opinions if opinion.judge == judge), None)
    subject = each.item.subject
    return Rated(
        query="\n".join((subject.application, subject.market, subject.query)),
        ratings=ratings,
        truth=truth_of(ratings, decision.grade if decision and ratings else None),
        judged=said.grade if said else None,
        confidence=said.confidence if said else None,
    )


def _bias(kind: DatasetKind, judge: str, share: Sequence[Answered]) -> JudgeBias:
    sample, verdicts = judged_sample(kind, [rated(each, judge) for each in share])
    return JudgeBias(judge, len(sample.query), answered_share(sample), calibrated(sample, verdicts))


async def _shown(request: web.Request, room: ReviewRoom, problem: str = "", status: int = 200) -> web.Response:
    item = await _item(request, room)
    kind = item.subject.kind
    found = await _answered(room, item)
    return page(
        request,
        "review_disagreement.html",
        status=status,
        kind=kind,
        item=item,
        context=filters_of(item),
        answers=[(who, grade, *remark_of(found.acts, who)) for who, grade in ratings_of(found.acts).items()],
        decision=decided(found.acts),
        opinions=found.opinions,
        choices=CHOICES[kind],
        tags=TAGS,
        note_chars=NOTE_CHARS,
        problem=problem,
    )


async def _answered(room: ReviewRoom, item: Item) -> Answered:
    """With everything that was said of it. No such page while somebody asked has yet to answer: who decides reviews
    too, and an answer after a look at this page would pass for a blind one."""
    found = next(iter(await room.store.answered(AnswerFilter(item.subject.kind, item=item.item_id))), None)
    if found is None or (decided(found.acts) is None and len(ratings_of(found.acts)) < item.needed):
        raise web.HTTPNotFound
    return found


def _decides(room: ReviewRoom, user: User) -> bool:
    return user.may("operate") or user.name in room.adjudicators


def _deciding(room: ReviewRoom, user: User) -> ReviewRoom:
    """The room, for who may decide in it; Refused for others."""
    if not _decides(room, user):
        raise Refused("role")
    return room


def _newest_random(fills: Sequence[Fill]) -> Fill | None:
    return next((each for each in fills if each.random_items), None)


async def _item(request: web.Request, room: ReviewRoom) -> Item:
    """The one that the address names; no such page where there is none."""
    item_id = uuid_of(request.match_info["item"])
    item = None if item_id is None else await room.store.item(item_id)
    if item is None:
        raise web.HTTPNotFound
    return item
