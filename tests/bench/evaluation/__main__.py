"""What evaluation's figures are worth, on one core: `python -m tests.bench.evaluation speed|coverage|pairs|corrected`.

All but `speed` read `../shared/data/relevance/human_pairs.jsonl`. The offline judge takes a minute or two
for it; `--answers` names a file that keeps what it said. Figures are printed, nothing else is written.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from threadpoolctl import threadpool_limits

from tests.bench.evaluation import correction, coverage, speed


def main() -> None:
    """One of the four."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bench", choices=("speed", "coverage", "pairs", "corrected"))
    parser.add_argument("--answers", type=Path, help="where the offline judge's answers are kept (.npz)")
    parser.add_argument("--draws", type=int, default=1_000)
    given = parser.parse_args()
    with threadpool_limits(1):
        if given.bench == "speed":
            speed.main()
        elif given.bench in ("coverage", "pairs"):
            made = coverage.populations if given.bench == "coverage" else coverage.pairs
            coverage.main(given.answers, given.draws, made)
        else:
            correction.main(given.answers, given.draws)


if __name__ == "__main__":
    main()
