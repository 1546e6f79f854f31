"""The decoding worker: a process that reads pictures from standard input and answers on standard output.

It holds no secret (its environment is empty), writes no file, and may use only so much memory; the parent
ends it when a picture takes too long. Frames: 4 bytes length, big-endian, then the bytes. A picture in,
msgpack of `Decoded` or `Failed` out.
"""

from __future__ import annotations

import resource
import sys
import warnings
from pathlib import Path
from typing import BinaryIO

import msgspec
from PIL import Image

from core.adapters.picture_decode import Decoded, Embed, Limits, decode
from core.adapters.picture_embedding import embedding_of
from core.errors import PictureError, SettingsError

LENGTH_BYTES = 4
BASE_MEMORY = 320 * 1024 * 1024
"""Address space of Python, numpy, SciPy's transforms and Pillow's codecs (some 200 MB mapped), and half as much for a
picture's bytes."""

MEMORY_PER_PIXEL = 16
"""Bytes. Measured at 50 megapixels: JPEG 2, progressive 4, 16-bit grey 6, AVIF 8, RGBA and palette 8, WebP 14."""

MODEL_MEMORY = 256 * 1024 * 1024
"""Address space of onnxruntime (53 MB mapped, its session 25) and of a model's activations for one picture."""

MEMORY_PER_MODEL_BYTE = 4
"""A model is held as the file, as parsed, and as laid out for the processor: three times; one on top."""


class Failed(msgspec.Struct, frozen=True, tag=True):
    """A picture that can't be used, as `PictureError` says it."""

    message: str
    kind: str
    final: bool


Answer = Decoded | Failed


def memory_limit(limits: Limits) -> int:
    """Bytes of address space a worker may have."""
    pictures = BASE_MEMORY + MEMORY_PER_PIXEL * limits.max_pixels
    if not limits.embedding_model:
        return pictures
    return pictures + MODEL_MEMORY + MEMORY_PER_MODEL_BYTE * Path(limits.embedding_model).stat().st_size


def answer(data: bytes, limits: Limits, embed: Embed | None = None) -> Answer:
    """`decode`, with its PictureError as a value."""
    try:
        return decode(data, limits, embed)
    except PictureError as error:
        return Failed(str(error), error.kind, error.final)


def serve(requests: BinaryIO, answers: BinaryIO, limits: Limits) -> None:
    """Answer each picture until the input ends."""
    embed = _embedding(limits)
    while len(head := requests.read(LENGTH_BYTES)) == LENGTH_BYTES:
        body = msgspec.msgpack.encode(answer(requests.read(int.from_bytes(head)), limits, embed))
        answers.write(len(body).to_bytes(LENGTH_BYTES) + body)
        answers.flush()


def _embedding(limits: Limits) -> Embed | None:
    """Where the model can't be loaded pictures are decoded all the same, and say what they lost."""
    try:
        return embedding_of(limits.embedding_model)
    except SettingsError as error:
        return Unloaded(str(error))


class Unloaded:
    """Stands for a model that can't be loaded. Standard error would not do: it may be a file, which can't be written
    here."""

    extractor = "onnx"

    def __init__(self, why: str) -> None:
        self._why = why

    def __call__(self, image: Image.Image) -> bytes:
        """ValueError, always."""
        raise ValueError(self._why)


def _confine(limits: Limits) -> None:
    memory = memory_limit(limits)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    if sys.platform == "linux":  # elsewhere the kernel does not hold an address-space limit
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # Pillow warns of what a stranger's file has wrong; the answer says what matters
    given = msgspec.json.decode(sys.argv[1], type=Limits)
    _confine(given)
    serve(sys.stdin.buffer, sys.stdout.buffer, given)
