"""What a person does with a partition that waits for him: let it go on, or begin its topic anew.

Only rows of stopped partitions are touched, so no owner is disturbed in its work (`begin_anew` says where it may be).
One that holds a stopped partition looks at its row every few seconds and takes it anew by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.adapters.postgres import Connection, Pool, connection, rows_of, transaction
from core.adapters.reads_status import streams
from core.status_models import StreamPosition

_STANDS = """
SELECT partition, stopped FROM assay_data.stream_partitions
WHERE topic = $1 AND ($2::int[] IS NULL OR partition = ANY ($2)) ORDER BY partition FOR UPDATE
"""
"""In the order in which the stream's own commits lock them."""

_LET_THROUGH = """
UPDATE assay_data.stream_partitions
SET epoch = epoch + 1, stopped = NULL, stopped_detail = '', stopped_at = NULL,
    pass_until = applied + coalesce($3::bigint, greatest(end_offset - 1 - applied, 0))
WHERE topic = $1 AND partition = $2 AND stopped = 'flood'
RETURNING applied, pass_until
"""
"""The epoch grows: an owner that has not seen this yet and ends now would write its stop once more."""

_SAME_AFTER_ALL = """
UPDATE assay_data.stream_partitions
SET epoch = epoch + 1, stopped = NULL, stopped_detail = '', stopped_at = NULL
WHERE topic = $1 AND partition = $2 AND stopped = 'topic_made_again'
"""
"""Its offsets stand, and its topic's id with them: the next owner compares that with the broker's as ever."""

_BEGIN_ANEW = """
UPDATE assay_data.stream_partitions
SET epoch = epoch + 1, applied = -1, end_offset = 0, open_sessions = 0, watermark = NULL, topic_id = NULL,
    stopped = NULL, stopped_detail = '', stopped_at = NULL, pass_until = -1, missing = 0
WHERE topic = $1 AND partition = $2
"""
"""Here too: a process that still holds the old topic's records can't write over this."""

_FORGET_SESSIONS = "DELETE FROM assay_data.session_snapshots WHERE topic = $1 AND partition = $2"

_FORGET_LETTERS = "DELETE FROM assay_data.dead_letters WHERE topic = $1 AND partition = $2"
"""They are kept by offset, and their offsets are other records' now: those records' letters would find their places
taken and be dropped in silence."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one partition: `done`, or why not; `was` is the reason it stood for."""

    partition: int
    done: bool
    was: str | None
    passes: int = 0
    """Records for which the limit of dead letters is not applied."""
    letters: int = 0
    """Dead letters of the old topic that were removed."""


class StreamStops:
    """The rows of `stream_partitions` as an operator's commands see them."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def positions(self) -> list[StreamPosition]:
        """Every partition that was ever owned."""
        async with connection(self._pool) as held:
            return await streams(held)

    async def resume(
        self, topic: str, partitions: Sequence[int] | None, let_pass: int | None, *, same_topic: bool
    ) -> list[Answer]:
        """Release those stopped by a flood (of all partitions when None). For the next `let_pass` records, or as many
        as were known to wait, the limit is not applied. `same_topic`: also those whose topic seemed to be made again,
        at the offsets where they stood. An answer for each partition that has a row."""
        async with transaction(self._pool) as held:
            return [
                await _resume(held, topic, row["partition"], row["stopped"], let_pass, same_topic=same_topic)
                for row in await held.fetch(_STANDS, topic, partitions)
            ]

    async def begin_anew(self, topic: str, partitions: Sequence[int] | None, *, force: bool) -> list[Answer]:
        """Forget offsets, open sessions and dead letters of those stopped because their topic was made again. `force`:
        of the others too; whoever reads such a one loses it at its next write."""
        async with transaction(self._pool) as held:
            return [
                await _begin_anew(held, topic, row["partition"], row["stopped"], force=force)
                for row in await held.fetch(_STANDS, topic, partitions)
            ]


async def _resume(
    held: Connection, topic: str, partition: int, was: str | None, let_pass: int | None, *, same_topic: bool
) -> Answer:
    if was == "topic_made_again" and same_topic:
        await held.execute(_SAME_AFTER_ALL, topic, partition)
        return Answer(partition, done=True, was=was)
    row = await held.fetchrow(_LET_THROUGH, topic, partition, let_pass)
    if row is None:
        return Answer(partition, done=False, was=was)
    return Answer(partition, done=True, was=was, passes=row["pass_until"] - row["applied"])


async def _begin_anew(held: Connection, topic: str, partition: int, was: str | None, *, force: bool) -> Answer:
    if was != "topic_made_again" and not force:
        return Answer(partition, done=False, was=was)
    await held.execute(_BEGIN_ANEW, topic, partition)
    await held.execute(_FORGET_SESSIONS, topic, partition)
    removed = await held.execute(_FORGET_LETTERS, topic, partition)
    return Answer(partition, done=True, was=was, letters=rows_of(removed))
