"""From bytes of unknown origin to a small JPEG and its measures, by Pillow. Runs where a crash costs one picture."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from collections.abc import Callable
from typing import Protocol, TypeVar

import msgspec
import numpy as np
from PIL import Image, UnidentifiedImageError

from core.adapters.picture_phash import phash_of
from core.domain.images.features import EXTRACTOR, features_of
from core.domain.images.measures import MEASURE_SIDE, measure
from core.errors import PictureError

FORMATS = {
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "BMP": "image/bmp",
    "AVIF": "image/avif",
}
"""What shops serve and Pillow decodes by itself. No SVG (a program), no TIFF, PSD, EPS (pages show none)."""

OPENERS = [name for name in FORMATS if name != "MPO"]
"""MPO is what the JPEG reader makes of a file with several pictures."""

JPEG_QUALITY = 85
"""Between Pillow's 75 and the 95 it calls the highest that makes sense: no artefact to blame on the seller."""

THUMBNAIL_SIDE = 192
"""Pixels: a console tile of 96 on a screen of double density."""

REDUCING_GAP = 2.0
"""Pillow shrinks in two steps when the first leaves twice the target: its documented bound for no visible loss."""

ORIENTATION_TAG = 0x0112
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF 2.3 orientation to the turn that undoes it."""

SWAPS = {TURNS[5], TURNS[6], TURNS[7], TURNS[8]}
"""Turns that make width height."""

BROKEN = (OSError, SyntaxError, ValueError, ArithmeticError, LookupError, TypeError, EOFError, struct.error, zlib.error)
"""What Pillow's readers raise on damaged files (its fuzzing oracles list the same)."""

SMALL_MODES = frozenset({"L", "RGB", "RGBA", "CMYK", "YCbCr", "LA"})
"""Modes that Pillow reduces as they are; the others become RGB or RGBA first."""


LONGEST_FAULT = 300
"""Characters of what went wrong with a part of a picture: a line of a log."""

FEATURE_SIDE = 256
"""Pixels: what `features_of` is made for."""

