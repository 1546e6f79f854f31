"""`assay eval runs`: the runs there are, and how one stands."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import typer

from cli.database import migrated
from cli.tables import moment, print_tables, table
from core.adapters.eval_runs import PostgresRuns
from core.adapters.leadership import PostgresLeadership
from core.adapters.postgres import Pool
from core.errors import UsageError
from core.eval_facts import EvalRun
from core.eval_ports import RunTally
from core.settings import load_settings, required

LISTED = 50
"""Newest runs of the listing: a screen; older ones are found by their names."""

NONE_YET = "there is no run yet; `assay eval run --dataset D --judge J` makes one"

INTERRUPTED = "interrupted"
"""Shown for a run that is stored as running and that no process has in hand: it was killed."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a run stands: its state as a person means it, each judge's tally, dollars by the ledger."""

    run: EvalRun
    state: str
    tallies: Sequence[RunTally]
    spent_usd: float


def runs(
    ref: Annotated[str | None, typer.Argument(metavar="[RUN]", help="a run's name or id: how it stands")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """Show all runs, newest first, or how one stands."""
    settings = load_settings()
    required(settings, "postgres_dsn")

    async def standings() -> list[Standing]:
        async with migrated(settings) as pool:
            store = PostgresRuns(pool)
            found = await store.all(LISTED) if ref is None else [await run_named(pool, ref)]
            return [await standing(pool, run) for run in found]

    found = asyncio.run(standings())
    if as_json:
        told = [run_json(each) for each in found]
        sys.stdout.write(json.dumps(told if ref is None else told[0], ensure_ascii=False) + "\n")
    elif ref is not None:
        print_standing(found[0])
    elif found:
        columns = ("run", "id", "dataset", "split", "judges", "state", "answers", "of", "usd", "started", "by")
        print_tables(table("runs", columns, [_row(each) for each in found]))
    else:
        sys.stdout.write(NONE_YET + "\n")


async def run_named(pool: Pool, ref: str) -> EvalRun:
    """The run that a person names; UsageError where there is none."""
    found = await PostgresRuns(pool).find(ref)
    if found is None:
        raise UsageError(f"there is no run {ref}, or several ids begin so: `assay eval runs` lists them")
    return found


async def standing(pool: Pool, run: EvalRun) -> Standing:
    """A run as it stands now."""
    store = PostgresRuns(pool)
    tallies, spent = await store.tallies(run.run_id), await store.spent(run.run_id)
    state: str = run.state
    if run.state == "running":
        async with PostgresLeadership(pool).lead(lead_of(run)) as nobody_has_it:
            state = INTERRUPTED if nobody_has_it else "running"
    return Standing(run, state, tallies, spent)


def lead_of(run: EvalRun) -> str:
    """The lead that a process holds while it works on the run: it ends with the process, however that ends."""
    return f"eval-run {run.run_id}"


def run_json(standing: Standing) -> dict[str, object]:
    """For programs."""
    run = standing.run
    return {
        "run_id": str(run.run_id),
        "name": run.name,
        "dataset": run.dataset,
        "kind": run.kind,
        "split": run.split,
        "state": standing.state,
        "items": run.items,
        "cap_usd": run.cap_usd,
        "estimated_usd": run.estimated_usd,
        "spent_usd": standing.spent_usd,
        "started_at": run.started_at.isoformat(),
        "ended_at": run.ended_at.isoformat() if run.ended_at else None,
        "started_by": run.started_by,
        "judges": [_judge_json(_tally(version, standing.tallies)) for version in run.judges],
    }


def print_standing(standing: Standing) -> None:
    """One run, judge by judge."""
    run = standing.run
    part = run.split or "both splits"
    title = f"{run.name}: {run.items:,} items of {run.dataset} ({part}), {standing.state}"
    columns = ("judge", "answers", "known before", "without an answer", "usd", "median latency, s")
    print_tables(table(title, columns, [_judge_row(_tally(each, standing.tallies)) for each in run.judges]))
    sys.stdout.write(
        f"${standing.spent_usd:.4f} spent of at most ${run.cap_usd:.4f} (${run.estimated_usd:.4f} estimated); "
        f"{run.run_id}, begun {moment(run.started_at)} by {run.started_by}\n"
    )
    if standing.state not in ("running", "done"):
        sys.stdout.write(f"`assay eval run --resume {run.name}` goes on with it\n")


def _tally(version: str, tallies: Sequence[RunTally]) -> RunTally:
    """Of a judge that has said nothing yet, an empty one."""
    return next((each for each in tallies if each.judge == version), RunTally(version, 0, 0, {}, 0.0, None))


def _judge_json(told: RunTally) -> dict[str, object]:
    return {
        "judge": told.judge,
        "answers": told.answers,
        "reused": told.reused,
        "failures": dict(told.failures),
        "cost_usd": told.cost_usd,
        "latency_ms": told.latency_ms,
    }


def _judge_row(told: RunTally) -> tuple[object, ...]:
    failures = ", ".join(f"{count} {kind}" for kind, count in sorted(told.failures.items()))
    latency = "" if told.latency_ms is None else f"{told.latency_ms / 1000:.2f}"
    return told.judge, told.answers, told.reused, failures, f"{told.cost_usd:.4f}", latency


def _row(each: Standing) -> tuple[object, ...]:
    run = each.run
    return (
        run.name,
        str(run.run_id)[:8],
        run.dataset,
        run.split or "both",
        ", ".join(run.judges),
        each.state,
        sum(tally.answers for tally in each.tallies),
        run.items * len(run.judges),
        f"{each.spent_usd:.4f}",
        moment(run.started_at),
        run.started_by,
    )
