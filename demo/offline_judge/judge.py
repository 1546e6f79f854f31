"""The offline judge itself: judges pairs and pictures, sync, deterministic, without network or download."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from core.domain.judging import (
    CritiqueReply,
    DescriptionReply,
    GuidelineReply,
    JudgementsReply,
    PictureCritiqueReply,
    PictureJudgement,
    PictureScoresReply,
    ProductJudgement,
)
from demo.offline_judge import embedding, grading, guideline, offers, pictures, reading, reasons
from demo.offline_judge.evidence import Evidence, weigh
from demo.offline_judge.grading import Strictness
from demo.offline_judge.lexicon import BRANDS, KINDS
from demo.offline_judge.offers import Offer
from demo.offline_judge.reading import Wish
from demo.offline_judge.verdicts import verdicts
from demo.offline_judge.words import compact

DESCRIPTION_LETTERS = 160
"""Letters of the description that are embedded: an embedding takes time by its length (a thousand words: 2.6 s), and
the first sentence says what the thing is."""


class OfflineJudge:
    """A judge of relevance and pictures. `brands` adds names that a shopper of this market would know as brands;
    `kinds` are the kinds of things among which queries and offers are placed.

    Each product is graded by itself: neither its neighbours in a call nor their order nor earlier calls matter.
    """

    def __init__(
        self, strictness: Strictness = "usual", brands: Sequence[str] = (), kinds: Sequence[str] = KINDS
    ) -> None:
        self._strictness: Strictness = strictness
        self._brands = BRANDS | {compact(name) for name in brands}
        self._embedder = embedding.Embedder(kinds=kinds)
        self._lock = threading.Lock()

    @property
    def strictness(self) -> Strictness:
        """How it judges now."""
        return self._strictness

    def become(self, strictness: Strictness) -> None:
        """Change its ways, silently: model name and fingerprint stay what they are, as with real providers."""
        with self._lock:
            self._strictness = strictness

    def forget(self) -> None:
        """Empty the cache of embeddings."""
        self._embedder.clear()

    def guideline(self, query: str, language: str) -> GuidelineReply:
        """Step 1."""
        return guideline.guideline(reading.read_wish(query, self._brands), language)

    def judgements(
        self,
        query: str,
        products: Sequence[Mapping[str, object]],
        body: GuidelineReply | None = None,
        seen: Mapping[str, bytes] | None = None,
    ) -> JudgementsReply:
        """Step 5. `products` are PRODUCTS rows; `seen` the pictures by item, of which only the colours are used."""
        wish = reading.read_wish(query, self._brands)
        shown = [offers.read_offer(row, self._colours(row, seen or {})) for row in products]
        importance = guideline.importance_of(body) if body else {}
        lenient = self._strictness == "lenient"
        judged = []
        for offer, evidence in zip(shown, self.evidence(wish, shown), strict=True):
            spared = lenient and grading.is_spared(query, offer.title)
            grade = grading.decide(wish, evidence, importance, lenient=spared)
            text = reasons.reasoning(wish, evidence, grade)
            judged.append(
                ProductJudgement(
                    item=offer.item,
                    reasoning=text,
                    verdicts=verdicts(body, evidence, brand_given=bool(offer.brand)),
                    label=grade.label,
                    confidence=grade.confidence,
                )
            )
        return JudgementsReply(judgements=judged)

    def critique(
        self,
        query: str,
        products: Sequence[Mapping[str, object]],
        body: GuidelineReply | None,
        given: Sequence[Mapping[str, object]],
    ) -> CritiqueReply:
        """The second look: its own label beside the given one. Reasons it can't read: it lets them all hold."""
        labels = {str(row.get("item")): row.get("label") for row in given}
        own = self.judgements(query, products, body).judgements
        return CritiqueReply(critiques=[reasons.critique(each, labels.get(each.item)) for each in own])

    def evidence(self, wish: Wish, shown: Sequence[Offer]) -> list[Evidence]:
        """The evidence of each offer for one query."""
        asked, thing = self._embedder.queries([wish.text, wish.thing])
        vectors = self._embedder.passages([_passage(offer) for offer in shown])
        found = (embedding.similarities(asked, thing, vector, self._embedder) for vector in vectors)
        return [weigh(wish, offer, seen) for offer, seen in zip(shown, found, strict=True)]

    def read(self, query: str) -> Wish:
        """What the query asks for, with the brands this judge knows."""
        return reading.read_wish(query, self._brands)

    def description(self, jpeg: bytes) -> DescriptionReply:
        """Step 4: the picture in words, from its pixels."""
        return DescriptionReply(description=pictures.describe(pictures.measure(jpeg)))

    def picture_scores(self, seen: Sequence[tuple[str, bytes]]) -> PictureScoresReply:
        """Scores of pictures (item, JPEG), from their pixels."""
        judged: list[PictureJudgement] = [pictures.score(item, pictures.measure(jpeg)) for item, jpeg in seen]
        return PictureScoresReply(pictures=judged)

    def picture_critique(self, item: str, jpeg: bytes, given: int) -> PictureCritiqueReply:
        """The second look at a picture: its own overall score beside the given one."""
        return reasons.picture_critique(pictures.score(item, pictures.measure(jpeg)), given)

    def _colours(self, row: Mapping[str, object], seen: Mapping[str, bytes]) -> str:
        jpeg = seen.get(str(row.get("item")))
        return pictures.describe(pictures.measure(jpeg)) if jpeg else ""


def _passage(offer: Offer) -> str:
    parts = (offer.title, offer.category, offer.description[:DESCRIPTION_LETTERS])
    return ". ".join(part for part in parts if part) or offers.NOT_GIVEN
