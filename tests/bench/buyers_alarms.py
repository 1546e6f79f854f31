"""How often the alert about agreement is raised where nothing changed, and how soon where buyers stopped minding."""

from __future__ import annotations

import numpy as np

from core.domain.images.buyers.agreement import Floats, Ints, Listings, fall
from core.domain.images.buyers.days import WEEK
from core.settings import Settings
from core.stages.buyers_look import BASELINE, Pace, fell

NIGHTS = 90
CHANGE = 45
"""Night on which buyers stop minding, in the worlds where they do."""

REPLICATES = 100

LOG_PER_POINT = float(np.log1p(0.06))
"""What the simulated marketplace's lift is per point."""

SPREAD = 0.5
"""Standard deviation of the log rate among listings with the same picture: relevance, price, brand."""

WEEKLY = 0.2
"""The same of one listing from week to week: who searches for what, and beside what it stands."""


def alarms(worlds: int, settings: Settings) -> str:
    """A table: by listings and clicks a day, false alarms in the 45 nights before anything changes, and those within
    7, 14 and 28 nights of the loss of the whole lift or of half of it."""
    lines = ["| listings | clicks a day | left of the lift | false alarms in 45 nights | within 7 nights | 14 | 28 |"]
    lines.append("|---|---|---|---|---|---|---|")
    for listings, clicks in ((350, 300), (1_000, 1_000)):
        for number, left in enumerate((0.0, 0.5)):
            seeds = range(number * worlds, (number + 1) * worlds)
            nights = [first(listings, clicks, left, seed, Pace.of(settings)) for seed in seeds]
            false = np.mean([any(night < CHANGE for night in each) for each in nights])
            found = [min((night for night in each if night >= CHANGE), default=NIGHTS * 2) - CHANGE for each in nights]
            shares = " | ".join(f"{np.mean(np.array(found) < within):.0%}" for within in (7, 14, 28))
            lines.append(f"| {listings} | {clicks} | {left:.0%} | {false:.0%} | {shares} |")
    return "\n".join(lines)


def first(listings: int, clicks: int, left: float, seed: int, pace: Pace) -> list[int]:
    """The nights on which one world's rule is met."""
    rng = np.random.default_rng(seed)
    stratum = rng.integers(0, 40, listings)
    score = rng.choice(np.array([2, 3, 4, 5, 6, 9, 10]), listings, p=[0.02, 0.05, 0.07, 0.07, 0.07, 0.4, 0.32])
    score = score.astype(np.float64)
    looks = rng.lognormal(0, 1, listings)
    own = rng.normal(0, SPREAD, listings)
    weeks = [own + rng.normal(0, WEEKLY, listings) for _ in range((BASELINE + WEEK + NIGHTS) // WEEK + 1)]
    days = [
        rng.poisson(
            _expected(
                looks, weeks[day // WEEK], score, LOG_PER_POINT * (left if day >= CHANGE + BASELINE + WEEK else 1)
            )
            * clicks
        )
        for day in range(BASELINE + WEEK + NIGHTS)
    ]
    met = []
    for night in range(NIGHTS):
        at = night + BASELINE + WEEK
        now = _window(stratum, score, days[at - WEEK + 1 : at + 1], looks)
        before = _window(stratum, score, days[at - WEEK - BASELINE + 1 : at - WEEK + 1], looks)
        found = fall(before, now, REPLICATES, rng)
        if found is not None and fell(found, pace):
            met.append(night)
    return met


def _expected(looks: Floats, own: Floats, score: Floats, log: float) -> Floats:
    rate = looks * np.exp(own + log * score)
    return rate / rate.sum()


def _window(stratum: Ints, score: Floats, days: list[Floats], looks: Floats) -> Listings:
    return Listings(stratum, score, np.sum(days, axis=0).astype(np.float64), looks * len(days))
