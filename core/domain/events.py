"""What goes out: topic names, CloudEvents names, and the JSON body of each outgoing topic.

Topic names are without `ASSAY_TOPIC_PREFIX`, which is added where records are sent. The models are the source
of `docs/schemas/`; readers must ignore fields they don't know, so adding one is no new version of a type.
"""

from __future__ import annotations

from typing import Final, Literal
from uuid import NAMESPACE_DNS, UUID, uuid5

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from core.domain.labels import Label, Mode, SelectionReason

SEARCH_LOG: Final = "search-log"
LISTINGS: Final = "listings"
SEARCH_LOG_REPLAY: Final = "search-log-replay"
LISTINGS_REPLAY: Final = "listings-replay"
RELEVANCE_JUDGEMENTS: Final = "relevance-judgements"
IMAGE_SCORES: Final = "image-scores"
RELEVANCE_ALERTS: Final = "relevance-alerts"
DEAD_LETTERS: Final = "dead-letters"

EVENT_SOURCE: Final = "assay"
"""`ce_source` of every outgoing record."""

RELEVANCE_JUDGEMENT_TYPE: Final = "com.assay.relevance-judgement.v1"
IMAGE_SCORE_TYPE: Final = "com.assay.image-score.v1"
RELEVANCE_ALERT_TYPE: Final = "com.assay.relevance-alert.v1"
DEAD_LETTER_TYPE: Final = "com.assay.dead-letter.v1"

EVENT_NAMESPACE: Final = uuid5(NAMESPACE_DNS, "assay.events")
"""Namespace of event ids; changing it would make every fact look new to those who read us."""

DEAD_LETTER_EVENT_BYTES: Final = 16 * 1024
"""First bytes of an unusable value that its event carries (CONTRACT 2): enough to see what it is."""

DeadLetterReason = Literal[
    "too_large",
    "no_run",
    "not_json",
    "not_an_object",
    "bad_field",
    "no_timestamp",
    "bad_timestamp",
    "no_identity",
    "unknown_kind",
    "no_query_id",
    "no_listing_id",
    "no_title",
]
"""Why a record can't be used, in the order of checking (CONTRACT 2)."""

AlertCause = Literal["judge", "engine", "catalogue", "traffic"]
AlertStatus = Literal["provisional", "final"]


def event_id(content_key: str) -> UUID:
    """The id of a fact's event: the same fact has the same id, however often it is sent."""
    return uuid5(EVENT_NAMESPACE, content_key)


class EventBody(BaseModel):
    """Base of the bodies: immutable, no NaN or infinity (JSON has none), times aware."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


class RelevanceJudgement(EventBody):
    """A label of one product for one query, as the view `relevance_labels` shows it."""

    event_id: UUID
    application: str
    market: str
    query: str = Field(description="the normalised query")
    listing_id: str
    label: Label
    grade: int = Field(ge=0, le=2, description="0 irrelevant, 1 acceptable_substitute, 2 highly_relevant")
    confidence: float = Field(ge=0, le=1)
    reasoning: str
    reason: SelectionReason = Field(description="why the pair was judged")
    mode: Mode = Field(description="what of the picture the judge saw")
    model: str
    prompt_version: str
    guideline_version: str
    content_hash: str = Field(description="hash of the listing as it was judged")
    image_hash: str | None = Field(description="hash of the picture as it was judged, if one was")
    judged_at: AwareDatetime
    judge: str = Field(description="the judge version, name@hash; empty for labels of before there were versions")


class ImageScore(EventBody):
    """A score of one listing's picture, as the view `image_scores` shows it."""

    event_id: UUID
    listing_id: str
    image_url: str
    image_hash: str
    score: int = Field(ge=1, le=10)
    aspects: dict[str, int] = Field(description="score of each aspect, 1 bad to 10 perfect")
    reasoning: str
    tier: Literal["llm", "student"]
    model: str
    prompt_version: str
    judged_at: AwareDatetime
    judge: str = Field(description="the judge version, name@hash; empty for scores of before there were versions")
    flags: tuple[str, ...] = Field(
        (), description="what the judge saw beside the scores, such as ai_made, over_edited; absent from older records"
    )
    spread: float | None = Field(
        None,
        description="the student's own doubt in points of the score; null for a judge's, absent from older records",
    )


class RelevanceAlert(EventBody):
    """Relevance of a segment really drifted, as the view `relevance_alerts` shows it."""

    alert_id: UUID
    segment: dict[str, str] = Field(description="application, market, … of the queries concerned")
    cause: AlertCause
    metric: str
    before: float
    after: float
    detected_at: AwareDatetime
    evidence: dict[str, object]
    status: AlertStatus = Field(description="provisional at once, final when later nights have confirmed the cause")


class DeadLetter(EventBody):
    """A record that could not be used, with its reason and the beginning of its value."""

    run: str | None = Field(description="`live`, a replay's name, or null where it could not be read")
    topic: str
    partition: int = Field(ge=0)
    offset: int = Field(ge=0)
    reason: DeadLetterReason
    detail: str
    payload_base64: str | None = Field(description="the first 16 KiB of the value; null when the record had none")
    payload_size: int = Field(ge=0, description="bytes of the whole value")
    received_at: AwareDatetime


BODIES: Final[dict[str, type[EventBody]]] = {
    RELEVANCE_JUDGEMENTS: RelevanceJudgement,
    IMAGE_SCORES: ImageScore,
    RELEVANCE_ALERTS: RelevanceAlert,
    DEAD_LETTERS: DeadLetter,
}
"""The body of each outgoing topic."""


def schema(topic: str) -> dict[str, object]:
    """The JSON Schema (2020-12) of `topic`'s bodies; KeyError for a topic that is not outgoing."""
    described = BODIES[topic].model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **described}
