"""Calls collected for a batch, in PostgreSQL: the asking side (`BatchItems`)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import asyncpg

from core.adapters.postgres import Connection, Pool, transaction
from core.batch_ports import Item, NewItem
from core.errors import RetryLater

GROUP = "batch/"
"""Beginning of the group of tasks whose call is collected: they are leased together again and with no others, so that
the same call is asked for once more. No query's group begins so: an application and market stand first in those."""

GROUPED = "judgements"
"""Calls made for several tasks, which have to come back together. One that is a step for a single task, such as a
picture's description, must not tear that task from the others of its query, with which it is graded later."""

TRIES = 5
"""Another asker of the same call may come in between; each try then finds what that one left."""

_FIND = """
SELECT call_id, state, deadline_at, http_status, answer, tasks, (cost_usd * 1000000000000)::bigint AS cost,
    coalesce(round(extract(epoch FROM ended_at - collected_at) * 1000), 0)::integer AS latency_ms
FROM assay_data.llm_batch_items WHERE request_key = $1 AND is_current FOR UPDATE
"""

_ADD = """
INSERT INTO assay_data.llm_batch_items (call_id, request_key, state, lane, purpose, model, prompt_version, prompt_hash,
    subject, tasks, body, body_bytes, kept, input_tokens, tokens, worst_usd, collected_at, deadline_at)
VALUES ($1, $2, 'collected', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15 * 0.000000000001, $16, $17)
ON CONFLICT (request_key) WHERE is_current DO NOTHING RETURNING call_id
"""

_PROMPT = """
INSERT INTO assay_data.llm_prompts (prompt_hash, prompt_version, system, first_used) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING
"""

_RETIRE = "UPDATE assay_data.llm_batch_items SET is_current = false WHERE call_id = $1"

_JOIN = """
UPDATE assay_data.llm_batch_items SET tasks = ARRAY(SELECT DISTINCT unnest(tasks || $2::uuid[]) ORDER BY 1)
WHERE call_id = $1
"""

_GROUP = f"""
WITH held AS (
    SELECT task_id FROM assay_data.tasks
    WHERE task_id = ANY ($1::uuid[]) AND NOT starts_with(group_key, '{GROUP}') ORDER BY task_id FOR UPDATE
)
UPDATE assay_data.tasks AS t SET group_key = $2 FROM held WHERE t.task_id = held.task_id
"""  # noqa: S608 - a constant of this file
"""Only their first call's group: a cascade's second call, made for some of them, must not tear them apart."""

_LIVE = """
UPDATE assay_data.llm_batch_items SET state = 'live', why = $2, body = NULL, ended_at = coalesce(ended_at, $3)
WHERE call_id = $1
"""

_UNUSABLE = "UPDATE assay_data.llm_calls SET status = $2, error = $3 WHERE call_id = $1 AND status = 'ok'"


class PostgresBatchItems:
    """The port `BatchItems`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._prompts: set[str] = set()  # that are known to be stored

    async def ask(self, new: NewItem, now: datetime, deadline_at: datetime) -> Item:
        """As the port says."""
        for _ in range(TRIES):
            async with transaction(self._pool) as held:
                found = await held.fetchrow(_FIND, new.key)
                if found is not None and _is_spent(found, new):
                    await held.execute(_RETIRE, found["call_id"])
                    found = None
                item = await self._add(held, new, now, deadline_at) if found is None else _item(found)
                if item is not None:
                    return await _waiting(held, item, new, now)
        raise RetryLater("others ask for the same call at this very moment")

    async def go_live(self, call_id: UUID, why: str, now: datetime) -> None:
        """As the port says."""
        async with transaction(self._pool) as held:
            await held.execute(_LIVE, call_id, _text(why), now)

    async def unusable(self, call_id: UUID, kind: str, error: str) -> None:
        """As the port says."""
        async with transaction(self._pool) as held:
            await held.execute(_UNUSABLE, call_id, kind, _text(error))

    async def _add(self, held: Connection, new: NewItem, now: datetime, deadline_at: datetime) -> Item | None:
        """Collected from now on; None where another was faster."""
        subject = {_text(name): _text(value) for name, value in new.subject.items()}
        size = len(new.body.encode())
        first = (new.call_id, new.key, new.lane, new.purpose, _text(new.model), new.prompt_version, new.prompt_hash)
        text = (subject, list(new.tasks), new.body, size, new.kept)
        row = (*first, *text, new.input_tokens, new.tokens, new.worst, now, deadline_at)
        if await held.fetchval(_ADD, *row) is None:
            return None
        if new.prompt_hash not in self._prompts:
            await held.execute(_PROMPT, new.prompt_hash, new.prompt_version, _text(new.system), now)
            self._prompts.add(new.prompt_hash)
        return Item(new.call_id, "collected", deadline_at, None, "", 0, 0)


async def _waiting(held: Connection, item: Item, new: NewItem, now: datetime) -> Item:
    """The item; while its answer is waited for, these tasks wait with it, until its deadline."""
    if item.state not in ("collected", "ordered"):
        return item
    if now >= item.deadline_at:
        await held.execute(_LIVE, item.call_id, "past its deadline", now)
        return Item(item.call_id, "live", item.deadline_at, None, "", 0, 0)
    await held.execute(_JOIN, item.call_id, list(new.tasks))
    if new.purpose == GROUPED:
        await held.execute(_GROUP, list(new.tasks), f"{GROUP}{item.call_id}")
    return item


def _is_spent(row: asyncpg.Record, new: NewItem) -> bool:
    """Whether an answer was for others, who have had it: an anchor is judged anew every night, by the same words."""
    ended = row["state"] in ("answered", "live")
    return ended and bool(new.tasks) and bool(row["tasks"]) and not set(new.tasks) & set(row["tasks"])


def _item(row: asyncpg.Record) -> Item:
    return Item(
        row["call_id"],
        row["state"],
        row["deadline_at"],
        row["http_status"],
        row["answer"],
        row["cost"],
        row["latency_ms"],
    )


def _text(text: str) -> str:
    """PostgreSQL's text holds neither U+0000 nor half a surrogate pair."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
