"""The pictures that `assay eval images` spoils: files of a folder, pictures of a dataset, or drawn ones."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from core.adapters.picture_files import FilePictures
from core.adapters.pictures import HttpPictureSource
from core.domain.images.student import Student
from core.errors import PictureError, UsageError
from core.eval_facts import EvalItem
from core.ports import Listing, Picture
from core.stages.image_scorers import BasePicture
from demo.marketplace.colours import COLOURS
from demo.marketplace.pictures import PictureFacts, draw_picture
from demo.marketplace.vocabulary import CATEGORIES

ENDINGS = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".avif"})
"""Of files that are taken for pictures; what is in them the decoder finds out."""

FAULTLESS = PictureFacts(None, 0.0, 1.0)
"""Drawn pictures are as good as drawn ones get: what is spoilt from the start has no room to fall."""

MARKET, LANGUAGE = "us", "en"
"""Of pictures that nobody says more of; no judge is told."""

TellListing = Callable[[EvalItem], Awaitable[Listing]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """How many pictures (0: all), and what they show where nothing says it."""

    limit: int
    category: str


async def of_folder(http: HttpPictureSource, folder: str, wanted: Wanted, max_bytes: int) -> list[BasePicture]:
    """Files of the folder and those below it, chosen by a hash of their names; UsageError where none can be used."""
    names = _chosen(_names_in(Path(folder)), wanted.limit)
    files = FilePictures(http, folder, max_bytes)
    listing = bare_listing(wanted.category)
    return await _fetched(names, lambda name: _file(files, name, listing), f"{folder} holds no picture")


def _names_in(root: Path) -> list[str]:
    found = (path for path in root.rglob("*") if path.suffix.lower() in ENDINGS and path.is_file())
    return [str(path.relative_to(root)) for path in found]


async def _file(files: FilePictures, name: str, listing: Listing) -> BasePicture:
    return base_of(name, await files.fetch(name), replace(listing, listing_id=name))


async def of_dataset(
    files: FilePictures, items: Sequence[EvalItem], tell: TellListing, wanted: Wanted
) -> list[BasePicture]:
    """Pictures of a dataset's items, each once, chosen by a hash of their addresses; UsageError where none can be
    used."""
    by_url = {item.image_url: item for item in items if item.image_url}

    async def one(url: str) -> BasePicture:
        item = by_url[url]
        return base_of(url, await files.fetch(url), await tell(item))

    return await _fetched(_chosen(by_url, wanted.limit), one, "the dataset names no picture that can be had")


async def drawn(http: HttpPictureSource, wanted: Wanted) -> list[BasePicture]:
    """Flawless drawn products, one of each of the demo's categories, then again in other colours."""
    shown = [
        (category, colour)
        for place in range(max(len(category.colours) for category in CATEGORIES))
        for category in CATEGORIES
        for colour in category.colours[place : place + 1]
    ]
    bases = []
    for category, colour in shown[: wanted.limit or len(shown)]:
        name = f"{category.key}-{colour}"
        picture = await http.decoded(draw_picture(name, category, COLOURS[colour].rgb, FAULTLESS))
        kind = category.key.replace("_", " ")
        bases.append(base_of(name, picture, bare_listing(kind, name, f"{COLOURS[colour].names['en']} {kind}")))
    return bases


def base_of(name: str, picture: Picture, listing: Listing) -> BasePicture:
    """A picture that was decoded, to be spoilt."""
    return BasePicture(name, picture.image_hash, picture.jpeg, listing)


def bare_listing(category: str, listing_id: str = "", title: str = "") -> Listing:
    """All that is known of what a picture shows."""
    return Listing(
        listing_id=listing_id,
        market=MARKET,
        language=LANGUAGE,
        title=title,
        description=None,
        brand=None,
        category=category or None,
        price_amount=None,
        price_currency=None,
        attributes={},
        image_urls=(),
        content_hash="",
    )


async def refuse_without_features(http: HttpPictureSource, bases: Sequence[BasePicture], student: Student) -> None:
    """UsageError where the decoder does not make what the student looks at."""
    picture = await http.decoded(bases[0].jpeg)
    if student.extractor not in picture.features:
        raise UsageError(
            f"{student.version} looks at {student.extractor}, which the decoder does not make: "
            "set ASSAY_IMAGE_EMBEDDING_MODEL as it was when the student was trained"
        )


def _chosen(names: Iterable[str], limit: int) -> list[str]:
    """The same ones every time, and among more of them still there, in an order that has nothing to do with names."""
    ordered = sorted(names, key=lambda name: hashlib.sha256(name.encode(errors="surrogateescape")).digest())
    return ordered[:limit] if limit else ordered


async def _fetched(names: Sequence[str], one: Callable[[str], Awaitable[BasePicture]], none: str) -> list[BasePicture]:
    """What can't be had is told and left out."""
    bases = []
    for name in names:
        try:
            bases.append(await one(name))
        except PictureError as error:
            sys.stderr.write(f"left out: {name}: {error.kind}\n")
    if not bases:
        raise UsageError(none)
    return bases
