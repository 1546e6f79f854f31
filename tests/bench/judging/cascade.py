"""What a cascade costs and what it keeps, on pairs that people graded: `python -m tests.bench.judging.cascade`.

Each model grades every pair once, by the service's own requests (20 products a call). Cascades are then replayed over
those answers by the service's own policy (`core.domain.cascade`): a strong call of a few products is priced by its own
prompt, at the tokens a character that the model's calls took. `--confirm 0.8` runs one cascade for real beside it.

Without options the models are those of the offline judge, on this machine. With `--base-url`, `--cheap`, `--strong`
(and `--second`) they are any endpoint's, with the key of ASSAY_LLM_API_KEY and prices of core/prices.json; `--queries`
limits what is paid for.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from uuid import NAMESPACE_URL, uuid5

import numpy as np

from core.adapters.clock import SystemClock
from core.adapters.llm import OpenAiLlm
from core.adapters.llm_client import Endpoint
from core.adapters.llm_gate import Gate, LanePlan
from core.adapters.llm_ledger import MemoryLedger
from core.adapters.llm_prices import load_prices
from core.adapters.llm_shares import MemoryShares
from core.domain.budget import Caps
from core.domain.cascade import Cascade, Reason, escalated
from core.domain.judging import GuidelineReply, ProductJudgement
from core.domain.labels import Lane
from core.domain.money import PICO, Price, cost, usd
from core.domain.pacing import Limits
from core.domain.relevance import Search, parsed_reply, seed_of, shuffled
from core.facts import Listing, LlmReply, LlmRequest, StoredGuideline, Task, TextPart
from core.prompts import load_prompt
from core.stages.grading import Graded, Grading
from core.stages.judge_items import Item
from core.stages.judge_recipe import Recipe
from core.telemetry import Metrics
from demo.offline_judge import serve
from tests.bench.judging.cascade_figures import STATISTICS, Counts, Ints, counts, with_interval

PAIRS = Path(__file__).parents[4] / "shared" / "data" / "relevance" / "human_pairs.jsonl"
LABELS = (0, 1, 2, 2)
"""Human grade 0 to 3 as a label's: 2 and 3 are both "highly relevant", 1 is "acceptable substitute"."""
PER_CALL = 20
THRESHOLDS = (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 1.01)
LANES: dict[Lane, float] = {"live": 0.5, "panel": 0.2, "backfill": 0.1}
T = TypeVar("T")


@dataclass(frozen=True)
class Batch:
    """Products of one query that go into one call, with what people said of each (0 to 2)."""

    search: Search
    guideline: StoredGuideline
    items: list[Item]
    human: dict[str, int]


@dataclass(frozen=True)
class Models:
    """Names at the endpoint; `second` empty: none."""

    cheap: str
    strong: str
    second: str


@dataclass(frozen=True)
class Asked:
    """What a model said of a batch, and what the call took."""

    request: LlmRequest
    judgements: dict[str, ProductJudgement]
    reply: LlmReply


Answers = Mapping[str, Sequence[Asked]]
"""By model, a call for each batch in the batches' order."""


@dataclass(frozen=True)
class Outcome:
    """One way of grading: a grade by product, dollars, and the share that the strong model graded again."""

    grades: dict[str, int]
    usd: float
    reasons: dict[str, Reason]


async def main() -> None:
    given = _parsed()
    async with _endpoint(given.base_url) as base_url, _llm(base_url, given.in_flight) as llm:
        models = Models(given.cheap, given.strong, given.second)
        batches = await _batches(llm, given.strong, _rows(given.pairs, given.queries), given.in_flight)
        names = [models.cheap, models.strong, *([models.second] if models.second else [])]
        answers = {name: await _asked(llm, name, batches, given.in_flight) for name in names}
        report(batches, answers, models)
        if given.confirm is not None:
            await _confirm(llm, batches, answers, models, given.confirm)


def report(batches: Sequence[Batch], answers: Answers, models: Models) -> None:
    """The tables, in Markdown."""
    human, order, queries = _humans(batches)
    strong = _alone(answers[models.strong])
    base = _counts(strong, human, order, queries)
    rows = {f"{models.cheap} alone": _alone(answers[models.cheap]), f"{models.strong} alone": strong}
    for second in dict.fromkeys(("", models.second)):
        for threshold in THRESHOLDS:
            cascade = Cascade(models.strong, second, threshold)
            name = f"below {threshold:g}" + (f", and {second} asked too" if second else "")
            rows[name] = replayed(batches, answers, models, cascade)
    print(f"{len(order)} pairs, {len(set(queries))} queries; {models.cheap}, then {models.strong}\n")
    print(f"| who grades | cost of {models.strong} alone | graded again | {' | '.join(STATISTICS)} |")
    print("|---" * (3 + len(STATISTICS)) + "|")
    for name, outcome in rows.items():
        print(_row(name, outcome, strong, _counts(outcome, human, order, queries), None))
    print(f"\nDifference to {models.strong} alone, paired by query:\n")
    print(f"| who grades | cost | graded again | {' | '.join(STATISTICS)} |")
    print("|---" * (3 + len(STATISTICS)) + "|")
    for name, outcome in rows.items():
        print(_row(name, outcome, strong, _counts(outcome, human, order, queries), base))


