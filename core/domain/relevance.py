"""Judging relevance, the pure part: what is asked, in which order, under which key, and what an answer says."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

import msgspec
from pydantic import ValidationError

from core.domain.guidelines import Context, GuidelineKey
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
from core.domain.memory import Memory
from core.domain.prompting import ROW_LIMITS, Line, clean, line, named_line, section, section_of
from core.errors import LlmInvalid, LlmWrongItems

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

LINES_BYTES = 16 * 1024 * 1024
"""Lines of products that are remembered: a product is judged for many queries, and to clean and screen it is most of a
prompt's work. Some 13,000 lines of a thousand characters; nothing in them is more than a provider is sent."""

_NAME_ROOM = 20
"""More characters than `item` and a product's name in a call, `p1` to `p100`, take of its line."""

_LINES: Memory[Line] = Memory(LINES_BYTES)

AnyReply = TypeVar("AnyReply", bound=Reply)


@dataclass(frozen=True, slots=True)
class Search:
    """A query in its context. `language` is empty where nobody told it; `context` holds the filters that were set."""

    application: str
    market: str
    query: str
    language: str
    context: Context = ()

    @property
    def guideline_key(self) -> GuidelineKey:
        """Whose guideline counts: applications of one market share it."""
        return GuidelineKey(self.market, self.query, self.language, self.context)


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
    context: str
    """The filters in one spelling, as `core.domain.guidelines.context_text` writes them."""
    guideline_version: str
    listing_id: str
    content_hash: str
    image_hash: str | None
    mode: Mode
    prompt_version: str
    model: str
    params: tuple[tuple[str, str], ...]
    """Everything else that shapes the call: see `core.stages.judge_recipe.Recipe.params`."""


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
    shared = _query(search) + section("GUIDELINE", [guideline.model_dump(mode="json")], search.market)
    return shared + section_of("PRODUCTS", (_line(item, told, search.market) for item, told in products.items()))


@cache
def layout_hash() -> str:
    """8 hex digits of how data is laid out in a prompt, made of a sample, so that they change with what code makes of
    it: the same words laid out otherwise are another question to a model."""
    full = Product("t", "b", "c", "1 EUR", (("brand", "b"), ("a", "v")), "t, d \u200bd", "p")
    sample = Search("a", "de", "q", "l", (("f", "v"),))
    guide = GuidelineReply(
        translation="t",
        specificity="broad",
        requirements=[Requirement(requirement="r", importance="must_have", why="w")],
        guideline=LabelGuide(highly_relevant="h", acceptable_substitute="s", irrelevant="i"),
    )
    text = judgements_prompt(sample, guide, {"p1": full, "p2": Product("t")})
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def description_prompt(product: Product, market: str) -> str:
    """Step 4's user message, before the picture."""
    told = {"title": product.title, "brand": product.brand, "category": product.category}
    return section("LISTING", [{name: clean(text, SHORT_LIMIT) for name, text in told.items() if text}], market)


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
    """Judgement by item, reasoning cleaned; items may be missing. LlmWrongItems for one not asked for or come twice:
    whoever miscounts may have mixed up the others too."""
    found: dict[str, ProductJudgement] = {}
    for judgement in reply.judgements:
        if judgement.item not in items:
            raise LlmWrongItems("the reply grades an item that was not asked for")
        if judgement.item in found:
            raise LlmWrongItems(f"the reply grades {judgement.item} twice")
        text = clean(judgement.reasoning, REASONING_LIMIT)
        same = text == judgement.reasoning
        found[judgement.item] = judgement if same else judgement.model_copy(update={"reasoning": text})
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


def _query(search: Search) -> str:
    told = {"query": search.query, "market": search.market, "language": search.language}
    filters = {clean(name): value for name, value in search.context}
    rows = {name: value for name, value in {**told, **filters, **told}.items() if value}
    return section("QUERY", [rows], search.market)


def _line(item: str, product: Product, market: str) -> Line:
    """The product's line. One that may be too long for a row is made anew with its name, for its cut hangs on both."""
    try:
        told = msgspec.json.encode((market, product))
    except UnicodeEncodeError:  # half a character, which cleaning takes out and JSON does not take
        return line("PRODUCTS", {"item": item, **_row(product)}, market)
    fields = _LINES.of(hashlib.sha256(told).digest(), lambda: line("PRODUCTS", _row(product), market))
    if len(fields) + _NAME_ROOM > ROW_LIMITS["PRODUCTS"]:
        return line("PRODUCTS", {"item": item, **_row(product)}, market)
    return named_line(item, fields)


def _row(product: Product) -> dict[str, object]:
    """What the catalogue says, and by name what it does not: "not given" is a value. Nothing is said twice."""
    title = clean(product.title, SHORT_LIMIT)
    told: dict[str, object] = {
        "brand": clean(product.brand or "", SHORT_LIMIT),
        "category": clean(product.category or "", SHORT_LIMIT),
        "price": product.price,
        "attributes": _attributes(product),
        "description": _without_title(clean(product.description or ""), title),
    }
    row: dict[str, object] = {"title": title, **{name: value for name, value in told.items() if value}}
    if product.picture_description:
        row["picture_description"] = product.picture_description
    missing = [name for name in told if not getattr(product, name)]
    return {**row, "not_given": missing} if missing else row


def _attributes(product: Product) -> dict[str, str]:
    """In their order, without those that repeat brand or category by their own name."""
    fields = {"brand": product.brand, "category": product.category}
    kept = ((name, value) for name, value in product.attributes if fields.get(name.casefold()) != value)
    return {
        clean(name, ATTRIBUTE_LIMIT): clean(value, ATTRIBUTE_LIMIT)
        for name, value in itertools.islice(kept, MAX_ATTRIBUTES)
    }


def _without_title(description: str, title: str) -> str:
    """Sellers often begin the description with the title: those tokens are paid once."""
    rest = description.removeprefix(title)
    return description if rest[:1].isalnum() else rest.lstrip(" .,:;|-")
