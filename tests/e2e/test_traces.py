"""A run that is told where spans go: its calls and labels arrive there, also those of its last moments."""

from __future__ import annotations

import json

import pytest

from tests.e2e import shoppers
from tests.e2e.conftest import Place
from tests.support.otlp import receiving, values_of

PAIRS = [
    {"query": "red mug", "market": "uk", "listing": shoppers.listing("m1")},
    {"query": "red mug", "market": "uk", "listing": {"listing_id": "k2", "title": "Garden hose 10 m"}},
]
LABELS = "SELECT event_id::text, call_id::text FROM assay_data.labels ORDER BY 1"


async def test_each_call_and_each_label_arrives_and_no_text_of_theirs(place: Place, judge_url: str) -> None:
    await place.assay("judge", "-", stdin=b"\n".join(json.dumps(pair).encode() for pair in PAIRS))
    async with receiving() as receiver:
        assay = place.assay.having(llm_base_url=judge_url, traces_endpoint=receiver.url)
        ran = await assay("run", "relevance", "--until-idle")
    assert ran.code == 0
    labels = await place.rows(LABELS)
    calls = await place.rows("SELECT call_id::text FROM assay.llm_calls ORDER BY 1")
    sent = sorted(str(values_of(span.attributes)["gen_ai.response.id"]) for span in receiver.named("chat "))
    results = [event for span in receiver.named("evaluate ") for event in span.events]
    assert sent == [call_id for (call_id,) in calls]
    assert sorted(str(values_of(event.attributes)["assay.event_id"]) for event in results) == [row[0] for row in labels]
    assert {span.trace_id.hex() for span in receiver.named("evaluate ")} == {
        str(row[1]).replace("-", "") for row in labels
    }
    assert "mug" not in str(receiver.spans)


@pytest.mark.parametrize("words", [("modes", "-", "--modes", "text,multimodal"), ("canary",)])
async def test_a_command_that_judges_once_sends_its_calls_too(
    place: Place, judge_url: str, words: tuple[str, ...]
) -> None:
    async with receiving() as receiver:
        assay = place.assay.having(llm_base_url=judge_url, traces_endpoint=receiver.url)
        ran = await assay(*words, "--json", stdin=b"\n".join(json.dumps(pair).encode() for pair in PAIRS))
    assert ran.out.startswith("{"), ran.err
    calls = await place.rows("SELECT call_id::text FROM assay.llm_calls WHERE status = 'ok' ORDER BY 1")
    sent = {str(values_of(span.attributes).get("gen_ai.response.id")) for span in receiver.named("chat ")}
    assert calls
    assert {call_id for (call_id,) in calls} <= sent
