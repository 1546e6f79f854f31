"""Promote, roll back, shadow: what is allowed, what is kept."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from core.errors import UsageError
from core.judge_desk import WHY_CHARS
from tests.support.fake_judges import FakeGates, InMemoryJudges, empty_desk, judge
from tests.support.fakes import NOON

GATE = UUID(int=9)
ONE, OTHER = judge("one"), judge("other", "judge-2")


class House:
    """Over fakes; every judge has passed its gate."""

    def __init__(self) -> None:
        self.book = InMemoryJudges()
        gates = FakeGates({ONE.version: GATE, OTHER.version: GATE})
        self.desk = replace(empty_desk(), book=self.book, gates=gates)


@pytest.fixture
def house() -> House:
    return House()


async def test_a_judge_with_a_passed_gate_becomes_the_live_one(house: House) -> None:
    deed = await house.desk.promote(ONE, "ada", "more exact on brands")
    assert await house.book.live() == ONE
    assert (deed.by, deed.why, deed.at, deed.gate_id) == ("ada", "more exact on brands", NOON, GATE)


async def test_a_judge_without_a_passed_gate_is_refused_and_nothing_is_stored(house: House) -> None:
    with pytest.raises(UsageError, match=r"no gate on the current dataset: run `assay eval run` and `assay eval gate`"):
        await house.desk.promote(judge("new"), "ada", "because")
    assert (house.book.kept, house.book.noted) == ({}, [])


async def test_forced_it_is_promoted_and_the_deed_shows_that_there_was_no_gate(house: House) -> None:
    deed = await house.desk.promote(judge("new"), "ada", "the provider ends the old model", force=True)
    assert deed.gate_id is None
    assert await house.book.live() == judge("new")


@pytest.mark.parametrize("why", ["", "  \n", "x" * (WHY_CHARS + 1)])
async def test_no_reason_and_one_that_is_too_long_are_refused(house: House, why: str) -> None:
    with pytest.raises(UsageError, match="reason"):
        await house.desk.promote(ONE, "ada", why, force=True)
    with pytest.raises(UsageError, match="reason"):
        await house.desk.rollback("ada", why)
    assert house.book.noted == []


async def test_nobody_does_nothing(house: House) -> None:
    with pytest.raises(UsageError, match="--by"):
        await house.desk.promote(ONE, " ", "because")


async def test_the_live_judge_is_not_promoted_again(house: House) -> None:
    await house.desk.promote(ONE, "ada", "first")
    with pytest.raises(UsageError, match="is live already"):
        await house.desk.promote(ONE, "ada", "again")


async def test_a_rollback_goes_back_one_promotion_at_a_time(house: House) -> None:
    await house.desk.promote(ONE, "ada", "first")
    await house.desk.promote(OTHER, "ada", "second")
    back = [(await house.desk.rollback("bob", "worse on shoes")).version for _ in range(2)]
    assert back == [ONE.version, "settings"]
    assert await house.book.live() is None
    with pytest.raises(UsageError, match="nothing to roll back"):
        await house.desk.rollback("bob", "once more")


async def test_after_a_rollback_the_next_promotion_goes_back_to_where_it_was(house: House) -> None:
    await house.desk.promote(ONE, "ada", "first")
    await house.desk.promote(OTHER, "ada", "second")
    await house.desk.rollback("bob", "worse")
    await house.desk.promote(OTHER, "ada", "mended")
    assert (await house.desk.rollback("bob", "still worse")).version == ONE.version


async def test_a_candidate_judges_a_share_in_the_shadow_until_it_is_taken_out(house: House) -> None:
    await house.desk.shadow(ONE, 0.1, "ada", "")
    await house.desk.shadow(ONE, 0.2, "ada", "more of it")
    assert await house.book.shadows() == [(ONE, 0.2)]
    await house.desk.unshadow(ONE, "ada", "")
    assert await house.book.shadows() == []


@pytest.mark.parametrize("share", [0.0, -0.1, 1.1, float("nan")])
async def test_a_share_that_is_none_is_refused(house: House, share: float) -> None:
    with pytest.raises(UsageError, match="--share takes more than 0"):
        await house.desk.shadow(ONE, share, "ada", "")


async def test_the_live_judge_is_not_its_own_shadow(house: House) -> None:
    await house.desk.promote(ONE, "ada", "first")
    with pytest.raises(UsageError, match="its own shadow"):
        await house.desk.shadow(ONE, 0.1, "ada", "")


async def test_who_is_not_in_the_shadow_is_not_taken_out(house: House) -> None:
    with pytest.raises(UsageError, match="is not in the shadow"):
        await house.desk.unshadow(ONE, "ada", "")
