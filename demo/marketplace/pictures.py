"""Product pictures drawn by code, good or with one fault of known severity. JPEG, the same bytes for the same facts."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import Literal

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont

from demo.marketplace.pen import Pen, Rgb
from demo.marketplace.vocabulary import Category

PictureFault = Literal["blurred", "dark", "cluttered", "cropped", "text_overlay", "low_resolution"]
PICTURE_FAULTS: tuple[PictureFault, ...] = (
    "blurred",
    "dark",
    "cluttered",
    "cropped",
    "text_overlay",
    "low_resolution",
)

JPEG_QUALITY = 88
"""What shops commonly save: no visible blocks, some 25 KB a picture."""

GENERATED_COLOUR = 2.2
"""Times the colour: until the weakest channel is gone, as models like to draw."""

COPY_SCALE, COPY_QUALITY = 0.9, 80
"""A copy is saved from the page it was seen on: smaller, and compressed a second time."""

WORST_FAULT_COSTS = 0.8
"""Quality that a fault of severity 1 takes: such a picture still shows something."""

SHOUTS = ("SALE -50%", "FREE SHIPPING", "BEST PRICE!!", "TOP DEAL TODAY", "100% ORIGINAL", "ONLY 3 LEFT")


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """What is true of a picture: its fault, how bad (0 to 1), and the quality 0 to 1 that follows."""

    fault: PictureFault | None
    severity: float
    quality: float
    generated: bool = False
    """Whether it looks made by a model: smooth beyond any camera, in colours no product has."""


@dataclass(frozen=True, slots=True)
class Item:
    """A drawn product: its looks (RGB) and where it is (L)."""

    looks: Image.Image
    mask: Image.Image


def picture_facts(rng: Random, fault_share: float) -> PictureFacts:
    """Draw a picture's facts; `fault_share` of pictures have a fault."""
    care = rng.uniform(0.88, 1.0)
    fault = PICTURE_FAULTS[rng.randrange(len(PICTURE_FAULTS))]
    severity = rng.uniform(0.45, 1.0)
    if rng.random() >= fault_share:
        return PictureFacts(None, 0.0, round(care, 3))
    return PictureFacts(fault, round(severity, 3), round(care - WORST_FAULT_COSTS * severity, 3))


def draw_picture(name: str, category: Category, colour: Rgb, facts: PictureFacts) -> bytes:
    """A JPEG of 400 to 600 pixels a side (fewer at low resolution). `name` seeds what differs between pictures."""
    rng = Random(f"picture:{name}")
    side = rng.randrange(400, 601, 20)
    canvas = _clutter(side, rng, facts.severity) if facts.fault == "cluttered" else _studio(side, rng)
    _place(canvas, _item(round(side * rng.uniform(0.74, 0.82)), category, colour, rng), facts, rng)
    return _jpeg(_spoiled(canvas, facts, rng))


def saved_anew(jpeg: bytes) -> bytes:
    """The same picture as another seller shows it: a little smaller, saved once more."""
    with Image.open(io.BytesIO(jpeg)) as picture:
        side = round(picture.width * COPY_SCALE)
        buffer = io.BytesIO()
        picture.resize((side, side), Image.Resampling.LANCZOS).save(buffer, "JPEG", quality=COPY_QUALITY)
    return buffer.getvalue()


def _item(side: int, category: Category, colour: Rgb, rng: Random) -> Item:
    pen = Pen(side, colour)
    category.draw(pen)
    looks, mask = pen.picture()
    if rng.random() < 0.3:
        looks, mask = (part.transpose(Image.Transpose.FLIP_LEFT_RIGHT) for part in (looks, mask))
    _shade(looks)
    return Item(looks, mask)


