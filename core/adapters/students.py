"""Students, what people did with them, and the labels they are trained on and watched by, in PostgreSQL: the ports
`StudentBook` and `StudentLabels`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import asyncpg

from core.adapters import audit
from core.adapters.judge_book import MARK
from core.adapters.postgres import Pool, connection, transaction
from core.domain.access import AuditEntry
from core.domain.images.labelled import AgreedLabel, LabelledPicture
from core.student_ports import NO_STUDENT, KeptStudent, LabelAsk, LabelCount, StudentDeed

_FIELDS = "version, name, extractor, metadata, body, trained_at, trained_by"

_SAVE = f"""
INSERT INTO assay_data.students ({_FIELDS}) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (version) DO NOTHING RETURNING 1
"""  # noqa: S608 - the fields are the constant above, here and below

_BY_NAME = f"SELECT {_FIELDS} FROM assay_data.students WHERE name = $1 ORDER BY trained_at DESC, version LIMIT 1"  # noqa: S608

_BY_BEGINNING = f"SELECT {_FIELDS} FROM assay_data.students WHERE starts_with(version, $1) LIMIT 2"  # noqa: S608

_ALL = """
SELECT version, name, extractor, metadata, ''::bytea AS body, trained_at, trained_by
FROM assay_data.students ORDER BY trained_at DESC, version
"""

_LIVE = "SELECT version FROM assay_data.student_deeds ORDER BY id DESC LIMIT 1"

_NOTE = "INSERT INTO assay_data.student_deeds (act, version, by, why, at) VALUES ($1, $2, $3, $4, $5)"

_DEEDS = "SELECT act, version, by, why, at FROM assay_data.student_deeds ORDER BY id DESC"

# A score that was taken over from the same picture elsewhere names the call that was made for the first: of the rows of
# one call with one reasoning, the first was judged, the others share it. A reasoning of two pictures of one call that
# is the same to the letter is taken for one: a label too few, never one too many.
_JUDGED = """
SELECT DISTINCT ON (image_hash) id, image_hash, listing_id, image_url, score, aspects, judged_at
FROM (
    SELECT id, image_hash, listing_id, image_url, score, aspects, alike_of, judged_at,
        row_number() OVER (PARTITION BY call_id, md5(reasoning) ORDER BY id) AS place
    FROM assay_data.image_scores WHERE tier = 'llm' AND judge = $1 AND call_id IS NOT NULL
) AS given
WHERE place = 1 AND alike_of = '' AND ($2::timestamptz IS NULL OR judged_at >= $2)
ORDER BY image_hash, id DESC
"""

_LABELLED = f"""
WITH judged AS ({_JUDGED})
SELECT j.image_hash, j.listing_id, j.image_url, coalesce(nullif(l.attributes ->> $4, ''), j.listing_id) AS seller,
    coalesce(l.market, '') AS market, coalesce(l.category, '') AS category, p.phash, f.features, j.score, j.aspects,
    coalesce(t.why, '') AS why, coalesce(s.certain, true) AS certain
FROM judged AS j
JOIN assay_data.picture_features AS f ON f.image_hash = j.image_hash AND f.extractor = $3
JOIN assay_data.pictures AS p ON p.image_hash = j.image_hash
LEFT JOIN assay_data.listings AS l ON l.listing_id = j.listing_id
LEFT JOIN LATERAL (
    SELECT k.payload ->> 'why' AS why FROM assay_data.tasks AS k
    WHERE k.kind = 'image_label' AND k.subject ->> 'listing_id' = j.listing_id
        AND k.subject ->> 'image_url' = j.image_url
    ORDER BY k.created_at DESC LIMIT 1
) AS t ON true
LEFT JOIN LATERAL (
    SELECT coalesce(e.spread > (v.metadata ->> 'unsure_above')::float8, false) AS certain
    FROM assay_data.image_scores AS e LEFT JOIN assay_data.students AS v ON v.version = e.prompt_version
    WHERE e.listing_id = j.listing_id AND e.image_url = j.image_url AND e.image_hash = j.image_hash
        AND e.tier = 'student' AND e.id < j.id
    ORDER BY e.id DESC LIMIT 1
) AS s ON true
WHERE $5 = '' OR l.market = $5
ORDER BY j.image_hash
"""  # noqa: S608

_COUNTS = """
WITH judged AS (
    SELECT judge, image_hash, max(judged_at) AS at FROM assay_data.image_scores
    WHERE tier = 'llm' AND judge <> '' GROUP BY judge, image_hash
), seen AS (
    SELECT j.judge, f.extractor, count(*) AS pictures
    FROM judged AS j JOIN assay_data.picture_features AS f USING (image_hash) GROUP BY j.judge, f.extractor
)
SELECT judge, count(*) AS pictures, (
    SELECT coalesce(jsonb_object_agg(s.extractor, s.pictures), '{}') FROM seen AS s WHERE s.judge = judged.judge
) AS with_features
FROM judged GROUP BY judge ORDER BY max(at) DESC, judge
"""

_AGREED = """
SELECT p.day, p.version, p.judge, p.market, p.category, p.why,
    coalesce(nullif(l.attributes ->> $3, ''), p.listing_id) AS seller, p.student_score AS student, p.score
