"""Modes side by side: each pair once in each mode, what is known is taken, a failure is never a label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from core.domain.labels import Mode
from core.domain.relevance import Search
from core.errors import LlmSlowDown, LlmUnauthorised, PictureError
from core.mode_ports import PairLabel
from core.ports import Task
from core.prompts import load_prompt
from core.stages.compare_modes import ModeComparison
from core.stages.judge_pairs import PairJudge
from core.stages.judge_recipe import Recipe
from core.stages.patience import Patience
from tests.unit.stages.test_judge_query import World


@dataclass
class InMemoryModeLabels:
    """`ModeStore`."""

    kept: dict[str, PairLabel] = field(default_factory=dict)

    async def known(self, content_keys: Sequence[str]) -> dict[str, PairLabel]:
        return {key: self.kept[key] for key in content_keys if key in self.kept}

    async def save(self, search: Search, mode: Mode, labels: Mapping[str, PairLabel]) -> None:
        for label in labels.values():
            self.kept.setdefault(label.content_key, label)


@pytest.fixture
def world() -> World:
    return World()


def stage(world: World) -> ModeComparison:
    prompts = (load_prompt("guideline"), load_prompt("judgements"), load_prompt("picture_description"))
    labels = InMemoryModeLabels()
    pairs = PairJudge(
        llm=world.llm,
        store=world.store,
        known=labels.known,
        guidelines=world.guidelines,
        claims=world.claims,
        catalogue=world.catalogue,
        pictures=world.pictures,
        clock=world.clock,
        recipe=Recipe("text", "judge-1", "eye-1", *prompts),
        cascade=None,
        per_call=20,
        patience=Patience(world.clock, 3, lambda: 0.5),
    )
    return ModeComparison(pairs, labels, in_flight=4)


async def tasks(world: World, count: int) -> list[Task]:
    return await world.queue([f"l{number}" for number in range(1, count + 1)])


async def test_each_mode_labels_every_pair_and_shares_the_guideline(world):
    compare, pairs = stage(world), await tasks(world, 3)
    text, seen = await compare.judge(pairs, "text"), await compare.judge(pairs, "multimodal")
    assert {label.model for label in text.labels.values()} == {"judge-1"}
    assert {label.model for label in seen.labels.values()} == {"eye-1"}
    assert text.labels.keys() == seen.labels.keys() == {task.task_key for task in pairs}
    assert len(world.llm.of("guideline")) == 1


async def test_a_pair_carries_its_part_of_the_call(world):
    found = await stage(world).judge(await tasks(world, 2), "text")
    assert [(label.input_tokens, label.cost_usd) for label in found.labels.values()] == [(5.0, 0.0005)] * 2


async def test_what_is_known_in_a_mode_is_taken(world):
    compare, pairs = stage(world), await tasks(world, 3)
    first = await compare.judge(pairs[:2], "text")
    again = await compare.judge(pairs, "text")
    assert (first.reused, again.reused, len(again.labels)) == (0, 2, 3)
    assert sum(asked.user[0].text.count('"item":') for asked in world.llm.of("judgements")) == 3


async def test_a_picture_described_for_two_modes_is_described_once(world):
    compare, pairs = stage(world), await tasks(world, 2)
    first = await compare.judge(pairs, "text_and_description")
    again = await compare.judge(pairs, "text_and_description")
    assert first.usage.calls["picture_description"] == 2
    assert again.usage.calls["picture_description"] == 0


async def test_what_fails_is_told_by_its_reason_and_is_no_label(world):
    world.pictures.errors["https://pictures/1.jpg"] = PictureError("gone", "picture_gone", final=True)
    world.llm.refuses = "blue shoe 2"
    pairs = await tasks(world, 3)
    found = await stage(world).judge(pairs, "multimodal")
    by_listing = {task.task_key: task.subject["listing_id"] for task in pairs}
    assert {by_listing[key]: reason for key, reason in found.failures.items()} == {
        "l1": "picture_gone",
        "l2": "refused",
    }
    assert [by_listing[key] for key in found.labels] == ["l3"]


async def test_a_passing_failure_is_waited_out(world):
    world.llm.faults = [("judgements", LlmSlowDown("wait", 7.0))]
    before = world.clock.now()
    found = await stage(world).judge(await tasks(world, 1), "text")
    assert len(found.labels) == 1
    assert (world.clock.now() - before).total_seconds() == 7.0


async def test_what_only_a_person_can_mend_ends_it(world):
    world.llm.faults = [("judgements", LlmUnauthorised("no key"))]
    with pytest.raises(LlmUnauthorised):
        await stage(world).judge(await tasks(world, 1), "text")


async def test_rankers_and_tasks_see_none_of_it(world):
    await stage(world).judge(await tasks(world, 2), "text")
    assert world.store.facts == {}
    assert set(world.ends().values()) == {("running", "")}


async def test_a_label_of_one_mode_is_none_of_another(world):
    compare, pairs = stage(world), await tasks(world, 1)
    await compare.judge(pairs, "text")
    assert (await compare.judge(pairs, "multimodal")).reused == 0
