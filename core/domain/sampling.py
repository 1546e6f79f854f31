"""How a model is asked to answer, where a judge says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Effort = Literal["", "minimal", "low", "medium", "high"]
"""As `reasoning_effort` of the chat completions API has it; empty: not sent."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """Parameters of a call that a judge sets. Without any, the endpoint's way: temperature 0 where it takes one."""

    temperature: float | None = None
    """0 to 2; None: the endpoint's."""
    reasoning_effort: Effort = ""
    reasoning_tokens: int = 0
    """Output tokens allowed on top of the answer's, for models that think first and are cut off otherwise."""

    @property
    def identity(self) -> str:
        """What tells one judge's from another's; empty where nothing is set."""
        told = (
            "" if self.temperature is None else f"temperature {self.temperature:g}",
            self.reasoning_effort and f"effort {self.reasoning_effort}",
            f"{self.reasoning_tokens} to think" if self.reasoning_tokens else "",
        )
        return ", ".join(part for part in told if part)


PLAIN = Sampling()
"""Nothing set."""
