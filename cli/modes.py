"""`assay modes`: the same pairs judged in several modes, beside one another and beside people's grades."""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Annotated, get_args

import typer

from cli.compose import owner
from cli.database import migrated
from cli.judge import task_of
from cli.judge_identity import live_judge
from cli.modes_report import Report, print_report, report_of, to_json
from cli.produce import read_whole
from core.adapters.catalogue import PostgresCatalogue
from core.adapters.claims import PostgresClaims
from core.adapters.clock import SystemClock
from core.adapters.guidelines import PostgresGuidelines
from core.adapters.judgements import PostgresJudgements
from core.adapters.llm_endpoint import Surroundings
from core.adapters.llm_open import open_llms
from core.adapters.mode_labels import PostgresModeLabels
from core.adapters.otel_open import open_traces
from core.adapters.pictures import HttpPictureSource
from core.domain.events import event_id
from core.domain.labels import Mode
from core.domain.requests import RatedPair, rated_of
from core.errors import UsageError
from core.ports import Task
from core.settings import Settings, load_settings, required, secrets_of
from core.stages.compare_modes import ModeComparison
from core.stages.judge_pairs import PairJudge
from core.stages.judge_recipe import recipe_of_judge
from core.stages.patience import Patience
from core.telemetry import Metrics, configure_logging

MODES: Sequence[Mode] = get_args(Mode)


def modes(
    file: Annotated[str, typer.Argument(help="JSON lines as `assay judge` takes them, each may carry label or grade")],
    names: Annotated[str, typer.Option("--modes", help=f"two or more of {', '.join(MODES)}")] = ",".join(MODES),
    examples: Annotated[int, typer.Option(min=0, help="pairs shown on which modes differ")] = 10,
    seed: Annotated[int, typer.Option(help="of the resampling behind the intervals")] = 7,
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """Judge the same pairs in several modes and say how far they agree, and what each costs. Rankers see none of it."""
    settings = load_settings()
    required(settings, "postgres_dsn", "llm_base_url", "llm_model")
    wanted = modes_of(names)
    configure_logging(settings.log_format, settings.log_level, secrets_of(settings))
    pairs = pairs_of(read_whole(file, rated_of))
    if not pairs:
        raise UsageError(f"{file} holds no pair")
    report = asyncio.run(compared(settings, pairs, wanted, seed))
    if as_json:
        sys.stdout.write(json.dumps(to_json(report), ensure_ascii=False) + "\n")
    else:
        print_report(report, examples)


def modes_of(names: str) -> list[Mode]:
    """The modes named, each once; UsageError for fewer than two, or one there is not."""
    given = list(dict.fromkeys(name.strip() for name in names.split(",") if name.strip()))
    known = [mode for name in given for mode in MODES if mode == name]
    if len(known) != len(given) or len(known) < 2:
        raise UsageError(f"--modes takes two or more of {', '.join(MODES)}, comma-separated")
    return known


def pairs_of(rated: Sequence[RatedPair]) -> dict[str, tuple[Task, int | None]]:
    """Each pair once, as a task that no inbox has, with people's grade; by its key."""
    found: dict[str, tuple[Task, int | None]] = {}
    for pair in rated:
        listing = pair.request.listing
        new = task_of(pair.request, listing.content_hash if listing else "", "backfill", "modes")
        key = new.task_key
        task = Task(event_id(f"modes/{key}"), key, new.kind, new.lane, new.group_key, new.subject, new.payload, 1)
        found.setdefault(key, (task, pair.grade))
    return found


async def compared(
    settings: Settings, pairs: dict[str, tuple[Task, int | None]], wanted: Sequence[Mode], seed: int
) -> Report:
    """Judge mode after mode, then compare."""
    tasks = [task for task, _ in pairs.values()]
    async with comparison(settings) as stage:
        results = [await stage.judge(tasks, mode) for mode in wanted]
    human = {key: grade for key, (_, grade) in pairs.items() if grade is not None}
    return report_of(tasks, results, human, seed)


@asynccontextmanager
async def comparison(settings: Settings) -> AsyncIterator[ModeComparison]:
    """The stage over the settings' database, endpoint and pictures, while the block lasts."""
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(migrated(settings))
        clock = SystemClock()
        around = Surroundings(pool, clock, clock, Metrics())
        traces = await stack.enter_async_context(open_traces(settings, around.metrics, clock, owner()))
        llm = await stack.enter_async_context(open_llms(settings, around, owner()))
        pictures = await stack.enter_async_context(HttpPictureSource(settings))
        judge = await live_judge(pool, settings)
        labels = PostgresModeLabels(pool)
        pairs = PairJudge(
            llm=traces.llm(llm),
            store=PostgresJudgements(pool),
            known=labels.known,
            guidelines=PostgresGuidelines(pool),
            claims=PostgresClaims(pool),
            catalogue=PostgresCatalogue(pool),
            pictures=pictures,
            clock=clock,
            recipe=recipe_of_judge(judge),
            cascade=judge.cascade,
            per_call=judge.products_per_call,
            patience=Patience(clock, settings.task_attempts, random.random),
        )
        yield ModeComparison(pairs, labels, settings.llm_max_in_flight)
