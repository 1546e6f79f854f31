"""Whether a flag of pictures became more frequent than it was: shares of two windows compared. Pure.

The difference of two shares by Newcombe's hybrid score interval (method 10: Newcombe, Statistics in Medicine 17, 1998),
which holds for shares near zero. Pictures are no independent draws: a seller who uses a generator uses it for all of an
evening's fifty listings. So each number of pictures is divided by its design effect over sellers, and then taken as if
they were independent (Rao & Scott, A simple method for the analysis of clustered binary data, Biometrics 48, 1992). And
since many segments are looked at in a night, each has its part of the odds of a false alarm (Bonferroni).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt

from scipy.special import ndtri

from core.domain.friction import wilson_lower

BASE_DAYS_SEEN = 7
"""Days with pictures that the days before have to have: of fewer, a weekday can't be told from the rest."""

SELLERS = 5
"""Different sellers of flagged pictures that a rise has: what fewer do is a case for people who look after sellers, and
no share's interval can be told from it."""

ALL = ""
"""The category of a whole market's counts: few pictures of many categories are many together."""


@dataclass(frozen=True, slots=True)
class FlagCount:
    """Different pictures judged in one of the two windows, of one market and category, by one way (judge and student),
    and those of them with the flag. A seller's pictures, and flagged ones, squared and multiplied and added up over
    sellers, tell how alike a seller's pictures are."""

    recent: bool
    market: str
    category: str
    flag: str
    way: str
    days: int
    """Different UTC days with such pictures."""
    sellers: int
    flagged_sellers: int
    pictures: int
    flagged: int
    pictures_squared: int
    flagged_squared: int
    product: int

    @property
    def share(self) -> float:
        """Of the pictures that carry the flag."""
        return self.flagged / self.pictures


@dataclass(frozen=True, slots=True)
class FlagRules:
    """When a rise counts; see the settings of the same names."""

    recent_days: int
    base_days: int
    min_pictures: int
    """Pictures that each window has to have."""
    min_rise: float
    """Rise of the share that is worth a person's look, 0 to 1: with enough pictures any rise is certain."""
    false_alarms: float
    """Odds that a night on which nothing rose raises an alarm, all segments together."""


@dataclass(frozen=True, slots=True)
class FlagRise:
    """A share that rose. `least`: the lower end of the interval of the rise; `category` "" is the whole market."""

    market: str
    category: str
    flag: str
    way: str
    before: float
    after: float
    pictures_before: int
    pictures_after: int
    sellers: int
    """Of flagged pictures in the newer window."""
    least: float
    design_effect: float


def rises(counts: Iterable[FlagCount], rules: FlagRules) -> list[FlagRise]:
    """What rose in the newer window; a market is told only where no category of it is. Segments are compared by
    pictures that came to the judge the same way in both windows: another judge sees other flags, and a student sends it
    other pictures."""
    pairs = [pair for found in _by_segment(counts).values() if (pair := _comparable(found, rules)) is not None]
    if not pairs:
        return []
    quantile = float(ndtri(1 - rules.false_alarms / len(pairs)))
    found = [rise for before, after in pairs if (rise := _rise(before, after, rules, quantile)) is not None]
    told = {(rise.market, rise.flag) for rise in found if rise.category != ALL}
    kept = [rise for rise in found if rise.category != ALL or (rise.market, rise.flag) not in told]
    return sorted(kept, key=lambda rise: (rise.market, rise.category, rise.flag))


def least_rise(before: float, before_of: float, after: float, after_of: float, quantile: float) -> float:
    """Lower end of Newcombe's interval for the difference of two shares of (effective) numbers of pictures."""
    lower = wilson_lower(after * after_of, after_of, quantile)
    upper = 1 - wilson_lower((1 - before) * before_of, before_of, quantile)
    return after - before - sqrt((after - lower) ** 2 + (upper - before) ** 2)


def design_effect(count: FlagCount) -> float:
    """The variance of the share with sellers as clusters (of a ratio: Cochran, Sampling Techniques, 9A.2) over that of
    as many independent pictures; 1 at least, and 1 where no or every picture has the flag."""
    share = count.share
    independent = share * (1 - share) * count.pictures
    if independent == 0 or count.sellers < 2:
        return 1.0
    squares = count.flagged_squared - 2 * share * count.product + share**2 * count.pictures_squared
    return max(1.0, squares * count.sellers / (count.sellers - 1) / independent)


def newest_shares(counts: Iterable[FlagCount]) -> dict[tuple[str, str], float]:
    """The share of every market and flag in the newer window, whatever way pictures came."""
    seen: dict[tuple[str, str], list[FlagCount]] = defaultdict(list)
    for each in counts:
        if each.recent and each.category == ALL and each.pictures:
            seen[each.market, each.flag].append(each)
    return {key: sum(each.flagged for each in all_) / sum(each.pictures for each in all_) for key, all_ in seen.items()}


def _by_segment(counts: Iterable[FlagCount]) -> dict[tuple[str, str, str], list[FlagCount]]:
    found: dict[tuple[str, str, str], list[FlagCount]] = defaultdict(list)
    for count in counts:
        found[count.market, count.category, count.flag].append(count)
    return found


def _comparable(counts: Sequence[FlagCount], rules: FlagRules) -> tuple[FlagCount, FlagCount] | None:
    """Both windows of the way that most of the newest pictures came; None where there is too little to compare."""
    recent = sorted((each for each in counts if each.recent), key=lambda each: (-each.pictures, each.way))
    base = [each for each in counts if not each.recent and recent and each.way == recent[0].way]
    if not base or min(base[0].pictures, recent[0].pictures) < rules.min_pictures or base[0].days < BASE_DAYS_SEEN:
        return None
    return base[0], recent[0]


def _rise(before: FlagCount, after: FlagCount, rules: FlagRules, quantile: float) -> FlagRise | None:
    """One design effect for both, the larger: where hardly a picture is flagged it can't be told."""
    if after.share - before.share < rules.min_rise or after.flagged_sellers < SELLERS:
        return None
    effect = max(design_effect(before), design_effect(after))
    least = least_rise(before.share, before.pictures / effect, after.share, after.pictures / effect, quantile)
    if least <= 0:
        return None
    of = (before.pictures, after.pictures)
    place = (after.market, after.category, after.flag, after.way)
    return FlagRise(*place, before.share, after.share, *of, after.flagged_sellers, least, effect)
