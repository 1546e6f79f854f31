"""The student: predicts as the trees it was made of, before and after it was stored; says what moved it."""

from __future__ import annotations

import time
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.ensemble import ExtraTreesRegressor

from core.domain.images.features import EXTRACTOR, feature_names
from core.domain.images.forest import Floats
from core.domain.images.forest_student import MOST_TREES, Body, ForestStudent, packed, unpacked, version_of
from core.domain.images.student_figures import RANK, WITHIN_ONE, report_on
from core.domain.images.training import (
    FIGURES_ASKED,
    LEAST_IN_LEAF,
    LEAVES,
    SEED,
    TREES,
    Recipe,
    grown,
    parts_of,
    quantile,
    stacked,
    trained,
    weights_of,
    without_copies,
)
from core.errors import UsageError
from tests.support.fake_students import labelled_pictures

RECIPE = Recipe("small", EXTRACTOR, 0.2, 100, 0.15, 0.05, 4, trees=40)
FIGURES = len(feature_names())


@pytest.fixture(scope="module")
def student() -> ForestStudent:
    return trained(labelled_pictures(240), RECIPE)


def test_arrays_predict_as_the_trees_they_were_made_of() -> None:
    rng = np.random.default_rng(3)
    figures = rng.normal(size=(150, 6)).astype(np.float32)
    labels = np.column_stack([figures[:, 0] * 3 + 5, figures[:, 1]]).astype(np.float64)
    model = ExtraTreesRegressor(
        TREES, max_leaf_nodes=LEAVES, min_samples_leaf=LEAST_IN_LEAF, max_features=FIGURES_ASKED, random_state=SEED
    ).fit(figures, labels)
    forest, asked = grown(figures, labels, np.ones(150)), rng.normal(size=(80, 6)).astype(np.float32)
    ours = forest.values[forest.leaves(asked)[0]].mean(axis=1)
    assert ours == pytest.approx(model.predict(asked), abs=1e-4)


@settings(max_examples=25, deadline=None)
@given(figures=hnp.arrays(np.float32, FIGURES, elements=st.floats(width=32, allow_nan=True, allow_infinity=True)))
def test_a_stored_student_says_exactly_the_same_of_any_picture(student: ForestStudent, figures: Floats) -> None:
    loaded = unpacked(student.version, packed(student))
    said = student.says(figures.tobytes())
    assert loaded.says(figures.tobytes()) == said
    assert 1 <= said.score <= 10
    assert 0 < said.spread <= 9


def test_what_moved_the_score_adds_up_to_it(student: ForestStudent) -> None:
    seen = stacked(labelled_pictures(40, seed=5))
    told = student.told(seen)
    start = student.forest.values[student.forest.roots, 0].mean()
    leaves = student.forest.values[student.forest.leaves(seen)[0]][:, :, 0].mean(axis=1)
    assert start + told.moved.sum(axis=1) == pytest.approx(leaves, abs=1e-3)


def test_it_orders_pictures_of_other_sellers(student: ForestStudent) -> None:
    held = labelled_pictures(200, seed=9)
    report = report_on(student, labelled_pictures(240), held, 0.05)
    assert (report.student.metrics[RANK].value or 0) > 0.7
    assert (report.student.metrics[RANK].value or 0) > (report.baselines[1].metrics[RANK].value or 1)
    assert report.baselines[0].metrics[RANK].value is None
    assert {each.name for each in report.categories} == {"shoes", "lamps"}
    assert report.student.metrics[WITHIN_ONE].low is not None


def test_two_thirds_of_new_labels_lie_within_its_spread(student: ForestStudent) -> None:
    report = report_on(student, labelled_pictures(240), labelled_pictures(400, seed=11), 0.05)
    assert report.coverage == pytest.approx(0.68, abs=0.08)
    assert report.coverage_twice > 0.88


def test_about_the_share_it_was_given_is_unsure(student: ForestStudent) -> None:
    report = report_on(student, labelled_pictures(240), labelled_pictures(400, seed=11), 0.05)
    assert report.unsure == pytest.approx(0.15, abs=0.1)


def test_shares_of_the_report_are_weighted_by_how_pictures_were_chosen(student: ForestStudent) -> None:
    held = labelled_pictures(400, seed=11)
    spreads = student.told(stacked(held)).spread
    chosen = [
        replace(
            each,
            certain=bool(spread > student.unsure_above),
            why="unsure" if spread > student.unsure_above else "random",
        )
        for at, (each, spread) in enumerate(zip(held, spreads, strict=True))
        if spread > student.unsure_above or at % 4 == 0
    ]
    whole, of_chosen = (report_on(student, labelled_pictures(240), each, 0.25) for each in (held, chosen))
    assert of_chosen.unsure == pytest.approx(whole.unsure, abs=0.02)
    assert of_chosen.coverage == pytest.approx(whole.coverage, abs=0.08)


def test_without_an_unsure_share_no_picture_is_unsure() -> None:
    sure = trained(labelled_pictures(120), replace(RECIPE, unsure_share=0.0))
    assert not (sure.told(stacked(labelled_pictures(60, seed=2))).spread > sure.unsure_above).any()


def test_its_reasons_name_what_it_is_and_the_groups_that_moved_it(student: ForestStudent) -> None:
    far = np.zeros(FIGURES, dtype=np.float32)
    far[40] = -3
    said = student.says(far.tobytes()).reasoning
    assert "no judge" in said
    assert feature_names()[40] in said
    assert set(student.says(far.tobytes()).aspects) == {"focus", "lighting"}


