"""Picture descriptions, labels and scores. A result, its event and its task's end are one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from functools import partial
from typing import NamedTuple
from uuid import UUID

import asyncpg

from core.adapters.inbox import add_tasks, finish_tasks
from core.adapters.outbox import insert_events
from core.adapters.postgres import Connection, Pool, connection, encode_json, transaction
from core.adapters.together import Together
from core.ports import AnchorOutcome, ImageScoreFact, LabelFact, NewTask, OutgoingEvent

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
    judged_at, call_id, judge, verdicts)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
    $8::smallint[], $9::float8[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[],
    $16::text[], $17::text[], $18::text[], $19::timestamptz[], $20::uuid[], $21::text[], $22::text[])
ON CONFLICT (content_key) DO NOTHING
RETURNING event_id
"""

_SCORES = """
SELECT a.place, s.event_id, s.content_key, s.listing_id, s.image_url, s.image_hash, s.score, s.aspects, s.reasoning,
    s.tier, s.model, s.fingerprint, s.prompt_version, s.judged_at, s.call_id, s.judge, s.flags, s.spread,
    s.alike_of
FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS a (image_hash, prompt_version, model, place)
CROSS JOIN LATERAL (
    SELECT * FROM assay_data.image_scores AS i
    WHERE i.image_hash = a.image_hash AND i.prompt_version = a.prompt_version AND i.model = a.model
    ORDER BY id DESC LIMIT 1
) AS s
"""

_SAVE_SCORES = """
INSERT INTO assay_data.image_scores (event_id, content_key, listing_id, image_url, image_hash, score, aspects,
    reasoning, tier, model, fingerprint, prompt_version, judged_at, call_id, judge, flags, spread, alike_of)
SELECT event_id, content_key, listing_id, image_url, image_hash, score, aspects::jsonb, reasoning, tier, model,
    fingerprint, prompt_version, judged_at, call_id, judge, string_to_array(flags, ','), spread, alike_of
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::smallint[], $7::text[], $8::text[],
    $9::text[], $10::text[], $11::text[], $12::text[], $13::timestamptz[], $14::uuid[], $15::text[], $16::text[],
    $17::float8[], $18::text[])
    AS f (event_id, content_key, listing_id, image_url, image_hash, score, aspects, reasoning, tier, model,
        fingerprint, prompt_version, judged_at, call_id, judge, flags, spread, alike_of)
WHERE tier <> 'student' OR NOT EXISTS (
    SELECT FROM (
        SELECT n.tier, n.image_hash FROM assay_data.image_scores AS n
        WHERE n.listing_id = f.listing_id AND n.image_url = f.image_url ORDER BY n.judged_at DESC, n.id DESC LIMIT 1
    ) AS newest WHERE newest.tier = 'llm' AND newest.image_hash = f.image_hash)
ON CONFLICT (content_key) DO NOTHING
RETURNING event_id
"""
"""A student's score is never written over the judge's of the same picture."""

_SAVE_OUTCOMES = """
INSERT INTO assay_data.anchor_outcomes (anchor_id, night, grade, model, fingerprint, call_id, judged_at)
SELECT * FROM unnest($1::text[], $2::date[], $3::smallint[], $4::text[], $5::text[], $6::uuid[], $7::timestamptz[])
ON CONFLICT (anchor_id, night) DO NOTHING
"""

_KNOWN = "SELECT content_key FROM assay_data.labels WHERE content_key = ANY ($1::text[])"

SAVES = 50
"""Savers whose results go into one transaction: at 20 labels each some 50 ms of PostgreSQL, while the next gather."""

READS = 100
"""Readers of one statement: 2,000 keys are looked up in 5 ms."""

_Row = tuple[object, ...]

_ScoreAsked = tuple[str, str, str]
"""Whose score is wanted: hash of the picture, prompt version, model."""


class _Save(NamedTuple):
    """What one saver wants written together; each row is by its content key."""

    rows: Sequence[_Row]
    events: Sequence[OutgoingEvent]
    done: Sequence[UUID]
    at: datetime
    more: Sequence[NewTask] = ()


