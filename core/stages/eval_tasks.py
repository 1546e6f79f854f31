"""Items of a dataset as the judging steps take them: as tasks that no inbox has."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from core.domain.events import event_id
from core.domain.task_keys import query_group
from core.eval_facts import EvalItem, EvalResult, EvalRun, JudgeVersion, Split
from core.ports import Task
from core.stages.purse import Bill


@dataclass(frozen=True, slots=True)
class Asked:
    """One judge asked about one item in a run."""

    run: EvalRun
    judge: JudgeVersion
    item: EvalItem
    task: Task
    bill: Bill

    @property
    def paid_usd(self) -> float:
        """What the run's calls for it have cost so far."""
        return self.bill.usd.get(self.task.task_id, 0.0)

    def failed(self, kind: str, at: datetime) -> EvalResult:
        """No answer, and why."""
        return EvalResult(
            run_id=self.run.run_id,
            judge=self.judge.version,
            item_id=self.item.item_id,
            grade=None,
            confidence=None,
            reasoning="",
            verdicts="",
            aspects={},
            guideline_version="",
            content_key="",
            call_id=None,
            failure=kind,
            reused=False,
            cost_usd=self.paid_usd,
            input_tokens=0.0,
            output_tokens=0.0,
            latency_ms=0,
            judged_at=at,
        )


def asked_of(run: EvalRun, judge: JudgeVersion, item: EvalItem, bill: Bill) -> Asked:
    """With the task that stands for it."""
    return Asked(run, judge, item, task_of_item(run.run_id, judge.version, item), bill)


def cluster_of(item: EvalItem) -> tuple[object, ...]:
    """Items that are judged together: a query in its context, or a listing's pictures."""
    return item.application, item.market, item.language, item.query, item.context


def task_of_item(run_id: UUID, judge: str, item: EvalItem) -> Task:
    """The same item has another task in each run and of each judge, so that a call's story tells whose it is. Its key
    is the item's id. A product that the dataset brings travels in it; else the catalogue is asked."""
    payload: dict[str, object] = {"reason": "request", "language": item.language}
    payload |= {"context": dict(item.context)} if item.context else {}
    if item.listing is not None:
        shown = {"image_urls": [item.image_url]} if item.image_url else {}
        payload["listing"] = {**shown, **item.listing}
    subject = {
        "application": item.application,
        "market": item.market,
        "query": item.query,
        "listing_id": item.listing_id,
        **({"image_url": item.image_url} if item.image_url else {}),
    }
    group = query_group(item.application, item.market, item.query)
    task_id = event_id(f"eval/{run_id}/{judge}/{item.item_id}")
    return Task(task_id, item.item_id, "relevance", "backfill", group, subject, payload, 1)


def chosen(items: Sequence[EvalItem], split: Split | None, limit: int, sample: int) -> list[EvalItem]:
    """The items that a run judges: of the split (None: of both), then the first `limit` of the file, or `sample` of
    queries in an order that is random and always the same; 0: all. Of a sample the last query is there in part."""
    kept = [item for item in items if split is None or item.split == split]
    if sample:
        kept = sorted(kept, key=lambda item: hashlib.sha256(f"{item.market}\0{item.query}".encode()).digest())
    most = sample or limit
    return kept[:most] if most else kept


def chosen_by(run: EvalRun, items: Sequence[EvalItem]) -> list[EvalItem]:
    """Those of a run that was begun before."""
    return chosen(items, run.split, run.limit, run.sample)
