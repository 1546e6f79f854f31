"""`assay judges`: judge versions added, shown and compared, promoted and rolled back, put into the shadow."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, TypeVar

import typer

from cli.database import migrated
from cli.judge_identity import judge_book, judge_desk, judge_meant, login_name, read_judge
from cli.judges_told import agreement_table, changes_table, deeds_table, judge_table, judges_table, shadows_table
from cli.tables import print_tables, say, write_json
from core.adapters.clock import SystemClock
from core.adapters.postgres import Pool
from core.domain.judges import (
    LIVE,
    SETTINGS,
    JudgeVersion,
    changed_parameters,
    changed_prompts,
    changed_rubrics,
    parameters,
)
from core.eval_ports import JudgeDeed, KeptJudge
from core.judge_desk import JudgeDesk
from core.settings import Settings, load_settings, required
from core.stages.live_judge import settings_judge

app = typer.Typer(
    name="judges",
    help="Judge versions: add, compare, promote, roll back, put into the shadow.",
    no_args_is_help=True,
    add_completion=False,
)

RefArgument = Annotated[
    str, typer.Argument(help="a judge file, a stored name, a version or a beginning of one, live, settings")
]
ByOption = Annotated[str, typer.Option(help="who does it; your login name when not given")]
WhyOption = Annotated[str, typer.Option(help="why; is kept")]
JsonOption = Annotated[bool, typer.Option("--json", help="for programs")]

Result = TypeVar("Result")

SOON = "within a minute"
"""`consumers.live_judge.LOOK_EVERY_S` and room for looks that fail."""

Work = Callable[[Settings, Pool], Awaitable[Result]]


@app.command("add")
def add(file: Annotated[str, typer.Argument(help="a judge file (TOML)")], by: ByOption = "") -> None:
    """Store the version that a judge file makes. Nothing judges by it yet."""

    async def work(settings: Settings, pool: Pool) -> tuple[JudgeVersion, bool]:
        book, clock = judge_book(pool), SystemClock()
        judge = read_judge(file, settings, clock)
        return judge, await book.save(judge, by or login_name(), clock.now())

    judge, new = done(work)
    say(f"{judge.version} is stored" if new else f"{judge.version} is known already; nothing was changed")


@app.command("list")
def listed(as_json: JsonOption = False) -> None:
    """Every version, newest first: which is live, which are in the shadow."""

    async def work(settings: Settings, pool: Pool) -> None:
        book = judge_book(pool)
        live, shadows = await book.live(), {judge.version: share for judge, share in await book.shadows()}
        now = (live or settings_judge(settings)).version
        judges = await book.all()
        if as_json:
            write_json([kept_json(each, now, shadows) for each in judges])
        else:
            print_tables(judges_table(judges, now, shadows))
            if not live:
                say("no judge is promoted: the settings' judge is live")

    done(work)


@app.command("show")
def show(ref: RefArgument = LIVE, as_json: JsonOption = False) -> None:
    """One version with its prompts and rubrics, what was done with it, and how it agreed in the shadow."""

    async def work(settings: Settings, pool: Pool) -> None:
        book = judge_book(pool)
        judge = await judge_meant(book, settings, ref, SystemClock())
        if as_json:
            write_json(judge)
            return
        deeds = [deed for deed in await book.deeds() if deed.version == judge.version]
        found = await desk(settings, pool).agreements(judge.version)
        print_tables(judge_table(judge), deeds_table(deeds), *([agreement_table(found)] if found else []))
        for name, text in judge.prompts.items():
            say(f"--- {name}", text)
        for rubric, text in sorted(judge.rubrics.items()):
            say(f"--- rubric {rubric}", text)

    done(work)


@app.command("diff")
def diff(one: RefArgument, other: RefArgument, as_json: JsonOption = False) -> None:
    """What differs between two versions: parameters, and the lines of every prompt and rubric."""

    async def work(settings: Settings, pool: Pool) -> tuple[JudgeVersion, JudgeVersion]:
        book, clock = judge_book(pool), SystemClock()
        return await judge_meant(book, settings, one, clock), await judge_meant(book, settings, other, clock)

    a, b = done(work)
    changed, prompts, rubrics = changed_parameters(a, b), changed_prompts(a, b), changed_rubrics(a, b)
    if as_json:
        told = {"parameters": changed, "prompts": prompts, "rubrics": rubrics}
        write_json({"from": a.version, "to": b.version, **told})
        return
    if not changed and not prompts and not rubrics:
        say(f"{a.version} and {b.version} are the same but for the name" if a != b else "the same version")
    if changed:
        print_tables(changes_table(a, b, changed))
    texts = [*prompts.items(), *((f"rubric {name}", lines) for name, lines in rubrics.items())]
    for name, lines in texts:
        say(f"--- {name} of {a.version}", f"+++ {name} of {b.version}", *lines)


@app.command("log")
def log(as_json: JsonOption = False) -> None:
    """Who promoted, rolled back or put which judge into the shadow, when and why; newest first."""
    deeds = done(lambda _, pool: judge_book(pool).deeds())
    if as_json:
        write_json(deeds)
    else:
        print_tables(deeds_table(deeds))


@app.command("promote")
def promote(
    ref: RefArgument,
    why: WhyOption,
    by: ByOption = "",
    force: Annotated[bool, typer.Option("--force", help="also without a passed gate; --why says why")] = False,
) -> None:
    """Make a version the live judge. It has to have passed a gate on the current dataset."""

    async def work(settings: Settings, pool: Pool) -> JudgeDeed:
        judge = await judge_meant(judge_book(pool), settings, ref, SystemClock())
        return await desk(settings, pool).promote(judge, by or login_name(), why, force=force)

    deed = done(work)
    passed = f"its gate is {deed.gate_id}" if deed.gate_id else "without a passed gate"
    say(f"{deed.version} is live, {passed}; every process judges by it {SOON}")


@app.command("rollback")
def rollback(why: WhyOption, by: ByOption = "") -> None:
    """Back to the judge that was live before the last promotion."""
    deed = done(lambda settings, pool: desk(settings, pool).rollback(by or login_name(), why))
    name = "the settings' judge" if deed.version == SETTINGS else deed.version
    say(f"{name} is live again; every process judges by it {SOON}")


@app.command("shadow")
def shadow(
    ref: RefArgument,
    share: Annotated[float, typer.Option(help="part of the live pairs and pictures, 0 to 1; each costs a second call")],
    by: ByOption = "",
    why: WhyOption = "",
) -> None:
    """Have a candidate judge a share of the live work too: same inputs, labels kept apart, nothing published."""

    async def work(settings: Settings, pool: Pool) -> JudgeDeed:
        judge = await judge_meant(judge_book(pool), settings, ref, SystemClock())
        return await desk(settings, pool).shadow(judge, share, by or login_name(), why)

    deed = done(work)
    say(
        f"{deed.version} judges {deed.share:.1%} of the live work in the shadow {SOON}; `assay judges shadows` compares"
    )


@app.command("unshadow")
def unshadow(ref: RefArgument, by: ByOption = "", why: WhyOption = "") -> None:
    """Take a candidate out of the shadow; what it said is kept."""

    async def work(settings: Settings, pool: Pool) -> JudgeDeed:
        judge = await judge_meant(judge_book(pool), settings, ref, SystemClock())
        return await desk(settings, pool).unshadow(judge, by or login_name(), why)

    say(f"{done(work).version} is out of the shadow {SOON}; what it said is kept")


@app.command("shadows")
def shadows(as_json: JsonOption = False) -> None:
    """Candidates in the shadow, and how they agree with the live labels of the same pairs."""

    async def work(settings: Settings, pool: Pool) -> None:
        standing, found = await judge_book(pool).shadows(), await desk(settings, pool).agreements()
        if as_json:
            shares = [{"judge": judge.version, "share": share} for judge, share in standing]
            write_json({"shadows": shares, "agreement": found})
        else:
            print_tables(shadows_table(standing), agreement_table(found))

    done(work)


def desk(settings: Settings, pool: Pool) -> JudgeDesk:
    """Where judges are promoted."""
    return judge_desk(pool, SystemClock(), lambda: settings_judge(settings))


def done(work: Work[Result]) -> Result:
    """The work done on the settings' database."""
    settings = load_settings()
    required(settings, "postgres_dsn", "llm_model")

    async def run() -> Result:
        async with migrated(settings) as pool:
            return await work(settings, pool)

    return asyncio.run(run())


def kept_json(kept: KeptJudge, live: str, shadows: Mapping[str, float]) -> dict[str, object]:
    """A version without its prompts' texts, which `show` gives. `shadow` is its share, 0 for none."""
    version, told = kept.judge.version, parameters(kept.judge)
    standing = {"live": version == live, "shadow": shadows.get(version, 0.0)}
    return {"version": version, **standing, **told, "added_at": kept.at, "added_by": kept.by}
