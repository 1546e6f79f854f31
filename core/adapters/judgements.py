"""Guidelines, picture descriptions, labels and scores. A result, its event and its task's end are one transaction."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

import asyncpg

from core.adapters.inbox import finish_tasks
from core.adapters.outbox import insert_events
from core.adapters.postgres import Connection, Pool, connection, encode_json, transaction
from core.domain.judging import GuidelineReply
from core.ports import AnchorOutcome, ImageScoreFact, LabelFact, OutgoingEvent, StoredGuideline

_GUIDELINE = """
SELECT version, prompt_version, model, author, body FROM assay_data.guidelines
WHERE market = $1 AND query = $2 AND language = $3 AND (author <> 'model' OR prompt_version = $4)
ORDER BY author <> 'model' DESC, created_at DESC, version LIMIT 1
"""

_SAVE_GUIDELINE = """
INSERT INTO assay_data.guidelines (market, query, language, version, prompt_version, model, author, body, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8::text::jsonb, $9)
ON CONFLICT DO NOTHING
"""

_DESCRIPTION = """
SELECT description FROM assay_data.picture_descriptions WHERE image_hash = $1 AND prompt_version = $2 AND model = $3
"""

_SAVE_DESCRIPTION = """
INSERT INTO assay_data.picture_descriptions (image_hash, prompt_version, model, description) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING
"""

_SAVE_LABELS = """
INSERT INTO assay_data.labels (event_id, content_key, application, market, query, listing_id, label, grade, confidence,
    reasoning, reason, mode, model, fingerprint, prompt_version, guideline_version, content_hash, image_hash,
    judged_at, call_id)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
    $8::smallint[], $9::float8[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[],
    $16::text[], $17::text[], $18::text[], $19::timestamptz[], $20::uuid[])
ON CONFLICT (content_key) DO NOTHING
RETURNING event_id
"""

_SCORE = """
SELECT event_id, content_key, listing_id, image_url, image_hash, score, aspects, reasoning, tier, model, fingerprint,
    prompt_version, judged_at, call_id
FROM assay_data.image_scores WHERE image_hash = $1 AND prompt_version = $2 AND model = $3 ORDER BY id DESC LIMIT 1
"""

_SAVE_SCORES = """
INSERT INTO assay_data.image_scores (event_id, content_key, listing_id, image_url, image_hash, score, aspects,
    reasoning, tier, model, fingerprint, prompt_version, judged_at, call_id)
SELECT event_id, content_key, listing_id, image_url, image_hash, score, aspects::jsonb, reasoning, tier, model,
    fingerprint, prompt_version, judged_at, call_id
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::smallint[], $7::text[], $8::text[],
    $9::text[], $10::text[], $11::text[], $12::text[], $13::timestamptz[], $14::uuid[])
    AS f (event_id, content_key, listing_id, image_url, image_hash, score, aspects, reasoning, tier, model,
        fingerprint, prompt_version, judged_at, call_id)
