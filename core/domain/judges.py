"""A judge under version: what makes it, the hash that names it, which one is live, who judges in the shadow. Pure."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

import msgspec

from core.domain.cascade import Cascade
from core.domain.labels import Mode
from core.domain.sampling import PLAIN, Sampling
from core.domain.task_keys import digest

SETTINGS = "settings"
"""Name of the judge that the environment's settings make, and of the state in which no promoted one judges."""

LIVE = "live"
"""What a command calls the judge that judges now."""

VERSION_DIGITS = 12
"""Hex digits of a judge's hash: 48 bits, so that of a million versions two share one with odds of 1 in 500."""

_SHARES = 2.0**64

JudgePrompt = Literal["guideline", "judgements", "picture_description", "picture_scores"]
"""Prompts that a judge version is made of."""

PROMPTS: tuple[JudgePrompt, ...] = get_args(JudgePrompt)


@dataclass(frozen=True, slots=True)
class JudgeVersion:
    """All that makes one judge: prompts, models, mode, cascade, parameters. `version` is its name and a hash of the
    rest, as labels carry it: `strict-brands@0f3a…`."""

    version: str
    name: str
    mode: Mode
    model: str
    vision_model: str
    products_per_call: int
    cascade: Cascade | None
    prompts: Mapping[JudgePrompt, str]
    """The text of each prompt."""
    sampling: Sampling = PLAIN
    """Of guidelines and judgements."""
    rubrics: Mapping[str, str] = field(default_factory=dict)
    """The text of each picture rubric by its name (`core.domain.images.rubrics`); none in judges stored before there
    were any."""


def versioned(judge: JudgeVersion) -> JudgeVersion:
    """With the version that its content makes: `name@hash`. The same judge under two names has one hash, so that it is
    seen that nothing but the name differs."""
    told = {
        "mode": judge.mode,
        "models": (judge.model, judge.vision_model),
        "products_per_call": judge.products_per_call,
        "cascade": judge.cascade.identity if judge.cascade else "",
        "prompts": dict(judge.prompts),
        **({"sampling": judge.sampling.identity} if judge.sampling.identity else {}),
        **({"rubrics": dict(judge.rubrics)} if judge.rubrics else {}),
    }
    made = hashlib.sha256(msgspec.json.encode(told, order="sorted")).hexdigest()[:VERSION_DIGITS]
    return replace(judge, version=f"{judge.name}@{made}")


def parameters(judge: JudgeVersion) -> dict[str, str]:
    """Everything but the texts of prompts and rubrics, in words."""
    cascade = judge.cascade
    steps = [] if cascade is None else [cascade.strong, f"below {cascade.confidence:g}", cascade.second]
    return {
        "mode": judge.mode,
        "model": judge.model,
        "vision model": judge.vision_model,
        "products per call": str(judge.products_per_call),
        "cascade": ", ".join(filter(None, steps)) or "none",
        "parameters": judge.sampling.identity or "the endpoint's",
        "rubrics": ", ".join(sorted(judge.rubrics)) or "none",
    }


def changed_parameters(one: JudgeVersion, other: JudgeVersion) -> list[tuple[str, str, str]]:
    """Name and both values of what differs."""
    before, after = parameters(one), parameters(other)
    return [(name, before[name], after[name]) for name in before if before[name] != after[name]]


def changed_prompts(one: JudgeVersion, other: JudgeVersion) -> dict[JudgePrompt, list[str]]:
    """The lines of a unified diff of every prompt that differs, without a head."""
    changed = [name for name in PROMPTS if one.prompts[name] != other.prompts[name]]
    return {name: _lines(one.prompts[name], other.prompts[name]) for name in changed}


def changed_rubrics(one: JudgeVersion, other: JudgeVersion) -> dict[str, list[str]]:
    """As `changed_prompts`; one that only one of them has is all added, or all removed."""
    before, after = one.rubrics, other.rubrics
    changed = [name for name in sorted({*before, *after}) if before.get(name) != after.get(name)]
    return {name: _lines(before.get(name, ""), after.get(name, "")) for name in changed}


def _lines(before: str, after: str) -> list[str]:
    """Without the two lines of the head, which would name files."""
    return list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm=""))[2:]


def promoted(deeds: Iterable[tuple[str, str]]) -> list[str]:
    """The versions that stand above each other, the live one last, of deeds (act, version), oldest first: a promotion
    is put on top, a rollback takes off what is above the version it goes back to."""
    standing: list[str] = []
    for act, version in deeds:
        if act == "promote" and standing[-1:] != [version]:
            standing.append(version)
        elif act == "rollback":
            while standing and standing[-1] != version:
                standing.pop()
    return standing


def in_shadow(pair: Sequence[str], share: float) -> bool:
    """Whether a pair is one of the share (0 to 1) that candidates judge too: by its hash alone, so that every replica
    takes the same pairs, and so do two candidates, of which the smaller share is a part of the larger."""
    return int(digest(*pair)[:16], 16) / _SHARES < share