def replayed(batches: Sequence[Batch], answers: Answers, models: Models, cascade: Cascade) -> Outcome:
    """What the cascade would have said and cost, over answers that are there."""
    grades: dict[str, int] = {}
    reasons: dict[str, Reason] = {}
    dollars = 0.0
    for place, batch in enumerate(batches):
        first, strong = answers[models.cheap][place], answers[models.strong][place]
        second = answers[cascade.second][place] if cascade.second else None
        open_now = escalated(cascade, batch.guideline.body, first.judgements, second.judgements if second else {})
        dollars += first.reply.cost_usd + (second.reply.cost_usd if second else 0.0)
        dollars += _priced(strong, batch, list(open_now), models.strong)
        chosen = {
            key: strong.judgements.get(key) if key in open_now else said for key, said in first.judgements.items()
        }
        grades.update((key, said.label.grade) for key, said in chosen.items() if said is not None)
        reasons.update(open_now)
    return Outcome(grades, dollars, reasons)


def _priced(full: Asked, batch: Batch, keys: Sequence[str], model: str) -> float:
    """Dollars of a strong call for these products: its own prompt at the tokens a character of the full call, its
    share of the full call's output, and the prefix cached as it was there."""
    if not keys:
        return 0.0
    items = [item for item in batch.items if item.key in keys]
    request = _recipe(model).judgements_request(batch.search, batch.guideline, _named(items))
    share = _characters(request) / _characters(full.request)
    tokens, said = full.reply.input_tokens * share, full.reply.output_tokens * len(items) / len(batch.items)
    cached = min(full.reply.cached_tokens, round(tokens))
    return usd(cost(_price(model), round(tokens), cached, round(said)))


def _alone(asked: Sequence[Asked]) -> Outcome:
    grades = {key: said.label.grade for each in asked for key, said in each.judgements.items()}
    return Outcome(grades, sum(each.reply.cost_usd for each in asked), {})


async def _confirm(
    llm: OpenAiLlm, batches: Sequence[Batch], answers: Answers, models: Models, threshold: float
) -> None:
    """The service's own cascade, run: as the replay says, or not."""
    cascade = Cascade(models.strong, models.second, threshold)
    grading = Grading(llm, _recipe(models.cheap), cascade)
    found: dict[str, Graded] = {}
    for batch in batches:
        found.update((await grading.grade(batch.search, batch.guideline, batch.items)).given)
    told = replayed(batches, answers, models, cascade)
    again = sum(each.reply.asked_model == models.strong for each in found.values())
    same = sum(each.judgement.label.grade == told.grades.get(key) for key, each in found.items())
    print(f"\nRun for real below {threshold:g}: {len(found)} graded, {again} of them by {models.strong}")
    print(f"(replayed: {len(told.reasons)}), {same} with the grade of the replay.")


# --- Asking ----------------------------------------------------------------------------------------------


async def _batches(
    llm: OpenAiLlm, model: str, rows: Mapping[str, list[dict[str, object]]], at_once: int
) -> list[Batch]:
    found = await _together([_of_query(llm, model, query, pairs) for query, pairs in rows.items()], at_once)
    return [batch for batches in found for batch in batches]


async def _of_query(llm: OpenAiLlm, model: str, query: str, pairs: Sequence[Mapping[str, object]]) -> list[Batch]:
    search = Search("default", "us", query, "en")
    items = {item.key: item for item in (_item(query, pair) for pair in pairs)}
    human = {key: LABELS[int(float(str(pair["grade"])))] for key, pair in zip(items, pairs, strict=True)}
    asked = _recipe(model).guideline_request(search, [item.task for item in items.values()])
    body = parsed_reply(GuidelineReply, (await llm.complete(asked)).text)
    guideline = StoredGuideline("bench", asked.prompt_version, model, "model", body)
    order = shuffled(list(items), seed_of(items))
    parts = [order[start : start + PER_CALL] for start in range(0, len(order), PER_CALL)]
    return [Batch(search, guideline, [items[key] for key in part], {key: human[key] for key in part}) for part in parts]


async def _asked(llm: OpenAiLlm, model: str, batches: Sequence[Batch], at_once: int) -> list[Asked]:
    return await _together([_ask(llm, model, batch) for batch in batches], at_once)


