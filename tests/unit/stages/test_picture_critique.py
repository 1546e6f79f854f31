"""The second tier of pictures: fetched again, looked at by another model, skipped where it is not the judged one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID, uuid4

import pytest

from core.domain.critiquing import GivenScores, picture_critique_key, usable_critique
from core.domain.evaluation.checks import Judged
from core.domain.evaluation.checks.tiers import People
from core.domain.evaluation.checks.words_of_report import summary
from core.domain.judging import PictureCritiqueReply
from core.errors import LlmOverBudget, LlmOverCap, LlmRefused, PictureError
from core.ports import LlmReply, LlmRequest, Picture, PicturePart, Task
from core.prompts import load_prompt
from core.stages.judge_items import ListingError, Outcome
from core.stages.patience import Patience
from core.stages.picture_critique import PictureCritic
from core.stages.tiers import Gathered, Gathering, Subject, all_tiers, first_tier
from tests.support.fake_tiers import InMemoryTiers
from tests.support.fakes import NOON
from tests.support.virtual_clock import VirtualClock
from tests.unit.domain.evaluation.checks.samples import ASPECTS, scored
from tests.unit.stages.test_eval_pictures import EYE, Gallery, shown
from tests.unit.stages.test_score_picture import House, picture

SUBJECT = Subject("run:1", "morning", "image", "j@1")
GIVEN = GivenScores(7, ASPECTS, "Sharp.")


@dataclass
class Eye:
    """Sees these overall scores by the listing's id, else the given one; an error is raised instead."""

    sees: dict[str, int | Exception] = field(default_factory=dict)
    agrees: bool | None = None
    requests: list[LlmRequest] = field(default_factory=list)

    async def complete(self, request: LlmRequest) -> LlmReply:
        self.requests.append(request)
        given = rows(request)[1]["overall"]
        assert isinstance(given, int)
        overall = self.sees.get(request.subject["listing_id"], given)
        if isinstance(overall, Exception):
            raise overall
        agrees = abs(overall - given) < 2 if self.agrees is None else self.agrees
        text = json.dumps({"why": "so", "reason_holds": True, "agrees": agrees, "overall": overall})
        assert request.check is not None
        request.check(text)
        return LlmReply(uuid4(), text, request.model, "fp", 10, 0, 5, 0.01, 1, asked_model=request.model)


@dataclass
class Shelf:
    """Port `PictureSource`: every address shows the same picture but those named."""

    others: dict[str, Picture | PictureError] = field(default_factory=dict)
    fetched: list[str] = field(default_factory=list)

    async def fetch(self, url: str) -> Picture:
        self.fetched.append(url)
        found = self.others.get(url, picture())
        if isinstance(found, PictureError):
            raise found
        return found


def rows(request: LlmRequest) -> list[dict[str, object]]:
    return [json.loads(line) for line in request.user[0].text.splitlines() if line.startswith("{")]


def critic(llm: Eye, shelf: Shelf | None = None, store: InMemoryTiers | None = None, salt: str = "") -> PictureCritic:
    patience = Patience(VirtualClock(NOON), 2, lambda: 0.0)
    prompt = load_prompt("picture_critique")
    return PictureCritic(
        llm, store or InMemoryTiers(), shelf or Shelf(), patience, prompt, "strong", 1, 768, "merchant", salt
    )


def scores(*names: str, grade: int = 7) -> list[Judged]:
    told = replace(scored(grade), image_hash=picture().image_hash)
    return [replace(told, key=name, listing_id=name, image_url=f"u/{name}") for name in names]


async def test_the_seller_is_not_told_to_the_critic() -> None:
    llm, [one] = Eye(), scores("a")
    product = replace(one.product, attributes={"colour": "red", "merchant": "ann"})
    await critic(llm).critiques([replace(one, product=product)])
    listing, _ = rows(llm.requests[0])
    assert listing["attributes"] == {"colour": "red"}


async def test_the_critic_sees_the_listing_the_scores_and_the_picture() -> None:
    llm = Eye()
    [one] = scores("a")
    await critic(llm).critiques([one])
    [request] = llm.requests
    listing, given = rows(request)
    assert (request.purpose, request.lane, request.system) == (
        "critique", "backfill", load_prompt("picture_critique").text,
    )  # fmt: skip
    assert listing["title"] == one.product.title
    assert given == {"item": "p1", "overall": 7, "aspects": ASPECTS, "reasoning": one.reasoning}
    assert request.user[-1] == PicturePart(picture().jpeg, 768, 576)


@pytest.mark.parametrize(("better", "told"), [(8, None), (6, None), (5, 5), (9, 9)])
async def test_a_score_is_overturned_from_two_points_on(better: int, told: int | None) -> None:
    first = first_tier(SUBJECT, Gathered(scores("a"), {"a": People(2)}))
    report, [flagged] = await all_tiers(first, critic(Eye({"a": better})), 1.0, NOON, lambda: 0.0)
    assert flagged.better == told
    assert report.of("critique").objected == (told is not None)


