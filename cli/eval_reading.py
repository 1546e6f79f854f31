"""A file of grades, read to its end before anything is stored: the draft of a dataset, or what is wrong with it."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from cli.eval_store import Draft, checked_name
from cli.produce import opened
from core.domain.evaluation.csv_files import OUR_COLUMNS, Columns
from core.domain.evaluation.dataset_files import Beside, Format, format_of, head_of, products_in, queries_in, rows_of
from core.domain.evaluation.datasets import items_of
from core.domain.evaluation.fitness import lonely_raters, thin
from core.domain.evaluation.heads import Head
from core.domain.evaluation.items import DatasetKind, EvalItem
from core.domain.evaluation.quepid import ENGINE
from core.domain.evaluation.rows import BadRow, Row, Usual
from core.domain.evaluation.rules import BadRule, Rule, ours, rule_of
from core.domain.fields import BadFieldError, checked
from core.domain.search_log import DEFAULT_APPLICATION, DEFAULT_MARKET
from core.errors import UsageError

TOLD_CHARS = 500
"""Of a source, a licence or a name of a person: a sentence or two."""

LONELY_SHOWN = 10
"""Raters named in one note."""

ZIP = b"PK\x03\x04"
"""How a zip file begins."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line says; empty where it leaves it to the file."""

    file: str
    name: str
    source: str
    licence: str
    rule: str
    kind: DatasetKind | None
    file_format: Format | None
    documents: str
    queries: str
    columns: tuple[str, ...]
    raters: tuple[str, ...]
    application: str
    market: str
    language: str
    engine: str
    tune: float
    anchors: bool
    by: str
    pictures: str = ""


@dataclass(frozen=True, slots=True)
class Read:
    """The draft; why figures can't be made of it; what else a person should know."""

    draft: Draft
    problems: list[str]
    notices: list[str]


def read(asked: Asked) -> Read:
    """The draft of the dataset that the file holds; UsageError with line or name for what is wrong."""
    file_format = asked.file_format or format_of(asked.file)
    if file_format is None:
        raise UsageError(f"{asked.file}: its name does not tell its format; say --format jsonl, csv, quepid or trec")
    lines = lines_of(asked.file)
    head = _of(asked.file, lambda: head_of(file_format, lines))
    kind = asked.kind or head.kind or "relevance"
    rule = _rule(asked, head, kind)
    beside = _beside(asked, file_format)
    found = _of(asked.file, lambda: rows_of(file_format, lines, head, _usual(asked, kind, file_format), beside))
    if not found.rows:
        raise UsageError(f"{asked.file} holds no row")
    items = _of(asked.file, lambda: items_of(found.rows, rule, asked.tune))
    draft = _draft(asked, head, kind, rule, items)
    if draft.anchors:
        _of(asked.file, lambda: _anchors_are_whole(items, found.rows, kind))
    return Read(draft, thin(items, kind), [*found.notices, *_notes(draft, asked.tune)])


def lines_of(file: str) -> list[bytes]:
    """The lines of a file, a gzip file, or the one file in a zip file, each with its end; UsageError."""
    with opened(file) as stream:
        lines = stream.readlines()
    if lines and lines[0].startswith(ZIP):
        return io.BytesIO(_unzipped(file, b"".join(lines))).readlines()
    return lines


def _unzipped(file: str, content: bytes) -> bytes:
    """What Quepid exports: one file, and what the Mac adds."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = [name for name in archive.namelist() if not name.startswith("__MACOSX/") and not name.endswith("/")]
            if len(names) != 1:
                raise UsageError(f"{file} holds {len(names)} files; it takes a zip file of one")
            return archive.read(names[0])
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise UsageError(f"{file} is no zip file that can be read: {error}") from None


def _of(file: str, read_it: Callable[[], T]) -> T:
    """What comes of reading the file; UsageError with its name for a row that can't be used."""
    try:
        return read_it()
    except BadRow as error:
        raise UsageError(f"{file}, {error}") from None


def _rule(asked: Asked, head: Head, kind: DatasetKind) -> Rule:
    if head.mapped and asked.rule:
        raise UsageError(f"{asked.file}: its grades are mapped already, by the rule {head.rule}; leave --rule out")
    try:
        return ours(kind, head.rule) if head.mapped else rule_of(asked.rule or head.rule, kind)
    except BadRule as error:
        raise UsageError(f"--rule: {error}" if asked.rule else f"{asked.file}, rule: {error}") from None


