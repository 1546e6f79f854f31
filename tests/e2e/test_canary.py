"""`assay canary`: the judge that is set, tried through the ledger; its labels are nobody's."""

from __future__ import annotations

import json

import pytest

from core.canary import load_canaries
from tests.e2e.command import Assay
from tests.e2e.conftest import MODEL, Place

CALLS = "SELECT count(*) FROM assay.llm_calls WHERE lane = 'panel' AND status = 'ok'"


@pytest.mark.timeout(180)
async def test_the_set_is_judged_once_reported_and_makes_no_label(place: Place, judge_url: str) -> None:
    judging = place.assay.having(llm_base_url=judge_url, llm_api_key="none")
    strict = judging.having(canary_max_share="0")
    first = (await strict("canary", "--json")).checked()
    report = json.loads(first.out)
    calls = await place.value(CALLS)
    again = (await judging.having(canary_max_share="1")("canary")).checked()
    assert (first.code, again.code) == (1, 0)
    assert report["judge"]["model"] == MODEL
    assert report["lifts"][0]["judged"] == report["cases"] == load_canaries().cases
    assert report["exceeds"]
    assert "keywords" in again.out
    assert calls == load_canaries().cases + len(load_canaries().queries)
    assert await place.value(CALLS) == calls
    assert await place.value("SELECT count(*) FROM assay.relevance_label_history") == 0
    assert await place.value("SELECT judged FROM assay.canary_lifts WHERE kind = 'all'") == report["cases"]


async def test_without_an_endpoint_one_line_says_what_is_missing(bare: Assay) -> None:
    done = await bare("canary")
    assert done.code == 2
    assert "ASSAY_" in done.one_line()
