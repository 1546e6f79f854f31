"""What `report` sends: the pictures of an index as listings of made-up sellers, and copies of them as other sellers'.

The index is a `index.csv` with the columns `path`, `kind`, `class_name`, `coarse`, `category`, `title`, `description`.
Each class is one seller's. Its first listing shows two, three or four of its pictures, by the class's place in the
index, the studio's (`iconic`) first; the rest have a listing each. Each listing is then copied by one of twenty
resellers, every picture of it changed in one of six ways.
"""

from __future__ import annotations

import csv
import io
import json
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps

MOST = 4
"""Pictures of a listing."""

RESELLERS = 20
MARKET, LANGUAGE = "se", "en"
ICONIC = "iconic"


@dataclass(frozen=True, slots=True)
class Row:
    """A picture of the index. `kind`: `iconic` (a studio's) or `natural` (a phone's)."""

    number: int
    path: str
    kind: str
    class_name: str
    category: str
    title: str
    description: str


@dataclass(frozen=True, slots=True)
class Sent:
    """A listing: whose it is, and which pictures it shows, the main one first. `copied`: its pictures are changed."""

    listing_id: str
    seller: str
    rows: tuple[Row, ...]
    copied: bool = False


def rows_of(folder: Path) -> list[Row]:
    """The index."""
    with (folder / "index.csv").open(encoding="utf-8", newline="") as file:
        return [_row(number, row) for number, row in enumerate(csv.DictReader(file))]


def _row(number: int, row: Mapping[str, str]) -> Row:
    return Row(
        number=number,
        path=row["path"],
        kind=row["kind"],
        class_name=row["class_name"],
        category=f"{row['category']} > {row['coarse']}",
        title=row["title"] or row["class_name"].replace("-", " "),
        description=row["description"],
    )


def listings_of(rows: Sequence[Row]) -> list[Sent]:
    """Every picture in one listing."""
    by_class: defaultdict[str, list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda each: each.kind != ICONIC):
        by_class[row.class_name].append(row)
    return [listing for place, each in enumerate(by_class.values()) for listing in _of_class(place, each)]


def _of_class(place: int, rows: Sequence[Row]) -> list[Sent]:
    first = 2 + place % (MOST - 1)
    parts = [tuple(rows[:first]), *((row,) for row in rows[first:])]
    name, seller = rows[0].class_name, f"grocer-{place:02d}"
    return [Sent(f"{name}-{number}", seller, part) for number, part in enumerate(parts)]


def copies_of(listings: Sequence[Sent]) -> list[Sent]:
    """The same again, of resellers."""
    return [
        Sent(f"{each.listing_id}-again", f"reseller-{place % RESELLERS:02d}", each.rows, copied=True)
        for place, each in enumerate(listings)
    ]


def told(listing: Sent, url: Callable[[int], str], pictures: int) -> bytes:
    """The record of the topic; `pictures` of the index, after which the host has their copies."""
    row, shift = listing.rows[0], pictures if listing.copied else 0
    return json.dumps(
        {
            "listing_id": listing.listing_id,
            "timestamp": int(time.time() * 1_000),
            "market": MARKET,
            "language": LANGUAGE,
            "title": row.title,
            "description": row.description,
            "category": row.category,
            "attributes": {"seller": listing.seller},
            "image_urls": [url(shift + each.number) for each in listing.rows],
        },
        ensure_ascii=False,
    ).encode()


SAME = "the same file"
HALVED = "half the size, JPEG 60"
SMALL_CHANGES = ("JPEG 60", "WebP 50", HALVED)
"""The picture is the same to a buyer: its score should be too, and it should be found."""

CROPPED, MIRRORED = "1 % cropped off each side", "mirrored"
CHANGES = (SAME, *SMALL_CHANGES, CROPPED, MIRRORED)
CROP = 0.01


def change_of(row: Row) -> str:
    """Which of the changes a picture's copy has."""
    return CHANGES[row.number % len(CHANGES)]


def changed(data: bytes, change: str) -> bytes:
    """The copy's file."""
    if change == SAME:
        return data
    with Image.open(io.BytesIO(data)) as opened:
        picture = opened.convert("RGB")
    match change:
        case "JPEG 60":
            return _saved(picture, "JPEG", 60)
        case "WebP 50":
            return _saved(picture, "WEBP", 50)
        case "half the size, JPEG 60":
            return _saved(picture.resize((picture.width // 2, picture.height // 2)), "JPEG", 60)
        case "mirrored":
            return _saved(ImageOps.mirror(picture), "JPEG", 90)
        case _:
            dx, dy = round(picture.width * CROP), round(picture.height * CROP)
            return _saved(picture.crop((dx, dy, picture.width - dx, picture.height - dy)), "JPEG", 90)


def _saved(picture: Image.Image, form: str, quality: int) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, form, quality=quality)
    return buffer.getvalue()


def served(folder: Path, rows: Sequence[Row]) -> list[bytes]:
    """Files by the host's numbers: those of the index, then their copies."""
    files = [(folder / row.path).read_bytes() for row in rows]
    return files + [changed(data, change_of(row)) for data, row in zip(files, rows, strict=True)]
