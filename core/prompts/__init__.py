"""Versioned prompt files; a version is the file name and a hash of its text. `rubrics` has one a kind of thing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

from core.domain.prompting import prompt_version

PromptName = Literal["guideline", "judgements", "picture_description", "picture_scores", "critique", "picture_critique"]


@dataclass(frozen=True, slots=True)
class Prompt:
    """The system text of one purpose, and the version that everything made with it carries."""

    name: PromptName
    version: str
    text: str


@cache
def load_prompt(name: PromptName) -> Prompt:
    """The prompt in the file `name`.md beside this module; FileNotFoundError where there is none."""
    text = files(__name__).joinpath(f"{name}.md").read_text(encoding="utf-8")
    return Prompt(name, prompt_version(name, text), text)


@cache
def load_rubrics() -> Mapping[str, str]:
    """The text of every rubric in the folder `rubrics` beside this module, by its name."""
    found = (entry for entry in files(__name__).joinpath("rubrics").iterdir() if entry.name.endswith(".md"))
    return {entry.name.removesuffix(".md"): entry.read_text(encoding="utf-8") for entry in found}
