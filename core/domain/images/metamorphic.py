"""Metamorphic checks of whoever scores pictures: a picture that is spoilt more must not be scored higher.

Nobody has to know the right score for it (Chen, Cheung, Yiu 1998; of vision models Tian et al., ICSE 2018): a buyer
sees less of an item the more its picture is blurred, darkened, compressed, shrunk or written over, so a score that
rises on the way is wrong wherever it began. A score that stays is no fault; how often it stays is told, since a scorer
that gives everything a 5 breaks no order either.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

from core.domain.evaluation.checks.shares import Seen, share_of

Transform = Literal["blur", "darker", "jpeg", "low_resolution", "overlay"]
TRANSFORMS: tuple[Transform, ...] = get_args(Transform)

STRENGTHS = 3
"""Of each transform; strength 0 is the picture as it came."""

ALL = "all"
"""The transform under which every ladder counts once more."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """One picture under one transform. `scores`: 1 to 10 at strength 0, 1, 2, …; None where there is no answer."""

    picture: str
    transform: str
    scores: tuple[int | None, ...]

    @property
    def known(self) -> list[tuple[int, int]]:
        """Strength and score of the answers there are, by strength."""
        return [(strength, score) for strength, score in enumerate(self.scores) if score is not None]

    @property
    def steps(self) -> list[tuple[int, int]]:
        """Of each answer but the first: its strength, and by how much the score rose since the answer before."""
        return [(strength, score - before) for (_, before), (strength, score) in pairwise(self.known)]

    @property
    def told(self) -> bool:
        """Whether there are two answers to compare."""
        return len(self.known) > 1

    @property
    def kept(self) -> bool:
        """No answer is above one of a lower strength: the same as none above the one before it."""
        return all(rise <= 0 for _, rise in self.steps)

    @property
    def flat(self) -> bool:
        """Every answer is the same."""
        return all(rise == 0 for _, rise in self.steps)

    @property
    def drop(self) -> int:
        """Of the last answer under the first; negative where it rose."""
        return self.known[0][1] - self.known[-1][1]


@dataclass(frozen=True, slots=True)
class Rise:
    """The largest rise of one ladder: `before` at one strength, `after` at a higher one."""

    picture: str
    transform: str
    weaker: int
    stronger: int
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class StepTally:
    """What became of the scores on the way to one strength from the one before it (the nearest with an answer)."""

    strength: int
    fell: int
    tied: int
    rose: int


@dataclass(frozen=True, slots=True)
class Order:
    """How far one transform keeps the order. `share` of the `ladders` with two answers or more that are `kept`, with a
    95 % interval (Wilson's, by picture: of `all` transforms together a picture has several ladders, and counts by its
    effective number). `flat` of the kept ones never move. None where there is no ladder."""

    transform: str
    ladders: int
    kept: int
    flat: int
    share: float | None
    low: float | None
    high: float | None
    mean_drop: float | None
    """Points from the picture as it came to the last strength with an answer."""
    unanswered: int
    """Answers that are missing, of all ladders."""
    steps: tuple[StepTally, ...]


def orders(ladders: Iterable[Ladder]) -> list[Order]:
    """Of all transforms together first, then of each one that there is, in the transforms' own order."""
    given = list(ladders)
    by_transform = {name: [each for each in given if each.transform == name] for name in TRANSFORMS}
    return [_order(ALL, given), *(_order(name, found) for name, found in by_transform.items() if found)]


def rises(ladders: Iterable[Ladder]) -> list[Rise]:
    """Of each ladder that is out of order its largest rise; the worst first, then by name."""
    found = [_largest(each) for each in ladders if not each.kept]
    return sorted(found, key=lambda rise: (rise.before - rise.after, rise.picture, rise.transform))


def _order(name: str, given: Sequence[Ladder]) -> Order:
    told = [each for each in given if each.told]
    share = share_of([Seen(each.kept, each.picture) for each in told])
    return Order(
        transform=name,
        ladders=len(told),
        kept=share.hits,
        flat=sum(each.flat for each in told),
        share=share.value,
        low=share.low,
        high=share.high,
        mean_drop=sum(each.drop for each in told) / len(told) if told else None,
        unanswered=sum(score is None for each in given for score in each.scores),
        steps=_tallies(told),
    )


def _tallies(told: Sequence[Ladder]) -> tuple[StepTally, ...]:
    steps = [step for each in told for step in each.steps]
    return tuple(
        StepTally(
            strength,
            fell=sum(rise < 0 for at, rise in steps if at == strength),
            tied=sum(rise == 0 for at, rise in steps if at == strength),
            rose=sum(rise > 0 for at, rise in steps if at == strength),
        )
        for strength in sorted({at for at, _ in steps})
    )


def _largest(ladder: Ladder) -> Rise:
    """Of two as large the first."""
    known = ladder.known
    pairs = [(weak, strong) for place, strong in enumerate(known) for weak in known[:place]]
    (weaker, before), (stronger, after) = max(pairs, key=lambda pair: pair[1][1] - pair[0][1])
    return Rise(ladder.picture, ladder.transform, weaker, stronger, before, after)
