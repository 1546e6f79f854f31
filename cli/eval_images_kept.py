"""Answers of `assay eval images` in a file, so that a trial that ended early goes on and pays for nothing twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec

from core.errors import UsageError
from core.stages.eval_images import AnswerKey, ImageAnswer

BEGINNING = b'{"scorer":'
"""Of every line: what else a file without a whole line begins with is not ours to cut."""


class KeptAnswers:
    """Those of earlier trials (`known`) and, in `now`, of this one too, each by its question. Without a file they last
    as long as the command. An answer that failed is asked for again by the next trial."""

    def __init__(self, file: BinaryIO | None, known: dict[AnswerKey, ImageAnswer]) -> None:
        self._file = file
        self.known = known
        self.now: dict[AnswerKey, ImageAnswer] = dict(known)

    def keep(self, answer: ImageAnswer) -> None:
        """A new answer; on disk before the next one."""
        self.now[answer.key] = answer
        if self._file is not None:
            self._file.write(msgspec.json.encode(answer) + b"\n")
            self._file.flush()


@contextmanager
def kept_answers(path: str | None) -> Iterator[KeptAnswers]:
    """Open while the block lasts, a last line that was cut short taken away; UsageError where the file is another's, or
    can't be read or written."""
    with ExitStack() as stack:
        if path is None:
            yield KeptAnswers(None, {})
            return
        try:
            file = stack.enter_context(Path(path).open("a+b"))
            file.seek(0)
            data = file.read()
            known = _read(path, data)
            file.truncate(data.rfind(b"\n") + 1)
        except OSError as error:
            raise UsageError(f"--keep: {path} can't be used: {error.strerror or error}") from None
        yield KeptAnswers(file, known)


def _read(path: str, data: bytes) -> dict[AnswerKey, ImageAnswer]:
    *lines, torn = data.split(b"\n")
    if torn and not torn.startswith(BEGINNING[: len(torn)]):
        raise UsageError(f"--keep: {path} holds something else than answers of `assay eval images`")
    answers = [_answer_of(path, number, line) for number, line in enumerate(lines, 1)]
    return {answer.key: answer for answer in answers if answer.score is not None}


def _answer_of(path: str, number: int, line: bytes) -> ImageAnswer:
    try:
        return msgspec.json.decode(line, type=ImageAnswer)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UsageError(f"--keep: {path}, line {number} is no answer of `assay eval images`: {error}") from None
