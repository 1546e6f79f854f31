"""Pictures of every kind through the decoder, in process and in a worker."""

from __future__ import annotations

import io
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from core.adapters.picture_decode import THUMBNAIL_SIDE, Decoded, Limits, decode, thumbnail
from core.adapters.picture_decoders import ProcessDecoder, ThreadDecoder
from core.adapters.picture_worker import memory_limit
from core.errors import PictureError

LIMITS = Limits(max_pixels=4_000_000, max_side=256)
RED = (200, 30, 30)


def encoded(image: Image.Image, form: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def converted(image: Image.Image, mode: str) -> Image.Image:
    return image.quantize(8) if mode == "P" else image.convert(mode)


def colour_at(decoded: Decoded, x: float, y: float) -> tuple[int, ...]:
    image = Image.open(io.BytesIO(decoded.jpeg))
    pixel = image.getpixel((int(x * image.width), int(y * image.height)))
    assert isinstance(pixel, tuple)
    return pixel


def near(colour: tuple[int, ...], wanted: tuple[int, int, int]) -> bool:
    return all(abs(one - other) < 12 for one, other in zip(colour, wanted, strict=True))


def kind_of(data: bytes, limits: Limits = LIMITS) -> str:
    with pytest.raises(PictureError) as caught:
        decode(data, limits)
    assert caught.value.final
    return caught.value.kind


def png_header(width: int, height: int) -> bytes:
    """A PNG that says it is that large, and has a few bytes."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    size = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", zlib.compress(b"\0" * 64)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("form", "media_type"),
    [
        ("JPEG", "image/jpeg"),
        ("PNG", "image/png"),
        ("WEBP", "image/webp"),
        ("GIF", "image/gif"),
        ("BMP", "image/bmp"),
        ("AVIF", "image/avif"),
    ],
)
def test_every_format_of_a_shop_is_read(form: str, media_type: str) -> None:
    decoded = decode(encoded(Image.new("RGB", (600, 300), RED), form), LIMITS)
    assert (decoded.media_type, decoded.width, decoded.height) == (media_type, 256, 128)
    assert (decoded.original_width, decoded.original_height) == (600, 300)
    assert near(colour_at(decoded, 0.5, 0.5), RED)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "CMYK", "RGBA", "I;16"])
def test_every_mode_becomes_rgb(mode: str) -> None:
    image = Image.new("RGB", (80, 80), (128, 128, 128))
    made = Image.fromarray(np.full((80, 80), 128 << 8, dtype=np.uint16)) if mode == "I;16" else converted(image, mode)
    decoded = decode(encoded(made, "JPEG" if mode == "CMYK" else "PNG"), LIMITS)
    assert mode == "1" or near(colour_at(decoded, 0.5, 0.5), (128, 128, 128))


def test_sixteen_bits_keep_dark_dark_and_bright_bright() -> None:
    ramp = np.tile(np.linspace(0, 65535, 128).astype(np.uint16), (128, 1))
    decoded = decode(encoded(Image.fromarray(ramp)), LIMITS)
    assert colour_at(decoded, 0.01, 0.5)[0] < 15
    assert colour_at(decoded, 0.99, 0.5)[0] > 240


@pytest.mark.parametrize("form", ["PNG", "WEBP", "GIF"])
def test_what_is_transparent_is_shown_on_white(form: str) -> None:
    decoded = decode(encoded(Image.new("RGBA", (90, 90), (0, 0, 0, 0)), form), LIMITS)
    assert near(colour_at(decoded, 0.5, 0.5), (255, 255, 255))


def test_of_an_animation_the_first_frame_is_taken() -> None:
    frames = [Image.new("RGB", (90, 90), colour) for colour in (RED, (0, 0, 255))]
    decoded = decode(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]), LIMITS)
    assert near(colour_at(decoded, 0.5, 0.5), RED)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_camera_s_rotation_is_undone(orientation: int) -> None:
    upright = Image.new("RGB", (200, 100), (255, 255, 255))
    upright.paste(RED, (0, 0, 60, 40))
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # the transpose that makes the stored picture of the shown one
    stored = upright if orientation == 1 else upright.transpose(Image.Transpose(undo[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    decoded = decode(encoded(stored, "JPEG", exif=exif, quality=95), LIMITS)
    assert (decoded.original_width, decoded.original_height) == (200, 100)
    assert near(colour_at(decoded, 0.1, 0.1), RED)
    assert near(colour_at(decoded, 0.9, 0.9), (255, 255, 255))


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_broken_exif_block_does_not_break_the_picture() -> None:
    data = encoded(Image.new("RGB", (90, 90), RED), "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff garbage")
    assert decode(data, LIMITS).width == 90


def test_the_hash_is_of_the_bytes() -> None:
    image = Image.new("RGB", (90, 90), RED)
    one, other = decode(encoded(image, "PNG"), LIMITS), decode(encoded(image, "BMP"), LIMITS)
    assert one.image_hash != other.image_hash
    assert len(one.image_hash) == 64


def test_a_picture_is_never_enlarged() -> None:
    assert decode(encoded(Image.new("RGB", (70, 50), RED)), LIMITS).width == 70


def test_a_header_of_50_000_by_50_000_is_refused_undecoded() -> None:
    assert kind_of(png_header(50_000, 50_000)) == "too_many_pixels"


def test_more_pixels_than_the_setting_are_refused_undecoded() -> None:
    assert kind_of(png_header(2_001, 2_000)) == "too_many_pixels"


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "AVIF"])
def test_half_a_picture_is_broken(form: str) -> None:
    noise = np.random.default_rng(3).integers(0, 255, (200, 200, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(noise), form)
    assert kind_of(data[: len(data) // 2]) == "broken_picture"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", "not_a_picture"),
        (b"<!doctype html><html><body>no</body></html>", "not_a_picture"),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "unsupported_format"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "unsupported_format"),
        (b"%!PS-Adobe-3.0", "unsupported_format"),
        (b"GIF89a", "broken_picture"),
    ],
)
def test_what_is_no_picture_is_named(data: bytes, kind: str) -> None:
    assert kind_of(data) == kind


def test_a_picture_of_a_format_that_is_not_on_the_list_is_not_opened() -> None:
    assert kind_of(encoded(Image.new("RGB", (90, 90)), "TIFF")) == "unsupported_format"


@pytest.mark.filterwarnings("ignore::UserWarning")
@given(st.data())
def test_damage_is_a_named_failure_or_a_picture(data: st.DataObject) -> None:
    form = data.draw(st.sampled_from(["JPEG", "PNG", "WEBP", "GIF", "BMP"]))
    body = bytearray(encoded(Image.new("RGB", (40, 30), RED), form))
    for _ in range(data.draw(st.integers(1, 6))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        assert decode(bytes(body), LIMITS).width > 0
    except PictureError as error:
        assert error.kind in {"broken_picture", "not_a_picture", "unsupported_format", "too_many_pixels"}  # noqa: PT017


def test_a_thumbnail_is_small() -> None:
    large = decode(encoded(Image.new("RGB", (600, 300), RED)), LIMITS)
    small = Image.open(io.BytesIO(thumbnail(large.jpeg)))
    assert small.size == (THUMBNAIL_SIDE, THUMBNAIL_SIDE // 2)


# --- Worker processes ------------------------------------------------------------------------------------


async def test_a_worker_decodes_as_this_process_does() -> None:
    data = encoded(Image.new("RGB", (600, 300), RED))
    workers, thread = ProcessDecoder(LIMITS, workers=1), ThreadDecoder(LIMITS)
    try:
        assert await workers.decode(data) == await thread.decode(data)
    finally:
        await workers.close()


async def test_a_failure_in_a_worker_has_its_name_and_leaves_the_worker_usable() -> None:
    workers = ProcessDecoder(LIMITS, workers=1)
    try:
        with pytest.raises(PictureError) as caught:
            await workers.decode(b"<html>")
        assert caught.value.kind == "not_a_picture"
        assert (await workers.decode(encoded(Image.new("RGB", (90, 90))))).width == 90
    finally:
        await workers.close()


async def test_a_picture_that_takes_too_long_costs_itself_and_no_other() -> None:
    data = encoded(Image.new("RGB", (1_500, 1_500), RED))
    workers = ProcessDecoder(LIMITS, workers=1, seconds=0.001)
    try:
        with pytest.raises(PictureError) as caught:
            await workers.decode(data)
        assert (caught.value.kind, caught.value.final) == ("decode_timeout", False)
        workers._seconds = 30.0
        assert (await workers.decode(data)).width == 256
    finally:
        await workers.close()


def told_by_kernel(pid: int, name: str) -> str:
    return Path(f"/proc/{pid}/{name}").read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_a_worker_has_only_the_memory_it_is_given() -> None:
    greedy = Limits(max_pixels=1, max_side=64)
    workers = ProcessDecoder(greedy, workers=1)
    process = await workers._start()
    try:
        await workers._ask(process, b"")
        limits = told_by_kernel(process.pid, "limits")
    finally:
        process.kill()
        await process.wait()
    (line,) = [line for line in limits.splitlines() if line.startswith("Max address space")]
    assert line.split()[3:5] == [str(memory_limit(greedy))] * 2


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_a_worker_s_environment_holds_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_LLM_API_KEY", "sesame")
    workers = ProcessDecoder(LIMITS, workers=1)
    process = await workers._start()
    try:
        await workers._ask(process, b"")
        environment = told_by_kernel(process.pid, "environ")
    finally:
        process.kill()
        await process.wait()
    assert "sesame" not in environment


def test_a_picture_too_large_for_memory_is_a_named_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", exhausted)
    assert kind_of(encoded(Image.new("RGB", (90, 90)))) == "decode_memory"
