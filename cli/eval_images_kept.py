"""Answers of `assay eval images` in a file, so that a trial that ended early goes on and pays for nothing twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec

from cli.produce import read_whole
from core.domain.fields import Unusable
from core.errors import UsageError
from core.stages.eval_images import AnswerKey, ImageAnswer


class KeptAnswers:
    """Those of earlier trials (`known`) and of this one, each by its question; without a file they last as long as the
    command. An answer that failed is asked for again."""

    def __init__(self, file: BinaryIO | None, known: dict[AnswerKey, ImageAnswer]) -> None:
        self._file = file
        self.known = known
        self.now: dict[AnswerKey, ImageAnswer] = dict(known)
        self.count = len(known)

    def keep(self, answer: ImageAnswer) -> None:
        """A new answer; on disk before the next one."""
        self.now[answer.key] = answer
        if self._file is not None:
            self._file.write(msgspec.json.encode(answer) + b"\n")
            self._file.flush()


def read_kept(path: str | None) -> dict[AnswerKey, ImageAnswer]:
    """The answers in a file, the last of each question; empty where there is no file yet. UsageError for another file.

    A last line without an end is left out: the trial was killed while it wrote."""
    if path is None or not Path(path).exists():
        return {}
    return {answer.key: answer for answer in read_whole(path, _answer_of) if answer.score is not None}


@contextmanager
def kept_answers(path: str | None) -> Iterator[KeptAnswers]:
    """Open while the block lasts; UsageError where the file can't be read or written."""
    known = read_kept(path)
    with ExitStack() as stack:
        yield KeptAnswers(None if path is None else stack.enter_context(_appending(path)), known)


def _appending(path: str) -> BinaryIO:
    try:
        file = Path(path).open("ab")
    except OSError as error:
        raise UsageError(f"--keep: {path} can't be written: {error.strerror or error}") from None
    return file


def _answer_of(line: bytes) -> ImageAnswer | Unusable:
    try:
        return msgspec.json.decode(line, type=ImageAnswer)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        return Unusable("no_answer", str(error))
