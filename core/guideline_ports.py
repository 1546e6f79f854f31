"""Guidelines as they are kept, edited and followed: the ports of their store, and what crosses them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from core.domain.access import AuditEntry
from core.domain.guidelines import BadEdit, GuidelineKey, checked_author, checked_comment, context_text
from core.domain.judging import GuidelineReply
from core.domain.task_keys import query_group, relevance_task_key
from core.errors import AssayError
from core.ports import Clock, NewTask, StoredGuideline


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
    deed: AuditEntry | None = None
    """Kept in the edit's own transaction, with the revision it made; None: it is none of the console's."""


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

    async def renew(self, name: str, seconds: float) -> None:
        """The caller is still at it, and for so many seconds more."""
        ...

    async def release(self, name: str) -> None:
        """It is made, or given up."""
        ...


class JudgeNames(NamedTuple):
    """The judge of now as guidelines know it: what the keys of its tasks hold, and the version of its prompt."""

    identity: str
    guideline_prompt: str


@dataclass(frozen=True, slots=True)
class Desk:
    """Where people work on guidelines. `live` tells the judge of the processes that judge, at any time."""

    store: GuidelineStore
    clock: Clock
    live: Callable[[], JudgeNames]

    @property
    def judge(self) -> str:
        """Whose labels an edit has given anew."""
        return self.live().identity

    @property
    def prompt_version(self) -> str:
        """The guideline prompt in force."""
        return self.live().guideline_prompt

    async def history(self, key: GuidelineKey) -> Sequence[GuidelineVersion]:
        """All versions, newest first."""
        return await self.store.history(key, self.prompt_version)

    async def save(
        self,
        key: GuidelineKey,
        body: GuidelineReply,
        author: str,
        comment: str,
        revision: int | None = None,
        deed: AuditEntry | None = None,
    ) -> Edited:
        """A person's version. `revision` is the newest that the person saw, 0 where there was none (None: whatever is
        the newest). GuidelineChanged; BadEdit where it says what is in force already, or no name is given."""
        versions = await self.history(key)
        seen = next((each for each in versions if each.in_force), versions[0] if versions else None)
        if seen is not None and seen.in_force and seen.stored.body == body:
            raise BadEdit("nothing was changed")
        newest = versions[0].revision if versions else 0
        told = (seen.stored.version, seen.stored.model) if seen else ("", "")
        origin = (newest if revision is None else revision, *told)
        return await self._edit(key, body, (checked_author(author), checked_comment(comment)), origin, deed)

    async def restore(
        self,
        key: GuidelineKey,
        version: str,
        author: str,
        comment: str,
        revision: int | None = None,
        deed: AuditEntry | None = None,
    ) -> Edited:
        """What an earlier version says, in force again as a version of its own: its text is judged by anew. `revision`
        as with `save`. BadEdit where there is no such version; GuidelineChanged."""
        versions = await self.history(key)
        found = next((each for each in versions if each.stored.version == version), None)
        if found is None:
            raise BadEdit(f"there is no version {version}")
        if found.in_force:
            raise BadEdit(f"version {version} is in force already")
        newest = versions[0].revision if revision is None else revision
        why = checked_comment(comment) or f"restores {version}"
        origin = (newest, version, found.stored.model)
        return await self._edit(key, found.stored.body, (checked_author(author), why), origin, deed)

    async def _edit(
        self,
        key: GuidelineKey,
        body: GuidelineReply,
        told: tuple[str, str],
        origin: tuple[int, str, str],
        deed: AuditEntry | None,
    ) -> Edited:
        (author, comment), (revision, based_on, model) = told, origin
        edit = GuidelineEdit(key, body, author, comment, revision, based_on, self.prompt_version, model, deed)
        return await self.store.edit(edit, self.judge, self.clock.now())


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
