"""Does the look at buyers find what is there, and nothing where nothing is?

`python -m tests.bench.buyers [--worlds 60] [--days 14] [--sessions 1500]`: simulated markets with a known lift, through
the service's own fold, propensities and agreement; three ways to estimate propensities beside the truth; false alarms
and power of the alert. Prints the tables of docs/buyers.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.domain.images.buyers.agreement import Agreement, agreement
from core.settings import Settings
from tests.bench.buyers_alarms import alarms
from tests.bench.buyers_propensities import all_pairs, expectation_maximised
from tests.support.buyers_world import World, curve_of, pairs_of, shown

REPLICATES = 400


@dataclass(frozen=True, slots=True)
class Result:
    """One world's."""

    truth: float
    corrected: Agreement
    raw: Agreement
    errors: tuple[float, ...]
    """By way to estimate propensities: the typical error of a place of the first page, as a part of the truth."""


def measured(world: World) -> Result:
    """Fold, estimate, compare."""
    sums = world.folded()
    looked, true = curve_of(sums), world.looked()
    examined, impressions, clicks = shown(sums, looked)
    pairs = pairs_of(sums)
    curves = (looked.propensity, all_pairs(pairs, 20), expectation_maximised(pairs, 20), 1 / np.arange(1, 21))
    return Result(
        world.true_lift(examined),
        agreement(world.listings(examined, clicks), REPLICATES, np.random.default_rng(world.seed)),
        agreement(world.listings(impressions, clicks), REPLICATES, np.random.default_rng(world.seed)),
        tuple(_error(each[:20], true[:20]) for each in curves),
    )


def _error(found: np.ndarray, true: np.ndarray) -> float:
    """Root mean square of log ratios over places both know, the level taken out: it cancels in every comparison."""
    size = min(found.size, true.size)
    logs = np.log(found[:size] / true[:size])
    logs = logs[np.isfinite(logs)]
    return float(np.std(logs))


def line(name: str, found: Sequence[Agreement], truth: float) -> str:
    """A row of the table of worlds."""
    lifts = [each.lift for each in found if each.lift]
    ranks = [each.correlation for each in found if each.correlation]
    covered = np.mean([each.low <= truth <= each.high for each in lifts])
    clear = np.mean([not each.low <= 0 <= each.high for each in lifts])
    clear_ranks = np.mean([not each.low <= 0 <= each.high for each in ranks])
    values = [each.value for each in lifts]
    return (
        f"| {name} | {truth:.1%} | {np.mean(values):.1%} | {np.std(values):.1%} | {covered:.0%} | {clear:.0%} "
        f"| {np.mean([each.value for each in ranks]):+.2f} | {clear_ranks:.0%} |"
    )


def main() -> None:
    """Print the tables."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--worlds", type=int, default=60)
    asked.add_argument("--days", type=int, default=14)
    asked.add_argument("--sessions", type=int, default=1_500)
    asked.add_argument("--only-alarms", action="store_true")
    given = asked.parse_args()
    if not given.only_alarms:
        _worlds(given.worlds, given.days, given.sessions)
    print(alarms(given.worlds, Settings(_env_file=None)))


def _worlds(worlds: int, days: int, sessions: int) -> None:
    errors: list[tuple[float, ...]] = []
    print("| | known lift | found | spread | interval covers it | 0 not in the interval | correlation | 0 not in it |")
    print("|---|---|---|---|---|---|---|---|")
    for lift in (0.5, 0.0):
        found = [measured(World(seed, lift, days, sessions)) for seed in range(1, worlds + 1)]
        truth = float(np.mean([each.truth for each in found]))
        print(line(f"lift {lift}, corrected", [each.corrected for each in found], truth))
        print(line(f"lift {lift}, not corrected", [each.raw for each in found], truth), flush=True)
        errors += [each.errors for each in found]
    names = ("harvested pairs, conditional Poisson", "AllPairs", "expectation maximisation", "1 / rank, assumed")
    print("\n| propensities | typical error of a place, 1 to 20 |\n|---|---|")
    for name, error in zip(names, np.median(np.array(errors), axis=0), strict=True):
        print(f"| {name} | {error:.0%} |")


if __name__ == "__main__":
    main()
