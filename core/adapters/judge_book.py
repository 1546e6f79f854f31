"""Judge versions and what people did with them, in PostgreSQL: port `JudgeBook`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import asyncpg
import msgspec

from core.adapters import audit
from core.adapters.eval_datasets import PostgresDatasets
from core.adapters.postgres import Pool, connection, transaction
from core.domain.access import AuditEntry
from core.domain.cascade import Cascade
from core.domain.judge_files import refuse_anchors
from core.domain.sampling import Sampling
from core.eval_facts import JudgeVersion
from core.eval_ports import JudgeDeed, KeptJudge

_FIELDS = "version, name, mode, model, vision_model, products_per_call, cascade, prompts, sampling, rubrics"

_SAVE = f"""
INSERT INTO assay_data.judges ({_FIELDS}, added_at, added_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (version) DO NOTHING RETURNING 1
"""  # noqa: S608 - the fields are the constant above, here and below

_BY_NAME = f"SELECT {_FIELDS} FROM assay_data.judges WHERE name = $1 ORDER BY added_at DESC, version LIMIT 1"  # noqa: S608

_BY_BEGINNING = f"SELECT {_FIELDS} FROM assay_data.judges WHERE starts_with(version, $1) LIMIT 2"  # noqa: S608

_ALL = f"SELECT {_FIELDS}, added_by, added_at FROM assay_data.judges ORDER BY added_at DESC, version"  # noqa: S608

_LIVE = f"""
SELECT {_FIELDS} FROM assay_data.judges WHERE version = (
    SELECT version FROM assay_data.judge_deeds WHERE act IN ('promote', 'rollback') ORDER BY id DESC LIMIT 1)
"""  # noqa: S608

_SHADOWS = f"""
SELECT {_FIELDS}, share
FROM (
    SELECT DISTINCT ON (version) version, act, share, id FROM assay_data.judge_deeds
    WHERE act IN ('shadow', 'unshadow') ORDER BY version, id DESC
) AS newest JOIN assay_data.judges USING (version)
WHERE act = 'shadow' ORDER BY newest.id
"""  # noqa: S608

_NOTE = """
INSERT INTO assay_data.judge_deeds (act, version, share, by, why, at, gate_id) VALUES ($1, $2, $3, $4, $5, $6, $7)
"""

_DEEDS = "SELECT act, version, share, by, why, at, gate_id FROM assay_data.judge_deeds ORDER BY id DESC"

MARK = "@"
"""Stands between a version's name and its hash."""


class PostgresJudgeBook:
    """Over a pool made by `open_pool`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def save(self, judge: JudgeVersion, by: str, at: datetime) -> bool:
        """Store; False where it is known already. UsageError where a prompt shows an anchor."""
        async with connection(self._pool) as held:
            if await held.fetchval("SELECT EXISTS (SELECT FROM assay_data.judges WHERE version = $1)", judge.version):
                return False
        refuse_anchors(judge, await PostgresDatasets(self._pool).anchor_texts())
        models = (judge.mode, judge.model, judge.vision_model, judge.products_per_call)
        texts = (dict(judge.prompts), msgspec.to_builtins(judge.sampling), dict(judge.rubrics))
        told = (msgspec.to_builtins(judge.cascade), *texts)
        async with connection(self._pool) as held:
            return bool(await held.fetch(_SAVE, judge.version, judge.name, *models, *told, at, by))

    async def find(self, ref: str) -> JudgeVersion | None:
        """By version, name (its newest version) or a beginning of `name@hash` that fits one only."""
        if not ref:
            return None
        async with connection(self._pool) as held:
            rows = [] if MARK in ref else await held.fetch(_BY_NAME, ref)
            rows = rows or await held.fetch(_BY_BEGINNING, ref)
        return _judge(rows[0]) if len(rows) == 1 else None

    async def all(self) -> Sequence[KeptJudge]:
        """Every version, newest first."""
        async with connection(self._pool) as held:
            return [KeptJudge(_judge(row), row["added_by"], row["added_at"]) for row in await held.fetch(_ALL)]

    async def live(self) -> JudgeVersion | None:
        """What the newest promotion or rollback names; None where that is the settings' judge."""
        async with connection(self._pool) as held:
            row = await held.fetchrow(_LIVE)
        return _judge(row) if row else None

    async def shadows(self) -> Sequence[tuple[JudgeVersion, float]]:
        """Oldest first, each with its share."""
        async with connection(self._pool) as held:
            return [(_judge(row), row["share"]) for row in await held.fetch(_SHADOWS)]

    async def note(self, deed: JudgeDeed, entry: AuditEntry | None = None) -> None:
        """One row: the deed, and with it who is live; beside it the console's audit entry."""
        told = (deed.act, deed.version, deed.share, deed.by, deed.why, deed.at, deed.gate_id)
        async with transaction(self._pool) as held:
            await held.execute(_NOTE, *told)
            if entry is not None:
                await audit.note(held, entry)

    async def deeds(self) -> Sequence[JudgeDeed]:
        """All, newest first."""
        async with connection(self._pool) as held:
            return [JudgeDeed(**dict(row)) for row in await held.fetch(_DEEDS)]


def _judge(row: asyncpg.Record) -> JudgeVersion:
    cascade = msgspec.convert(row["cascade"], Cascade | None)
    sampling = msgspec.convert(row["sampling"], Sampling)
    told = {name: row[name] for name in JudgeVersion.__slots__ if name not in ("cascade", "sampling")}
    return JudgeVersion(**told, cascade=cascade, sampling=sampling)
