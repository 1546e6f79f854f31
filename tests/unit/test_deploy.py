"""What is deployed fits the code: names, metrics, versions, and the alert rules do what they say."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import get_args

import pytest

from core.metric_table import METRICS, HistogramName, MetricName
from tests.support.needs import is_ci

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
ALERTS = DEPLOY / "prometheus" / "alerts.yaml"
ALERTS_TEST = DEPLOY / "prometheus" / "alerts_test.yaml"
DASHBOARD = DEPLOY / "grafana" / "assay.json"
# The names the contract gives `assay run`, and the later ones.
STREAMS = ("search-log", "listings", "replay")
LATER = ("retention", "batches", "canary", "image-watch")
PROCESSES = frozenset((*STREAMS, *LATER, "selection", "relevance", "image-score", "drift", "outbox", "console"))
OF_HISTOGRAM = ("_bucket", "_sum", "_count")


@pytest.fixture(scope="module")
def promtool() -> str:
    """Path of promtool; in CI it has to be there."""
    path = shutil.which("promtool")
    if path is None and not is_ci():
        pytest.skip("no promtool (Debian's package prometheus has it)")
    assert path is not None, "promtool is missing, and CI is set"
    return path


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def _alert_names() -> list[str]:
    return re.findall(r"^ +- alert: (\w+)$", ALERTS.read_text(), re.MULTILINE)


def _known_metrics() -> set[str]:
    series = {f"{name}{suffix}" for name in get_args(HistogramName) for suffix in OF_HISTOGRAM}
    return series | set(get_args(MetricName))


@pytest.mark.parametrize(
    ("verb", "file"), [("rules", "prometheus/alerts.yaml"), ("config", "prometheus/prometheus.yaml")]
)
def test_prometheus_reads_the_file(promtool: str, verb: str, file: str) -> None:
    done = _run(promtool, "check", verb, str(DEPLOY / file))
    assert done.returncode == 0, done.stdout + done.stderr


def test_alerts_come_where_they_should_and_only_there(promtool: str) -> None:
    done = _run(promtool, "test", "rules", str(ALERTS_TEST))
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_tested_where_it_comes() -> None:
    expected = re.findall(r"alertname: (\w+)\n +exp_alerts:\n", ALERTS_TEST.read_text())
    assert set(expected) == set(_alert_names())


@pytest.mark.parametrize("file", [ALERTS, ALERTS_TEST, DASHBOARD], ids=lambda path: path.name)
def test_rules_and_dashboard_use_metrics_that_exist(file: Path) -> None:
    used = set(re.findall(r"\bassay_\w+", file.read_text()))
    assert used
    assert used <= _known_metrics()


def test_every_alert_has_its_chapter_in_the_runbook_and_no_chapter_is_left_over() -> None:
    chapters = re.findall(r"^## (\w+)$", (ROOT / "docs" / "runbook.md").read_text(), re.MULTILINE)
    assert sorted(chapters) == sorted(_alert_names())


def test_every_alert_points_to_its_chapter() -> None:
    linked = re.findall(r"runbook: docs/runbook\.md#(\w+)$", ALERTS.read_text(), re.MULTILINE)
    assert linked == [name.lower() for name in _alert_names()]


def _labels_of(expression: str) -> set[str]:
    grouped = re.findall(r"by \(([^)]*)\)", expression)
    return {label.strip() for labels in grouped for label in labels.split(",")} - {"le"}


def test_the_dashboard_groups_by_labels_that_its_metrics_have() -> None:
    table = {row.name: set(row.labels) for row in METRICS}
    for expression in (
        target["expr"] for panel in json.loads(DASHBOARD.read_text())["panels"] for target in panel["targets"]
    ):
        name = re.findall(r"assay_\w+?(?=_bucket|\b)", expression)[0]
        assert _labels_of(expression) <= table[name], expression


def _services() -> dict[str, str]:
    """The text of each service of compose.yaml, by name."""
    part = (DEPLOY / "compose.yaml").read_text().split("\nservices:\n", 1)[1].split("\nvolumes:\n", 1)[0]
    found = re.split(r"^  ([a-z-]+):$", part, flags=re.MULTILINE)
    return dict(zip(found[1::2], found[2::2], strict=True))


@pytest.mark.parametrize("process", sorted(PROCESSES))
def test_compose_runs_every_process_by_its_name(process: str) -> None:
    assert f'command: ["run", "{process}"]' in _services()[process]


def test_compose_runs_nothing_else_but_what_it_stands_on() -> None:
    assert _services().keys() == PROCESSES | {"kafka", "postgres", "migrate", "prometheus"}


def test_prometheus_scrapes_every_process() -> None:
    config = (DEPLOY / "prometheus" / "prometheus.yaml").read_text()
    assert set(re.findall(r"- ([a-z-]+):8080$", config, re.MULTILINE)) == PROCESSES


def test_compose_runs_the_kafka_that_the_tests_run() -> None:
    pom = (ROOT / "tests" / "support" / "kafka" / "pom.xml").read_text()
    tested = re.search(r"<artifactId>kafka_2\.13</artifactId>\s*<version>([\d.]+)</version>", pom)
    assert tested
    assert f"image: apache/kafka:{tested[1]}\n" in _services()["kafka"]


def test_the_image_takes_only_locked_requirements_and_runs_as_nobody_special() -> None:
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    installs = re.findall(r"pip install (.*)", dockerfile)
    assert installs
    assert all("--require-hashes" in line or "--no-index" in line for line in installs)
    assert re.search(r"^USER \d+$", dockerfile, re.MULTILINE)
    assert 'ENTRYPOINT ["assay"]' in dockerfile


def test_the_images_context_has_every_package_of_the_wheel() -> None:
    packages = re.search(r"^packages = \[(.*)\]$", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert packages
    let_in = set((ROOT / ".dockerignore").read_text().splitlines())
    assert {f"!{name}" for name in re.findall(r'"(\w+)"', packages[1])} <= let_in
