"""`assay eval gate`: whether a judge may go live, by the rules of a file."""

from __future__ import annotations

import asyncio
import sys
import uuid
from dataclasses import dataclass
from typing import Annotated

import msgspec
import typer

from cli.compose_canary import tried_judge
from cli.database import migrated
from cli.eval_tables import gate_table
from cli.guideline import read
from cli.judge_identity import judge_book, judge_from, login_name
from cli.tables import print_tables
from core.adapters.canary_store import PostgresCanaries
from core.adapters.clock import SystemClock
from core.adapters.eval_datasets import PostgresDatasets
from core.adapters.gate_book import PostgresGates
from core.adapters.postgres import Pool
from core.adapters.reads_evals import EvalReader
from core.domain.canary import Lift, lifts
from core.domain.evaluation.gate import Evidence, Gate, outcomes
from core.domain.evaluation.gate_evidence import evidence_of
from core.domain.evaluation.gate_rules import Rules, check_scale, rules_of
from core.domain.evaluation.report import Asked, judge_named
from core.domain.evaluation.report_material import scale_of
from core.domain.evaluation.results import EvalRun
from core.domain.judges import LIVE
from core.errors import UsageError
from core.settings import Settings, load_settings, required

NO_JUDGE = "none"
"""What `--against` takes where rules hold a judge against no other."""

MOST_SEGMENTS = 200
"""Values of a segment that `each` looks at: more markets or categories than a person reads."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asks for."""

    rules: Rules
    text: str
    file: str
    run: str
    judge: str
    against: str


def gate(
    rules: Annotated[str, typer.Option(help="TOML file of rules, as in docs/gate.md")],
    run: Annotated[str, typer.Option(help="the run by its name, id or a beginning of the id")],
    judge: Annotated[str, typer.Option(help="the judge of the run that is to go live")],
    against: Annotated[
        str, typer.Option(help="the judge it would replace: live, settings, a version, none; needs no --run of its own")
    ] = LIVE,
    as_json: Annotated[bool, typer.Option("--json", help="JSON for programs")] = False,
) -> None:
    """Hold a judge against rules: exit 0 where it keeps them all, 1 where it breaks one. The result is kept."""
    text = read(rules)
    wanted = Wanted(rules_of(text, rules), text, rules, run, judge, against)
    settings = load_settings()
    required(settings, "postgres_dsn", "llm_model")
    held, newest = asyncio.run(_gate(settings, wanted))
    if as_json:
        told = msgspec.to_builtins(held) | {"passed": held.passed, "counts": newest == held.dataset}
        sys.stdout.write(msgspec.json.encode(told).decode() + "\n")
    else:
        print_tables(gate_table(held))
    if newest != held.dataset:
        typer.echo(f"assay: {newest} is newer than {held.dataset}: this gate lets no judge go live", err=True)
    if not held.passed:
        raise typer.Exit(1)


async def _gate(settings: Settings, wanted: Wanted) -> tuple[Gate, str]:
    """run -> report -> rules held against it -> kept; with the newest version of the dataset."""
    async with migrated(settings) as pool:
        reader, clock = EvalReader(pool), SystemClock()
        run = await reader.run(wanted.run)
        _refuse_unfit(run, wanted)
        judge = judge_named(run.judges, wanted.judge)
        against = await _against(settings, pool, run, wanted)
        if judge == against:
            raise UsageError(f"{judge} is itself the judge to hold it against; --against takes another")
        lift = await _lift(pool, judge) if wanted.rules.canary else None
        evidence = await _evidence(reader, run, judge, against, wanted.rules, lift)
        held = Gate(
            gate_id=uuid.uuid4(),
            judge=judge,
            against=against,
            rules_name=wanted.rules.name,
            rules=wanted.text,
            dataset=run.dataset,
            split=wanted.rules.split,
            run_id=run.run_id,
            run_name=run.name,
            outcomes=outcomes(wanted.rules, evidence),
            checked_at=clock.now(),
            checked_by=login_name(),
        )
        await PostgresGates(pool).save(held)
        newest = await PostgresDatasets(pool).find(wanted.rules.dataset)
    return held, newest.ref if newest else run.dataset


def _refuse_unfit(run: EvalRun, wanted: Wanted) -> None:
    check_scale(wanted.rules, scale_of(run.kind), wanted.file)
    name = run.dataset.partition("@")[0]
    if name != wanted.rules.dataset:
        raise UsageError(
            f"{wanted.file} is about the dataset {wanted.rules.dataset!r}, the run {run.name} about {name!r}"
        )
    if run.state != "done":
        raise UsageError(f"the run {run.name} is {run.state.replace('_', ' ')}; a gate is held on one that is done")
    if run.limit:
        raise UsageError(f"the run {run.name} judged the first {run.limit} items only; a gate takes all, or a sample")


async def _against(settings: Settings, pool: Pool, run: EvalRun, wanted: Wanted) -> str:
    """The version of the judge to hold against; empty for none. UsageError where rules need one and none is named."""
    if not wanted.rules.not_worse:
        return ""
    if wanted.against == NO_JUDGE:
        raise UsageError(f"{wanted.file} has [[not_worse]]: --against takes live, settings or a judge's version")
    try:
        return judge_named(run.judges, wanted.against)
    except UsageError:
        return (await judge_from(judge_book(pool), settings, wanted.against, SystemClock())).version


async def _evidence(
    reader: EvalReader, run: EvalRun, judge: str, against: str, rules: Rules, lift: Lift | None
) -> Evidence:
    """Of the judge, and of the other one from this run or the newest that has it on the same version."""
    judges = (against, judge) if against else (judge,)
    items, results = await reader.material(run, [judge])
    if len(judges) == 2:
        other = run if against in run.judges else await reader.run_of(against, run.dataset)
        if other is None:
            raise UsageError(
                f"no run has {against} on {run.dataset}: assay eval run --dataset {run.dataset} --judge {against}"
            )
        results = {**results, **(await reader.material(other, [against]))[1]}
    split = None if rules.split == "both" else rules.split
    asked = Asked(judges=judges, split=split, by=rules.dimensions, values=MOST_SEGMENTS, changed=0)
    return await asyncio.to_thread(evidence_of, run, items, results, asked, lift)


async def _lift(pool: Pool, judge: str) -> Lift | None:
    """What the attacks of the present canary set won with the judge; None where it was not tried to the end."""
    version = await judge_book(pool).find(judge)
    run = None if version is None else await PostgresCanaries(pool).run(tried_judge(version))
    if run is None or run.finished_at is None:
        return None
    return lifts(each.outcome for each in run.judged)[0]
