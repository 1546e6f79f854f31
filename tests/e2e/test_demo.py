"""The demo: embedded parts, simulated days, the real detectors; what it says held against the known truth."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest

from demo.marketplace.world import Marketplace

DEMO_S = 420
"""A minute alone on two cores; the suite's servers and the machine's other work share them."""

DAYS = 22
"""The fewest that give engine and judge enough quiet nights before their change and nights after it to be found."""

SEED = 7

pytestmark = pytest.mark.timeout(2 * DEMO_S)


def demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    """`assay demo` to its end, as a newcomer runs it: nothing set, a console port of its own."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ASSAY_", "OPENAI_"))}
    return subprocess.run(
        [sys.executable, "-m", "cli.main", "demo", "--exit", *arguments],
        env={**kept, "ASSAY_HTTP_PORT": "0"},
        capture_output=True,
        text=True,
        timeout=DEMO_S,
        check=False,
    )


def alerts(run: subprocess.CompletedProcess[str]) -> list[tuple[str, str]]:
    """(day, cause) of each row of the alert table, in its order."""
    return re.findall(r"│ (\d{4}-\d\d-\d\d) │ (judge|engine|catalogue|traffic) ", run.stdout)


@pytest.fixture(scope="module")
def both() -> list[subprocess.CompletedProcess[str]]:
    """With faults and without, side by side: each waits for its judge half of the time."""
    usual = ("--days", str(DAYS), "--seed", str(SEED))
    with ThreadPoolExecutor(2) as threads:
        return list(threads.map(lambda arguments: demo(*arguments), [usual, (*usual, "--no-faults")]))


@pytest.fixture(scope="module")
def drifting(both: list[subprocess.CompletedProcess[str]]) -> subprocess.CompletedProcess[str]:
    return both[0]


@pytest.fixture(scope="module")
def quiet(both: list[subprocess.CompletedProcess[str]]) -> subprocess.CompletedProcess[str]:
    return both[1]


def test_the_demo_ends_with_0_and_without_a_traceback(drifting: subprocess.CompletedProcess[str]) -> None:
    assert drifting.returncode == 0, drifting.stderr[-2000:]
    assert "Traceback" not in drifting.stderr + drifting.stdout


def test_the_demo_reads_all_that_was_sent(drifting: subprocess.CompletedProcess[str]) -> None:
    found = re.search(r"([\d,]+) records sent, ([\d,]+) read", drifting.stdout)
    assert found is not None
    assert found[1] == found[2]


def test_the_demo_grades_pairs_scores_pictures_and_asks_anchors(drifting: subprocess.CompletedProcess[str]) -> None:
    found = re.search(r"([\d,]+) pairs graded, ([\d,]+) pictures scored, ([\d,]+) anchors", drifting.stdout)
    assert found is not None
    pairs, pictures, anchors = (int(text.replace(",", "")) for text in found.groups())
    assert pairs > 1_000
    assert pictures > 500
    assert anchors == 100 * DAYS


def test_the_worst_query_is_one_the_engine_is_known_to_serve_badly(drifting: subprocess.CompletedProcess[str]) -> None:
    badly = Marketplace(SEED, date(2026, 1, 1), DAYS).truth().badly_served
    worst = re.search(r"─ '([^']+)' in (us|de) ─", drifting.stdout)
    assert worst is not None
    assert worst[1] in {query for market, queries in badly.items() if market == worst[2] for query in queries}


def test_engine_and_then_judge_are_named_after_they_changed(drifting: subprocess.CompletedProcess[str]) -> None:
    truth = re.search(r"engine got worse on (\S+), the judge changed its ways on (\S+)\.", drifting.stdout)
    assert truth is not None
    causes = [cause for _, cause in alerts(drifting)]
    assert causes == [*["engine"] * causes.count("engine"), "judge"]
    assert causes.count("engine") in {1, 2}  # one a market
    assert all(day >= (truth[1] if cause == "engine" else truth[2]) for day, cause in alerts(drifting))


def test_without_faults_there_is_no_alert(quiet: subprocess.CompletedProcess[str]) -> None:
    assert quiet.returncode == 0, quiet.stderr[-2000:]
    assert "Drift alerts: none" in quiet.stdout
    assert alerts(quiet) == []
    assert "Alerts about picture scores: none" in quiet.stdout


def test_buyers_are_found_to_like_good_pictures(quiet: subprocess.CompletedProcess[str]) -> None:
    """As the marketplace made them do: the whole interval of what a point of the score brings is above nothing."""
    low = dict(re.findall(r"│ (us|de) +│ llm .*│ \+[\d.]+% \(([+-][\d.]+)% to", quiet.stdout))
    assert set(low) == {"us", "de"}
    assert min(map(float, low.values())) > 0


@pytest.mark.data
def test_the_demo_runs_on_a_shop_s_own_files(shared_data: Path) -> None:
    shop = shared_data / "shop"
    run = demo("--search-log", f"{shop}/search_log.jsonl.gz", "--listings", f"{shop}/listings.jsonl.gz")
    assert run.returncode == 0, run.stderr[-2000:]
    assert "42,654 records sent, 42,654 read, 0 of them unusable" in run.stdout
    assert re.search(r"│ (digital camera|phone cord|aa battery|aaa|surround sound speakers) ", run.stdout)


@pytest.mark.data
def test_the_demo_runs_on_a_messy_bulk_file(shared_data: Path) -> None:
    log = shared_data / "logs" / "ubi_queries_events.ndjson"
    run = demo("--search-log", str(log), "--listings", f"{shared_data}/shop/listings.jsonl.gz")
    assert run.returncode == 0, run.stderr[-2000:]
    assert "23,327 records sent, 23,327 read, 0 of them unusable" in run.stdout


def test_the_engine_before_it_got_worse_is_found_to_be_better(drifting: subprocess.CompletedProcess[str]) -> None:
    means = dict(re.findall(r"│ (before|today) +│ nDCG@10 +│ (\d\.\d+)", drifting.stdout)[:2])
    assert float(means["before"]) > float(means["today"]) + 0.02, means


def test_the_judge_agrees_with_people_better_than_word_overlap_does(drifting: subprocess.CompletedProcess[str]) -> None:
    found = re.search(r"│ quadratic kappa +│ ([\d.]+) +│ ([\d.]+) ", drifting.stdout)
    assert found is not None, drifting.stdout
    assert float(found[1]) > float(found[2])
