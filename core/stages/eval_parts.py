"""What a run of evaluation needs of the world."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.domain.images.verdict import Thresholds
from core.eval_ports import RunStore
from core.guideline_ports import Claims, GuidelineStore
from core.mode_ports import ModeStore
from core.ports import Catalogue, Clock, JudgementStore, Llm, PictureSource, Task
from core.prompts import load_prompt
from core.stages.judge_items import ItemSource, Outcome
from core.stages.patience import Patience


@dataclass(frozen=True, slots=True)
class EvalPorts:
    """What a run needs. `llm` is the lane; `at_once` queries are kept under way. `thresholds` and `seller` (the setting
    `listing_seller_attribute`) are those that live pictures are scored by."""

    llm: Llm
    runs: RunStore
    store: JudgementStore
    labels: ModeStore
    guidelines: GuidelineStore
    claims: Claims
    catalogue: Catalogue
    pictures: PictureSource
    patience: Patience
    at_once: int
    thresholds: Thresholds
    seller: str

    @property
    def clock(self) -> Clock:
        """The time that results carry."""
        return self.patience.clock

    async def told(self, tasks: Sequence[Task]) -> list[Outcome]:
        """Each task with its listing, the dataset's or the catalogue's, and no picture yet; or why it has none."""
        source = ItemSource(
            self.llm,
            self.store,
            self.claims,
            self.clock,
            self.catalogue,
            self.pictures,
            "text",
            "",
            load_prompt("picture_description"),
        )
        return await source.items(tasks)
