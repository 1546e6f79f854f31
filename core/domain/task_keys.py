"""What makes two pieces of work the same: the keys of the inbox and of its groups."""

from __future__ import annotations

import hashlib


def digest(*parts: str) -> str:
    """SHA-256 of the parts, each with its length before it, so that no two lists of parts are read alike."""
    return hashlib.sha256("".join(f"{len(part)}:{part}" for part in parts).encode()).hexdigest()


def relevance_task_key(
    query: tuple[str, str, str],
    listing_id: str,
    content_hash: str,
    judge: str,
    *,
    context: str = "",
    guideline: str = "",
) -> str:
    """One pair as the catalogue tells it now, for one judge (mode, model, prompt versions).

    `query` is application, market and normalised query; `context` its filters in one spelling. `guideline` is the
    version for whose sake a judged pair is judged anew; whoever queues a pair for another reason names none, since the
    guideline in force is found when the task runs.
    """
    special = [f"{name}={value}" for name, value in (("context", context), ("guideline", guideline)) if value]
    return "relevance:" + digest(*query, listing_id, content_hash, judge, *special)


def image_task_key(listing_id: str, image_url: str, judge: str) -> str:
    """One picture of one listing, for one judge (model, prompt version)."""
    return "image:" + digest(listing_id, image_url, judge)


def image_label_task_key(listing_id: str, image_url: str, image_hash: str, judge: str) -> str:
    """One picture that a student has scored, by its very bytes, for the judge to look at."""
    return "image_label:" + digest(listing_id, image_url, image_hash, judge)


def anchor_task_key(anchor_id: str, night: str) -> str:
    """One anchor in one night."""
    return "anchor:" + digest(anchor_id, night)


def shadow_task_key(judge: str, live_event_id: str) -> str:
    """What a candidate is to say beside one live label or score."""
    return "shadow:" + digest(judge, live_event_id)


def query_group(application: str, market: str, query: str, context: str = "") -> str:
    """Pairs of one query (and set of filters) are judged in one call."""
    return digest(application, market, query, *([context] if context else []))[:32]
