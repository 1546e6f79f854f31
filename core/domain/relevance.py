"""Judging relevance, the pure part: what is asked, in which order, under which key, and what an answer says."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec
from pydantic import ValidationError

from core.domain.judging import (
    DescriptionReply,
    GuidelineReply,
    JudgementsReply,
    LabelGuide,
    ProductJudgement,
    Reply,
    Requirement,
)
from core.domain.labels import Mode
from core.domain.privacy import screened
from core.domain.prompting import clean, section
from core.errors import LlmInvalid

MAX_ATTRIBUTES = 40
"""Attributes of a product in a prompt: the widest catalogue seen has 60, the first 40 decide every label."""

ATTRIBUTE_LIMIT = 200
"""Characters of an attribute's name or value: longer ones are descriptions in the wrong place."""

SHORT_LIMIT = 400
"""Characters of title, brand, category: marketplaces allow 80 to 250."""

REASONING_LIMIT = 2_000
"""Characters kept of a reasoning: the prompt asks for 40 words, a talkative model is cut."""

GUIDELINE_TOKENS = 1_500
"""Output of a guideline: six requirements and three texts take 400 tokens in English, 700 from a talkative model."""

TOKENS_PER_JUDGEMENT = 160
"""Output of one judgement: 60 to 80 tokens as measured, doubled."""

JUDGEMENTS_BASE_TOKENS = 100
"""Output around the judgements."""

DESCRIPTION_TOKENS = 400
"""Output of a description: 90 words take 130 tokens, tripled for pictures full of printed text."""

AnyReply = TypeVar("AnyReply", bound=Reply)


@dataclass(frozen=True, slots=True)
class Search:
    """A query in its context. `language` is empty where nobody told it."""

    application: str
    market: str
    query: str
    language: str


@dataclass(frozen=True, slots=True)
class Product:
    """What a judge may see of a listing; neither rank nor engine nor clicks. Absent is None or empty."""

    title: str
    brand: str | None = None
    category: str | None = None
    price: str | None = None
    attributes: tuple[tuple[str, str], ...] = ()
    description: str | None = None
    picture_description: str | None = None


@dataclass(frozen=True, slots=True)
class KeyParts:
    """All that could change a label, and whose it is: judgements with the same parts are the same judgement."""

    application: str
    market: str
    query: str
    language: str
    guideline_version: str
    listing_id: str
    content_hash: str
    image_hash: str | None
    mode: Mode
    prompt_version: str
    model: str
    params: tuple[tuple[str, str], ...]
    """Everything else that shapes the call: temperature, schema, how the picture was described."""


def content_key(parts: KeyParts) -> str:
    """64 hex digits."""
    told = {name: getattr(parts, name) for name in KeyParts.__slots__}
    return hashlib.sha256(msgspec.json.encode(told, order="sorted")).hexdigest()


def seed_of(keys: Iterable[str]) -> int:
    """The same products give the same seed, whatever order they came in: 31 bits, as providers take them."""
    return int.from_bytes(hashlib.sha256("".join(sorted(keys)).encode()).digest()[:4]) >> 1


def shuffled(keys: Sequence[str], seed: int) -> list[str]:
    """`keys` in an order that their rank in the results has no part in."""
    return sorted(keys, key=lambda key: hashlib.sha256(f"{seed} {key}".encode()).digest())


def guideline_prompt(search: Search) -> str:
    """Step 1's user message."""
    return _query(search)


def judgements_prompt(search: Search, guideline: GuidelineReply, products: Mapping[str, Product]) -> str:
    """Step 5's user message. What all calls of a query share comes first; `products` by item name, in order."""
    shared = _query(search) + section("GUIDELINE", [guideline.model_dump(mode="json")])
    return shared + section("PRODUCTS", (_row(item, told, search.market) for item, told in products.items()))


def description_prompt(product: Product, market: str) -> str:
    """Step 4's user message, before the picture."""
    told = {"title": product.title, "brand": product.brand, "category": product.category}
    return section("LISTING", [{name: _data(text, market, SHORT_LIMIT) for name, text in told.items() if text}])


def judgement_tokens(products: int) -> int:
    """Output limit of a call with so many products."""
    return JUDGEMENTS_BASE_TOKENS + TOKENS_PER_JUDGEMENT * products


def parsed_reply(model: type[AnyReply], text: str) -> AnyReply:
    """The reply, checked against its schema; LlmInvalid says where it is wrong, without quoting it."""
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(step) for step in first["loc"]) or "the reply"
        raise LlmInvalid(f"the reply is not what the schema asks for: {place}: {first['msg']}") from None


def matched(reply: JudgementsReply, items: Sequence[str]) -> dict[str, ProductJudgement]:
    """Judgement by item, reasoning cleaned; items may be missing. LlmInvalid for one that was not asked or came twice:
    whoever miscounts may have mixed up the others too."""
    found: dict[str, ProductJudgement] = {}
    for judgement in reply.judgements:
        if judgement.item not in items:
            raise LlmInvalid("the reply grades an item that was not asked for")
        if judgement.item in found:
            raise LlmInvalid(f"the reply grades {judgement.item} twice")
        text = clean(judgement.reasoning, REASONING_LIMIT)
        found[judgement.item] = judgement.model_copy(update={"reasoning": text})
    return found


def cleaned_guideline(reply: GuidelineReply) -> GuidelineReply:
    """The guideline as it is stored and sent on, without control characters; LlmInvalid when it is empty."""
    guide = reply.guideline
    texts = [clean(text) for text in (guide.highly_relevant, guide.acceptable_substitute, guide.irrelevant)]
    if not all(texts):
        raise LlmInvalid("the guideline leaves a label undefined")
    requirements = [
        Requirement(requirement=clean(each.requirement), importance=each.importance, why=clean(each.why))
        for each in reply.requirements
    ]
    return GuidelineReply(
        translation=clean(reply.translation),
        specificity=reply.specificity,
        requirements=requirements,
        guideline=LabelGuide(highly_relevant=texts[0], acceptable_substitute=texts[1], irrelevant=texts[2]),
    )


def cleaned_description(reply: DescriptionReply) -> str:
    """The picture in words; LlmInvalid when there are none."""
    text = clean(reply.description)
    if not text:
        raise LlmInvalid("the description is empty")
    return text


def guideline_version(body: GuidelineReply, prompt_version: str) -> str:
    """What labels carry: the prompt that made it and a hash of what it says."""
    digest = hashlib.sha256(msgspec.json.encode(body.model_dump(mode="json"), order="sorted")).hexdigest()
    return f"{prompt_version}.{digest[:12]}"


def _query(search: Search) -> str:
    told = {"query": _data(search.query, search.market), "market": search.market, "language": search.language}
    return section("QUERY", [{name: clean(value) for name, value in told.items() if value}])


def _row(item: str, product: Product, market: str) -> dict[str, object]:
    short = {"title": product.title, "brand": product.brand, "category": product.category, "price": product.price}
    long = {"description": product.description, "picture_description": product.picture_description}
    row: dict[str, object] = {"item": item}
    row.update((name, _data(text, market, SHORT_LIMIT)) for name, text in short.items() if text)
    if product.attributes:
        row["attributes"] = {
            _data(name, market, ATTRIBUTE_LIMIT): _data(value, market, ATTRIBUTE_LIMIT)
            for name, value in product.attributes[:MAX_ATTRIBUTES]
        }
    row.update((name, _data(text, market)) for name, text in long.items() if text)
    return row


def _data(text: str, market: str, limit: int | None = None) -> str:
    return screened(clean(text) if limit is None else clean(text, limit), market)
