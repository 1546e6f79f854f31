"""The student: a forest on the figures of a picture, its doubt, its reasons in words; stored as msgpack of numbers."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import msgspec
import numpy as np
from numpy.typing import NDArray

from core.domain.images.features import EXTRACTOR, GROUPS, feature_names
from core.domain.images.forest import Floats, Forest
from core.domain.images.student import StudentSays
from core.domain.judges import VERSION_DIGITS

LOWEST, HIGHEST = 1.0, 10.0
"""Ends of the scale of scores."""

FORMAT = 1

MOST_TREES = 1_000
"""Of a stored forest: ten times what a training grows, and some 5 ms a picture."""

ROUNDED = 12**-0.5
"""Spread of the rounding to whole points that labels have: trees that are at one still don't know it."""

MOVED = 0.05
"""Points below which a group of figures is not named in the reasons: none shows in a score of whole points."""

NAMED = 4
"""Groups named, the ones that moved most: a reader takes in no more at once."""

OVERALL = 0
"""The first output of a forest; the aspects come after it."""

DECILES = 11


class Body(msgspec.Struct, frozen=True):
    """What a student is made of, as it is stored; numbers little-endian, as their type's name says."""

    format: int
    extractor: str
    figures: int
    aspects: tuple[str, ...]
    roots_u4: bytes
    feature_u2: bytes
    threshold_f4: bytes
    left_u4: bytes
    values_f4: bytes
    deciles_f4: bytes
    """[11, figures]: how each figure is distributed over the pictures that it was trained on."""
    usual: float
    """Mean overall score of those."""
    widen: float
    unsure_above: float


@dataclass(frozen=True)
class Told:
    """What is said of many pictures at once, by row: `score` and `spread` [pictures], `aspects` [pictures, aspects],
    `moved` [pictures, figures]."""

    score: Floats
    spread: Floats
    aspects: Floats
    moved: Floats


@dataclass(frozen=True)
class ForestStudent:
    """One version; port `core.domain.images.student.Student`."""

    version: str
    extractor: str
    aspects: tuple[str, ...]
    forest: Forest
    deciles: Floats
    usual: float
    widen: float
    """Of the trees' own spread, so that 68 of 100 held-back labels lie within it."""
    unsure_above: float

    def says(self, features: bytes) -> StudentSays:
        """Score, doubt, aspects and reasons of one picture. ValueError for bytes that its extractor did not make."""
        figures = figures_of(features, self.deciles.shape[1])
        told = self.told(figures[np.newaxis, :])
        aspects = {name: round(float(value)) for name, value in zip(self.aspects, told.aspects[0], strict=True)}
        score, spread = float(told.score[0]), float(told.spread[0])
        return StudentSays(score, spread, aspects, self._reasoning(figures, told.moved[0], spread))

    def told(self, figures: Floats) -> Told:
        """Of pictures by row."""
        leaves, moved = self.forest.leaves(figures)
        values = self.forest.values[leaves]
        means = values.mean(axis=1, dtype=np.float64).clip(LOWEST, HIGHEST).astype(np.float32)
        spread = doubt(values[:, :, OVERALL], self.widen)
        return Told(means[:, OVERALL], spread, means[:, OVERALL + 1 :], moved)

    def _reasoning(self, figures: Floats, moved: Floats, spread: float) -> str:
        """Groups of figures by how far they moved the score, with the figure that moved it most and where it stands."""
        start = (
            f"By {self.version}, a small model and no judge: it sees {len(figures)} figures of the pixels "
            f"({self.extractor}), not what the item is. Give or take {spread:.1f}. From the usual {self.usual:.1f}"
        )
        if self.extractor != EXTRACTOR:
            return f"{start}; what moved it can't be told, the figures of an embedding have no names."
        sums = np.bincount(self._groups, weights=moved, minlength=len(GROUPS))
        order = [int(place) for place in np.argsort(-np.abs(sums))[:NAMED] if abs(sums[place]) >= MOVED]
        if not order:
            return f"{start} nothing moved it."
        return f"{start}: " + "; ".join(self._group(place, float(sums[place]), figures, moved) for place in order) + "."

    def _group(self, place: int, by: float, figures: Floats, moved: Floats) -> str:
        inside = np.where(self._groups == place, np.abs(moved), -1)
        most = int(inside.argmax())
        below = int((self.deciles[1:-1, most] < figures[most]).sum()) * 10
        word = tuple(GROUPS.values())[place]
        return f"{word} {by:+.1f} ({feature_names()[most]} {_stands(below)})"

    @cached_property
    def _groups(self) -> NDArray[np.intp]:
        """The group of each figure."""
        places = {group: place for place, group in enumerate(GROUPS)}
        return np.array([places[name.split(".")[0]] for name in feature_names()], dtype=np.intp)


