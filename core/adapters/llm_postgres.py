"""The ledger that all replicas share: one row's lock is the order of all grants (docs/adr/0003).

Every method is one transaction: lock the lane's row, run the pure policy, write. Money and tokens that are not
known stay counted at their worst case, so that a crash at any point never lets a limit be passed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import asyncpg

from core.adapters.llm_ledger import LOST, SWEEP_SECONDS, CallAsk, CallEnd
from core.adapters.postgres import Connection, Pool, encode_json, transaction
from core.domain import lane
from core.domain.labels import LANE_RANK
from core.domain.lane import Ask, Grant, LaneState, Limits, Settlement, Spend, Verdict
from core.ports import Clock

_MAKE = """
INSERT INTO assay_data.llm_lane (at, requests, tokens, request_level, token_level, in_flight, hold_until, probing,
    probe_until, waiting, swept_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0) ON CONFLICT DO NOTHING
"""

_LOCK = """
SELECT at, requests, tokens, request_level, token_level, in_flight, hold_until, probing, probe_until, waiting, swept_at
FROM assay_data.llm_lane FOR UPDATE
"""

_NOW = "SELECT extract(epoch FROM clock_timestamp())::float8"

_STORE = """
UPDATE assay_data.llm_lane SET at = $1, requests = $2, tokens = $3, request_level = $4, token_level = $5,
    in_flight = $6, hold_until = $7, probing = $8, probe_until = $9, waiting = $10, swept_at = $11
"""

_SPEND = "SELECT spent_usd, reserved_usd FROM assay_data.llm_spend WHERE day = $1"

_ADD_SPEND = """
INSERT INTO assay_data.llm_spend AS kept (day, spent_usd, reserved_usd)
SELECT * FROM unnest($1::date[], $2::numeric[], $3::numeric[])
ON CONFLICT (day) DO UPDATE SET spent_usd = kept.spent_usd + excluded.spent_usd,
    reserved_usd = kept.reserved_usd + excluded.reserved_usd
"""

_OPEN = """
INSERT INTO assay_data.llm_calls (started_at, budget_day, granted_at, expires_at, call_id, lane, model, purpose,
    subject, prompt_version, prompt_hash, reserved_tokens, reserved_usd, cost_usd)
