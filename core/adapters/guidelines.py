"""Guidelines in PostgreSQL, every version of them. An edit and the work it makes are one transaction.

Writers of one guideline take turns by an advisory lock, so revisions count up without a gap and an edit that was made
from an older one is refused. What was being judged when an edit came may still be labelled by the version before it:
the pairs of running tasks are queued anew with the others, and looked for once more when the edit can be seen by all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

import asyncpg

from core.adapters.audit import note
from core.adapters.guidelines_sql import APPLICATIONS, HISTORY, IN_FORCE, KEYS, LOCK, NEWEST, PAIRS, SAVE
from core.adapters.inbox import add_tasks
from core.adapters.postgres import Connection, Pool, connection, transaction
from core.adapters.together import Together
from core.domain.guidelines import GuidelineKey, edited_version, read_context
from core.domain.judging import GuidelineReply
from core.domain.listings import ListingRecord, listing_of
from core.domain.task_keys import query_group
from core.guideline_ports import (
    Edited,
    GuidelineChanged,
    GuidelineEdit,
    GuidelineVersion,
    KnownPair,
    rejudging,
)
from core.ports import StoredGuideline

_ESCAPED_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")
"""U+0000 as JSON writes it, not the six characters after an escaped backslash."""

_NO_TIME = 1_767_225_600_000
"""Stands where a listing that a task brought gives no time, in milliseconds: it is no part of what is judged."""


READS = 200
"""Readers of one statement: 200 guidelines are 300 kB, found by the primary key in 5 ms."""

SAVES = 50
"""Savers of one transaction, some 10 ms: an editor of one of these guidelines waits for so long."""


class _Asked(NamedTuple):
    """Whose guideline is asked for, as the columns name it."""

    market: str
    query: str
    language: str
    context: str
    prompt_version: str


class _New(NamedTuple):
    """A row of `SAVE`."""

    market: str
    query: str
    language: str
    context: str
    version: str
    prompt_version: str
    model: str
    author: str
    body: str
    created_at: datetime
    comment: str
    based_on: str

    @property
    def asked(self) -> _Asked:
        return _Asked(self.market, self.query, self.language, self.context, self.prompt_version)


class PostgresGuidelines:
    """`GuidelineStore`. What many want at one moment is one statement, and one transaction where it writes."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._read: Together[_Asked, StoredGuideline | None] = Together(self._guidelines, READS)
        self._written: Together[_New, StoredGuideline | None] = Together(self._saved, SAVES)

    async def guideline(self, key: GuidelineKey, prompt_version: str) -> StoredGuideline | None:
        """A person's newest edit, else the newest that a model wrote under `prompt_version`."""
        return await self._read(_Asked(*_columns(key), prompt_version))

    async def save_guideline(self, key: GuidelineKey, guideline: StoredGuideline, at: datetime) -> StoredGuideline:
        """Store, unless another replica was first; returns the one that stands."""
        return await self._written(_new(key, guideline, at, "", "")) or guideline

    async def _guidelines(self, asked: Sequence[_Asked]) -> list[StoredGuideline | None]:
        async with connection(self._pool) as held:
            return await _in_force(held, asked)

    async def _saved(self, rows: Sequence[_New]) -> list[StoredGuideline | None]:
        async with transaction(self._pool) as held:
            await held.execute(LOCK, ["\n".join(row[:4]) for row in rows])
            for together in _one_a_guideline(rows):
                await _save(held, together)
            return await _in_force(held, [row.asked for row in rows])

    async def history(self, key: GuidelineKey, prompt_version: str) -> Sequence[GuidelineVersion]:
        """All versions with how many labels each gave, newest first."""
        async with connection(self._pool) as held:
            applications = await _applications(held, key)
            rows = await held.fetch(HISTORY, *_columns(key), applications)
            (standing,) = await _in_force(held, [_Asked(*_columns(key), prompt_version)])
        return [_version(row, standing) for row in rows]

    async def keys(self, market: str, query: str) -> Sequence[GuidelineKey]:
        """Contexts that have a guideline; the one without filters first."""
        async with connection(self._pool) as held:
            rows = await held.fetch(KEYS, market, query)
        return [GuidelineKey(market, query, row["language"], read_context(row["context"])) for row in rows]

    async def edit(self, edit: GuidelineEdit, judge: str, at: datetime) -> Edited:
        """Version and tasks, or neither. GuidelineChanged for an edit of what is not the newest any more."""
        async with transaction(self._pool) as held:
            await held.execute(LOCK, ["\n".join(_columns(edit.key))])
            newest = await held.fetchrow(NEWEST, *_columns(edit.key))
            if newest is not None and newest["revision"] != edit.revision:
                raise GuidelineChanged(f"revision {newest['revision']} by {newest['author']} was written since")
            revision = edit.revision + 1
            version = edited_version(edit.key, edit.body, revision)
            stored = StoredGuideline(version, edit.prompt_version, edit.model, edit.author, edit.body)
            await _save(held, [_new(edit.key, stored, at, edit.comment, edit.based_on)])
            if edit.deed is not None:
                await note(held, replace(edit.deed, detail={**edit.deed.detail, "revision": revision}))
            queued, gone = await _judge_anew(held, edit.key, version, judge, at)
        async with transaction(self._pool) as held:
            late, _ = await _judge_anew(held, edit.key, version, judge, at)
        return Edited(version, revision, queued + late, gone)


