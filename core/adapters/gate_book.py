"""Gates in PostgreSQL: port `GateBook`, and what the console reads of them."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import asyncpg
import msgspec

from core.adapters.postgres import Connection, Pool, connection, transaction
from core.domain.evaluation.gate import Gate, Outcome
from core.domain.judges import SETTINGS

SHOWN_GATES = 100
"""Newest gates listed: two a week for a year."""

_FIELDS = """gate_id, judge, against, rules_name, rules, dataset_name || '@' || dataset_version AS dataset, split,
    run_id, run_name, outcomes, checked_at, checked_by"""

_GATES = f"""
SELECT {_FIELDS} FROM assay_data.gates
WHERE ($1::uuid IS NULL OR gate_id = $1) AND ($2::uuid IS NULL OR run_id = $2)
ORDER BY checked_at DESC, gate_id LIMIT $3
"""  # noqa: S608 - the fields are the constant above

_SAVE = """
INSERT INTO assay_data.gates (gate_id, judge, against, rules_name, rules, dataset_name, dataset_version, split, run_id,
    run_name, passed, outcomes, checked_at, checked_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
"""

_PASSED = """
WITH live AS (
    SELECT version FROM assay_data.judge_deeds WHERE act IN ('promote', 'rollback') ORDER BY id DESC LIMIT 1)
SELECT g.gate_id FROM assay_data.gates AS g
WHERE g.judge = $1 AND g.passed
    AND (g.against IN ('', $1)
        OR NOT EXISTS (SELECT FROM live WHERE version NOT IN (g.against, $2)))
    AND g.dataset_version = (
        SELECT version FROM assay_data.eval_datasets WHERE name = g.dataset_name ORDER BY made_at DESC, id DESC LIMIT 1)
    AND NOT EXISTS (
        SELECT FROM assay_data.gates AS later
        WHERE (later.judge, later.dataset_name, later.rules_name) = (g.judge, g.dataset_name, g.rules_name)
            AND (later.checked_at, later.gate_id) > (g.checked_at, g.gate_id))
ORDER BY g.checked_at DESC, g.gate_id LIMIT 1
"""


class PostgresGates:
    """Over a pool made by `open_pool`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def save(self, gate: Gate) -> None:
        """Keep it; nothing of it ever changes."""
        name, _, version = gate.dataset.partition("@")
        told = [msgspec.to_builtins(each) for each in gate.outcomes]
        async with transaction(self._pool) as held:
            await held.execute(
                _SAVE,
                gate.gate_id,
                gate.judge,
                gate.against,
                gate.rules_name,
                gate.rules,
                name,
                version,
                gate.split,
                gate.run_id,
                gate.run_name,
                gate.passed,
                told,
                gate.checked_at,
                gate.checked_by,
            )

    async def passed(self, judge: str) -> UUID | None:
        """The newest gate that this judge passed and that still counts: on the newest version of its dataset, beside
        the judge that is live, and not failed since under the same rules' name."""
        async with connection(self._pool) as held:
            found: UUID | None = await held.fetchval(_PASSED, judge, SETTINGS)
        return found


async def gates(held: Connection, gate_id: UUID | None = None, run_id: UUID | None = None) -> Sequence[Gate]:
    """The newest gates, newest first; the one, or those of a run."""
    return [_gate(row) for row in await held.fetch(_GATES, gate_id, run_id, SHOWN_GATES)]


def _gate(row: asyncpg.Record) -> Gate:
    told = dict(row)
    return Gate(**told | {"outcomes": [msgspec.convert(each, Outcome) for each in told["outcomes"]]})
