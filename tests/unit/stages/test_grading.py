"""Grading by one model or by a cascade: which calls are made, whose grade stands, and what a failure leaves."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import pytest

from core.domain.cascade import Cascade
from core.domain.judging import GuidelineReply, LabelGuide, ProductJudgement, Requirement
from core.domain.relevance import Search
from core.errors import LlmImpossible, LlmInvalid, LlmPending, LlmRefused, LlmSlowDown, LlmTruncated, LlmUnavailable
from core.ports import Listing, LlmReply, LlmRequest, StoredGuideline, Task
from core.prompts import load_prompt
from core.settings import Settings
from core.stages.grading import Grades, Grading, cascade_of
from core.stages.judge_items import Item
from core.stages.judge_recipe import Recipe
from core.telemetry import Metrics
from tests.support.fakes import NOON

ONE = Cascade("strong", confidence=0.8)
TWO = Cascade("strong", "other", 0.8)
SEARCH = Search("default", "uk", "red shoes", "en")
GUIDELINE = StoredGuideline(
    "g1",
    "guideline.1",
    "cheap",
    "model",
    GuidelineReply(
        translation="red shoes",
        specificity="medium",
        requirements=[Requirement(requirement="shoes", importance="must_have", why="asked")],
        guideline=LabelGuide(highly_relevant="red", acceptable_substitute="shoes", irrelevant="rest"),
    ),
)
SURE = ("highly_relevant", 0.95, "y")
UNSURE = ("acceptable_substitute", 0.6, "y")
OPEN = ("highly_relevant", 0.95, "?")
Says = tuple[str, float, str]


@dataclass
class Models:
    """Each model's grade by title; `failing` raises for calls of a model that hold a title (or any, for empty)."""

    says: dict[str, dict[str, Says]]
    failing: list[tuple[str, str, Exception]] = field(default_factory=list)
    left_out: set[tuple[str, str]] = field(default_factory=set)
    requests: list[LlmRequest] = field(default_factory=list)

    async def complete(self, request: LlmRequest) -> LlmReply:
        self.requests.append(request)
        rows = _products(request)
        titles = [row["title"] for row in rows]
        for model, title, error in self.failing:
            if model == request.model and (not title or title in titles):
                raise error
        judged = [self._row(request.model, row) for row in rows if (request.model, row["title"]) not in self.left_out]
        text = json.dumps({"judgements": judged})
        assert request.check is not None
        request.check(text)
        return LlmReply(uuid4(), text, request.model, "fp", 1, 0, 1, 0.0, 1, asked_model=request.model)

    def _row(self, model: str, row: dict[str, str]) -> dict[str, object]:
        label, confidence, verdicts = self.says[model].get(row["title"], SURE)
        said = {"reasoning": model, "verdicts": verdicts, "label": label, "confidence": confidence}
        return {"item": row["item"], **said}

    def asked(self) -> list[tuple[str, list[str]]]:
        return [(request.model, [row["title"] for row in _products(request)]) for request in self.requests]


def _products(request: LlmRequest) -> list[dict[str, str]]:
    text = request.user[0].text
    return [json.loads(line) for line in text.split("### PRODUCTS")[1].splitlines() if line.startswith("{")]


def _wire(request: LlmRequest) -> tuple[object, ...]:
    """What a batch knows a call by."""
    return request.model, request.system, request.user, request.seed, request.max_output_tokens


def _item(title: str) -> Item:
    task = Task(uuid4(), title, "relevance", "live", "g", {"query": "red shoes"}, {}, 1)
    listing = Listing(title, "uk", "en", title, None, None, None, None, None, {}, (), "hash")
    return Item(task, listing, key=title)


def _recipe(cascade: Cascade | None) -> Recipe:
    prompts = [load_prompt(name) for name in ("guideline", "judgements", "picture_description")]
    return Recipe("text", "cheap", "cheap", *prompts, cascade=cascade.identity if cascade else "")


async def _graded(
    models: Models, titles: Sequence[str], cascade: Cascade | None = ONE, metrics: Metrics | None = None
) -> Grades:
    grading = Grading(models, _recipe(cascade), cascade, metrics)
    return await grading.grade(SEARCH, GUIDELINE, [_item(title) for title in titles])


def _labels(grades: Grades) -> dict[str, tuple[str, str]]:
    """Label and model by key."""
    return {key: (str(each.judgement.label), each.reply.asked_model) for key, each in grades.given.items()}