async def test_what_was_critiqued_before_is_neither_fetched_nor_paid_again() -> None:
    store, shelf, again = InMemoryTiers(), Shelf(), Eye()
    await critic(Eye({"a": 3}), store=store).critiques(scores("a"))
    found = await critic(again, shelf, store).critiques(scores("a"))
    assert (again.requests, shelf.fetched, found.verdicts["a"].grade) == ([], [], 3)
    await critic(again, shelf, store, salt="run").critiques(scores("a"))
    assert len(again.requests) == 1


async def test_pictures_that_can_not_be_had_as_they_were_judged_are_skipped_and_counted() -> None:
    gone = PictureError("gone", "gone", final=True)
    shelf, llm = Shelf({"u/a": gone, "u/b": gone, "u/c": picture("another")}), Eye()
    first = first_tier(SUBJECT, Gathered(scores("a", "b", "c", "d"), {}))
    report, _ = await all_tiers(first, critic(llm, shelf), 1.0, NOON, lambda: 0.0)
    assert report.of("critique").skipped == {"gone": 2, "picture_changed": 1}
    assert (report.of("critique").seen, report.complete, len(llm.requests)) == (1, True, 1)
    assert "3 pictures were not looked at again: gone 2, picture_changed 1" in summary(report)


async def test_a_call_that_fails_leaves_its_picture_unseen() -> None:
    found = await critic(Eye({"a": LlmRefused("no")})).critiques(scores("a", "b"))
    assert (set(found.verdicts), found.complete) == ({"b"}, False)


async def test_behind_the_cap_nothing_is_fetched_any_more() -> None:
    shelf = Shelf()
    found = await critic(Eye({"a": LlmOverCap("cap")}), shelf).critiques(scores("a", "b", "c"))
    assert (found.verdicts, found.complete, shelf.fetched) == ({}, False, ["u/a"])


async def test_what_only_a_person_can_mend_is_raised() -> None:
    with pytest.raises(LlmOverBudget):
        await critic(Eye({"a": LlmOverBudget("spent", NOON)})).critiques(scores("a"))


async def test_a_critique_that_contradicts_itself_is_left_out() -> None:
    store = InMemoryTiers()
    found = await critic(Eye({"a": 2}, agrees=True), store=store).critiques(scores("a"))
    assert (found.verdicts, found.complete, store.kept) == ({}, False, {})


@pytest.mark.parametrize(
    ("agrees", "overall", "usable"),
    [(True, 7, True), (True, 8, True), (True, 9, False), (False, 7, False), (False, 8, True), (False, 2, True)],
)
def test_an_answer_is_usable_where_its_parts_fit(agrees: bool, overall: int, usable: bool) -> None:
    reply = PictureCritiqueReply(why="so", reason_holds=True, agrees=agrees, overall=overall)
    assert (usable_critique(reply, GIVEN) is not None) == usable


def test_a_critiques_key_is_of_all_that_it_hangs_on() -> None:
    critics = ("model", "prompt")
    others = [
        replace(GIVEN, overall=6), replace(GIVEN, aspects={**ASPECTS, "focus": 1}), replace(GIVEN, reasoning="Dim."),
    ]  # fmt: skip
    keys = [picture_critique_key("k", each, critics) for each in (GIVEN, *others)]
    assert len({*keys, picture_critique_key("k2", GIVEN, critics), picture_critique_key("k", GIVEN, ("m",))}) == 6


def test_the_calls_can_be_sized_before_and_nothing_is_fetched() -> None:
    shelf = Shelf()
    sized = critic(Eye(), shelf).requests([*scores("a", "b"), replace(scored(7), image_url="")])
    assert [(request.user[-1], count) for request, count in sized] == [(PicturePart(b"", 768, 768), 1)] * 2
    assert shelf.fetched == []


async def test_of_a_runs_picture_its_key_tells_whether_it_is_the_judged_one() -> None:
    gallery = Gallery(House())
    item = shown("a")
    _, results = await gallery.judge(item)
    run = replace(await gallery.begun(item), run_id=UUID(int=1))
    found = await Gathering(nothing_told, InMemoryTiers()).of_run(run, EYE.version, "text", [item], results)
    same = await critic(Eye()).critiques(found.judged)
    other = await critic(Eye(), Shelf({"u": picture("another")})).critiques(found.judged)
    assert (len(same.verdicts), other.skipped) == (1, {"picture_changed": 1})


async def nothing_told(tasks: Sequence[Task]) -> list[Outcome]:
    return [(task, ListingError("gone", "listing_unknown")) for task in tasks]
