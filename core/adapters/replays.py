"""Runs of replays in PostgreSQL: a name is used once, and a run's panes can take the place of the live ones."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from core.adapters.postgres import Pool, connection, transaction

_HOURS = "SELECT DISTINCT hour FROM assay_data.panes WHERE run = $1"


@dataclass(frozen=True, slots=True)
class Replay:
    """A run that was begun."""

    run: str
    from_at: datetime
    to_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Promotion:
    """What `promote` did, or would do: hours covered, live panes that go, the run's panes that come."""

    hours: int
    removed: int
    added: int


class ReplayRuns:
    """The book of runs."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def begin(self, run: str, from_at: datetime, to_at: datetime, at: datetime) -> Replay | None:
        """None when the run is begun now; else the run of that name that was begun before."""
        async with transaction(self._pool) as held:
            row = await held.fetchrow(
                "INSERT INTO assay_data.replays (run, from_at, to_at, begun_at) VALUES ($1, $2, $3, $4) "
                "ON CONFLICT (run) DO NOTHING RETURNING run",
                run,
                from_at,
                to_at,
                at,
            )
            if row is not None:
                return None
            [known] = await held.fetch(
                "SELECT run, from_at, to_at, finished_at FROM assay_data.replays WHERE run = $1", run
            )
        return Replay(*known)

    async def finish(self, run: str, records: int, at: datetime) -> None:
        """All records of the run are sent."""
        async with connection(self._pool) as held:
            await held.execute(
                "UPDATE assay_data.replays SET records = $2, finished_at = $3 WHERE run = $1", run, records, at
            )

    async def promote(self, run: str, at: datetime, *, dry: bool) -> Promotion:
        """Put the run's panes in place of the live ones in the hours it covers; `dry` only counts."""
        async with transaction(self._pool) as held:
            hours = await held.fetchval(f"SELECT count(*) FROM ({_HOURS}) AS h", run)  # noqa: S608
            removed = await held.fetchval(
                f"SELECT count(*) FROM assay_data.panes WHERE run = 'live' AND hour IN ({_HOURS})",  # noqa: S608
                run,
            )
            added = await held.fetchval("SELECT count(*) FROM assay_data.panes WHERE run = $1", run)
            if not dry and added:
                await held.execute(
                    f"DELETE FROM assay_data.panes WHERE run = 'live' AND hour IN ({_HOURS})",  # noqa: S608
                    run,
                )
                await held.execute(
                    "INSERT INTO assay_data.panes SELECT 'live', application, market, query, hour, searches, sessions, "
                    "engaged, reformulated, exits, zero_results FROM assay_data.panes WHERE run = $1",
                    run,
                )
                await held.execute("UPDATE assay_data.replays SET promoted_at = $2 WHERE run = $1", run, at)
        return Promotion(hours, removed, added)
