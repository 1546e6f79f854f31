"""Guidelines in PostgreSQL, every version of them. An edit and the work it makes are one transaction.

Writers of one guideline take turns by an advisory lock, so revisions count up without a gap and an edit that was made
from an older one is refused. What was being judged when an edit came may still be labelled by the version before it:
the pairs of running tasks are queued anew with the others, and looked for once more when the edit can be seen by all.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

import asyncpg

from core.adapters.inbox import add_tasks
from core.adapters.postgres import Connection, Pool, connection, transaction
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

_OF_KEY = "market = $1 AND query = $2 AND language = $3 AND context = $4"

_IN_FORCE = f"""
SELECT version, prompt_version, model, author, body FROM assay_data.guidelines
WHERE {_OF_KEY} AND (author <> 'model' OR prompt_version = $5)
ORDER BY author <> 'model' DESC, revision DESC LIMIT 1
"""  # noqa: S608 - only constants of this file enter

_HISTORY = f"""
SELECT g.version, g.prompt_version, g.model, g.author, g.body, g.revision, g.created_at, g.comment, g.based_on,
    (SELECT count(*) FROM assay_data.labels AS l WHERE l.application = ANY ($5::text[]) AND l.market = $1
        AND l.query = $2 AND l.guideline_version = g.version) AS labels
FROM assay_data.guidelines AS g WHERE {_OF_KEY} ORDER BY g.revision DESC
"""  # noqa: S608 - only constants of this file enter

_SAVE = f"""
INSERT INTO assay_data.guidelines (market, query, language, context, revision, version, prompt_version, model, author,
    body, created_at, comment, based_on)
VALUES ($1, $2, $3, $4, (SELECT coalesce(max(revision), 0) + 1 FROM assay_data.guidelines WHERE {_OF_KEY}),
    $5, $6, $7, $8, $9::text::jsonb, $10, $11, $12)
