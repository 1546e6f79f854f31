"""Pages about search engines: comparisons, and one of them with its queries."""

from __future__ import annotations

from uuid import UUID

from aiohttp import web

from core.console import params
from core.console.site import SITE, page

SORTS = ("largest", "worse", "better")
"""Order of a comparison's queries: how far they differ, or to which side."""

NAMES = {"ndcg": "nDCG", "precision": "Precision", "irrelevant": "Irrelevant"}
"""Measures by what a page calls them; `@k` is put to it."""


async def listed(request: web.Request) -> web.Response:
    """The newest comparisons."""
    runs = await request.app[SITE].reads.engine_runs()
    return page(request, "engines.html", runs=runs, names=NAMES)


async def one(request: web.Request) -> web.Response:
    """One comparison: measures with intervals, differences, queries that differ most."""
    try:
        run_id = UUID(request.match_info["run_id"])
    except ValueError:
        raise web.HTTPNotFound from None
    engine = params.text(request, "engine")
    sort = params.choice(request, "sort", SORTS, SORTS[0])
    story = await request.app[SITE].reads.engine_run(run_id, engine, sort)
    if story is None:
        raise web.HTTPNotFound
    return page(
        request, "engine_run.html", story=story, run=story.run, names=NAMES, engine=engine, sort=sort, sorts=SORTS
    )
