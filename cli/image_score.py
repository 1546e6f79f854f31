"""`assay image-score`: how picture scores agree with buyers, and what else is done about them by hand."""

from __future__ import annotations

import typer

app = typer.Typer(name="image-score", help="Picture scores: agreement with buyers, the student, look-alikes.")
app.callback(no_args_is_help=True)(lambda: None)
