"""The short form of `make chaos` (docs/chaos.md): every kind of thing that decides whether a record counts once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.faults import SHORT, Kind
from tests.chaos.report import text
from tests.chaos.run import Wanted, run

SESSION_S = 4.0  # replicas that share two busy cores with a broker and PostgreSQL keep it


@pytest.mark.kafka
@pytest.mark.postgres
async def test_panes_and_dead_letters_are_exact_whatever_is_killed_stopped_or_cut(tmp_path: Path) -> None:
    report = await run(Wanted(records=20_000, minutes=0.75, seed=4, dose=SHORT, session_s=SESSION_S), tmp_path)
    assert report.is_clean, text(report)
    assert report.faults == {kind.value: SHORT[kind] for kind in Kind if kind in SHORT}
