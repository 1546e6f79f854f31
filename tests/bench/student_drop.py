"""How often the nightly look at the student is wrong, and how much it misses: the tables of docs/student.md.

`python -m tests.bench.student_drop [--years 30]`: years of nights in which nothing changes, then changes of known size.
"""

from __future__ import annotations

import argparse
from collections import Counter
from datetime import date, timedelta

import numpy as np

from core.domain.images.labelled import AgreedLabel
from core.domain.images.student_drop import METRICS, DropRules, Metric, dropped, standing

FIRST = date(2026, 1, 1)
SELLERS = 150
NOISE = 1.0
"""Points by which student and judge are apart: of the demo's pictures and of the photographs it is 0.4 to 0.6."""

OF_SELLER = 0.4
"""Points that are a seller's own: his pictures are misread alike, so that his labels are no fresh evidence."""


def day_of(
    rng: np.random.Generator, day: date, labels: int, *, noise: float = NOISE, bias: float = 0.0
) -> list[AgreedLabel]:
    """A day's labels; scores pile up at the top, as they do."""
    own = np.random.default_rng(5).normal(0, OF_SELLER, SELLERS)
    seller = rng.integers(0, SELLERS, labels)
    score = np.clip(np.rint(10 - rng.gamma(1.5, 2.0, labels)), 1, 10)
    said = np.clip(np.rint(score + bias + own[seller] + noise * rng.normal(size=labels)), 1, 10)
    return [
        AgreedLabel(day, "s@1", "j@1", "de", "", "random", f"s{who}", int(student), int(judge))
        for who, student, judge in zip(seller, said, score, strict=True)
    ]


def alarms(labels: list[AgreedLabel], last: date, rules: DropRules) -> set[Metric]:
    """What a look at the days up to `last` tells."""
    since = last - timedelta(days=rules.recent_days - 1)
    start = since - timedelta(days=rules.base_days)
    then = [each for each in labels if start <= each.day < since]
    now = [each for each in labels if since <= each.day <= last]
    return {m for m in METRICS if dropped(standing(then, m), standing(now, m), m, rules, 1) is not None}


def quiet_years(years: int, a_day: int, rules: DropRules) -> tuple[int, int]:
    """Nights with an alarm that no night of the week before had, and nights, where nothing changes."""
    rng, found = np.random.default_rng(a_day), 0
    nights = years * 365
    days = [FIRST + timedelta(days=at) for at in range(nights + 35)]
    held = {day: day_of(rng, day, a_day) for day in days}
    quiet_until: dict[Metric, date] = {}
    for last in days[34:]:
        window = [each for back in range(35) for each in held[last - timedelta(days=back)]]
        for metric in alarms(window, last, rules):
            if quiet_until.get(metric, last) <= last:
                found += 1
                quiet_until[metric] = last + timedelta(days=7)
    return found, nights


def power(a_day: int, rules: DropRules, *, noise: float, bias: float, times: int = 60) -> tuple[float, float, float]:
    """Share found a week after the change, two weeks after, and the rank correlation that it leads to."""
    rng, found, after = np.random.default_rng(17), Counter[int](), []
    for _ in range(times):
        labels = [each for at in range(42) for each in day_of(rng, FIRST + timedelta(days=at), a_day)]
        changed = FIRST + timedelta(days=42)
        later = [
            each
            for at in range(14)
            for each in day_of(rng, changed + timedelta(days=at), a_day, noise=noise, bias=bias)
        ]
        nights = [bool(alarms(labels + later, changed + timedelta(days=at), rules)) for at in range(14)]
        found.update({7: any(nights[:7]), 14: any(nights)})
        stands = standing(later, "rank_correlation")
        after.append(stands.value if stands else np.nan)
    return found[7] / times, found[14] / times, float(np.nanmean(after))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--years", type=int, default=30)
    years, rules = parser.parse_args().years, DropRules()
    print("| random labels a day | nights | false alarms |\n|---|---|---|")
    for a_day in (10, 30, 100):
        found, nights = quiet_years(years if a_day < 100 else years // 3, a_day, rules)
        print(f"| {a_day} | {nights:,} | {found} |", flush=True)
    print("\n| labels a day | noise | bias | rank correlation then | found in 7 nights | in 14 |")
    print("|---|---|---|---|---|---|")
    for a_day in (10, 30, 100):
        for noise, bias in ((NOISE, 0.0), (1.5, 0.0), (2.0, 0.0), (3.0, 0.0), (NOISE, -0.5), (NOISE, -1.0)):
            week, fortnight, rank = power(a_day, rules, noise=noise, bias=bias)
            print(f"| {a_day} | {noise:g} | {bias:+g} | {rank:.2f} | {week:.0%} | {fortnight:.0%} |", flush=True)


if __name__ == "__main__":
    main()
