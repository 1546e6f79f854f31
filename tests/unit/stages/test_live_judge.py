"""Which judge judges now, and how a promotion is noticed."""

from __future__ import annotations

from core.domain.evaluation.anchor_texts import AnchorText
from core.eval_ports import JudgeAct, JudgeDeed
from core.stages.judge_recipe import picture_identity, recipe_of_judge
from core.stages.live_judge import LiveJudge
from tests.support.fake_judges import InMemoryJudges, judge, reworded, settings_version
from tests.support.fakes import NOON, FakeClock

SETTINGS_JUDGE = settings_version()


def deed(act: JudgeAct, version: str, share: float = 1.0) -> JudgeDeed:
    return JudgeDeed(act, version, share, "ada", "why", NOON)


async def looked(book: InMemoryJudges) -> LiveJudge:
    live = LiveJudge(book, SETTINGS_JUDGE, FakeClock())
    await live.look()
    return live


async def test_while_none_is_promoted_the_settings_judge_judges_and_is_known() -> None:
    book = InMemoryJudges()
    assert (await looked(book))() == SETTINGS_JUDGE
    assert await book.find(SETTINGS_JUDGE.version) == SETTINGS_JUDGE


async def test_a_process_that_has_no_model_stores_no_judge() -> None:
    book = InMemoryJudges()
    await LiveJudge(book, settings_version(llm_model=None), FakeClock()).look()
    assert not book.kept


async def test_a_promoted_judge_judges_from_the_next_look_on() -> None:
    book = InMemoryJudges()
    live = await looked(book)
    await book.save(judge(), "ada", NOON)
    await book.note(deed("promote", judge().version))
    assert live() == SETTINGS_JUDGE
    await live.look()
    assert (live(), live.identity()) == (judge(), recipe_of_judge(judge()).identity)


async def test_after_a_rollback_past_the_first_promotion_the_settings_judge_judges() -> None:
    book = InMemoryJudges()
    await book.save(judge(), "ada", NOON)
    await book.note(deed("promote", judge().version))
    await book.note(deed("rollback", "settings"))
    assert (await looked(book))() == SETTINGS_JUDGE


async def test_the_live_judge_is_no_shadow_of_its_own() -> None:
    book = InMemoryJudges()
    for each in (judge("a"), judge("b")):
        await book.save(each, "ada", NOON)
        await book.note(deed("shadow", each.version, 0.5))
    await book.note(deed("promote", judge("a").version))
    assert (await looked(book)).shadows() == ((judge("b"), 0.5),)


async def test_an_anchor_in_a_built_in_prompt_ends_no_process() -> None:
    words = SETTINGS_JUDGE.prompts["judgements"].split()
    book = InMemoryJudges(anchors=[AnchorText(words[0], words[1], "l1")])
    assert (await looked(book))() == SETTINGS_JUDGE


def test_what_judges_pairs_alike_has_one_identity() -> None:
    version = judge()
    other = reworded(version, picture_scores="another rubric")
    assert recipe_of_judge(version).identity == recipe_of_judge(other).identity
    assert picture_identity(version) != picture_identity(other)
    for name in ("guideline", "judgements"):
        assert recipe_of_judge(reworded(version, **{name: "x"})).identity != recipe_of_judge(version).identity
    assert recipe_of_judge(judge(products_per_call=5)).identity != recipe_of_judge(version).identity


def test_the_name_is_no_part_of_the_identity() -> None:
    assert recipe_of_judge(judge("a")).identity == recipe_of_judge(judge("b")).identity
