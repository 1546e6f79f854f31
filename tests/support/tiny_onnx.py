"""ONNX files of a few hundred bytes, written field by field (onnx.proto), so that tests need no model and no library
that makes one: the mean of each channel, or the channels as they come."""

from __future__ import annotations

import struct
from collections.abc import Mapping

FLOAT, DOUBLE = 1, 11


def model(side: int | None = 32, operator: str = "GlobalAveragePool", element: int = FLOAT, **metadata: str) -> bytes:
    """A model of one operator over an input of 1 x 3 x side x side; `side` None leaves the size open."""
    size: int | str = "side" if side is None else side
    graph = b"".join(
        [
            _bytes(1, _bytes(1, b"x") + _bytes(2, b"y") + _bytes(4, operator.encode())),
            _bytes(2, b"g"),
            _bytes(11, _value("x", element, [1, 3, size, size])),
            _bytes(12, _value("y", element, [])),
        ]
    )
    return b"".join([_number(1, 8), _bytes(7, graph), _bytes(8, _bytes(1, b"") + _number(2, 13)), _pairs(metadata)])


def _pairs(metadata: Mapping[str, str]) -> bytes:
    return b"".join(
        _bytes(14, _bytes(1, name.encode()) + _bytes(2, value.encode())) for name, value in metadata.items()
    )


def _value(name: str, element: int, shape: list[int | str]) -> bytes:
    sizes = [_number(1, size) if isinstance(size, int) else _bytes(2, size.encode()) for size in shape]
    dims = _bytes(2, b"".join(_bytes(1, size) for size in sizes)) if shape else b""
    return _bytes(1, name.encode()) + _bytes(2, _bytes(1, _number(1, element) + dims))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    low = struct.pack("B", value & 0x7F | (0x80 if value > 0x7F else 0))
    return low + (_varint(value >> 7) if value > 0x7F else b"")
