"""A picture's embedding by an ONNX model that the operator gives (`ASSAY_IMAGE_EMBEDDING_MODEL`), for students.

The optional extra `assay[onnx]`, imported where the setting is set and nowhere else. The model takes one float32 input,
1 x 3 x height x width, RGB; sizes that it leaves open are 224. The whole picture is resized to it, not a crop of the
middle: borders and framing are what is judged. Values are (pixel / 255 - mean) / std, ImageNet's unless the model's
metadata has `mean` and `std`, three numbers each with commas. What counts is its first output, flattened.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.errors import SettingsError

Numbers = NDArray[np.float32]

DEFAULT_SIDE = 224
"""Pixels: what nearly every image encoder was trained on."""

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""ImageNet's, by channel, as torchvision's models take them."""

MOST_NUMBERS = 8_192
"""Floats of an embedding: encoders give 384 to 2,048; a feature map by mistake gives 100,000, a row of 400 kB each."""

QUIET = {"ORT_DISABLE_TELEMETRY": "1"}
"""Official builds of onnxruntime report sessions and models to their maker since 1.29, unless this is set."""


def extractor_of(path: str | Path) -> str:
    """The name of a model's embedding: `onnx-` and the first 12 hex digits of its file's SHA-256. SettingsError when it
    can't be read."""
    try:
        return f"onnx-{_digest(str(path), Path(path).stat().st_mtime_ns)[:12]}"
    except OSError as error:
        raise SettingsError(f"ASSAY_IMAGE_EMBEDDING_MODEL: {path} can't be read ({error.strerror})") from error


@lru_cache(maxsize=4)
def _digest(path: str, changed_ns: int) -> str:
    """By the file's time, so that a model of 400 MB is read once."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_model(path: str) -> None:
    """SettingsError where the file or the library is missing; whether it is a model shows when it is loaded."""
    if not path:
        return
    extractor_of(path)
    if find_spec("onnxruntime") is None:
        raise SettingsError("ASSAY_IMAGE_EMBEDDING_MODEL needs onnxruntime: install `assay[onnx]`")


def embedding_of(path: str) -> Embedding | None:
    """The model of that file; None for no path, SettingsError where it can't be used."""
    if not path:
        return None
    check_model(path)
    return Embedding(path)


class Embedding:
    """`picture_decode.Embed` over an ONNX session: one thread, no memory kept between pictures."""

    def __init__(self, path: str) -> None:
        self.extractor = extractor_of(path)
        try:
            self._session = _session(path)
            self._input, self._size = _input_of(self._session)
            self._mean, self._scale = _levels(self._session.get_modelmeta().custom_metadata_map)
            self(Image.new("RGB", (8, 8)))
        except (ValueError, ImportError, RuntimeError, MemoryError) as error:
            reason = str(error) or type(error).__name__
            raise SettingsError(f"ASSAY_IMAGE_EMBEDDING_MODEL: {path} can't be used: {reason}") from error

    def __call__(self, image: Image.Image) -> bytes:
        """Little-endian 32-bit floats of an RGB picture; ValueError when the model fails or gives no numbers."""
        pixels = np.asarray(image.resize(self._size, Image.Resampling.BILINEAR), dtype=np.float32)
        levels = ((pixels - self._mean) * self._scale).transpose(2, 0, 1)[np.newaxis]
        found = np.asarray(_run(self._session, {self._input: np.ascontiguousarray(levels)}), dtype="<f4").ravel()
        if not 0 < found.size <= MOST_NUMBERS:
            raise ValueError(f"its first output has {found.size} numbers; 1 to {MOST_NUMBERS} are kept")
        if not np.isfinite(found).all():
            raise ValueError("its first output is not finite")
        return found.tobytes()


class _Put(Protocol):
    name: str
    shape: Sequence[int | str | None]
    type: str


class _Meta(Protocol):
    custom_metadata_map: Mapping[str, str]


class _Session(Protocol):
    """What is used of `onnxruntime.InferenceSession`, which has no types."""

    def get_inputs(self) -> Sequence[_Put]: ...

    def get_modelmeta(self) -> _Meta: ...

    def run(self, names: None, feeds: Mapping[str, Numbers]) -> Sequence[Numbers]: ...


def _session(path: str) -> _Session:
    os.environ.update(QUIET)
    import onnxruntime  # noqa: PLC0415 - an optional extra of 60 MB, for those who set a model

    onnxruntime.set_default_logger_severity(3)  # errors alone: the rest is for its makers
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    try:
        made: _Session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors have no root of their own
        raise ValueError(str(error)) from error
    return made


def _run(session: _Session, feeds: Mapping[str, Numbers]) -> Numbers:
    try:
        return session.run(None, feeds)[0]
    except Exception as error:  # as above
        raise ValueError(str(error)) from error


def _input_of(session: _Session) -> tuple[str, tuple[int, int]]:
    """Its one input's name, and the width and height it takes."""
    inputs = session.get_inputs()
    shape = tuple(inputs[0].shape)
    if len(inputs) != 1 or inputs[0].type != "tensor(float)" or len(shape) != 4 or shape[1] not in {3, None}:
        raise ValueError("it takes something else than one float32 input of 1 x 3 x height x width")
    height, width = (size if isinstance(size, int) and size > 0 else DEFAULT_SIDE for size in shape[2:])
    return inputs[0].name, (width, height)


def _levels(metadata: Mapping[str, str]) -> tuple[Numbers, Numbers]:
    """Of 0 to 255, what is taken away and what the rest is multiplied by: `(pixel / 255 - mean) / std`."""
    mean, std = (_three(metadata.get(name), usual) for name, usual in (("mean", MEAN), ("std", STD)))
    if not (std > 0).all():
        raise ValueError("its metadata's `std` is not three numbers above nought")
    return mean * np.float32(255), np.float32(1) / (std * np.float32(255))


def _three(text: str | None, usual: tuple[float, float, float]) -> Numbers:
    given = usual if text is None else tuple(float(part) for part in text.strip("[]() ").split(","))
    if len(given) != 3:
        raise ValueError("its metadata's `mean` and `std` are not three numbers with commas")
    return np.array(given, dtype=np.float32)
