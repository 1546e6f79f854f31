"""Rows into tables of ours, and names that rows of the sample shop share."""

from __future__ import annotations

import random
import uuid
from collections.abc import Mapping, Sequence

import asyncpg

from tests.support.sample_words import Asked


async def insert(connection: asyncpg.Connection, table: str, rows: Sequence[Mapping[str, object]]) -> None:
    """Rows of equal columns into a table of ours."""
    names = list(rows[0])
    places = ", ".join(f"${n}" for n in range(1, len(names) + 1))
    columns = ", ".join(f'"{name}"' for name in names)
    statement = f"INSERT INTO assay_data.{table} ({columns}) VALUES ({places})"
    await connection.executemany(statement, [[row[name] for name in names] for row in rows])


def name_id(*parts: object) -> uuid.UUID:
    """An id that follows from a name."""
    return uuid.uuid5(uuid.NAMESPACE_URL, "/".join(str(part) for part in parts))


def language(asked: Asked) -> str:
    """Language of a query's market."""
    return "de" if asked.market == "de" else "en"


def fits(asked: Asked, listing_id: str) -> bool:
    """Whether a listing is what the query asks for: less often where shoppers rephrase much."""
    return random.Random(listing_id).random() > 1.6 * asked.reformulated
