"""`assay eval`: how good a judge is, by the grades of people; its commands, each in a file of its own."""

from __future__ import annotations

import typer

from cli import (
    eval_check,
    eval_datasets,
    eval_gate,
    eval_images,
    eval_import,
    eval_report,
    eval_review,
    eval_run,
    eval_runs,
    eval_take,
)

app = typer.Typer(help="Know how good a judge is: datasets, runs, reports, gate, review.", no_args_is_help=True)
app.command("import")(eval_import.import_)
app.command("take")(eval_take.take)
app.add_typer(eval_datasets.app, name="datasets")
app.command("run")(eval_run.run)
app.command("runs")(eval_runs.runs)
app.command("images")(eval_images.images)
app.command("check")(eval_check.check)
app.add_typer(eval_review.app, name="review")
app.command("report")(eval_report.report)
app.command("gate")(eval_gate.gate)
