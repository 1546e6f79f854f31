"""Pictures spoilt and written over by Pillow: what `core.domain.images.metamorphic` and `picture_canaries` compare.

The same picture gives the same bytes. Whatever is made goes through the service's decoder afterwards, which sends a
JPEG of quality 85; variants are PNG (but for those of `jpeg`), so that nothing but the one thing is spoilt.
"""

from __future__ import annotations

import io

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont

from core.domain.images.metamorphic import STRENGTHS, Transform
from core.domain.images.picture_canaries import LOREM, PictureCanary
from core.errors import UsageError

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

BLUR = (0.004, 0.012, 0.03)
"""Radius of a Gaussian blur as a share of the longer side: 3, 9 and 23 pixels of 768. Seams are soft, print is gone,
the outline is left."""

LIGHT = (0.55, 0.3, 0.12)
"""What is left of the brightness: an evening's room, a cellar, and just above what the technical tier refuses."""

QUALITY = (20, 7, 2)
"""JPEG, of 100 (cameras save 90): blocks in even parts, blocks everywhere, patches of colour."""

SIDE = (0.4, 0.2, 0.1)
"""Of the longer side that is left: 307, 154 and 77 pixels of 768; a picture of fewer than 64 nobody judges."""

BANNER = (0.1, 0.25, 0.5)
"""Of the height that the banner covers, from the lower edge up: each covers what the one before covered, and more."""

BANNER_LINE = 0.05
"""Of the longer side, the height of a line of the banner's letters: a shop's usual shout."""

BANNER_TEXT = "SALE -50%  FREE SHIPPING  BEST PRICE  "
BANNER_COLOUR, BANNER_LETTERS = (176, 16, 32), (255, 255, 255)

PANEL, LETTERS = (255, 255, 255), (16, 16, 16)
"""Of a canary: black on white can be read by whoever reads at all."""

FAINT = 22
"""Luma steps (of 255) by which faint letters differ from what is under them: a person has to look for them."""

MARGIN = 0.3
"""Of a letter's height, around a text."""

LINE = 1.25
"""Of a letter's height, from line to line."""

LEAST_LETTER = 8
"""Pixels: below it no letter is drawn that anybody could read."""

DARK, FULL = 128, 255

NO_CHARACTER = "\uffff"
"""Unicode has none there, so a font draws what it draws for a letter it does not have."""


def untouched(jpeg: bytes) -> bytes:
    """The picture by the same road as its variants."""
    return _png(_opened(jpeg))


def spoilt(jpeg: bytes, transform: Transform, strength: int) -> bytes:
    """The picture with one thing worse, `strength` 1 (visible) to 3 (grave)."""
    if not 1 <= strength <= STRENGTHS:
        raise ValueError(f"strengths are 1 to {STRENGTHS}")
    picture, at = _opened(jpeg), strength - 1
    match transform:
        case "blur":
            return _png(picture.filter(ImageFilter.GaussianBlur(BLUR[at] * max(picture.size))))
        case "darker":
            return _png(ImageEnhance.Brightness(picture).enhance(LIGHT[at]))
        case "jpeg":
            return _saved(picture, "JPEG", quality=QUALITY[at])
        case "low_resolution":
            return _png(_smaller(picture, SIDE[at]))
        case "overlay":
            return _png(_bannered(picture, BANNER[at]))


def written(jpeg: bytes, canary: PictureCanary, which: int, font_file: str | None) -> bytes:
    """The picture with a text of the canary (`which`: 0, 1 of no meaning, 2 the attack): the letters of all three
    have the same size, place and colours, and the panel behind them is as large as the largest of the texts."""
    picture = _opened(jpeg)
    size = max(LEAST_LETTER, round(canary.size * max(picture.size)))
    font = _font(size, font_file if canary.filler != LOREM else None)
    texts = [_broken(each, font, picture.width - 2 * MARGIN * size) for each in texts_of(canary)]
    lines = max(map(len, texts))
    box = _box(canary, picture, max(_width(line, font) for text in texts for line in text), lines, size)
    _write(picture, texts[which], font, box, size, faint=canary.faint)
    return _png(picture)


def texts_of(canary: PictureCanary) -> list[str]:
    """Its texts of no meaning, and last its own."""
    return [*canary.neutral, canary.text]


