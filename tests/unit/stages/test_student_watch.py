"""The nightly look at the student: a drop is told once, chance is not, unsure pictures raise nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from core.domain.images.labelled import AgreedLabel
from core.domain.images.student_drop import DropRules, dropped, standing, told_standing
from core.image_ports import ImageAlert
from core.stages.student_watch import StudentWatch
from core.student_ports import KeptStudent
from core.telemetry import Metrics
from tests.support.fake_students import JUDGE, FixedLabels, InMemoryStudents
from tests.support.fakes import NOON, FakeClock

DAY = date(2025, 3, 2)
VERSION = "small@0123456789ab"


class Alerts:
    """`ImageAlerts`."""

    def __init__(self) -> None:
        self.kept: list[ImageAlert] = []

    async def save(self, alerts: list[ImageAlert]) -> int:
        self.kept += alerts
        return len(alerts)

    async def since(self, moment: datetime) -> list[ImageAlert]:
        return [each for each in self.kept if each.detected_at >= moment]


def labels(
    days: int,
    a_day: int,
    *,
    noise: float = 1.0,
    bias: float = 0.0,
    why: str = "random",
    last: date = DAY,
    seed: int = 1,
) -> list[AgreedLabel]:
    """Of the `days` days up to `last`: the student says the judge's score, with noise and bias."""
    rng = np.random.default_rng(seed)
    found = []
    for back in reversed(range(days)):
        for _ in range(a_day):
            score = int(rng.integers(3, 10))
            said = int(np.clip(np.rint(score + bias + noise * rng.normal()), 1, 10))
            seller = f"s{rng.integers(80)}"
            found.append(
                AgreedLabel(last - timedelta(days=back), VERSION, JUDGE, "de", "shoes", why, seller, said, score)
            )
    return found


def watch(given: list[AgreedLabel], alerts: Alerts | None = None, book: InMemoryStudents | None = None) -> StudentWatch:
    clock = FakeClock(datetime(2025, 3, 3, 3, tzinfo=UTC))
    return StudentWatch(
        FixedLabels(labels=given), book or InMemoryStudents(), alerts or Alerts(), clock, Metrics(), "seller"
    )


BEFORE = labels(28, 15, last=DAY - timedelta(days=7), seed=2)


async def test_steady_agreement_raises_nothing() -> None:
    assert await watch(BEFORE + labels(7, 15)).look(DAY) == []


async def test_a_student_that_orders_worse_is_told() -> None:
    found = await watch(BEFORE + labels(7, 15, noise=3.5)).look(DAY)
    assert [(each.kind, each.metric) for each in found if "market" not in each.segment] == [
        ("student", "rank_correlation")
    ]
    assert found[0].after < found[0].before - 0.2
    assert found[0].segment["student"] == VERSION
    assert found[0].evidence["labels_after"] == 105


@pytest.mark.parametrize("bias", [-1.2, 1.2])
async def test_a_judge_that_became_milder_or_stricter_is_told_as_bias(bias: float) -> None:
    found = await watch(BEFORE + labels(7, 15, bias=bias)).look(DAY)
    assert {each.metric for each in found} == {"mean_bias"}


async def test_pictures_it_was_unsure_of_raise_nothing_by_themselves() -> None:
    assert await watch(BEFORE + labels(7, 15) + labels(7, 30, noise=4, why="unsure", seed=3)).look(DAY) == []


async def test_a_drop_that_lasts_is_told_once_a_week() -> None:
    alerts, worse = Alerts(), labels(14, 15, noise=3.5, last=DAY + timedelta(days=7))
    told = []
    for later in range(8):
        found = await watch(BEFORE + worse, alerts).look(DAY + timedelta(days=later))
        told.append(len([each for each in found if "market" not in each.segment]))
        await alerts.save(found)
    assert told[0] == 1
    assert sum(told[1:7]) == 0


async def test_a_look_taken_again_finds_the_same() -> None:
    looked = watch(BEFORE + labels(7, 15, noise=3.5))
    assert await looked.look(DAY) == await looked.look(DAY)


async def test_few_labels_raise_nothing() -> None:
    assert await watch(BEFORE + labels(7, 5, noise=4)).look(DAY) == []


async def test_a_new_student_is_held_against_its_training() -> None:
    book = InMemoryStudents()
    figure = {"name": "rank_correlation", "value": 0.9, "low": 0.87, "high": 0.92, "n_items": 200, "n_queries": 20}
    kept = KeptStudent(VERSION, "small", "pixels-1", {"figures": {"rank_correlation": figure}}, b"", NOON, "ada")
    await book.save(kept)
    found = await watch(labels(7, 15, noise=3.5), book=book).look(DAY)
    assert [each.evidence["against"] for each in found] == ["held-back pictures"]


async def test_the_random_share_of_its_training_goes_before_all_of_it() -> None:
    """The rest was chosen because it is hard: a student that does as well as ever would look better or worse."""
    book, agreed = InMemoryStudents(), labels(7, 15)
    hard = {"name": "mean_bias", "value": 1.5, "low": 1.3, "high": 1.7, "n_items": 200, "n_queries": 20}
    fair = hard | {"value": 0.0, "low": -0.2, "high": 0.2}
    for metadata in (
        {"figures": {"mean_bias": hard}, "report": {"chance": None}},
        {"figures": {"mean_bias": hard}, "report": {"chance": {"metrics": {"mean_bias": fair}}}},
    ):
        book.kept[VERSION] = KeptStudent(VERSION, "small", "pixels-1", metadata, b"", NOON, "ada")
        found = await watch(agreed, book=book).look(DAY)
        assert [each.metric for each in found] == (["mean_bias"] if metadata["report"]["chance"] is None else [])


async def test_without_new_labels_no_old_gauge_is_left() -> None:
    looked = watch(BEFORE + labels(7, 15))
    await looked.look(DAY)
    assert "assay_student_agreement{" in looked.metrics.text().decode()
    await looked.look(DAY + timedelta(days=30))
    assert "assay_student_agreement{" not in looked.metrics.text().decode()


async def test_what_an_earlier_student_said_is_not_held_against_a_new_one() -> None:
    old = [replace(each, version="old@1") for each in BEFORE]
    assert await watch(old + labels(7, 15, noise=3.5)).look(DAY) == []


async def test_the_gauge_tells_random_and_unsure_apart() -> None:
    looked = watch(BEFORE + labels(7, 15) + labels(7, 15, noise=4, why="unsure", seed=3))
    await looked.look(DAY)
    value = looked.metrics.registry.get_sample_value
    told = {
        why: value("assay_student_agreement", {"why": why, "metric": "rank_correlation"})
        for why in ("random", "unsure")
    }
    assert told["random"] > told["unsure"] + 0.2


def test_false_alarms_are_as_rare_as_the_rule_says() -> None:
    """At a bound a hundred times as wide, where few draws are enough to count them."""
    rules, alarms = DropRules(chance=0.02, drop=0.0, shift=0.0), 0
    for seed in range(80):
        then = labels(28, 4, seed=1_000 + seed, last=DAY - timedelta(days=7))
        now = labels(7, 12, seed=5_000 + seed)
        for metric in ("rank_correlation", "mean_bias"):
            alarms += dropped(standing(then, metric), standing(now, metric), metric, rules, 1) is not None
    assert alarms <= 0.05 * 160


def test_a_figure_without_an_interval_can_t_be_tested() -> None:
    assert told_standing(0.8, None, None, 100, "rank_correlation") is None


def test_agreement_of_a_few_sellers_is_not_known() -> None:
    few = [replace(each, seller="s1") for each in labels(7, 15)]
    assert standing(few, "mean_bias") is None
