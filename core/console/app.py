"""The HTTP side of a process: probes, metrics, read API and the console, on one port."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib.resources import files

from aiohttp import web

from core.console import (
    api,
    audit,
    batches,
    calls,
    duplicates,
    engines,
    evals,
    guidelines,
    health,
    judges,
    operations,
    picture_watches,
    pictures,
    queries,
    results,
    review,
    review_results,
    safety,
    sign_in,
    spending,
    tiers,
)
from core.console.access import DOOR, Door, NobodyThere, Refused
from core.console.site import SITE, Site, page, templates
from core.domain.images.verdict import Thresholds
from core.errors import AssayError
from core.guideline_ports import Desk
from core.judge_desk import JudgeDesk
from core.ports import Clock
from core.read_ports import HealthReport, NotMigrated, Reads
from core.review_ports import ReviewRoom

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
"""Sellers' text stands on these pages: nothing runs, nothing is loaded from elsewhere, no address leaks."""

RETRY_AFTER_S = 10
"""Seconds a client is asked to wait when the database is away: as long as its failover takes to begin."""


def make_app(
    reads: Reads,
    clock: Clock,
    health: Callable[[], HealthReport],
    metrics_text: Callable[[], bytes],
    door: Door,
    desk: Desk | None = None,
    review_room: ReviewRoom | None = None,
    judge_desk: JudgeDesk | None = None,
    bounds: Thresholds | None = None,
) -> web.Application:
    """The application; it opens nothing itself, so whoever runs it closes what `reads` needs."""
    app = web.Application(middlewares=[_guarded, sign_in.entered])
    app[DOOR] = door
    app[SITE] = Site(
        reads, clock, health, metrics_text, templates(), desk, review_room, judge_desk, bounds or Thresholds()
    )
    app.add_routes(_routes())
    return app


def _routes() -> list[web.RouteDef]:
    return [
        web.get("/", operations.overview),
        web.get("/queries", queries.listed),
        web.get("/query", queries.one),
        web.get("/guideline", guidelines.one),
        web.post("/guideline", guidelines.save),
        web.post("/guideline/restore", guidelines.restore),
        web.get("/engines", engines.listed),
        web.get(r"/engines/{run_id}", engines.one),
        web.get("/pictures", pictures.listed),
        web.get("/pictures/duplicates", duplicates.listed),
        web.get("/pictures/ordered", pictures.ordered),
        web.get("/pictures/failures", pictures.failures),
        web.get("/pictures/flags", picture_watches.flags),
        web.get("/pictures/buyers", picture_watches.buyers),
        web.get("/pictures/student", picture_watches.students),
        web.get(r"/pictures/listing/{listing_id:.{1,2000}}", pictures.listing),
        web.get(r"/pictures/{image_hash:[A-Za-z0-9:_-]{1,200}}.jpg", pictures.thumbnail),
        web.get("/review", review.one),
        web.post("/review/answer", review.answer),
        web.post("/review/undo", review.undo),
        web.post("/review/remark", review.remark),
        web.get("/review/disagreements", review_results.disagreements),
        web.get(r"/review/disagreements/{item}", review_results.disagreement),
        web.post(r"/review/disagreements/{item}", review_results.decide),
        web.get("/review/agreement", review_results.agreement),
        web.get("/alerts", results.alerts),
        web.get(r"/alerts/{alert_id:[^/]{1,200}}", results.alert),
        web.get("/spending", spending.spending),
        web.get("/batches", batches.batches),
        web.get("/calls", calls.listed),
        web.get(r"/calls/{call_id}", calls.one),
        web.get(r"/label/{event_id}", calls.result),
        web.get("/safety", safety.safety),
        web.get("/judges", judges.listed),
        web.get("/judges/diff", judges.diff),
        web.post("/judges/promote", judges.promote),
        web.post("/judges/rollback", judges.rollback),
        web.get(r"/judges/{version:[^/]{1,200}}", judges.one),
        web.get("/evals", evals.listed),
        web.get(r"/evals/gates/{gate_id}", evals.gate),
        web.get(r"/evals/{run:[^/]{1,200}}", evals.one),
        web.get(r"/evals/{run:[^/]{1,200}}/tiers", tiers.of_run),
        web.get("/tiers", tiers.listed),
        web.get(r"/tiers/{report_id}", tiers.one),
        web.get(r"/evals/{run:[^/]{1,200}}/compare", evals.compare),
        web.get("/dead-letters", operations.dead_letters),
        web.get("/audit", audit.audit),
        web.get(sign_in.PAGE, sign_in.form),
        web.post(sign_in.PAGE, sign_in.sign_in),
        web.post(sign_in.OUT, sign_in.sign_out),
        web.get("/livez", health.livez),
        web.get("/readyz", health.readyz),
        web.get("/metrics", health.metrics),
        web.get("/v1/relevance", api.relevance),
        web.get("/v1/image-scores", api.image_scores),
        web.get("/v1/openapi.json", api.openapi),
        web.get(r"/static/{name:console\.css|pictures\.css|review\.css|review\.js}", _static),
    ]


async def _static(request: web.Request) -> web.Response:
    name = request.match_info["name"]
    text = (files("core.console") / "static" / name).read_text(encoding="utf-8")
    media_type = "text/css" if name.endswith(".css") else "text/javascript"
    return web.Response(text=text, content_type=media_type, headers={"Cache-Control": "max-age=300"})


@web.middleware
async def _guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Security headers on every answer; named errors and unknown addresses become pages, or JSON under `/v1`."""
    try:
        response = await handler(request)
    except AssayError as error:
        response = _unavailable(request, error)
    except Refused as error:
        response = sign_in.refused(request, error)
    except NobodyThere as error:
        response = sign_in.nobody_there(request, error)
    except web.HTTPNotFound:
        response = _not_found(request)
    except web.HTTPException as error:
        error.headers.update(SECURITY_HEADERS)
        raise
    response.headers.update(SECURITY_HEADERS)
    return response


def _unavailable(request: web.Request, error: AssayError) -> web.Response:
    """The driver's words stay out: they may name hosts and users."""
    migrated = not isinstance(error, NotMigrated)
    if request.path.startswith("/v1/"):
        why = "PostgreSQL does not answer; try again later" if migrated else "the database is not migrated"
        response = web.json_response({"error": why}, status=503)
    else:
        response = page(request, "unavailable.html", status=503, migrated=migrated)
    response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return response


def _not_found(request: web.Request) -> web.Response:
    if request.path.startswith("/v1/"):
        return web.json_response({"error": "no such address; see /v1/openapi.json"}, status=404)
    return page(request, "not_found.html", status=404)
