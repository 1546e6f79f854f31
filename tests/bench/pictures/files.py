"""Picture files that benchmarks fetch: photographs of a shop where they are at hand, and drawn ones of known size."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from random import Random

from PIL import Image

from demo.marketplace.colours import COLOURS
from demo.marketplace.pictures import PictureFacts, draw_picture, picture_facts
from demo.marketplace.vocabulary import CATEGORIES
from tests.support.needs import SHARED_DATA

NOISE = 8.0  # of a sensor, in luma steps: without it a large JPEG would be smaller than any photograph is
QUALITY = 90  # what cameras save


def photographs(count: int) -> list[bytes]:
    """Of groceries, on a shelf and cut out; none where the data is not at hand."""
    found = sorted((SHARED_DATA / "images").rglob("*.jpg"))
    step = max(1, len(found) // count)
    return [path.read_bytes() for path in found[::step][:count]]


def drawn(sides: Sequence[int]) -> list[bytes]:
    """Drawn products of these sides in pixels, with the noise of a sensor."""
    return [_grown(sample(number, PictureFacts(None, 0.0, 1.0)), side) for number, side in enumerate(sides)]


def sample(number: int, facts: PictureFacts | None = None) -> bytes:
    """A drawn product of 400 to 600 pixels, good or bad as `number` has it."""
    rng = Random(number)
    category = CATEGORIES[number % len(CATEGORIES)]
    colour = COLOURS[rng.choice(category.colours)].rgb
    return draw_picture(f"{category.key}-{number}", category, colour, facts or picture_facts(rng, 0.6))


def _grown(jpeg: bytes, side: int) -> bytes:
    with Image.open(io.BytesIO(jpeg)) as small:
        large = small.convert("RGB").resize((side, side), Image.Resampling.BICUBIC)
    noise = Image.effect_noise((side, side), NOISE).convert("RGB")
    buffer = io.BytesIO()
    Image.blend(large, noise, 0.1).save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()


def kept(files: Sequence[bytes], folder: Path) -> None:
    """As files by number, for `host.py`."""
    for number, data in enumerate(files):
        (folder / f"{number}.jpg").write_bytes(data)