def test_reasons_of_an_embedding_are_not_made_up(student: ForestStudent) -> None:
    foreign = replace(student, extractor="onnx-0123456789ab")
    assert "can't be told" in foreign.says(np.zeros(FIGURES, dtype=np.float32).tobytes()).reasoning


def test_one_picture_takes_under_a_millisecond() -> None:
    student = trained(labelled_pictures(120), replace(RECIPE, trees=TREES))
    features = labelled_pictures(1, seed=4)[0].features
    student.says(features)
    times = []
    for _ in range(30):
        start = time.perf_counter()
        student.says(features)
        times.append(time.perf_counter() - start)
    assert min(times) < 1e-3


def test_features_of_another_length_are_refused(student: ForestStudent) -> None:
    with pytest.raises(ValueError, match="bytes of features"):
        student.says(b"\x00" * 12)


def test_the_same_pictures_make_the_same_version(student: ForestStudent) -> None:
    assert trained(labelled_pictures(240), RECIPE).version == student.version
    assert trained(labelled_pictures(240), replace(RECIPE, name="other")).version != student.version
    assert student.version == version_of("small", packed(replace(student, version="")))


@pytest.mark.parametrize("body", [b"", b"cos\nsystem\n(S'true'\ntR.", msgspec.msgpack.encode({"format": 1})])
def test_what_is_no_student_is_not_loaded(body: bytes) -> None:
    with pytest.raises(ValueError, match="no student"):
        unpacked("x@1", body)


def _broken(student: ForestStudent, **changes: bytes | float) -> bytes:
    return msgspec.msgpack.encode(
        msgspec.structs.replace(msgspec.msgpack.decode(packed(student), type=Body), **changes)
    )


def test_a_walk_that_would_leave_the_arrays_or_never_end_is_not_loaded(student: ForestStudent) -> None:
    nodes = len(student.forest.left)
    for changes in (
        {"left_u4": np.zeros(nodes, dtype="<u4").tobytes()},
        {"left_u4": np.full(nodes, nodes + 7, dtype="<u4").tobytes()},
        {"roots_u4": np.array([nodes], dtype="<u4").tobytes()},
        {"feature_u2": np.full(nodes, 65535, dtype="<u2").tobytes()},
        {"values_f4": np.full(nodes * 3, np.nan, dtype="<f4").tobytes()},
        {"threshold_f4": student.forest.threshold[:-1].tobytes()},
        {"format": 2},
        {"roots_u4": bytes(4 * (MOST_TREES + 1))},
        {"widen": float("nan")},
        {"unsure_above": float("inf")},
    ):
        with pytest.raises(ValueError, match=r"child|split|lengths|format|leaf|trees|doubt"):
            unpacked("x@1", _broken(student, **changes))


def test_sellers_are_held_back_whole_and_stay_on_their_side() -> None:
    few, more = parts_of(labelled_pictures(120), RECIPE), parts_of(labelled_pictures(240), RECIPE)
    held = {each.seller for each in few.held}
    assert held.isdisjoint({each.seller for each in few.train})
    assert held == {each.seller for each in more.held}
    assert len(few.held) >= 24


def test_a_picture_that_two_sellers_show_is_taken_once() -> None:
    pictures = labelled_pictures(6, sellers=6)
    hashes = [0b1111, 0b1110, -1, -2, 1 << 40, None]
    alike = [replace(each, phash=hashed) for each, hashed in zip(pictures, hashes, strict=True)]
    assert [each.image_hash for each in without_copies(alike, 4)] == [alike[at].image_hash for at in (0, 2, 4, 5)]


def test_alike_pictures_of_one_seller_are_all_taken() -> None:
    pictures = [replace(each, phash=7, seller="s") for each in labelled_pictures(5)]
    assert len(without_copies(pictures, 4)) == 5


@pytest.mark.parametrize(("number", "sellers"), [(99, 12), (240, 4)])
def test_too_little_is_refused_with_what_is_needed(number: int, sellers: int) -> None:
    with pytest.raises(UsageError, match=r"needed are 100 \(--min\) of at least 5"):
        parts_of(labelled_pictures(number, sellers), RECIPE)


def test_labels_that_are_all_alike_are_refused() -> None:
    with pytest.raises(UsageError, match="nothing to learn"):
        trained([replace(each, score=7) for each in labelled_pictures(120)], RECIPE)


def test_pictures_that_were_chosen_by_chance_count_by_the_inverse_of_it() -> None:
    pictures = [replace(each, certain=at < 50) for at, each in enumerate(labelled_pictures(60))]
    weights = weights_of(pictures, 0.05)
    assert weights[-1] / weights[0] == pytest.approx(20)
    assert weights.mean() == pytest.approx(1)


@given(st.lists(st.tuples(st.floats(-5, 5), st.floats(0.1, 3)), min_size=1, max_size=40), st.floats(0.01, 0.99))
def test_a_weighted_quantile_has_its_share_at_or_below(pairs: list[tuple[float, float]], share: float) -> None:
    values, weights = (np.array(each, dtype=np.float64) for each in zip(*pairs, strict=True))
    found = quantile(values, weights, share)
    assert weights[values <= found].sum() >= share * weights.sum() - 1e-6
    assert weights[values < found].sum() <= share * weights.sum() + 1e-6
