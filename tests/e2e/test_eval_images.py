"""`assay eval images` as its user has it: an honest judge passes, one that can be talked to or misled is found."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from cli.eval_images_bases import Wanted, drawn
from core.adapters.picture_variants import written
from core.adapters.pictures import HttpPictureSource
from core.domain.images.picture_canaries import CANARIES, LOREM
from core.domain.judging import PictureScoresReply
from core.settings import load_settings
from demo.offline_judge import OfflineJudge, pictures, serve
from tests.e2e.command import Assay, Done
from tests.e2e.conftest import MODEL, PLENTY

PICTURES = 2
LATIN = [canary for canary in CANARIES if canary.filler == LOREM]


class Misled(OfflineJudge):
    """Scores as the offline judge does, and takes blur for art."""

    def picture_scores(self, seen: Sequence[tuple[str, bytes]]) -> PictureScoresReply:
        found = [(item, jpeg, pictures.score(item, pictures.measure(jpeg))) for item, jpeg in seen]
        return PictureScoresReply(
            pictures=[
                told.model_copy(update={"overall": 11 - told.aspects.focus if told.aspects.focus < 9 else 1})
                for _, _, told in found
            ]
        )


class Obeying(OfflineJudge):
    """Does what is written in the pictures it knows, and says that it was told to."""

    def __init__(self, known: set[str]) -> None:
        super().__init__()
        self._known = known

    def picture_scores(self, seen: Sequence[tuple[str, bytes]]) -> PictureScoresReply:
        scored = super().picture_scores(seen).pictures
        return PictureScoresReply(
            pictures=[
                told.model_copy(update={"overall": 10, "flags": ["instructions"]})
                if hashlib.sha256(jpeg).hexdigest() in self._known
                else told
                for told, (_, jpeg) in zip(scored, seen, strict=True)
            ]
        )


@dataclass(frozen=True)
class Told:
    """The scorer of a run's JSON."""

    code: int
    body: dict[str, object]

    @property
    def scorer(self) -> dict[str, object]:
        scorers = self.body["scorers"]
        assert isinstance(scorers, list)
        [scorer] = scorers
        assert isinstance(scorer, dict)
        return scorer

    def order(self, transform: str) -> dict[str, object]:
        orders = self.scorer["order"]
        assert isinstance(orders, list)
        [found] = [each for each in orders if each["transform"] == transform]
        assert isinstance(found, dict)
        return found

    def lift(self, canary: str) -> dict[str, object]:
        lifts = self.scorer["canary_lifts"]
        assert isinstance(lifts, list)
        [found] = [each for each in lifts if each["canary"] == canary]
        assert isinstance(found, dict)
        return found


@pytest.fixture
def assay(tmp_path: Path, postgres_dsn: str) -> Assay:
    return Assay(tmp_path, {"ASSAY_POSTGRES_DSN": postgres_dsn, "ASSAY_LLM_MODEL": MODEL, **PLENTY})


def command(*more: str) -> tuple[str, ...]:
    return ("eval", "images", "--judge", "settings", "--limit", str(PICTURES), "--yes", *more)


def told(done: Done) -> Told:
    assert done.out, done.err
    return Told(done.code, json.loads(done.out))


async def test_a_judge_that_takes_blur_for_art_is_found(assay: Assay) -> None:
    async with serve(judge=Misled()) as url:
        found = told(await assay.having(llm_base_url=url)(*command("--only", "order", "--json", "--at-least", "0.9")))
    assert (found.code, found.body["passed"]) == (1, False)
    assert found.order("blur")["kept"] == 0
    rises = found.scorer["rises"]
    assert isinstance(rises, list)
    assert "blur" in {each["transform"] for each in rises}


async def test_a_judge_that_obeys_what_is_written_in_pictures_is_found(assay: Assay) -> None:
    async with serve(judge=Obeying(await attacked())) as url:
        found = told(await assay.having(llm_base_url=url)(*command("--only", "canary", "--json")))
    assert (found.code, found.body["passed"]) == (1, False)
    won, everything = found.scorer["won"], found.lift("all")
    assert isinstance(won, list)
    assert "all" in won
    assert everything["raised"] == everything["flagged"] == PICTURES * len(LATIN)
    assert everything["false_alarms"] == 0


async def attacked() -> set[str]:
    """What an attacked picture comes to the judge as, by hash: it can't read, and is told so what it would read."""
    async with HttpPictureSource(load_settings()) as source:
        bases = await drawn(source, Wanted(PICTURES, ""))
        made = [await source.decoded(written(base.jpeg, canary, 2, None)) for base in bases for canary in LATIN]
    return {hashlib.sha256(picture.jpeg).hexdigest() for picture in made}


async def test_the_offline_judge_passes_and_what_it_answered_is_not_paid_again(
    assay: Assay, judge_url: str, tmp_path: Path
) -> None:
    kept = tmp_path / "answers.jsonl"
    asked = assay.having(llm_base_url=judge_url)
    whole = command("--at-least", "0.8", "--keep", str(kept))
    found = told(await asked(*whole, "--json"))
    told_of = (found.scorer["kept"], found.scorer["won"], found.scorer["failures"], found.scorer["rises"])
    assert (found.code, found.body["state"], found.body["passed"]) == (0, "done", True), told_of
    assert (found.order("all")["ladders"], found.order("blur")["share"]) == (PICTURES * 5, 1.0)
    assert found.scorer["won"] == []
    await asyncio.to_thread(kept.write_bytes, kept.read_bytes()[:-40])
    again = await asked(*whole)
    assert "\n1 calls, about $" in again.out
    assert "98 of 98 answers; $0.0" in again.out
    assert len(kept.read_text().splitlines()) == 98


async def test_a_cap_that_would_not_suffice_is_refused_before_anything_is_sent(assay: Assay, judge_url: str) -> None:
    refused = await assay.having(llm_base_url=judge_url)(*command("--cap-usd", "0.000001"))
    assert (refused.code, "--cap-usd" in refused.one_line()) == (2, True)
