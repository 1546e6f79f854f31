"""Facts to outgoing events: the one place where a body, its key and its id are put together."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime

from core.domain import effects
from core.domain.events import (
    DEAD_LETTER_EVENT_BYTES,
    DEAD_LETTER_TYPE,
    DEAD_LETTERS,
    IMAGE_SCORE_TYPE,
    IMAGE_SCORES,
    RELEVANCE_ALERT_TYPE,
    RELEVANCE_ALERTS,
    RELEVANCE_JUDGEMENT_TYPE,
    RELEVANCE_JUDGEMENTS,
    DeadLetter,
    EventBody,
    ImageScore,
    RelevanceAlert,
    RelevanceJudgement,
    event_id,
)
from core.ports import ImageScoreFact, LabelFact, OutgoingEvent


def relevance_event(fact: LabelFact) -> OutgoingEvent:
    """The event of a label, keyed `application/market/query`: a query's labels stay in order."""
    body = RelevanceJudgement(
        event_id=fact.event_id,
        application=fact.application,
        market=fact.market,
        query=fact.query,
        listing_id=fact.listing_id,
        label=fact.label,
        grade=fact.label.grade,
        confidence=fact.confidence,
        reasoning=fact.reasoning,
        reason=fact.reason,
        mode=fact.mode,
        model=fact.model,
        prompt_version=fact.prompt_version,
        guideline_version=fact.guideline_version,
        content_hash=fact.content_hash,
        image_hash=fact.image_hash,
        judged_at=fact.judged_at,
        judge=fact.judge,
    )
    return OutgoingEvent(
        event_id=fact.event_id,
        topic=RELEVANCE_JUDGEMENTS,
        key=f"{fact.application}/{fact.market}/{fact.query}",
        type=RELEVANCE_JUDGEMENT_TYPE,
        time=fact.judged_at,
        body=_json(body),
    )


def image_score_event(fact: ImageScoreFact) -> OutgoingEvent:
    """The event of a picture's score, keyed by its listing."""
    body = ImageScore(
        event_id=fact.event_id,
        listing_id=fact.listing_id,
        image_url=fact.image_url,
        image_hash=fact.image_hash,
        score=fact.score,
        aspects=dict(fact.aspects),
        reasoning=fact.reasoning,
        tier=fact.tier,
        model=fact.model,
        prompt_version=fact.prompt_version,
        judged_at=fact.judged_at,
        judge=fact.judge,
        flags=fact.flags,
        spread=fact.spread,
    )
    return OutgoingEvent(
        event_id=fact.event_id,
        topic=IMAGE_SCORES,
        key=fact.listing_id,
        type=IMAGE_SCORE_TYPE,
        time=fact.judged_at,
        body=_json(body),
    )


def alert_event(alert: RelevanceAlert) -> OutgoingEvent:
    """The event of an alert, keyed by its segment. Provisional and final are two facts, so two ids."""
    return OutgoingEvent(
        event_id=event_id(f"alert/{alert.alert_id}/{alert.status}"),
        topic=RELEVANCE_ALERTS,
        key=_segment_key(alert.segment),
        type=RELEVANCE_ALERT_TYPE,
        time=alert.detected_at,
        body=_json(alert),
    )


def dead_letter_event(letter: effects.DeadLetter, received_at: datetime) -> OutgoingEvent:
    """The event of an unusable record, keyed by where it stood, with the beginning of its value."""
    body = DeadLetter(
        run=letter.run,
        topic=letter.topic,
        partition=letter.partition,
        offset=letter.offset,
        reason=letter.reason,
        detail=letter.detail,
        payload_base64=None if letter.payload is None else _base64(letter.payload[:DEAD_LETTER_EVENT_BYTES]),
        payload_size=letter.size,
        received_at=received_at,
    )
    return OutgoingEvent(
        event_id=event_id(f"{letter.topic}/{letter.partition}/{letter.offset}"),
        topic=DEAD_LETTERS,
        key=f"{letter.topic}/{letter.partition}",
        type=DEAD_LETTER_TYPE,
        time=received_at,
        body=_json(body),
    )


def _base64(value: bytes) -> str:
    return b64encode(value).decode("ascii")


def _json(body: EventBody) -> bytes:
    return body.model_dump_json().encode()


def _segment_key(segment: Mapping[str, str]) -> str:
    return "/".join(f"{name}={segment[name]}" for name in sorted(segment))
