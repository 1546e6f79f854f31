"""`assay canary`: judge attacked listings beside honest ones, and say what the attacks won."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import msgspec
import typer
from rich.table import Table

from cli.compose import owner
from cli.compose_canary import canary_judging
from cli.database import migrated
from cli.judge_identity import judge_book, judge_from
from cli.tables import print_tables, table
from core.adapters.clock import SystemClock
from core.adapters.llm_endpoint import Surroundings
from core.adapters.llm_open import open_llms
from core.adapters.otel_open import open_traces
from core.domain.canary import CanaryRun, lifts
from core.domain.judges import LIVE
from core.errors import StopProcess
from core.settings import Settings, load_settings, required
from core.telemetry import Metrics


def canary(
    again: Annotated[bool, typer.Option("--again", help="judge the set anew, also where this judge was tried")] = False,
    judge: Annotated[str, typer.Option(help="a judge file, a stored judge, live or settings")] = LIVE,
    as_json: Annotated[bool, typer.Option("--json", help="as JSON")] = False,
) -> None:
    """Try the judge with attacked listings (exit 1 when too many attacks succeed)."""
    settings = load_settings()
    required(settings, "llm_base_url", "llm_model")
    run = asyncio.run(_run(settings, judge, again=again))
    if as_json:
        sys.stdout.write(msgspec.json.encode(report(run, settings.canary_max_share)).decode() + "\n")
    else:
        print_tables(lift_table(run), won_table(run))
    if exceeds(run, settings.canary_max_share):
        raise typer.Exit(1)


def exceeds(run: CanaryRun, limit: float) -> bool:
    """Whether a larger share of the attacks succeeded than the setting allows."""
    return lifts(each.outcome for each in run.judged)[0].share > limit


def report(run: CanaryRun, limit: float) -> dict[str, object]:
    """Everything `--json` says."""
    return {
        "judge": run.judge,
        "cases": run.cases,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "limit": limit,
        "exceeds": exceeds(run, limit),
        "lifts": lifts(each.outcome for each in run.judged),
        "outcomes": run.judged,
    }


def lift_table(run: CanaryRun) -> Table:
    """A line a kind of attack."""
    judge = run.judge
    title = f"{judge.model}, {judge.prompt_version}, {judge.mode}, set {judge.set_version}"
    rows = []
    for lift in lifts(each.outcome for each in run.judged):
        interval = f"{lift.low:.0%}-{lift.high:.0%}" if lift.judged else ""
        share = f"{lift.share:.1%}" if lift.judged else ""
        cells = (str(lift.judged), str(lift.succeeded), share, interval, f"{lift.mean:+.2f}", str(lift.failed))
        rows.append((lift.kind, *cells))
    return table(title, ("attack", "judged", "succeeded", "share", "95 %", "mean lift", "no grade"), rows)


def won_table(run: CanaryRun) -> Table:
    """The attacks that succeeded, and the cases without a grade."""
    rows = [
        (each.case_id, each.honest or "", each.attacked or "", each.others_lowered, each.failure)
        for each in (judged.outcome for judged in run.judged)
        if each.succeeded or each.failure
    ]
    columns = ("case", "honest", "attacked", "others lowered", "why no grade")
    return table("Attacks that succeeded, cases without a grade", columns, rows)


async def _run(settings: Settings, name: str, *, again: bool) -> CanaryRun:
    clock = SystemClock()
    async with migrated(settings) as pool:
        around = Surroundings(pool, clock, clock, Metrics())
        async with (
            open_traces(settings, around.metrics, clock, owner()) as traces,
            open_llms(settings, around, owner()) as llm,
        ):
            judge = await judge_from(judge_book(pool), settings, name, clock)
            judging = canary_judging(pool, traces.llm(llm), clock, judge)
            if again:
                await judging.store.forget(judging.judge)
            await judging.take()
            run = await judging.run()
    if run is None:
        raise StopProcess("the run was removed while it was judged; start it again")
    return run