async def test_without_a_cascade_one_call_grades_all_whatever_it_says():
    models = Models({"cheap": {"b": UNSURE, "c": OPEN}})
    grades = await _graded(models, "abc", None)
    assert models.asked() == [("cheap", ["a", "b", "c"])]
    assert set(grades.given) == {"a", "b", "c"}
    assert "cascade" not in models.requests[0].subject


async def test_only_what_the_cheap_model_leaves_open_goes_to_the_strong_one_in_one_call():
    models = Models({"cheap": {"b": UNSURE, "d": OPEN}, "strong": {"b": ("irrelevant", 0.9, "n")}})
    grades = await _graded(models, "abcd")
    assert models.asked() == [("cheap", ["a", "b", "c", "d"]), ("strong", ["b", "d"])]
    assert _labels(grades) == {
        "a": ("highly_relevant", "cheap"),
        "b": ("irrelevant", "strong"),
        "c": ("highly_relevant", "cheap"),
        "d": ("highly_relevant", "strong"),
    }


async def test_the_strong_grade_stands_even_if_unsure():
    models = Models({"cheap": {"a": UNSURE}, "strong": {"a": ("irrelevant", 0.2, "?")}})
    assert _labels(await _graded(models, "a")) == {"a": ("irrelevant", "strong")}


async def test_nothing_open_means_no_strong_call():
    models = Models({"cheap": {}})
    await _graded(models, "abc")
    assert len(models.requests) == 1


async def test_both_calls_share_the_layout_up_to_the_products():
    models = Models({"cheap": {"b": UNSURE}, "strong": {}})
    await _graded(models, "ab")
    cheap, strong = models.requests
    assert strong.system == cheap.system
    shared = [request.user[0].text.split("### PRODUCTS")[0] for request in (cheap, strong)]
    assert shared[0] == shared[1]


async def test_each_call_names_its_step_its_reasons_and_its_tasks():
    models = Models({"cheap": {"b": UNSURE, "c": OPEN}, "strong": {}})
    await _graded(models, "abc")
    cheap, strong = models.requests
    assert cheap.subject["cascade"] == "first"
    told = {name: strong.subject[name] for name in ("cascade", "low_confidence", "must_have_undecided")}
    assert told == {"cascade": "strong", "low_confidence": "1", "must_have_undecided": "1"}
    assert (len(cheap.tasks), len(strong.tasks)) == (3, 2)


async def test_a_failed_strong_call_fails_its_products_and_no_cheap_label_takes_their_place():
    error = LlmUnavailable("away", "server_error")
    models = Models({"cheap": {"b": UNSURE}}, failing=[("strong", "", error)])
    grades = await _graded(models, "ab")
    assert set(grades.given) == {"a"}
    assert grades.failed == {"b": error}


@pytest.mark.parametrize("error", [LlmRefused("no"), LlmTruncated("cut"), LlmImpossible("large")])
async def test_a_strong_call_that_one_product_spoils_is_tried_in_halves(error):
    models = Models({"cheap": dict.fromkeys("abcd", UNSURE), "strong": {}}, failing=[("strong", "c", error)])
    grades = await _graded(models, "abcd")
    assert set(grades.given) == {"a", "b", "d"}
    assert grades.failed == {"c": error}


async def test_a_product_the_strong_reply_leaves_out_is_neither_graded_nor_given_the_cheap_label():
    models = Models({"cheap": {"a": UNSURE, "b": UNSURE}, "strong": {}}, left_out={("strong", "b")})
    grades = await _graded(models, "ab")
    assert set(grades.given) == {"a"}
    assert not grades.failed


async def test_a_strong_call_that_waits_for_a_batch_is_waited_for_by_all_and_found_again_as_it_was():
    pending = LlmPending("ordered", NOON)
    models = Models({"cheap": {"b": UNSURE}, "strong": {}}, failing=[("strong", "", pending)])
    grading = Grading(models, _recipe(ONE), ONE)
    items = [_item(title) for title in "abc"]
    with pytest.raises(LlmPending):
        await grading.grade(SEARCH, GUIDELINE, items)
    ordered = models.requests[-1]
    assert ordered.tasks == tuple(item.task.task_id for item in items)
    models.failing.clear()
    assert set((await grading.grade(SEARCH, GUIDELINE, items)).given) == {"a", "b", "c"}
    assert _wire(models.requests[-1]) == _wire(ordered)


