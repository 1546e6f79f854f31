"""The picture judge's calls: what is asked about a listing's pictures, what a reply says of each, the facts they make.

Nothing here waits; `core.stages.score_listing` sends the requests.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError

from core.domain.events import event_id
from core.domain.judging import PictureJudgement, PictureScoresReply, Reply
from core.domain.prompting import clean, picture_heading, section
from core.domain.relevance import Product, parsed_reply
from core.domain.strict_schema import strict_schema
from core.errors import LlmError, LlmInvalid, LlmMissingItem, LlmWrongItems
from core.eval_facts import JudgeVersion
from core.ports import (
    ImageScoreFact,
    Listing,
    LlmReply,
    LlmRequest,
    Part,
    Picture,
    PicturePart,
    Task,
    TextPart,
)
from core.prompts import Prompt
from core.stages.judge_recipe import picture_prompt

PICTURES_A_CALL = 8
"""Pictures of one listing in one call at most: sellers show three to ten, and each is some 800 tokens of input."""

MAX_OUTPUT_TOKENS = 900
"""For each picture: 120 words of reasoning are 200 tokens, eight scores and the frame 130; nearly three times that
leaves slack and still cuts a runaway reply off."""

REASONING_LIMIT = 4_000
"""Characters of reasoning that are kept: five times what the prompt asks for."""

ATTRIBUTES = 12
"""Attributes of a listing that are shown: what tells the item apart stands first, the rest is paid for unread."""

ITEM = "p1"
"""Name of a call's first picture; the others are p2, p3, …, in the listing's order."""

_SCHEMA = strict_schema(PictureScoresReply)


class _Rows(Reply):
    """A reply before each of its rows is looked at by itself."""

    pictures: list[dict[str, object]]


@dataclass(frozen=True, slots=True)
class PictureJudge:
    """What of a judge version looks at pictures of one category."""

    version: str
    """`name@hash`."""
    prompt: Prompt
    model: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture that is asked about, and the task it is asked for."""

    task: Task
    picture: Picture


Told = PictureJudgement | LlmError
"""What a reply says of one picture, or why it says nothing that counts."""


def picture_judge(judge: JudgeVersion, category: str | None = None) -> PictureJudge:
    """The picture judge of a version, with the rubric of a listing's category."""
    return PictureJudge(judge.version, picture_prompt(judge, category), judge.vision_model)


def items_of(pictures: int) -> list[str]:
    """The names of so many pictures in a call."""
    return [f"p{place + 1}" for place in range(pictures)]


def score_request(shown: Sequence[Shown], listing: Listing, judge: PictureJudge, seller: str) -> LlmRequest:
    """The call for one or more pictures of a listing, at most `PICTURES_A_CALL`, in the given order: the rubric as
    rules, listing and pictures as data. `seller`: the attribute that names the seller (the setting
    `listing_seller_attribute`), which no judge is told."""
    items = items_of(len(shown))
    return LlmRequest(
        lane=shown[0].task.lane,
        purpose="picture_scores",
        model=judge.model,
        prompt_version=judge.prompt.version,
        system=judge.prompt.text,
        user=(
            TextPart(section("LISTING", [listing_row(listing, seller)])),
            *(part for item, each in zip(items, shown, strict=True) for part in _parts(item, each, listing)),
        ),
        schema=_SCHEMA,
        max_output_tokens=MAX_OUTPUT_TOKENS * len(shown),
        subject={**_subject([each.task for each in shown]), "judge": judge.version},
        check=lambda text: read_scores(text, items),
        tasks=tuple(each.task.task_id for each in shown),
    )


def _parts(item: str, shown: Shown, listing: Listing) -> tuple[Part, Part]:
    """The heading says which one is the listing's main picture."""
    is_main = listing.image_urls[:1] == (shown.task.subject["image_url"],)
    picture = shown.picture
    return (
        TextPart(picture_heading(item, main=is_main)),
        PicturePart(picture.jpeg, picture.width, picture.height),
    )


