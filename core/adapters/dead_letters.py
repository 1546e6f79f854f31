"""Dead letters for the person who deals with them: found, shown, and marked when they are sent again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from core.adapters.postgres import Pool, connection, transaction
from core.letter_models import DeadLetterView, LetterFilter, LetterPlace, RequeueState

_FIELDS = 'run, topic, partition, "offset", reason, detail'
_TIMES = "received_at, requeued_at, requeue_confirmed_at"

_MATCHING = """($1::text IS NULL OR reason = $1) AND ($2::text[] IS NULL OR topic = ANY ($2))
    AND ($3::text IS NULL OR run = $3) AND ($4::int IS NULL OR partition = $4)
    AND ($5::timestamptz IS NULL OR received_at >= $5)"""

_STATE = """CASE WHEN requeued_at IS NULL THEN 'new' WHEN requeue_confirmed_at IS NULL THEN 'in_doubt'
    ELSE 'requeued' END"""

_NEWEST = f"""
SELECT {_FIELDS}, substring(payload FROM 1 FOR $6) AS payload, octet_length(payload) AS size, {_TIMES}
FROM assay_data.dead_letters WHERE {_MATCHING}
ORDER BY received_at DESC, topic, partition, "offset" DESC LIMIT $7
"""  # noqa: S608 - only constants of this file enter

_PLACES = f"""
SELECT topic, partition, array_agg("offset" ORDER BY "offset") AS offsets FROM (
    SELECT topic, partition, "offset" FROM assay_data.dead_letters WHERE {_MATCHING} AND {_STATE} = ANY ($6)
    ORDER BY received_at, topic, partition, "offset" LIMIT $7
) AS oldest GROUP BY topic, partition ORDER BY topic, partition
"""  # noqa: S608 - only constants of this file enter

_COUNTS = f"""
SELECT {_STATE} AS state, count(*) FROM assay_data.dead_letters WHERE {_MATCHING} GROUP BY 1
"""  # noqa: S608 - only constants of this file enter

_WHOLE = f"""
SELECT {_FIELDS}, payload, octet_length(payload) AS size, {_TIMES} FROM assay_data.dead_letters
WHERE topic = $1 AND partition = $2 AND "offset" = ANY ($3) ORDER BY "offset"
"""  # noqa: S608 - only constants of this file enter

_CLAIM = """
UPDATE assay_data.dead_letters AS d SET requeued_at = $5, requeue_confirmed_at = NULL
FROM unnest($3::bigint[], $4::timestamptz[]) AS seen (at, requeued_at)
WHERE d.topic = $1 AND d.partition = $2 AND d."offset" = seen.at
    AND d.requeued_at IS NOT DISTINCT FROM seen.requeued_at
RETURNING d."offset"
"""

_CONFIRM = """
UPDATE assay_data.dead_letters SET requeue_confirmed_at = $5
WHERE topic = $1 AND partition = $2 AND "offset" = ANY ($3) AND requeued_at = $4
"""


class DeadLetters:
    """The table of dead letters. `producers.requeue` sees it as its `Letters`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def newest(self, wanted: LetterFilter, limit: int, preview: int) -> list[DeadLetterView]:
        """Those that match, newest first, each with the first `preview` bytes of its payload."""
        async with connection(self._pool) as held:
            rows = await held.fetch(_NEWEST, *_arguments(wanted), preview, limit)
        return [DeadLetterView(**row) for row in rows]

    async def whole(self, topic: str, partition: int, offsets: Sequence[int]) -> list[DeadLetterView]:
        """Those of these places that are dead letters, each with all that is stored of its value."""
        async with connection(self._pool) as held:
            rows = await held.fetch(_WHOLE, topic, partition, offsets)
        return [DeadLetterView(**row) for row in rows]

    async def places(
        self, wanted: LetterFilter, states: Sequence[RequeueState], limit: int | None
    ) -> dict[tuple[str, int], list[int]]:
        """Offsets by (topic, partition) of those that match now, the oldest `limit` of them. What is sent again and is
        still wrong makes new letters: a list that is fixed before the first is sent does not grow by them."""
        async with connection(self._pool) as held:
            rows = await held.fetch(_PLACES, *_arguments(wanted), states, limit)
        return {(row["topic"], row["partition"]): row["offsets"] for row in rows}

    async def counts(self, wanted: LetterFilter) -> dict[RequeueState, int]:
        """How many match, by whether they were sent again."""
        async with connection(self._pool) as held:
            rows = await held.fetch(_COUNTS, *_arguments(wanted))
        return {row["state"]: row["count"] for row in rows}

    async def claim(self, letters: Sequence[DeadLetterView], at: datetime) -> set[LetterPlace]:
        """Mark letters of one partition as sent again, before they are; those another marked since are left out."""
        topic, partition, _ = letters[0].place
        seen = [letter.offset for letter in letters], [letter.requeued_at for letter in letters]
        async with transaction(self._pool) as held:
            rows = await held.fetch(_CLAIM, topic, partition, *seen, at)
        return {LetterPlace(topic, partition, row["offset"]) for row in rows}

    async def confirm(self, places: Sequence[LetterPlace], claimed_at: datetime, at: datetime) -> None:
        """Kafka has the records of these letters of one partition."""
        topic, partition, _ = places[0]
        async with transaction(self._pool) as held:
            await held.execute(_CONFIRM, topic, partition, [place.offset for place in places], claimed_at, at)


def _arguments(wanted: LetterFilter) -> tuple[object, ...]:
    return wanted.reason, wanted.topics, wanted.run, wanted.partition, wanted.since
