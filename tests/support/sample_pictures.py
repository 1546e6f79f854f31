"""Small product pictures drawn by code: the same seed gives the same picture, good or bad on purpose."""

from __future__ import annotations

import hashlib
import io
import random

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

SIDE = 240
FAULTS = ("", "blurred", "dark", "cluttered", "cropped")
_TONES = ((196, 78, 82), (76, 114, 176), (85, 168, 104), (129, 114, 178), (204, 185, 116), (60, 60, 66), (221, 132, 82))


def draw(seed: int, fault: str = "") -> bytes:
    """JPEG of one thing on a light ground, with a fault of `FAULTS`."""
    rng = random.Random(seed)
    ground = (250, 250, 250) if not fault else (214, 205, 190)
    image = Image.new("RGB", (SIDE, SIDE), ground)
    pen = ImageDraw.Draw(image)
    if fault == "cluttered":
        for _ in range(26):
            x, y, size = rng.randrange(SIDE), rng.randrange(SIDE), rng.randrange(18, 60)
            pen.rectangle((x, y, x + size, y + size), fill=rng.choice(_TONES))
    shift = 95 if fault == "cropped" else 0
    _thing(pen, rng, shift)
    if fault == "blurred":
        image = image.filter(ImageFilter.GaussianBlur(6))
    if fault == "dark":
        image = ImageEnhance.Brightness(image).enhance(0.28)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=82)
    return out.getvalue()


def hash_of(jpeg: bytes) -> str:
    """Name of a picture."""
    return hashlib.sha256(jpeg).hexdigest()


def _thing(pen: ImageDraw.ImageDraw, rng: random.Random, shift: int) -> None:
    tone = tuple(min(255, max(0, part + rng.randrange(-18, 19))) for part in rng.choice(_TONES))
    dark = tuple(int(0.7 * part) for part in tone)
    left, right = 62 + shift + rng.randrange(-9, 10), 178 + shift + rng.randrange(-9, 10)
    kind = rng.randrange(3)
    if kind == 0:  # a box with a screen
        pen.rounded_rectangle((left, 52, right, 192), 14, fill=tone)
        pen.rounded_rectangle((left + 14, 68, right - 14, 140), 6, fill=(235, 240, 244))
        pen.ellipse((left + 46, 152, left + 70, 176), fill=dark)
    elif kind == 1:  # a bottle
        pen.rounded_rectangle((left + 22, 92, right - 22, 206), 18, fill=tone)
        pen.rectangle((left + 44, 42, right - 44, 96), fill=dark)
        pen.rectangle((left + 22, 128, right - 22, 168), fill=(245, 245, 240))
    else:  # a shoe
        pen.polygon([(left - 20, 170), (left - 14, 96), (left + 40, 96), (right, 142), (right + 22, 170)], fill=tone)
        pen.rounded_rectangle((left - 24, 166, right + 26, 186), 9, fill=dark)
