"""Gates in PostgreSQL: what is kept, and when a passed gate counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from core.adapters.eval_datasets import PostgresDatasets
from core.adapters.gate_book import PostgresGates, gates
from core.adapters.judge_book import PostgresJudgeBook
from core.adapters.postgres import Pool, connection
from core.domain.evaluation.gate import Gate, Outcome
from core.domain.judges import SETTINGS
from core.eval_facts import JudgeVersion
from core.eval_ports import JudgeDeed
from tests.support.fakes import NOON
from tests.support.sample_evals import DATASET, NEW, OLD, RULES, items

pytestmark = pytest.mark.postgres

KEPT = Outcome("exact at least 0.5", "market=de", 0.7, 0.6, 0.8, 0.5, "interval", 40, passed=True)
BROKEN = replace(KEPT, figure=None, low=None, high=None, passed=False, why="one label only")


def gate(*outcomes: Outcome, minutes: int = 0, name: str = "live", against: str = OLD) -> Gate:
    return Gate(
        gate_id=uuid4(),
        judge=NEW,
        against=against,
        rules_name=name,
        rules=RULES,
        dataset=DATASET.ref,
        split="test",
        run_id=uuid4(),
        run_name="run-1",
        outcomes=list(outcomes),
        checked_at=NOON + timedelta(minutes=minutes),
        checked_by="mara",
    )


@pytest.fixture
async def book(pool: Pool) -> PostgresGates:
    await PostgresDatasets(pool).save(replace(DATASET, made_at=NOON), items())
    return PostgresGates(pool)


async def promote(pool: Pool, version: str, act: str = "promote") -> None:
    judges = PostgresJudgeBook(pool)
    name = version.partition("@")[0]
    if version != SETTINGS:
        await judges.save(JudgeVersion(version, name, "text", "m", "m", 10, None, {}), "mara", NOON)
    await judges.note(JudgeDeed("rollback" if act == "rollback" else "promote", version, 1.0, "mara", "why", NOON))


async def test_a_gate_is_kept_whole(pool: Pool, book: PostgresGates) -> None:
    held = gate(KEPT, BROKEN)
    await book.save(held)
    async with connection(pool) as read:
        assert await gates(read, held.gate_id) == [held]
        assert await gates(read, run_id=held.run_id) == [held]
        assert await gates(read, run_id=uuid4()) == []


async def test_a_passed_gate_on_the_newest_version_counts(book: PostgresGates) -> None:
    held = gate(KEPT)
    await book.save(held)
    assert await book.passed(NEW) == held.gate_id
    assert await book.passed(OLD) is None


async def test_a_failed_gate_does_not_count(book: PostgresGates) -> None:
    await book.save(gate(KEPT, BROKEN))
    assert await book.passed(NEW) is None


async def test_a_newer_version_of_the_dataset_asks_for_a_new_gate(pool: Pool, book: PostgresGates) -> None:
    await book.save(gate(KEPT))
    newer = replace(DATASET, version="ffffffffffff", made_at=NOON + timedelta(days=1))
    await PostgresDatasets(pool).save(newer, items())
    assert await book.passed(NEW) is None


async def test_a_later_failure_under_the_same_rules_takes_the_pass_back(book: PostgresGates) -> None:
    await book.save(gate(KEPT))
    await book.save(gate(BROKEN, minutes=1))
    assert await book.passed(NEW) is None


async def test_a_failure_under_other_rules_leaves_the_pass(book: PostgresGates) -> None:
    held = gate(KEPT)
    await book.save(held)
    await book.save(gate(BROKEN, minutes=1, name="stricter"))
    assert await book.passed(NEW) == held.gate_id


async def test_another_live_judge_asks_for_a_new_gate(pool: Pool, book: PostgresGates) -> None:
    held = gate(KEPT)
    await book.save(held)
    await promote(pool, OLD)
    assert await book.passed(NEW) == held.gate_id
    await promote(pool, "third@000000000000")
    assert await book.passed(NEW) is None


async def test_a_gate_without_another_judge_counts_whoever_is_live(pool: Pool, book: PostgresGates) -> None:
    held = gate(KEPT, against="")
    await book.save(held)
    await promote(pool, "third@000000000000")
    assert await book.passed(NEW) == held.gate_id


async def test_back_to_the_settings_judge_any_gate_counts(pool: Pool, book: PostgresGates) -> None:
    held = gate(KEPT)
    await book.save(held)
    await promote(pool, "third@000000000000")
    await promote(pool, SETTINGS, "rollback")
    assert await book.passed(NEW) == held.gate_id


async def test_the_views_tell_a_gate_and_its_rules(pool: Pool, book: PostgresGates) -> None:
    await book.save(gate(KEPT, BROKEN))
    async with connection(pool) as read:
        told = await read.fetchrow("SELECT judge, dataset, version, passed FROM assay.gates")
        rules = await read.fetch("SELECT place, segment, figure, passed, why FROM assay.gate_rules ORDER BY place")
    assert told is not None
    assert tuple(told) == (NEW, "shop-pairs", DATASET.version, False)
    assert [tuple(row) for row in rules] == [
        (1, "market=de", 0.7, True, ""),
        (2, "market=de", None, False, "one label only"),
    ]
