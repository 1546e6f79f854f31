"""Pictures a second on one core: fetched, decoded, measured, hashed and scored by a student, beside plain Pillow.

Everything of ours (this process and the decoders) is bound to one core, the picture host to another where there is one.
Both sides take turns on the same files; the figures are medians over the rounds. CPU seconds are told too: they are
what the work takes, whoever else uses the machine.
"""

from __future__ import annotations

import asyncio
import io
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
from PIL import Image

from core.adapters.pictures import HttpPictureSource
from core.domain.images.features import EXTRACTOR
from core.domain.images.student import Student
from core.domain.images.verdict import Thresholds, verdict
from core.settings import Settings, load_settings
from tests.bench.pictures import files, student
from tests.bench.pictures.running import picture_host
from tests.bench.stream.tables import Table, say

AT_ONCE = 16
JPEG_QUALITY = 85  # what the service sends to a judge


@dataclass(frozen=True)
class Sizes:
    """Photographs, sides of drawn pictures in pixels, rounds, pictures that the student learns from."""

    photographs: int
    sides: tuple[int, ...]
    rounds: int
    learnt: int = student.PICTURES


QUICK = Sizes(40, tuple(range(600, 3_001, 300)), 2)
FULL = Sizes(320, tuple(range(600, 3_001, 50)), 5)


@dataclass(frozen=True)
class Took:
    """Seconds for all files, by the clock and by the CPU."""

    wall: float
    cpu: float


async def throughput(sizes: Sizes) -> list[Table]:
    """One table; the rows of photographs are missing where there are none."""
    scorer = student.made(sizes.learnt)
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[0]})
    try:
        sets = {"photographs": files.photographs(sizes.photographs), "drawn": files.drawn(sizes.sides)}
        found = [await _rows(name, data, scorer, cores, sizes.rounds) for name, data in sets.items() if data]
    finally:
        os.sched_setaffinity(0, set(cores))
    columns = ("files", "what", "pictures/s", "ms of CPU a picture", "of plain Pillow by the clock", "by the CPU")
    return [
        Table(
            "Pictures a second on one core, medians of rounds that take turns",
            columns,
            [row for rows in found for row in rows],
        )
    ]


async def _rows(
    name: str, data: Sequence[bytes], scorer: Student, cores: Sequence[int], rounds: int
) -> list[tuple[str, ...]]:
    ours, plain, saved = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        files.kept(data, Path(folder))
        with picture_host(Path(folder), 0.0, core=cores[-1]) as host:
            urls = [f"http://127.0.0.1:{host.port}/as-it-is/{number}.jpg" for number in range(len(data))]
            async with HttpPictureSource(_settings()) as source:
                await _all(source, urls[:4], scorer)  # the decoders have started
                for number in range(rounds):
                    plain.append(_plain(data, save=False))
                    ours.append(await _ours(source, urls, scorer, host.pid))
                    saved.append(_plain(data, save=True))
                    say(f"{name}, round {number + 1}: {len(data) / ours[-1].wall:.1f} pictures/s")
    size = f"{name} ({len(data)}, {sum(map(len, data)) / len(data) / 1_000:.0f} kB)"
    told = {
        "plain Pillow: decode, resize": plain,
        "and saved as JPEG": saved,
        "Assay: fetch to the student's score": ours,
    }
    return [(size, what, *_figures(took, plain, len(data))) for what, took in told.items()]


def _figures(took: Sequence[Took], plain: Sequence[Took], count: int) -> tuple[str, ...]:
    wall, cpu = (statistics.median(getattr(each, name) for each in took) for name in ("wall", "cpu"))
    by_wall = statistics.median(base.wall / each.wall for base, each in zip(plain, took, strict=True))
    by_cpu = statistics.median(base.cpu / each.cpu for base, each in zip(plain, took, strict=True))
    return f"{count / wall:.1f}", f"{cpu / count * 1_000:.1f}", f"{by_wall:.2f}", f"{by_cpu:.2f}"


async def _ours(source: HttpPictureSource, urls: Sequence[str], scorer: Student, other: int) -> Took:
    wall, cpu = time.monotonic(), _cpu(other)
    await _all(source, urls, scorer)
    return Took(time.monotonic() - wall, _cpu(other) - cpu)


async def _all(source: HttpPictureSource, urls: Sequence[str], scorer: Student) -> None:
    async def one(url: str) -> None:
        picture = await source.fetch(url)
        if verdict(picture.measures, Thresholds()) is None:
            scorer.says(picture.features[EXTRACTOR])

    left = iter(urls)

    async def worker() -> None:
        for url in left:
            await one(url)

    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))


def _plain(data: Sequence[bytes], *, save: bool) -> Took:
    """Decoded (small already, where JPEG can) and resized to what a judge is sent."""
    side = _settings().image_max_side
    wall, cpu = time.monotonic(), time.process_time()
    for each in data:
        with Image.open(io.BytesIO(each)) as image:
            image.thumbnail((side, side), Image.Resampling.LANCZOS)
            small = image.convert("RGB")
        if save:
            small.save(io.BytesIO(), "JPEG", quality=JPEG_QUALITY)
    return Took(time.monotonic() - wall, time.process_time() - cpu)


def _cpu(other: int) -> float:
    """Of this process and its children, those that have ended too; `other` is the picture host, which is not ours."""
    total = sum(os.times()[:4])
    for child in psutil.Process().children(recursive=True):
        if child.pid != other:
            times = child.cpu_times()
            total += times.user + times.system
    return total


def _settings() -> Settings:
    return load_settings(
        image_allowed_networks="127.0.0.0/8", image_in_flight=AT_ONCE, image_per_host=AT_ONCE, image_max_bytes=10**8
    )