async def _in_force(held: Connection, asked: Sequence[_Asked]) -> list[StoredGuideline | None]:
    rows = await held.fetch(IN_FORCE, *(list(column) for column in zip(*asked, strict=True)))
    known = {row["place"]: _stored(row) for row in rows}
    return [known.get(place) for place in range(1, len(asked) + 1)]


def _new(key: GuidelineKey, guideline: StoredGuideline, at: datetime, comment: str, based_on: str) -> _New:
    body = _ESCAPED_NUL.sub(r"\1", guideline.body.model_dump_json())
    told = (guideline.version, guideline.prompt_version, guideline.model, guideline.author)
    return _New(*_columns(key), *told, body, at, comment, based_on)


def _one_a_guideline(rows: Sequence[_New]) -> Iterator[list[_New]]:
    """The rows in as few parts as have no guideline twice; the first of each is in the first."""
    left = list(rows)
    while left:
        first = {row[:4]: row for row in reversed(left)}
        yield list(first.values())
        left = [row for row in left if first[row[:4]] is not row]


async def _save(held: Connection, rows: Sequence[_New]) -> None:
    await held.execute(SAVE, *(list(column) for column in zip(*rows, strict=True)))


async def _judge_anew(held: Connection, key: GuidelineKey, version: str, judge: str, at: datetime) -> tuple[int, int]:
    """Queue the known results; (how many are new in the inbox, how many there is no listing for any more)."""
    applications = await _applications(held, key)
    groups = [query_group(name, key.market, key.query, key.context_text) for name in applications]
    rows = await held.fetch(PAIRS, *_columns(key), applications, groups)
    pairs = [pair for row in rows if (pair := _pair(row, key)) is not None]
    added = await add_tasks(held, [rejudging(pair, key, version, judge) for pair in pairs], at)
    return added, len(rows) - len(pairs)


async def _applications(held: Connection, key: GuidelineKey) -> list[str]:
    return [row["application"] for row in await held.fetch(APPLICATIONS, key.market, key.query)]


def _pair(row: asyncpg.Record, key: GuidelineKey) -> KnownPair | None:
    """As the catalogue tells it, else as a task brought it; None where neither does."""
    application, listing_id, listing = row["application"], row["listing_id"], row["listing"]
    if row["content_hash"] is not None:
        return KnownPair(application, listing_id, row["content_hash"], None)
    if not isinstance(listing, dict):
        return None
    told = {name: value for name, value in listing.items() if value is not None}
    record = listing_of({"market": key.market, "timestamp": _NO_TIME, **told, "event": "new"}, -1)
    if not isinstance(record, ListingRecord):
        return None
    return KnownPair(application, listing_id, record.content_hash, listing)


def _columns(key: GuidelineKey) -> tuple[str, str, str, str]:
    return key.market, key.query, key.language, key.context_text


def _stored(row: asyncpg.Record) -> StoredGuideline:
    body = GuidelineReply.model_validate(row["body"])
    return StoredGuideline(row["version"], row["prompt_version"], row["model"], row["author"], body)


def _version(row: asyncpg.Record, standing: StoredGuideline | None) -> GuidelineVersion:
    return GuidelineVersion(
        stored=_stored(row),
        revision=row["revision"],
        created_at=row["created_at"],
        comment=row["comment"],
        based_on=row["based_on"],
        labels=row["labels"],
        in_force=standing is not None and standing.version == row["version"],
    )
