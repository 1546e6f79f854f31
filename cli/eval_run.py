"""`assay eval run`: judges on a dataset; cost and time are said before it starts, and it can be taken up again."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from typing import Annotated

import typer
from rich.table import Table

from cli.database import migrated, reads_of
from cli.eval_datasets import dataset_named
from cli.eval_options import PictureFolder, refuse_no_folder
from cli.eval_parts import EvalParts, eval_parts
from cli.eval_progress import Watch, duration, watched
from cli.eval_running import (
    ReadyRun,
    RunOrder,
    carried_out,
    meter_of,
    ordered,
    purse_of,
    refuse_unpayable,
    taken_up,
    unfinished,
)
from cli.eval_runs import run_json, run_named, standing
from cli.judge_identity import judge_book, judge_meant
from cli.tables import print_tables, table
from core.adapters.clock import SystemClock
from core.adapters.llm_endpoint import Surroundings
from core.errors import UsageError
from core.eval_facts import EvalRun, RunState, Split
from core.settings import Settings, load_settings, required, secrets_of
from core.stages.purse import Purse
from core.telemetry import Metrics, configure_logging

STOPS = (signal.SIGTERM, signal.SIGINT)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line says. Either `resume` names a run, or a dataset and judges make one."""

    resume: str | None
    dataset: str | None
    judges: tuple[str, ...]
    split: Split | None
    limit: int
    sample: int
    cap_usd: float | None
    name: str
    pictures: str | None


def run(
    dataset: Annotated[str | None, typer.Option(help="a dataset's name, or name@version")] = None,
    judge: Annotated[
        list[str] | None, typer.Option(help="a judge file, a stored judge, live or settings; once for each judge")
    ] = None,
    split: Annotated[Split | None, typer.Option(help="only this part of the dataset")] = None,
    limit: Annotated[int, typer.Option(min=0, help="only the first so many items; 0: all")] = 0,
    sample: Annotated[int, typer.Option(min=0, help="only so many items, of queries at random; 0: all")] = 0,
    cap_usd: Annotated[
        float | None, typer.Option(min=0, help="most US dollars the run may cost; else a little over the estimate")
    ] = None,
    name: Annotated[str, typer.Option(help="the run's name; else made of dataset and time")] = "",
    pictures: PictureFolder = None,
    resume: Annotated[str | None, typer.Option(metavar="RUN", help="go on with a run that ended early")] = None,
    estimate: Annotated[bool, typer.Option("--estimate", help="say what it would cost, and start nothing")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="start without asking")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="for programs: the run as it ended, no progress")] = False,
) -> None:
    """Ask judges about every item of a dataset, once they and you know what it costs."""
    settings = load_settings()
    required(settings, "postgres_dsn", "llm_base_url", "llm_model")
    configure_logging(settings.log_format, settings.log_level, secrets_of(settings))
    wanted = Wanted(resume, dataset, tuple(judge or ()), split, limit, sample, cap_usd, name, pictures)
    refuse_muddled(wanted)
    early = None if resume or estimate else asyncio.run(_early(settings, wanted))
    if early is not None and _goes_on_with(early, yes=yes):
        wanted = replace(wanted, resume=str(early.run_id))
    ready = asyncio.run(made_ready(settings, wanted))
    if not as_json:
        _say(ready, settings)
    if estimate:
        return
    if not yes:
        confirm_start()
    raise typer.Exit(asyncio.run(_run(settings, wanted, ready, quiet=as_json)))


def refuse_muddled(wanted: Wanted) -> None:
    """UsageError where the options do not say which run is meant."""
    if wanted.resume is not None:
        if wanted.dataset or wanted.judges or wanted.split or wanted.limit or wanted.sample or wanted.name:
            raise UsageError("--resume names a run, which has its dataset, judges and items; of the others it takes "
                             "--cap-usd, --pictures, --yes and --json")  # fmt: skip
    elif not wanted.dataset or not wanted.judges:
        raise UsageError("a run takes --dataset and one or more --judge, or --resume RUN")
    if wanted.limit and wanted.sample:
        raise UsageError("--limit takes the first items and --sample some of random queries: one of them")
    refuse_no_folder(wanted.pictures)


@asynccontextmanager
async def _open(settings: Settings, wanted: Wanted) -> AsyncIterator[tuple[EvalParts, Surroundings]]:
    clock = SystemClock()
    async with migrated(settings) as pool:
        around = Surroundings(pool, clock, clock, Metrics())
        async with eval_parts(settings, around, wanted.pictures) as parts:
            yield parts, around


async def _early(settings: Settings, wanted: Wanted) -> EvalRun | None:
    """A run of this very order that ended early."""
    async with _open(settings, wanted) as (parts, around):
        return await unfinished(parts, await _order(settings, around, wanted))


async def _order(settings: Settings, around: Surroundings, wanted: Wanted) -> RunOrder:
    book = judge_book(around.pool)
    judges = [await judge_meant(book, settings, ref, around.clock) for ref in wanted.judges]
    if len({judge.version for judge in judges}) < len(judges):
        raise UsageError("--judge: two of them are the same judge")
    dataset = await dataset_named(around.pool, wanted.dataset or "")
    return RunOrder(dataset, tuple(judges), wanted.split, wanted.limit, wanted.sample, wanted.cap_usd, wanted.name)


