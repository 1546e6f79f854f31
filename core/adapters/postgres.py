"""Connections to PostgreSQL, and the one translation of its errors into ours."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import asyncpg.pool
import msgspec

from core.errors import RetryLater, SettingsError

Pool = asyncpg.Pool
Connection = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy

CONNECT_TIMEOUT_S = 5.0
"""Seconds to connect: a live server on any network answers in under one; the caller repeats with backoff."""

COMMAND_TIMEOUT_S = 60.0
"""Seconds for one statement: the slowest of ours takes under two; a minute means the server is gone."""

_GONE = (
    OSError,
    asyncio.TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # its state when the server goes between two statements of a connection
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.QueryCanceledError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
)

IMPOSSIBLE_DSN = (
    "ASSAY_POSTGRES_DSN can't be used; it takes an address such as postgresql://user:password@host:5432/database, with "
    "what is special in a password written as %xx"
)
"""Says nothing of the value: where it is read wrongly, a part of the password stands where a port should."""


@asynccontextmanager
async def translated() -> AsyncIterator[None]:
    """Errors of a server that is not there (or asks to repeat) become RetryLater; a wrong password SettingsError."""
    try:
        yield
    except (
        asyncpg.InvalidPasswordError,
        asyncpg.InvalidAuthorizationSpecificationError,
        asyncpg.InvalidCatalogNameError,
    ) as error:
        raise SettingsError(f"ASSAY_POSTGRES_DSN is refused by the server: {error}") from None
    except asyncpg.ClientConfigurationError:
        raise SettingsError(IMPOSSIBLE_DSN) from None
    except asyncpg.InsufficientPrivilegeError as error:
        raise SettingsError(f"ASSAY_POSTGRES_DSN names a role that may not do this: {error}") from None
    except asyncpg.CheckViolationError as error:
        if error.constraint_name:
            raise
        # Of a partition's own bounds, which have no name: the row's day got a partition since the row was sent to the
        # rest (docs/adr/0010). The same statement once more finds it.
        raise RetryLater(f"a day's partition came in between: {error}") from error
    except _GONE as error:
        if isinstance(error, ValueError):  # asyncpg's word for an argument of ours that no column takes: a defect
            raise
        raise RetryLater(f"PostgreSQL is not there: {type(error).__name__}: {error}") from error


async def connect(dsn: str) -> asyncpg.Connection:
    """One connection; RetryLater or SettingsError."""
    async with translated():
        try:
            return await asyncpg.connect(dsn, timeout=CONNECT_TIMEOUT_S, command_timeout=COMMAND_TIMEOUT_S)
        except ValueError:
            raise SettingsError(IMPOSSIBLE_DSN) from None


async def open_pool(dsn: str, size: int) -> Pool:
    """A pool whose `jsonb` columns are Python values. Connects at its first use, so a server may still be away."""
    async with translated():
        return await asyncpg.create_pool(
            dsn,
            min_size=0,
            max_size=size,
            timeout=CONNECT_TIMEOUT_S,
            command_timeout=COMMAND_TIMEOUT_S,
            init=_speak_json,
            reset=_put_right,
            server_settings={"application_name": "assay", "jit": "off"},
        )


async def _speak_json(connection: asyncpg.Connection) -> None:
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=encode_json, decoder=json.loads, format="text"
    )


async def _put_right(connection: asyncpg.Connection) -> None:
    """A connection that comes back to the pool. asyncpg's own reset is four statements each time, a fifth of a small
    transaction's work; ours never leave a session setting, a cursor or a lock behind, only perhaps a transaction."""
    if connection.is_in_transaction():
        await connection.execute("ROLLBACK")


def encode_json(value: object) -> str:
    """JSON text of a value for a `jsonb` column."""
    return msgspec.json.encode(value).decode()


@asynccontextmanager
async def transaction(pool: Pool) -> AsyncIterator[Connection]:
    """A connection inside one transaction, errors translated."""
    async with translated(), pool.acquire() as connection, connection.transaction():
        yield connection


@asynccontextmanager
async def connection(pool: Pool) -> AsyncIterator[Connection]:
    """A connection, errors translated."""
    async with translated(), pool.acquire() as held:
        yield held


def rows_of(status: str) -> int:
    """How many rows a statement touched, of what PostgreSQL says after it: `DELETE 5`, `INSERT 0 5`."""
    return int(status.rpartition(" ")[2])
