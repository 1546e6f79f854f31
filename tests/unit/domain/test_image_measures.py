"""Measures move as a picture is spoilt, and don't ask how many pixels its camera makes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from core.domain.images.measures import measure
from core.domain.images.verdict import Thresholds, verdict

BROKEN = {
    "width": 800.0,
    "height": 600.0,
    "highlight": 0.9,
    "contrast": 0.2,
    "border_share": 0.3,
    "sharpness": 0.2,
    "text_share": 0.4,
}
PROPERTY = settings(max_examples=12, deadline=None)
SEEDS = st.integers(0, 10_000)


def scene(seed: int, side: int = 512) -> Image.Image:
    """Things of seeded places and tones on a ground that grows lighter downwards, drawn without hard steps."""
    rng = np.random.default_rng(seed)
    image = Image.linear_gradient("L").point(lambda tone: 90 + tone // 2).resize((1024, 1024))
    pen = ImageDraw.Draw(image)
    for _ in range(9):
        x, y, wide, high = rng.integers(0, 820, 2).tolist() + rng.integers(60, 200, 2).tolist()
        pen.rounded_rectangle((x, y, x + wide, y + high), 20, fill=int(rng.integers(10, 240)))
    return image.resize((side, side), Image.Resampling.LANCZOS)


def measured(image: Image.Image) -> dict[str, float]:
    return measure(np.asarray(image), image.width, image.height)


def with_lines(image: Image.Image, lines: int, size: int = 30, tone: int = 0) -> Image.Image:
    written = image.copy()
    pen = ImageDraw.Draw(written)
    for line in range(lines):
        box = (10, 20 + 60 * line, 500, 20 + 60 * line + size + 10)
        pen.rectangle(box, fill=255 - tone)
        pen.text((14, box[1]), "BEST PRICE 50% OFF FREE SHIP", tone, ImageFont.load_default(size))
    return written


@PROPERTY
@given(SEEDS)
def test_more_blur_never_is_sharper(seed: int) -> None:
    image = scene(seed)
    found = [measured(image.filter(ImageFilter.GaussianBlur(radius)))["sharpness"] for radius in (0, 1, 2, 4, 8)]
    assert found == sorted(found, reverse=True)


@PROPERTY
@given(SEEDS)
def test_darker_is_less_exposed_and_less_bright(seed: int) -> None:
    image = scene(seed)
    found = [measured(image.point(lambda tone, part=part: round(tone * part))) for part in (1.0, 0.7, 0.4, 0.1)]
    for name in ("exposure", "highlight", "contrast"):
        values = [each[name] for each in found]
        assert values == sorted(values, reverse=True), name


@PROPERTY
@given(SEEDS)
def test_more_lines_of_text_never_are_a_smaller_share(seed: int) -> None:
    found = [measured(with_lines(scene(seed), lines))["text_share"] for lines in (0, 1, 3, 6)]
    assert found == sorted(found)
    assert found[0] < 0.03
    assert found[-1] > 0.05


@PROPERTY
@given(SEEDS)
def test_more_things_behind_never_are_less_clutter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    image = Image.new("L", (512, 512), 230)
    found = [measured(image)["background_clutter"]]
    for _ in range(3):
        pen = ImageDraw.Draw(image)
        for column in range(0, 512, 64):
            pen.line((column + int(rng.integers(0, 60)), 0, column, 70), fill=20, width=3)
            pen.line((0, column + int(rng.integers(0, 60)), 70, column), fill=20, width=3)
        found.append(measured(image)["background_clutter"])
    assert found == sorted(found)
    assert found[0] == 0.0 < found[1]


@PROPERTY
@given(SEEDS, st.sampled_from([700, 1024, 2000]))
def test_the_same_scene_by_another_camera_measures_alike(seed: int, side: int) -> None:
    """As the decoder does it: reduced to the measuring side first."""
    large = scene(seed, side)
    large.thumbnail((512, 512), Image.Resampling.BOX)
    one, other = measured(scene(seed)), measured(large)
    assert other["exposure"] == pytest.approx(one["exposure"], abs=0.01)
    assert other["contrast"] == pytest.approx(one["contrast"], abs=0.01)
    assert other["highlight"] == pytest.approx(one["highlight"], abs=0.03)
    assert other["background_clutter"] == pytest.approx(one["background_clutter"], abs=0.02)
    assert other["sharpness"] == pytest.approx(one["sharpness"], abs=0.12)


@pytest.mark.parametrize("tone", [0, 255])
@pytest.mark.parametrize("size", [14, 20, 30, 48])
def test_the_share_under_text_is_near_the_area_it_covers(size: int, tone: int) -> None:
    """Between a third and one and a half: letters are less high than their line, blocks reach over it."""
    lines = 4
    written = with_lines(Image.new("L", (512, 512), 128), lines, size, tone)
    wide = min(ImageFont.load_default(size).getlength("BEST PRICE 50% OFF FREE SHIP"), 498)
    covered = lines * wide * size / 512**2
    assert 0.33 * covered < measured(written)["text_share"] < 1.5 * covered


def test_coloured_letters_without_a_ground_are_found() -> None:
    image = Image.new("L", (512, 512), 200)
    ImageDraw.Draw(image).text((10, 200), "SALE NEW WITH TAGS SIZE M", 75, ImageFont.load_default(36))
    assert measured(image)["text_share"] > 0.015


def test_noise_and_weave_are_not_text() -> None:
    rng = np.random.default_rng(3)
    noise = Image.fromarray(rng.integers(0, 255, (512, 512), dtype=np.uint8))
    rows, columns = np.indices((512, 512))
    weave = Image.fromarray((110 + 60 * np.sin(rows / 3) * np.sin(columns / 3)).astype(np.uint8))
    assert measured(noise)["text_share"] == 0.0
    assert measured(weave)["text_share"] == 0.0


def test_blur_and_text_refuse_nothing_unless_they_are_set() -> None:
    assert verdict(BROKEN, Thresholds()) is None


@pytest.mark.parametrize(
    ("thresholds", "reason"),
    [
        (Thresholds(min_sharpness=0.25), "unusable:too_blurred"),
        (Thresholds(max_text=0.35), "unusable:all_text"),
        (Thresholds(dark_highlight=0.95), "unusable:too_dark"),
        (Thresholds(blank_border=0.2), "unusable:blank"),
        (Thresholds(blank_contrast=0.25), "unusable:blank"),
    ],
)
def test_each_bound_is_the_operator_s(thresholds: Thresholds, reason: str) -> None:
    assert verdict(BROKEN, thresholds) == reason
