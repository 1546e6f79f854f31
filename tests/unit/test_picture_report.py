"""What the report on photographs (`python -m tests.bench.pictures report`) sends, refuses and writes."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from tests.bench.pictures import files
from tests.bench.pictures.report import provenance
from tests.bench.pictures.report_run import Left, refuse_lost
from tests.bench.pictures.report_shop import CHANGES, MIRRORED, SAME, Row, changed, copies_of, listings_of, told
from tests.bench.pictures.report_words_tables import filled, table

CLASSES, OF_EACH = 3, 4
URL = "http://host/{}.jpg".format


def rows() -> list[Row]:
    made = [Row(n, f"{n}.jpg", "natural", f"c{n % CLASSES}", "Fruit > Kiwi", "t", "d") for n in range(12)]
    return [replace(row, kind="iconic") if row.number >= len(made) - CLASSES else row for row in made]


def test_every_picture_is_in_one_listing_and_the_studios_is_the_main_one() -> None:
    found = listings_of(rows())
    assert sorted(row.number for each in found for row in each.rows) == list(range(12))
    assert sorted(len(each.rows) for each in found) == [1, 1, 1, 2, 3, 4]
    assert [each.rows[0].kind for each in found if len(each.rows) > 1] == ["iconic"] * CLASSES
    assert len({each.seller for each in found}) == CLASSES


def test_a_copy_is_another_sellers_and_shows_the_changed_files() -> None:
    original, copy = listings_of(rows())[0], copies_of(listings_of(rows()))[0]
    assert copy.seller != original.seller
    assert all(URL(12 + row.number).encode() in told(copy, URL, 12) for row in original.rows)


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_gives_another_file_of_the_same_picture(change: str) -> None:
    data = files.sample(1)
    made = changed(data, change)
    assert (made == data) is (change == SAME)
    with Image.open(io.BytesIO(made)) as opened, Image.open(io.BytesIO(data)) as before:
        assert opened.width / before.width == pytest.approx(0.5 if change.startswith("half") else 1, abs=0.03)
    if change == MIRRORED:
        assert hashlib.sha256(changed(made, MIRRORED)).digest() != hashlib.sha256(made).digest()


def left(state: str, reason: str = "", *, scored: bool = True, published: bool = True) -> Left:
    scores = [{"listing_id": "l", "image_url": "u", "event_id": "e"}] if scored else []
    tasks = [{"kind": "image", "listing_id": "l", "image_url": "u", "state": state, "reason": reason}]
    return Left(scores, tasks, [], {}, [], [], [{"event_id": "e"}] if published else [], 1.0)


SENT = [("l", b'{"image_urls": ["u"]}')]


@pytest.mark.parametrize("good", [left("done"), left("failed", "gone", scored=False, published=False)])
def test_a_picture_with_a_known_end_is_not_lost(good: Left) -> None:
    refuse_lost(good, SENT)  # raises


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (left("waiting", scored=False, published=False), "not ended"),
        (left("failed", scored=False, published=False), "failed without a reason"),
        (left("done", scored=False, published=False), "done without a score"),
        (left("done", published=False), "scored and not on the topic"),
        (left("done", scored=False), "on the topic and not scored"),
    ],
)
def test_a_lost_picture_ends_the_report(bad: Left, why: str) -> None:
    with pytest.raises(RuntimeError, match=why):
        refuse_lost(bad, SENT)


def test_a_picture_without_a_task_is_lost() -> None:
    with pytest.raises(RuntimeError, match="without a task"):
        refuse_lost(left("done"), [("other", b'{"image_urls": ["u"]}')])


def test_where_pictures_are_from_is_said_by_the_data_or_not_at_all(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    assert provenance(folder).startswith("Nothing is told")
    (tmp_path / "PROVENANCE.md").write_text("| `images/` + `x.csv` | ten photos | a/b | MIT |\n")
    assert provenance(folder).startswith("Ten photos. From [a/b](https://github.com/a/b), licence: MIT.")


def test_paragraphs_are_filled_and_tables_and_commands_are_left_alone() -> None:
    grid = table(("a", "b"), [("1", "2")])
    page = f"# Title\n\nof two\nlines\n\n{grid}\n\n```bash\nrun\n  it\n```\n\n- one\n  item\n- two\n"
    assert filled(page) == f"# Title\n\nof two lines\n\n{grid}\n\n```bash\nrun\n  it\n```\n\n- one item\n- two\n"
