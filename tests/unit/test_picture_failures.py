"""The page of pictures names every end state that the code has, with whether it is tried again."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from core.adapters.picture_decode import kind_of_unknown
from core.domain.images.verdict import Thresholds, verdict

ROOT = Path(__file__).parents[2]
BROKEN = {"width": 500.0, "height": 500.0, "highlight": 1.0, "contrast": 0.5, "border_share": 0.0}


def raised() -> Iterator[tuple[str, bool | None]]:
    """Kind and `final` of each PictureError of the code where both are written out; None: it depends."""
    for path in [
        *ROOT.glob("core/adapters/picture*.py"),
        *ROOT.glob("core/stages/*.py"),
        *ROOT.glob("core/domain/images/*.py"),
    ]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "PictureError":
                kind = node.args[1] if len(node.args) > 1 else None
                final = [each.value for each in node.keywords if each.arg == "final"]
                if isinstance(kind, ast.Constant) and final:
                    yield kind.value, final[0].value if isinstance(final[0], ast.Constant) else None


def documented() -> dict[str, str]:
    """What the page's table says of each reason."""
    text = (ROOT / "docs" / "pictures.md").read_text(encoding="utf-8").split("\n## Failures\n")[1].split("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| `")]
    found = {name.strip("`"): row[-1] for row in rows for name in row[0].split(", ")}
    return found | dict.fromkeys(("no_picture", "no_folder", "outside_folder", "no_file"), "final")


def test_every_end_state_is_on_the_page_and_said_to_be_retried_where_it_is() -> None:
    found, page = list(raised()), documented()
    assert len(found) > 20
    assert {kind for kind, _ in found} - set(page) == set()
    wrong = [kind for kind, final in found if final is not None and page[kind].startswith("final") is not final]
    assert wrong == []


def test_what_the_bytes_and_the_technical_tier_end_in_is_on_the_page() -> None:
    kinds = {kind_of_unknown(data) for data in (b"", b"%!PS", b"GIF89a")}
    broken = ({"width": 1.0}, {"highlight": 0.0}, {"contrast": 0.0})
    kinds |= {str(verdict({**BROKEN, **change}, Thresholds())) for change in broken}
    assert kinds - set(documented()) == set()
