"""`python -m tests.bench.pictures report`: real photographs through the picture side, and the page on it.

`report_shop.py` has what is sent, `report_run.py` what is run, `report_figures.py` what is computed, `report_words*.py`
the page.
"""

from __future__ import annotations

import asyncio
import re
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from tests.bench.pictures.report_run import Sizes, ran
from tests.bench.pictures.report_words import words
from tests.bench.stream import servers
from tests.bench.stream.tables import say

PROVENANCE = "PROVENANCE.md"
"""Beside the folder of pictures: a table whose first cell names the folder."""


def write(folder: Path, out: Path | None) -> None:
    """Run it, and write the page; SystemExit where there are no pictures."""
    if not (folder / "index.csv").is_file():
        sys.exit(f"{folder} has no index.csv: name a folder of pictures with --pictures")
    began = time.monotonic()
    with servers.started() as running:
        page = words(asyncio.run(ran(running, folder, Sizes())), datetime.now(UTC).date(), provenance(folder))
    if out is None:
        sys.stdout.write(page)
    else:
        out.write_text(page, encoding="utf-8")
    say(f"{time.monotonic() - began:.0f} s")


def provenance(folder: Path) -> str:
    """What the data itself says of where the pictures are from: the row of their folder."""
    told = folder.resolve().parent / PROVENANCE
    lines = told.read_text(encoding="utf-8").splitlines() if told.is_file() else []
    row = next((line for line in lines if re.match(rf"\|\s*`{re.escape(folder.name)}/`", line)), None)
    if row is None:
        return "Nothing is told of where the pictures are from."
    _, what, source, licence = (cell.strip() for cell in row.strip().strip("|").split("|"))
    return (
        f"{what[0].upper()}{what[1:]}. From [{source}](https://github.com/{source}), licence: {licence}. "
        "They were read where they lie; none is part of this project."
    )
