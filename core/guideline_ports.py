"""Guidelines as they are kept, edited and followed: the ports of their store, and what crosses them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from core.domain.guidelines import GuidelineKey, context_text
from core.domain.judging import GuidelineReply
from core.domain.task_keys import query_group, relevance_task_key
from core.errors import AssayError
from core.ports import NewTask, StoredGuideline


class GuidelineChanged(AssayError):
    """Somebody (or the model) wrote another version since: look at it and decide again. Nothing was stored."""


@dataclass(frozen=True, slots=True)
class GuidelineVersion:
    """One version in a guideline's history. `revision` counts up from 1; `in_force` is what labels are made by."""

    stored: StoredGuideline
    revision: int
    created_at: datetime
    comment: str
    based_on: str
    """The version that an edit began with; empty for what a model wrote."""
    labels: int
    """Labels given under this version so far."""
    in_force: bool


@dataclass(frozen=True, slots=True)
class GuidelineEdit:
    """A person's version. `revision` is the newest one that the person saw, 0 where there was none."""

    key: GuidelineKey
    body: GuidelineReply
    author: str
    comment: str
    revision: int
    based_on: str
    prompt_version: str
    """The guideline prompt in force at the edit: a later one does not undo it, and is shown beside it."""
    model: str


@dataclass(frozen=True, slots=True)
class Edited:
    """What an edit did: its version, how many pairs it had judged anew, how many it could not (no catalogue entry)."""

    version: str
    revision: int
    queued: int
    gone: int


@dataclass(frozen=True, slots=True)
class KnownPair:
    """A product that was judged for the query, and as what it is known: the catalogue's, or one that a task brought."""

    application: str
    listing_id: str
    content_hash: str
    listing: Mapping[str, object] | None


class GuidelineStore(Protocol):
    """Guidelines with their whole history."""

    async def guideline(self, key: GuidelineKey, prompt_version: str) -> StoredGuideline | None:
        """The one in force: a person's newest, else the newest a model wrote under `prompt_version`."""
        ...

    async def save_guideline(self, key: GuidelineKey, guideline: StoredGuideline, at: datetime) -> StoredGuideline:
        """Store a model's; returns the one that stands (another replica, or a person, may have been first)."""
        ...

    async def history(self, key: GuidelineKey, prompt_version: str) -> Sequence[GuidelineVersion]:
        """All versions, newest first."""
        ...

    async def keys(self, market: str, query: str) -> Sequence[GuidelineKey]:
        """The contexts in which the query has a guideline, the plainest first."""
        ...

    async def edit(self, edit: GuidelineEdit, judge: str, at: datetime) -> Edited:
        """Store a person's version and queue the query's known results anew, in one transaction; GuidelineChanged where
        a newer revision than `edit.revision` is there. `judge` names the judge whose labels these are."""
        ...


class Claims(Protocol):
    """Who makes what: a thing that every replica needs, and one of them pays for."""

    async def claim(self, name: str, seconds: float) -> bool:
        """Whether the caller is to make it; nobody else is for so many seconds, or until it is released."""
        ...

    async def release(self, name: str) -> None:
        """It is made, or given up."""
        ...


def rejudging(pair: KnownPair, key: GuidelineKey, version: str, judge: str) -> NewTask:
    """The task that judges a pair anew under a guideline's new version."""
    query, context = (pair.application, key.market, key.query), context_text(key.context)
    payload: dict[str, object] = {"reason": "request", "language": key.language}
    payload |= {"context": dict(key.context)} if key.context else {}
    payload |= {"listing": dict(pair.listing)} if pair.listing is not None else {}
    return NewTask(
        relevance_task_key(query, pair.listing_id, pair.content_hash, judge, context=context, guideline=version),
        "relevance",
        "live",
        query_group(*query, context),
        {"application": pair.application, "market": key.market, "query": key.query, "listing_id": pair.listing_id},
        payload,
    )
