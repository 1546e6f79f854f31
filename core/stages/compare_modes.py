"""The same pairs judged in several modes, beside one another. No label that rankers see is written.

Each pair goes the way of `core.stages.judge_pairs`, so what the service or an earlier comparison has judged is taken
from there.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from core.domain.labels import Mode
from core.domain.relevance import Search
from core.mode_ports import ModeStore, PairLabel
from core.ports import Llm, LlmReply, LlmRequest, Task
from core.stages.judge_items import search_of
from core.stages.judge_pairs import Judged, PairJudge


@dataclass
class Usage:
    """What a mode's calls took, by purpose: calls, tokens, dollars."""

    calls: Counter[str] = field(default_factory=Counter)
    input_tokens: Counter[str] = field(default_factory=Counter)
    output_tokens: Counter[str] = field(default_factory=Counter)
    cost_usd: dict[str, float] = field(default_factory=dict)

    def add(self, purpose: str, reply: LlmReply) -> None:
        """Count one answered call."""
        self.calls[purpose] += 1
        self.input_tokens[purpose] += reply.input_tokens
        self.output_tokens[purpose] += reply.output_tokens
        self.cost_usd[purpose] = self.cost_usd.get(purpose, 0.0) + reply.cost_usd


@dataclass(frozen=True, slots=True)
class CountedLlm:
    """`Llm` that counts what passes."""

    llm: Llm
    usage: Usage

    async def complete(self, request: LlmRequest) -> LlmReply:
        """As the one behind it."""
        reply = await self.llm.complete(request)
        self.usage.add(request.purpose, reply)
        return reply


@dataclass(frozen=True, slots=True)
class ModeResult:
    """What one mode says: labels by task key, reasons of those without, how many were known before, what it took."""

    mode: Mode
    labels: Mapping[str, PairLabel]
    failures: Mapping[str, str]
    reused: int
    usage: Usage


@dataclass(frozen=True, slots=True)
class ModeComparison:
    """The stage: `pairs` is the service's own judge, whose mode is replaced; `in_flight` queries at once."""

    pairs: PairJudge
    labels: ModeStore
    in_flight: int

    async def judge(self, tasks: Sequence[Task], mode: Mode) -> ModeResult:
        """Every pair in one mode. What is no pair's fault (`core.stages.patience.ENDS_IT`) ends it: a person has to
        do something first."""
        groups: dict[Search, list[Task]] = {}
        for task in tasks:
            groups.setdefault(search_of(task), []).append(task)
        usage, room = Usage(), asyncio.Semaphore(self.in_flight)
        recipe = replace(self.pairs.recipe, mode=mode, judge="")
        judge = replace(self.pairs, llm=CountedLlm(self.pairs.llm, usage), recipe=recipe)

        async def judged(search: Search, group: Sequence[Task]) -> Judged:
            listings = {task.task_key: task.subject["listing_id"] for task in group}

            async def keep(made: Mapping[str, PairLabel]) -> None:
                await self.labels.save(search, mode, {listings[key]: label for key, label in made.items()})

            async with room:
                return await judge.judge(search, group, keep)

        parts = await asyncio.gather(*(judged(search, group) for search, group in groups.items()))
        return ModeResult(
            mode,
            {key: label for part in parts for key, label in [*part.known.items(), *part.made.items()]},
            {key: reason for part in parts for key, reason in part.failures.items()},
            sum(len(part.known) for part in parts),
            usage,
        )
