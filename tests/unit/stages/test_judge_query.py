"""The relevance stage over fakes: labels, reuse, and that a failure is never a label."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from uuid import UUID

import pytest

from core.domain.labels import Label
from core.errors import (
    LlmBreakerOpen,
    LlmContentFilter,
    LlmError,
    LlmImpossible,
    LlmOverBudget,
    LlmPending,
    LlmRefused,
    LlmSlowDown,
    LlmTimeout,
    LlmTruncated,
    LlmUnauthorised,
    LlmUnavailable,
    PictureError,
    RetryLater,
)
from core.ports import Listing, LlmReply, LlmRequest, NewTask, Picture, PicturePart, Task
from core.settings import Settings
from core.stages.events import relevance_event
from core.stages.judge_query import QueryJudge
from core.stages.live_judge import settings_judge
from tests.support.fake_guidelines import InMemoryClaims, InMemoryGuidelines
from tests.support.fakes import (
    NOON,
    FakeClock,
    InMemoryCatalogue,
    InMemoryInbox,
    InMemoryJudgements,
    InMemoryOutbox,
)

CALL = UUID(int=7)
GUIDELINE = {
    "translation": "red shoes",
    "specificity": "medium",
    "requirements": [{"requirement": "shoes", "importance": "must_have", "why": "asked"}],
    "guideline": {"highly_relevant": "red shoes", "acceptable_substitute": "shoes", "irrelevant": "the rest"},
}


@dataclass
class ScriptedLlm:
    """Grades by title; `faults` are raised or returned first, in order, for the purposes they name."""

    faults: list[tuple[str, Exception | str]] = field(default_factory=list)
    requests: list[LlmRequest] = field(default_factory=list)
    refuses: str = ""
    refusal: LlmError = field(default_factory=lambda: LlmRefused("no"))
    spoils: str = ""
    most: int = 100
    slow_s: float = 0.0
    under_way: list[int] = field(default_factory=list)
    """Judging calls under way at the start of each of them, itself included."""
    _now: int = 0

    async def complete(self, request: LlmRequest) -> LlmReply:
        self.requests.append(request)
        self._now += 1
        self.under_way += [self._now] if request.purpose == "judgements" else []
        await asyncio.sleep(self.slow_s)
        self._now -= 1
        return self._replied(request)

    def _replied(self, request: LlmRequest) -> LlmReply:
        for index, (purpose, fault) in enumerate(self.faults):
            if purpose == request.purpose:
                del self.faults[index]
                if isinstance(fault, Exception):
                    raise fault
                return _reply(fault)
        if self.refuses and self.refuses in _text(request):
            raise self.refusal
        if request.purpose == "judgements" and len(_products(request)) > self.most:
            raise LlmImpossible("too large")
        if self.spoils and self.spoils in _text(request):
            return _reply(_graded("p99"))
        return _reply(json.dumps(self._answer(request)))

    def _answer(self, request: LlmRequest) -> object:
        if request.purpose == "guideline":
            return GUIDELINE
        if request.purpose == "picture_description":
            return {"description": "a red shoe"}
        return {"judgements": [_judgement(row) for row in _products(request)]}

    def of(self, purpose: str) -> list[LlmRequest]:
        return [request for request in self.requests if request.purpose == purpose]


def _judgement(row: dict[str, str]) -> dict[str, object]:
    label = "highly_relevant" if "red" in row["title"] else "irrelevant"
    return {"item": row["item"], "reasoning": f"saw {row['title']}", "verdicts": "y", "label": label, "confidence": 0.9}


def _text(request: LlmRequest) -> str:
    return request.user[0].text


def _products(request: LlmRequest) -> list[dict[str, str]]:
    return [json.loads(line) for line in _text(request).split("### PRODUCTS\n")[1].splitlines()]


def _reply(text: str) -> LlmReply:
    return LlmReply(CALL, text, "judge-1-dated", "fp_1", 10, 0, 5, 0.001, 3)


@dataclass
class ScriptedPictures:
    """A picture whose hash is its URL; `errors` by URL."""

    errors: dict[str, PictureError] = field(default_factory=dict)

    async def fetch(self, url: str) -> Picture:
        if url in self.errors:
            raise self.errors[url]
        return Picture(f"hash of {url}", b"jpeg", 10, 10, 10, 10, 4, "image/jpeg", {})


@dataclass
class World:
    """The stage and everything around it."""

    llm: ScriptedLlm = field(default_factory=ScriptedLlm)
    pictures: ScriptedPictures = field(default_factory=ScriptedPictures)
    clock: FakeClock = field(default_factory=FakeClock)
    settings: Settings = field(default_factory=lambda: Settings(_env_file=None, llm_model="judge-1"))

    def __post_init__(self) -> None:
        self.inbox = InMemoryInbox(self.clock)
        self.outbox = InMemoryOutbox()
        self.store = InMemoryJudgements(self.inbox, self.outbox)
        self.catalogue = InMemoryCatalogue([_listing(number) for number in range(1, 31)])
        self.guidelines = InMemoryGuidelines(self.inbox, self.store, self.catalogue)
        self.claims = InMemoryClaims()

    def judge(self, **changes: object) -> QueryJudge:
        settings = self.settings.model_copy(update=changes)
        return QueryJudge(
            llm=self.llm,
            store=self.store,
            guidelines=self.guidelines,
            claims=self.claims,
            catalogue=self.catalogue,
            inbox=self.inbox,
            pictures=self.pictures,
            clock=self.clock,
            live=lambda: settings_judge(settings),
            attempts=settings.task_attempts,
            event_of=relevance_event,
            jitter=lambda: 0.5,
        )

    async def queue(self, ids: Sequence[str], **payload: object) -> list[Task]:
        await self.inbox.add([_task(listing_id, payload) for listing_id in ids])
        return await self.lease()

    async def lease(self) -> list[Task]:
        groups = await self.inbox.lease(("relevance", "anchor"), 10, 100, 300.0)
        return [task for group in groups for task in group]

    def ends(self) -> dict[str, tuple[str, str]]:
        return {row.new.subject["listing_id"]: (row.state, row.reason) for row in self.inbox.rows.values()}

    def labels(self) -> dict[str, Label]:
        return {fact.listing_id: fact.label for fact in self.store.facts.values()}


def _listing(number: int) -> Listing:
    title = f"{'red' if number % 2 else 'blue'} shoe {number}"
    url = (f"https://pictures/{number}.jpg",)
    return Listing(f"l{number}", "de", "de", title, None, None, None, 9.5, "EUR", {"size": "42"}, url, f"c{number}")


def _task(listing_id: str, payload: dict[str, object], key: str = "") -> NewTask:
    subject = {"application": "shop", "market": "de", "query": "red shoes", "listing_id": listing_id}
    return NewTask(
        f"key {listing_id} {key}",
        "relevance",
        "live",
        "group",
        subject,
        {"reason": "friction", "language": "en", **payload},
    )


@pytest.fixture
def world() -> World:
    return World()


# --- Labels ----------------------------------------------------------------------------------------------


async def test_results_of_a_query_are_graded_in_one_call_and_stored_with_their_events(world):
    await world.judge().judge(await world.queue(["l1", "l2", "l3"]))
    assert world.labels() == {
        "l1": Label.HIGHLY_RELEVANT,
        "l2": Label.IRRELEVANT,
        "l3": Label.HIGHLY_RELEVANT,
    }
    assert len(world.llm.of("judgements")) == 1
    assert set(world.ends().values()) == {("done", "")}
    assert len(world.outbox.events) == 3


async def test_a_label_carries_its_whole_provenance(world):
    await world.judge().judge(await world.queue(["l1"]))
    [fact] = world.store.facts.values()
    assert (fact.reason, fact.mode, fact.model, fact.fingerprint) == ("friction", "text", "judge-1", "fp_1")
    assert (fact.content_hash, fact.image_hash, fact.call_id) == ("c1", None, CALL)
    assert fact.prompt_version.startswith("judgements@")
    assert fact.guideline_version.startswith("guideline@")
    assert fact.event_id == world.outbox.events[0].event_id


async def test_the_guideline_is_made_once_a_query(world):
    await world.judge().judge(await world.queue(["l1"]))
    await world.judge().judge(await world.queue(["l2"]))
    assert len(world.llm.of("guideline")) == 1


async def test_what_is_known_is_done_without_a_call(world):
    await world.judge().judge(await world.queue(["l1"]))
    await world.inbox.add([_task("l1", {}, "asked again")])
    await world.judge().judge(await world.lease())
    assert len(world.llm.of("judgements")) == 1
    assert len(world.outbox.events) == 1
    assert [row.state for row in world.inbox.rows.values()] == ["done", "done"]


async def test_an_edited_listing_is_judged_again_and_nothing_else(world):
    await world.judge().judge(await world.queue(["l1", "l2"]))
    world.catalogue.known["l1"] = replace(_listing(1), title="blue shoe", content_hash="edited")
    await world.inbox.add([_task("l1", {}, "again"), _task("l2", {}, "again")])
    await world.judge().judge(await world.lease())
    assert [row["title"] for row in _products(world.llm.of("judgements")[-1])] == ["blue shoe"]


async def test_a_pair_queued_twice_is_judged_once_and_both_are_done(world):
    await world.inbox.add([_task("l1", {}, "a"), _task("l1", {}, "b")])
    await world.judge().judge(await world.lease())
    assert len(_products(world.llm.of("judgements")[0])) == 1
    assert [row.state for row in world.inbox.rows.values()] == ["done", "done"]


async def test_no_call_holds_more_products_than_set(world):
    await world.judge(judge_products_per_call=4).judge(await world.queue([f"l{n}" for n in range(1, 11)]))
    assert [len(_products(request)) for request in world.llm.of("judgements")] == [4, 4, 2]
    assert len(world.labels()) == 10


async def test_the_order_of_products_is_not_that_of_the_results(world):
    ids = [f"l{n}" for n in range(1, 13)]
    await world.judge().judge(await world.queue(ids))
    titles = [row["title"].split()[-1] for row in _products(world.llm.of("judgements")[0])]
    assert titles != [listing_id[1:] for listing_id in ids]
    assert sorted(titles) == sorted(listing_id[1:] for listing_id in ids)


async def test_a_task_may_carry_its_listing(world):
    listing = {"listing_id": "mine", "title": "red clogs", "price": {"amount": 5}}
    await world.judge().judge(await world.queue(["mine"], listing=listing, reason="request"))
    assert world.labels() == {"mine": Label.HIGHLY_RELEVANT}


# --- Anchors ---------------------------------------------------------------------------------------------


async def test_an_anchor_is_judged_past_every_label_and_makes_an_outcome_and_no_label(world):
    listing = {"listing_id": "a1", "title": "red shoe"}
    for night in ("2025-03-03", "2025-03-04"):
        task = _task("a1", {"listing": listing, "anchor_id": "a1", "night": night}, night)
        await world.inbox.add([replace(task, kind="anchor")])
        await world.judge().judge(await world.lease())
    assert set(world.store.outcomes) == {("a1", "2025-03-03"), ("a1", "2025-03-04")}
    assert len(world.llm.of("judgements")) == 2
    assert world.labels() == {}
    assert world.outbox.events == []


# --- Pictures --------------------------------------------------------------------------------------------


async def test_a_picture_is_described_once_and_the_judge_reads_it(world):
    judge = world.judge(judge_mode="text_and_description", llm_vision_model="eyes")
    await judge.judge(await world.queue(["l1"]))
    await world.inbox.add([_task("l1", {"language": "de"}, "other")])
    await judge.judge(await world.lease())
    [described] = world.llm.of("picture_description")
    assert described.model == "eyes"
    assert _products(world.llm.of("judgements")[0])[0]["picture_description"] == "a red shoe"
    assert {fact.image_hash for fact in world.store.facts.values()} == {"hash of https://pictures/1.jpg"}


async def test_a_multimodal_judge_sees_the_pictures_under_their_names(world):
    judge = world.judge(judge_mode="multimodal", llm_vision_model="eyes")
    await judge.judge(await world.queue(["l1", "l2"]))
    [request] = world.llm.of("judgements")
    headings = [part.text for part in request.user[1:] if not isinstance(part, PicturePart)]
    assert request.model == "eyes"
    assert headings == ["### PICTURE p1", "### PICTURE p2"]


async def test_an_unreachable_picture_is_its_own_task_s_reason(world):
    world.pictures.errors = {
        "https://pictures/1.jpg": PictureError("gone", "not_found", final=True),
        "https://pictures/2.jpg": PictureError("slow", "timeout", final=False),
    }
    await world.judge(judge_mode="multimodal").judge(await world.queue(["l1", "l2", "l3"]))
    assert world.ends() == {"l1": ("failed", "not_found"), "l2": ("waiting", "timeout"), "l3": ("done", "")}


async def test_a_product_without_a_picture_is_judged_by_its_text(world):
    world.catalogue.known["l1"] = replace(_listing(1), image_urls=())
    await world.judge(judge_mode="text_and_description").judge(await world.queue(["l1"]))
    assert world.labels() == {"l1": Label.HIGHLY_RELEVANT}


async def test_a_description_that_fails_ends_only_the_tasks_of_that_picture(world):
    world.llm.faults = [("picture_description", LlmRefused("no"))]
    await world.judge(judge_mode="text_and_description").judge(await world.queue(["l1", "l2"]))
    assert sorted(world.ends().values()) == [("done", ""), ("failed", "refused")]


# --- Failures --------------------------------------------------------------------------------------------

BLAMELESS = [
    (LlmSlowDown("slow", 30.0), "rate_limited", 30),
    (LlmUnauthorised("key"), "unauthorised", 60),
    (LlmOverBudget("spent", NOON + timedelta(hours=12)), "over_budget", 43_200),
    (LlmOverBudget("the lane spent", NOON + timedelta(hours=12), "lane_budget"), "lane_budget", 43_200),
    (LlmPending("ordered", NOON + timedelta(minutes=10)), "in_batch", 600),
    (LlmBreakerOpen("open", 30.0), "breaker_open", 30),
]


@pytest.mark.parametrize("purpose", ["guideline", "judgements"])
@pytest.mark.parametrize(("error", "reason", "seconds"), BLAMELESS)
async def test_what_no_task_is_to_blame_for_costs_no_attempt(world, purpose, error, reason, seconds):
    world.llm.faults = [(purpose, error)]
    await world.judge().judge(await world.queue(["l1", "l2"]))
    assert set(world.ends().values()) == {("waiting", reason)}
    assert {row.attempts for row in world.inbox.rows.values()} == {0}
    assert min(row.not_before for row in world.inbox.rows.values()) >= NOON + timedelta(seconds=seconds)
    assert world.labels() == {}


PASSING = [
    ("{", "invalid_reply"),
    (
        '{"judgements": [{"item": "p9", "reasoning": "", "verdicts": "y", "label": "irrelevant", "confidence": 1}]}',
        "wrong_items",
    ),
]


@pytest.mark.parametrize(("fault", "reason"), PASSING)
async def test_a_passing_failure_is_tried_again_until_the_attempts_are_used_up(world, fault, reason):
    world.llm.faults = [("judgements", fault)] * 3
    judge, seen = world.judge(task_attempts=3), []
    for _ in range(3):
        await judge.judge(await world.queue(["l1", "l2"]))
        seen.append(set(world.ends().values()))
        world.clock.advance(3_600)
    assert seen == [{("waiting", reason)}, {("waiting", reason)}, {("failed", reason)}]
    assert world.labels() == {}


@pytest.mark.parametrize(
    ("fault", "reason"), [(LlmUnavailable("500", "server_error"), "server_error"), (LlmTimeout("late"), "timeout")]
)
async def test_an_outage_outlasts_the_attempts_and_the_tasks_wait_it_out(world, fault, reason):
    world.llm.faults = [("judgements", fault)] * 4
    judge = world.judge(task_attempts=3)
    for _ in range(4):
        await judge.judge(await world.queue(["l1", "l2"]))
        assert set(world.ends().values()) == {("waiting", reason)}
        world.clock.advance(7_200)
    assert world.labels() == {}


async def test_a_product_the_reply_leaves_out_waits_alone(world):
    row = {"item": "p1", "reasoning": "r", "verdicts": "y", "label": "irrelevant", "confidence": 1}
    world.llm.faults = [("judgements", json.dumps({"judgements": [row]}))]
    await world.judge().judge(await world.queue(["l1", "l2"]))
    assert sorted(world.ends().values()) == [("done", ""), ("waiting", "missing_item")]
    assert len(world.labels()) == 1


def _graded(*names: str) -> str:
    row = {"reasoning": "r", "verdicts": "y", "label": "irrelevant", "confidence": 1}
    return json.dumps({"judgements": [{"item": name, **row} for name in names]})


@pytest.mark.parametrize("names", [("p1", "p1"), ("p1", "p2", "p2"), ("p1", "p2", "p3"), ("p1", "sofa")])
async def test_of_a_reply_with_an_invented_or_doubled_item_nothing_is_kept(world, names):
    world.llm.faults = [("judgements", _graded(*names))]
    await world.judge().judge(await world.queue(["l1", "l2"]))
    assert set(world.ends().values()) == {("waiting", "wrong_items")}
    assert world.labels() == {}


async def test_products_of_wrong_replies_are_asked_together_once_more_then_in_fewer_then_alone(world):
    world.llm.faults = [("judgements", _graded("p99"))] * 7
    judge, sizes = world.judge(judge_products_per_call=8), []
    for _ in range(4):
        before = len(world.llm.of("judgements"))
        await judge.judge(await world.queue([f"l{n}" for n in range(1, 9)]))
        sizes.append([len(_products(request)) for request in world.llm.of("judgements")[before:]])
        world.clock.advance(3_600)
    assert sizes == [[8], [8], [2, 2, 2, 2], [1] * 8]


async def test_one_product_that_spoils_every_reply_it_is_in_is_lost_alone(world):
    world.llm.spoils = "shoe 7"
    judge = world.judge()
    for _ in range(5):
        await judge.judge(await world.queue([f"l{n}" for n in range(1, 13)]))
        world.clock.advance(3_600)
    ends = world.ends()
    assert ends.pop("l7") == ("failed", "wrong_items")
    assert set(ends.values()) == {("done", "")}


async def test_a_content_filter_ends_the_product_it_is_about_and_no_other(world):
    world.llm.refuses, world.llm.refusal = "shoe 3", LlmContentFilter("no")
    await world.judge().judge(await world.queue([f"l{n}" for n in range(1, 9)]))
    ends = world.ends()
    assert ends.pop("l3") == ("failed", "content_filter")
    assert set(ends.values()) == {("done", "")}


async def test_a_request_too_large_for_the_provider_is_halved_until_it_fits(world):
    world.llm.most = 2
    await world.judge().judge(await world.queue([f"l{n}" for n in range(1, 9)]))
    assert [len(_products(request)) for request in world.llm.of("judgements")] == [8, 4, 2, 2, 4, 2, 2]
    assert len(world.labels()) == 8


async def test_a_query_s_first_call_goes_alone_and_the_others_together(world):
    world.llm.slow_s = 0.01
    await world.judge(judge_products_per_call=4).judge(await world.queue([f"l{n}" for n in range(1, 13)]))
    assert world.llm.under_way == [1, 1, 2]


async def test_a_database_that_goes_away_in_one_call_is_raised_after_the_others_have_ended(world):
    world.llm.faults = [("judgements", RetryLater("away"))]
    with pytest.raises(RetryLater):
        await world.judge(judge_products_per_call=4).judge(await world.queue([f"l{n}" for n in range(1, 9)]))
    assert set(world.ends().values()) == {("running", "")}


async def test_the_rest_of_a_call_is_judged_when_one_product_is_refused(world):
    world.llm.refuses = "shoe 7"
    await world.judge().judge(await world.queue([f"l{n}" for n in range(1, 9)]))
    ends = world.ends()
    assert ends.pop("l7") == ("failed", "refused")
    assert set(ends.values()) == {("done", "")}
    assert "l7" not in world.labels()


async def test_a_reply_that_was_cut_off_is_asked_for_in_halves(world):
    world.llm.faults = [("judgements", LlmTruncated("long"))]
    await world.judge().judge(await world.queue(["l1", "l2", "l3", "l4"]))
    assert [len(_products(request)) for request in world.llm.of("judgements")] == [4, 2, 2]
    assert len(world.labels()) == 4


async def test_a_single_product_that_can_not_be_sent_fails_at_once(world):
    world.llm.faults = [("judgements", LlmImpossible("400"))]
    await world.judge().judge(await world.queue(["l1"]))
    assert world.ends() == {"l1": ("failed", "impossible_request")}


async def test_a_listing_nobody_knows_fails_with_its_name(world):
    await world.judge().judge(await world.queue(["nobody", "l1"]))
    assert world.ends() == {"nobody": ("failed", "listing_unknown"), "l1": ("done", "")}


async def test_a_carried_listing_that_is_none_fails_with_its_name(world):
    await world.judge().judge(await world.queue(["x"], listing={"listing_id": "x"}))
    assert world.ends() == {"x": ("failed", "listing_unusable")}


async def test_a_guideline_that_is_none_labels_nothing_and_is_not_stored(world):
    world.llm.faults = [("guideline", '{"translation": "x"}')]
    await world.judge().judge(await world.queue(["l1"]))
    assert world.ends() == {"l1": ("waiting", "invalid_reply")}
    assert world.guidelines.kept == {}


async def test_tasks_of_a_simulation_wait_in_real_time(world):
    wall = FakeClock(NOON + timedelta(days=365))
    world.llm.faults = [("judgements", LlmSlowDown("slow", 30.0))]
    await replace(world.judge(), wall=wall).judge(await world.queue(["l1"]))
    [row] = world.inbox.rows.values()
    assert wall.now() + timedelta(seconds=30) <= row.not_before < wall.now() + timedelta(seconds=40)
