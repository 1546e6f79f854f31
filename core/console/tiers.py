"""Pages of the tiers: what form and grounding checks, a model and people object to, and what each says of the other."""

from __future__ import annotations

from uuid import UUID

from aiohttp import web

from core.console import params
from core.console.site import SITE, page
from core.domain.evaluation.checks import words_of_report
from core.domain.evaluation.checks.report import TierStory


async def listed(request: web.Request) -> web.Response:
    """The newest reports, on runs and on live labels."""
    reports = await request.app[SITE].reads.tier_reports()
    return page(request, "tiers.html", reports=reports, words=words_of_report)


async def of_run(request: web.Request) -> web.Response:
    """Each judge of a run."""
    return _story(request, await request.app[SITE].reads.run_tiers(params.sound(request.match_info["run"])))


async def one(request: web.Request) -> web.Response:
    """One report."""
    try:
        report_id = UUID(request.match_info["report_id"])
    except ValueError:
        raise web.HTTPNotFound from None
    return _story(request, await request.app[SITE].reads.tier_report(report_id))


def _story(request: web.Request, story: TierStory | None) -> web.Response:
    if story is None:
        raise web.HTTPNotFound
    return page(request, "tiers_story.html", story=story, words=words_of_report)
