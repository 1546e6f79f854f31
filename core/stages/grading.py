"""Products graded by the LLM: which model is asked, and whose answer counts. No row is written here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.domain.judging import JudgementsReply, ProductJudgement
from core.domain.relevance import Search, matched, parsed_reply
from core.ports import Llm, LlmReply, StoredGuideline
from core.stages.judge_items import Item
from core.stages.judge_recipe import Recipe


@dataclass(frozen=True, slots=True)
class Graded:
    """One product's judgement and the call that gave it."""

    judgement: ProductJudgement
    reply: LlmReply


@dataclass(frozen=True, slots=True)
class Grading:
    """Grades the products of one query that go into one call."""

    llm: Llm
    recipe: Recipe

    async def grade(self, search: Search, guideline: StoredGuideline, batch: Sequence[Item]) -> dict[str, Graded]:
        """Judgement by content key; products the reply leaves out are missing. LlmError where the call gave none."""
        named = {f"p{number}": item for number, item in enumerate(batch, 1)}

        def read(text: str) -> dict[str, ProductJudgement]:
            return matched(parsed_reply(JudgementsReply, text), list(named))

        asked = self.recipe.judgements_request(search, guideline, named)
        tasks = tuple(item.task.task_id for item in batch)
        reply = await self.llm.complete(replace(asked, check=read, tasks=tasks))
        return {named[name].key: Graded(judgement, reply) for name, judgement in read(reply.text).items()}
