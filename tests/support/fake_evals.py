"""Evaluation's stores in memory. The contract suite runs on these and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from core.domain.evaluation.anchor_texts import AnchorText
from core.eval_facts import Dataset, EvalItem
from core.eval_ports import LEAST_PREFIX


@dataclass
class InMemoryDatasets:
    """`DatasetStore`."""

    kept: list[tuple[Dataset, tuple[EvalItem, ...]]] = field(default_factory=list)

    async def save(self, dataset: Dataset, items: Sequence[EvalItem]) -> bool:
        if any(known.ref == dataset.ref for known, _ in self.kept):
            return False
        self.kept.append((dataset, tuple(items)))
        return True

    async def find(self, ref: str) -> Dataset | None:
        name, _, version = ref.partition("@")
        newest = await self.all()
        named = [known for known in newest if known.name == name and known.version.startswith(version)]
        if not named and "@" not in ref and len(ref) >= LEAST_PREFIX:
            named = [known for known in newest if known.version.startswith(ref)]
        return next(iter(named), None)

    async def all(self) -> Sequence[Dataset]:
        return sorted((known for known, _ in reversed(self.kept)), key=lambda known: known.made_at, reverse=True)

    async def items(self, dataset: Dataset) -> Sequence[EvalItem]:
        return next((items for known, items in self.kept if known.ref == dataset.ref), ())

    async def anchor_texts(self) -> Sequence[AnchorText]:
        found = {
            AnchorText(item.query, str((item.listing or {}).get("title") or ""), item.listing_id)
            for known, items in self.kept
            if known.anchors and known.kind == "relevance"
            for item in items
        }
        return sorted(found, key=lambda each: (each.query, each.title, each.listing_id))
