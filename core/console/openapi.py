"""The OpenAPI 3.1 document of the HTTP interface; a test checks answers against it."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version

Schema = Mapping[str, object]

_TEXT: Schema = {"type": "string"}
_TIME: Schema = {"type": "string", "format": "date-time"}
_UUID: Schema = {"type": "string", "format": "uuid"}

_LABEL: dict[str, Schema] = {
    "application": _TEXT,
    "market": _TEXT,
    "query": {"type": "string", "description": "the normalised query"},
    "listing_id": _TEXT,
    "label": {"enum": ["irrelevant", "acceptable_substitute", "highly_relevant"]},
    "grade": {"type": "integer", "minimum": 0, "maximum": 2},
    "confidence": {"type": "number", "minimum": 0, "maximum": 1},
    "reasoning": _TEXT,
    "reason": {"enum": ["panel", "friction", "volume", "request"], "description": "why it was judged"},
    "mode": {"enum": ["text", "text_and_description", "multimodal"]},
    "model": _TEXT,
    "prompt_version": _TEXT,
    "guideline_version": _TEXT,
    "content_hash": {"type": "string", "description": "the listing's content as it was judged"},
    "image_hash": {"type": ["string", "null"]},
    "judged_at": _TIME,
    "event_id": _UUID,
}

_SCORE: dict[str, Schema] = {
    "listing_id": _TEXT,
    "image_url": _TEXT,
    "image_hash": _TEXT,
    "score": {"type": "integer", "minimum": 1, "maximum": 10},
    "aspects": {"type": "object", "additionalProperties": {"type": "integer", "minimum": 1, "maximum": 10}},
    "reasoning": _TEXT,
    "tier": {"enum": ["llm", "student"]},
    "model": _TEXT,
    "prompt_version": _TEXT,
    "judged_at": _TIME,
    "event_id": _UUID,
    "flags": {"type": "array", "items": _TEXT, "description": "what the judge saw, such as ai_made or over_edited"},
    "spread": {
        "type": ["number", "null"],
        "minimum": 0,
        "description": "the student's doubt in points; null: a judge's",
    },
}

_POINTS: Schema = {"type": ["integer", "null"], "minimum": 1, "maximum": 10}

_LISTING_SCORE: dict[str, Schema] = {
    "score": {
        "type": ["number", "null"],
        "minimum": 1,
        "maximum": 10,
        "description": "0.7 of the main picture's and 0.3 of the others' mean; null until the main one is scored",
    },
    "primary_score": {**_POINTS, "description": "of the main picture, which the listing shows first"},
    "pictures": {"type": "integer", "minimum": 1, "description": "that the listing shows now"},
    "scored": {"type": "integer", "minimum": 0, "description": "of those, how many have a score"},
    "worst_score": {**_POINTS, "description": "the least score of its pictures"},
    "tier": {"enum": ["llm", "student", "mixed", None], "description": "who gave the scores; null: none yet"},
    "judged_at": {"type": ["string", "null"], "format": "date-time", "description": "of the newest of them"},
}


def document() -> dict[str, object]:
    """The whole document, ready for JSON."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Assay", "version": version("assay"), "description": "Relevance labels and picture scores."},
        "paths": {
            "/v1/relevance": _get(
                "The newest label of each listing for a query, at most 1,000, by listing id",
                [
                    _parameter("query", "the shopper's query; normalised (NFKC, case folded, spaces collapsed)"),
                    _parameter("market", "the market"),
                    _parameter("application", "the application; all when left out", required=False),
                ],
                "Labels",
            ),
            "/v1/image-scores": _get(
                "The newest score of each picture of a listing, and the listing's score of those that it shows now",
                [_parameter("listing_id", "the listing")],
                "ImageScores",
            ),
            "/livez": _probe("Whether the process's own loops turn"),
            "/readyz": _probe("Whether the process holds what it was assigned and PostgreSQL answers"),
            "/metrics": {"get": {"summary": "Prometheus metrics", "responses": {"200": {"description": "text"}}}},
        },
        "security": [{"token": []}, {}],
        "components": {
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "one of ASSAY_CONSOLE_TOKENS; none where nobody signs in or a proxy says who asks",
                }
            },
            "schemas": {
                "Label": _object(_LABEL),
                "ImageScore": _object(_SCORE),
                "Labels": _object({"query": _TEXT, "market": _TEXT, "labels": _list("Label")}),
                "ListingImageScore": _object(_LISTING_SCORE),
                "ImageScores": _object(
                    {"listing_id": _TEXT, "scores": _list("ImageScore"), "listing": _or_null("ListingImageScore")}
                ),
                "Error": _object({"error": {"type": "string", "description": "one line, for a person"}}),
            },
        },
    }


def _object(properties: Mapping[str, Schema]) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _list(name: str) -> Schema:
    return {"type": "array", "items": _reference(name)}


def _or_null(name: str) -> Schema:
    return {
        "oneOf": [_reference(name), {"type": "null"}],
        "description": "null for a listing that is not known or shows no picture",
    }


def _reference(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _parameter(name: str, description: str, *, required: bool = True) -> Schema:
    return {"name": name, "in": "query", "required": required, "description": description, "schema": _TEXT}


def _get(summary: str, parameters: list[Schema], answer: str) -> Schema:
    responses = {
        "200": _response("found; an empty list when nothing is known", answer),
        "400": _response("a parameter is missing", "Error"),
        "401": _response("sign in: Authorization: Bearer with a token", "Error"),
        "403": _response("signed in, and no role allows it", "Error"),
        "429": _response("too many wrong tokens; Retry-After says how long to wait", "Error"),
        "503": _response("PostgreSQL does not answer; try again later", "Error"),
    }
    return {"get": {"summary": summary, "parameters": parameters, "responses": responses}}


def _probe(summary: str) -> Schema:
    return {"get": {"summary": summary, "responses": {"200": {"description": "yes"}, "503": {"description": "no"}}}}


def _response(description: str, name: str) -> Schema:
    return {"description": description, "content": {"application/json": {"schema": _reference(name)}}}
