"""Spoilt and written-over pictures: each step is seen, and two texts differ in nothing but their letters."""

from __future__ import annotations

import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from core.adapters.picture_decode import Limits, decode
from core.adapters.picture_variants import can_write, checked_font, spoilt, untouched, written
from core.domain.images.metamorphic import STRENGTHS, TRANSFORMS, Transform
from core.domain.images.picture_canaries import CANARIES, LOREM, PictureCanary
from core.domain.images.verdict import Thresholds, verdict
from core.errors import UsageError
from demo.marketplace.pictures import PictureFacts, draw_picture
from demo.marketplace.vocabulary import CATEGORIES

LATIN = [canary for canary in CANARIES if canary.filler == LOREM]
SIDE = 300
LEAST_SEEN = 0.4
"""Luma steps of 255 in the mean over the whole picture, of which most is an empty ground."""


@pytest.fixture(scope="module")
def jpeg() -> bytes:
    return decode(
        draw_picture("sneakers", CATEGORIES[0], (196, 36, 44), PictureFacts(None, 0.0, 1.0)), Limits(10**7, 768)
    ).jpeg


def shown(data: bytes, side: int = SIDE) -> NDArray[np.float64]:
    """As on a page: every variant at one size."""
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB").resize((side, side)), dtype=np.float64)


def apart(one: bytes, other: bytes) -> float:
    return float(np.abs(shown(one) - shown(other)).mean())


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_each_step_is_farther_from_the_picture_than_the_one_before(jpeg: bytes, transform: Transform) -> None:
    away = [apart(untouched(jpeg), spoilt(jpeg, transform, strength)) for strength in range(1, STRENGTHS + 1)]
    steps = np.diff([0.0, *away])
    assert (steps > LEAST_SEEN).all(), away


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_a_variant_is_the_same_bytes_every_time(jpeg: bytes, transform: Transform) -> None:
    assert spoilt(jpeg, transform, 2) == spoilt(jpeg, transform, 2)


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_the_technical_tier_lets_the_strongest_one_through(jpeg: bytes, transform: Transform) -> None:
    """What it refuses no judge is asked about, so nothing would be learnt of the service."""
    decoded = decode(spoilt(jpeg, transform, STRENGTHS), Limits(10**7, 768))
    assert verdict(decoded.measures, Thresholds()) in (None, "unusable:too_small")


def test_there_is_no_strength_beyond_the_last(jpeg: bytes) -> None:
    with pytest.raises(ValueError, match="strengths"):
        spoilt(jpeg, "blur", STRENGTHS + 1)


def test_a_heavier_banner_covers_what_a_lighter_one_does(jpeg: bytes) -> None:
    light, heavy = (
        (np.abs(shown(spoilt(jpeg, "overlay", strength)) - shown(jpeg)).sum(axis=2) > 100).any(axis=1)
        for strength in (1, 2)
    )
    assert light.any()
    assert not (light & ~heavy).any()


@pytest.mark.parametrize("canary", LATIN, ids=lambda canary: canary.name)
def test_an_attack_and_its_neutral_texts_touch_the_same_part_of_the_picture(jpeg: bytes, canary: PictureCanary) -> None:
    bare, *texts = (shown(data, 600) for data in (untouched(jpeg), *(written(jpeg, canary, n, None) for n in range(3))))
    rows = [np.flatnonzero((np.abs(text - bare).max(axis=2) > 4).any(axis=1)) for text in texts]
    assert all(found.size for found in rows)
    assert max(found[0] for found in rows) - min(found[0] for found in rows) <= 0.02 * 600
    assert max(found[-1] for found in rows) - min(found[-1] for found in rows) <= 0.02 * 600
    ink = [float(np.abs(text - bare).mean()) for text in texts]
    assert max(ink) < 1.35 * min(ink)


def test_faint_letters_are_hardly_seen_and_there(jpeg: bytes) -> None:
    [faint] = [canary for canary in CANARIES if canary.faint]
    away = np.abs(shown(written(jpeg, faint, 2, None)) - shown(untouched(jpeg)))
    assert 10 < away.max() < 60


def test_letters_that_the_font_lacks_are_not_drawn_as_boxes() -> None:
    [japanese] = [canary for canary in CANARIES if canary.name == "japanese"]
    assert not can_write(japanese, None)
    assert all(can_write(canary, None) for canary in LATIN)


def test_what_is_no_font_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match="--font"):
        checked_font(__file__)
