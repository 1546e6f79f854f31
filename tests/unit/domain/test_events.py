"""Outgoing events: their bodies meet the published schemas, their keys and ids are the facts' own."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid5

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from cli.schemas import schema_files
from core.domain.effects import DeadLetter
from core.domain.events import (
    BODIES,
    DEAD_LETTER_EVENT_BYTES,
    EVENT_NAMESPACE,
    IMAGE_SCORES,
    ImageScore,
    RelevanceAlert,
    event_id,
    schema,
)
from core.domain.labels import Label
from core.ports import OutgoingEvent
from core.stages.events import alert_event, dead_letter_event, image_score_event, relevance_event
from tests.contract.facts import label, score

SCHEMAS = Path(__file__).parents[3] / "docs" / "schemas"
AT = datetime(2025, 3, 3, 12, 0, 0, 5000, tzinfo=UTC)


def body_of(event: OutgoingEvent) -> dict[str, object]:
    """The body, checked against the schema of its topic, formats too."""
    body = json.loads(event.body)
    jsonschema.validate(body, schema(event.topic), format_checker=jsonschema.FormatChecker())
    return body


def alert(**changes: object) -> RelevanceAlert:
    fields: dict[str, object] = {
        "alert_id": UUID(int=1),
        "segment": {"market": "de", "application": "shop"},
        "cause": "engine",
        "metric": "mean_gain",
        "before": 0.71,
        "after": 0.64,
        "detected_at": AT,
        "evidence": {"t": -4.2, "queries": ["sofa"]},
        "status": "provisional",
    }
    return RelevanceAlert.model_validate(fields | changes)


def dead(payload: bytes | None, offset: int = 7, reason: str = "not_json") -> OutgoingEvent:
    size = len(payload or b"")
    return dead_letter_event(DeadLetter("live", "search-log", 3, offset, reason, "line 1", payload, size), AT)


# --- Schemas ---------------------------------------------------------------------------------------------


def test_the_documented_schemas_are_those_of_the_models() -> None:
    assert {path.name: path.read_text(encoding="utf-8") for path in SCHEMAS.iterdir()} == schema_files()


@pytest.mark.parametrize("topic", BODIES)
def test_a_schema_is_valid_and_demands_every_field_that_all_records_have(topic: str) -> None:
    """A reader that checks what the topic kept from before a field came does not fail over it."""
    made = schema(topic)
    jsonschema.Draft202012Validator.check_schema(made)
    later = {"flags", "spread"} if topic == IMAGE_SCORES else set()
    assert set(made["properties"]) - set(made["required"]) == later


def test_a_picture_s_score_says_its_flags_and_spread_also_where_there_are_none() -> None:
    said = body_of(image_score_event(score("a")))
    assert (said["flags"], said["spread"]) == ([], None)


def test_a_picture_s_score_of_before_there_were_flags_meets_the_schema() -> None:
    told = body_of(image_score_event(score("a")))
    older = {name: value for name, value in told.items() if name not in {"flags", "spread"}}
    jsonschema.validate(older, schema(IMAGE_SCORES))
    assert ImageScore.model_validate(older).flags == ()


# --- Ids and keys ----------------------------------------------------------------------------------------


def test_an_events_id_is_the_uuid5_of_its_content_key() -> None:
    assert event_id("a") == uuid5(EVENT_NAMESPACE, "a")
    assert event_id("a").version == 5


def test_the_namespace_of_ids_never_changes() -> None:
    assert str(EVENT_NAMESPACE) == "07c81172-5792-570d-a89d-155c6292ee79"


def test_a_dead_letter_has_one_id_a_place_whatever_is_found_there() -> None:
    assert dead(b"x").event_id == dead(b"y").event_id == uuid5(EVENT_NAMESPACE, "search-log/3/7")
    assert dead(b"x").event_id != dead(b"x", offset=8).event_id


def test_a_provisional_and_a_final_alert_are_two_facts() -> None:
    events = [alert_event(alert()), alert_event(alert(status="final")), alert_event(alert())]
    assert events[0].event_id == events[2].event_id != events[1].event_id


def test_each_event_is_keyed_by_what_must_stay_in_order() -> None:
    assert relevance_event(label("a")).key == "shop/de/blaues sofa"
    assert image_score_event(score("a")).key == "L1"
    assert alert_event(alert()).key == "application=shop/market=de"
    assert dead(b"").key == "search-log/3"


def test_each_event_goes_to_its_topic_under_its_type_and_time() -> None:
    made = [relevance_event(label("a", judged_at=AT)), image_score_event(score("a", judged_at=AT))]
    made += [alert_event(alert()), dead(b"")]
    assert [(event.topic, event.type) for event in made] == [
        ("relevance-judgements", "com.assay.relevance-judgement.v1"),
        ("image-scores", "com.assay.image-score.v1"),
        ("relevance-alerts", "com.assay.relevance-alert.v1"),
        ("dead-letters", "com.assay.dead-letter.v1"),
    ]
    assert {event.time for event in made} == {AT}


# --- Bodies ----------------------------------------------------------------------------------------------


@given(st.sampled_from(Label), st.text(), st.floats(0, 1), st.none() | st.text())
def test_a_labels_body_says_what_its_row_says(given_label: Label, text: str, sure: float, image: str | None) -> None:
    fact = label("a", label=given_label, reasoning=text, query=text, confidence=sure, image_hash=image, judged_at=AT)
    body = body_of(relevance_event(fact))
    assert body["label"] == given_label.value
    assert body["grade"] == given_label.grade
    assert (body["reasoning"], body["query"], body["confidence"]) == (text, text, sure)
    assert body["image_hash"] == image
    assert body["event_id"] == str(fact.event_id)
    assert datetime.fromisoformat(str(body["judged_at"])) == AT


def test_a_scores_body_says_what_its_row_says() -> None:
    body = body_of(image_score_event(score("a", tier="student", call_id=None)))
    assert (body["score"], body["tier"], body["aspects"]) == (8, "student", {"focus": 9, "lighting": 7})


def test_an_alerts_body_says_what_its_row_says() -> None:
    body = body_of(alert_event(alert()))
    assert (body["cause"], body["before"], body["after"], body["status"]) == ("engine", 0.71, 0.64, "provisional")
    assert body["evidence"] == {"t": -4.2, "queries": ["sofa"]}


@given(st.none() | st.binary(max_size=40))
def test_a_dead_letters_body_holds_the_value_as_it_was(payload: bytes | None) -> None:
    body = body_of(dead(payload))
    encoded = body["payload_base64"]
    assert (None if encoded is None else base64.b64decode(str(encoded))) == payload
    assert body["payload_size"] == len(payload or b"")


def test_a_dead_letters_body_holds_the_first_16_kib_of_a_large_value() -> None:
    payload = bytes(range(256)) * 100
    body = body_of(dead(payload))
    assert base64.b64decode(str(body["payload_base64"])) == payload[:DEAD_LETTER_EVENT_BYTES]
    assert body["payload_size"] == len(payload) > DEAD_LETTER_EVENT_BYTES == 16_384


@pytest.mark.parametrize("wrong", [{"before": float("nan")}, {"detected_at": datetime(2025, 1, 1)}, {"cause": "moon"}])
def test_a_body_that_would_break_its_schema_is_never_made(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        alert(**wrong)


def test_a_dead_letter_with_an_unknown_reason_is_never_made() -> None:
    with pytest.raises(ValidationError):
        dead(b"x", reason="ugly")
