"""Pictures of every kind through the decoder, in process and in a worker."""

from __future__ import annotations

import io
import os
import resource
import signal
import struct
import sys
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from core.adapters.picture_decode import THUMBNAIL_SIDE, Decoded, Limits, decode, thumbnail
from core.adapters.picture_decoders import ProcessDecoder, ThreadDecoder
from core.adapters.picture_worker import memory_limit
from core.domain.images.features import EXTRACTOR, feature_names
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


def kind_or_picture(data: bytes) -> str:
    try:
        return decode(data, LIMITS).media_type
    except PictureError as error:
        return error.kind


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(width: int, height: int, packed: bytes, *more: bytes, depth: int = 8) -> bytes:
    size = struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, 0)
    return b"".join([b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", size), *more, chunk(b"IDAT", packed), chunk(b"IEND", b"")])


def png_header(width: int, height: int) -> bytes:
    """A PNG that says it is that large, and has a few bytes."""
    return png(width, height, zlib.compress(b"\0" * 64))


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


@pytest.mark.parametrize("form", ["PNG", "WEBP", "AVIF"])
def test_of_any_animation_the_first_frame_is_taken(form: str) -> None:
    frames = [Image.new("RGB", (90, 90), colour) for colour in (RED, (0, 0, 255))]
    decoded = decode(encoded(frames[0], form, save_all=True, append_images=frames[1:], duration=100), LIMITS)
    assert near(colour_at(decoded, 0.5, 0.5), RED)


def test_of_a_file_with_several_pictures_the_first_is_taken() -> None:
    pictures = [Image.new("RGB", (90, 90), colour) for colour in (RED, (0, 0, 255))]
    decoded = decode(encoded(pictures[0], "MPO", save_all=True, append_images=pictures[1:]), LIMITS)
    assert decoded.media_type == "image/jpeg"
    assert near(colour_at(decoded, 0.5, 0.5), RED)


def test_print_colours_become_screen_colours() -> None:
    cyan = Image.new("CMYK", (80, 80), (255, 0, 0, 0))
    assert near(colour_at(decode(encoded(cyan, "JPEG", quality=95), LIMITS), 0.5, 0.5), (0, 255, 255))


def test_sixteen_bits_a_colour_become_eight() -> None:
    row = b"\0" + struct.pack(">HHH", 200 << 8, 30 << 8, 30 << 8) * 40
    decoded = decode(png(40, 40, zlib.compress(row * 40), depth=16), LIMITS)
    assert near(colour_at(decoded, 0.5, 0.5), RED)


@pytest.mark.parametrize("form", ["PNG", "WEBP", "AVIF"])
def test_a_rotation_is_undone_whatever_the_format(form: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    decoded = decode(encoded(Image.new("RGB", (200, 100), RED), form, exif=exif), LIMITS)
    assert (decoded.original_width, decoded.original_height) == (100, 200)


@pytest.mark.parametrize("size", [(1, 3_000), (3_000, 1), (1, 1), (2, 900)])
def test_a_strip_is_a_picture(size: tuple[int, int]) -> None:
    decoded = decode(encoded(Image.new("RGB", size, RED)), LIMITS)
    assert (decoded.original_width, decoded.original_height) == size
    assert decoded.lost == {}


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


def claiming(form: str, width: int, height: int) -> bytes:
    """A small picture whose header says another size."""
    data = bytearray(encoded(Image.new("L", (8, 8)), form))
    if form == "JPEG":
        place = data.index(b"\xff\xc0") + 5
        data[place : place + 4] = struct.pack(">HH", height, width)
    elif form == "GIF":
        place = data.index(b",", 13 + 3 * 2 ** ((data[10] & 7) + 1)) + 5
        data[place : place + 4] = struct.pack("<HH", width, height)
    else:
        data[18:26] = struct.pack("<ii", width, height)
    return bytes(data)


@pytest.mark.parametrize("form", ["JPEG", "GIF", "BMP"])
def test_a_header_of_any_format_is_not_believed_into_memory(form: str) -> None:
    assert kind_of(claiming(form, 50_000, 50_000)) == "too_many_pixels"


@pytest.mark.parametrize("name", [b"zTXt", b"iCCP"])
def test_a_bomb_beside_the_pixels_does_not_go_off(name: bytes) -> None:
    bomb = chunk(name, b"x\0\0" + zlib.compress(bytes(50_000_000)))
    data = png(40, 40, zlib.compress(bytes(121 * 40)), bomb)
    assert kind_or_picture(data) in {"image/png", "broken_picture", "decode_memory"}


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


# --- Polyglots -------------------------------------------------------------------------------------------

SCRIPT = b"<script>alert(document.cookie)</script>"


def photograph() -> Image.Image:
    return Image.linear_gradient("L").resize((120, 90)).convert("RGB")


def as_gif_and_script() -> bytes:
    """Valid as a GIF, and as JavaScript: the width reads as the opening of a comment."""
    data = bytearray(encoded(photograph().quantize(8), "GIF"))
    data[6:8] = b"/*"
    return bytes(data) + b"*/=1;" + SCRIPT


POLYGLOTS = {
    "a gif that is a script": as_gif_and_script,
    "a jpeg that is an archive": lambda: (
        encoded(photograph(), "JPEG") + b"PK\x03\x04" + SCRIPT + b"PK\x05\x06" + bytes(18)
    ),
    "a jpeg with a comment": lambda: encoded(photograph(), "JPEG", comment=SCRIPT),
    "a jpeg with exif": lambda: encoded(photograph(), "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\0\0" + SCRIPT),
    "a jpeg with a profile": lambda: encoded(photograph(), "JPEG", icc_profile=SCRIPT),
    "a png with text": lambda: png(40, 40, zlib.compress(bytes(121 * 40)), chunk(b"tEXt", b"Comment\0" + SCRIPT)),
    "a gif with a comment": lambda: encoded(photograph().quantize(8), "GIF", comment=SCRIPT),
    "a webp with metadata": lambda: encoded(photograph(), "WEBP", xmp=SCRIPT),
}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", POLYGLOTS)
def test_of_a_polyglot_the_pixels_alone_go_on(name: str) -> None:
    data = POLYGLOTS[name]()
    assert SCRIPT in data
    decoded = decode(data, LIMITS)
    for sent in (decoded.jpeg, thumbnail(decoded.jpeg)):
        assert SCRIPT not in sent
        assert b"PK\x03\x04" not in sent
        assert sent.endswith(b"\xff\xd9")


@pytest.mark.parametrize("start", [b"%PDF-1.7\n", b"%!PS-Adobe-3.0\n"])
def test_a_picture_inside_a_document_is_not_looked_for(start: bytes) -> None:
    assert kind_of(start + encoded(photograph(), "JPEG")) == "unsupported_format"


# --- Hash and features -----------------------------------------------------------------------------------


def test_hash_and_features_come_with_the_picture() -> None:
    decoded = decode(encoded(textured()), LIMITS)
    features = np.frombuffer(decoded.features[EXTRACTOR], dtype="<f4")
    assert isinstance(decoded.phash, int)
    assert features.shape == (len(feature_names()),)
    assert np.isfinite(features).all()
    assert decoded.lost == {}


def textured() -> Image.Image:
    noise = np.random.default_rng(5).integers(0, 255, (9, 9, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((300, 200), Image.Resampling.BICUBIC)


@pytest.mark.parametrize("error", [ValueError("no"), MemoryError()])
def test_a_hash_that_fails_costs_itself_alone(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    monkeypatch.setattr("core.adapters.picture_decode.phash_of", raising(error))
    decoded = decode(encoded(textured()), LIMITS)
    assert decoded.phash is None
    assert set(decoded.features) == {EXTRACTOR}
    assert set(decoded.lost) == {"phash"}


def test_features_that_fail_cost_themselves_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.adapters.picture_decode.features_of", raising(ValueError("no")))
    decoded = decode(encoded(textured()), LIMITS)
    assert decoded.features == {}
    assert decoded.phash is not None
    assert decoded.measures["width"] == 300


def raising(error: Exception) -> Callable[..., None]:
    def fails(*_: object) -> None:
        raise error

    return fails


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


@asynccontextmanager
async def started() -> AsyncIterator[tuple[ProcessDecoder, int]]:
    """A decoder whose one worker has decoded, and that worker's process id."""
    workers = ProcessDecoder(LIMITS, workers=1, seconds=5.0)
    try:
        await workers.decode(encoded(Image.new("RGB", (90, 90))))
        worker = workers._idle.get_nowait()
        assert worker is not None
        workers._idle.put_nowait(worker)
        yield workers, worker.pid
    finally:
        await workers.close()


async def fails_once(workers: ProcessDecoder, data: bytes) -> tuple[str, bool]:
    """How it fails; the next picture is decoded."""
    with pytest.raises(PictureError) as caught:
        await workers.decode(data)
    workers._seconds = 30.0
    assert (await workers.decode(encoded(Image.new("RGB", (90, 90))))).width == 90
    return caught.value.kind, caught.value.final


@pytest.mark.skipif(sys.platform != "linux", reason="sends signals")
async def test_a_worker_that_is_killed_costs_one_picture() -> None:
    async with started() as (workers, pid):
        os.kill(pid, signal.SIGKILL)
        assert await fails_once(workers, encoded(Image.new("RGB", (90, 90)))) == ("decoder_died", False)


@pytest.mark.skipif(sys.platform != "linux", reason="sends signals")
async def test_a_worker_that_hangs_costs_one_picture() -> None:
    async with started() as (workers, pid):
        workers._seconds = 0.3
        os.kill(pid, signal.SIGSTOP)
        assert await fails_once(workers, encoded(Image.new("RGB", (90, 90)))) == ("decode_timeout", False)


@pytest.mark.skipif(sys.platform != "linux", reason="limits another process")
async def test_a_worker_out_of_memory_costs_one_picture() -> None:
    async with started() as (workers, pid):
        mapped = int(told_by_kernel(pid, "statm").split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.prlimit(pid, resource.RLIMIT_AS, (mapped, mapped))
        data = encoded(Image.new("RGBA", (1_900, 1_900), RED))
        assert await fails_once(workers, data) == ("decode_memory", True)


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
