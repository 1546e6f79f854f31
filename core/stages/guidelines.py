"""Step 1 of judging: the guideline of a query in its context, found or written (DESIGN 6).

It is read anew for every group of a query's products, by one indexed row: a cache would have labels carry a version
that a person has just replaced. What one replica writes, the others wait for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.domain.guidelines import MODEL_AUTHOR, guideline_version
from core.domain.judging import GuidelineReply
from core.domain.relevance import Search, cleaned_guideline, parsed_reply
from core.guideline_ports import Claims, GuidelineStore
from core.ports import Clock, Llm, StoredGuideline, Task
from core.stages.judge_recipe import Recipe
from core.stages.once import made_once


@dataclass(frozen=True, slots=True)
class Guidelines:
    """The step over its ports; `wall` is real time."""

    llm: Llm
    store: GuidelineStore
    claims: Claims
    clock: Clock
    wall: Clock
    recipe: Recipe

    async def of(self, search: Search, tasks: Sequence[Task]) -> StoredGuideline:
        """The guideline in force; one that has to be written is asked for in the name of `tasks`. LlmError."""
        key, version = search.guideline_key, self.recipe.guideline.version
        return await made_once(
            self.claims,
            self.wall,
            f"guideline {version} {key.market} {key.query} {key.language} {key.context_text}",
            lambda: self.store.guideline(key, version),
            lambda: self._written(search, tasks),
        )

    async def _written(self, search: Search, tasks: Sequence[Task]) -> StoredGuideline:
        asked = self.recipe.guideline_request(search, tasks)
        reply = await self.llm.complete(replace(asked, check=_read, tasks=tuple(task.task_id for task in tasks)))
        key, body, version = search.guideline_key, _read(reply.text), self.recipe.guideline.version
        named = guideline_version(key, body, version)
        model = reply.asked_model or self.recipe.model
        made = StoredGuideline(named, version, model, MODEL_AUTHOR, body)
        return await self.store.save_guideline(key, made, self.clock.now())


def _read(text: str) -> GuidelineReply:
    return cleaned_guideline(parsed_reply(GuidelineReply, text))
