"""The ledger that all replicas share: one statement reserves a batch of calls, one settles a batch (docs/adr/0014).

A reservation is a row until its call ends; whoever deletes the row pays for the call, so nothing is paid or released
twice, and what dies in between stays counted at its worst case. The day's rows of `llm_spend` are locked in one order
(day, lane) by whoever changes them, no longer than the statement runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from time import monotonic
from typing import get_args
from uuid import UUID

from core.adapters.llm_ledger import SWEEP_SECONDS, CallAsk, CallEnd, by_rank
from core.adapters.llm_statements import CORRECT, DAY, RESERVE, SETTLE, SWEEP
from core.adapters.postgres import Connection, Pool, encode_json, translated
from core.domain.budget import Caps, Grant, Held, Over, Verdict, next_midnight
from core.domain.labels import Lane
from core.ports import Clock

_LANES: tuple[Lane, ...] = get_args(Lane)


class PostgresLedger:
    """The port `Ledger` on the tables of `0011_money.sql`. `lease`: seconds that a reservation lives where the call
    doesn't say. `wall` None: the database's clock, which all share."""

    def __init__(self, pool: Pool, caps: Caps, lease: float, wall: Clock | None = None) -> None:
        self._pool = pool
        self._caps = caps
        self._lease = lease
        self._wall = wall
        self._days: set[date] = set()  # whose rows are known to be there
        self._systems: set[str] = set()  # rules that are known to be stored
        self._swept_at = -SWEEP_SECONDS

    async def reserve(self, asks: Sequence[CallAsk], at: datetime) -> list[Verdict]:
        """As the port says."""
        day = at.astimezone(UTC).date()
        order = by_rank(asks)
        async with translated(), self._pool.acquire() as connection:
            await self._sweep(connection)
            if day not in self._days:
                await connection.execute(DAY, day, _LANES)
                self._days.add(day)
            money = (self._caps.day, _LANES, [self._caps.of(lane) for lane in _LANES])
            calls = _ask_columns([asks[place] for place in order], self._lease)
            rows = await connection.fetch(RESERVE, at, day, self._now(), *money, *calls)
        verdicts: list[Verdict] = [Grant()] * len(asks)
        for place, word, hold_left in rows:
            verdicts[order[place - 1]] = _verdict(word, hold_left, at)
        if any(word == "no_day" for _, word, _ in rows):  # somebody took the day's rows away: made again next time
            self._days.discard(day)
        return verdicts

    async def settle(self, ends: Sequence[CallEnd], unsent: Sequence[UUID]) -> None:
        """As the port says."""
        systems = ["" if end.system in self._systems else end.system for end in ends]
        columns = _end_columns(ends, systems)
        async with translated(), self._pool.acquire() as connection:
            settled = await connection.fetchval(SETTLE, self._now(), unsent, *columns)
            if settled < len(ends) + len(unsent):  # some were given up for lost before, or are settled already
                await connection.execute(CORRECT, self._now(), unsent, *columns)
        self._systems.update(systems)

    async def _sweep(self, connection: Connection) -> None:
        """Calls of dead processes are lost. Two that look at once leave each other's rows alone."""
        if monotonic() - self._swept_at >= SWEEP_SECONDS or self._wall is not None:
            await connection.execute(SWEEP, self._now())
            self._swept_at = monotonic()

    def _now(self) -> float | None:
        return None if self._wall is None else self._wall.now().timestamp()


def _verdict(word: str, hold_left: float | None, at: datetime) -> Verdict:
    if word == "held":
        return Held(hold_left or 0.0)
    if word == "budget":
        return Over("budget", next_midnight(at))
    if word == "lane_budget":
        return Over("lane_budget", next_midnight(at))
    return Over("waits_for_settlement")


def _ask_columns(asks: Sequence[CallAsk], lease: float) -> tuple[Sequence[object], ...]:
    """In the order of RESERVE."""
    return (
        [ask.call_id for ask in asks],
        [ask.endpoint for ask in asks],
        [ask.lane for ask in asks],
        [_text(ask.model) for ask in asks],
        [ask.purpose for ask in asks],
        [encode_json({_text(name): _text(value) for name, value in ask.subject.items()}) for ask in asks],
        ["{" + ",".join(map(str, ask.tasks)) + "}" for ask in asks],
        [ask.prompt_version for ask in asks],
        [ask.prompt_hash for ask in asks],
        [ask.prices for ask in asks],
        [ask.batch for ask in asks],
        [ask.tokens for ask in asks],
        [ask.cost for ask in asks],
        [lease if ask.lease is None else ask.lease for ask in asks],
    )


def _end_columns(ends: Sequence[CallEnd], systems: Sequence[str]) -> tuple[Sequence[object], ...]:
    """In the order of SETTLE and CORRECT."""
    return (
        [end.call_id for end in ends],
        [end.status for end in ends],
        [end.http_status for end in ends],
        [end.latency_ms for end in ends],
        [end.input_tokens for end in ends],
        [end.cached_tokens for end in ends],
        [end.output_tokens for end in ends],
        [end.cost for end in ends],
        [end.request for end in ends],
        [_text(end.reply) for end in ends],
        [_text(end.answered_by) for end in ends],
        [_text(end.fingerprint) for end in ends],
        [_text(end.error) for end in ends],
        [end.hold for end in ends],
        [_text(system) for system in systems],
    )


def _text(text: str) -> str:
    """PostgreSQL's text holds neither U+0000 nor half a surrogate pair."""
    if text.isascii():
        return text if "\0" not in text else text.replace("\0", "\ufffd")
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
