"""Training, promoting and rolling back students; what is refused and with which words."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from core.domain.images.features import EXTRACTOR
from core.domain.images.forest_student import version_of
from core.domain.images.student_figures import RANK, StudentReport
from core.domain.images.training import Recipe
from core.errors import UsageError
from core.student_desk import FEWEST_BY_CHANCE, StudentDesk, Trained, by_chance, readable
from core.student_ports import NO_STUDENT, LabelAsk
from tests.support.fake_students import JUDGE, FixedLabels, InMemoryStudents, labelled_pictures
from tests.support.fakes import FakeClock

ASK = LabelAsk(JUDGE, EXTRACTOR, "seller")
RECIPE = Recipe("small", EXTRACTOR, 0.2, 100, 0.15, 0.05, 4, trees=15)


@pytest.fixture
def labels() -> FixedLabels:
    return FixedLabels(labelled_pictures(200))


@pytest.fixture
def desk(labels: FixedLabels) -> StudentDesk:
    return StudentDesk(InMemoryStudents(), labels, FakeClock())


async def worse(desk: StudentDesk, labels: FixedLabels) -> Trained:
    """A student trained on scores that have nothing to do with the pictures."""
    right = labels.pictures
    labels.pictures = [replace(each, score=1 + at * 7 % 10) for at, each in enumerate(right)]
    made = await desk.train(ASK, replace(RECIPE, name="worse"), "ada")
    labels.pictures = right
    return made


async def test_a_training_is_stored_with_all_that_makes_it(desk: StudentDesk) -> None:
    made = await desk.train(ASK, RECIPE, "ada")
    kept = await desk.meant("small")
    assert kept == made.kept
    assert kept.metadata["judge"] == JUDGE
    assert kept.metadata["pictures"] == len(made.parts.train)
    assert msgspec.convert(kept.metadata["report"], StudentReport) == made.report
    assert not (await desk.train(ASK, RECIPE, "bob")).new


async def test_no_seller_is_named_in_what_is_kept(desk: StudentDesk) -> None:
    made = await desk.train(ASK, RECIPE, "ada")
    assert b'"s3"' not in msgspec.json.encode(made.kept.metadata)


async def test_without_a_judge_the_one_of_the_newest_label_is_meant(desk: StudentDesk) -> None:
    assert await desk.judge_meant("", EXTRACTOR) == JUDGE


@pytest.mark.parametrize(
    ("judge", "extractor", "said"),
    [("other@1", EXTRACTOR, "pictures by judge: strict@"), ("", "onnx-1", r"there are: pixels-1 \(200\)")],
)
async def test_labels_that_are_not_there_are_told_with_those_that_are(
    desk: StudentDesk, judge: str, extractor: str, said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        await desk.judge_meant(judge, extractor)


async def test_before_any_label_the_way_to_get_some_is_told() -> None:
    empty = StudentDesk(InMemoryStudents(), FixedLabels(), FakeClock())
    with pytest.raises(UsageError, match="run `assay run image-score`"):
        await empty.judge_meant("", EXTRACTOR)


async def test_the_first_student_is_promoted_for_its_own_figure(desk: StudentDesk) -> None:
    made = await desk.train(ASK, RECIPE, "ada")
    deed = await desk.promote(made.kept, "ada")
    assert await desk.book.live_version() == made.kept.version
    assert "the first: rank correlation 0." in deed.why


async def test_a_first_student_that_orders_by_chance_is_refused(desk: StudentDesk, labels: FixedLabels) -> None:
    made = await worse(desk, labels)
    figures = {**dict(made.report.student.metrics)}
    figures[RANK] = replace(figures[RANK], value=-0.1)
    bad = replace(made.kept, metadata={**made.kept.metadata, "figures": msgspec.to_builtins(figures)})
    with pytest.raises(UsageError, match="no better than chance"):
        await desk.promote(bad, "ada")


async def test_a_worse_student_is_refused_and_goes_live_despite_it_with_a_reason(
    desk: StudentDesk, labels: FixedLabels
) -> None:
    good, bad = await desk.train(ASK, RECIPE, "ada"), await worse(desk, labels)
    await desk.promote(good.kept, "ada")
    with pytest.raises(UsageError, match=r"worse than the live student: rank correlation -0\.\d+ .*--despite"):
        await desk.promote(bad.kept, "ada")
    deed = await desk.promote(bad.kept, "ada", despite="the judge changed")
    assert (deed.version, deed.why) == (bad.kept.version, "despite the figures: the judge changed")


async def test_a_better_student_takes_the_place_of_a_worse_one(desk: StudentDesk, labels: FixedLabels) -> None:
    bad, good = await worse(desk, labels), await desk.train(ASK, RECIPE, "ada")
    await desk.promote(bad.kept, "ada", despite="nothing else yet")
    assert "rank correlation +0." in (await desk.promote(good.kept, "ada")).why


async def test_the_live_student_is_not_promoted_again(desk: StudentDesk) -> None:
    made = await desk.train(ASK, RECIPE, "ada")
    await desk.promote(made.kept, "ada")
    with pytest.raises(UsageError, match="live already"):
        await desk.promote(made.kept, "ada")


async def test_a_rollback_goes_back_one_promotion_and_then_to_none(desk: StudentDesk, labels: FixedLabels) -> None:
    good, bad = await desk.train(ASK, RECIPE, "ada"), await worse(desk, labels)
    await desk.promote(good.kept, "ada")
    await desk.promote(bad.kept, "ada", despite="a try")
    assert (await desk.rollback("ada", "it was worse")).version == good.kept.version
    assert (await desk.rollback("ada", "off")).version == NO_STUDENT
    with pytest.raises(UsageError, match="nothing to roll back"):
        await desk.rollback("ada", "again")


async def test_students_that_see_nothing_in_common_are_not_compared(desk: StudentDesk, labels: FixedLabels) -> None:
    made = await desk.train(ASK, RECIPE, "ada")
    version = version_of("foreign", made.kept.body)
    foreign = replace(made.kept, version=version, extractor="onnx-1", trained_at=FakeClock().now() + timedelta(1))
    await desk.book.save(foreign)
    await desk.promote(foreign, "ada", despite="by hand")
    with pytest.raises(UsageError, match="both can see 0 only"):
        await desk.promote(made.kept, "ada")


async def test_live_means_none_where_none_is(desk: StudentDesk) -> None:
    with pytest.raises(UsageError, match="no student is live"):
        await desk.meant("live")


@pytest.mark.parametrize("body", [b"", b"no student", b"\x81\xa1a\x01"])
async def test_a_broken_body_is_no_promotion_and_the_version_is_named(desk: StudentDesk, body: bytes) -> None:
    made = await desk.train(ASK, RECIPE, "ada")
    broken = replace(made.kept, body=body)
    with pytest.raises(UsageError, match=f"{made.kept.version} can't be read"):
        await desk.promote(broken, "ada", despite="by hand")
    assert await desk.book.live_version() == NO_STUDENT


async def test_a_body_of_another_version_is_not_read(desk: StudentDesk, labels: FixedLabels) -> None:
    good, bad = await desk.train(ASK, RECIPE, "ada"), await worse(desk, labels)
    with pytest.raises(UsageError, match="its hash is another"):
        readable(replace(good.kept, body=bad.kept.body))


@pytest.mark.parametrize(("random", "taken"), [(FEWEST_BY_CHANCE, FEWEST_BY_CHANCE), (FEWEST_BY_CHANCE - 1, 160)])
def test_students_are_compared_on_the_random_share_where_it_is_large_enough(random: int, taken: int) -> None:
    pictures = labelled_pictures(160)
    whys = ["random"] * random + ["unsure"] * (160 - random)
    held = [(replace(each, why=why), each.features) for each, why in zip(pictures, whys, strict=True)]
    assert len(by_chance(held)) == taken


async def test_a_first_student_is_judged_by_its_figure_on_the_random_share(desk: StudentDesk) -> None:
    made = await desk.train(ASK, RECIPE, "ada")
    figures = dict(made.report.student.metrics)
    figures[RANK] = replace(figures[RANK], value=-0.1)
    report = replace(made.report, chance=replace(made.report.student, metrics=figures))
    bad = replace(made.kept, metadata={**made.kept.metadata, "report": msgspec.to_builtins(report)})
    with pytest.raises(UsageError, match="no better than chance"):
        await desk.promote(bad, "ada")
