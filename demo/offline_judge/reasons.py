"""The judge's reasoning in words: which evidence it used, and who speaks. Short, because output tokens cost most."""

from __future__ import annotations

from core.domain.evaluation.checks.tiers import SAME_SCORE
from core.domain.judging import JudgementCritique, PictureCritiqueReply, PictureJudgement, ProductJudgement
from demo.offline_judge.evidence import Evidence
from demo.offline_judge.grading import Grade
from demo.offline_judge.reading import Wish

NAME = "Offline judge"


def reasoning(wish: Wish, evidence: Evidence, grade: Grade) -> str:
    """One line: words shared and missing, brand, rules that spoke, similarity, score."""
    parts = [_shared(evidence), *_notes(wish, evidence, grade), _measured(evidence, grade)]
    return f"{NAME}: {'; '.join(part for part in parts if part)}."


def critique(own: ProductJudgement, given: object) -> JudgementCritique:
    """What it says of another judge's label."""
    agrees = given == own.label.value
    told = own.reasoning.removeprefix(f"{NAME}: ")
    why = f"{NAME}: the same by its own rules." if agrees else f"{NAME} by its own rules: {told}"
    return JudgementCritique(item=own.item, why=why, reason_holds=True, agrees=agrees, label=own.label)


def picture_critique(own: PictureJudgement, given: int) -> PictureCritiqueReply:
    """What it says of another judge's overall score."""
    agrees = abs(own.overall - given) <= SAME_SCORE
    why = f"{NAME}: the same by its own measures." if agrees else own.reasoning
    return PictureCritiqueReply(why=why, reason_holds=True, agrees=agrees, overall=given if agrees else own.overall)


def _shared(evidence: Evidence) -> str:
    shared = f"title shares {_quoted(evidence.shared)}" if evidence.shared else "title shares no word with the query"
    return f"{shared}, lacks {_quoted(evidence.missing)}" if evidence.shared and evidence.missing else shared


def _notes(wish: Wish, evidence: Evidence, grade: Grade) -> list[str]:
    brand = "brand as asked" if evidence.brand_met else ""
    accessory = f"'{evidence.accessory}' after '{wish.head}' says it is for one, not one" if evidence.accessory else ""
    return [note for note in (brand, accessory, *(each.text for each in evidence.met), *grade.rules) if note]


def _measured(evidence: Evidence, grade: Grade) -> str:
    seen = evidence.similarities
    nearest = f"nearest kind '{seen.kind}', overlap of kinds {seen.kinds:.2f}"
    return f"embedding similarity {seen.text:.2f}, {nearest}, score {grade.score:+.1f}"


def _quoted(words: tuple[str, ...]) -> str:
    return ", ".join(f"'{word}'" for word in words[:6])
