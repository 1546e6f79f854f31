"""What every handler is given, and how a page is made of a template."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlencode

import jinja2
from aiohttp import web

from core.console import forms, plots, text
from core.console.access import DOOR, Role, User, user_of
from core.domain.images.verdict import Thresholds
from core.guideline_ports import Desk
from core.judge_desk import JudgeDesk
from core.ports import Clock
from core.read_ports import HealthReport, Reads
from core.review_ports import ReviewRoom


@dataclass(frozen=True, slots=True)
class Entry:
    """A page of the menu."""

    path: str
    name: str
    role: Role = "read"
    """What it takes to open it."""
    beside: tuple[str, ...] = ()
    """Pages elsewhere that stand under this entry; those below its path do anyway."""

    def holds(self, here: str) -> bool:
        """Whether the page at this path is under the entry."""
        return here in (self.path, *self.beside) or here.startswith((f"{self.path}/", *(f"{b}/" for b in self.beside)))

    def shown_to(self, user: User) -> bool:
        """Whoever lacks the role does not see it. Where nobody signs in it is shown, and says what to set up."""
        return user.may(self.role) or not user.name


@dataclass(frozen=True, slots=True)
class Group:
    """Entries that open together, or, without a name, that always stand there."""

    name: str
    entries: tuple[Entry, ...]

    def holds(self, here: str) -> bool:
        """Whether the page at this path is under one of them."""
        return any(entry.holds(here) for entry in self.entries)


MENU = (
    Group(
        "",
        (
            Entry("/", "Overview"),
            Entry("/queries", "Queries", beside=("/query", "/guideline")),
            Entry("/pictures", "Pictures"),
            Entry("/engines", "Engines"),
            Entry("/alerts", "Alerts"),
            Entry("/review", "Review", "review"),
        ),
    ),
    Group("Judging", (Entry("/evals", "Evaluation"), Entry("/tiers", "Tiers"), Entry("/judges", "Judges"))),
    Group(
        "Operation",
        (
            Entry("/spending", "Spending"),
            Entry("/calls", "Calls", beside=("/label",)),
            Entry("/batches", "Batches"),
            Entry("/safety", "Safety"),
            Entry("/dead-letters", "Dead letters"),
            Entry("/audit", "Audit", "operate"),
        ),
    ),
)
"""Every page with no parameter: what the service finds, how good its judge is, what it costs and what went wrong. A
new page adds its line here; more than eight at the top would not fit beside a name at 1,280 pixels."""


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
    review: ReviewRoom | None = None
    """The review queue; None where the process has none."""
    judges: JudgeDesk | None = None
    """Where judges are promoted; None where the process has none."""
    bounds: Thresholds = field(default_factory=Thresholds)
    """At which the technical tier refuses a picture."""


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
        "menu": MENU,
    }
    return environment


def link(path: str, **parameters: str | int) -> str:
    """`path` with its parameters; empty ones are left out."""
    query = urlencode({name: value for name, value in parameters.items() if value != ""})
    return f"{path}?{query}" if query else path


def page(request: web.Request, template: str, status: int = 200, **values: object) -> web.Response:
    """The page; `here` marks its place in the menu, `now` is the clock's time, `user` who looks at it, `form_token`
    stands in every form that writes."""
    site, user, token = request.app[SITE], user_of(request), forms.token_of(request)
    told = {"now": site.clock.now(), "user": user, "form_token": token}
    proxy_sign_out = request.app[DOOR].settings.console_proxy_sign_out
    html = site.templates.get_template(template).render(
        here=request.path, proxy_sign_out=proxy_sign_out, **told, **values
    )
    response = web.Response(text=html, status=status, content_type="text/html")
    if request.app[DOOR].guarded:
        forms.keep_token(request, response, token)
    return response
