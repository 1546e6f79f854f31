"""The picture failures that know when to come back."""

from __future__ import annotations

from core.errors import PictureError


class PictureHostBusy(PictureError):
    """The picture's host asked for a pause: come back after `retry_after` seconds.

    `asked` is false when the host was not asked at all, because an earlier answer of it had set the pause:
    then the task has had no attempt.
    """

    def __init__(self, message: str, retry_after: float, *, asked: bool) -> None:
        super().__init__(message, "rate_limited", final=False)
        self.retry_after = retry_after
        self.asked = asked


class PictureHostSlow(PictureError):
    """The picture's host is left alone because it did not answer in time, again and again: come back after
    `retry_after` seconds. It counts as an attempt, so that tasks of a dead host end."""

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message, "host_slow", final=False)
        self.retry_after = retry_after
