"""The judge's reasoning in words: which evidence it used, and who speaks. Short, because output tokens cost most."""

from __future__ import annotations

from demo.offline_judge.evidence import Evidence
from demo.offline_judge.grading import Grade
from demo.offline_judge.reading import Wish

NAME = "Offline judge"


def reasoning(wish: Wish, evidence: Evidence, grade: Grade) -> str:
    """One line: words shared and missing, brand, rules that spoke, similarity, score."""
    parts = [_shared(evidence), *_notes(wish, evidence, grade), _measured(evidence, grade)]
    return f"{NAME}: {'; '.join(part for part in parts if part)}."


def _shared(evidence: Evidence) -> str:
    shared = f"title shares {_quoted(evidence.shared)}" if evidence.shared else "title shares no word with the query"
    return f"{shared}, lacks {_quoted(evidence.missing)}" if evidence.shared and evidence.missing else shared


def _notes(wish: Wish, evidence: Evidence, grade: Grade) -> list[str]:
    brand = "brand as asked" if evidence.brand_met else ""
    accessory = f"'{evidence.accessory}' after '{wish.head}' says it is for one, not one" if evidence.accessory else ""
    return [note for note in (brand, accessory, *evidence.met, *grade.rules) if note]


def _measured(evidence: Evidence, grade: Grade) -> str:
    seen = evidence.similarities
    nearest = f"nearest kind '{seen.kind}', overlap of kinds {seen.kinds:.2f}"
    return f"embedding similarity {seen.text:.2f}, {nearest}, score {grade.score:+.1f}"


def _quoted(words: tuple[str, ...]) -> str:
    return ", ".join(f"'{word}'" for word in words[:6])
