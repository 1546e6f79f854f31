"""What keeps an endpoint from being called that only a person can change: a refused key, a model it does not have; and
how long it is left alone after refusals that name no time."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Final

from core.errors import LlmUnauthorised, LlmUnknownModel
from core.ports import Clock

STOPPED_SECONDS: Final = 60.0
"""After a 401, or a 404 for a model, no call for so long, then one to see: a person changes a setting in minutes."""

KEY: Final = ""
"""The stop that holds for all models; any other is a model's name."""


class Stops:
    """Of one endpoint. `wall` is real time."""

    def __init__(self, wall: Clock) -> None:
        self._wall = wall
        self._errors: dict[str, LlmUnauthorised] = {}
        self._until: dict[str, datetime] = {}
        self._count: Counter[str] = Counter()

    def check(self, model: str) -> None:
        """Fail fast while the key or the model is refused; once the time is over, the first to come tries it."""
        now = self._wall.now()
        for name in (KEY, model):
            until = self._until.get(name)
            if until is None:
                continue
            if until - timedelta(seconds=STOPPED_SECONDS) <= now < until:  # a clock that was set back ends it too
                raise self._error(name)
            self._until[name] = now + timedelta(seconds=STOPPED_SECONDS)

    def seen(self, model: str) -> tuple[int, int]:
        """Changes with each stop that concerns the model: a call that waited meanwhile is not to be sent."""
        return self._count[KEY], self._count[model]

    def error(self, model: str) -> LlmUnauthorised:
        """What a call is told that a stop overtook."""
        return self._error(KEY if KEY in self._until or model not in self._errors else model)

    def stop(self, model: str, error: LlmUnauthorised) -> None:
        """The provider said so: nothing is sent meanwhile."""
        name = model if isinstance(error, LlmUnknownModel) else KEY
        self._errors[name] = error
        self._until[name] = self._wall.now() + timedelta(seconds=STOPPED_SECONDS)
        self._count[name] += 1

    def answered(self, model: str, sent_at: datetime) -> None:
        """The provider takes the key and knows the model, or did when the call was sent: a stop since then stands."""
        for name in (KEY, model) if self._until else ():
            until = self._until.get(name)
            if until is not None and sent_at >= until - timedelta(seconds=STOPPED_SECONDS):
                del self._until[name]

    def _error(self, name: str) -> LlmUnauthorised:
        """A new one each time: one that is raised twice carries both ways in its traceback."""
        known = self._errors[name]
        return type(known)(f"{known}; nothing is sent meanwhile")


class Strikes:
    """429s in a row, for the doubled pause after those that name none. Hundreds of calls under way that are refused
    together are one: only a call that was sent after the last strike can be the next, or end the row."""

    def __init__(self) -> None:
        self._count = 0
        self._last: datetime | None = None

    def before(self, sent_at: datetime) -> int:
        """Strikes before the one that this call was in."""
        return self._count if self._is_new(sent_at) else self._count - 1

    def struck(self, sent_at: datetime, now: datetime) -> None:
        """A call was refused."""
        if self._is_new(sent_at):
            self._count, self._last = self._count + 1, now

    def answered(self, sent_at: datetime) -> None:
        """A call was answered."""
        if self._is_new(sent_at):
            self._count, self._last = 0, None

    def _is_new(self, sent_at: datetime) -> bool:
        return self._last is None or sent_at >= self._last