def _stands(below: int) -> str:
    """Where a figure stands among those trained on; `below` as a share of 100."""
    if below >= 90:
        return "higher than in 90 % of pictures"
    if below <= 0:
        return "lower than in 90 % of pictures"
    return f"higher than in {below} % of pictures"


def figures_of(features: bytes, figures: int) -> Floats:
    """float32[figures] of `Picture.features`; what is no number counts as 0. ValueError for another length."""
    if len(features) != 4 * figures:
        raise ValueError(f"{len(features)} bytes of features where {figures} figures have {4 * figures}")
    told = np.frombuffer(features, dtype="<f4").astype(np.float32)
    return told if np.isfinite(told).all() else np.nan_to_num(told)


def doubt(trees: Floats, widen: float) -> Floats:
    """One standard deviation of the score of each picture [pictures, t]: how far the trees are apart and the rounding
    of labels, widened to what held-back labels showed; never more than the scale is wide."""
    apart = trees.std(axis=1, dtype=np.float64)
    spread: Floats = np.minimum(widen * np.hypot(apart, ROUNDED), HIGHEST - LOWEST).astype(np.float32)
    return spread


def packed(student: ForestStudent) -> bytes:
    """As it is stored."""
    forest = student.forest
    body = Body(
        format=FORMAT,
        extractor=student.extractor,
        figures=student.deciles.shape[1],
        aspects=student.aspects,
        roots_u4=forest.roots.astype("<u4").tobytes(),
        feature_u2=forest.feature.astype("<u2").tobytes(),
        threshold_f4=forest.threshold.astype("<f4").tobytes(),
        left_u4=forest.left.astype("<u4").tobytes(),
        values_f4=forest.values.astype("<f4").tobytes(),
        deciles_f4=student.deciles.astype("<f4").tobytes(),
        usual=student.usual,
        widen=student.widen,
        unsure_above=student.unsure_above,
    )
    return msgspec.msgpack.encode(body)


def unpacked(version: str, body: bytes) -> ForestStudent:
    """The student that `packed` stored. ValueError for anything else: nothing in it is believed."""
    try:
        told = msgspec.msgpack.decode(body, type=Body)
    except msgspec.MsgspecError as error:
        raise ValueError(f"no student: {error}") from error
    if told.format != FORMAT:
        raise ValueError(f"a student of format {told.format}, this version of the program reads {FORMAT}")
    forest = Forest(
        roots=np.frombuffer(told.roots_u4, dtype="<u4"),
        feature=np.frombuffer(told.feature_u2, dtype="<u2"),
        threshold=np.frombuffer(told.threshold_f4, dtype="<f4"),
        left=np.frombuffer(told.left_u4, dtype="<u4"),
        values=np.frombuffer(told.values_f4, dtype="<f4").reshape(-1, 1 + len(told.aspects)),
    ).checked(told.figures)
    deciles = np.frombuffer(told.deciles_f4, dtype="<f4").reshape(DECILES, told.figures)
    if told.extractor == EXTRACTOR and told.figures != len(feature_names()):
        raise ValueError(f"{told.figures} figures where {EXTRACTOR} makes {len(feature_names())}")
    if len(forest.roots) > MOST_TREES:
        raise ValueError(f"{len(forest.roots):,} trees, at most {MOST_TREES:,}")
    if not all(math.isfinite(each) for each in (told.usual, told.widen, told.unsure_above)) or told.widen < 0:
        raise ValueError("a usual score or a doubt that is no number")
    return ForestStudent(
        version, told.extractor, told.aspects, forest, deciles, told.usual, told.widen, told.unsure_above
    )


def stored(version: str, body: bytes) -> ForestStudent:
    """The student of a version as a book keeps it. ValueError where the body is none, or is not the one that the
    version's hash is of: scores would name a student that never gave them."""
    if version != version_of(version.rpartition("@")[0], body):
        raise ValueError("its body is not the one that was stored: its hash is another")
    return unpacked(version, body)


def version_of(name: str, body: bytes) -> str:
    """`name@` and a hash of all that makes it; the same student under two names has one hash."""
    return f"{name}@{hashlib.sha256(body).hexdigest()[:VERSION_DIGITS]}"


def deciles_of(figures: Floats) -> Floats:
    """[11, figures] of pictures by row."""
    found: Floats = np.quantile(figures, np.linspace(0, 1, DECILES), axis=0).astype(np.float32)
    return found


def aspects_of(labels: Sequence[Mapping[str, int]]) -> tuple[str, ...]:
    """Aspects that every label has, in the order of the first."""
    common = set.intersection(*(set(each) for each in labels)) if labels else set()
    return tuple(name for name in (labels[0] if labels else ()) if name in common)
