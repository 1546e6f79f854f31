"""What evaluation is about, as plain frozen records: datasets, judge versions, runs and their results."""

from __future__ import annotations

from core.domain.evaluation.items import Dataset, DatasetKind, EvalItem, Split
from core.domain.evaluation.results import EvalResult, EvalRun, RunState
from core.domain.judges import JudgePrompt, JudgeVersion

__all__ = [
    "Dataset",
    "DatasetKind",
    "EvalItem",
    "EvalResult",
    "EvalRun",
    "JudgePrompt",
    "JudgeVersion",
    "RunState",
    "Split",
]