def can_write(canary: PictureCanary, font_file: str | None) -> bool:
    """Whether its letters can be drawn: others than Latin ones take a font file that has them."""
    if canary.filler == LOREM:
        return True
    if font_file is None:
        return False
    font = _font(LEAST_LETTER * 2, font_file)
    unknown = bytes(font.getmask(NO_CHARACTER))
    return all(bytes(font.getmask(each)) != unknown for each in set("".join(texts_of(canary))) if each.isalpha())


def checked_font(path: str | None) -> str | None:
    """The font file; UsageError where it is none."""
    if path is not None:
        try:
            ImageFont.truetype(path, LEAST_LETTER)
        except OSError:
            raise UsageError(f"--font: {path} is no font file that can be read") from None
    return path


def _smaller(picture: Image.Image, share: float) -> Image.Image:
    width, height = (max(1, round(side * share)) for side in picture.size)
    return picture.resize((width, height), Image.Resampling.BOX)


def _bannered(picture: Image.Image, share: float) -> Image.Image:
    """The same lines stand at the same places under every strength: a larger banner only adds lines above."""
    size = max(LEAST_LETTER, round(BANNER_LINE * max(picture.size)))
    font, pen = _font(size, None), ImageDraw.Draw(picture)
    top = picture.height - round(share * picture.height)
    pen.rectangle((0, top, picture.width, picture.height), fill=BANNER_COLOUR)
    text = BANNER_TEXT * (1 + round(picture.width / max(1.0, _width(BANNER_TEXT, font))))
    line = round(LINE * size)
    for bottom in range(picture.height, top + line, -line):
        pen.text((MARGIN * size, bottom - line), text, fill=BANNER_LETTERS, font=font)
    return picture


def _broken(text: str, font: Font, width: float) -> list[str]:
    """In lines that fit, broken between words, and between letters where there are no words."""
    lines, line = [], ""
    for word in text.split(" ") if " " in text else list(text):
        longer = f"{line} {word}" if line and " " in text else f"{line}{word}"
        if line and _width(longer, font) > width:
            lines.append(line)
            longer = word
        line = longer
    return [*lines, line]


def _box(
    canary: PictureCanary, picture: Image.Image, width: float, lines: int, size: int
) -> tuple[float, float, float]:
    """Left, top and right of the text, and with `lines` its foot."""
    high, margin = lines * LINE * size, MARGIN * size
    top = {"top": margin, "middle": (picture.height - high) / 2, "bottom": picture.height - high - margin}[canary.place]
    return margin, top, margin + width


def _write(
    picture: Image.Image,
    lines: list[str],
    font: Font,
    box: tuple[float, float, float],
    size: int,
    *,
    faint: bool,
) -> None:
    left, top, right = box
    margin, foot = MARGIN * size, top + len(lines) * LINE * size
    pen = ImageDraw.Draw(picture)
    if not faint:
        pen.rectangle((left - margin, top - margin, right + margin, foot + margin), fill=PANEL)
    colour = _faint_colour(picture, (round(left), round(top), round(right), round(foot))) if faint else LETTERS
    for number, line in enumerate(lines):
        pen.text((left, top + number * LINE * size), line, fill=colour, font=font)


def _faint_colour(picture: Image.Image, box: tuple[int, int, int, int]) -> tuple[int, int, int]:
    """The mean of what is under the text, a little darker, or lighter where it is dark."""
    under = picture.crop(box).resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))
    parts = under if isinstance(under, tuple) else (DARK,) * 3
    step = -FAINT if sum(parts) >= DARK * len(parts) else FAINT
    red, green, blue = (min(FULL, max(0, part + step)) for part in parts[:3])
    return red, green, blue


def _width(text: str, font: Font) -> float:
    return font.getlength(text)


def _font(size: int, file: str | None) -> Font:
    return ImageFont.load_default(size) if file is None else ImageFont.truetype(file, size)


def _opened(jpeg: bytes) -> Image.Image:
    """A picture that the decoder made."""
    with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as image:
        return image.convert("RGB")


def _png(picture: Image.Image) -> bytes:
    """Written fast: it is read once."""
    return _saved(picture, "PNG", compress_level=1)


def _saved(picture: Image.Image, form: str, **options: int) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()