def _beside(asked: Asked, file_format: Format) -> Beside:
    if file_format == "trec" and not (asked.documents and asked.queries):
        raise UsageError("qrels only name topics and documents: say --queries FILE and --documents FILE too")
    products = lines_of(asked.documents) if asked.documents else []
    texts = lines_of(asked.queries) if asked.queries else []
    return Beside(
        _of(asked.documents, lambda: products_in(products)) if asked.documents else {},
        _of(asked.queries, lambda: queries_in(texts)) if asked.queries else {},
        Columns(dict(map(_renamed, asked.columns)), asked.raters),
    )


def _renamed(told: str) -> tuple[str, str]:
    """The file's name of a column, and ours."""
    our_name, equals, theirs = told.partition("=")
    if not equals or not theirs.strip():
        raise UsageError(f"--column takes our name and the file's, query=Suchbegriff, not {told!r}")
    if our_name.strip() not in OUR_COLUMNS:
        raise UsageError(f"--column: {our_name.strip()!r} is none of {', '.join(sorted(OUR_COLUMNS))}")
    return theirs.strip(), our_name.strip()


def _usual(asked: Asked, kind: DatasetKind, file_format: Format) -> Usual:
    folder = Path(asked.pictures or (Path.cwd() if asked.file == "-" else Path(asked.file).parent))
    return Usual(
        kind=kind,
        picture_hash=lambda path: picture_hash(path, folder),
        application=asked.application or DEFAULT_APPLICATION,
        market=asked.market or DEFAULT_MARKET,
        language=asked.language,
        engine=asked.engine or (ENGINE if file_format == "quepid" else "engine"),
    )


def picture_hash(told: str, folder: Path) -> str:
    """SHA-256 of a picture file's bytes, so that it is the same wherever it lies; BadFieldError."""
    try:
        return hashlib.sha256((folder / told).read_bytes()).hexdigest()
    except (OSError, ValueError) as error:
        said = f"path: {told:.200} can't be read in {folder}: {getattr(error, 'strerror', None) or error}"
        raise BadFieldError(f"{said}; name its folder with --pictures") from None


def _draft(asked: Asked, head: Head, kind: DatasetKind, rule: Rule, items: Sequence[EvalItem]) -> Draft:
    return Draft(
        name=checked_name(asked.name or head.name),
        kind=kind,
        rule=rule.text,
        anchors=asked.anchors or head.anchors,
        source=told_of("--source", asked.source or head.source, "where the grades come from"),
        licence=told_of("--licence", asked.licence or head.licence, "what may be done with them"),
        made_by=told_of("--by", asked.by, "who imports them"),
        items=items,
    )


def told_of(option: str, words: str, meaning: str) -> str:
    """What an option or the file's head says, in one line; UsageError where nobody says it."""
    if not words.strip():
        raise UsageError(f"{option} is missing: say {meaning}, or write it in the file's head")
    try:
        return checked(" ".join(words.split()), TOLD_CHARS, option)
    except BadFieldError as error:
        raise UsageError(str(error)) from None


def _anchors_are_whole(items: Sequence[EvalItem], rows: Sequence[Row], kind: DatasetKind) -> None:
    """BadRow for an anchor without its product or without a grade."""
    places = {row.item_id: row.place for row in reversed(rows)}
    for item in items:
        if item.truth is None:
            raise BadRow(places[item.item_id], "an anchor carries a grade")
        if kind == "relevance" and item.listing is None:
            raise BadRow(places[item.item_id], "an anchor brings its product whole, so that it never changes")


def _notes(draft: Draft, share: float) -> list[str]:
    items = draft.items
    alone = lonely_raters(items)
    splits = {item.split for item in items}
    ungraded = sum(item.truth is None for item in items)
    bare = sum(item.listing is None for item in items) if draft.kind == "relevance" else 0
    unwatched = sum(bool(item.context) for item in items) if draft.anchors and draft.kind == "relevance" else 0
    wanted = [name for name, part in (("tune", share), ("test", 1 - share)) if part > 0 and name not in splits]
    return [
        *([f"no query fell into {wanted[0]}: there are too few"] if wanted else []),
        *([f"items that nobody graded: {ungraded}"] if ungraded else []),
        *([f"items whose product the catalogue is asked for when they are judged: {bare}"] if bare else []),
        *([f"anchors with filters, which the drift can't ask about: {unwatched}"] if unwatched else []),
        *(["pictures as anchors stay out of prompts; the drift asks about pairs alone"] if _pictures(draft) else []),
        *([f"raters who share no item with another: {', '.join(alone[:LONELY_SHOWN])}"] if alone else []),
    ]


def _pictures(draft: Draft) -> bool:
    return draft.anchors and draft.kind == "image"
