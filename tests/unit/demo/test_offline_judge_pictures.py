"""Pictures are scored by their pixels: every fault costs, and spoiling a picture further never helps it."""

from __future__ import annotations

import io

import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

from core.domain.judging import PictureJudgement
from demo.offline_judge import OfflineJudge
from demo.offline_judge.pictures import describe, score
from demo.offline_judge.pixels import UnreadablePicture, measure

SIDE = 480


def jpeg(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def studio(left: int = 0) -> Image.Image:
    """A red box with a dark lid and a knob before white."""
    picture = Image.new("RGB", (SIDE, SIDE), (250, 250, 250))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((90 + left, 160, 390 + left, 400), fill=(196, 36, 44))
    draw.rectangle((80 + left, 120, 400 + left, 165), fill=(60, 20, 24))
    draw.ellipse((215 + left, 85, 265 + left, 125), fill=(30, 30, 32))
    return picture


def cluttered() -> Image.Image:
    picture = Image.new("RGB", (SIDE, SIDE), (150, 120, 90))
    draw = ImageDraw.Draw(picture)
    for n in range(60):
        x, y = (n * 97) % SIDE, (n * 61) % SIDE
        draw.rectangle((x, y, x + 50, y + 40), fill=((n * 53) % 256, (n * 101) % 256, (n * 29) % 256))
    picture.paste(studio().crop((80, 85, 400, 400)).resize((200, 200)), (140, 140))
    return picture


def written_over() -> Image.Image:
    from PIL import ImageFont

    picture = studio()
    draw = ImageDraw.Draw(picture)
    for row in range(3):
        draw.rectangle((20, 40 + row * 140, 400, 92 + row * 140), fill=(226, 28, 36))
        draw.text((28, 44 + row * 140), "FREE SHIPPING", fill=(255, 240, 60), font=ImageFont.load_default(40))
    return picture


def scored(picture: Image.Image) -> PictureJudgement:
    return score("p1", measure(jpeg(picture)))


def test_a_clean_picture_scores_high():
    assert scored(studio()).overall >= 8


@pytest.mark.parametrize(
    ("spoiled", "aspect"),
    [
        (studio().filter(ImageFilter.BoxBlur(7)), "focus"),
        (studio().resize((90, 90)), "focus"),
        (ImageEnhance.Brightness(studio()).enhance(0.2), "lighting"),
        (cluttered(), "background"),
        (studio(left=-220), "completeness"),
        (written_over(), "overlays"),
    ],
    ids=["blurred", "few pixels", "dark", "cluttered", "cropped", "text over it"],
)
def test_a_fault_shows_in_its_aspect_and_in_the_overall_score(spoiled, aspect):
    judged = scored(spoiled)
    assert getattr(judged.aspects, aspect) <= 5
    assert judged.overall <= 6


@pytest.mark.parametrize("made", [studio, cluttered, written_over])
@pytest.mark.parametrize("spoil", ["blur", "dark", "small"])
def test_spoiling_a_picture_further_never_raises_its_score(made, spoil):
    steps = [1, 2, 3, 4, 6]
    spoilers = {
        "blur": lambda p, n: p.filter(ImageFilter.GaussianBlur(n)),
        "dark": lambda p, n: ImageEnhance.Brightness(p).enhance(1 / (1 + n)),
        "small": lambda p, n: p.resize((SIDE // (1 + n), SIDE // (1 + n)), Image.Resampling.BILINEAR),
    }
    overall = [scored(made()).overall, *(scored(spoilers[spoil](made(), n)).overall for n in steps)]
    assert overall == sorted(overall, reverse=True)


def test_the_same_picture_gets_the_same_scores():
    assert scored(studio()) == scored(studio())


def test_the_reasoning_names_the_judge_and_its_measures():
    assert scored(studio()).reasoning.startswith("Offline judge, by pixels alone: sharpness 0.")


def test_a_description_tells_the_items_colour_apart_from_its_background():
    text = describe(measure(jpeg(studio())))
    assert text.startswith("Item colours: red")
    assert "Background white, plain" in text


def test_a_listing_that_names_no_colour_gets_it_from_its_picture():
    judge = OfflineJudge()
    row = {"item": "p1", "title": "Sewing box", "brand": "Prym", "attributes": {}}
    described = {**row, "picture_description": judge.description(jpeg(studio())).description}
    assert judge.judgements("blue sewing box", [row]).judgements[0].label == "highly_relevant"
    assert judge.judgements("blue sewing box", [described]).judgements[0].label == "acceptable_substitute"
    shown = judge.judgements("blue sewing box", [row], None, {"p1": jpeg(studio())})
    assert shown.judgements[0].label == "acceptable_substitute"


def test_what_is_no_picture_is_refused():
    with pytest.raises(UnreadablePicture):
        measure(b"<html>not found</html>")
