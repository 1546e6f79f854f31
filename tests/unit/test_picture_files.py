"""Picture files of a dataset: read from the folder that a person names, and from nowhere else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from core.adapters.picture_files import FilePictures
from core.adapters.pictures import HttpPictureSource, ThreadDecoder, limits_of
from core.errors import PictureError
from core.settings import Settings

SETTINGS = Settings(_env_file=None)
LIMIT = 100_000


def png() -> bytes:
    held = BytesIO()
    Image.linear_gradient("L").resize((640, 480)).convert("RGB").save(held, "PNG")
    return held.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inside = tmp_path / "pictures"
    (inside / "more").mkdir(parents=True)
    (inside / "more" / "a.png").write_bytes(png())
    (inside / "large.png").write_bytes(b"x" * (LIMIT + 1))
    (inside / "text.png").write_text("no picture")
    (tmp_path / "secret.png").write_bytes(png())
    (inside / "link.png").symlink_to(tmp_path / "secret.png")
    return inside


@pytest.fixture
async def source(folder: Path) -> AsyncIterator[FilePictures]:
    async with HttpPictureSource(SETTINGS, ThreadDecoder(limits_of(SETTINGS))) as http:
        yield FilePictures(http, str(folder), LIMIT)


async def test_a_file_is_a_picture_like_one_that_was_fetched(source: FilePictures) -> None:
    found = await source.fetch("more/a.png")
    assert (found.original_width, found.original_height, found.media_type) == (640, 480, "image/png")
    assert (await source.fetch("./more/../more/a.png")).image_hash == found.image_hash


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("../secret.png", "outside_folder"),
        ("/etc/hostname", "outside_folder"),
        ("link.png", "outside_folder"),
        ("nobody.png", "no_file"),
        ("a\0b", "no_file"),
        ("more", "no_file"),
        ("large.png", "too_large"),
        ("text.png", "not_a_picture"),
        ("ftp://host/a.png", "no_file"),
        ("http://127.0.0.1/a.png", "address_refused"),
    ],
)
async def test_what_is_no_picture_of_the_folder_is_refused_for_good(source: FilePictures, path: str, kind: str) -> None:
    with pytest.raises(PictureError) as refused:
        await source.fetch(path)
    assert (refused.value.kind, refused.value.final) == (kind, True)


async def test_without_a_folder_a_path_says_which_option_names_it() -> None:
    async with HttpPictureSource(SETTINGS, ThreadDecoder(limits_of(SETTINGS))) as http:
        with pytest.raises(PictureError, match="--pictures"):
            await FilePictures(http, None, LIMIT).fetch("a.png")
