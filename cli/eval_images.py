"""`assay eval images`: pictures spoilt step by step and written over, before judges and students."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated

import typer

from cli.database import migrated, reads_of
from cli.eval_images_bases import Wanted
from cli.eval_images_kept import KeptAnswers, kept_answers
from cli.eval_images_parts import (
    ReadyTrial,
    TrialOrder,
    TrialParts,
    made_ready,
    purse_of,
    refuse_unpayable,
    trial_of,
    trial_parts,
)
from cli.eval_images_told import Found, as_json, falls_short, found_of, print_found
from cli.eval_options import PictureFolder, refuse_no_folder
from cli.eval_progress import Watch, duration, watched
from cli.eval_run import confirm_start, stopped_by_signals
from core.adapters.clock import SystemClock
from core.adapters.llm_endpoint import Surroundings
from core.adapters.picture_variants import checked_font
from core.domain.judges import LIVE
from core.eval_facts import RunState
from core.settings import Settings, load_settings, required, secrets_of
from core.stages.eval_run import Meter
from core.stages.image_scorers import FAMILIES, Family, StudentScorer
from core.telemetry import Metrics, configure_logging

PICTURES = 16
"""Where nobody says how many: one of each of the demo's categories, and with 49 variants of each a judge is
asked 784 times."""


@dataclass(frozen=True, slots=True)
class Shown:
    """How the result is told."""

    worst: int
    at_least: float | None
    as_json: bool


def images(
    judge: Annotated[
        list[str] | None, typer.Option(help="a judge file, a stored judge, live or settings; once for each judge")
    ] = None,
    student: Annotated[list[str] | None, typer.Option(help="a stored student, or live; once for each")] = None,
    pictures: PictureFolder = None,
    dataset: Annotated[str | None, typer.Option(help="an image dataset's name, or name@version")] = None,
    limit: Annotated[int, typer.Option(min=0, help="only so many pictures, at random; 0: all")] = PICTURES,
    category: Annotated[str, typer.Option(help="what pictures show that say nothing of it: which rubric")] = "",
    only: Annotated[Family | None, typer.Option(help="order: spoilt pictures; canary: text in pictures")] = None,
    font: Annotated[str | None, typer.Option(help="font file for canaries in Japanese and Russian")] = None,
    at_least: Annotated[
        float | None, typer.Option(min=0, max=1, help="exit 1 where a smaller share is kept in order")
    ] = None,
    cap_usd: Annotated[
        float | None, typer.Option(min=0, help="most US dollars it may cost; else a little over the estimate")
    ] = None,
    keep: Annotated[str | None, typer.Option(metavar="FILE", help="keep answers here, and take those that are")] = None,
    worst: Annotated[int, typer.Option(min=0, help="ladders out of order that are named")] = 10,
    estimate: Annotated[bool, typer.Option("--estimate", help="say what it would cost, and start nothing")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="start without asking")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="for programs; no progress")] = False,
) -> None:
    """Spoil pictures step by step and write instructions into them, and see whether scores rise.

    Exit 1 where instructions raise them by more than noise, or where a smaller share than --at-least is kept in order.

    Pictures are those of a folder (--pictures), of a dataset, or drawn ones. Without --judge and --student the live
    judge is asked.
    """
    settings = load_settings()
    refuse_no_folder(pictures)
    judges = tuple(judge or ()) or (() if student else (LIVE,))
    required(settings, "postgres_dsn", *(("llm_base_url", "llm_model") if judges else ()))
    configure_logging(settings.log_format, settings.log_level, secrets_of(settings))
    families = FAMILIES if only is None else (only,)
    wanted = Wanted(limit, category)
    order = TrialOrder(judges, tuple(student or ()), pictures, dataset, wanted, families, checked_font(font), cap_usd)
    shown = Shown(worst, at_least, as_json)
    with kept_answers(keep) as kept:
        ready = asyncio.run(_made_ready(settings, order, kept))
        if not as_json:
            _say(ready, settings)
        if estimate:
            return
        if not yes and ready.estimate.calls:
            confirm_start()
        raise typer.Exit(asyncio.run(_run(settings, order, ready, kept, shown)))


@asynccontextmanager
async def _open(settings: Settings, order: TrialOrder) -> AsyncIterator[TrialParts]:
    clock = SystemClock()
    async with (
        migrated(settings) as pool,
        trial_parts(settings, Surroundings(pool, clock, clock, Metrics()), order) as parts,
    ):
        yield parts


async def _made_ready(settings: Settings, order: TrialOrder, kept: KeptAnswers) -> ReadyTrial:
    async with _open(settings, order) as parts:
        ready = await made_ready(parts, order, kept)
        around = parts.around
        refuse_unpayable(ready, await reads_of(settings, around.pool, around.clock).spend_since(around.clock.now()))
        return ready


def _say(ready: ReadyTrial, settings: Settings) -> None:
    """What it would take, in sentences."""
    who = [judge.version for judge in ready.judges] + [student.version for student in ready.students]
    sys.stdout.write(
        f"{len(ready.bases):,} pictures, {len(ready.variants)} variants of each, before {', '.join(who)}: "
        f"{ready.asked:,} answers.\n"
    )
    if ready.left_out:
        sys.stdout.write(f"Left out, for want of letters (--font FILE): {', '.join(ready.left_out)}.\n")
    if ready.judges:
        whole = ready.estimate
        limits = f"{settings.llm_requests_per_minute:,} requests and {settings.llm_tokens_per_minute:,} tokens a minute"
        sys.stdout.write(
            f"{whole.calls:,.0f} calls, about ${whole.usd:.4f} (high: ${whole.high_usd:.4f}) and "
            f"{duration(whole.seconds)} at {limits}, if nothing better waits. Capped at ${ready.cap_usd:.4f}.\n"
        )
    sys.stdout.flush()


async def _run(settings: Settings, order: TrialOrder, ready: ReadyTrial, kept: KeptAnswers, shown: Shown) -> int:
    """0 where all is answered and every scorer passes."""
    async with _open(settings, order) as parts:
        purse = purse_of(parts, ready)
        meter = Meter(total=ready.asked)
        trial = trial_of(parts, ready, order.font, purse, kept, meter)
        meter.done = meter.before = ready.asked - trial.left
        watch = Watch(meter, purse, "answers")
        with stopped_by_signals(purse):
            async with watched(watch, quiet=shown.as_json):
                state = await trial.take()
    found = [
        found_of(each.version, trial.answered(each, kept.now), flagging=not isinstance(each, StudentScorer))
        for each in trial.scorers
    ]
    _tell(found, state, shown, purse.spent_usd, watch)
    return int(state != "done" or any(falls_short(each, shown.at_least) for each in found))


def _tell(found: Sequence[Found], state: RunState, shown: Shown, spent_usd: float, watch: Watch) -> None:
    if shown.as_json:
        sys.stdout.buffer.write(as_json(found, state, shown.at_least))
        return
    for each in found:
        print_found(each, shown.worst)
    meter = watch.meter
    told = f", {watch.failures()}" if meter.failed else ""
    sys.stdout.write(
        f"{state}: {meter.done:,} of {meter.total:,} answers{told}; ${spent_usd:.4f} in {duration(watch.seconds)}\n"
    )
    if state != "done":
        sys.stdout.write("the same command goes on where `--keep FILE` was given, and pays for nothing twice\n")
    for each in found:
        for short in falls_short(each, shown.at_least):
            sys.stdout.write(f"{short}\n")
