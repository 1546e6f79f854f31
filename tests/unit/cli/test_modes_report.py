"""What a comparison of modes says of two graders."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from cli.modes_report import Report, print_report, report_of, to_json
from core.domain.labels import Label, Mode
from core.facts import Task
from core.mode_ports import PairLabel
from core.stages.compare_modes import ModeResult, Usage


def task(query: str, listing: str) -> Task:
    subject = {"market": "de", "query": query, "listing_id": listing}
    return Task(uuid4(), f"{query}/{listing}", "relevance", "backfill", query, subject, {}, 1)


def label(grade: int) -> PairLabel:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    return PairLabel(
        "key", Label.of_grade(grade), 0.9, "why", "", "g", "p", "m", "f", uuid4(), now, 10.0, 5.0, 0.001, 20
    )  # fmt: skip


def report(mode_grades: dict[Mode, list[int]], queries: list[str]) -> Report:
    tasks = [task(query, str(number)) for number, query in enumerate(queries)]
    results = [
        ModeResult(mode, {t.task_key: label(g) for t, g in zip(tasks, grades, strict=False)}, {}, 0, Usage())
        for mode, grades in mode_grades.items()
    ]
    return report_of(tasks, results, {}, 7)


def test_pairs_that_both_have_labelled_are_set_against_one_another():
    found = report({"text": [0, 1, 2, 2], "multimodal": [0, 2, 2]}, ["a", "a", "b", "c"])
    agreed = found.agreements["text", "multimodal"]
    assert (agreed.pairs, agreed.queries, agreed.exact.value) == (3, 2, pytest.approx(2 / 3))
    assert agreed.confusion == ((1, 0, 0), (0, 0, 1), (0, 0, 1))
    assert agreed.kappa.name == "quadratic_kappa"


def test_modes_that_share_no_pair_have_no_figures_and_say_why(capsys):
    found = report({"text": [0], "multimodal": []}, ["a"])
    agreed = found.agreements["text", "multimodal"]
    assert (agreed.pairs, agreed.exact.value, agreed.kappa.value) == (0, None, None)
    assert agreed.exact.why_not == "no item"
    print_report(found, 3)
    assert "Agreement, with 95 % intervals over queries" in capsys.readouterr().out


def test_programs_read_figures_with_their_intervals():
    queries = [f"q{number}" for number in range(24)]
    grades = [number % 3 for number in range(24)]
    found = to_json(report({"text": grades, "multimodal": [*grades[:20], 0, 0, 0, 0]}, queries))
    agreed = found["agreements"][0]
    assert (agreed["one"], agreed["other"]) == ("text", "multimodal")
    assert agreed["exact"]["low"] < agreed["exact"]["value"] < agreed["exact"]["high"]
