"""A simulated panel and simulated anchors, seeded: what the detectors see on quiet nights and under faults."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np

from core.domain.drift.anchors import AnchorGrade
from core.domain.drift.panel import NightAccount, Pair, PanelNight, PanelSlot, QueryAccount, Segment

START = date(2026, 1, 1)
SEGMENT = Segment("shop", "de", "de", "head", "default")


def day(number: int) -> date:
    return START + timedelta(days=number)


@dataclass
class Panel:
    """Queries x slots with churn of 2 to 4 % a night over the week, 0.5 % edits, and a cache of labels.

    `shift` lowers the chance of every new listing being good; `stricter` is the share of new labels the judge lowers.
    `true` is what the quiet judge says, `grade` what is in the cache.
    """

    seed: int
    queries: int = 150
    slots: int = 10
    night: int = -1
    shift: float = 0.0
    stricter: float = 0.0
    model: str = "judge-1"
    rng: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)
        shape = (self.queries, self.slots)
        self.quality = self.rng.beta(5, 3, self.queries)
        self.base = self.rng.dirichlet(np.full(self.queries, 2.0))
        self.listing = np.arange(self.queries * self.slots).reshape(shape)
        self.version = np.zeros(shape, int)
        self.models = np.full(shape, self.model, dtype="<U9")
        self.true = self._draw(np.ones(shape, bool))
        self.grade = self.true.copy()
        self.sums = np.zeros((3, self.queries))
        self.weights = self.base
        self.steps = np.zeros((3, self.queries))
        self.changed = np.zeros((2, *shape), bool)
        self.truth: dict[tuple[str, str], int] = {}
        self._remember(np.ones(shape, bool))

    def _remember(self, where: np.ndarray) -> None:
        contents = zip(
            self.listing[where].tolist(), self.version[where].tolist(), self.true[where].tolist(), strict=True
        )
        self.truth.update({(str(listing), str(version)): grade for listing, version, grade in contents})

    def answer(self, pair: Pair) -> int:
        """What today's judge says of a content shown on any night, past every cache."""
        true = self.truth[pair.listing_id, pair.content_hash]
        return max(true - 1, 0) if self.rng.random() < self.stricter else true

    def _draw(self, where: np.ndarray) -> np.ndarray:
        chance = np.clip(self.quality - self.shift, 0, 1)[:, None].repeat(self.slots, 1)
        return np.where(where, self.rng.binomial(2, chance), getattr(self, "true", 0))

    def _judge(self, where: np.ndarray) -> None:
        strict = self.rng.random(where.shape) < self.stricter
        told = np.where(strict, np.maximum(self.true - 1, 0), self.true)
        self.grade = np.where(where, told, self.grade)
        self.models = np.where(where, self.model, self.models)

    def step(self, *, deploy: float = 0.0, edits: float = 0.005, damage: float = 0.0, rejudge: bool = False) -> None:
        """The next night: churn; where asked a deploy that replaces a share, and edits, `damage` of them breaking."""
        self.night += 1
        before = self.grade
        shape = before.shape
        churn = 0.03 + 0.01 * np.sin(2 * np.pi * self.night / 7)
        replaced = self.rng.random(shape) < max(churn, deploy)
        edited = (self.rng.random(shape) < edits) & ~replaced
        self.listing = np.where(
            replaced, self.listing.max() + 1 + np.arange(replaced.size).reshape(shape), self.listing
        )
        self.version = np.where(edited, self.version + 1, np.where(replaced, 0, self.version))
        self.true = self._draw(replaced)
        broken = edited & (self.rng.random(shape) < damage)
        self.true = np.where(broken, np.maximum(self.true - 1, 0), self.true)
        self._remember(replaced | edited)
        self._judge(replaced | edited | rejudge)
        change = (self.grade - before) / 2
        parts = (replaced, edited, ~replaced & ~edited)
        self.steps = np.stack([np.where(part, change, 0).mean(axis=1) for part in parts])
        self.sums += self.steps
        self.changed = np.stack([replaced, edited])
        week = 1 + 0.2 * np.sin(2 * np.pi * (self.night + np.arange(self.queries)) / 7)
        self.weights = self.rng.poisson(20_000 * self.base * week) / 20_000

    def account(self) -> NightAccount:
        """The night's account without the slots, as `account_night` would write it."""
        weights = (self.weights / self.weights.sum()).tolist()
        gains = (self.grade.mean(axis=1) / 2).tolist()
        parts = np.concatenate([self.steps, self.sums]).T.tolist()
        churn = self.changed.sum(axis=2).T.tolist()
        rows = [
            QueryAccount(f"q{i:03d}", weights[i], gains[i], *parts[i], self.slots, *churn[i], 0, 0, START)
            for i in range(self.queries)
        ]
        return NightAccount.of(day(self.night), 1, rows)

    def panel(self) -> PanelNight:
        """The night's slots as they are stored."""
        slots = tuple(
            PanelSlot(
                f"q{i:03d}",
                rank,
                str(self.listing[i, rank]),
                str(self.version[i, rank]),
                int(self.grade[i, rank]),
                str(self.models[i, rank]),
                str(self.models[i, rank]),
            )
            for i in range(self.queries)
            for rank in range(self.slots)
        )
        weights = {f"q{i:03d}": float(self.weights[i]) for i in range(self.queries)}
        return PanelNight(SEGMENT, day(self.night), slots, weights)


@dataclass
class Anchors:
    """200 anchors in turn, `pace` a night. One in twenty is on a border and flips in 15 % of its looks."""

    seed: int
    pace: int = 60
    number: int = 200
    at: int = 0

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed + 10_000)
        self.grades = self.rng.integers(0, 3, self.number)
        self.noise = np.where(self.rng.random(self.number) < 0.05, 0.15, 0.002)

    def swap(self, share: float) -> None:
        """A new judge: this share of the anchors gets another grade, for good."""
        moved = self.rng.random(self.number) < share
        self.grades = np.where(moved, (self.grades + 1) % 3, self.grades)

    def outcomes(self) -> list[AnchorGrade]:
        turn = [(self.at + i) % self.number for i in range(self.pace)]
        self.at = (self.at + self.pace) % self.number
        noisy = self.rng.random(self.number) < self.noise
        return [AnchorGrade(f"a{i}", int((self.grades[i] + noisy[i]) % 3)) for i in turn]
