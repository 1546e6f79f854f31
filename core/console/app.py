"""The HTTP side of a process: probes, metrics, read API and the console, on one port."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib.resources import files

from aiohttp import web

from core.console import (
    api,
    batches,
    calls,
    engines,
    guidelines,
    health,
    operations,
    queries,
    results,
    safety,
    spending,
)
from core.console.site import SITE, Site, page, templates
from core.errors import AssayError
from core.guideline_ports import Desk
from core.ports import Clock
from core.read_ports import HealthReport, NotMigrated, Reads

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

_STYLE = "console.css"


def make_app(
    reads: Reads,
    clock: Clock,
    health: Callable[[], HealthReport],
    metrics_text: Callable[[], bytes],
    desk: Desk | None = None,
) -> web.Application:
    """The application; it opens nothing itself, so whoever runs it closes what `reads` needs."""
    app = web.Application(middlewares=[_guarded])
    app[SITE] = Site(reads, clock, health, metrics_text, templates(), desk)
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
        web.get("/pictures", results.pictures),
        web.get(r"/pictures/{image_hash:[A-Za-z0-9:_-]{1,200}}.jpg", results.thumbnail),
        web.get("/alerts", results.alerts),
        web.get(r"/alerts/{alert_id:[^/]{1,200}}", results.alert),
        web.get("/spending", spending.spending),
        web.get("/batches", batches.batches),
        web.get("/calls", calls.listed),
        web.get(r"/calls/{call_id}", calls.one),
        web.get("/safety", safety.safety),
        web.get("/dead-letters", operations.dead_letters),
        web.get("/livez", health.livez),
        web.get("/readyz", health.readyz),
        web.get("/metrics", health.metrics),
        web.get("/v1/relevance", api.relevance),
        web.get("/v1/image-scores", api.image_scores),
        web.get("/v1/openapi.json", api.openapi),
        web.get(f"/static/{_STYLE}", _style),
    ]


async def _style(_: web.Request) -> web.Response:
    css = (files("core.console") / "static" / _STYLE).read_text(encoding="utf-8")
    return web.Response(text=css, content_type="text/css", headers={"Cache-Control": "max-age=300"})


@web.middleware
async def _guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Security headers on every answer; named errors and unknown addresses become pages, or JSON under `/v1`."""
    try:
        response = await handler(request)
    except AssayError as error:
        response = _unavailable(request, error)
    except web.HTTPNotFound:
        response = _not_found(request)
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
