"""Drawn pictures show their product, and each fault is there to be measured."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import date
from random import Random

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from core.domain.images.measures import measure
from demo.marketplace.colours import COLOURS
from demo.marketplace.pictures import PictureFacts, PictureFault, draw_picture, picture_facts
from demo.marketplace.vocabulary import CATEGORIES, CATEGORY_OF
from demo.marketplace.world import Marketplace
from demo.offline_judge.pictures import measure as measured_by_judge
from demo.offline_judge.pictures import score

Measures = dict[str, float]
CLEAN = PictureFacts(None, 0.0, 1.0)


def drawn(category: str, fault: PictureFault | None = None, severity: float = 0.8) -> bytes:
    facts = CLEAN if fault is None else PictureFacts(fault, severity, 0.3)
    return draw_picture(f"{category}:1", CATEGORY_OF[category], COLOURS["red"].rgb, facts)


def pixels(jpeg: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB"))


def measured(jpeg: bytes) -> Measures:
    picture = Image.open(io.BytesIO(jpeg))
    return measure(np.asarray(picture.convert("L")), picture.width, picture.height)


def product_at_side(jpeg: bytes) -> bool:
    """Whether anything but the white background touches the left or right edge."""
    grey = pixels(jpeg).min(axis=2)
    return bool((grey[:, 0] < 200).any() or (grey[:, -1] < 200).any())


def test_a_picture_is_the_same_each_time() -> None:
    assert drawn("sneakers") == drawn("sneakers")


@pytest.mark.parametrize("category", [category.key for category in CATEGORIES])
def test_a_clean_picture_shows_the_whole_product_in_its_colour_on_white(category: str) -> None:
    jpeg = drawn(category)
    shown = pixels(jpeg).astype(int)
    assert 400 <= shown.shape[0] == shown.shape[1] <= 600
    red = (shown[..., 0] > 80) & (shown[..., 1] < shown[..., 0] / 2) & (shown[..., 2] < shown[..., 0] / 2)
    assert red.mean() > 0.01
    assert (shown.min(axis=2) > 240).mean() > 0.3
    assert not product_at_side(jpeg)


@pytest.mark.parametrize(
    ("fault", "shows"),
    [
        ("blurred", lambda clean, bad: bad["sharpness"] < 0.6 * clean["sharpness"]),
        ("dark", lambda clean, bad: bad["exposure"] < 0.5 * clean["exposure"]),
        ("cluttered", lambda clean, bad: bad["background_clutter"] > clean["background_clutter"] + 0.02),
        ("text_overlay", lambda clean, bad: bad["text_share"] > clean["text_share"] + 0.02),
        ("low_resolution", lambda clean, bad: bad["width"] < 200 < 400 <= clean["width"]),
    ],
)
@pytest.mark.parametrize("category", ["sneakers", "laptop"])
def test_a_fault_can_be_measured(
    category: str, fault: PictureFault, shows: Callable[[Measures, Measures], bool]
) -> None:
    assert shows(measured(drawn(category)), measured(drawn(category, fault)))


@pytest.mark.parametrize("category", ["sneakers", "laptop", "bike_helmet"])
def test_a_cropped_product_leaves_the_picture(category: str) -> None:
    assert product_at_side(drawn(category, "cropped"))


def test_a_worse_blur_is_less_sharp() -> None:
    assert (
        measured(drawn("watch", "blurred", 1.0))["sharpness"] < measured(drawn("watch", "blurred", 0.45))["sharpness"]
    )


def test_quality_falls_with_severity_and_stays_within_bounds() -> None:
    rng = Random(5)
    facts = [picture_facts(rng, 0.5) for _ in range(400)]
    assert all(0 <= each.quality <= 1 for each in facts)
    clean = [each.quality for each in facts if each.fault is None]
    assert 100 < len(clean) < 300
    assert min(clean) > max(each.quality for each in facts if each.fault is not None)


def test_every_listing_has_its_pictures_and_no_other_number_has_one() -> None:
    market = Marketplace(7, date(2026, 3, 2), 1)
    (listing_id, number), _ = next(iter(market.truth().pictures.items()))
    assert market.picture(listing_id, number) is not None
    assert market.picture(listing_id, 0) is None
    assert market.picture(listing_id, 3) is None
    assert market.picture("us-1", 1) is None


def test_a_picture_taken_from_another_seller_shows_the_same_and_has_other_bytes() -> None:
    market = Marketplace(7, date(2026, 3, 2), 3)
    copies = market.truth().copied_pictures
    assert len(copies) >= 8
    for copy, original in copies.items():
        theirs, ours = market.picture(original, 1), market.picture(copy, 1)
        assert theirs is not None
        assert ours is not None
        assert theirs != ours
        small, large = (Image.open(io.BytesIO(jpeg)).convert("L").resize((64, 64)) for jpeg in (ours, theirs))
        assert np.abs(np.asarray(small, dtype=int) - np.asarray(large, dtype=int)).mean() < 3


def test_a_picture_is_taken_from_an_earlier_listing_of_another_seller_alone() -> None:
    market = Marketplace(7, date(2026, 3, 2), 3)
    listings = {record.key: json.loads(record.value) for record in market.initial_listings()}
    for copy, original in market.truth().copied_pictures.items():
        if copy in listings:
            assert listings[original]["timestamp"] < listings[copy]["timestamp"]
            assert listings[original]["attributes"]["seller"] != listings[copy]["attributes"]["seller"]


def test_some_good_pictures_look_made_by_a_model_and_many_of_them_are_flagged() -> None:
    market = Marketplace(7, date(2026, 3, 2), 3)
    generated = [place for place, facts in market.truth().pictures.items() if facts.generated]
    assert len(generated) >= 20
    flagged = [place for place in generated if score("p1", measured_by_judge(market.picture(*place) or b"")).flags]
    assert len(flagged) >= len(generated) / 3
