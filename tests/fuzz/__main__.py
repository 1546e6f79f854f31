"""`python -m tests.fuzz [--records N] [--seed S]`: mutated records give panes and dead letters, never a stop.

Prints what came of them and the resident memory at each tenth; the exit code is 1 when it grows.
"""

from __future__ import annotations

import argparse
import gc
import resource
import sys
import time
from pathlib import Path

from tests.fuzz.feed import Tally, feed

RECORDS = 1_000_000
COMPARED = 0.1  # of the batches
WARM_TENTHS = 4  # by then the bounded caches are full and the first big values have come
FLAT_MB = 24.0  # what the allocator may keep over it: some of the largest values, and their fragments


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=RECORDS)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    started, sizes, tally, next_at = time.monotonic(), list[float](), Tally(), arguments.records // 10
    for tally in feed(arguments.seed, arguments.records, compare=COMPARED):
        if tally.records >= next_at:
            next_at += arguments.records // 10
            gc.collect()
            sizes.append(resident_mb())
            print(f"{tally.records:>10,} records {sizes[-1]:6.0f} MB {tally.most_open:,} sessions at most", flush=True)
    seconds = time.monotonic() - started
    print(f"{tally.searches:,} searches in panes, {tally.compared:,} records beside the oracle, {seconds:.0f} s")
    print(f"{tally.restarts:,} restarts, largest {peak_mb():.0f} MB; dead letters: {dict(tally.dead.most_common())}")
    grown = max(sizes[WARM_TENTHS:]) - sizes[WARM_TENTHS - 1]
    print(f"memory {'is flat' if grown <= FLAT_MB else 'GROWS'}: {grown:+.0f} MB since {WARM_TENTHS}0 %")
    return int(grown > FLAT_MB)


def resident_mb() -> float:
    """Of this process, now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


def peak_mb() -> float:
    """Of this process, ever."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


if __name__ == "__main__":
    sys.exit(main())
