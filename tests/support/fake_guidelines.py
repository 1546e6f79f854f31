"""Guidelines and claims in memory. The contract suite runs on these and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from core.domain.guidelines import GuidelineKey, edited_version
from core.guideline_ports import (
    Edited,
    GuidelineChanged,
    GuidelineEdit,
    GuidelineVersion,
    KnownPair,
    rejudging,
)
from core.ports import LabelFact, NewTask, StoredGuideline
from tests.support.fakes import InMemoryCatalogue, InMemoryInbox, InMemoryJudgements


@dataclass
class Kept:
    """A version as it is kept."""

    stored: StoredGuideline
    created_at: datetime
    comment: str = ""
    based_on: str = ""


@dataclass
class InMemoryGuidelines:
    """`GuidelineStore` over the inbox it fills, and the labels and listings it looks at."""

    inbox: InMemoryInbox
    judgements: InMemoryJudgements
    catalogue: InMemoryCatalogue
    kept: dict[GuidelineKey, list[Kept]] = field(default_factory=dict)

    async def guideline(self, key: GuidelineKey, prompt_version: str) -> StoredGuideline | None:
        newest = [each.stored for each in reversed(self.kept.get(key, []))]
        edits = [stored for stored in newest if stored.author != "model"]
        return next(iter(edits + [stored for stored in newest if stored.prompt_version == prompt_version]), None)

    async def save_guideline(self, key: GuidelineKey, guideline: StoredGuideline, at: datetime) -> StoredGuideline:
        kept = self.kept.setdefault(key, [])
        if not any(_same(each.stored, guideline) for each in kept):
            kept.append(Kept(guideline, at))
        return await self.guideline(key, guideline.prompt_version) or guideline

    async def history(self, key: GuidelineKey, prompt_version: str) -> Sequence[GuidelineVersion]:
        standing = await self.guideline(key, prompt_version)
        return [
            GuidelineVersion(
                each.stored,
                revision,
                each.created_at,
                each.comment,
                each.based_on,
                sum(fact.guideline_version == each.stored.version for fact in self._facts(key)),
                standing == each.stored,
            )
            for revision, each in reversed(list(enumerate(self.kept.get(key, []), 1)))
        ]

    async def keys(self, market: str, query: str) -> Sequence[GuidelineKey]:
        found = [key for key in self.kept if (key.market, key.query) == (market, query)]
        return sorted(found, key=lambda key: (key.context_text, key.language))

    async def edit(self, edit: GuidelineEdit, judge: str, at: datetime) -> Edited:
        kept = self.kept.setdefault(edit.key, [])
        if len(kept) != edit.revision:
            raise GuidelineChanged(f"revision {len(kept)} by {kept[-1].stored.author} was written since")
        version = edited_version(edit.key, edit.body, len(kept) + 1)
        stored = StoredGuideline(version, edit.prompt_version, edit.model, edit.author, edit.body)
        kept.append(Kept(stored, at, edit.comment, edit.based_on))
        pairs = self._pairs(edit.key)
        known = [pair for pair in pairs if pair is not None]
        queued = await self.inbox.add([rejudging(pair, edit.key, version, judge) for pair in known])
        return Edited(version, len(kept), queued, len(pairs) - len(known))

    def _facts(self, key: GuidelineKey) -> list[LabelFact]:
        return [fact for fact in self.judgements.facts.values() if (fact.market, fact.query) == (key.market, key.query)]

    def _pairs(self, key: GuidelineKey) -> list[KnownPair | None]:
        versions = {each.stored.version for each in self.kept[key]}
        judged = {
            (fact.application, fact.listing_id) for fact in self._facts(key) if fact.guideline_version in versions
        }
        running = {
            (task.subject["application"], task.subject["listing_id"])
            for task in self._tasks(key)
            if self.inbox.rows[task.task_key].state == "running"
        }
        return [self._pair(key, *each) for each in sorted(judged | running)]

    def _pair(self, key: GuidelineKey, application: str, listing_id: str) -> KnownPair | None:
        listing = self.catalogue.known.get(listing_id)
        if listing:
            return KnownPair(application, listing_id, listing.content_hash, None)
        subject = (application, listing_id)
        brought = [
            task.payload["listing"]
            for task in self._tasks(key)
            if (task.subject["application"], task.subject["listing_id"]) == subject and "listing" in task.payload
        ]
        told = brought[-1] if brought else None
        return KnownPair(application, listing_id, "", told) if isinstance(told, dict) else None

    def _tasks(self, key: GuidelineKey) -> list[NewTask]:
        tasks = [row.new for row in self.inbox.rows.values() if row.new.kind == "relevance"]
        asked = (key.market, key.query, key.language, dict(key.context))
        return [
            task
            for task in tasks
            if asked
            == (
                task.subject["market"],
                task.subject["query"],
                task.payload.get("language", ""),
                task.payload.get("context", {}),
            )
        ]


@dataclass
class InMemoryClaims:
    """`Claims` that end only when released."""

    held: set[str] = field(default_factory=set)

    async def claim(self, name: str, seconds: float) -> bool:
        if name in self.held:
            return False
        self.held.add(name)
        return True

    async def renew(self, name: str, seconds: float) -> None:
        return None

    async def release(self, name: str) -> None:
        self.held.discard(name)


def _same(one: StoredGuideline, other: StoredGuideline) -> bool:
    by_models = one.author == other.author == "model"
    same_prompt = (one.prompt_version, one.model) == (other.prompt_version, other.model)
    return one.version == other.version or (by_models and same_prompt)
