"""Pages about evaluation: what there is, a run's report, two judges beside one another, a gate."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from uuid import UUID

from aiohttp import web

from core.console import evals_view, params
from core.console.site import SITE, link, page
from core.domain.evaluation import report_words
from core.domain.evaluation.gate_rules import DIMENSIONS
from core.domain.evaluation.items import Split
from core.domain.evaluation.report import Asked, Report
from core.errors import UsageError

SPLITS: tuple[Split, ...] = ("test", "tune")

MOST_PAIRS = 6
"""Comparisons offered in a run of many judges: those of four with one another."""


async def listed(request: web.Request) -> web.Response:
    """Runs, datasets and gates."""
    return page(request, "evals.html", found=await request.app[SITE].reads.evaluations())


async def one(request: web.Request) -> web.Response:
    """A run's judges beside people."""
    return await _report(request, replace(_asked(request, ()), compare=False), compared=False)


async def compare(request: web.Request) -> web.Response:
    """Judge `b` of a run against judge `a`."""
    a, b = params.text(request, "a"), params.text(request, "b")
    if not a or not b or a == b:
        raise web.HTTPNotFound
    return await _report(request, _asked(request, (a, b)), compared=True)


async def gate(request: web.Request) -> web.Response:
    """A judge held against rules."""
    try:
        gate_id = UUID(request.match_info["gate_id"])
    except ValueError:
        raise web.HTTPNotFound from None
    found = await request.app[SITE].reads.gate(gate_id)
    if found is None:
        raise web.HTTPNotFound
    return page(request, "evals_gate.html", gate=found, words=report_words)


async def _report(request: web.Request, asked: Asked, *, compared: bool) -> web.Response:
    reads = request.app[SITE].reads
    try:
        report = await reads.eval_report(request.match_info["run"], asked)
    except UsageError:  # an address that names no judge or segment of the run
        raise web.HTTPNotFound from None
    if report is None:
        raise web.HTTPNotFound
    return page(
        request,
        "evals_run.html",
        report=report,
        view=evals_view,
        words=report_words,
        calls="/calls/",
        console="",
        compared=compared,
        splits=[(split, link(request.path, **_kept(request) | {"split": split})) for split in ("", *SPLITS)],
        pairs=_pairs(report),
        narrowed=bool(report.where),
        unnarrowed=link(request.path, **{name: value for name, value in _kept(request).items() if name != "segment"}),
        gates=await reads.gates(report.run.run_id),
    )


def _asked(request: web.Request, judges: tuple[str, ...]) -> Asked:
    dimension, _, value = params.text(request, "segment").partition("=")
    where = ((dimension, value),) if dimension in DIMENSIONS and value else ()
    split = params.choice(request, "split", SPLITS, "")
    return Asked(judges=judges, split=next((each for each in SPLITS if each == split), None), where=where)


def _kept(request: web.Request) -> dict[str, str]:
    return {name: params.text(request, name) for name in ("a", "b", "segment", "split")}


def _pairs(report: Report) -> list[tuple[str, str, str]]:
    """Every two judges of the run with their comparison's address."""
    pairs = list(combinations(report.run.judges, 2))[:MOST_PAIRS]
    return [(a, b, link(f"/evals/{report.run.run_id}/compare", a=a, b=b)) for a, b in pairs]
