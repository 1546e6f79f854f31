"""What the screen for personal data finds in texts that hold some, and what it takes wrongly from catalogues.

    python -m tests.bench.screening [--show KIND]

Recall: the written examples of `screening.json`, one datum each. False masks: every text of the shared catalogue, of
the graded pairs and of their queries, none of which is known to hold a person's data.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from core.domain.privacy import Kind, masked, screened
from core.domain.prompting import clean

HERE = Path(__file__).parent
DATA = Path(__file__).parents[3] / "shared" / "data"


def recall() -> tuple[Counter[str], Counter[str], list[str]]:
    """(examples, found by kind, what was missed)."""
    asked: Counter[str] = Counter()
    found: Counter[str] = Counter()
    missed: list[str] = []
    for example in json.loads((HERE / "screening.json").read_text(encoding="utf-8")):
        kind, text = example["kind"], example["text"]
        hit = masked(screened(clean(text), example["market"]))[kind] > 0
        asked[kind] += 1
        found[kind] += hit
        missed += [] if hit else [text]
    return asked, found, missed


def catalogue() -> Iterator[str]:
    with gzip.open(DATA / "shop" / "listings.jsonl.gz", "rt") as lines:
        for line in lines:
            row = json.loads(line)
            yield from (str(row[name]) for name in ("title", "description", "brand", "category") if row.get(name))
            yield from (str(value) for value in row.get("attributes", {}).values())


def graded() -> Iterator[str]:
    queries: set[str] = set()
    with (DATA / "relevance" / "human_pairs.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            queries.add(row["query"])
            yield from (str(row[name]) for name in ("title", "description", "brand") if row.get(name))
            yield from (str(value) for value in row["attributes"].values())
    yield from queries


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--show", default="", help="print the texts from which this kind was masked")
    shown = options.parse_args().show
    asked, found, missed = recall()
    print("recall")
    for kind in get_args(Kind):
        print(f"  {kind:8} {found[kind]:3} of {asked[kind]:3}")
    print("  missed:", *missed, sep="\n    ")
    for name, texts in (("catalogue", list(catalogue())), ("graded pairs", list(graded()))):
        for market in ("us", "de", "default"):
            _false_masks(f"{name} as {market}", texts, market, shown)


def _false_masks(name: str, texts: list[str], market: str, shown: str) -> None:
    started, taken, texts_hit = time.process_time(), Counter[str](), 0
    for text in texts:
        hit = masked(screened(clean(text), market))
        taken += hit
        texts_hit += bool(hit)
        if shown and hit[shown]:
            print("   ", shown, "|", text[:200])
    seconds = time.process_time() - started
    share = texts_hit / len(texts)
    print(f"{name}: {len(texts)} texts, {texts_hit} masked ({share:.5%}), {dict(taken)}, {seconds:.1f} s")


if __name__ == "__main__":
    sys.exit(main())
