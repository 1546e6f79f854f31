"""The guideline step, what is made once, and that nothing known is computed again."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.guidelines import checked_edit
from core.domain.judges import versioned
from core.domain.relevance import Search
from core.domain.sampling import Sampling
from core.errors import LlmInvalid, LlmTimeout
from core.guideline_ports import Desk, JudgeNames
from core.ports import NewTask, Task
from core.prompts import load_prompt
from core.settings import Settings
from core.stages.judge_items import Item, search_of
from core.stages.judge_recipe import Recipe, prompt_of_judge
from core.stages.live_judge import settings_judge
from core.stages.once import made_once
from tests.contract.facts import guideline
from tests.support.fake_guidelines import InMemoryClaims
from tests.support.fakes import FakeClock
from tests.unit.stages.test_judge_query import GUIDELINE, World, _listing, _task

SEARCH = Search("shop", "de", "red shoes", "en")
RECIPE = Recipe(
    "text", "m", "eye", load_prompt("guideline"), load_prompt("judgements"), load_prompt("picture_description")
)

BEFORE = settings_judge(Settings(_env_file=None, llm_model="judge-1"))
NEWER = versioned(replace(BEFORE, prompts={**BEFORE.prompts, "guideline": "another way to say it"}))


@pytest.fixture
def world() -> World:
    return World()


class Wall(FakeClock):
    """Lets others go on while one waits."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0.001)


def desk(world: World) -> Desk:
    return Desk(world.guidelines, world.clock, lambda: JudgeNames("judge", load_prompt("guideline").version))


def edited(text: str):
    return checked_edit({**GUIDELINE, "translation": text})


async def run(world: World) -> None:
    """What waits is judged."""
    while tasks := await world.lease():
        await world.judge().judge(tasks)


# --- The step --------------------------------------------------------------------------------------------


async def test_a_guideline_that_is_none_is_found_out_before_the_call_is_settled(world):
    await world.judge().judge(await world.queue(["l1"]))
    [asked] = world.llm.of("guideline")
    with pytest.raises(LlmInvalid):
        asked.check('{"translation": "x"}')


async def test_a_guidelines_call_names_the_tasks_it_is_for(world):
    tasks = await world.queue(["l1", "l2"])
    await world.judge().judge(tasks)
    [asked] = world.llm.of("guideline")
    assert set(asked.tasks) == {task.task_id for task in tasks}


async def test_a_query_in_another_context_has_a_guideline_of_its_own(world):
    await world.judge().judge(await world.queue(["l1"]))
    await world.inbox.add([_task("l2", {"context": {"gender": "women"}}, "filtered")])
    await run(world)
    plain, filtered = world.llm.of("guideline")
    assert '"gender":"women"' in filtered.user[0].text
    assert '"gender"' not in plain.user[0].text


async def test_replicas_that_meet_a_query_at_once_write_its_guideline_once(world):
    judge = replace(world.judge(), wall=Wall())
    tasks = await world.queue(["l1", "l2", "l3"])
    await asyncio.gather(*(judge.judge([task]) for task in tasks))
    assert len(world.llm.of("guideline")) == 1
    assert len(world.labels()) == 3


async def test_replicas_that_meet_a_picture_at_once_describe_it_once(world):
    world.catalogue.known |= {
        name: replace(_listing(1), listing_id=name, content_hash=name) for name in ("l1", "l2", "l3")
    }
    judge = replace(world.judge(judge_mode="text_and_description"), wall=Wall())
    tasks = await world.queue(["l1", "l2", "l3"])
    await asyncio.gather(*(judge.judge([task]) for task in tasks))
    assert len(world.llm.of("picture_description")) == 1
    [asked] = world.llm.of("picture_description")
    assert asked.tasks
    with pytest.raises(LlmInvalid):
        asked.check('{"description": " "}')


async def test_what_one_fails_to_make_the_next_makes():
    claims, made = InMemoryClaims(), list[str]()

    async def read() -> str | None:
        return made[0] if made else None

    async def fail() -> str:
        raise LlmTimeout("no answer")

    async def make() -> str:
        made.append("a")
        return "a"

    with pytest.raises(LlmTimeout):
        await made_once(claims, FakeClock(), "a", read, fail)
    assert await made_once(claims, FakeClock(), "a", read, make) == "a"


# --- Edits -----------------------------------------------------------------------------------------------


async def test_an_edit_judges_its_querys_results_again_and_no_others(world):
    await world.inbox.add([_task(name, {}) for name in ("l1", "l2")])
    other = _task("l3", {})
    await world.inbox.add([replace(other, subject={**other.subject, "query": "blue shoes"}, group_key="other")])
    await run(world)
    before = dict(world.store.facts)
    done = await desk(world).save(SEARCH.guideline_key, edited("scarlet shoes"), "ada", "")
    await run(world)
    new = [fact for key, fact in world.store.facts.items() if key not in before]
    assert done.queued == 2
    assert sorted(fact.listing_id for fact in new) == ["l1", "l2"]
    assert {(fact.query, fact.guideline_version, fact.reason) for fact in new} == {
        ("red shoes", done.version, "request")
    }
    assert len(world.llm.of("guideline")) == 2
    assert len(world.llm.of("judgements")) == 3


async def test_a_persons_text_stays_when_the_prompt_changes(world):
    await world.judge().judge(await world.queue(["l1"]))
    await desk(world).save(SEARCH.guideline_key, edited("scarlet shoes"), "ada", "")
    newer = replace(world.judge(), live=lambda: NEWER)
    await newer.judge(await world.lease())
    assert len(world.llm.of("guideline")) == 1
    assert "scarlet shoes" in world.llm.of("judgements")[-1].user[0].text