ON CONFLICT DO NOTHING
"""  # noqa: S608 - only constants of this file enter

_NEWEST = f"""
SELECT revision, author FROM assay_data.guidelines WHERE {_OF_KEY} ORDER BY revision DESC LIMIT 1
"""  # noqa: S608 - only constants of this file enter

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('guideline ' || $1, 0))"

_KEYS = """
SELECT DISTINCT language, context FROM assay_data.guidelines WHERE market = $1 AND query = $2 ORDER BY context, language
"""

# Steps from one application to the next by the index of labels, so that an unnamed application costs a few probes.
_APPLICATIONS = """
WITH RECURSIVE names AS (
    (SELECT application FROM assay_data.labels ORDER BY application LIMIT 1)
    UNION ALL
    SELECT (SELECT l.application FROM assay_data.labels AS l WHERE l.application > names.application
        ORDER BY l.application LIMIT 1)
    FROM names WHERE names.application IS NOT NULL
)
SELECT application FROM names WHERE application IS NOT NULL
UNION SELECT application FROM assay_data.panel_members WHERE market = $1 AND query = $2
"""

# Every product with a label of one of the guideline's versions, and every one that is being judged for it now.
_PAIRS = f"""
WITH pairs AS (
    SELECT application, listing_id FROM assay_data.labels
    WHERE application = ANY ($5::text[]) AND market = $1 AND query = $2
        AND guideline_version IN (SELECT version FROM assay_data.guidelines WHERE {_OF_KEY})
    UNION
    SELECT t.subject ->> 'application', t.subject ->> 'listing_id' FROM assay_data.tasks AS t
    WHERE t.group_key = ANY ($6::text[]) AND t.state = 'running' AND t.kind = 'relevance'
        AND t.subject ->> 'market' = $1 AND t.subject ->> 'query' = $2
        AND coalesce(t.payload ->> 'language', t.subject ->> 'language', '') = $3
)
SELECT p.application, p.listing_id, l.content_hash, told.listing
FROM pairs AS p
LEFT JOIN assay_data.listings AS l ON l.listing_id = p.listing_id AND NOT l.deleted
LEFT JOIN LATERAL (
    SELECT t.payload -> 'listing' AS listing FROM assay_data.tasks AS t
    WHERE t.group_key = ANY ($6::text[]) AND t.kind = 'relevance' AND t.payload ? 'listing'
        AND t.subject ->> 'application' = p.application AND t.subject ->> 'listing_id' = p.listing_id
    ORDER BY t.created_at DESC LIMIT 1
) AS told ON true
ORDER BY p.application, p.listing_id
"""  # noqa: S608 - only constants of this file enter

_ESCAPED_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")
"""U+0000 as JSON writes it, not the six characters after an escaped backslash."""

_NO_TIME = 1_767_225_600_000
"""Stands where a listing that a task brought gives no time, in milliseconds: it is no part of what is judged."""


class PostgresGuidelines:
    """`GuidelineStore`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def guideline(self, key: GuidelineKey, prompt_version: str) -> StoredGuideline | None:
        """A person's newest edit, else the newest that a model wrote under `prompt_version`."""
        async with connection(self._pool) as held:
            return await _in_force(held, key, prompt_version)

    async def save_guideline(self, key: GuidelineKey, guideline: StoredGuideline, at: datetime) -> StoredGuideline:
        """Store, unless another replica was first; returns the one that stands."""
        async with transaction(self._pool) as held:
            await held.execute(_LOCK, "\n".join(_columns(key)))
            await _save(held, key, guideline, at, "", "")
            standing = await _in_force(held, key, guideline.prompt_version)
        return standing or guideline

    async def history(self, key: GuidelineKey, prompt_version: str) -> Sequence[GuidelineVersion]:
        """All versions with how many labels each gave, newest first."""
        async with connection(self._pool) as held:
            applications = await _applications(held, key)
            rows = await held.fetch(_HISTORY, *_columns(key), applications)
            standing = await _in_force(held, key, prompt_version)
        return [_version(row, standing) for row in rows]

    async def keys(self, market: str, query: str) -> Sequence[GuidelineKey]:
        """Contexts that have a guideline; the one without filters first."""
        async with connection(self._pool) as held:
            rows = await held.fetch(_KEYS, market, query)
        return [GuidelineKey(market, query, row["language"], read_context(row["context"])) for row in rows]

    async def edit(self, edit: GuidelineEdit, judge: str, at: datetime) -> Edited:
        """Version and tasks, or neither. GuidelineChanged for an edit of what is not the newest any more."""
        async with transaction(self._pool) as held:
            await held.execute(_LOCK, "\n".join(_columns(edit.key)))
            newest = await held.fetchrow(_NEWEST, *_columns(edit.key))
            if newest is not None and newest["revision"] != edit.revision:
                raise GuidelineChanged(f"revision {newest['revision']} by {newest['author']} was written since")
            revision = edit.revision + 1
            version = edited_version(edit.key, edit.body, revision)
            stored = StoredGuideline(version, edit.prompt_version, edit.model, edit.author, edit.body)
            await _save(held, edit.key, stored, at, edit.comment, edit.based_on)
            queued, gone = await _judge_anew(held, edit.key, version, judge, at)
        async with transaction(self._pool) as held:
            late, _ = await _judge_anew(held, edit.key, version, judge, at)
        return Edited(version, revision, queued + late, gone)


async def _in_force(held: Connection, key: GuidelineKey, prompt_version: str) -> StoredGuideline | None:
    row = await held.fetchrow(_IN_FORCE, *_columns(key), prompt_version)
    return None if row is None else _stored(row)


async def _save(
    held: Connection, key: GuidelineKey, guideline: StoredGuideline, at: datetime, comment: str, based_on: str
) -> None:
    body = _ESCAPED_NUL.sub(r"\1", guideline.body.model_dump_json())
    told = (guideline.version, guideline.prompt_version, guideline.model, guideline.author)
    await held.execute(_SAVE, *_columns(key), *told, body, at, comment, based_on)


async def _judge_anew(held: Connection, key: GuidelineKey, version: str, judge: str, at: datetime) -> tuple[int, int]:
    """Queue the known results; (how many are new in the inbox, how many there is no listing for any more)."""
    applications = await _applications(held, key)
    groups = [query_group(name, key.market, key.query, key.context_text) for name in applications]
    rows = await held.fetch(_PAIRS, *_columns(key), applications, groups)
    pairs = [pair for row in rows if (pair := _pair(row, key)) is not None]
    added = await add_tasks(held, [rejudging(pair, key, version, judge) for pair in pairs], at)
    return added, len(rows) - len(pairs)


async def _applications(held: Connection, key: GuidelineKey) -> list[str]:
    return [row["application"] for row in await held.fetch(_APPLICATIONS, key.market, key.query)]


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
