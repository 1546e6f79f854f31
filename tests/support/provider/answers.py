"""What the stand-in says: a reply for any schema of ours, each asked item exactly once, labels by what is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from zlib import crc32

import msgspec

from demo.offline_judge.prompt import Prompt
from tests.support.provider.knobs import Fault

LABELS = ("irrelevant", "acceptable_substitute", "highly_relevant")
WORDS = (
    "The query asks for a kind, a brand and a colour; title and attributes show the kind and the colour, not the brand."
)
"""A reasoning of 30 tokens: with its frame a judgement has 60, as measured on hosted models."""

Row = dict[str, object]


class Answers:
    """Replies by schema; a schema is read once."""

    def __init__(self) -> None:
        self._samples: dict[str, tuple[object, object]] = {}

    def text(self, prompt: Prompt, schema: object, fault: Fault | None, random: Random) -> str:
        """The reply's text; `fault` may spoil it."""
        reply = self._sample(prompt.purpose, schema)
        if prompt.purpose == "judgements":
            reply = {**reply, "judgements": self._judgements(reply, prompt)}
        elif prompt.purpose == "critique" and prompt.pictures:
            reply = {**reply, "agrees": True, "overall": prompt.row("JUDGEMENTS")["overall"]}
        elif prompt.purpose == "critique":
            reply = {**reply, "critiques": self._critiques(reply, prompt)}
        elif prompt.purpose == "picture_scores":
            reply = {**reply, "pictures": _items(reply["pictures"], list(prompt.pictures))}
        rows = reply.get("judgements") or reply.get("pictures") or reply.get("critiques")
        if isinstance(rows, list) and rows:
            _spoil(rows, fault, random)
        return _cut(msgspec.json.encode(reply).decode(), fault)

    def _sample(self, purpose: str, schema: object) -> Row:
        known = self._samples.get(purpose)
        if known is None or known[0] != schema:
            known = self._samples[purpose] = (schema, _sample(schema, ""))
        assert isinstance(known[1], dict)
        return known[1]

    @staticmethod
    def _critiques(reply: Row, prompt: Prompt) -> list[Row]:
        """By its own label of each product, so that a run of its own labels is agreed with throughout."""
        query, products = str(prompt.row("QUERY")["query"]), prompt.sections["PRODUCTS"]
        own = {str(row["item"]): label_of(query, str(row.get("title"))) for row in products}
        given = {str(row["item"]): str(row["label"]) for row in prompt.sections["JUDGEMENTS"]}
        rows = _items(reply["critiques"], list(given))
        return [_agreeing(row, given[str(row["item"])], own[str(row["item"])]) for row in rows]

    @staticmethod
    def _judgements(reply: Row, prompt: Prompt) -> list[Row]:
        products = prompt.sections["PRODUCTS"]
        rows = _items(reply["judgements"], [str(row["item"]) for row in products])
        query = str(prompt.row("QUERY")["query"])
        asked = _requirements(prompt)
        for row, product in zip(rows, products, strict=True):
            row["label"] = label_of(query, str(product.get("title")))
            row["verdicts"] = _verdicts(str(row["label"]), len(asked))
        return rows


def _requirements(prompt: Prompt) -> Sequence[object]:
    told = prompt.row("GUIDELINE").get("requirements") if "GUIDELINE" in prompt.sections else None
    return told if isinstance(told, list) else []


def _verdicts(label: str, requirements: int) -> str:
    """All met, but the first where the label is `irrelevant`: none that a label contradicts, none undecided."""
    return ("n" if label == "irrelevant" else "y")[:requirements] + "y" * (requirements - 1)


def _agreeing(row: Row, label: str, own: str) -> Row:
    return {**row, "reason_holds": True, "agrees": label == own, "label": own}


def label_of(query: str, title: str) -> str:
    """The same for the same pair, whoever asks and when; a product without a title has one too."""
    return LABELS[crc32(f"{query}|{title}".encode()) % len(LABELS)]


def _items(sample: object, names: Sequence[str]) -> list[Row]:
    assert isinstance(sample, list)
    return [{**sample[0], "item": name} for name in names]


def _spoil(rows: list[Row], fault: Fault | None, random: Random) -> None:
    """Items that do not match those that were asked."""
    if fault == "missing_item":
        rows.pop(random.randrange(len(rows)))
    elif fault == "wrong_items":
        rows[-1]["item"] = random.choice(("p99", rows[0]["item"])) if len(rows) > 1 else "p99"


def _cut(text: str, fault: Fault | None) -> str:
    """Half of the text is no JSON."""
    return text[: len(text) // 2] if fault in {"invalid_json", "truncated"} else text


def _sample(schema: object, name: str) -> object:
    """A value that the schema allows: the first of a choice, one element of a list, some words."""
    assert isinstance(schema, Mapping)
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            return {key: _sample(value, key) for key, value in schema["properties"].items()}
        case "array":
            return [_sample(schema["items"], name)]
        case "integer":
            return max(schema.get("minimum", 0), min(schema.get("maximum", 0), 7))
        case "number":
            return 0.9
        case "boolean":
            return False
    return "p1" if name == "item" else WORDS
