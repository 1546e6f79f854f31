"""Pictures of a dataset: by URL, behind all checks, or as files of a folder that a person names."""

from __future__ import annotations

import asyncio
from pathlib import Path

from core.adapters.pictures import HttpPictureSource
from core.errors import PictureError
from core.ports import Picture

REMOTE = ("http://", "https://")


class FilePictures:
    """Port `PictureSource`. `folder` None: addresses alone are fetched. A path never leads out of the folder, wherever
    its links point: a dataset is a file that somebody sent."""

    def __init__(self, http: HttpPictureSource, folder: str | None, max_bytes: int) -> None:
        self._http = http
        self._folder = Path(folder).resolve() if folder else None
        self._max_bytes = max_bytes

    async def fetch(self, url: str) -> Picture:
        """By address as `HttpPictureSource` does; a file's PictureError is final."""
        if url.startswith(REMOTE):
            return await self._http.fetch(url)
        return await self._http.decoded(await asyncio.to_thread(self._bytes, url))

    def _bytes(self, path: str) -> bytes:
        if self._folder is None:
            raise PictureError("the picture is a file: `--pictures` names its folder", "no_folder", final=True)
        try:
            found = (self._folder / path).resolve()
            if not found.is_relative_to(self._folder):
                raise PictureError("the path leads out of the folder", "outside_folder", final=True)
            if found.stat().st_size > self._max_bytes:
                raise PictureError(f"more than {self._max_bytes} bytes", "too_large", final=True)
            return found.read_bytes()
        except (OSError, ValueError) as error:
            raise PictureError(f"the file can't be read: {type(error).__name__}", "no_file", final=True) from None