def _shade(looks: Image.Image) -> None:
    """Light from the upper left: darker to the lower right."""
    ramp = Image.linear_gradient("L")
    slope = Image.blend(ramp, ramp.transpose(Image.Transpose.ROTATE_90), 0.4).resize(looks.size)
    looks.paste((0, 0, 0), mask=slope.point([value * 2 // 5 for value in range(256)]))


def _studio(side: int, rng: Random) -> Image.Image:
    white = rng.randrange(246, 256)
    return Image.new("RGB", (side, side), (white, white, white))


def _clutter(side: int, rng: Random, severity: float) -> Image.Image:
    """A busy room: a wall, a table, and things on it."""
    canvas = Image.new("RGB", (side, side), _any_colour(rng, 120, 220))
    draw = ImageDraw.Draw(canvas)
    draw.rectangle((0, side * 0.6, side, side), fill=_any_colour(rng, 60, 150))
    for line in range(0, side, 24):
        draw.line((line, side * 0.6, line - 60, side), fill=(70, 50, 40), width=2)
    for _ in range(round(12 + 26 * severity)):
        x, y = rng.uniform(-0.1, 1) * side, rng.uniform(-0.1, 1) * side
        box = (x, y, x + rng.uniform(0.06, 0.3) * side, y + rng.uniform(0.06, 0.3) * side)
        if rng.random() < 0.5:
            draw.rectangle(box, fill=_any_colour(rng, 20, 250), outline=(20, 20, 20))
        else:
            draw.ellipse(box, fill=_any_colour(rng, 20, 250), outline=(20, 20, 20))
    return canvas


def _any_colour(rng: Random, low: int, high: int) -> Rgb:
    return rng.randrange(low, high), rng.randrange(low, high), rng.randrange(low, high)


def _place(canvas: Image.Image, item: Item, facts: PictureFacts, rng: Random) -> None:
    """Item and its shadow, in the middle, or partly outside when cropped."""
    width, height = item.looks.size
    left = (canvas.width - width) // 2 + rng.randrange(-6, 7)
    top = (canvas.height - height) // 2 + rng.randrange(-6, 7)
    if facts.fault == "cropped":
        outside = round(width * (0.2 + 0.35 * facts.severity))
        left = -outside if rng.random() < 0.5 else canvas.width - width + outside
        top += round(height * 0.2 * facts.severity)
    box = item.mask.getbbox() or (0, 0, width, height)
    shadow = _shadow(box[2] - box[0], height // 10)
    canvas.paste((70, 70, 76), (left + box[0], top + box[3] - shadow.height // 2), shadow)
    canvas.paste(item.looks, (left, top), item.mask)


def _shadow(width: int, height: int) -> Image.Image:
    """Darkest in the middle, nothing at its rim."""
    faded = Image.radial_gradient("L").point([max(0, 170 - value) for value in range(256)])
    return faded.resize((width, height))


def _spoiled(canvas: Image.Image, facts: PictureFacts, rng: Random) -> Image.Image:
    severity = facts.severity
    if facts.generated:
        return ImageEnhance.Color(canvas.filter(ImageFilter.SMOOTH_MORE)).enhance(GENERATED_COLOUR)
    if facts.fault == "blurred":
        return canvas.filter(ImageFilter.BoxBlur(3 + 6 * severity))
    if facts.fault == "dark":
        return ImageEnhance.Brightness(canvas).enhance(0.5 - 0.36 * severity)
    if facts.fault == "low_resolution":
        small = round(200 - 120 * severity)
        return canvas.resize((small, small), Image.Resampling.BILINEAR)
    if facts.fault == "text_overlay":
        _write_over(canvas, severity, rng)
    return canvas


def _write_over(canvas: Image.Image, severity: float, rng: Random) -> None:
    draw = ImageDraw.Draw(canvas)
    font = _font(round(canvas.width * 0.065 / 4) * 4)
    for row in range(2 + round(4 * severity)):
        left, top = rng.uniform(0.02, 0.35) * canvas.width, (0.04 + 0.16 * row) * canvas.height
        text = SHOUTS[rng.randrange(len(SHOUTS))]
        box = draw.textbbox((left, top), text, font=font)
        draw.rectangle((box[0] - 8, box[1] - 6, box[2] + 8, box[3] + 6), fill=(150, 0, 20))
        draw.text((left, top), text, fill=(255, 255, 255), font=font, stroke_width=1)


@lru_cache(maxsize=16)
def _font(size: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    return ImageFont.load_default(size)


def _jpeg(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()