KNOWN_STARTS = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"BM")
OTHER_STARTS = (b"II*\0", b"MM\0*", b"8BPS", b"\0\0\x01\0", b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51", b"%!PS", b"%PDF")
"""TIFF, PSD, ICO, JPEG 2000, EPS, PDF."""


class Limits(msgspec.Struct, frozen=True):
    """What a decoder may spend on one picture: pixels by its header, the longest side that is sent on; and the ONNX
    file that looks at it too, if any."""

    max_pixels: int
    max_side: int
    embedding_model: str = ""


class Embed(Protocol):
    """A model's look at a picture."""

    @property
    def extractor(self) -> str:
        """Its name among `Picture.features`."""
        ...

    def __call__(self, image: Image.Image) -> bytes:
        """Little-endian 32-bit floats of an RGB picture; ValueError when the model fails."""
        ...


class Decoded(msgspec.Struct, frozen=True, tag=True):
    """A usable picture. Sizes in pixels, original ones as shown (after rotation)."""

    image_hash: str
    jpeg: bytes
    width: int
    height: int
    original_width: int
    original_height: int
    media_type: str
    measures: dict[str, float]
    thumbnail: bytes = b""
    phash: int | None = None
    features: dict[str, bytes] = {}
    lost: dict[str, str] = {}
    """What of hash and features failed on this picture, and how: it is judged without."""


Made = TypeVar("Made")


def decode(data: bytes, limits: Limits, embed: Embed | None = None) -> Decoded:
    """The picture in `data`; PictureError when it is none, of no known format, too large or broken."""
    try:
        return _decode(data, limits, embed)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PictureError("more pixels than Pillow opens", "too_many_pixels", final=True) from error
    except MemoryError as error:
        raise PictureError("decoding takes more memory than is given", "decode_memory", final=True) from error
    except UnidentifiedImageError as error:
        raise PictureError("no picture of a known format", kind_of_unknown(data), final=True) from error
    except BROKEN as error:
        raise PictureError(f"can't be decoded ({type(error).__name__})", "broken_picture", final=True) from error


def thumbnail(jpeg: bytes) -> bytes:
    """A JPEG of at most `THUMBNAIL_SIDE` pixels for the console, from one that `decode` made."""
    with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as image:
        return _as_thumbnail(image)


def kind_of_unknown(data: bytes) -> str:
    """Of what Pillow does not open: `broken_picture` when it starts as a known format does, `unsupported_format` when
    as another (SVG, TIFF, HEIC, PSD, icons), else `not_a_picture`."""
    brand = data[8:12] if data[4:8] == b"ftyp" or data[:4] == b"RIFF" else b""
    if data.startswith(KNOWN_STARTS) or brand in {b"avif", b"avis", b"WEBP"}:
        return "broken_picture"
    text = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if data.startswith(OTHER_STARTS) or data[4:8] == b"ftyp" or (text.startswith(b"<") and b"<svg" in text):
        return "unsupported_format"
    return "not_a_picture"


def _decode(data: bytes, limits: Limits, embed: Embed | None) -> Decoded:
    with Image.open(io.BytesIO(data), formats=OPENERS) as image:
        if image.width * image.height > limits.max_pixels:
            raise PictureError(f"over {limits.max_pixels} pixels", "too_many_pixels", final=True)
        media_type, turn, size = FORMATS[image.format or ""], _turn_of(image), image.size
        small = _upright(_on_white(_reduced(image, limits.max_side)), turn)
    width, height = size[::-1] if turn in SWAPS else size
    grey, lost = _shrunk(small.convert("L"), MEASURE_SIDE), dict[str, str]()
    seen = _shrunk(small, FEATURE_SIDE)
    return Decoded(
        image_hash=hashlib.sha256(data).hexdigest(),
        jpeg=_as_jpeg(small),
        width=small.width,
        height=small.height,
        original_width=width,
        original_height=height,
        media_type=media_type,
        measures=measure(np.asarray(grey), width, height),
        thumbnail=_as_thumbnail(seen),
        phash=_made("phash", lambda: phash_of(grey), lost),
        features=_features(small, seen, embed, lost),
        lost=lost,
    )


def _features(image: Image.Image, seen: Image.Image, embed: Embed | None, lost: dict[str, str]) -> dict[str, bytes]:
    """What students see, by extractor, without those that failed; `seen` is `image` at `FEATURE_SIDE`."""
    found = {EXTRACTOR: _made(EXTRACTOR, lambda: _figures(seen), lost)}
    if embed is not None:
        found[embed.extractor] = _made(embed.extractor, lambda: embed(image), lost)
    return {name: values for name, values in found.items() if values is not None}


def _figures(image: Image.Image) -> bytes:
    return features_of(np.asarray(image)).astype("<f4").tobytes()


def _made(name: str, make: Callable[[], Made], lost: dict[str, str]) -> Made | None:
    """What `make` gives; a picture that it fails on is none the worse for the rest."""
    try:
        return make()
    except (*BROKEN, MemoryError) as error:
        lost[name] = f"{type(error).__name__} {error}"[:LONGEST_FAULT]
        return None


def _shrunk(image: Image.Image, side: int) -> Image.Image:
    """At most `side` pixels long, each the mean of those it stands for."""
    longest = max(image.size)
    if longest <= side:
        return image
    width, height = (max(1, round(pixels * side / longest)) for pixels in image.size)
    return image.resize((width, height), Image.Resampling.BOX, reducing_gap=1.0)


def _reduced(image: Image.Image, side: int) -> Image.Image:
    """At most `side` pixels long, in 8 bits a channel; JPEG is already decoded smaller (`draft`)."""
    if image.format in {"JPEG", "MPO"}:
        image.draft(None, (round(side * REDUCING_GAP), round(side * REDUCING_GAP)))
    image.load()
    eight_bit = image if image.mode in SMALL_MODES and "transparency" not in image.info else _to_eight_bit(image)
    eight_bit.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=REDUCING_GAP)
    return eight_bit


def _to_eight_bit(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        values = (np.asarray(image) >> 8).clip(0, 255).astype(np.uint8)
        return Image.fromarray(values, mode="L")
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _on_white(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image.convert("RGB")
    front = image.convert("RGBA")
    white = Image.new("RGBA", front.size, (255, 255, 255, 255))
    return Image.alpha_composite(white, front).convert("RGB")


def _turn_of(image: Image.Image) -> Image.Transpose | None:
    """The turn that the camera asks for; a picture whose EXIF can't be read is shown as it is, as browsers do."""
    try:
        return TURNS.get(image.getexif().get(ORIENTATION_TAG, 1))
    except BROKEN:
        return None


def _upright(image: Image.Image, turn: Image.Transpose | None) -> Image.Image:
    """`image` turned; itself when there is no turn."""
    return image if turn is None else image.transpose(turn)


def _as_thumbnail(image: Image.Image) -> bytes:
    small = image.copy()
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.HAMMING, reducing_gap=REDUCING_GAP)
    return _as_jpeg(small)


def _as_jpeg(image: Image.Image) -> bytes:
    """Pixels alone: Pillow would carry a stranger's comment from file to file."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=JPEG_QUALITY, comment=b"")
    return buffer.getvalue()
