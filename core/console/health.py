"""Probes and metrics (CONTRACT 6): `/livez`, `/readyz`, `/metrics`."""

from __future__ import annotations

from aiohttp import web

from core.console.site import SITE
from core.errors import AssayError
from core.read_ports import NotMigrated, Reads


async def livez(request: web.Request) -> web.Response:
    """200 while the process's own loops turn, whatever else is away: a restart would help with nothing else."""
    report = request.app[SITE].health()
    body = {"live": report.loops_turn, "detail": dict(report.detail)}
    return web.json_response(body, status=200 if report.loops_turn else 503)


async def readyz(request: web.Request) -> web.Response:
    """200 when the process holds what it was assigned and PostgreSQL answers."""
    site = request.app[SITE]
    report = site.health()
    postgres = await _postgres(site.reads)
    ready = report.ready and postgres == "ok"
    body = {
        "ready": ready,
        "checks": {"assigned": "ok" if report.ready else "not yet", "postgres": postgres},
        "detail": dict(report.detail),
    }
    return web.json_response(body, status=200 if ready else 503)


async def _postgres(reads: Reads) -> str:
    try:
        await reads.ping()
    except NotMigrated:
        return "not migrated"
    except AssayError:  # the driver's words may name hosts and users: they belong into the log, not to a probe
        return "away"
    return "ok"


async def metrics(request: web.Request) -> web.Response:
    """Prometheus text."""
    return web.Response(
        body=request.app[SITE].metrics_text(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
    )
