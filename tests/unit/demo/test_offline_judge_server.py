"""The endpoint answers as an OpenAI-compatible provider does, its limits and errors included."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from collections.abc import AsyncIterator

import openai
import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestClient, TestServer
from PIL import Image

from core.domain.judging import (
    DescriptionReply,
    GuidelineReply,
    JudgementsReply,
    PictureCritiqueReply,
    PictureScoresReply,
)
from core.domain.prompting import picture_heading, section
from core.domain.strict_schema import strict_schema
from demo.offline_judge import OfflineJudge, make_app, serve
from demo.offline_judge.accounting import Limits, PrefixCache

QUERY = section("QUERY", [{"query": "nike sneakers", "market": "us", "language": "en"}])
PRODUCTS = section(
    "PRODUCTS",
    [
        {"item": "p1", "title": "Nike Gym Sneakers", "brand": "Nike", "description": "not given"},
        {"item": "p2", "title": "Adidas Court Sneakers", "brand": "Adidas", "price": "not given"},
    ],
)
MODELS = {
    "guideline": GuidelineReply,
    "judgements": JudgementsReply,
    "picture_description": DescriptionReply,
    "picture_scores": PictureScoresReply,
    "critique": PictureCritiqueReply,
}


def body(name: str, parts: list[dict[str, object]] | str, system: str = "rules", **more: object) -> dict[str, object]:
    schema = {"name": name, "strict": True, "schema": strict_schema(MODELS[name])}
    messages = [{"role": "system", "content": system}, {"role": "user", "content": parts}]
    return {
        "model": "a-model",
        "messages": messages,
        "response_format": {"type": "json_schema", "json_schema": schema},
        **more,
    }


def text(value: str) -> dict[str, object]:
    return {"type": "text", "text": value}


def picture(width: int = 600) -> dict[str, object]:
    buffer = io.BytesIO()
    Image.new("RGB", (width, 300), (200, 30, 30)).save(buffer, "JPEG")
    url = "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
    return {"type": "image_url", "image_url": {"url": url, "detail": "high"}}


@pytest.fixture(scope="module")
def judge() -> OfflineJudge:
    return OfflineJudge()


@pytest.fixture
async def client(judge) -> AsyncIterator[TestClient[web.Request, web.Application]]:
    async with TestClient(TestServer(make_app(judge))) as made:
        yield made


async def post(client, request: object, status: int = 200):
    async with client.post("/v1/chat/completions", json=request) as response:
        assert response.status == status
        return await response.json(), response.headers


async def test_the_official_client_reads_its_answers(judge):
    async with serve(judge=judge) as base_url, openai.AsyncOpenAI(base_url=base_url, api_key="none") as client:
        made = await client.chat.completions.create(**body("judgements", [text(QUERY), text(PRODUCTS)]))
        models = [model.id async for model in client.models.list()]
    reply = JudgementsReply.model_validate_json(made.choices[0].message.content or "")
    assert [j.label.value for j in reply.judgements] == ["highly_relevant", "irrelevant"]
    assert made.choices[0].finish_reason == "stop"
    assert made.model == "a-model"
    assert made.usage is not None
    assert made.usage.total_tokens == made.usage.prompt_tokens + made.usage.completion_tokens
    assert models == ["offline-judge", "offline-judge-lite", "offline-judge-similarity"]


async def test_a_guideline_is_answered_and_taken_back_in_the_judgements_prompt(client):
    made, _ = await post(client, body("guideline", QUERY))
    guideline = GuidelineReply.model_validate_json(made["choices"][0]["message"]["content"])
    rows = section("GUIDELINE", [guideline.model_dump(mode="json")])
    judged, _ = await post(client, body("judgements", [text(QUERY + rows + PRODUCTS)]))
    assert len(JudgementsReply.model_validate_json(judged["choices"][0]["message"]["content"]).judgements) == 2


async def test_the_cheap_models_grade_by_words_or_by_likeness_alone(client):
    found = {}
    for model in ("offline-judge-lite", "offline-judge-similarity"):
        made, _ = await post(client, body("judgements", [text(QUERY + PRODUCTS)]) | {"model": model})
        reply = JudgementsReply.model_validate_json(made["choices"][0]["message"]["content"])
        found[model] = [(judgement.item, judgement.label.value) for judgement in reply.judgements]
    assert found["offline-judge-lite"] == [("p1", "highly_relevant"), ("p2", "acceptable_substitute")]
    assert [item for item, _ in found["offline-judge-similarity"]] == ["p1", "p2"]


async def test_pictures_are_described_and_scored_by_item(client):
    listing = text(section("LISTING", [{"title": "Red thing", "category": "things", "market": "us"}]))
    described, _ = await post(client, body("picture_description", [listing, text(picture_heading("p1")), picture()]))
    assert "red" in DescriptionReply.model_validate_json(described["choices"][0]["message"]["content"]).description
    parts = [listing, text(picture_heading("p1")), picture(), text(picture_heading("p2")), picture()]
    scores, _ = await post(client, body("picture_scores", parts))
    reply = PictureScoresReply.model_validate_json(scores["choices"][0]["message"]["content"])
    assert [p.item for p in reply.pictures] == ["p1", "p2"]


async def test_a_pictures_score_is_looked_at_again_by_its_own_measures(client):
    seen = [text(picture_heading("p1")), picture()]
    scores, _ = await post(client, body("picture_scores", seen))
    own = json.loads(scores["choices"][0]["message"]["content"])["pictures"][0]["overall"]
    told = {}
    for given in (own, own + 1, own + 2):
        parts = [text(section("JUDGEMENTS", [{"item": "p1", "overall": given, "reasoning": "so"}])), *seen]
        answer, _ = await post(client, body("critique", parts))
        reply = PictureCritiqueReply.model_validate_json(answer["choices"][0]["message"]["content"])
        told[given] = (reply.agrees, reply.overall)
    assert told == {own: (True, own), own + 1: (True, own + 1), own + 2: (False, own)}


async def test_a_critique_of_a_picture_without_its_score_is_a_400(client):
    parts = [text(section("JUDGEMENTS", [{"item": "p1"}])), text(picture_heading("p1")), picture()]
    answer, _ = await post(client, body("critique", parts), 400)
    assert "overall score" in answer["error"]["message"]


async def test_a_picture_costs_its_tiles(client):
    parts = [text(picture_heading("p1")), picture(width=600)]
    made, _ = await post(client, body("picture_description", parts))
    plain = len("rules" + picture_heading("p1")) // 4 + 1
    assert made["usage"]["prompt_tokens"] == pytest.approx(85 + 170 * 2 + plain, abs=1)


async def test_a_long_prefix_seen_before_is_counted_as_cached(client):
    request = body("judgements", [text(QUERY + PRODUCTS)], system="rule " * 1_000)
    first, _ = await post(client, request)
    second, _ = await post(client, request)
    assert first["usage"]["prompt_tokens_details"]["cached_tokens"] == 0
    assert 1_024 <= second["usage"]["prompt_tokens_details"]["cached_tokens"] <= second["usage"]["prompt_tokens"]


def test_a_short_prefix_is_never_cached():
    cache = PrefixCache()
    assert [cache.cached_tokens("short"), cache.cached_tokens("short")] == [0, 0]


async def test_an_answer_over_the_output_limit_is_cut_and_says_so(client):
    made, _ = await post(client, body("judgements", [text(QUERY + PRODUCTS)], max_completion_tokens=10))
    assert made["choices"][0]["finish_reason"] == "length"
    assert made["usage"]["completion_tokens"] == 10
    assert len(made["choices"][0]["message"]["content"]) == 40


@pytest.mark.parametrize(
    ("request_body", "param"),
    [
        ([], "body"),
        ({"messages": []}, "model"),
        ({"model": "m", "messages": []}, "messages"),
        ({"model": "m", "messages": [{"role": "user", "content": "hi"}]}, "response_format"),
        (body("judgements", QUERY), "messages"),
        (body("judgements", "### QUERY\nnot json\n"), "messages"),
        (body("guideline", "### QUERY\n[1]\n"), "messages"),
        (body("picture_scores", "### LISTING\n{}\n"), "messages"),
        (
            body("picture_scores", [text("### PICTURE p1"), {"type": "image_url", "image_url": {"url": "http://x/"}}]),
            "messages",
        ),
        (body("guideline", QUERY, max_completion_tokens=0.5), "max_completion_tokens"),
    ],
)
async def test_what_it_cannot_read_is_a_400_in_the_providers_form(client, request_body, param):
    answer, _ = await post(client, request_body, status=400)
    assert set(answer["error"]) == {"message", "type", "param", "code"}
    assert answer["error"]["param"] == param


async def test_a_body_that_is_no_json_is_a_400(client):
    async with client.post("/v1/chat/completions", data=b"{") as response:
        assert response.status == 400
        assert (await response.json())["error"]["param"] == "body"


async def test_beyond_the_request_limit_it_answers_429_with_retry_after(judge):
    async with TestClient(TestServer(make_app(judge, requests_per_minute=2, tokens_per_minute=1_000_000))) as client:
        for left in ("1", "0"):
            _, headers = await post(client, body("guideline", QUERY))
            assert headers["x-ratelimit-remaining-requests"] == left
            assert headers["x-ratelimit-limit-requests"] == "2"
        answer, headers = await post(client, body("guideline", QUERY), status=429)
    assert answer["error"]["code"] == "rate_limit_exceeded"
    assert 1 <= int(headers["Retry-After"]) <= 30


async def test_a_request_that_a_minutes_tokens_can_never_hold_is_a_400(judge):
    async with TestClient(TestServer(make_app(judge, tokens_per_minute=500))) as client:
        await post(client, body("guideline", QUERY, max_completion_tokens=1_000), status=400)


def test_a_bucket_refills_evenly_and_a_refusal_takes_nothing():
    now = [0.0]
    limits = Limits(60, 6_000, lambda: now[0])
    assert limits.admit(6_000) is None
    refused = limits.admit(600)
    assert refused is not None
    assert (refused.limit, refused.retry_after) == ("tokens", pytest.approx(6.0))
    now[0] = 6.0
    assert limits.admit(600) is None


async def test_the_judges_change_of_ways_shows_in_no_name(client, judge):
    before, _ = await post(client, body("guideline", QUERY))
    judge.become("lenient")
    try:
        after, _ = await post(client, body("guideline", QUERY))
    finally:
        judge.become("usual")
    assert (before["model"], before["system_fingerprint"]) == (after["model"], after["system_fingerprint"])


async def test_the_loop_turns_while_it_judges():
    rows = [{"item": f"p{n}", "title": f"Nike shoe number {n} of a long row"} for n in range(20)]
    gaps: list[float] = []

    async def tick() -> None:
        loop = asyncio.get_running_loop()
        last = loop.time()
        while True:
            await asyncio.sleep(0.005)
            gaps.append(loop.time() - last)
            last = loop.time()

    async with serve(judge=OfflineJudge()) as base_url, ClientSession() as session:
        ticking = asyncio.create_task(tick())
        url = f"{base_url}/chat/completions"
        async with session.post(url, json=body("judgements", [text(QUERY), text(section("PRODUCTS", rows))])) as answer:
            assert len(json.loads((await answer.json())["choices"][0]["message"]["content"])["judgements"]) == 20
        ticking.cancel()
    assert len(gaps) > 5
