"""`assay eval check`: form and grounding, a model's critique, people, and what each overturned of the one before."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from typing import Annotated

import msgspec
import typer

from cli.check_tables import report_tables
from cli.database import migrated
from cli.eval_checking import (
    AnyCritic,
    Period,
    critic_model,
    critic_of,
    estimate_of,
    of_live,
    of_run,
    ports_without_llm,
    refuse_unpayable,
    reported,
)
from cli.eval_options import PictureFolder, refuse_no_folder
from cli.eval_parts import EvalParts, eval_parts
from cli.eval_runs import run_named
from cli.judge_identity import refuse_unpriced
from cli.tables import print_tables
from cli.times import time_or_ago
from core.adapters.clock import SystemClock
from core.adapters.llm_endpoint import Surroundings
from core.domain.evaluation.checks.report import Flagged, TierReport
from core.domain.evaluation.costing import CostEstimate
from core.domain.evaluation.items import DatasetKind
from core.errors import UsageError
from core.settings import Settings, load_settings, required, secrets_of
from core.stages.purse import Purse
from core.stages.tiers import FirstTier
from core.telemetry import Metrics, configure_logging

SHOWN = 10
"""Flagged judgements printed: a screen; the rest is on the console's page."""

Made = list[tuple[TierReport, list[Flagged]]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asks for; `run` empty: live judgements."""

    run: str
    judges: tuple[str, ...]
    since: str
    until: str
    kind: DatasetKind
    share: float
    cap_usd: float | None
    critic: str | None
    checks_only: bool
    pictures: str | None


def check(
    run: Annotated[str, typer.Argument(metavar="[RUN]", help="a run by its name, id or a beginning of the id")] = "",
    judge: Annotated[list[str] | None, typer.Option(help="only this judge of the run; once for each")] = None,
    live: Annotated[bool, typer.Option("--live", help="the labels that rankers see, of --from and --to")] = False,
    from_: Annotated[str, typer.Option("--from", help="2026-03-02T06:00Z, or 90m, 2h, 3d ago")] = "1d",
    to: Annotated[str, typer.Option("--to", help="as --from; now when left out")] = "",
    kind: Annotated[DatasetKind, typer.Option(help="of live judgements")] = "relevance",
    critique_share: Annotated[
        float, typer.Option(min=0, max=1, help="part of what passes the checks that the critique looks at")
    ] = 0.1,
    cap_usd: Annotated[
        float | None, typer.Option(min=0, help="most US dollars the critique may cost; else a little over the estimate")
    ] = None,
    critic: Annotated[str | None, typer.Option(help="the model that looks again, else the setting's")] = None,
    pictures: PictureFolder = None,
    checks_only: Annotated[bool, typer.Option("--checks-only", help="no critique: nothing is called or paid")] = False,
    shown: Annotated[int, typer.Option(min=0, help="flagged judgements printed")] = SHOWN,
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """Check judgements in tiers, cheap first, and say what each tier overturned of the one before it."""
    if bool(run) == live:
        raise UsageError("name a run, or --live with --from and --to")
    refuse_no_folder(pictures)
    settings = load_settings()
    required(settings, "postgres_dsn")
    configure_logging(settings.log_format, settings.log_level, secrets_of(settings))
    judges = tuple(judge or ())
    wanted = Wanted(run, judges, from_, to, kind, critique_share, cap_usd, critic, checks_only, pictures)
    made = asyncio.run(_check(settings, wanted))
    if as_json:
        told = [{**msgspec.to_builtins(report), "flagged": msgspec.to_builtins(flagged)} for report, flagged in made]
        sys.stdout.write(msgspec.json.encode(told).decode() + "\n")
    else:
        print_tables(*(each for report, flagged in made for each in report_tables(report, flagged, shown)))


async def _check(settings: Settings, wanted: Wanted) -> Made:
    """gathered -> checked -> the critique's cost said -> all tiers -> stored"""
    clock = SystemClock()
    critic_named = wanted.critic or settings.llm_critique_model
    if critic_named and not wanted.checks_only:
        where = "--critic" if wanted.critic else "ASSAY_LLM_CRITIQUE_MODEL"
        refuse_unpriced([critic_named], where, settings, clock)
    async with migrated(settings) as pool:
        around = Surroundings(pool, clock, clock, Metrics())
        first, salt = await _first(around, wanted)
        if wanted.checks_only:
            return await reported(around, first, None, 0.0, Purse(0.0, 0.0, lambda _: 0.0))
        required(settings, "llm_base_url", "llm_model")
        async with eval_parts(settings, around, wanted.pictures) as parts:
            kind = first[0].subject.kind
            critic = critic_of(parts, around, critic_model(settings, wanted.critic, kind), salt, kind)
            purse = _purse(parts, critic, first, wanted)
            return await reported(around, first, critic, wanted.share, purse)


async def _first(around: Surroundings, wanted: Wanted) -> tuple[list[FirstTier], str]:
    """What is checked, and the salt of its critiques: anchors enter no cache."""
    if wanted.run:
        run = await run_named(around.pool, wanted.run)
        first = await of_run(ports_without_llm(around), around, run, wanted.judges)
        return first, str(run.run_id) if run.anchors else ""
    now = around.clock.now()
    period = Period(time_or_ago(wanted.since, now), time_or_ago(wanted.until, now) if wanted.until else now)
    if period.start >= period.end:
        raise UsageError(f"--from is not before --to: {period.told}")
    return await of_live(ports_without_llm(around), around, period, wanted.kind), ""


def _purse(parts: EvalParts, critic: AnyCritic, first: list[FirstTier], wanted: Wanted) -> Purse:
    """Under the cap, once it is said what the critique may cost; UsageError where it would not do for one call."""
    estimate = estimate_of(parts, critic, first, wanted.share)
    cap = wanted.cap_usd if wanted.cap_usd is not None else estimate.safe_usd(parts.pricing.limits.in_flight)
    _say(critic, first, wanted.share, estimate, cap)
    refuse_unpayable(cap, estimate)
    return Purse(cap, 0.0, lambda request: parts.pricing.weigh(request).worst_usd)


def _say(critic: AnyCritic, first: list[FirstTier], share: float, estimate: CostEstimate, cap: float) -> None:
    judgements = sum(len(each.sample(share)) for each in first)
    sys.stderr.write(
        f"assay: {critic.model} looks again at {judgements:,} judgements in at most {estimate.calls:,.0f} calls, about "
        f"${estimate.usd:.4f}, never above ${cap:.4f}\n"
    )
