"""What a dataset is made of. Here, and not beside the other facts of evaluation, because files become items by pure
functions; `core.eval_facts` offers them too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

DatasetKind = Literal["relevance", "image"]
"""`relevance`: query and product, graded 0 to 2. `image`: a picture of a listing, scored 1 to 10."""

Split = Literal["tune", "test"]
"""Prompts are written with `tune` in view and measured on `test`. A query is in one of them, with all its items."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """An immutable version of human-labelled data. `version` is a hash of its items, ratings and rule: the same content
    is the same version, whoever imports it."""

    name: str
    version: str
    kind: DatasetKind
    source: str
    licence: str
    rule: str
    """How grades of the file became ours, as it was stated: `0=0 1=1 2=1 3=2`."""
    anchors: bool
    """Anchors never enter a prompt, an example or a cache."""
    items: int
    queries: int
    raters: tuple[str, ...]
    made_at: datetime
    made_by: str

    @property
    def ref(self) -> str:
        """`name@version`, as commands and pages say it."""
        return f"{self.name}@{self.version}"


@dataclass(frozen=True, slots=True)
class EvalItem:
    """One thing to grade, with what people said of it. Grades are 0 to 2, or 1 to 10 of an `image` dataset."""

    item_id: str
    split: Split
    application: str
    market: str
    language: str
    query: str
    """Normalised; of an `image` dataset the cluster that stands or falls together: the listing's id."""
    context: tuple[tuple[str, str], ...]
    listing_id: str
    listing: Mapping[str, object] | None
    """The product as the dataset brings it, in the shape of the topic `listings`; None: the catalogue's is taken."""
    image_url: str | None
    segment: Mapping[str, str]
    """`market`, `language`, `length` of the query, `volume`, `category`, a picture's `seller`: those that are known."""
    ranks: Mapping[str, int]
    """Place among an engine's results for the query, from 1, by engine; empty where no engine is known."""
    truth: int | None
    """The grade that counts: adjudicated, else the median of the raters, rounded down. None: nobody graded it."""
    ratings: Mapping[str, int]
    """Grade by rater; a rater who did not see the item is absent."""

    @property
    def cluster(self) -> str:
        """What stands or falls together, and intervals are over: the query of one market and language, or a listing."""
        return "\x1f".join((self.application, self.market, self.language, self.query))
