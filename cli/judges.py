"""Which judge the settings make: its identity in tasks' keys, and the desk where its guidelines are edited."""

from __future__ import annotations

from core.adapters.guidelines import PostgresGuidelines
from core.adapters.postgres import Pool
from core.guideline_ports import Desk
from core.ports import Clock
from core.prompts import load_prompt
from core.settings import Settings
from core.stages.grading import cascade_of


def judge_identity(settings: Settings) -> str:
    """Mode, models and prompt versions: what makes one judge's label of a pair another's too."""
    multimodal, described = settings.judge_mode == "multimodal", settings.judge_mode == "text_and_description"
    cascade = cascade_of(settings)
    parts = (
        settings.judge_mode,
        settings.vision_model() if multimodal else settings.llm_model,
        load_prompt("judgements").version,
        load_prompt("guideline").version,
        f"{settings.vision_model()} {load_prompt('picture_description').version}" if described else "",
        cascade.identity if cascade else "",
    )
    return "|".join(str(part) for part in parts if part)


def guideline_desk(settings: Settings, pool: Pool, clock: Clock) -> Desk:
    """Where people read and edit guidelines, for the judge of these settings."""
    edits = settings.console_edits == "enabled"
    version = load_prompt("guideline").version
    return Desk(PostgresGuidelines(pool), clock, judge_identity(settings), version, edits=edits)


def picture_judge_identity(settings: Settings) -> str:
    """Model and prompt version of the picture judge."""
    return f"{settings.vision_model()}|{load_prompt('picture_scores').version}"