def _subject(tasks: Sequence[Task]) -> dict[str, str]:
    """The listing and the addresses of all pictures: of one as its task has it, of several parted by spaces, which no
    address holds."""
    told = dict(tasks[0].subject)
    if len(tasks) > 1:
        told.pop("image_url")
        told["image_urls"] = " ".join(task.subject["image_url"] for task in tasks)
    return told


def listing_row(listing: Listing | Product, seller: str) -> dict[str, object]:
    """What a judge or critic is told of the listing: what the item is, so that it can tell whether the picture shows
    it. Who sells it is no part of that."""
    texts = {
        "title": listing.title,
        "brand": listing.brand,
        "category": listing.category,
        "description": listing.description,
    }
    row: dict[str, object] = {name: clean(text) for name, text in texts.items() if text}
    told = {name: value for name, value in dict(listing.attributes).items() if name != seller}
    if attributes := sorted(told.items())[:ATTRIBUTES]:
        row["attributes"] = {clean(name): clean(value) for name, value in attributes}
    return row


def read_scores(text: str, items: Sequence[str]) -> dict[str, Told]:
    """What a reply says of each picture that was asked about. One that is left out, or has a row that the schema does
    not allow, has its own error; the others count.

    Raised: LlmWrongItems for a picture not asked for or come twice (whose score is which is unknown then), LlmInvalid
    for a reply of another form, and where no picture has a judgement the first one's error."""
    found: dict[str, Told] = {}
    for row in parsed_reply(_Rows, text).pictures:
        item = row.get("item")
        if not isinstance(item, str) or item not in items:
            raise LlmWrongItems("the reply scores a picture that was not asked for")
        if item in found:
            raise LlmWrongItems(f"the reply scores {item} twice")
        found[item] = _judgement(item, row)
    told = {item: found.get(item, LlmMissingItem(f"the reply leaves {item} out")) for item in items}
    errors = [each for each in told.values() if isinstance(each, LlmError)]
    if len(errors) == len(told):
        raise errors[0]
    return told


def read_judgement(text: str) -> PictureJudgement:
    """The judgement of a reply about one picture; the errors of `read_scores`."""
    told = read_scores(text, [ITEM])[ITEM]
    if isinstance(told, LlmError):
        raise told
    return told


def _judgement(item: str, row: dict[str, object]) -> Told:
    try:
        return PictureJudgement.model_validate(row)
    except ValidationError as error:
        return LlmInvalid(f"what the reply says of {item} has {error.error_count()} faults")


def score_fact(
    task: Task, image_hash: str, judge: PictureJudge, reply: LlmReply, judgement: PictureJudgement, at: datetime
) -> ImageScoreFact:
    """The fact that a reply makes of one picture."""
    key = content_key(task, image_hash, judge.prompt.version, judge.model)
    return ImageScoreFact(
        event_id=event_id(key),
        content_key=key,
        listing_id=task.subject["listing_id"],
        image_url=task.subject["image_url"],
        image_hash=image_hash,
        score=judgement.overall,
        aspects=judgement.aspects.model_dump(),
        reasoning=clean(judgement.reasoning, REASONING_LIMIT),
        tier="llm",
        model=judge.model,
        fingerprint=reply.fingerprint or reply.model,
        prompt_version=judge.prompt.version,
        judged_at=at,
        call_id=reply.call_id,
        judge=judge.version,
        flags=tuple(judgement.flags),
    )


def content_key(task: Task, image_hash: str, version: str, model: str) -> str:
    """The key of a task's score by this prompt and model."""
    return score_key(task.subject["listing_id"], task.subject["image_url"], image_hash, version, model)


def score_key(listing_id: str, image_url: str, image_hash: str, version: str, model: str) -> str:
    """SHA-256 over all that makes a score: listing, URL, picture, prompt, model; parts end with a NUL none holds."""
    parts = (listing_id, image_url, image_hash, version, model)
    return hashlib.sha256("".join(f"{part}\0" for part in parts).encode()).hexdigest()
