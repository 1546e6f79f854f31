"""Intervals from the resamples of `bootstrap.py`.

The plain percentile interval held the truth in 81 to 93 of 100 draws at 20 queries of real data. What is used instead
(docs/metrics-of-agreement.md has the simulation):

- means and shares: studentised, both tails by themselves (Efron and Tibshirani 1993, 12.5), the error of each resample
  by linearisation of the ratio, wider where few queries hold most items;
- what is curved (kappas, alphas, AUC, rank correlation), biases and differences: studentised, symmetric (Hall 1988),
  the error of each resample by the jackknife's influences of its queries; kappas, AUC and rank correlation on Fisher's
  scale; biases and differences as if part of a query as far out as the farthest were still missing;
- Kendall's tau of engines, which takes few values: percentiles, expanded for the number of queries (Hesterberg 2015).
"""

from __future__ import annotations

import numpy as np
from scipy import stats

from core.domain.evaluation import estimates as names
from core.domain.evaluation.bootstrap import FEWEST, ROUNDING, Drawn
from core.domain.evaluation.sample import Mask, Numbers

FEWEST_ALIKE = 10
"""Below which a mean has no interval, in queries of equal size that would spread its items as far: as `FEWEST`. The
recall of a label found in few queries was held by 92 of 100 intervals at 50 queries with 7, by 95 with 10."""

DEFINED = 0.95
"""Of the resamples a metric is defined in: with fewer, the interval would be that of the lucky ones."""

TAIL = 0.025

MANY_ENGINES = 8
"""Up to which tau steps by 0.07 or more, as far as the ends of an interval go from one draw to the next."""

END = 1 - 1e-6
"""Farthest from the middle that Fisher's scale is asked for: it is infinite at 1."""

NO_SPREAD = "the same in every query: no spread to take an interval from"
"""Of a difference: the two are alike in every query."""

Ends = tuple[float, float]


def interval(found: Drawn, name: str, queries: int, bounds: Ends) -> Ends | str:
    """95 % ends of one metric that rests on so many queries, or why there are none. `bounds`: the metric's own ends,
    which an interval never leaves."""
    at = found.names.index(name)
    fewest = found.fewest.get(name, FEWEST)
    if queries < fewest:
        return f"{queries} queries: an interval{' of a difference in it' if fewest > FEWEST else ''} needs {fewest}"
    if found.alike[at] < FEWEST_ALIKE:
        alike = f"as in {found.alike[at]:.1f} of equal size"
        return f"most of its items lie in few queries, {alike}: an interval needs {FEWEST_ALIKE}"
    if name == names.SYSTEM_TAU:
        return _expanded(found.values[at], queries, bounds)
    if not found.error[at] > ROUNDING:
        return NO_SPREAD
    return _studentised(found, at, bounds)


def rough(name: str, engines: int) -> str:
    """What to say beside an interval that can't be 95 %; empty of every other. Kendall's tau of e engines counts
    e (e - 1) / 2 pairs, each for or against: one value more than pairs, where no two engines tie."""
    if name != names.SYSTEM_TAU or engines > MANY_ENGINES:
        return ""
    values = engines * (engines - 1) // 2 + 1
    return f"discrete: with {engines} engines it takes {values} values, so the interval can only jump between them"


def _studentised(found: Drawn, at: int, bounds: Ends) -> Ends | str:
    whole, error, values, errors = found.whole[at], found.error[at], found.values[at], found.errors[at]
    known = np.isfinite(values) & (errors > ROUNDING)
    if known.mean() < DEFINED:
        return _lost(known)
    if found.names[at] in found.curved:
        return _curved(whole, error, values[known], errors[known], bounds)
    away = (values[known] - whole) / errors[known] * _for_uneven(found, at)
    if found.names[at] in found.two_tails:
        low, high = np.quantile(away, [TAIL, 1 - TAIL])
        return _inside((whole - high * error, whole - low * error), bounds)
    reach = _reach(away) * float(np.hypot(error, found.unseen[at]))
    return _inside((whole - reach, whole + reach), bounds)


def _curved(whole: float, error: float, values: Numbers, errors: Numbers, bounds: Ends) -> Ends:
    """Symmetric on Fisher's scale of the figure's place between its bounds (atanh; of a share half its logit): the ends
    then reach farther on the side that has more room. Errors go there by the slope."""
    middle, half = (bounds[0] + bounds[1]) / 2, (bounds[1] - bounds[0]) / 2
    places, place = np.clip((values - middle) / half, -END, END), np.clip((whole - middle) / half, -END, END)
    slopes, slope = 1 / (1 - places**2), 1 / (1 - place**2)
    reach = _reach((np.arctanh(places) - np.arctanh(place)) / (errors * slopes)) * error * slope
    low, high = middle + half * np.tanh(np.arctanh(place) + np.array([-reach, reach]))
    return float(low), float(high)


def _reach(away: Numbers) -> float:
    """In standard errors, to both sides alike."""
    return float(np.quantile(np.abs(away), 1 - 2 * TAIL))


def _for_uneven(found: Drawn, at: int) -> float:
    """Where few queries hold most items, the error is known as well as from fewer queries: Student's t of those to
    Student's t of all (degrees of freedom of uneven clusters: Carter, Schnepel and Steigerwald 2017)."""
    if not np.isfinite(found.alike[at]):
        return 1.0
    few, every = (float(stats.t.ppf(1 - TAIL, queries - 1)) for queries in (found.alike[at], found.queries))
    return few / every


def _expanded(values: Numbers, queries: int, bounds: Ends) -> Ends | str:
    known = np.isfinite(values)
    if known.mean() < DEFINED:
        return _lost(known)
    reach = np.sqrt(queries / (queries - 1)) * stats.t.ppf(1 - TAIL, queries - 1)
    tail = float(stats.norm.cdf(-reach))
    return _inside((float(np.quantile(values[known], tail)), float(np.quantile(values[known], 1 - tail))), bounds)


def _lost(known: Mask) -> str:
    return f"{1 - known.mean():.0%} of the resamples leave it undefined: too few queries have a part in it"


def _inside(ends: Ends, bounds: Ends) -> Ends:
    return max(float(ends[0]), bounds[0]), min(float(ends[1]), bounds[1])
