"""The second tier of pictures: each of a sample is fetched again and put to another model with the scores it was given.

A picture that can't be had, or is not the one that was judged any more, is skipped, and its reason counted. For cap,
store and failed calls see `core.stages.critique`.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from core.domain.critiquing import (
    GivenScores,
    critique_tokens,
    picture_critique_key,
    scores_section,
    usable_critique,
)
from core.domain.evaluation.checks.facts import Judged
from core.domain.judging import PictureCritiqueReply
from core.domain.prompting import picture_heading, section
from core.domain.relevance import layout_hash, parsed_reply, seed_of
from core.domain.strict_schema import strict_schema
from core.errors import LlmOverCap, PictureError
from core.ports import Llm, LlmRequest, Picture, PicturePart, PictureSource, TextPart
from core.prompts import Prompt
from core.stages.critique import Critiqued, answer_of, critique_of, under_cap, verdict_of
from core.stages.patience import Patience
from core.stages.picture_calls import ITEM, listing_row, score_key
from core.tier_ports import Critique, TierStore

CHANGED = "picture_changed"
"""Reason of a skipped picture: its address shows another one now."""

_SCHEMA = strict_schema(PictureCritiqueReply)
_SCHEMA_HASH = hashlib.sha256(str(sorted(_SCHEMA.items())).encode()).hexdigest()[:8]


@dataclass(frozen=True, slots=True)
class AskedPicture:
    """A score to look at, and the key of its critique."""

    judged: Judged
    given: GivenScores
    key: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """A picture that can't be had as it was judged, and why."""

    reason: str


Looked = Critique | Skipped | None
"""None: the call failed, or its answer says nothing that can be used."""


@dataclass(frozen=True, slots=True)
class PictureCritic:
    """The stage over its ports. `pictures` is the run's source; `picture_side` the largest side that is sent, in
    pixels; `seller` the attribute that no critic is told; `salt` as for `core.stages.critique.Critic`."""

    llm: Llm
    store: TierStore
    pictures: PictureSource
    patience: Patience
    prompt: Prompt
    model: str
    at_once: int
    picture_side: int
    seller: str
    salt: str = ""

    async def critiques(self, judged: Sequence[Judged]) -> Critiqued:
        """What could be had. The cap ends it early; what else ends all of it is raised once the calls have ended."""
        asked = self._all(judged)
        known = await self.store.critiques([each.key for each in asked])
        room, over = asyncio.Semaphore(self.at_once), asyncio.Event()

        async def one(each: AskedPicture) -> Looked:
            async with room:
                return await self._unless(over, each)

        made = await under_cap(map(one, (each for each in asked if each.key not in known)))
        skipped = Counter(each.reason for each in made if isinstance(each, Skipped))
        found = {**known, **{each.key: each for each in made if isinstance(each, Critique)}}
        seen = {each.judged.key: verdict_of(found[each.key]) for each in asked if each.key in found}
        return Critiqued(seen, len(seen) + skipped.total() == len(asked), dict(skipped))

    def requests(self, judged: Sequence[Judged]) -> list[tuple[LlmRequest, int]]:
        """The calls that would be made were nothing known, with a picture of the largest size in each; nothing is
        fetched."""
        largest = PicturePart(b"", self.picture_side, self.picture_side)
        return [(self._request(each, largest), 1) for each in self._all(judged)]

    def _all(self, judged: Sequence[Judged]) -> list[AskedPicture]:
        return [self._asked(each) for each in judged if each.kind == "image" and each.image_url]

    def _asked(self, judged: Judged) -> AskedPicture:
        given = GivenScores(judged.grade, judged.aspects, judged.reasoning)
        critic = (self.model, self.prompt.version, _SCHEMA_HASH, layout_hash(), self.salt)
        return AskedPicture(judged, given, picture_critique_key(judged.key, given, critic))

    async def _unless(self, over: asyncio.Event, asked: AskedPicture) -> Looked:
        """Nothing is fetched any more once the cap is reached."""
        if over.is_set():
            raise LlmOverCap("an earlier picture reached the cap")
        try:
            return await self._looked(asked)
        except LlmOverCap:
            over.set()
            raise

    async def _looked(self, asked: AskedPicture) -> Looked:
        try:
            picture = await self.patience.of(lambda: self.pictures.fetch(asked.judged.image_url))
        except PictureError as error:
            return Skipped(error.kind)
        if not is_judged_one(asked.judged, picture):
            return Skipped(CHANGED)
        request = self._request(asked, PicturePart(picture.jpeg, picture.width, picture.height))
        reply = await answer_of(self.llm, self.patience, request)
        told = None if reply is None else usable_critique(_read(reply.text), asked.given)
        if reply is None or told is None:
            return None
        critic = (self.model, self.prompt.version)
        made = critique_of(asked.key, told.overall, told, reply, critic, self.patience.clock.now())
        await self.store.save_critiques([made])
        return made

    def _request(self, asked: AskedPicture, picture: PicturePart) -> LlmRequest:
        judged = asked.judged
        listing = listing_row(judged.product, self.seller) if judged.product else {}
        return LlmRequest(
            lane="backfill",
            purpose="critique",
            model=self.model,
            prompt_version=self.prompt.version,
            system=self.prompt.text,
            user=(
                TextPart(section("LISTING", [listing]) + scores_section(ITEM, asked.given)),
                TextPart(picture_heading(ITEM)),
                picture,
            ),
            schema=_SCHEMA,
            max_output_tokens=critique_tokens(1),
            subject={"listing_id": judged.listing_id, "image_url": judged.image_url},
            seed=seed_of([asked.key]),
            check=_read,
        )


def is_judged_one(judged: Judged, picture: Picture) -> bool:
    """Whether these are the bytes that were scored: by the hash of a live score, else by the key, which is made with
    it."""
    if judged.image_hash:
        return judged.image_hash == picture.image_hash
    return judged.key == score_key(judged.listing_id, judged.image_url, picture.image_hash, *judged.scored_with)


def _read(text: str) -> PictureCritiqueReply:
    return parsed_reply(PictureCritiqueReply, text)
