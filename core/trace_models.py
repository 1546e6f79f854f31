"""What the read side tells of one label or score: what it says, who said it, by what, and the calls behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from core.money_models import CallStory, CallView
from core.read_models import RequirementView


@dataclass(frozen=True, slots=True)
class ResultView:
    """A label (`label`, `confidence`, `query`) or a picture's score (`score` 1 to 10, `aspects`, `image_url`)."""

    event_id: str
    kind: str
    """`label` or `score`."""
    listing_id: str
    title: str
    application: str
    market: str
    query: str
    label: str
    score: int
    aspects: Mapping[str, int]
    confidence: float | None
    reasoning: str
    reason: str
    """Why it was judged: `panel`, `friction`, `volume`, `request`; empty of a score."""
    mode: str
    """Of a score: the tier."""
    model: str
    fingerprint: str
    prompt_version: str
    guideline_version: str
    judge: str
    """`name@hash`; empty for what was given before judges had versions."""
    verdicts: str
    image_url: str
    image_hash: str
    content_key: str
    judged_at: datetime
    call_id: str
    """Empty where no call gave it (a score of the student)."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A requirement of the guideline and what the judge found: `y` met, `n` not met, `?` not told, empty: not asked."""

    requirement: RequirementView
    verdict: str


@dataclass(frozen=True, slots=True)
class GuidelineRef:
    """The guideline a label was given by: where its page is, who wrote it, and the call that did (a model's)."""

    version: str
    prompt_version: str
    author: str
    language: str
    context: str
    created_at: datetime
    call: CallView | None


@dataclass(frozen=True, slots=True)
class ShadowView:
    """What a candidate in the shadow said of the same pair."""

    judge: str
    label: str
    confidence: float
    reasoning: str
    call_id: str


@dataclass(frozen=True, slots=True)
class ResultStory:
    """One label or score with everything behind it. `story` None: its call is no longer kept, or there was none."""

    result: ResultView
    verdicts: Sequence[Verdict]
    guideline: GuidelineRef | None
    story: CallStory | None
    history: Sequence[ResultView]
    """The other results of the same pair or picture, newest first."""
    reused_tasks: int
    """Tasks of the pair that were queued and done since without any call: what was known was the answer. 0 where the
    label's own call is no longer kept, since then theirs may not be either."""
    reused_runs: Sequence[str]
    """Runs of evaluation that took it instead of asking anew."""
    shadows: Sequence[ShadowView] = ()
