"""Form of picture scores: the overall score against the aspects, the reason against both. The rubric is that of
`core/prompts/picture_scores.md`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from core.domain.evaluation.checks.facts import Finding, Judged, fold

GRAVE = ("focus", "lighting", "completeness", "honesty")
TROUBLING = ("overlays", "background", "authenticity")
GRAVE_AT = 2
"""A grave fault: from 2 down, as the rubric says."""
GRAVE_CAP, TROUBLING_CAP = 3, 5
"""What such a fault lets the overall score be at most."""

POOR = 4
"""From 4 down a buyer is put off: the reason has to name what."""

GOOD = 8
"""From 8 on an aspect is good: the reason can't call it bad."""

_ABOUT: Mapping[str, re.Pattern[str]] = {
    "focus": re.compile(r"\b(?:focus|sharp|blur|soft|crisp|unsharp|pixel|resolution|detail|grain|small)"),
    "lighting": re.compile(r"\b(?:light|dark|bright|shadow|expos|colou?r|glare|reflection|dim|flash|yellowish)"),
    "background": re.compile(r"\b(?:background|clutter|behind|border|wall|table|surround|setting|backdrop|uneven)"),
    "framing": re.compile(r"\b(?:fram|crop|cent|margin|tilt|fill|spans|side|small|close|edge|corner)"),
    "completeness": re.compile(r"\b(?:complete|whole|cut|missing|part|hidden|edge|only|box|view|detail|crop)"),
    "overlays": re.compile(r"\b(?:overlay|text|logo|watermark|banner|sticker|letter|badge|collage|frame|price|print)"),
    "honesty": re.compile(
        r"\b(?:honest|stock|render|drawing|listing|listed|claim|real|this very|screenshot|retouch|another item|trust)"
    ),
    "authenticity": re.compile(
        r"\b(?:authentic|real|genuine|photograph|generat|ai[- ]made|artificial|render|edit|retouch|smooth|waxy|halo|"
        r"cut[- ]?out|clon|filter|satur|melted)"
    ),
}
"""What a reason that explains an aspect speaks of."""

_BLURRED = re.compile(r"\b(?:blurr(?:ed|y)|out of focus|unsharp)\b")
_CLEAN = re.compile(r"\b(?:no|without(?: any)?|free of) (?:text|overlays?|logos?|watermarks?)\b")


def overall_over_fault(judged: Judged) -> Finding | None:
    """A grave fault caps the overall score, and it is above."""
    for names, cap in ((GRAVE, GRAVE_CAP), (TROUBLING, TROUBLING_CAP)):
        faults = [name for name in names if judged.aspects.get(name, 10) <= GRAVE_AT]
        if judged.kind == "image" and faults and judged.grade > cap:
            listed = ", ".join(f"{name} {judged.aspects[name]}" for name in faults)
            return Finding(overall_over_fault.__name__, f"overall {judged.grade}, at most {cap} with {listed}")
    return None


def overall_outside_aspects(judged: Judged) -> Finding | None:
    """Better than every aspect, or worse than every one though an item is in the picture."""
    scores = judged.aspects.values()
    if judged.kind != "image" or not scores:
        return None
    if judged.grade > max(scores):
        return Finding(overall_outside_aspects.__name__, f"overall {judged.grade}, best aspect {max(scores)}")
    if 1 < judged.grade < min(scores):
        return Finding(overall_outside_aspects.__name__, f"overall {judged.grade}, worst aspect {min(scores)}")
    return None


def fault_not_explained(judged: Judged) -> Finding | None:
    """The worst aspect puts a buyer off, and the reason does not speak of it."""
    if judged.kind != "image" or not judged.aspects:
        return None
    worst = min(judged.aspects, key=lambda name: judged.aspects[name])
    about = _ABOUT.get(worst)
    if judged.aspects[worst] <= POOR and about is not None and not about.search(fold(judged.reasoning)):
        return Finding(
            fault_not_explained.__name__, f"{worst} {judged.aspects[worst]}, of which the reason says nothing"
        )
    return None


def reason_against_aspects(judged: Judged) -> Finding | None:
    """Blurred with a good focus; nothing laid over it with poor overlays."""
    if judged.kind != "image":
        return None
    text = fold(judged.reasoning)
    for pattern, aspect, wrong in (
        (_BLURRED, "focus", judged.aspects.get("focus", 0) >= GOOD),
        (_CLEAN, "overlays", judged.aspects.get("overlays", 10) <= POOR),
    ):
        match = pattern.search(text)
        blurred_ground = match is not None and "background" in text[max(0, match.start() - 12) : match.end() + 12]
        if match is not None and wrong and not blurred_ground:
            told = f"says “{match.group()}” with {aspect} {judged.aspects[aspect]}"
            return Finding(reason_against_aspects.__name__, told)
    return None
