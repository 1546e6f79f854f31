"""The files of `assay replay`, read as `assay produce` reads them, from the line on where a copy was cut off."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Mapping
from typing import get_args

from cli.produce import opened, records_in
from core.domain.effects import RawRecord
from core.domain.keys import InputTopic, key_of
from core.domain.replays import Batch, Read, Stretch
from core.errors import UsageError


class KeyedFiles:
    """Port `FileSource`: files by the live topic whose records they hold."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self._files = files

    def read(self, stretch: Stretch, size: int) -> Iterator[Batch]:
        """Lines from `stretch.next` on, `size` at a time; UsageError where those before are not what they were."""
        topic = next(name for name in get_args(InputTopic) if stretch.source.endswith(name))
        digest, at = hashlib.sha256(), 0
        with opened(self._files[topic]) as stream:
            lines = records_in(stream)
            for line in itertools.islice(lines, stretch.next):
                _add(digest, line)
                at += 1
            if at < stretch.next or (stretch.next and digest.hexdigest() != stretch.digest):
                raise UsageError(f"{self._files[topic]} is not the file the run began with: its first lines are others")
            while chunk := list(itertools.islice(lines, size)):
                for line in chunk:
                    _add(digest, line)
                records = [
                    Read(0, key_of(topic, line), RawRecord(at + i, -1, line, None)) for i, line in enumerate(chunk)
                ]
                at += len(chunk)
                yield Batch(records, {0: at}, digest=digest.hexdigest())


def _add(digest: hashlib._Hash, line: bytes) -> None:
    digest.update(len(line).to_bytes(8, "big") + line)
