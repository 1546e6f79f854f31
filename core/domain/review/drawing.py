"""Which candidates are queued, and in which order: by what an answer teaches, with a random share in between.

An answer teaches where the judge may be wrong and where it matters. The doubts are taken together as independent
reasons to be wrong (a noisy or); traffic weighs what there is to gain. Nothing of that enters the random share: it is
a simple random sample of the whole frame, so that means over it are unbiased whatever the order of the rest is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]
Draw = Literal["random", "taught"]

DRIFT_DOUBT = 0.5
"""Doubt that a drift alert's evidence casts on a label: something moved in its queries, not surely this label."""

RARE_WEIGHT = 0.5
"""Weight of a query that nobody types beside the most frequent one: errors there cost shoppers less, and are not
nothing, since most queries are rare."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Everything that may be asked, by place; each array has a number between 0 and 1 for every candidate."""

    keys: npt.NDArray[np.int64]
    """What the source knows each candidate by."""
    disagreement: Numbers
    """Between judges: 0 all alike, 1 from one end of the scale to the other."""
    doubt: Numbers
    """1 - the judge's confidence."""
    traffic: Numbers
    """0 nobody types the query, 1 the most frequent one, on a logarithmic scale."""
    drift: Numbers
    """1 where an alert's evidence names it."""
    queued: npt.NDArray[np.bool_]
    """Asked already: not chosen again for what it teaches, and in the random share like any other."""

    def __len__(self) -> int:
        return len(self.keys)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A candidate that is to be queued at `place`, from 0."""

    index: int
    place: int
    drawn: Draw
    probability: float
    """Of being drawn at random from the frame; 1 of what was chosen by its worth."""
    teaches: float


def frame_of(
    keys: npt.ArrayLike,
    disagreement: npt.ArrayLike,
    confidence: npt.ArrayLike,
    searches: npt.ArrayLike,
    drift: npt.ArrayLike,
    queued: npt.ArrayLike,
) -> Frame:
    """A frame of what sources tell, by candidate: `confidence` 0 to 1, NaN where none was told (no doubt then),
    `searches` of the query in any one period."""
    sure = np.asarray(confidence, dtype=np.float64)
    typed = np.log1p(np.asarray(searches, dtype=np.float64))
    most = typed.max(initial=0.0)
    return Frame(
        np.asarray(keys, dtype=np.int64),
        np.asarray(disagreement, dtype=np.float64),
        1.0 - np.where(np.isnan(sure), 1.0, sure),
        typed / most if most > 0 else np.zeros_like(typed),
        np.asarray(drift, dtype=np.float64),
        np.asarray(queued, dtype=np.bool_),
    )


def teaches(frame: Frame) -> Numbers:
    """What an answer teaches, 0 to 1: the chance that the judge is wrong, by every sign there is, weighted by traffic.
    It grows with each sign, and is 0 where there is none."""
    right = (1.0 - frame.disagreement) * (1.0 - frame.doubt) * (1.0 - DRIFT_DOUBT * frame.drift)
    weight: Numbers = RARE_WEIGHT + (1.0 - RARE_WEIGHT) * frame.traffic
    return (1.0 - right) * weight


def draw(frame: Frame, items: int, random_share: float, rng: np.random.Generator) -> list[Drawn]:
    """At most `items` candidates in the queue's order.

    ceil(items · random_share) of them are a simple random sample without replacement of the whole frame, each with the
    same probability and independent of all that is known of it; the others are those that teach most. The sample is
    spread evenly through the queue in its random order: whatever beginning of the queue is answered, the random items
    in it are a simple random sample too.
    """
    wanted = min(items, len(frame))
    at_random = min(wanted, math.ceil(wanted * random_share - 1e-9))
    sample = rng.permutation(len(frame))[:at_random]
    worth = teaches(frame)
    free = ~frame.queued
    free[sample] = False
    best = [int(index) for index in np.argsort(-worth, kind="stable") if free[index]][: wanted - at_random]
    probability = at_random / len(frame) if len(frame) else 0.0
    mixed = sorted(
        [((place + 0.5) / len(sample), int(index), probability) for place, index in enumerate(sample)]
        + [((place + 0.5) / len(best), index, 1.0) for place, index in enumerate(best)]
    )
    chosen = set(best)
    return [
        Drawn(index, place, "taught" if index in chosen else "random", each, float(worth[index]))
        for place, (_, index, each) in enumerate(mixed)
    ]


def disagreement(grades: list[int], lowest: int, highest: int) -> float:
    """How far apart judges are, of the scale: 0 alike (or one alone), 1 from end to end."""
    return (max(grades) - min(grades)) / (highest - lowest) if grades else 0.0
