"""Measures of the technical tier on drawn pictures, and what it may refuse."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from core.domain.images.measures import measure
from core.domain.images.verdict import Thresholds, verdict

GOOD = {"width": 800.0, "height": 600.0, "highlight": 0.9, "contrast": 0.2, "border_share": 0.3}


def shelf() -> Image.Image:
    """A busy picture: a seeded mosaic with hard edges all over."""
    cells = np.random.default_rng(7).integers(0, 255, (32, 32), dtype=np.uint8)
    return Image.fromarray(cells).resize((512, 512), Image.Resampling.NEAREST)


def studio() -> Image.Image:
    """A dark item with stripes in the middle of white."""
    image = Image.new("L", (512, 512), 255)
    draw = ImageDraw.Draw(image)
    for offset in range(0, 200, 20):
        draw.rectangle((156 + offset, 156, 164 + offset, 356), fill=40)
    return image


def measured(image: Image.Image) -> dict[str, float]:
    return measure(np.asarray(image), image.width, image.height)


@given(arrays(np.uint8, st.tuples(st.integers(1, 70), st.integers(1, 70))))
def test_every_share_is_between_0_and_1(grey: NDArray[np.uint8]) -> None:
    shares = {key: value for key, value in measure(grey, 9, 9).items() if key not in {"width", "height"}}
    assert all(0 <= value <= 1 for value in shares.values()), shares


@pytest.mark.parametrize("picture", [shelf, studio])
def test_more_blur_is_less_sharp(picture: object) -> None:
    image = shelf() if picture is shelf else studio()
    blurred = [measured(image.filter(ImageFilter.GaussianBlur(radius)))["sharpness"] for radius in (0, 1, 2, 4, 8)]
    assert blurred == sorted(blurred, reverse=True)
    assert blurred[0] > 0.6
    assert blurred[-1] < 0.2


def test_a_picture_of_one_colour_has_no_sharpness_and_is_all_border() -> None:
    flat = measured(Image.new("L", (300, 200), 90))
    assert (flat["sharpness"], flat["contrast"], flat["border_share"]) == (0.0, 0.0, 1.0)


def test_exposure_is_mean_luma_and_contrast_its_deviation() -> None:
    half = np.zeros((10, 10), dtype=np.uint8)
    half[5:] = 255
    values = measure(half, 10, 10)
    assert values["exposure"] == pytest.approx(0.5)
    assert values["contrast"] == pytest.approx(0.5)
    assert values["highlight"] == pytest.approx(1.0)


def test_border_share_is_the_area_outside_what_is_shown() -> None:
    framed = np.full((100, 100), 255, dtype=np.uint8)
    framed[25:75, 20:80] = 30
    assert measure(framed, 100, 100)["border_share"] == pytest.approx(1 - 0.5 * 0.6)


def test_a_busy_background_is_clutter_and_a_white_one_is_not() -> None:
    assert measured(studio())["background_clutter"] == 0.0
    assert measured(shelf())["background_clutter"] > 0.08


@pytest.mark.parametrize("size", [16, 28, 48])
def test_text_over_the_picture_is_found(size: int) -> None:
    image = Image.new("L", (512, 512), 200)
    before = measured(image)["text_share"]
    draw = ImageDraw.Draw(image)
    for line in range(3):
        draw.text((8, 20 + line * size * 2), "BEST PRICE 50% OFF FREE SHIPPING NOW", 0, ImageFont.load_default(size))
    assert before == 0.0
    assert measured(image)["text_share"] > 0.03


def test_a_mosaic_is_not_text() -> None:
    assert measured(shelf())["text_share"] == 0.0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, None),
        ({"width": 63.0}, "unusable:too_small"),
        ({"height": 10.0}, "unusable:too_small"),
        ({"highlight": 0.05}, "unusable:too_dark"),
        ({"contrast": 0.001}, "unusable:blank"),
        ({"border_share": 1.0}, "unusable:blank"),
    ],
)
def test_only_a_broken_picture_is_refused(change: dict[str, float], reason: str | None) -> None:
    assert verdict({**GOOD, **change}, Thresholds()) == reason


def test_thresholds_are_the_operators() -> None:
    assert verdict(GOOD, Thresholds(min_side=700)) == "unusable:too_small"
