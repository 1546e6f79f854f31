"""What every handler is given, and how a page is made of a template."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode

import jinja2
from aiohttp import web

from core.console import plots, text
from core.guideline_ports import Desk
from core.ports import Clock
from core.read_ports import HealthReport, Reads

NAVIGATION = (
    ("/", "Overview"),
    ("/queries", "Queries"),
    ("/pictures", "Pictures"),
    ("/engines", "Engines"),
    ("/alerts", "Alerts"),
    ("/calls", "Calls"),
    ("/batches", "Batches"),
    ("/spending", "Spending"),
    ("/safety", "Safety"),
    ("/dead-letters", "Dead letters"),
)
"""Pages of the menu, in the order of the work: what is judged, what the judge is asked and costs, what went wrong. A
new page adds its line here."""


@dataclass(frozen=True, slots=True)
class Site:
    """The console's outside: the store, the time, the process it runs in, and its templates."""

    reads: Reads
    clock: Clock
    health: Callable[[], HealthReport]
    metrics_text: Callable[[], bytes]
    templates: jinja2.Environment
    desk: Desk | None = None
    """Where guidelines are read and edited; None where the process has none."""


SITE = web.AppKey("site", Site)


def templates() -> jinja2.Environment:
    """The templates, every value escaped, an unknown name an error."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("core.console"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": text.number,
        "compact": text.compact,
        "percent": text.percent,
        "usd": text.usd,
        "moment": text.moment,
        "second": text.second,
        "machine_time": text.machine_time,
        "words": text.words,
        "payload": text.payload,
    }
    environment.globals |= {
        "ago": text.ago,
        "since": text.since,
        "share": text.share,
        "bar": plots.bar,
        "stack": plots.stack,
        "link": link,
        "missing": text.MISSING,
        "navigation": NAVIGATION,
    }
    return environment


def link(path: str, **parameters: str | int) -> str:
    """`path` with its parameters; empty ones are left out."""
    query = urlencode({name: value for name, value in parameters.items() if value != ""})
    return f"{path}?{query}" if query else path


def page(request: web.Request, template: str, status: int = 200, **values: object) -> web.Response:
    """The page; `here` marks its place in the menu, `now` is the clock's time."""
    site = request.app[SITE]
    html = site.templates.get_template(template).render(here=request.path, now=site.clock.now(), **values)
    return web.Response(text=html, status=status, content_type="text/html")
