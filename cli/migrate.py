"""`assay migrate`: brings the database to this version."""

from __future__ import annotations

import asyncio
import sys

from core.adapters.migrate import migrate as apply
from core.settings import load_settings, postgres_dsn


def migrate() -> None:
    """Bring the database to this version; safe to repeat and to run twice at once."""
    settings = load_settings()
    applied = asyncio.run(apply(postgres_dsn(settings)))
    sys.stdout.write("".join(f"applied {name}\n" for name in applied) or "up to date\n")
