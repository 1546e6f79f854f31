"""`assay guideline`: a query's guideline shown, with its history, edited from a file or an editor, restored."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.table import Table

from cli.database import migrated
from cli.judge_identity import guideline_desk, live_judge, login_name
from cli.tables import moment, print_tables, printable, table
from core.adapters.clock import SystemClock
from core.domain.guidelines import BadEdit, Context, GuidelineKey, checked_edit, context_of, difference, told_lines
from core.domain.judging import GuidelineReply
from core.domain.normalise import normalised_query
from core.domain.search_log import DEFAULT_MARKET
from core.errors import UsageError
from core.guideline_ports import Desk, Edited, GuidelineChanged, GuidelineVersion
from core.settings import load_settings, required

app = typer.Typer(
    name="guideline",
    help="Show, edit and restore the guideline of a query.",
    no_args_is_help=True,
    add_completion=False,
)

MARKS = {"same": " ", "added": "+", "removed": "-"}

QueryArgument = Annotated[str, typer.Argument(help="the query as typed")]
MarketOption = Annotated[str, typer.Option(help="the query's market")]
LanguageOption = Annotated[str, typer.Option(help="the query's language, as the log or the file tells it")]
ContextOption = Annotated[list[str], typer.Option("--context", help="a filter, name=value; may be repeated")]
AuthorOption = Annotated[str, typer.Option(help="who edits; your login name when not given")]
CommentOption = Annotated[str, typer.Option(help="what changes and why")]

Result = TypeVar("Result")


@app.command("show")
def show(
    query: QueryArgument,
    market: MarketOption = DEFAULT_MARKET,
    language: LanguageOption = "",
    context: ContextOption = [],  # noqa: B006 - typer's way to say none; nothing writes to it
    as_json: Annotated[bool, typer.Option("--json", help="as `edit --from` takes it")] = False,
) -> None:
    """The guideline in force."""
    key = key_of(query, market, language, context)
    found = on_desk(lambda desk: standing(desk, key))
    if as_json:
        sys.stdout.write(json.dumps(found.stored.body.model_dump(mode="json"), ensure_ascii=False, indent=2) + "\n")
        return
    stored = found.stored
    by = f"version {stored.version} by {stored.author}, {moment(found.created_at)}, prompt {stored.prompt_version}"
    told(by if found.in_force else f"{by}; not in force: the prompt has changed since", *told_lines(stored.body))


@app.command("history")
def history(
    query: QueryArgument,
    market: MarketOption = DEFAULT_MARKET,
    language: LanguageOption = "",
    context: ContextOption = [],  # noqa: B006 - as above
) -> None:
    """Every version: who, when, why, and what changed."""
    key = key_of(query, market, language, context)
    versions = on_desk(lambda desk: desk.history(key))
    if not versions:
        raise none_for(key)
    print_tables(versions_table(key, versions))
    for newer, older in itertools.pairwise(versions):
        lines = difference(older.stored.body, newer.stored.body)
        told(f"\nrevision {newer.revision}", *(f"{MARKS[line.change]} {line.text}" for line in lines))


@app.command("edit")
def edit(
    query: QueryArgument,
    market: MarketOption = DEFAULT_MARKET,
    language: LanguageOption = "",
    context: ContextOption = [],  # noqa: B006 - as above
    file: Annotated[
        str, typer.Option("--from", help="a JSON file as `show --json` writes it, - too; else an editor")
    ] = "",
    author: AuthorOption = "",
    comment: CommentOption = "",
) -> None:
    """Write the next version; the query's known results are judged again, and nothing else."""
    key = key_of(query, market, language, context)

    async def save(desk: Desk) -> Edited:
        versions = await desk.history(key)
        revision = versions[0].revision if versions else 0
        body = edited(in_force(versions), file)
        return await desk.save(key, body, author or login_name(), comment, revision)

    said(on_desk(save))


@app.command("restore")
def restore(
    query: QueryArgument,
    version: Annotated[str, typer.Argument(help="the version that is to be in force again")],
    market: MarketOption = DEFAULT_MARKET,
    language: LanguageOption = "",
    context: ContextOption = [],  # noqa: B006 - as above
    author: AuthorOption = "",
    comment: CommentOption = "",
) -> None:
    """Put what an earlier version says in force again, as a version of its own."""
    key = key_of(query, market, language, context)
    said(on_desk(lambda desk: desk.restore(key, version, author or login_name(), comment)))


def on_desk(work: Callable[[Desk], Awaitable[Result]]) -> Result:
    """The work done on the settings' database; what a person has to mend is a UsageError."""
    settings = load_settings()
    required(settings, "postgres_dsn", "llm_model")

    async def run() -> Result:
        async with migrated(settings) as pool:
            judge = await live_judge(pool, settings)
            return await work(guideline_desk(pool, SystemClock(), lambda: judge))

    try:
        return asyncio.run(run())
    except (BadEdit, GuidelineChanged) as error:
        raise UsageError(f"{error}; nothing was saved") from None


