"""`assay image-score`: how picture scores agree with buyers, and what else is done about them by hand."""

from __future__ import annotations

import typer

from cli import image_buyers, image_duplicates, image_students, image_train, image_watch

app = typer.Typer(no_args_is_help=True, help="Picture scores: agreement with buyers, the student, look-alikes.")
app.command("buyers")(image_buyers.buyers)
app.command("watch")(image_watch.watch)
app.command("duplicates")(image_duplicates.duplicates)
app.command("train")(image_train.train)
app.add_typer(image_students.app, name="students")