FROM assay.student_labels AS p LEFT JOIN assay_data.listings AS l ON l.listing_id = p.listing_id
WHERE p.judged_at >= $1::date::timestamp AT TIME ZONE 'UTC'
    AND p.judged_at < ($2::date + 1)::timestamp AT TIME ZONE 'UTC'
    AND (p.why = 'random' OR p.judged_at >= $4::date::timestamp AT TIME ZONE 'UTC')
ORDER BY p.judged_at, p.event_id
"""

READ_S = 600.0
"""Seconds for the labels of a training: a million of them are some 500 MB, and a minute at ten megabytes a second."""


class PostgresStudents:
    """Over a pool made by `open_pool`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def save(self, student: KeptStudent) -> bool:
        """Store; False where it is known already."""
        told = (student.version, student.name, student.extractor, dict(student.metadata), student.body)
        async with connection(self._pool) as held:
            return bool(await held.fetch(_SAVE, *told, student.trained_at, student.trained_by))

    async def find(self, ref: str) -> KeptStudent | None:
        """By version, name (its newest version) or a beginning of `name@hash` that fits one only."""
        if not ref:
            return None
        async with connection(self._pool) as held:
            rows = [] if MARK in ref else await held.fetch(_BY_NAME, ref)
            rows = rows or await held.fetch(_BY_BEGINNING, ref)
        return _student(rows[0]) if len(rows) == 1 else None

    async def all(self) -> Sequence[KeptStudent]:
        """Every version, newest first, without its body."""
        async with connection(self._pool) as held:
            return [_student(row) for row in await held.fetch(_ALL)]

    async def live_version(self) -> str:
        """What the newest deed names; empty where none is live."""
        async with connection(self._pool) as held:
            return await held.fetchval(_LIVE) or NO_STUDENT

    async def note(self, deed: StudentDeed, entry: AuditEntry | None = None) -> None:
        """One row: the deed, and with it who is live; beside it the console's audit entry."""
        async with transaction(self._pool) as held:
            await held.execute(_NOTE, deed.act, deed.version, deed.by, deed.why, deed.at)
            if entry is not None:
                await audit.note(held, entry)

    async def deeds(self) -> Sequence[StudentDeed]:
        """All, newest first."""
        async with connection(self._pool) as held:
            return [StudentDeed(**dict(row)) for row in await held.fetch(_DEEDS)]


class PostgresStudentLabels:
    """Over a pool made by `open_pool`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def labelled(self, ask: LabelAsk) -> Sequence[LabelledPicture]:
        """The newest label of each picture that the judge gave to that very picture."""
        async with connection(self._pool) as held:
            told = (ask.judge, ask.since, ask.extractor, ask.seller_attribute, ask.market)
            rows = await held.fetch(_LABELLED, *told, timeout=READ_S)
        return [LabelledPicture(**dict(row)) for row in rows]

    async def counts(self) -> Sequence[LabelCount]:
        """By judge, the one of the newest label first."""
        async with connection(self._pool) as held:
            return [LabelCount(**dict(row)) for row in await held.fetch(_COUNTS, timeout=READ_S)]

    async def agreed(self, first: date, since: date, last: date, seller_attribute: str) -> Sequence[AgreedLabel]:
        """Labels of those days (UTC) that came after a student's score; before `since` those of the random share."""
        async with connection(self._pool) as held:
            rows = await held.fetch(_AGREED, first, last, seller_attribute, since, timeout=READ_S)
        return [AgreedLabel(**dict(row)) for row in rows]


def _student(row: asyncpg.Record) -> KeptStudent:
    return KeptStudent(**dict(row))