ON CONFLICT (content_key) DO NOTHING
RETURNING event_id
"""

_SAVE_OUTCOMES = """
INSERT INTO assay_data.anchor_outcomes (anchor_id, night, grade, model, fingerprint, call_id, judged_at)
SELECT * FROM unnest($1::text[], $2::date[], $3::smallint[], $4::text[], $5::text[], $6::uuid[], $7::timestamptz[])
ON CONFLICT (anchor_id, night) DO NOTHING
"""

_ESCAPED_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")
"""U+0000 as JSON writes it, not the six characters after an escaped backslash."""

_Row = tuple[object, ...]


class PostgresJudgements:
    """`JudgementStore`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def guideline(self, market: str, query: str, language: str, prompt_version: str) -> StoredGuideline | None:
        """A person's newest edit, else the newest that a model wrote under `prompt_version`."""
        async with connection(self._pool) as held:
            return await _guideline(held, market, query, language, prompt_version)

    async def save_guideline(
        self, market: str, query: str, language: str, guideline: StoredGuideline, at: datetime
    ) -> StoredGuideline:
        """Store, unless another replica was first; returns the one that stands."""
        body = _ESCAPED_NUL.sub(r"\1", guideline.body.model_dump_json())
        async with transaction(self._pool) as held:
            await held.execute(
                _SAVE_GUIDELINE,
                market,
                query,
                language,
                guideline.version,
                guideline.prompt_version,
                guideline.model,
                guideline.author,
                body,
                at,
            )
            standing = await _guideline(held, market, query, language, guideline.prompt_version)
        return standing or guideline

    async def description(self, image_hash: str, prompt_version: str, model: str) -> str | None:
        """The picture in words, if made."""
        async with connection(self._pool) as held:
            row = await held.fetchrow(_DESCRIPTION, image_hash, prompt_version, model)
        return None if row is None else str(row["description"])

    async def save_description(self, image_hash: str, prompt_version: str, model: str, text: str) -> None:
        """Store once."""
        async with connection(self._pool) as held:
            await held.execute(_SAVE_DESCRIPTION, image_hash, prompt_version, model, _storable(text))

    async def labels(self, content_keys: Sequence[str]) -> set[str]:
        """Those of the keys that have a label already."""
        known = "SELECT content_key FROM assay_data.labels WHERE content_key = ANY ($1::text[])"
        async with connection(self._pool) as held:
            return {row["content_key"] for row in await held.fetch(known, list(content_keys))}

    async def image_score(self, image_hash: str, prompt_version: str, model: str) -> ImageScoreFact | None:
        """The newest score that this very picture has."""
        async with connection(self._pool) as held:
            row = await held.fetchrow(_SCORE, image_hash, prompt_version, model)
        return None if row is None else ImageScoreFact(**dict(row))

    async def save_labels(
        self, facts: Sequence[LabelFact], events: Sequence[OutgoingEvent], done: Sequence[UUID], at: datetime
    ) -> None:
        """Labels, their events and the end of their tasks, or nothing of it."""
        rows = [_label_row(fact) for fact in sorted(facts, key=lambda fact: fact.content_key)]
        async with transaction(self._pool) as held:
            await _save(held, _SAVE_LABELS, rows, events)
            await finish_tasks(held, done, at)

    async def save_image_score(
        self, facts: Sequence[ImageScoreFact], events: Sequence[OutgoingEvent], done: Sequence[UUID], at: datetime
    ) -> None:
        """Scores, their events and the end of their tasks, or nothing of it."""
        rows = [_score_row(fact) for fact in sorted(facts, key=lambda fact: fact.content_key)]
        async with transaction(self._pool) as held:
            await _save(held, _SAVE_SCORES, rows, events)
            await finish_tasks(held, done, at)

    async def save_anchor_outcomes(self, outcomes: Sequence[AnchorOutcome], done: Sequence[UUID], at: datetime) -> None:
        """Outcomes, the first of each anchor and night, and the end of their tasks."""
        rows = [_outcome_row(outcome) for outcome in sorted(outcomes, key=lambda o: (o.anchor_id, o.night))]
        async with transaction(self._pool) as held:
            if rows:
                await held.execute(_SAVE_OUTCOMES, *_by_column(rows))
            await finish_tasks(held, done, at)


async def _guideline(
    held: Connection, market: str, query: str, language: str, prompt_version: str
) -> StoredGuideline | None:
    row = await held.fetchrow(_GUIDELINE, market, query, language, prompt_version)
    return None if row is None else _stored_guideline(row)


def _stored_guideline(row: asyncpg.Record) -> StoredGuideline:
    body = GuidelineReply.model_validate(row["body"])
    return StoredGuideline(row["version"], row["prompt_version"], row["model"], row["author"], body)


async def _save(held: Connection, statement: str, rows: list[_Row], events: Sequence[OutgoingEvent]) -> None:
    """Write what is new, and the events of exactly that. Rows come by content key, so two savers can't deadlock."""
    if not rows:
        return
    fresh = {row["event_id"] for row in await held.fetch(statement, *_by_column(rows))}
    once = {event.event_id: event for event in events if event.event_id in fresh}
    await insert_events(held, list(once.values()))


def _by_column(rows: list[_Row]) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _storable(text: str) -> str:
    """Without U+0000, which PostgreSQL can't hold and a model can write."""
    return text.replace("\x00", "")


def _label_row(fact: LabelFact) -> _Row:
    return (
        fact.event_id,
        fact.content_key,
        fact.application,
        fact.market,
        fact.query,
        fact.listing_id,
        fact.label.value,
        fact.label.grade,
        fact.confidence,
        _storable(fact.reasoning),
        fact.reason,
        fact.mode,
        fact.model,
        fact.fingerprint,
        fact.prompt_version,
        fact.guideline_version,
        fact.content_hash,
        fact.image_hash,
        fact.judged_at,
        fact.call_id,
    )


def _score_row(fact: ImageScoreFact) -> _Row:
    return (
        fact.event_id,
        fact.content_key,
        fact.listing_id,
        fact.image_url,
        fact.image_hash,
        fact.score,
        encode_json(fact.aspects),
        _storable(fact.reasoning),
        fact.tier,
        fact.model,
        fact.fingerprint,
        fact.prompt_version,
        fact.judged_at,
        fact.call_id,
    )


def _outcome_row(outcome: AnchorOutcome) -> _Row:
    return (
        outcome.anchor_id,
        date.fromisoformat(outcome.night),
        outcome.label.grade,
        outcome.model,
        outcome.fingerprint,
        outcome.call_id,
        outcome.judged_at,
    )
