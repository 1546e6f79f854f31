"""A picture's embedding by an ONNX model, in this process and in a confined worker."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.adapters.picture_decode import Limits, decode
from core.adapters.picture_decoders import ProcessDecoder, ThreadDecoder
from core.adapters.picture_embedding import MEAN, STD, Embedding, embedding_of, extractor_of
from core.adapters.picture_worker import memory_limit
from core.domain.images.features import EXTRACTOR
from core.errors import SettingsError
from tests.support.tiny_onnx import DOUBLE, model

ORANGE = (255, 128, 0)


def kept(folder: Path, data: bytes) -> str:
    path = folder / "model.onnx"
    path.write_bytes(data)
    return str(path)


def numbers(values: bytes) -> np.ndarray:
    return np.frombuffer(values, dtype="<f4")


def orange() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (90, 60), ORANGE).save(buffer, "PNG")
    return buffer.getvalue()


def test_channels_are_red_green_blue_less_imagenet_s_mean(tmp_path: Path) -> None:
    found = numbers(Embedding(kept(tmp_path, model()))(Image.new("RGB", (90, 60), ORANGE)))
    wanted = [(level / 255 - mean) / std for level, mean, std in zip(ORANGE, MEAN, STD, strict=True)]
    assert found == pytest.approx(wanted, abs=1e-4)


def test_a_model_says_its_own_mean_and_deviation(tmp_path: Path) -> None:
    embed = Embedding(kept(tmp_path, model(mean="0, 0, 0", std="[0.5, 1, 1]")))
    assert numbers(embed(Image.new("RGB", (90, 60), ORANGE))) == pytest.approx([2, 128 / 255, 0], abs=1e-4)


@pytest.mark.parametrize(("side", "asked"), [(8, 8), (None, 224)])
def test_a_picture_is_resized_to_what_the_model_takes(tmp_path: Path, side: int | None, asked: int) -> None:
    embed = Embedding(kept(tmp_path, model(side)))
    assert embed._size == (asked, asked)
    assert len(numbers(embed(Image.new("RGB", (90, 60), ORANGE)))) == 3


def test_the_whole_picture_is_seen_its_edges_too(tmp_path: Path) -> None:
    image = Image.new("RGB", (400, 100))
    image.paste((255, 255, 255), (0, 0, 100, 100))
    embed = Embedding(kept(tmp_path, model(mean="0,0,0", std="1,1,1")))
    assert numbers(embed(image)) == pytest.approx([0.25] * 3, abs=0.01)


def test_a_model_is_named_by_its_content(tmp_path: Path) -> None:
    path = kept(tmp_path, model())
    assert extractor_of(path) == f"onnx-{hashlib.sha256(model()).hexdigest()[:12]}"
    assert Embedding(path).extractor == extractor_of(path)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"<html>", "INVALID_PROTOBUF"),
        (model(element=DOUBLE, operator="Identity"), "float32"),
        (model(224, "Identity"), "150528 numbers"),
        (model(mean="0,0"), "three numbers"),
        (model(std="0,1,1"), "above nought"),
        (model(mean="none"), "could not convert"),
        (model(operator="Log"), "finite"),
    ],
)
def test_a_model_that_can_t_be_used_is_named_at_the_start(tmp_path: Path, data: bytes, says: str) -> None:
    with pytest.raises(SettingsError, match=says) as caught:
        Embedding(kept(tmp_path, data))
    assert str(caught.value).startswith("ASSAY_IMAGE_EMBEDDING_MODEL: ")


def test_a_model_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    limits = Limits(max_pixels=10**6, max_side=256, embedding_model=str(tmp_path / "none.onnx"))
    with pytest.raises(SettingsError, match=r"none\.onnx can't be read"):
        ProcessDecoder(limits)


def test_without_the_library_the_setting_stops_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.adapters.picture_embedding.find_spec", lambda _: None)
    with pytest.raises(SettingsError, match=r"assay\[onnx\]"):
        embedding_of(kept(tmp_path, model()))


def test_no_model_is_no_embedding() -> None:
    assert embedding_of("") is None


def test_a_model_that_fails_on_a_picture_costs_itself_alone(tmp_path: Path) -> None:
    embed = Embedding(kept(tmp_path, model()))
    embed._input = "another"
    decoded = decode(orange(), Limits(max_pixels=10**6, max_side=256), embed)
    assert set(decoded.features) == {EXTRACTOR}
    assert set(decoded.lost) == {embed.extractor}


def test_a_model_widens_the_worker_s_memory(tmp_path: Path) -> None:
    without = Limits(max_pixels=10**6, max_side=256)
    held = Limits(max_pixels=10**6, max_side=256, embedding_model=kept(tmp_path, bytes(10**6)))
    assert memory_limit(held) - memory_limit(without) >= 256 * 2**20 + 3 * 10**6


async def test_a_confined_worker_embeds_as_this_process_does(tmp_path: Path) -> None:
    limits = Limits(max_pixels=10**6, max_side=256, embedding_model=kept(tmp_path, model()))
    workers, thread = ProcessDecoder(limits, workers=1), ThreadDecoder(limits)
    try:
        decoded = await workers.decode(orange())
        assert decoded.features == (await thread.decode(orange())).features
        assert set(decoded.features) == {EXTRACTOR, extractor_of(limits.embedding_model)}
    finally:
        await workers.close()


async def test_a_worker_whose_model_is_broken_decodes_all_the_same(tmp_path: Path) -> None:
    limits = Limits(max_pixels=10**6, max_side=256, embedding_model=kept(tmp_path, b"no model"))
    workers = ProcessDecoder(limits, workers=1)
    try:
        decoded = await workers.decode(orange())
        assert set(decoded.features) == {EXTRACTOR}
        assert "can't be used" in decoded.lost["onnx"]
    finally:
        await workers.close()