async def test_a_failed_cheap_call_is_the_calls_error():
    models = Models({}, failing=[("cheap", "", LlmSlowDown("429", 5.0))])
    with pytest.raises(LlmSlowDown):
        await _graded(models, "ab")


async def test_two_cheap_models_are_asked_the_same_and_their_difference_goes_on():
    models = Models({"cheap": {}, "other": {"b": ("irrelevant", 0.95, "n")}, "strong": {"b": ("irrelevant", 0.9, "n")}})
    grades = await _graded(models, "abc", TWO)
    assert sorted(models.asked()[:2]) == [("cheap", ["a", "b", "c"]), ("other", ["a", "b", "c"])]
    assert models.asked()[2:] == [("strong", ["b"])]
    assert _labels(grades)["b"] == ("irrelevant", "strong")


@pytest.mark.parametrize("error", [LlmRefused("no"), LlmTruncated("cut"), LlmInvalid("?"), LlmImpossible("large")])
async def test_a_second_model_that_gives_no_answer_leaves_all_to_the_strong_one(error):
    models = Models({"cheap": {}, "strong": {}}, failing=[("other", "", error)])
    grades = await _graded(models, "ab", TWO)
    assert models.asked()[2:] == [("strong", ["a", "b"])]
    assert models.requests[2].subject["no_second_opinion"] == "2"
    assert set(grades.given) == {"a", "b"}


async def test_a_second_model_that_is_busy_is_waited_for_and_not_replaced():
    models = Models({"cheap": {}, "strong": {}}, failing=[("other", "", LlmSlowDown("429", 5.0))])
    with pytest.raises(LlmSlowDown):
        await _graded(models, "ab", TWO)
    assert not [model for model, _ in models.asked() if model == "strong"]


@pytest.mark.parametrize("told", ["", "yy", "x", "yes"])
async def test_verdicts_that_do_not_fit_are_not_given_counted_and_cost_no_label(told):
    metrics = Metrics()
    grades = await _graded(Models({"cheap": {"a": ("irrelevant", 0.95, told)}}), "ab", None, metrics)
    assert {key: each.judgement.verdicts for key, each in grades.given.items()} == {"a": "", "b": "y"}
    assert metrics.registry.get_sample_value("assay_verdicts_unusable_total") == 1


async def test_a_cheap_grade_without_usable_verdicts_is_an_undecided_one():
    models = Models({"cheap": {"a": ("highly_relevant", 0.95, "yyy")}, "strong": {}})
    await _graded(models, "ab")
    assert models.requests[1].subject["must_have_undecided"] == "1"


async def test_pairs_are_counted_by_what_became_of_them():
    metrics = Metrics()
    models = Models({"cheap": {"b": UNSURE, "c": OPEN, "d": UNSURE}, "strong": {}})
    await _graded(models, "abcd", ONE, metrics)
    found = metrics.registry.get_sample_value
    assert found("assay_cascade_pairs_total", {"outcome": "kept"}) == 1
    assert found("assay_cascade_pairs_total", {"outcome": "low_confidence"}) == 2
    assert found("assay_cascade_pairs_total", {"outcome": "must_have_undecided"}) == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda: ONE,
        lambda: Cascade("stronger", confidence=0.8),
        lambda: Cascade("strong", "other", 0.8),
        lambda: Cascade("strong", confidence=0.9),
    ],
)
def test_a_label_of_another_cascade_is_another_label(change: Callable[[], Cascade]):
    item = _item("a")
    without = _recipe(None).key(SEARCH, GUIDELINE, item)
    changed = change()
    keys = {without, _recipe(changed).key(SEARCH, GUIDELINE, item), _recipe(ONE).key(SEARCH, GUIDELINE, item)}
    assert len(keys) == (2 if changed == ONE else 3)


def test_the_cascade_is_off_until_a_strong_model_is_set():
    assert cascade_of(Settings(_env_file=None, llm_model="cheap")) is None
    told = cascade_of(Settings(_env_file=None, llm_model="cheap", llm_cascade_model="strong"))
    assert told == Cascade("strong", "", 0.8)


def test_a_label_names_the_model_that_gave_it():
    judged = ProductJudgement(item="p1", reasoning="r", verdicts="n", label="irrelevant", confidence=1)
    reply = LlmReply(UUID(int=1), "", "strong-2026-01", "fp", 1, 0, 1, 0.0, 1, asked_model="strong")
    assert _recipe(ONE).fact(SEARCH, GUIDELINE, reply, _item("a"), judged, NOON).model == "strong"
