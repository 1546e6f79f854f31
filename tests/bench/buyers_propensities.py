"""Other ways to estimate propensities from the same pairs, to compare with ours."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

from core.domain.images.buyers.propensities import Floats, Pairs

ROUNDS = 2_000


def expectation_maximised(pairs: Pairs, positions: int) -> Floats:
    """The position-based model by expectation maximisation, each pair with an attractiveness of its own: what Wang,
    Golbandi, Bendersky, Metzler, Najork ("Position Bias Estimation for Unbiased Learning to Rank in Personal Search",
    WSDM 2018) start from; their regression on features of a pair has no counterpart here, where pairs have none."""
    kept = pairs.position <= positions
    pair, place = pairs.pair[kept], pairs.position[kept] - 1
    shown, clicks = pairs.impressions[kept], pairs.clicks[kept]
    looked = np.append(1.0, np.full(positions - 1, 0.5))
    good = np.full(pair.max() + 1, 0.1)
    for _ in range(ROUNDS):
        theta, gamma = looked[place], good[pair]
        missed = shown - clicks
        seen = clicks + missed * theta * (1 - gamma) / (1 - theta * gamma)
        liked = clicks + missed * (1 - theta) * gamma / (1 - theta * gamma)
        looked = np.bincount(place, seen, positions) / np.maximum(np.bincount(place, shown, positions), 1e-9)
        good = np.bincount(pair, liked, good.size) / np.maximum(np.bincount(pair, shown, good.size), 1e-9)
        good = np.clip(good, 1e-6, 1 - 1e-6)
        looked = np.clip(looked / looked[0], 1e-6, 1 - 1e-9)
    return looked / looked[0]


def all_pairs(pairs: Pairs, positions: int) -> Floats:
    """AllPairs (Agarwal and others, WSDM 2019): click rates of the same pairs in two places, each pair weighing the
    same, fitted by p_k * r_kk' with one r for each two places."""
    rate = {}
    for pair, place, shown, clicks in zip(pairs.pair, pairs.position, pairs.impressions, pairs.clicks, strict=True):
        if place <= positions:
            rate.setdefault(int(pair), []).append((int(place) - 1, clicks / shown))
    clicked, missed = np.zeros((2, positions, positions))
    for places in rate.values():
        for one, of_one in places:
            for other, _ in places:
                if one != other:
                    clicked[one, other] += of_one
                    missed[one, other] += 1 - of_one
    return _fitted(clicked, missed, positions)


def _fitted(clicked: Floats, missed: Floats, positions: int) -> Floats:
    upper = np.triu_indices(positions, 1)

    def loss(logits: Floats) -> tuple[float, Floats]:
        looked = 1 / (1 + np.exp(-logits[:positions]))
        pair = 1 / (1 + np.exp(-logits[positions:]))
        good = np.zeros((positions, positions))
        good[upper] = pair
        good += good.T
        chance = np.clip(looked[:, None] * good, 1e-12, 1 - 1e-12)
        value = (clicked * np.log(chance) + missed * np.log(1 - chance)).sum()
        slope = clicked - missed * chance / (1 - chance)
        of_looked = (slope * (1 - looked)[:, None]).sum(axis=1)
        of_good = slope * (1 - good)
        return -value, -np.concatenate([of_looked, (of_good + of_good.T)[upper]])

    start = np.concatenate([-np.log(np.arange(1, positions + 1)), np.full(len(upper[0]), -2.0)])
    looked = 1 / (
        1 + np.exp(-minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 500}).x[:positions])
    )
    return looked / looked[0]