async def made_ready(settings: Settings, wanted: Wanted) -> ReadyRun:
    """The run as it would begin or go on; UsageError where there is none, nothing to judge or not the money for it."""
    async with _open(settings, wanted) as (parts, around):
        if wanted.resume is None:
            ready = await ordered(parts, around, await _order(settings, around, wanted))
        else:
            named = await run_named(around.pool, wanted.resume)
            ready = await taken_up(parts, around, named, wanted.cap_usd)
        now = around.clock.now()
        refuse_unpayable(ready, await reads_of(settings, around.pool, around.clock).spend_since(now))
        return ready


def _goes_on_with(early: EvalRun, *, yes: bool) -> bool:
    """Whether to: nothing it has is paid for again. Where nobody can answer, `confirm_start` will say so."""
    ended = "interrupted" if early.state == "running" else early.state
    sys.stderr.write(f"run {early.name} of the same dataset and judges ended early ({ended})\n")
    if yes:
        sys.stderr.write("going on with it; another --name begins anew\n")
    return yes or (sys.stdin.isatty() and typer.confirm("Go on with it?", default=True, err=True))


def confirm_start() -> None:
    """Whoever sits there says yes, or nothing starts; UsageError where nobody does."""
    if not sys.stdin.isatty():
        raise UsageError("nobody is there to answer: `--yes` starts the run, `--estimate` only says what it costs")
    typer.confirm("Start?", abort=True, err=True)


def _say(ready: ReadyRun, settings: Settings) -> None:
    """What it would take, judge by judge, and in a sentence."""
    run, whole = ready.run, ready.estimate
    asked = f"{len(ready.items):,} items, {len(ready.judges)} judge{'s' if len(ready.judges) > 1 else ''}"
    print_tables(_table(ready))
    limits = f"{settings.llm_requests_per_minute:,} requests and {settings.llm_tokens_per_minute:,} tokens a minute"
    spent = f"${ready.spent_usd:.4f} were spent on it before. " if ready.spent_usd else ""
    sys.stdout.write(
        f"{run.name}: {asked}. {spent}"
        f"About ${whole.usd:.4f} (high: ${whole.high_usd:.4f}) and {duration(whole.seconds)} at {limits}, "
        f"if nothing better waits. Capped at ${run.cap_usd:.4f}.\n"
    )
    if run.anchors:
        sys.stdout.write("A dataset of anchors: judged anew, past every label there is.\n")


def _table(ready: ReadyRun) -> Table:
    columns = ("judge", "known, free", "to ask", "no product", "calls", "tokens in", "out", "usd", "high", "time")
    rows = [
        (
            plan.judge.version,
            f"{plan.answered + plan.known:,}",
            f"{plan.asked:,}",
            plan.lost or "",
            f"{plan.estimate.calls:,.0f}",
            f"{plan.estimate.input_tokens:,.0f}",
            f"{plan.estimate.output_tokens:,.0f}",
            f"{plan.estimate.usd:.4f}",
            f"{plan.estimate.high_usd:.4f}",
            duration(plan.estimate.seconds),
        )
        for plan in ready.plans
    ]
    return table(f"{ready.run.dataset}, {ready.run.split or 'both splits'}", columns, rows)


async def _run(settings: Settings, wanted: Wanted, ready: ReadyRun, *, quiet: bool) -> int:
    """0 where every item has its result, 1 where the run ended early."""
    async with _open(settings, wanted) as (parts, around):
        purse, meter = purse_of(parts, ready), meter_of(ready)
        watch = Watch(meter, purse)
        with stopped_by_signals(purse):
            async with watched(watch, quiet=quiet):
                state = await carried_out(parts, around, ready, purse, meter)
        if quiet:
            told = run_json(await standing(around.pool, await run_named(around.pool, str(ready.run.run_id))))
            sys.stdout.write(json.dumps(told, ensure_ascii=False) + "\n")
        else:
            _say_end(ready.run, state, watch, await parts.ports.runs.spent(ready.run.run_id))
        return 0 if state == "done" else 1


@contextmanager
def stopped_by_signals(purse: Purse) -> Iterator[None]:
    """The first SIGTERM or Ctrl-C lets calls under way end and stores what they give."""
    loop, stopping = asyncio.get_running_loop(), set[asyncio.Task[None]]()
    for each in STOPS:
        loop.add_signal_handler(each, lambda: stopping.add(asyncio.create_task(purse.stopped())))
    try:
        yield
    finally:
        for each in STOPS:
            loop.remove_signal_handler(each)


def _say_end(run: EvalRun, state: RunState, watch: Watch, spent: float) -> None:
    meter = watch.meter
    made = meter.done - meter.before - meter.reused
    pace = f", {made / watch.seconds * 60:,.0f} pairs a minute" if made else ""
    told = f"{meter.done:,} of {meter.total:,} pairs, {meter.reused:,} of them known before"
    told += f", {watch.failures()}" if meter.failed else ""
    sys.stdout.write(f"{run.name}: {state}: {told}; ${spent:.4f} in {duration(watch.seconds)}{pace}\n")
    if state == "over_cap":
        sys.stdout.write(f"the cap is reached: `assay eval run --resume {run.name} --cap-usd MORE` goes on\n")
    elif state == "stopped":
        sys.stdout.write(f"`assay eval run --resume {run.name}` goes on, and pays for nothing twice\n")
    else:
        sys.stdout.write(f"`assay eval report {run.name}` says what it shows\n")
