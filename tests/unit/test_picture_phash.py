"""The perceptual hash stays when a picture is saved anew, and tells pictures apart."""

from __future__ import annotations

import io
from itertools import combinations
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from core.adapters.picture_phash import phash_of
from core.domain.images.phash import distance
from core.image_settings import ImageSettings
from core.image_thresholds import thresholds_of
from tests.support.sample_pictures import draw


def opened(seed: int) -> Image.Image:
    return Image.open(io.BytesIO(draw(seed, "cluttered"))).convert("RGB")


def saved(image: Image.Image, kind: str, quality: int) -> Image.Image:
    out = io.BytesIO()
    image.save(out, kind, quality=quality)
    return Image.open(out).convert("RGB")


def bits_apart(one: Image.Image, other: Image.Image) -> int:
    left, right = phash_of(one), phash_of(other)
    assert left is not None
    assert right is not None
    return distance(left, right)


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_a_copy_saved_anew_is_within_two_bits(seed: int) -> None:
    image = opened(seed)
    copies = [
        saved(image, "JPEG", 40),
        saved(image, "WEBP", 60),
        image.resize((120, 120), Image.Resampling.BICUBIC),
        image.resize((480, 480), Image.Resampling.BICUBIC),
        image.convert("L").convert("RGB"),
    ]
    assert max(bits_apart(image, copy) for copy in copies) <= 2


def test_different_pictures_are_far_apart() -> None:
    assert min(bits_apart(opened(one), opened(other)) for one, other in combinations(range(1, 7), 2)) > 6


def test_it_fits_a_signed_bigint() -> None:
    found = [phash_of(opened(seed)) for seed in range(8)]
    assert all(each is not None and -(2**63) <= each < 2**63 for each in found)


@pytest.mark.parametrize(
    "plain", [Image.new("RGB", (300, 200), "white"), Image.linear_gradient("L"), Image.new("L", (1, 1))]
)
def test_a_plain_picture_has_none(plain: Image.Image) -> None:
    assert phash_of(plain) is None


def test_a_small_thing_on_white_has_one() -> None:
    image = Image.new("RGB", (400, 400), "white")
    ImageDraw.Draw(image).rectangle((150, 120, 260, 250), fill=(60, 80, 120))
    ImageDraw.Draw(image).ellipse((240, 220, 330, 300), fill=(180, 80, 20))
    assert phash_of(image) is not None


@pytest.mark.data
def test_no_two_of_the_shared_pictures_are_taken_for_each_other(shared_data: Path) -> None:
    paths = sorted((shared_data / "images").rglob("*.jpg"))
    hashes = [phash_of(Image.open(path)) for path in paths[::3]]
    found = [phash for phash in hashes if phash is not None]
    assert len(found) == len(hashes) > 100
    assert min(distance(one, other) for one, other in combinations(found, 2)) > 4


def test_thresholds_are_the_settings() -> None:
    found = thresholds_of(ImageSettings(image_min_side=200, image_max_text=0.5))
    assert (found.min_side, found.max_text, found.dark_highlight) == (200, 0.5, 0.1)
