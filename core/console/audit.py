"""The page of who did what in the console."""

from __future__ import annotations

from aiohttp import web

from core.access_ports import AuditFilter
from core.console import params
from core.console.access import DOOR, allowed
from core.console.site import link, page

ROWS = 100
"""Entries a page: a busy day of a team."""


async def audit(request: web.Request) -> web.Response:
    """Newest first; for those who operate."""
    await allowed(request, "operate")
    before = params.text(request, "before")
    number = int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None
    wanted = AuditFilter(params.text(request, "who").strip(), params.text(request, "act").strip(), number, ROWS + 1)
    rows = await request.app[DOOR].book.entries(wanted)
    shown = rows[:ROWS]
    older = link("/audit", who=wanted.who, act=wanted.act, before=shown[-1].number) if len(rows) > ROWS else ""
    return page(request, "audit.html", rows=shown, wanted=wanted, older=older)