class PostgresJudgements:
    """`JudgementStore`. What many want at one moment is one statement, and one transaction where it writes."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._known: Together[Sequence[str], set[str]] = Together(self._labels, READS)
        self._scores_known: Together[_ScoreAsked, ImageScoreFact | None] = Together(self._scores, READS)
        self._labels_saved: Together[_Save, None] = Together(partial(self._save, _SAVE_LABELS), SAVES)
        self._scores_saved: Together[_Save, None] = Together(partial(self._save, _SAVE_SCORES), SAVES)

    async def description(self, image_hash: str, prompt_version: str, model: str) -> str | None:
        """The picture in words, if made."""
        async with connection(self._pool) as held:
            row = await held.fetchrow(_DESCRIPTION, image_hash, prompt_version, model)
        return None if row is None else str(row["description"])

    async def save_description(self, image_hash: str, prompt_version: str, model: str, text: str) -> None:
        """Store once."""
        async with connection(self._pool) as held:
            await held.execute(_SAVE_DESCRIPTION, image_hash, prompt_version, model, storable(text))

    async def labels(self, content_keys: Sequence[str]) -> set[str]:
        """Those of the keys that have a label already."""
        return await self._known(content_keys)

    async def _labels(self, asked: Sequence[Sequence[str]]) -> list[set[str]]:
        wanted = [key for keys in asked for key in keys]
        async with connection(self._pool) as held:
            known = {row["content_key"] for row in await held.fetch(_KNOWN, wanted)}
        return [known.intersection(keys) for keys in asked]

    async def image_score(self, image_hash: str, prompt_version: str, model: str) -> ImageScoreFact | None:
        """The newest score that this very picture has."""
        return await self._scores_known((image_hash, prompt_version, model))

    async def _scores(self, asked: Sequence[_ScoreAsked]) -> list[ImageScoreFact | None]:
        async with connection(self._pool) as held:
            rows = await held.fetch(_SCORES, *_by_column(asked))
        found = {row["place"] - 1: _score(row) for row in rows}
        return [found.get(place) for place in range(len(asked))]

    async def save_labels(
        self, facts: Sequence[LabelFact], events: Sequence[OutgoingEvent], done: Sequence[UUID], at: datetime
    ) -> None:
        """Labels, their events and the end of their tasks, or nothing of it."""
        await self._labels_saved(_Save([_label_row(fact) for fact in facts], events, done, at))

    async def save_image_score(
        self,
        facts: Sequence[ImageScoreFact],
        events: Sequence[OutgoingEvent],
        done: Sequence[UUID],
        at: datetime,
        more: Sequence[NewTask] = (),
    ) -> None:
        """Scores, their events, the end of their tasks and the tasks that follow, or nothing of it."""
        await self._scores_saved(_Save([_score_row(fact) for fact in facts], events, done, at, more))

    async def _save(self, statement: str, many: Sequence[_Save]) -> list[None]:
        rows = [row for save in many for row in save.rows]
        events = [event for save in many for event in save.events]
        async with transaction(self._pool) as held:
            await _write(held, statement, sorted(rows, key=_key_of), events)
            await finish_tasks(held, {task_id: save.at for save in many for task_id in save.done})
            await add_tasks(held, [task for save in many for task in save.more], max(save.at for save in many))
        return [None] * len(many)

    async def save_anchor_outcomes(self, outcomes: Sequence[AnchorOutcome], done: Sequence[UUID], at: datetime) -> None:
        """Outcomes, the first of each anchor and night, and the end of their tasks."""
        rows = [_outcome_row(outcome) for outcome in sorted(outcomes, key=lambda o: (o.anchor_id, o.night))]
        async with transaction(self._pool) as held:
            if rows:
                await held.execute(_SAVE_OUTCOMES, *_by_column(rows))
            await finish_tasks(held, dict.fromkeys(done, at))


async def _write(held: Connection, statement: str, rows: list[_Row], events: Sequence[OutgoingEvent]) -> None:
    """Write what is new, and the events of exactly that. Rows come by content key, so two savers can't deadlock; of two
    with one key the first is written, and its event."""
    if not rows:
        return
    fresh = {row["event_id"] for row in await held.fetch(statement, *_by_column(rows))}
    once: dict[UUID, OutgoingEvent] = {}
    for event in events:
        if event.event_id in fresh:
            once.setdefault(event.event_id, event)
    await insert_events(held, list(once.values()))


def _key_of(row: _Row) -> str:
    """The content key, second of every row."""
    return str(row[1])


def _by_column(rows: Sequence[_Row]) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)]


def storable(text: str) -> str:
    """Without U+0000, which PostgreSQL can't hold and a model can write."""
    return text.replace("\x00", "")


def _score(row: asyncpg.Record) -> ImageScoreFact:
    told = {name: value for name, value in row.items() if name != "place"}
    return ImageScoreFact(**{**told, "flags": tuple(told["flags"])})


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
        storable(fact.reasoning),
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
        fact.judge,
        fact.verdicts,
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
        storable(fact.reasoning),
        fact.tier,
        fact.model,
        fact.fingerprint,
        fact.prompt_version,
        fact.judged_at,
        fact.call_id,
        fact.judge,
        ",".join(fact.flags),
        fact.spread,
        fact.alike_of,
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
