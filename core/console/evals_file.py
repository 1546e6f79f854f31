"""A report as one file that needs no other: for a mail, a ticket, a CI's artefacts."""

from __future__ import annotations

from datetime import datetime
from importlib.resources import files

from markupsafe import Markup

from core.console import evals_view
from core.console.site import templates
from core.domain.evaluation import report_words
from core.domain.evaluation.report import Report


def html_of(report: Report, now: datetime, console: str = "") -> str:
    """The page of the run with its style inside. `console`: address of a console, for links to calls; empty: calls are
    told by their ids."""
    css = (files("core.console") / "static" / "console.css").read_text(encoding="utf-8")
    return (
        templates()
        .get_template("evals_file.html")
        .render(
            report=report,
            view=evals_view,
            words=report_words,
            calls=f"{console.rstrip('/')}/calls/" if console else "",
            here="",
            compared=False,
            console=console.rstrip("/"),
            css=Markup(css),  # noqa: S704 - our own style sheet
            now=now,
        )
    )
