"""Runs of the canary set: what the port promises, in memory and in PostgreSQL; and the view on them."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from core.adapters.canary_store import PostgresCanaries
from core.adapters.postgres import Pool
from core.canary_ports import CanaryStore
from core.domain.canary import CanaryJudgeId, CanaryRun, CaseOutcome, JudgedCase
from core.domain.labels import Label
from tests.support.fake_canaries import InMemoryCanaries
from tests.support.fakes import NOON

JUDGE = CanaryJudgeId("judgements@1", "judge-1", "text", "set1")
LATER = NOON + timedelta(minutes=5)
LOW, MIDDLE, HIGH = Label.IRRELEVANT, Label.ACCEPTABLE_SUBSTITUTE, Label.HIGHLY_RELEVANT
WON = JudgedCase(CaseOutcome("a/keywords", "keywords", LOW, HIGH), "a cable", "headphones", uuid4(), uuid4())
HELD = JudgedCase(CaseOutcome("b/picture", "picture", MIDDLE, LOW), "near", "a bulb", uuid4(), uuid4())
REFUSED = JudgedCase(CaseOutcome("c/keywords", "keywords", LOW, None, "refused"), "a mug", "", uuid4(), None)
HARMED = JudgedCase(CaseOutcome("d/against_others", "against_others", LOW, LOW, "", 2), "x", "y", uuid4(), uuid4())


@pytest.fixture(params=["fake", pytest.param("postgres", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest) -> CanaryStore:
    return InMemoryCanaries() if request.param == "fake" else PostgresCanaries(request.getfixturevalue("work_pool"))


async def test_a_run_that_has_not_begun_is_none(store: CanaryStore) -> None:
    assert await store.run(JUDGE) is None


async def test_what_is_saved_is_read_again(store: CanaryStore) -> None:
    await store.begin(JUDGE, 4, NOON)
    await store.save(JUDGE, [WON, HELD], LATER)
    assert await store.run(JUDGE) == CanaryRun(JUDGE, 4, NOON, None, _like(await store.run(JUDGE), [WON, HELD]))


async def test_a_run_is_finished_by_the_last_of_its_cases(store: CanaryStore) -> None:
    await store.begin(JUDGE, 2, NOON)
    await store.save(JUDGE, [WON], NOON)
    assert (await _run(store)).finished_at is None
    await store.save(JUDGE, [REFUSED], LATER)
    assert (await _run(store)).finished_at == LATER


async def test_a_case_keeps_its_first_outcome(store: CanaryStore) -> None:
    await store.begin(JUDGE, 4, NOON)
    await store.save(JUDGE, [WON], NOON)
    await store.save(JUDGE, [JudgedCase(CaseOutcome("a/keywords", "keywords", LOW, LOW))], LATER)
    assert [each.outcome.attacked for each in (await _run(store)).judged] == [HIGH]


async def test_begun_twice_is_begun_once(store: CanaryStore) -> None:
    await store.begin(JUDGE, 4, NOON)
    await store.begin(JUDGE, 9, LATER)
    assert ((await _run(store)).cases, (await _run(store)).started_at) == (4, NOON)


async def test_another_prompt_is_another_run(store: CanaryStore) -> None:
    await store.begin(JUDGE, 4, NOON)
    assert await store.run(CanaryJudgeId("judgements@2", "judge-1", "text", "set1")) is None


async def test_a_forgotten_run_begins_anew(store: CanaryStore) -> None:
    await store.begin(JUDGE, 4, NOON)
    await store.save(JUDGE, [WON], NOON)
    await store.forget(JUDGE)
    assert await store.run(JUDGE) is None
    await store.begin(JUDGE, 4, LATER)
    assert (await _run(store)).judged == type((await _run(store)).judged)()


@pytest.mark.postgres
async def test_the_view_adds_up_by_kind_and_in_all(work_pool: Pool) -> None:
    store = PostgresCanaries(work_pool)
    await store.begin(JUDGE, 4, NOON)
    await store.save(JUDGE, [WON, HELD, REFUSED, HARMED], LATER)
    rows = await work_pool.fetch("SELECT kind, judged, succeeded, failed, mean_lift FROM assay.canary_lifts")
    assert {row["kind"]: tuple(row)[1:] for row in rows} == {
        "all": (3, 2, 1, pytest.approx(1 / 3)),
        "keywords": (1, 1, 1, 2.0),
        "picture": (1, 0, 0, -1.0),
        "against_others": (1, 1, 0, 0.0),
    }


async def _run(store: CanaryStore) -> CanaryRun:
    found = await store.run(JUDGE)
    assert found is not None
    return found


def _like(run: CanaryRun | None, cases: list[JudgedCase]) -> object:
    """The cases in the kind of sequence that the run has."""
    assert run is not None
    return type(run.judged)(cases)  # type: ignore[call-arg]
