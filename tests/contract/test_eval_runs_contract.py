"""Runs of evaluation: what the port `RunStore` promises, in memory and in PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from core.adapters.eval_runs import PostgresRuns
from core.adapters.postgres import Pool
from core.eval_facts import EvalResult, EvalRun
from core.eval_ports import RunStore, RunTally
from tests.support.fake_runs import InMemoryRuns
from tests.support.fakes import NOON

LATER = NOON + timedelta(minutes=5)
RUN = EvalRun(
    run_id=UUID("0a1b2c3d-0000-4000-8000-000000000001"),
    name="morning",
    dataset="pairs@1234abcd",
    kind="relevance",
    split="test",
    judges=("a@1", "b@2"),
    state="running",
    cap_usd=2.0,
    estimated_usd=0.5,
    started_at=NOON,
    ended_at=None,
    started_by="ada",
    items=3,
)
ANSWER = EvalResult(
    run_id=RUN.run_id,
    judge="a@1",
    item_id="i1",
    grade=2,
    confidence=0.9,
    reasoning="it is one",
    verdicts="yn?",
    aspects={},
    guideline_version="g1",
    content_key="k1",
    call_id=uuid4(),
    failure="",
    reused=False,
    cost_usd=0.25,
    input_tokens=100.5,
    output_tokens=20.25,
    latency_ms=800,
    judged_at=NOON,
    model="judge-1",
    extra={"fingerprint": "fp", "prompt_version": "judgements@1"},
    call_usd=0.2,
)
FAILURE = replace(
    ANSWER, item_id="i2", grade=None, confidence=None, failure="refused", content_key="", call_id=None, call_usd=None
)


@pytest.fixture(params=["fake", pytest.param("postgres", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest) -> RunStore:
    return InMemoryRuns() if request.param == "fake" else PostgresRuns(request.getfixturevalue("work_pool"))


async def begun(store: RunStore, run: EvalRun = RUN) -> RunStore:
    await store.begin(run)
    return store


async def test_a_run_is_read_as_it_was_begun(store: RunStore) -> None:
    await begun(store)
    assert await store.find("morning") == RUN


async def test_a_run_has_its_end(store: RunStore) -> None:
    await begun(store)
    await store.end(RUN.run_id, "over_cap", LATER)
    assert await store.find("morning") == replace(RUN, state="over_cap", ended_at=LATER)


async def test_a_run_begun_again_is_running_under_the_new_cap_and_else_as_it_was(store: RunStore) -> None:
    await begun(store)
    await store.end(RUN.run_id, "stopped", LATER)
    await store.begin(replace(RUN, name="other", cap_usd=9.0, started_at=LATER))
    assert await store.all(5) == [replace(RUN, cap_usd=9.0)]


async def test_of_one_name_the_newest_run_is_meant(store: RunStore) -> None:
    newer = replace(RUN, run_id=uuid4(), started_at=LATER)
    await begun(store)
    await begun(store, newer)
    assert await store.find("morning") == newer
    assert await store.all(1) == [newer]


async def test_a_beginning_of_an_id_means_the_run_where_it_fits_one_only(store: RunStore) -> None:
    await begun(store)
    assert await store.find("0A1B2C") == RUN
    assert await store.find("0a1b2") is None
    await begun(store, replace(RUN, run_id=UUID("0a1b2c3d-0000-4000-8000-000000000002"), name="x"))
    assert await store.find("0a1b2c3d") is None


async def test_results_are_read_by_judge_as_they_were_saved(store: RunStore) -> None:
    await begun(store)
    other = replace(ANSWER, judge="b@2")
    await store.save([FAILURE, ANSWER, other])
    assert await store.results(RUN.run_id, "a@1") == [ANSWER, FAILURE]
    assert await store.results(RUN.run_id, "b@2") == [other]


async def test_an_answer_replaces_a_failure_and_never_an_answer(store: RunStore) -> None:
    await begun(store)
    await store.save([ANSWER, FAILURE])
    mended = replace(ANSWER, item_id="i2", content_key="k2", grade=0)
    await store.save([mended, replace(ANSWER, grade=0), replace(ANSWER, grade=None, failure="timeout")])
    assert await store.results(RUN.run_id, "a@1") == [ANSWER, mended]


async def test_of_one_item_twice_in_one_save_the_answer_stays(store: RunStore) -> None:
    await begun(store)
    await store.save([replace(FAILURE, item_id="i1"), ANSWER, replace(FAILURE, item_id="i1")])
    assert await store.results(RUN.run_id, "a@1") == [ANSWER]


async def test_what_failed_is_not_answered(store: RunStore) -> None:
    await begun(store)
    await store.save([ANSWER, FAILURE])
    assert await store.answered(RUN.run_id, "a@1") == {"i1"}
    assert await store.answered(RUN.run_id, "b@2") == frozenset()


async def test_an_answer_is_known_by_its_content_the_first_of_all_runs(store: RunStore) -> None:
    second = replace(RUN, run_id=uuid4(), started_at=LATER)
    await begun(store)
    await begun(store, second)
    await store.save([FAILURE, ANSWER, replace(ANSWER, run_id=second.run_id, judged_at=LATER)])
    assert await store.known(["k1", "nobody's", ""]) == {"k1": ANSWER}


async def test_what_was_reused_is_known_where_it_comes_from_alone(store: RunStore) -> None:
    await begun(store)
    await store.save([replace(ANSWER, reused=True)])
    assert await store.known(["k1"]) == {}


async def test_a_run_on_anchors_tells_nobody_its_answers(store: RunStore) -> None:
    await begun(store, replace(RUN, anchors=True))
    await store.save([ANSWER])
    assert await store.known(["k1"]) == {}
    assert await store.results(RUN.run_id, "a@1") == [ANSWER]


async def test_a_tally_counts_by_judge(store: RunStore) -> None:
    await begun(store)
    reused = replace(ANSWER, item_id="i3", reused=True, cost_usd=0.0, latency_ms=0)
    other = replace(reused, judge="b@2")
    await store.save([ANSWER, FAILURE, reused, other])
    assert await store.tallies(RUN.run_id) == [
        RunTally("a@1", 2, 1, {"refused": 1}, 0.5, 800.0),
        RunTally("b@2", 1, 1, {}, 0.0, None),
    ]


@pytest.mark.postgres
async def test_spent_is_what_the_ledger_says_of_the_runs_calls(work_pool: Pool) -> None:
    store = PostgresRuns(work_pool)
    await store.begin(RUN)
    assert await store.spent(RUN.run_id) == 0.0
    await work_pool.execute(
        """INSERT INTO assay_data.llm_calls (call_id, lane, model, status, started_at, cost_usd, purpose, subject,
            prompt_version, prompt_hash, budget_day, reserved_tokens, reserved_usd)
        SELECT gen_random_uuid(), 'backfill', 'm', status, $1, usd, 'judgements', subject::jsonb, '', '',
            '2026-01-01', 1, 1
        FROM (VALUES ('ok', 0.25, $2), ('lost', 0.5, $2), ('ok', 4, '{}')) AS c (status, usd, subject)""",
        NOON,
        f'{{"eval_run": "{RUN.run_id}"}}',
    )
    assert await store.spent(RUN.run_id) == 0.75