SELECT $1, $2, $3, $4, id, lane, model, purpose, subject::jsonb, version, hash, tokens, usd, usd
FROM unnest($5::uuid[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::bigint[],
    $13::numeric[]) AS t (id, lane, model, purpose, subject, version, hash, tokens, usd)
"""

_SWEEP = """
UPDATE assay_data.llm_calls SET status = 'lost', error = 'the process that sent it ended before the reply'
WHERE status = 'running' AND expires_at < $1
RETURNING budget_day, reserved_usd
"""

_GRANTED = """
SELECT call_id, status, granted_at, reserved_tokens, reserved_usd, cost_usd, budget_day, prompt_hash, prompt_version
FROM assay_data.llm_calls
WHERE call_id = ANY($1) AND status IN ('running', 'lost') AND started_at BETWEEN $2 AND $3
"""

_CLOSE = """
UPDATE assay_data.llm_calls AS kept SET status = t.status, http_status = t.http, started_at = t.started,
    latency_ms = t.latency, input_tokens = t.input, cached_tokens = t.cached, output_tokens = t.output,
    cost_usd = t.usd, request = t.request::jsonb, reply = t.reply, answered_by = t.answered_by,
    fingerprint = t.fingerprint, error = t.error
FROM unnest($1::uuid[], $2::text[], $3::integer[], $4::timestamptz[], $5::integer[], $6::integer[], $7::integer[],
    $8::integer[], $9::numeric[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[])
    AS t (id, status, http, started, latency, input, cached, output, usd, request, reply, answered_by, fingerprint,
        error)
WHERE kept.call_id = t.id AND kept.started_at BETWEEN $15 AND $16
"""

_FORGET = "DELETE FROM assay_data.llm_calls WHERE call_id = ANY($1) AND started_at BETWEEN $2 AND $3"

_EVER = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
"""Where the rows of calls lie of which this process does not know when they were asked for."""

_PROMPTS = """
INSERT INTO assay_data.llm_prompts (prompt_hash, prompt_version, system, first_used)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[]) ON CONFLICT DO NOTHING
"""

Granted = dict[UUID, asyncpg.Record]


class PostgresLedger:
    """The port `Ledger` on the tables of `0003_llm.sql`. `wall` None: the database's clock, which all share."""

    def __init__(self, pool: Pool, limits: Limits, wall: Clock | None = None) -> None:
        self._pool = pool
        self._limits = limits
        self._wall = wall
        self._known_prompts: set[str] = set()
        self._asked_at: dict[UUID, datetime] = {}  # of the calls under way: a row is found in its day's partition

    async def reserve(self, asks: Sequence[CallAsk], at: datetime) -> list[Verdict]:
        """As the port says."""
        day = at.astimezone(UTC).date()
        async with transaction(self._pool) as connection:
            state, swept_at, now = await self._locked(connection)
            if now >= swept_at + SWEEP_SECONDS:
                state, swept_at = await _swept(connection, state, now), now
            plain = [Ask(LANE_RANK[ask.lane], ask.tokens, ask.cost) for ask in asks]
            state, _, verdicts = lane.decide(state, await _spend(connection, day), plain, self._limits, now)
            await _store(connection, state, swept_at)
            granted = [ask for ask, verdict in zip(asks, verdicts, strict=True) if isinstance(verdict, Grant)]
            if granted:
                await _open(connection, granted, at, granted_at=state.at, expires_at=state.at + self._limits.lease)
        self._asked_at.update((ask.call_id, at) for ask in granted)
        return verdicts

    async def settle(self, ends: Sequence[CallEnd], unsent: Sequence[UUID]) -> None:
        """As the port says."""
        calls = [*(end.call_id for end in ends), *unsent]
        span = self._span(calls)
        async with transaction(self._pool) as connection:
            state, swept_at, now = await self._locked(connection)
            rows = await connection.fetch(_GRANTED, calls, *span)
            granted = {row["call_id"]: row for row in rows}
            known = [end for end in ends if end.call_id in granted]
            gone = [call_id for call_id in unsent if call_id in granted]
            settlements = [_settlement(end, granted[end.call_id]) for end in known]
            settlements += [_unsent(granted[call_id]) for call_id in gone]
            state = lane.settle(state, settlements, self._limits, now)
            await _store(connection, state, swept_at)
            ended = [(granted[end.call_id], _cost(end, granted[end.call_id])) for end in known]
            await _add_spend(connection, [_share(row, usd) for row, usd in ended + _free(gone, granted)])
            await _close(connection, known, granted, span)
            await connection.execute(_FORGET, gone, *span)
            await self._keep_prompts(connection, known, granted)
        for call_id in calls:
            self._asked_at.pop(call_id, None)

    def _span(self, calls: Sequence[UUID]) -> tuple[datetime, datetime]:
        """When the first and the last of these were asked for: their rows' `started_at` until they end."""
        times = [self._asked_at[call_id] for call_id in calls if call_id in self._asked_at]
        return (min(times), max(times)) if times and len(times) == len(calls) else _EVER

    async def _locked(self, connection: Connection) -> tuple[LaneState, float, float]:
        row = await connection.fetchrow(_LOCK)
        now = await self._now(connection)  # after the lock: whoever waited for it does not decide in the past
        if row is None:
            await connection.execute(_MAKE, *_columns(lane.fresh(self._limits, now)))
            return await self._locked(connection)
        return _state(row), row["swept_at"], now

    async def _now(self, connection: Connection) -> float:
        return float(await connection.fetchval(_NOW)) if self._wall is None else self._wall.now().timestamp()

    async def _keep_prompts(self, connection: Connection, ends: Sequence[CallEnd], granted: Granted) -> None:
        new = {granted[end.call_id]["prompt_hash"]: end for end in ends if end.system}
        new = {key: end for key, end in new.items() if key not in self._known_prompts}
        if new:
            versions = [granted[end.call_id]["prompt_version"] for end in new.values()]
            texts = [_text(end.system) for end in new.values()]
            times = [end.started_at for end in new.values()]
            await connection.execute(_PROMPTS, list(new), versions, texts, times)
            self._known_prompts.update(new)


def _state(row: asyncpg.Record) -> LaneState:
    return LaneState(
        at=row["at"],
        requests=tuple(row["requests"]),
        tokens=tuple(row["tokens"]),
        request_level=row["request_level"],
        token_level=row["token_level"],
        in_flight=row["in_flight"],
        hold_until=row["hold_until"],
        probing=row["probing"],
        probe_until=row["probe_until"],
        waiting=(row["waiting"][0], row["waiting"][1]),
    )


def _columns(state: LaneState) -> tuple[object, ...]:
    """In the order of `_MAKE` and `_STORE`."""
    window = (state.at, state.requests, state.tokens, state.request_level, state.token_level)
    return (*window, state.in_flight, state.hold_until, state.probing, state.probe_until, state.waiting)


async def _store(connection: Connection, state: LaneState, swept_at: float) -> None:
    await connection.execute(_STORE, *_columns(state), swept_at)


async def _swept(connection: Connection, state: LaneState, now: float) -> LaneState:
    rows = await connection.fetch(_SWEEP, now)
    await _add_spend(connection, [(row["budget_day"], row["reserved_usd"], -row["reserved_usd"]) for row in rows])
    return lane.expire(state, len(rows))


async def _spend(connection: Connection, day: date) -> Spend:
    row = await connection.fetchrow(_SPEND, day)
    return Spend() if row is None else Spend(_pico(row["spent_usd"]), _pico(row["reserved_usd"]))


async def _add_spend(connection: Connection, changes: Sequence[tuple[date, Decimal, Decimal]]) -> None:
    """Add (day, spent, reserved); a statement touches a day once."""
    days = {day for day, _, _ in changes}
    spent = [sum((s for d, s, _ in changes if d == day), Decimal()) for day in days]
    reserved = [sum((r for d, _, r in changes if d == day), Decimal()) for day in days]
    if days:
        await connection.execute(_ADD_SPEND, list(days), spent, reserved)


async def _open(
    connection: Connection, asks: Sequence[CallAsk], at: datetime, *, granted_at: float, expires_at: float
) -> None:
    day = at.astimezone(UTC).date()
    await _add_spend(connection, [(day, Decimal(), _usd(sum(ask.cost for ask in asks)))])
    await connection.execute(
        _OPEN,
        at,
        day,
        granted_at,
        expires_at,
        [ask.call_id for ask in asks],
        [ask.lane for ask in asks],
        [_text(ask.model) for ask in asks],
        [ask.purpose for ask in asks],
        [encode_json({_text(name): _text(value) for name, value in ask.subject.items()}) for ask in asks],
        [ask.prompt_version for ask in asks],
        [ask.prompt_hash for ask in asks],
        [ask.tokens for ask in asks],
        [_usd(ask.cost) for ask in asks],
    )


async def _close(
    connection: Connection, ends: Sequence[CallEnd], granted: Granted, span: tuple[datetime, datetime]
) -> None:
    if not ends:
        return
    await connection.execute(
        _CLOSE,
        [end.call_id for end in ends],
        [end.status for end in ends],
        [end.http_status for end in ends],
        [end.started_at for end in ends],
        [end.latency_ms for end in ends],
        [end.input_tokens for end in ends],
        [end.cached_tokens for end in ends],
        [end.output_tokens for end in ends],
        [_cost(end, granted[end.call_id]) for end in ends],
        [end.request for end in ends],
        [_text(end.reply) for end in ends],
        [_text(end.answered_by) for end in ends],
        [_text(end.fingerprint) for end in ends],
        [_text(end.error) for end in ends],
        *span,
    )


def _settlement(end: CallEnd, row: asyncpg.Record) -> Settlement:
    asked = row["reserved_tokens"]
    tokens = asked if end.tokens is None else end.tokens
    return Settlement(row["granted_at"], asked, tokens, hold=end.hold, late=row["status"] == LOST)


def _unsent(row: asyncpg.Record) -> Settlement:
    return Settlement(row["granted_at"], row["reserved_tokens"], 0, sent=False, late=row["status"] == LOST)


def _free(call_ids: Sequence[UUID], granted: Granted) -> list[tuple[asyncpg.Record, Decimal]]:
    return [(granted[call_id], Decimal()) for call_id in call_ids]


def _share(row: asyncpg.Record, usd: Decimal) -> tuple[date, Decimal, Decimal]:
    """What ending a call adds to its day's spent and reserved; a lost one was counted as spent already."""
    late = row["status"] == LOST
    return row["budget_day"], usd - row["cost_usd"] if late else usd, Decimal() if late else -row["reserved_usd"]


def _cost(end: CallEnd, row: asyncpg.Record) -> Decimal:
    return row["reserved_usd"] if end.cost is None else _usd(end.cost)


def _usd(picodollars: int) -> Decimal:
    return Decimal(picodollars).scaleb(-12)


def _pico(usd: Decimal) -> int:
    return int(usd.scaleb(12))


def _text(text: str) -> str:
    """PostgreSQL's text holds neither U+0000 nor half a surrogate pair."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