async def _ask(llm: OpenAiLlm, model: str, batch: Batch) -> Asked:
    request = _recipe(model).judgements_request(batch.search, batch.guideline, _named(batch.items))
    given = (await Grading(llm, _recipe(model)).grade(batch.search, batch.guideline, batch.items)).given
    return Asked(request, {key: each.judgement for key, each in given.items()}, next(iter(given.values())).reply)


async def _together(calls: Sequence[Coroutine[object, object, T]], at_once: int) -> list[T]:
    room = asyncio.Semaphore(at_once)

    async def one(call: Coroutine[object, object, T]) -> T:
        async with room:
            return await call

    return list(await asyncio.gather(*map(one, calls)))


@asynccontextmanager
async def _endpoint(base_url: str) -> AsyncIterator[str]:
    if base_url:
        yield base_url
        return
    async with serve() as own:
        yield own


@asynccontextmanager
async def _llm(base_url: str, in_flight: int) -> AsyncIterator[OpenAiLlm]:
    wall, limits = SystemClock(), Limits(10**6, 10**9, in_flight)
    gate = Gate(
        MemoryLedger(Caps(10**6 * PICO), 600.0, wall),
        MemoryShares(in_flight, LANES, wall),
        LanePlan(limits, LANES),
        wall,
        wall,
        Metrics(),
    )
    endpoint = Endpoint(base_url, os.environ.get("ASSAY_LLM_API_KEY", ""), 300.0, 10.0)
    llm = OpenAiLlm(endpoint, gate, load_prices(), wall, wall)
    try:
        yield llm
    finally:
        await llm.aclose()


def _recipe(model: str) -> Recipe:
    prompts = (load_prompt("guideline"), load_prompt("judgements"), load_prompt("picture_description"))
    return Recipe("text", model, model, *prompts)


def _item(query: str, pair: Mapping[str, object]) -> Item:
    given = pair["attributes"]
    attributes = (
        {name[7:].replace("_", " "): str(said) for name, said in given.items()} if isinstance(given, dict) else {}
    )
    doc, key = str(pair["doc_id"]), f"{query}\n{pair['doc_id']}"
    task = Task(uuid5(NAMESPACE_URL, key), key, "relevance", "backfill", query, {"query": query}, {}, 1)
    title, brand, description = (str(pair[name]) if pair[name] else None for name in ("title", "brand", "description"))
    listing = Listing(doc, "us", "en", title or "", description, brand, None, None, None, attributes, (), "")
    return Item(task, listing, key=key)


def _named(items: Sequence[Item]) -> dict[str, Item]:
    return {f"p{number}": item for number, item in enumerate(items, 1)}


def _characters(request: LlmRequest) -> int:
    return len(request.system) + sum(len(part.text) for part in request.user if isinstance(part, TextPart))


def _price(model: str) -> Price:
    return load_prices().price(model)


# --- Tables ----------------------------------------------------------------------------------------------


def _rows(path: Path, queries: int) -> dict[str, list[dict[str, object]]]:
    found: dict[str, list[dict[str, object]]] = {}
    for line in path.read_text().splitlines():
        row = json.loads(line)
        found.setdefault(row["query"], []).append(row)
    return dict(list(found.items())[: queries or None])


def _humans(batches: Sequence[Batch]) -> tuple[Ints, list[str], list[str]]:
    told = [(key, batch.human[key], batch.search.query) for batch in batches for key in batch.human]
    return np.array([human for _, human, _ in told]), [key for key, _, _ in told], [query for _, _, query in told]


def _counts(outcome: Outcome, human: Ints, order: Sequence[str], queries: Sequence[str]) -> Counts:
    here = [place for place, key in enumerate(order) if key in outcome.grades]
    judge = np.array([outcome.grades[order[place]] for place in here])
    return counts(human[here], judge, np.array(queries)[here])


def _row(name: str, outcome: Outcome, strong: Outcome, told: Counts, base: Counts | None) -> str:
    again = len(outcome.reasons) / max(1, len(outcome.grades))
    figures = " | ".join(with_interval(statistic, told, base) for statistic in STATISTICS.values())
    return f"| {name} | {outcome.usd / strong.usd:.1%} | {again:.1%} | {figures} |"


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=Path, default=PAIRS)
    parser.add_argument("--base-url", default="", help="of an endpoint; else the offline judge is served here")
    parser.add_argument("--cheap", default="offline-judge-lite")
    parser.add_argument("--strong", default="offline-judge")
    parser.add_argument("--second", default="", help="a second cheap model")
    parser.add_argument("--queries", type=int, default=0, help="only so many of the queries")
    parser.add_argument("--in-flight", type=int, default=4, help="calls at once")
    parser.add_argument("--confirm", type=float, help="run the cascade with this confidence for real too")
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(main())
