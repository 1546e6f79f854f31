"""`assay image-score students`: students listed, shown, promoted and rolled back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, TypeVar

import msgspec
import typer
from rich.table import Table

from cli.database import migrated
from cli.judge_identity import login_name
from cli.tables import moment, print_tables, say, table, write_json
from core.adapters.clock import SystemClock
from core.adapters.postgres import Pool
from core.adapters.students import PostgresStudentLabels, PostgresStudents
from core.domain.evaluation.estimates import Estimate
from core.domain.images.student_figures import RANK, WITHIN_ONE, StudentReport
from core.domain.judges import LIVE
from core.settings import Settings, load_settings, required
from core.student_desk import StudentDesk
from core.student_ports import NO_STUDENT, KeptStudent, StudentDeed

app = typer.Typer(
    name="students",
    help="Students, the small models that score pictures at once: list, show, promote, roll back.",
    no_args_is_help=True,
)

RefArgument = Annotated[str, typer.Argument(help="a version, a beginning of one, a name (its newest), or live")]
ByOption = Annotated[str, typer.Option(help="who does it; your login name when not given")]
JsonOption = Annotated[bool, typer.Option("--json", help="for programs")]

Result = TypeVar("Result")

SOON = "within a minute"
"""`consumers.live_judge.LOOK_EVERY_S` and room for looks that fail."""


@app.command("list")
def listed(as_json: JsonOption = False) -> None:
    """Every student, newest first: which is live, and how it did on held-back sellers' pictures."""

    async def work(_: Settings, desk: StudentDesk) -> tuple[list[KeptStudent], str]:
        return list(await desk.book.all()), await desk.book.live_version()

    students, live = on_students(work)
    if as_json:
        write_json([_told(each, live) for each in students])
        return
    print_tables(_students_table(students, live))
    if not live:
        say("no student is live: the judge scores every picture")


@app.command("show")
def show(ref: RefArgument = LIVE, as_json: JsonOption = False) -> None:
    """One student: what it was trained on, every figure, and what was done with it."""

    async def work(_: Settings, desk: StudentDesk) -> tuple[KeptStudent, str, list[StudentDeed]]:
        kept = await desk.meant(ref)
        deeds = [deed for deed in await desk.book.deeds() if deed.version == kept.version]
        return kept, await desk.book.live_version(), deeds

    kept, live, deeds = on_students(work)
    if as_json:
        write_json(_told(kept, live) | {"deeds": deeds})
        return
    rows = [(deed.act, deed.by, moment(deed.at), deed.why) for deed in deeds]
    report = msgspec.convert(kept.metadata["report"], StudentReport)
    print_tables(
        _students_table([kept], live),
        *report_tables(report),
        table("What was done with it", ("act", "by", "at", "why"), rows),
    )


@app.command("promote")
def promote(
    ref: RefArgument,
    despite: Annotated[str, typer.Option(help="why it goes live although it is worse, or can't be compared")] = "",
    by: ByOption = "",
) -> None:
    """Make it the student that scores new pictures. Refused where it orders the pictures of its held-back sellers worse
    than the live one."""

    async def work(_: Settings, desk: StudentDesk) -> StudentDeed:
        return await desk.promote(await desk.meant(ref), by or login_name(), despite)

    say_promoted(on_students(work))


@app.command("rollback")
def rollback(why: Annotated[str, typer.Option(help="why; is kept")], by: ByOption = "") -> None:
    """Back to the student that was live before the last promotion; before the first, to none."""

    async def work(_: Settings, desk: StudentDesk) -> StudentDeed:
        return await desk.rollback(by or login_name(), why)

    deed = on_students(work)
    if deed.version == NO_STUDENT:
        say(f"no student is live; the judge scores every picture {SOON}")
    else:
        say(f"{deed.version} is live again; it scores new pictures {SOON}")


def on_students(work: Callable[[Settings, StudentDesk], Awaitable[Result]]) -> Result:
    """The work done on the settings' database."""
    settings = load_settings()
    required(settings, "postgres_dsn")

    async def run() -> Result:
        async with migrated(settings) as pool:
            return await work(settings, student_desk(pool))

    return asyncio.run(run())


def student_desk(pool: Pool) -> StudentDesk:
    """Where students are trained and promoted."""
    return StudentDesk(PostgresStudents(pool), PostgresStudentLabels(pool), SystemClock())


def say_promoted(deed: StudentDeed) -> None:
    """What a promotion does."""
    say(f"{deed.version} is live ({deed.why}); it scores new pictures {SOON}, where their decoder makes its features")


def report_tables(report: StudentReport) -> list[Table]:
    """How a student did on held-back sellers' pictures."""
    parts = [report.student, *([report.chance] if report.chance else []), *report.baselines]
    columns = ("of", "pictures", "sellers", "rank correlation", "quadratic kappa", "mean bias", "exact", "within one")

    made = [
        table(title, columns, [_row(each.name, each.pictures, each.sellers, each.metrics) for each in found])
        for title, found in (
            ("On pictures of sellers it never saw (95 % intervals over sellers)", parts),
            ("Aspects", report.aspects),
            ("Categories", report.categories),
        )
        if found
    ]
    doubt = [
        ("labels within its spread", f"{report.coverage:.1%}", "68 % are to be"),
        ("labels within twice its spread", f"{report.coverage_twice:.1%}", "95 % are to be"),
        ("pictures it is too unsure of", f"{report.unsure:.1%}", "they go to the judge"),
        *((f"labels: {why or 'not chosen by a student'}", f"{number:,}", "") for why, number in report.chosen.items()),
    ]
    return [*made, table("Doubt, and how the labels came about", ("what", "figure", "note"), doubt)]


def _row(name: str, pictures: int, sellers: int, metrics: Mapping[str, Estimate]) -> tuple[object, ...]:
    shown = (RANK, "quadratic_kappa", "mean_bias", "exact", WITHIN_ONE)
    return (name, f"{pictures:,}", f"{sellers:,}", *(_figure(metrics[metric]) for metric in shown))


def _figure(found: Estimate) -> str:
    if found.value is None:
        return "-"
    ends = "" if found.low is None or found.high is None else f" ({found.low:.2f} to {found.high:.2f})"
    return f"{found.value:.3f}{ends}"


def _students_table(students: list[KeptStudent], live: str) -> Table:
    rows = [
        (
            each.version,
            "live" if each.version == live else "",
            moment(each.trained_at),
            each.metadata.get("judge", ""),
            each.extractor,
            each.metadata.get("pictures", ""),
            each.metadata.get("held_back", ""),
            _figure(_metrics(each)[RANK]),
            _figure(_metrics(each)["mean_bias"]),
        )
        for each in students
    ]
    columns = ("version", "state", "trained", "judge", "features", "pictures", "held back", "rank corr.", "bias")
    return table("Students", columns, rows)


def _metrics(student: KeptStudent) -> Mapping[str, Estimate]:
    return msgspec.convert(student.metadata["figures"], dict[str, Estimate])


def _told(student: KeptStudent, live: str) -> dict[str, object]:
    """A version without its body."""
    names = ("version", "name", "extractor", "metadata", "trained_at", "trained_by")
    return {name: getattr(student, name) for name in names} | {"live": student.version == live}
