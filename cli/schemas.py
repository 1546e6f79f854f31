"""Writes the JSON Schemas of the outgoing topics: `python -m cli.schemas docs/schemas`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from core.domain.events import BODIES, schema


def schema_files() -> dict[str, str]:
    """File name to text, one of each outgoing topic."""
    return {f"{topic}.schema.json": json.dumps(schema(topic), indent=2, ensure_ascii=False) + "\n" for topic in BODIES}


def main() -> None:
    """Write them into the directory named on the command line, else where the documentation has them."""
    directory = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/schemas")
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in schema_files().items():
        (directory / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