async def standing(desk: Desk, key: GuidelineKey) -> GuidelineVersion:
    """The version in force, else the newest; UsageError says which contexts there are where there is none."""
    found = in_force(await desk.history(key))
    if found is None:
        others = [context_name(other) for other in await desk.store.keys(key.market, key.query)]
        raise UsageError(f"{none_for(key)}{'; there is one for ' + ', '.join(others) if others else ''}")
    return found


def in_force(versions: Sequence[GuidelineVersion]) -> GuidelineVersion | None:
    """The one that labels are made by, else the newest."""
    return next((version for version in versions if version.in_force), versions[0] if versions else None)


def edited(before: GuidelineVersion | None, file: str) -> GuidelineReply:
    """What the file says, or what comes back from the editor; BadEdit, UsageError."""
    text = read(file) if file else from_editor(before.stored.body if before else None)
    try:
        parsed = json.loads(text)
    except ValueError as error:
        raise BadEdit(f"the guideline is not JSON: {error}") from None
    if not isinstance(parsed, dict):
        raise BadEdit("the guideline is a JSON object, as `assay guideline show --json` writes it")
    return checked_edit(parsed)


def read(file: str) -> str:
    """A file's text, `-`: standard input."""
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"can't read {file}: {getattr(error, 'strerror', None) or 'it is not UTF-8'}") from None


def from_editor(body: GuidelineReply | None) -> str:
    """The guideline as a person leaves it in $VISUAL, $EDITOR or vi."""
    editor = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
    start = body.model_dump(mode="json") if body else EMPTY
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "guideline.json")
        path.write_text(json.dumps(start, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        try:
            subprocess.run([*editor, str(path)], check=True)  # noqa: S603 - the person's own editor
        except OSError as error:
            raise UsageError(f"the editor {editor[0]} can't be started: {error.strerror}; nothing was saved") from None
        except subprocess.CalledProcessError as error:
            raise UsageError(f"the editor {editor[0]} ended with {error.returncode}; nothing was saved") from None
        return path.read_text(encoding="utf-8")


EMPTY = {
    "translation": "",
    "specificity": "medium",
    "requirements": [{"requirement": "", "importance": "must_have", "why": ""}],
    "guideline": {"highly_relevant": "", "acceptable_substitute": "", "irrelevant": ""},
}
"""What an editor opens with where there is no guideline yet."""


def key_of(query: str, market: str, language: str, filters: Sequence[str]) -> GuidelineKey:
    """The key of a query in its context; UsageError for a filter that is none."""
    return GuidelineKey(market, normalised_query(query), language, filters_of(filters))


def filters_of(given: Sequence[str]) -> Context:
    """Filters from name=value; UsageError."""
    pairs = [each.partition("=") for each in given]
    wrong = next((each for each, (name, _, value) in zip(given, pairs, strict=True) if not name or not value), None)
    if wrong is not None:
        raise UsageError(f"--context takes name=value, not {wrong!r}")
    return context_of({name: value for name, _, value in pairs})


def none_for(key: GuidelineKey) -> UsageError:
    """That there is no guideline."""
    return UsageError(f"there is no guideline of {key.query!r} in {key.market!r}, {context_name(key)}")


def context_name(key: GuidelineKey) -> str:
    """Language and filters for a person."""
    told_language = f"--language {key.language}" if key.language else "no language"
    return " ".join((told_language, *(f"--context {name}={value}" for name, value in key.context)))


def versions_table(key: GuidelineKey, versions: Sequence[GuidelineVersion]) -> Table:
    """The history as a table."""
    columns = ("revision", "", "version", "author", "at", "prompt", "model", "from", "labels", "comment")
    rows = [
        (
            each.revision,
            "in force" if each.in_force else "",
            each.stored.version,
            each.stored.author,
            moment(each.created_at),
            each.stored.prompt_version,
            each.stored.model,
            each.based_on,
            each.labels,
            each.comment,
        )
        for each in versions
    ]
    return table(f"Guideline of {key.query!r} in {key.market!r}, {context_name(key)}", columns, rows)


def said(done: Edited) -> None:
    """What an edit did, on one line."""
    gone = f"; {done.gone} that the catalogue no longer has {are(done.gone)} not" if done.gone else ""
    results = f"{done.queued} result{'' if done.queued == 1 else 's'}"
    told(f"version {done.version} is in force; {results} of this query {are(done.queued)} judged again{gone}")


def are(count: int) -> str:
    """The verb for as many."""
    return "is" if count == 1 else "are"


def told(*lines: str) -> None:
    """Lines to standard output, without what would steer a terminal."""
    sys.stdout.write("".join("\n".join(map(printable, line.split("\n"))) + "\n" for line in lines))
