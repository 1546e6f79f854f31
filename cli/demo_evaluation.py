"""The demo's evaluation: people's grades become a dataset, two judges are held against them, the rest is for review."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
from rich.console import Console

from cli.compose import Parts
from cli.eval_reading import Asked, read
from cli.eval_running import RunOrder, evaluate
from cli.eval_store import store
from cli.eval_tables import report_tables
from cli.judge_identity import judge_book, judge_from
from cli.review_room import fill_parts
from core.adapters.llm_endpoint import Surroundings
from core.adapters.reads_evals import EvalReader
from core.domain.evaluation.datasets import TUNE_SHARE
from core.domain.evaluation.report import Asked as AskedReport
from core.domain.judges import SETTINGS
from core.eval_facts import Dataset, JudgeVersion
from core.stages.review_fill import Amount, FromRun, fill_queue
from demo.marketplace.world import Marketplace

PAIRS = 180
"""Graded pairs: some seconds of judging, and enough for intervals that tell a good judge from a poor one."""

QUEUED = 40
"""Items for review: an expert's quarter of an hour."""

CANDIDATE = 'name = "word-overlap"\nmodel = "offline-judge-lite"\n'
"""A cheaper judge, so that there is something to compare, and something that a gate refuses."""

SEED = 7
NAME = "demo-experts"
BY = "demo"


async def evaluate_judges(parts: Parts, market: Marketplace, console: Console) -> None:
    """Import, judge, report, queue; all of it is in the console too, at /evals, /judges and /review."""
    dataset = await _imported(parts, market)
    judges = await _judges(parts)
    around = Surroundings(parts.pool, parts.wall, parts.wall, parts.metrics)
    run = await evaluate(parts.settings, around, RunOrder(dataset, judges, name=NAME))
    reader = EvalReader(parts.pool)
    versus, *_ = report_tables(await reader.made(await reader.run(run.name), AskedReport()), examples=0)
    console.print(versus, "Both judges in full: /evals in the console, or `assay eval report`; /review has a queue.")
    settings = parts.settings
    amount = Amount(QUEUED, settings.review_random_share, settings.review_reviewers, BY)
    await fill_queue(fill_parts(parts.pool), FromRun(run.name), amount, parts.wall.now(), np.random.default_rng(SEED))


async def _imported(parts: Parts, market: Marketplace) -> Dataset:
    """By the very way of `assay eval import`."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{NAME}.jsonl"
        file.write_text("".join(json.dumps(pair) + "\n" for pair in market.experts(PAIRS)))
        found = read(
            Asked(
                file=str(file),
                name=NAME,
                source="three simulated people of the category team",
                licence="made by the demo",
                rule="0=0 1=1 2=2",
                kind="relevance",
                file_format="jsonl",
                documents="",
                queries="",
                columns=(),
                raters=(),
                application="marketplace",
                market="",
                language="",
                engine="",
                tune=TUNE_SHARE,
                anchors=False,
                by=BY,
            )
        )
    return (await store(parts.pool, found.draft, parts.settings.selection_window_days)).dataset


async def _judges(parts: Parts) -> tuple[JudgeVersion, ...]:
    """The one that judges, and a cheaper candidate."""
    book = judge_book(parts.pool)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "word-overlap.toml"
        file.write_text(CANDIDATE)
        return tuple([await judge_from(book, parts.settings, ref, parts.wall, BY) for ref in (SETTINGS, str(file))])
