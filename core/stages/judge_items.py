"""From a task to what is judged: its listing, its picture, the picture in words. No label is made here."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from core.domain.guidelines import context_of
from core.domain.judging import DescriptionReply
from core.domain.labels import Mode
from core.domain.listings import ListingRecord, listing_of
from core.domain.prompting import picture_heading
from core.domain.relevance import (
    DESCRIPTION_TOKENS,
    Product,
    Search,
    cleaned_description,
    description_prompt,
    parsed_reply,
)
from core.domain.strict_schema import strict_schema
from core.errors import AssayError, LlmError, PictureError
from core.guideline_ports import Claims
from core.ports import (
    Catalogue,
    Clock,
    JudgementStore,
    Listing,
    Llm,
    LlmRequest,
    Picture,
    PicturePart,
    PictureSource,
    Task,
    TextPart,
)
from core.prompts import Prompt
from core.stages.once import made_once

_NO_TIME = 1_767_225_600_000
"""Stands where a listing to be judged gives no time: the time is no part of what is judged."""


class ListingError(AssayError):
    """A task names no listing that can be judged. `kind` is the task's reason; an end state."""

    def __init__(self, message: str, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


ItemError = LlmError | PictureError | ListingError


@dataclass(frozen=True, slots=True)
class Item:
    """A task with what is known of its product so far."""

    task: Task
    listing: Listing
    picture: Picture | None = None
    description: str | None = None
    key: str = ""

    @property
    def image_hash(self) -> str | None:
        """Hash of the picture that is part of what is judged."""
        return self.picture.image_hash if self.picture else None

    def product(self) -> Product:
        """What the judge may see in words."""
        told = self.listing
        return Product(
            title=told.title,
            brand=told.brand,
            category=told.category,
            price=_price(told),
            attributes=tuple(sorted(told.attributes.items())),
            description=told.description,
            picture_description=self.description,
        )


Outcome = Item | tuple[Task, ItemError]


def search_of(task: Task) -> Search:
    """The query and its context."""
    subject, language, context = task.subject, task.payload.get("language"), task.payload.get("context")
    return Search(
        application=subject.get("application", "default"),
        market=subject.get("market", "default"),
        query=subject["query"],
        language=language if isinstance(language, str) else subject.get("language", ""),
        context=context_of(context) if isinstance(context, dict) else (),
    )


@dataclass(frozen=True, slots=True)
class ItemSource:
    """Listings and pictures of tasks, one after the other or together; what fails, fails for its own task."""

    llm: Llm
    store: JudgementStore
    claims: Claims
    wall: Clock
    catalogue: Catalogue
    pictures: PictureSource
    mode: Mode
    vision_model: str
    prompt: Prompt

    async def items(self, tasks: Sequence[Task]) -> list[Outcome]:
        """Each task with its listing and, where the mode has one, its picture; or why it has none."""
        wanted = [task.subject.get("listing_id", "") for task in tasks if "listing" not in task.payload]
        known = await self.catalogue.listings(wanted) if wanted else {}
        if self.mode == "text":
            return [_without_picture(task, known) for task in tasks]
        return list(await asyncio.gather(*(self._item(task, known) for task in tasks)))

    async def described(self, search: Search, items: Sequence[Item]) -> list[Outcome]:
        """The items with their pictures in words; a picture is described once, whoever shows it."""
        if self.mode != "text_and_description":
            return list(items)
        first = {item.image_hash: item for item in items if item.picture is not None}
        words = await asyncio.gather(*(self._words(search, item) for item in first.values()))
        by_hash = dict(zip(first, words, strict=True))
        return [_with_words(item, by_hash.get(item.image_hash)) for item in items]

    async def _item(self, task: Task, known: Mapping[str, Listing]) -> Outcome:
        try:
            listing = _listing(task, known)
            if not listing.image_urls:
                return Item(task, listing)
            return Item(task, listing, await self.pictures.fetch(listing.image_urls[0]))
        except (ListingError, PictureError) as error:
            return task, error

    async def _words(self, search: Search, item: Item) -> str | LlmError | None:
        try:
            return await self._description(search, item, item.picture) if item.picture else None
        except LlmError as error:
            return error

    async def _description(self, search: Search, item: Item, picture: Picture) -> str:
        """Made once for a picture, however many replicas meet it at the same time."""
        made_with = (picture.image_hash, self.prompt.version, self.vision_model)

        async def make() -> str:
            text = _read((await self.llm.complete(self._request(search, item, picture))).text)
            await self.store.save_description(*made_with, text)
            return text

        name = " ".join(("description", *made_with))
        return await made_once(self.claims, self.wall, name, lambda: self.store.description(*made_with), make)

    def _request(self, search: Search, item: Item, picture: Picture) -> LlmRequest:
        return LlmRequest(
            lane=item.task.lane,
            purpose="picture_description",
            model=self.vision_model,
            prompt_version=self.prompt.version,
            system=self.prompt.text,
            user=(
                TextPart(description_prompt(item.product(), search.market)),
                TextPart(picture_heading("p1")),
                PicturePart(picture.jpeg, picture.width, picture.height),
            ),
            schema=strict_schema(DescriptionReply),
            max_output_tokens=DESCRIPTION_TOKENS,
            subject=item.task.subject,
            check=_read,
            tasks=(item.task.task_id,),
        )


def _read(text: str) -> str:
    return cleaned_description(parsed_reply(DescriptionReply, text))


def _without_picture(task: Task, known: Mapping[str, Listing]) -> Outcome:
    try:
        return Item(task, _listing(task, known))
    except ListingError as error:
        return task, error


def _with_words(item: Item, words: str | LlmError | None) -> Outcome:
    return (item.task, words) if isinstance(words, LlmError) else replace(item, description=words)


def _listing(task: Task, known: Mapping[str, Listing]) -> Listing:
    """The listing a task carries, else the catalogue's."""
    given = task.payload.get("listing")
    if given is not None:
        return _given_listing(given, task.subject)
    listing = known.get(task.subject.get("listing_id", ""))
    if listing is None:
        raise ListingError("the catalogue has no such listing", "listing_unknown")
    return listing


def _given_listing(given: object, subject: Mapping[str, str]) -> Listing:
    if not isinstance(given, dict):
        raise ListingError("the task's listing is no object", "listing_unusable")
    told = {str(name): value for name, value in given.items() if value is not None}
    usual = {"timestamp": _NO_TIME, "market": subject.get("market"), "listing_id": subject.get("listing_id")}
    record = listing_of({**usual, **told, "event": "new"}, -1)
    if not isinstance(record, ListingRecord):
        raise ListingError(f"the task's listing can't be used: {record.reason}", "listing_unusable")
    return Listing(
        listing_id=record.listing_id,
        market=record.market,
        language=record.language,
        title=record.title,
        description=record.description,
        brand=record.brand,
        category=record.category,
        price_amount=record.price_amount,
        price_currency=record.price_currency,
        attributes=record.attributes,
        image_urls=tuple(record.image_urls),
        content_hash=record.content_hash,
    )


def _price(listing: Listing) -> str | None:
    if listing.price_amount is None:
        return None
    return " ".join(filter(None, (f"{listing.price_amount:g}", listing.price_currency)))
