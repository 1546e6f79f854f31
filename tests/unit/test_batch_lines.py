"""Lines of a batch's files: what is sent is what a live call sends, and whatever comes back is read or left out."""

from __future__ import annotations

import json
from dataclasses import replace
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.adapters.llm_batch_lines import body, key_of, line, read, result
from core.domain.sampling import Sampling
from core.errors import LlmImpossible, LlmInvalid, LlmRefused, LlmTruncated
from core.ports import PicturePart
from tests.support.batch_lane import request, said

CALL = uuid4()


def answered(status: int, content: object) -> bytes:
    return json.dumps({"custom_id": str(CALL), "response": {"status_code": status, "body": content}}).encode()


def test_the_same_call_has_the_same_key_and_another_one_another() -> None:
    asked = request("a")
    assert key_of(body(asked)) == key_of(body(request("a")))
    for changed in (
        request("b"),
        replace(asked, model="other"),
        replace(asked, seed=1),
        replace(asked, max_output_tokens=501),
        replace(asked, system="Other rules."),
        replace(asked, schema={"type": "object"}),
        replace(asked, user=(*asked.user, PicturePart(b"jpeg", 1, 1))),
    ):
        assert key_of(body(changed)) != key_of(body(asked))


def test_who_asks_and_why_does_not_change_the_key() -> None:
    other = request("a", (uuid4(),), lane="panel", subject={"query": "other"})
    assert key_of(body(other)) == key_of(body(request("a")))


def test_the_schema_keeps_its_order_since_models_answer_in_it() -> None:
    told = json.loads(body(request("a")))
    properties = told["response_format"]["json_schema"]["schema"]["properties"]
    assert list(properties) == ["reasoning", "label"]
    assert (told["temperature"], told["max_completion_tokens"]) == (0.0, 500)


def test_an_endpoint_that_knows_only_the_old_names_is_told_by_them() -> None:
    told = json.loads(body(request("a"), None, newer=False))
    assert told["max_tokens"] == 500
    assert "temperature" not in told


def test_a_judge_s_own_parameters_go_with_its_call() -> None:
    told = json.loads(body(replace(request("a"), sampling=Sampling(0.7, "low"))))
    assert (told["temperature"], told["reasoning_effort"]) == (0.7, "low")


def test_a_line_carries_the_call_as_it_would_go_over_the_wire() -> None:
    sent = line(CALL, body(request("a")))
    assert sent.endswith(b"\n")
    assert sent.count(b"\n") == 1
    told = json.loads(sent)
    assert (told["custom_id"], told["method"], told["url"]) == (str(CALL), "POST", "/v1/chat/completions")
    assert told["body"] == json.loads(body(request("a")))


def test_an_answer_is_read() -> None:
    found = result(answered(200, said({"model": "m", "messages": [{"content": "x"}]})))
    assert found is not None
    assert (found.call_id, found.usable, found.http_status) == (CALL, True, 200)
    completion, wrong = read(found.http_status, found.answer)
    assert wrong is None
    assert completion is not None
    assert completion.choices[0].message.content == '{"of": "x"}'


@pytest.mark.parametrize("status", [408, 429, 401, 500, 503])
def test_trouble_that_is_not_the_requests_own_is_for_the_live_lane(status: int) -> None:
    found = result(answered(status, {"error": {"message": "try later", "code": "busy"}}))
    assert found is not None
    assert not found.usable
    assert "try later" in found.why


def test_a_call_that_the_batch_had_no_time_for_is_for_the_live_lane() -> None:
    row = {"custom_id": str(CALL), "response": None, "error": {"code": "batch_expired", "message": "too late"}}
    found = result(json.dumps(row).encode())
    assert found is not None
    assert (found.usable, found.http_status, found.why) == (False, None, "batch_expired too late")


@pytest.mark.parametrize(
    ("finish", "refusal", "content", "error"),
    [
        ("length", None, "{", LlmTruncated),
        ("content_filter", None, "", LlmRefused),
        ("stop", "I can't", None, LlmRefused),
        ("stop", None, "", LlmInvalid),
    ],
)
def test_an_answer_that_is_none_says_why(
    finish: str, refusal: str | None, content: str | None, error: type[Exception]
) -> None:
    choice = {"message": {"content": content, "refusal": refusal}, "finish_reason": finish}
    _, wrong = read(200, json.dumps({"choices": [choice]}))
    assert isinstance(wrong, error)


def test_a_refused_request_says_why() -> None:
    _, wrong = read(400, '{"error": {"message": "too long", "code": "context_length_exceeded"}}')
    assert isinstance(wrong, LlmImpossible)
    assert "too long" in str(wrong)
    _, filtered = read(400, '{"error": {"message": "no", "code": "content_filter"}}')
    assert isinstance(filtered, LlmRefused)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_noise_in_a_file_is_no_result(noise: bytes) -> None:
    assert result(noise) is None


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.dictionaries(st.text(), inner) | st.lists(inner)
    )
)
def test_any_json_is_a_result_of_ours_or_none(value: object) -> None:
    found = result(json.dumps({"custom_id": str(CALL), "response": value}).encode())
    assert found is None or found.call_id == CALL
