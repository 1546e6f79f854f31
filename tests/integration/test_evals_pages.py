"""Evaluation's pages and reports over a real store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import UUID

import pytest
from aiohttp import ClientSession

from core.adapters.eval_datasets import PostgresDatasets
from core.adapters.eval_runs import PostgresRuns
from core.adapters.postgres import Pool
from core.adapters.reads import PostgresReads
from core.adapters.reads_evals import EvalReader
from core.console.evals_file import html_of
from core.domain.evaluation.report import Asked
from core.domain.evaluation.report_making import report_of
from core.errors import UsageError
from tests.support.fakes import NOON
from tests.support.sample_evals import CALL, DATASET, GATE, NEW, OLD, RIGHT, RUN, answers, items, run_of
from tests.support.served_console import FixedClock, serving, text_of

pytestmark = pytest.mark.postgres

COMPARE = f"/evals/{RUN}/compare?a={OLD}&b={NEW}"


@pytest.fixture(scope="module")
async def visitor(evaluated: Pool) -> AsyncIterator[ClientSession]:
    async with serving(PostgresReads(evaluated, FixedClock(), 50.0)) as url, ClientSession(url) as session:
        yield session


async def test_without_anything_the_page_says_how_to_begin(pool: Pool) -> None:
    async with serving(PostgresReads(pool, FixedClock(), 50.0)) as url, ClientSession(url) as session:
        page = await text_of(session, "/evals")
    for command in ("assay eval import", "assay eval run", "assay eval gate"):
        assert command in page


async def test_runs_datasets_and_gates_are_listed(visitor: ClientSession) -> None:
    page = await text_of(visitor, "/evals")
    for part in (f"/evals/{RUN}", DATASET.version, f"/evals/gates/{GATE}", "not passed"):
        assert part in page


async def test_a_run_shows_each_judge_beside_people(visitor: ClientSession) -> None:
    page = await text_of(visitor, f"/evals/{RUN}")
    for part in (
        "Agreement with people",
        "the judge in anna's seat",
        "Confusion",
        "corrected by people",
        "$0.00040",
    ):
        assert part in page
    assert page.count('class="judge-part"') == 2
    assert f"/evals/{RUN}/compare?" in page
    assert "Items whose label changed" not in page


async def test_a_run_is_found_by_its_name(visitor: ClientSession) -> None:
    assert "<h1>strict-brands-1</h1>" in await text_of(visitor, "/evals/strict-brands-1")


async def test_a_figure_that_is_not_defined_says_why(visitor: ClientSession) -> None:
    page = await text_of(visitor, f"/evals/{RUN}?segment=market%3Dde")
    assert "6 queries" in page  # too few for an interval
    assert "Only market de" in page


async def test_two_judges_stand_beside_one_another_with_what_changed_worst_first(visitor: ClientSession) -> None:
    page = await text_of(visitor, COMPARE)
    assert "Items whose label changed" in page
    assert page.index(">worse<") < page.index(">better<")
    assert f'href="/calls/{CALL}"' in page
    assert "is another thing for" in page


async def test_swapped_judges_swap_the_differences(evaluated: Pool) -> None:
    reader = EvalReader(evaluated)
    one = await reader.eval_report(str(RUN), Asked(judges=(OLD, NEW), resamples=100))
    other = await reader.eval_report(str(RUN), Asked(judges=(NEW, OLD), resamples=100))
    assert one is not None
    assert other is not None
    assert one.versus is not None
    assert other.versus is not None
    assert one.versus.whole.of("exact").value == -(other.versus.whole.of("exact").value or 0)
    assert (one.versus.better, one.versus.worse) == (other.versus.worse, other.versus.better)


async def test_a_gate_shows_each_rule_with_its_figure_and_the_file(visitor: ClientSession) -> None:
    page = await text_of(visitor, f"/evals/gates/{GATE}")
    for part in (
        "quadratic kappa not worse than",
        "market de",
        "not tried with the present canary set",
        "[[not_worse]]",
    ):
        assert part in page
    assert page.count(">kept<") + page.count(">broken<") == 7


async def test_gates_of_a_run_stand_on_its_page(visitor: ClientSession) -> None:
    assert f"/evals/gates/{GATE}" in await text_of(visitor, f"/evals/{RUN}")


@pytest.mark.parametrize(
    "path",
    [
        "/evals/no-such-run",
        f"/evals/{RUN}/compare?a={OLD}&b=nobody",
        f"/evals/{RUN}/compare?a={OLD}",
        f"/evals/{RUN}?segment=market%3Dxx",
        "/evals/gates/nonsense",
        f"/evals/gates/{UUID(int=1)}",
    ],
)
async def test_what_there_is_not_is_not_found(visitor: ClientSession, path: str) -> None:
    assert "not found" in (await text_of(visitor, path, status=404)).lower()


async def test_a_report_is_made_once_for_a_state_of_its_run(evaluated: Pool) -> None:
    reader = EvalReader(evaluated)
    first = await reader.eval_report(str(RUN), Asked(resamples=50))
    assert await reader.eval_report("strict-brands-1", Asked(resamples=50)) is first
    assert await reader.eval_report(str(RUN), Asked(resamples=50, split="test")) is not first


async def test_new_results_of_a_run_under_way_make_a_new_report(pool: Pool) -> None:
    runs, found, run = PostgresRuns(pool), items(), replace(run_of(NOON), state="running", ended_at=None)
    await PostgresDatasets(pool).save(replace(DATASET, made_at=NOON), found)
    await runs.begin(run)
    results = answers(found, NEW, RIGHT[NEW], NOON)
    await runs.save(results[:50])
    reader = EvalReader(pool)
    before = await reader.eval_report(str(RUN), Asked(judges=(NEW,), resamples=50))
    await runs.save(results[50:])
    after = await reader.eval_report(str(RUN), Asked(judges=(NEW,), resamples=50))
    assert before is not None
    assert after is not None
    assert (before.judges[0].spent.answered, after.judges[0].spent.answered) == (49, 107)


async def test_a_run_that_there_is_not_is_refused_with_the_newest_ones(evaluated: Pool) -> None:
    with pytest.raises(UsageError, match=r"no run 'x'.*strict-brands-1"):
        await EvalReader(evaluated).run("x")


def test_a_file_needs_nothing_from_elsewhere_and_runs_nothing() -> None:
    found = items()
    hostile = replace(found[0], listing={"title": "<script>alert(1)</script>"}, query="</style><b>x")
    results = {judge: answers(found, judge, right, NOON) for judge, right in RIGHT.items()}
    asked = Asked(judges=(OLD, NEW), resamples=50, changed=500)
    page = html_of(report_of(run_of(NOON), [hostile, *found[1:]], results, asked), NOON)
    for part in ("<script", " src=", "<link", "url(", "@import", 'href="/'):
        assert part not in page
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page
    assert page.count("</style>") == 1


def test_a_file_links_to_the_calls_of_a_console_that_is_named() -> None:
    found = items()
    results = {judge: answers(found, judge, right, NOON) for judge, right in RIGHT.items()}
    made = report_of(run_of(NOON), found, results, Asked(judges=(OLD, NEW), resamples=50))
    page = html_of(made, NOON, "https://assay.example.com/")
    assert f'href="https://assay.example.com/calls/{CALL}"' in page
    assert 'href="/' not in page