async def test_what_a_model_wrote_is_written_anew_when_the_prompt_changes(world):
    await world.judge().judge(await world.queue(["l1"]))
    newer = replace(world.judge(), live=lambda: NEWER)
    await newer.judge(await world.queue(["l2"]))
    newest = world.llm.of("guideline")[1]
    assert newest.prompt_version == prompt_of_judge(NEWER, "guideline").version


# --- The key: nothing known is computed again ------------------------------------------------------------


async def test_asked_again_nothing_is_computed(world):
    await world.judge().judge(await world.queue(["l1", "l2"]))
    calls = len(world.llm.requests)
    await world.inbox.add([_task(name, {}, "asked again by another way") for name in ("l1", "l2")])
    await run(world)
    assert len(world.llm.requests) == calls
    assert {state for state, _ in world.ends().values()} == {"done"}


@given(
    one=st.sets(st.integers(1, 30), min_size=1, max_size=20), other=st.sets(st.integers(1, 30), min_size=1, max_size=20)
)
async def test_two_engines_are_judged_for_the_union_of_their_results_once(one, other):
    world = World()
    for engine, results in (("a", one), ("b", other)):
        await world.inbox.add([_task(f"l{number}", {}, engine) for number in results])
        await run(world)
    asked = sum(request.user[0].text.count('"item":') for request in world.llm.of("judgements"))
    assert asked == len(one | other) == len(world.store.facts)


async def test_replicas_that_queue_a_pair_at_once_have_it_judged_once(world):
    added = [await world.inbox.add([_task("l1", {})]) for _ in range(3)]
    await asyncio.gather(run(world), run(world))
    assert added == [1, 0, 0]
    assert len(world.llm.of("judgements")) == 1


# --- Its parts -------------------------------------------------------------------------------------------


def item(**changes: object) -> Item:
    return Item(_as_task(_task("l1", {})), replace(_listing(1), **changes))


def _as_task(new: NewTask) -> Task:
    return Task(*[None], new.task_key, new.kind, new.lane, new.group_key, new.subject, new.payload, 1)


PICTURE = type("Seen", (), {"image_hash": "h1"})()
OTHER_PICTURE = type("Seen", (), {"image_hash": "h2"})()
BASE = (SEARCH, guideline("v1"), item(), RECIPE)
CHANGES = {
    "application": (replace(SEARCH, application="x"), *BASE[1:]),
    "market": (replace(SEARCH, market="at"), *BASE[1:]),
    "query": (replace(SEARCH, query="x"), *BASE[1:]),
    "language": (replace(SEARCH, language="de"), *BASE[1:]),
    "context": (replace(SEARCH, context=(("gender", "women"),)), *BASE[1:]),
    "guideline version": (SEARCH, guideline("v2"), *BASE[2:]),
    "listing": (*BASE[:2], item(listing_id="l2"), RECIPE),
    "content": (*BASE[:2], item(content_hash="c2"), RECIPE),
    "picture": (*BASE[:2], replace(item(), picture=PICTURE), RECIPE),
    "another picture": (*BASE[:2], replace(item(), picture=OTHER_PICTURE), RECIPE),
    "model": (*BASE[:3], replace(RECIPE, model="m2")),
    "prompt": (*BASE[:3], replace(RECIPE, judgements=replace(RECIPE.judgements, version="judgements@2"))),
    "cascade": (*BASE[:3], replace(RECIPE, cascade="strong||0.8")),
    "parameters": (*BASE[:3], replace(RECIPE, sampling=Sampling(0.5))),
    "mode": (*BASE[:3], replace(RECIPE, mode="multimodal")),
    "mode with descriptions": (*BASE[:3], replace(RECIPE, mode="text_and_description")),
    "description prompt": (
        *BASE[:3],
        replace(RECIPE, mode="text_and_description", description=replace(RECIPE.description, version="d@2")),
    ),
    "description model": (*BASE[:3], replace(RECIPE, mode="text_and_description", vision_model="eye2")),
}


def key_of(made_of: tuple[Search, object, Item, Recipe]) -> str:
    search, stored, what, recipe = made_of
    return recipe.key(search, stored, what)


@given(one=st.sampled_from([*CHANGES, "nothing"]), other=st.sampled_from([*CHANGES, "nothing"]))
def test_keys_are_the_same_if_and_only_if_nothing_differs(one, other):
    parts = {**CHANGES, "nothing": BASE}
    assert (key_of(parts[one]) == key_of(parts[other])) == (one == other)


def test_every_part_of_a_key_is_its_own():
    assert len({key_of(parts) for parts in (BASE, *CHANGES.values())}) == len(CHANGES) + 1


@pytest.mark.parametrize("name", ["schema", "layout", "output", "seed", "temperature"])
def test_what_shapes_a_call_is_a_part_of_the_key(name):
    assert name in dict(RECIPE.params())


def test_who_asks_and_when_is_no_part_of_the_key():
    task = replace(item().task, task_key="another", lane="panel", payload={"reason": "volume", "language": "en"})
    assert key_of((search_of(task), BASE[1], replace(item(), task=task), RECIPE)) == key_of(
        (search_of(item().task), *BASE[1:])
    )


# --- The prefix ------------------------------------------------------------------------------------------


async def test_calls_of_one_query_begin_alike_to_the_byte_up_to_the_products(world):
    await world.inbox.add([_task(f"l{number}", {}) for number in range(1, 31)])
    await run(world)
    begins = {(asked.system, asked.user[0].text.split("### PRODUCTS")[0]) for asked in world.llm.of("judgements")}
    assert len(world.llm.of("judgements")) > 1
    assert len(begins) == 1
