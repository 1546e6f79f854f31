"""What every `JudgeBook` and `ShadowStore` promises."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest

from core.access_ports import AuditFilter
from core.adapters.audit import PostgresAudit
from core.adapters.judge_book import PostgresJudgeBook
from core.adapters.postgres import Pool
from core.adapters.shadow_store import PostgresShadows
from core.domain.access import AuditEntry
from core.domain.cascade import Cascade
from core.domain.labels import Label
from core.eval_ports import JudgeAct, JudgeBook, JudgeDeed, ShadowStore
from core.ports import NewTask
from tests.contract.facts import label, score
from tests.contract.stores import MemoryStores, Stores
from tests.support.fake_judges import InMemoryJudges, InMemoryShadows, judge
from tests.support.fakes import NOON

GATE = UUID(int=5)
QUERY = "shop\nde\nblaues sofa"


@pytest.fixture(params=["fake", pytest.param("postgres", marks=pytest.mark.postgres)])
def book(request: pytest.FixtureRequest) -> JudgeBook:
    if request.param == "fake":
        return InMemoryJudges()
    return PostgresJudgeBook(request.getfixturevalue("work_pool"))


@pytest.fixture
def shadows(stores: Stores, request: pytest.FixtureRequest) -> ShadowStore:
    if isinstance(stores, MemoryStores):
        return InMemoryShadows(stores.judgements, stores.inbox)
    return PostgresShadows(request.getfixturevalue("work_pool"))


def deed(act: JudgeAct, version: str, share: float = 1.0, gate_id: UUID | None = None) -> JudgeDeed:
    return JudgeDeed(act, version, share, "ada", "better", NOON, gate_id)


async def test_a_version_is_found_as_it_was_stored(book: JudgeBook) -> None:
    plain = judge("plain")
    steps = judge(
        "steps",
        cascade={"model": "strong", "second_model": "other", "confidence": 0.7},
        parameters={"temperature": 0.3},
    )
    assert [await book.save(each, "ada", NOON) for each in (plain, steps)] == [True, True]
    assert [await book.find(each.version) for each in (plain, steps)] == [plain, steps]
    assert steps.cascade == Cascade("strong", "other", 0.7)


async def test_a_known_version_is_not_stored_again(book: JudgeBook) -> None:
    await book.save(judge(), "ada", NOON)
    assert not await book.save(judge(), "bob", NOON + timedelta(days=1))
    assert [each.by for each in await book.all()] == ["ada"]


async def test_a_name_means_its_newest_version(book: JudgeBook) -> None:
    await book.save(judge("a", "judge-1"), "ada", NOON)
    await book.save(judge("a", "judge-2"), "ada", NOON + timedelta(hours=1))
    await book.save(judge("ab", "judge-3"), "ada", NOON + timedelta(hours=2))
    assert await book.find("a") == judge("a", "judge-2")


async def test_a_beginning_that_fits_several_means_none(book: JudgeBook) -> None:
    await book.save(judge("one"), "ada", NOON)
    await book.save(judge("ones"), "ada", NOON)
    assert await book.find("on") is None
    assert await book.find("ones@") == judge("ones")
    assert await book.find("nobody") is None


async def test_an_empty_name_means_none(book: JudgeBook) -> None:
    await book.save(judge(), "ada", NOON)
    assert await book.find("") is None


async def test_the_newest_version_comes_first(book: JudgeBook) -> None:
    for hour, name in enumerate(("a", "b", "c")):
        await book.save(judge(name), "ada", NOON + timedelta(hours=hour))
    assert [each.judge.name for each in await book.all()] == ["c", "b", "a"]


async def test_before_the_first_promotion_nobody_is_live(book: JudgeBook) -> None:
    await book.save(judge(), "ada", NOON)
    assert await book.live() is None


async def test_the_newest_promotion_or_rollback_names_the_live_one(book: JudgeBook) -> None:
    one, other = judge("one"), judge("other")
    live = []
    for each in (one, other):
        await book.save(each, "ada", NOON)
    for act, version in (("promote", one), ("promote", other), ("shadow", one), ("rollback", one)):
        await book.note(deed(act, version.version))
        live.append(await book.live())
    assert live == [one, other, other, one]


async def test_a_rollback_past_the_first_promotion_leaves_nobody_live(book: JudgeBook) -> None:
    await book.save(judge(), "ada", NOON)
    await book.note(deed("promote", judge().version))
    await book.note(deed("rollback", "settings"))
    assert await book.live() is None


async def test_a_candidate_is_in_the_shadow_with_its_newest_share_until_it_is_taken_out(book: JudgeBook) -> None:
    one, other = judge("one"), judge("other")
    for each in (one, other):
        await book.save(each, "ada", NOON)
        await book.note(deed("shadow", each.version, 0.1))
    await book.note(deed("shadow", one.version, 0.5))
    await book.note(deed("unshadow", other.version, 0.0))
    assert list(await book.shadows()) == [(one, 0.5)]


async def test_the_audit_entry_of_a_deed_is_kept_with_it(book: JudgeBook, request: pytest.FixtureRequest) -> None:
    entry = AuditEntry(NOON, "ada", "operate", "judge.promote", "a@1", {"why": "better"})
    await book.note(deed("promote", "a@1"), entry)
    audit = book.audit if isinstance(book, InMemoryJudges) else PostgresAudit(request.getfixturevalue("work_pool"))
    assert [row.entry for row in await audit.entries(AuditFilter())] == [entry]


@pytest.mark.postgres
async def test_without_its_audit_entry_there_is_no_deed(work_pool: Pool) -> None:
    book = PostgresJudgeBook(work_pool)
    with pytest.raises(asyncpg.CheckViolationError):
        await book.note(deed("promote", "a@1"), AuditEntry(NOON, "", "operate", "judge.promote", "a@1"))
    assert list(await book.deeds()) == []


async def test_every_deed_is_told_newest_first(book: JudgeBook) -> None:
    deeds = [deed("promote", "a@1", 1.0, GATE), deed("shadow", "b@1", 0.25), deed("rollback", "settings")]
    for each in deeds:
        await book.note(each)
    assert list(await book.deeds()) == deeds[::-1]


async def tasks(stores: Stores, keys: Sequence[str]) -> list[UUID]:
    await stores.inbox.add([NewTask(key, "shadow", "backfill", key, {}) for key in keys])
    return [task.task_id for group in await stores.inbox.lease(("shadow",), 10, 10, 60) for task in group]


async def test_an_answer_stands_beside_the_live_label_and_ends_its_task(stores: Stores, shadows: ShadowStore) -> None:
    live = label("k", label=Label.HIGHLY_RELEVANT, judge="live@1")
    await stores.judgements.save_labels([live], [], [], NOON)
    said = label("s", label=Label.IRRELEVANT, judge="new@1", verdicts="yn?")
    await shadows.save_labels([(live.event_id, said)], await tasks(stores, ["t"]), NOON)
    (found,) = await shadows.counts()
    assert (found.judge, found.live, found.kind, dict(found.counts)) == (
        "new@1",
        "live@1",
        "relevance",
        {(QUERY, 2, 0): 1},
    )
    assert (await stores.task("t")).state == "done"


async def test_an_answer_is_kept_once(stores: Stores, shadows: ShadowStore) -> None:
    live = label("k", judge="live@1")
    await stores.judgements.save_labels([live], [], [], NOON)
    for given in (Label.IRRELEVANT, Label.HIGHLY_RELEVANT):
        await shadows.save_labels([(live.event_id, label("s", label=given, judge="new@1"))], [], NOON)
    assert [dict(each.counts) for each in await shadows.counts()] == [{(QUERY, 1, 0): 1}]


async def test_the_newest_answers_of_each_candidate_are_counted_or_those_of_one(
    stores: Stores, shadows: ShadowStore
) -> None:
    live = [label(f"k{n}", listing_id=f"L{n}", judge="live@1") for n in range(3)]
    await stores.judgements.save_labels(live, [], [], NOON)
    given = (Label.IRRELEVANT, Label.HIGHLY_RELEVANT, Label.HIGHLY_RELEVANT)
    for name in ("new@1", "other@1"):
        said = [
            label(f"{name}{n}", label=given[n], judge=name, judged_at=NOON + timedelta(minutes=n)) for n in range(3)
        ]
        await shadows.save_labels([(live[n].event_id, said[n]) for n in range(3)], [], NOON)
    assert [(each.judge, dict(each.counts)) for each in await shadows.counts(newest=2)] == [
        ("new@1", {(QUERY, 1, 2): 2}),
        ("other@1", {(QUERY, 1, 2): 2}),
    ]
    assert [each.judge for each in await shadows.counts("other@1")] == ["other@1"]
    assert list(await shadows.counts("nobody@1")) == []


async def test_pictures_are_counted_by_themselves(stores: Stores, shadows: ShadowStore) -> None:
    live = score("k", judge="live@1")
    await stores.judgements.save_image_score([live], [], [], NOON)
    await shadows.save_scores([(live.event_id, score("s", score=3, judge="new@1"))], [], NOON)
    assert [(each.kind, dict(each.counts)) for each in await shadows.counts()] == [("image", {("L1", 8, 3): 1})]


async def test_no_answer_of_the_shadow_is_a_label_or_an_event(stores: Stores, shadows: ShadowStore) -> None:
    await shadows.save_labels([(label("k").event_id, label("s", judge="new@1"))], [], NOON)
    assert await stores.judgements.labels(["s", "k"]) == set()
    assert await stores.outbox.unpublished() == 0
