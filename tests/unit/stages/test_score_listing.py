"""A listing's pictures together: one call, the student at once, what is asked of hosts, and who replaces whom."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest

from core.domain.images.student import StudentSays
from core.errors import LlmBreakerOpen, LlmError, LlmRefused, LlmTimeout, PictureError
from core.image_ports import LookAlikes
from core.ports import LlmRequest, NewTask, Picture, PicturePart, Task, TaskKind, TextPart
from core.stages.score_picture import PictureScorer
from tests.support.fakes import InMemoryCatalogue, TaskRow
from tests.support.waiting import until
from tests.unit.stages.test_score_picture import House, listing, picture, row

URLS = ("a", "b", "c")
EXTRACTOR = "pixels-1"
SHARP, DIM = b"sharp", b"dim"


@dataclass(frozen=True)
class Constant:
    """A student that is sure of sharp pictures and unsure of others."""

    version: str = "student@1"
    extractor: str = EXTRACTOR
    unsure_above: float = 1.0

    def says(self, features: bytes) -> StudentSays:
        spread = 0.4 if features == SHARP else 2.5
        return StudentSays(10.7, spread, {"focus": 9}, "Sharpness makes it so.")


class Listed(House):
    """One listing with three pictures, scored as the process does: all of its tasks together."""

    student: Constant | None = None
    alikes: LookAlikes | None = None
    random_share = 0.0

    def __init__(self, **by_url: Picture | Exception) -> None:
        pictures = {url: by_url.get(url, seen_by_student(url * 8)) for url in (*URLS, *by_url)}
        super().__init__(**pictures)
        self.catalogue = InMemoryCatalogue([listing("l1", urls=URLS), listing("l2", urls=("c",))])
        self.llm.answer = each_its_own

    def scorer(self, prompt: str = "the rubric", model: str = "eye") -> PictureScorer:
        return replace(
            super().scorer(prompt, model),
            student=lambda: self.student,
            alikes=self.alikes,
            share_distance=2,
            random_share=self.random_share,
        )

    async def leased(self, urls: Sequence[str], listing_id: str, kind: TaskKind) -> list[Task]:
        told = [{"listing_id": listing_id, "image_url": url, "market": "de"} for url in urls]
        new = [NewTask(f"{kind} {listing_id} {s['image_url']}", kind, "live", listing_id, s) for s in told]
        await self.inbox.add(new)
        return [task for group in await self.inbox.lease([kind], 10, 8, 60) for task in group]

    async def run(self, *urls: str, listing_id: str = "l1", kind: TaskKind = "image") -> list[TaskRow]:
        await self.scorer().score(await self.leased(urls or URLS, listing_id, kind))
        return [found for found in self.inbox.rows.values() if found.new.kind == kind]

    async def run_labels(self) -> None:
        for group in await self.inbox.lease(["image_label"], 10, 8, 60):
            await self.scorer().score(group)

    def labels(self) -> dict[str, object]:
        rows = [found.new for found in self.inbox.rows.values() if found.new.kind == "image_label"]
        return {new.subject["image_url"]: new.payload["why"] for new in rows}

    def scores(self) -> list[tuple[str, str, int]]:
        told = sorted(self.facts, key=lambda fact: fact.image_url)
        return [(fact.image_url, fact.tier, fact.score) for fact in told]

    def states(self) -> dict[str, tuple[str, str]]:
        return {found.new.subject["image_url"]: (found.state, found.reason) for found in self.inbox.rows.values()}


def seen_by_student(image_hash: str, features: bytes = SHARP, etag: str = "", phash: int | None = None) -> Picture:
    return replace(picture(image_hash), features={EXTRACTOR: features}, etag=etag, phash=phash)


def each_its_own(request: LlmRequest) -> str:
    """A score of its own for each picture of a call: 3 for the first, 4 for the second, …"""
    shown = [part for part in request.user if isinstance(part, PicturePart)]
    return json.dumps({"pictures": [row(f"p{n}", n + 2, f"Picture {n}.") for n in range(1, len(shown) + 1)]})


def headings(request: LlmRequest) -> list[str]:
    return [part.text.strip() for part in request.user[1:] if isinstance(part, TextPart)]


# --- One call --------------------------------------------------------------------------------------------


async def test_the_pictures_of_a_listing_are_judged_in_one_call_with_the_main_one_marked() -> None:
    house = Listed()
    await house.run("c", "a", "b")
    (request,) = house.llm.requests
    assert headings(request) == ["### PICTURE p1 (main picture of the listing)", "### PICTURE p2", "### PICTURE p3"]
    assert [part.jpeg for part in request.user if isinstance(part, PicturePart)] == [
        b"jpeg of aaaaaaaa",
        b"jpeg of bbbbbbbb",
        b"jpeg of cccccccc",
    ]
    assert house.scores() == [("a", "llm", 3), ("b", "llm", 4), ("c", "llm", 5)]


async def test_without_the_main_picture_in_the_call_none_is_marked() -> None:
    house = Listed()
    await house.run("b", "c")
    assert headings(house.llm.requests[0]) == ["### PICTURE p1", "### PICTURE p2"]


async def test_a_call_names_the_listing_and_all_addresses_and_has_room_for_each() -> None:
    house = Listed()
    await house.run()
    (request,) = house.llm.requests
    judge = house.scorer().live().version
    assert request.subject == {"listing_id": "l1", "market": "de", "image_urls": "a b c", "judge": judge}
    assert len(request.tasks) == 3
    assert request.max_output_tokens == 3 * 900


async def test_a_call_about_one_picture_names_it_as_its_task_does() -> None:
    house = Listed()
    await house.run("b")
    assert house.llm.requests[0].subject["image_url"] == "b"


async def test_the_seller_is_not_told_to_the_judge() -> None:
    house = Listed()
    await house.run()
    text = house.llm.requests[0].user[0]
    assert isinstance(text, TextPart)
    assert '"colour":"red"' in text.text
    assert "ann" not in text.text


async def test_a_picture_that_the_reply_leaves_out_is_retried_alone() -> None:
    house = Listed()
    house.llm.answer = json.dumps({"pictures": [row("p1"), row("p3")]})
    await house.run()
    assert house.states() == {"a": ("done", ""), "b": ("waiting", "missing_item"), "c": ("done", "")}


async def test_a_row_that_the_schema_does_not_allow_fails_its_own_picture() -> None:
    house = Listed()
    house.llm.answer = json.dumps({"pictures": [row("p1"), row("p2", overall=11), row("p3")]})
    await house.run()
    assert house.states() == {"a": ("done", ""), "b": ("waiting", "invalid_reply"), "c": ("done", "")}


@pytest.mark.parametrize("rows", [[row("p1"), row("p9")], [row("p1"), row("p1"), row("p2"), row("p3")]])
async def test_a_reply_about_a_foreign_picture_or_one_twice_counts_for_none(rows: list[dict[str, object]]) -> None:
    house = Listed()
    house.llm.answer = json.dumps({"pictures": rows})
    await house.run()
    assert set(house.states().values()) == {("waiting", "wrong_items")}
    assert house.facts == []


async def test_a_refused_call_is_asked_again_in_halves_until_the_cause_is_alone() -> None:
    house = Listed()

    def refuses_b(request: LlmRequest) -> str:
        if PicturePart(b"jpeg of bbbbbbbb", 768, 576) in request.user:
            raise LlmRefused("no")
        return each_its_own(request)

    house.llm.answer = refuses_b
    await house.run()
    assert house.states() == {"a": ("done", ""), "b": ("failed", "refused"), "c": ("done", "")}


async def test_pictures_whose_call_failed_are_tried_again_together() -> None:
    house, draws = Listed(), iter([0.1, 0.9, 0.5])
    house.llm.answer = LlmTimeout("slow")
    await replace(house.scorer(), jitter=lambda: next(draws)).score(await house.leased(URLS, "l1", "image"))
    assert len({found.not_before for found in house.inbox.rows.values()}) == 1


async def test_two_addresses_of_one_picture_are_shown_once_and_both_scored() -> None:
    house = Listed(b=seen_by_student("aaaaaaaa"))
    await house.run()
    (request,) = house.llm.requests
    assert len(headings(request)) == 2
    assert house.scores() == [("a", "llm", 3), ("b", "llm", 3), ("c", "llm", 4)]
    assert len(request.tasks) == 3


async def test_a_picture_that_can_not_be_had_leaves_the_others_in_the_call() -> None:
    house = Listed(b=PictureError("404", "gone", final=True))
    await house.run()
    assert house.states() == {"a": ("done", ""), "b": ("failed", "gone"), "c": ("done", "")}
    assert len(headings(house.llm.requests[0])) == 2


async def test_the_pictures_of_a_listing_are_fetched_at_once() -> None:
    house, under_way, most = Listed(), 0, 0
    fetch = house.source.fetch

    async def slow(url: str) -> Picture:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        return await fetch(url)

    house.source.fetch = slow  # type: ignore[method-assign]
    await house.run()
    assert most == 3


async def test_what_the_judge_saw_beside_the_score_is_kept_and_told() -> None:
    house = Listed()
    house.llm.answer = json.dumps({"pictures": [row("p1", flags=["ai_made", "ai_made"])]})
    await house.run("a")
    assert house.facts[0].flags == ("ai_made",)
    assert json.loads(house.outbox.events[0].body)["flags"] == ["ai_made"]


# --- Asking hosts only for what changed ------------------------------------------------------------------


async def test_a_picture_that_has_not_changed_and_has_its_score_is_not_sent_again() -> None:
    house = Listed(c=seen_by_student("cccccccc", etag='"1"'))
    await house.run("c")
    await house.run("c", listing_id="l2")
    assert house.source.asked == ["c"]
    assert house.source.asked_changed == [("c", '"1"', "")]
    assert len(house.llm.requests) == 1
    assert [(fact.listing_id, fact.score) for fact in house.facts] == [("l1", 3), ("l2", 3)]


async def test_a_picture_that_has_not_changed_is_fetched_whole_where_the_judge_needs_it() -> None:
    house = Listed(c=seen_by_student("cccccccc", etag='"1"'))
    house.llm.answer = LlmRefused("no")
    await house.run("c")
    house.llm.answer = each_its_own
    await house.run("c", listing_id="l2")
    assert house.source.asked == ["c", "c"]
    assert house.source.asked_changed == []


async def test_a_host_that_gives_no_validators_is_asked_for_the_picture() -> None:
    house = Listed()
    await house.run("c")
    await house.run("c", listing_id="l2")
    assert house.source.asked == ["c", "c"]


async def test_a_picture_that_has_changed_is_scored_anew() -> None:
    house = Listed(c=seen_by_student("cccccccc", etag='"1"'))
    await house.run("c")
    house.source.by_url["c"] = seen_by_student("dddddddd", etag='"2"')
    await house.run("c", listing_id="l2")
    assert [fact.image_hash for fact in house.facts] == ["cccccccc", "dddddddd"]
    assert len(house.llm.requests) == 2


async def test_the_student_scores_an_unchanged_picture_by_what_is_kept_of_it() -> None:
    house = Listed(c=seen_by_student("cccccccc", etag='"1"'))
    house.student = Constant()
    await house.run("c")
    house.clock.advance(3_600)
    await house.run("c", listing_id="l2")
    assert house.source.asked == ["c"]
    seen = await house.pictures.seen("c")
    assert seen is not None
    assert seen.fetched_at == house.clock.now()
    assert [(fact.listing_id, fact.tier) for fact in house.facts] == [("l1", "student"), ("l2", "student")]


# --- The student -----------------------------------------------------------------------------------------


async def test_a_student_scores_at_once_without_the_judge() -> None:
    house = Listed()
    house.student = Constant()
    rows = await house.run()
    assert {found.state for found in rows} == {"done"}
    assert house.llm.requests == []
    fact = house.facts[0]
    assert (fact.tier, fact.model, fact.prompt_version, fact.fingerprint) == (
        "student",
        "student",
        "student@1",
        EXTRACTOR,
    )
    assert (fact.score, fact.spread, fact.call_id, fact.judge, fact.aspects) == (10, 0.4, None, "", {"focus": 9})
    assert json.loads(house.outbox.events[0].body)["spread"] == 0.4
    assert len(house.outbox.events) == 3


@pytest.mark.parametrize("error", [LlmBreakerOpen("open", 60.0), LlmRefused("no")])
async def test_a_judge_that_does_not_answer_does_not_stop_the_student(error: LlmError) -> None:
    house = Listed()
    house.student, house.llm.answer = Constant(unsure_above=0.1), error
    await house.run()
    await house.run_labels()
    assert house.scores() == [(url, "student", 10) for url in URLS]


async def test_those_that_it_is_unsure_of_go_to_the_judge() -> None:
    house = Listed(b=seen_by_student("bbbbbbbb", DIM))
    house.student = Constant()
    await house.run()
    assert house.labels() == {"b": "unsure"}
    (label,) = [found.new for found in house.inbox.rows.values() if found.new.kind == "image_label"]
    assert (label.group_key, label.lane) == ("l1", "live")


async def test_a_random_share_goes_to_the_judge_whatever_the_student_says() -> None:
    house = Listed(b=seen_by_student("bbbbbbbb", DIM))
    house.student, house.random_share = Constant(), 1.0
    await house.run()
    assert house.labels() == dict.fromkeys(URLS, "random")


async def test_the_judges_label_replaces_the_students_score() -> None:
    house = Listed(b=seen_by_student("bbbbbbbb", DIM))
    house.student = Constant()
    await house.run()
    await house.run_labels()
    assert [score for score in house.scores() if score[0] == "b"] == [("b", "student", 10), ("b", "llm", 3)]
    assert house.labels() == {"b": "unsure"}
    assert len(house.outbox.events) == 4


async def test_a_student_never_writes_over_the_judge() -> None:
    house = Listed()
    await house.run("a")
    house.student = Constant()
    await house.scorer("another rubric").score(await house.leased(["a"], "l1", "image_label"))
    house.inbox.rows.clear()
    await house.scorer("a third rubric").score(await house.leased(["a"], "l1", "image"))
    assert [tier for _, tier, _ in house.scores()] == ["llm", "llm"]
    assert set(house.states().values()) == {("done", "")}


async def test_a_score_that_the_judge_gave_this_very_picture_is_better_than_the_students() -> None:
    house = Listed()
    await house.run("c")
    house.student = Constant()
    await house.run("c", listing_id="l2")
    assert [(fact.listing_id, fact.tier) for fact in house.facts] == [("l1", "llm"), ("l2", "llm")]


async def test_a_picture_without_the_students_features_waits_for_the_judge_apart() -> None:
    house = Listed(a=picture("aaaaaaaa"))
    house.student = Constant()
    rows = await house.run("a")
    assert [found.state for found in rows] == ["done"]
    assert (house.facts, house.llm.requests, house.labels()) == ([], [], {"a": "no_features"})
    await house.run_labels()
    assert house.scores() == [("a", "llm", 3)]


async def test_a_picture_that_is_too_broken_is_refused_before_the_student_sees_it() -> None:
    house = Listed(a=replace(seen_by_student("aaaaaaaa"), measures={**picture().measures, "highlight": 0.01}))
    house.student = Constant()
    await house.run("a")
    assert (house.facts, house.states()) == ([], {"a": ("failed", "unusable:too_dark")})


async def test_one_slow_host_does_not_hold_up_the_students_other_scores() -> None:
    house, gate = Listed(), asyncio.Event()
    house.student = Constant()
    fetch = house.source.fetch

    async def slow(url: str) -> Picture:
        if url == "a":
            await gate.wait()
        return await fetch(url)

    house.source.fetch = slow  # type: ignore[method-assign]
    scoring = asyncio.create_task(house.run())
    await until(lambda: len(house.facts) == 2)
    gate.set()
    await scoring
    assert len(house.facts) == 3


# --- Look-alikes -----------------------------------------------------------------------------------------


class Near:
    """Everything looks like these."""

    def __init__(self, *hashes: str) -> None:
        self.hashes = hashes

    async def look_alikes(self, phash: int, distance: int) -> Sequence[str]:
        assert distance == 2
        return self.hashes


async def test_a_look_alikes_score_is_reused_and_says_so() -> None:
    house = Listed(b=seen_by_student("bbbbbbbb", phash=5))
    await house.run("a")
    house.alikes = Near("unheard of", "aaaaaaaa")
    await house.run("b")
    fact = house.facts[-1]
    assert (fact.image_hash, fact.image_url, fact.score, fact.call_id) == ("bbbbbbbb", "b", 3, house.facts[0].call_id)
    assert fact.reasoning == "Judged on a copy that looks alike (aaaaaaaa): Picture 1."
    assert (fact.alike_of, house.facts[0].alike_of) == ("aaaaaaaa", "")
    assert len(house.llm.requests) == 1


async def test_a_score_that_was_taken_over_is_not_passed_on_to_the_next_look_alike() -> None:
    alike = {url: seen_by_student(url * 8, phash=5) for url in ("b", "c")}
    house = Listed(**alike)
    await house.run("a")
    house.alikes = Near("aaaaaaaa")
    await house.run("b")
    house.alikes = Near("bbbbbbbb")
    await house.run("c")
    assert len(house.llm.requests) == 2
    assert house.facts[-1].reasoning == "Picture 1."


async def test_a_picture_that_is_too_plain_for_a_hash_has_no_look_alikes() -> None:
    house = Listed()
    await house.run("a")
    house.alikes = Near("aaaaaaaa")
    await house.run("b")
    assert len(house.llm.requests) == 2
