"""Anchors in prompts are found."""

from __future__ import annotations

import pytest

from core.domain.evaluation.anchor_texts import AnchorText, anchors_in_text

SOFA = AnchorText("blaues sofa", "Sofa, Blau (2 Sitze)", "L1")
TV = AnchorText("tv", "LG 42 inch", "L2")
JAPANESE = AnchorText("青いソファ", "ソファ 青", "L3")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Example: Blaues  SOFA\nproduct: sofa, blau (2 sitze)", [SOFA]),
        ("query tv: an LG 42 inch is highly relevant", [TV]),
        ("about tvs: an LG 42 inch", []),
        ("query: blaues sofa", []),
        ("product: Sofa, Blau (2 Sitze)", []),
        ("例：青いソファなら「ソファ 青」", [JAPANESE]),
        ("", []),
    ],
)
def test_a_query_beside_its_product_is_found(text: str, found: list[AnchorText]) -> None:
    assert anchors_in_text([text], [SOFA, TV, JAPANESE]) == found


def test_query_and_product_in_two_prompts_are_not_together() -> None:
    assert anchors_in_text(["blaues sofa", "Sofa, Blau (2 Sitze)"], [SOFA]) == []


def test_an_anchor_without_a_title_is_never_found() -> None:
    assert anchors_in_text(["tv and more"], [AnchorText("tv", "", "L2")]) == []
