"""Questions that meet are one statement; each asker gets its own answer, or its own error."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from core.adapters.together import Together
from core.errors import RetryLater


class Statement:
    """Answers with the square; remembers what it was asked together."""

    def __init__(self, away: bool = False) -> None:
        self.asked: list[list[int]] = []
        self.away = away

    async def __call__(self, numbers: Sequence[int]) -> list[int]:
        self.asked.append(list(numbers))
        await asyncio.sleep(0.001)
        if self.away:
            raise RetryLater("away")
        if 13 in numbers:
            raise ValueError("no table takes it")
        return [number * number for number in numbers]


async def test_what_comes_while_a_statement_runs_goes_into_the_next_one() -> None:
    statement = Statement()
    squared = Together(statement, 100)
    first = asyncio.create_task(squared(1))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    rest = [asyncio.create_task(squared(number)) for number in (2, 3, 4)]
    assert await asyncio.gather(first, *rest) == [1, 4, 9, 16]
    assert statement.asked == [[1], [2, 3, 4]]


async def test_no_statement_has_more_questions_than_allowed() -> None:
    statement = Statement()
    squared = Together(statement, 2)
    assert await asyncio.gather(*(squared(number) for number in range(5))) == [0, 1, 4, 9, 16]
    assert statement.asked == [[0, 1], [2, 3], [4]]


async def test_a_question_that_is_refused_fails_alone() -> None:
    squared = Together(Statement(), 100)
    answers = await asyncio.gather(*(squared(number) for number in (2, 13, 3)), return_exceptions=True)
    assert (answers[0], answers[2]) == (4, 9)
    assert isinstance(answers[1], ValueError)


async def test_a_database_that_is_away_is_told_to_all_and_asked_once() -> None:
    statement = Statement(away=True)
    squared = Together(statement, 100)
    answers = await asyncio.gather(*(squared(number) for number in (2, 3)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [RetryLater, RetryLater]
    assert statement.asked == [[2, 3]]


async def test_it_goes_on_after_a_failure() -> None:
    statement = Statement(away=True)
    squared = Together(statement, 100)
    with pytest.raises(RetryLater):
        await squared(2)
    statement.away = False
    assert await squared(3) == 9


async def test_an_asker_that_is_cancelled_takes_nothing_from_the_others() -> None:
    statement = Statement()
    squared = Together(statement, 100)
    asked = [asyncio.create_task(squared(number)) for number in (2, 3)]
    await asyncio.sleep(0)
    asked[0].cancel()
    assert await asked[1] == 9
    assert asked[0].cancelled()
    assert statement.asked == [[2, 3]]


async def test_questions_that_come_right_after_an_answer_are_answered_too() -> None:
    squared = Together(Statement(), 3)

    async def asker(number: int) -> int:
        for _ in range(50):
            assert await squared(number) == number * number
        return number

    async with asyncio.timeout(20):
        assert await asyncio.gather(*(asker(number) for number in range(10))) == list(range(10))
