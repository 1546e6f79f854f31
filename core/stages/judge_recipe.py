"""How a query is judged: modes, models and prompts, the requests they make, and the facts that come of the replies.

Nothing here waits or fails; `core.stages.judge_query` sends the requests.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import get_args

import msgspec

from core.domain.events import event_id
from core.domain.guidelines import context_text
from core.domain.images.rubrics import rubric_for, rubrics_version
from core.domain.judging import MAX_PRODUCTS_PER_CALL, GuidelineReply, JudgementsReply, ProductJudgement
from core.domain.labels import LANE_RANK, Lane, Mode, SelectionReason
from core.domain.prompting import picture_heading, prompt_version
from core.domain.relevance import (
    GUIDELINE_TOKENS,
    JUDGEMENTS_BASE_TOKENS,
    TOKENS_PER_JUDGEMENT,
    KeyParts,
    Search,
    content_key,
    guideline_prompt,
    judgement_tokens,
    judgements_prompt,
    layout_hash,
    seed_of,
)
from core.domain.sampling import PLAIN, Sampling
from core.domain.strict_schema import strict_schema
from core.eval_facts import JudgePrompt, JudgeVersion
from core.ports import (
    AnchorOutcome,
    LabelFact,
    LlmReply,
    LlmRequest,
    Part,
    PicturePart,
    StoredGuideline,
    Task,
    TextPart,
)
from core.prompts import Prompt
from core.stages.judge_items import Item

RUBRIC_HEADING = """## The kind of thing: {name}

The listing's category says that it is of this kind. The rules above hold; where what follows says more of an aspect, it
decides that aspect. If the picture plainly shows another kind of thing, go by the rules alone and say so."""
"""What stands between rules and rubric."""

_REASONS: Mapping[str, SelectionReason] = {reason: reason for reason in get_args(SelectionReason)}
_GUIDELINE_SCHEMA = strict_schema(GuidelineReply)
_JUDGEMENTS_SCHEMA = strict_schema(JudgementsReply)
_SCHEMA_HASH = hashlib.sha256(msgspec.json.encode(_JUDGEMENTS_SCHEMA)).hexdigest()[:8]


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that makes one judge differ from another."""

    mode: Mode
    model: str
    vision_model: str
    guideline: Prompt
    judgements: Prompt
    description: Prompt
    cascade: str = ""
    """The identity of the cascade that grades; empty where one model does."""
    judge: str = ""
    """The judge version that this is, as labels carry it: `name@hash`."""
    per_call: int = MAX_PRODUCTS_PER_CALL
    """Products that go into one call at most."""
    sampling: Sampling = PLAIN
    """Parameters of its calls, descriptions of pictures aside: those are shared by judges."""

    @property
    def identity(self) -> str:
        """What makes one judge's label of a pair another's too, whatever the judge is called: a part of the keys of
        tasks, so that a pair is asked once of each judge."""
        described = self.mode == "text_and_description"
        parts = (
            self.mode,
            self.judging_model,
            self.judgements.version,
            self.guideline.version,
            f"{self.vision_model} {self.description.version}" if described else "",
            self.cascade,
            "" if self.per_call == MAX_PRODUCTS_PER_CALL else f"{self.per_call} a call",
            self.sampling.identity,
        )
        return "|".join(part for part in parts if part)

    @property
    def judging_model(self) -> str:
        """The model that grades: the one that sees where it is given pictures."""
        return self.vision_model if self.mode == "multimodal" else self.model

    def guideline_request(self, search: Search, tasks: Sequence[Task]) -> LlmRequest:
        return LlmRequest(
            lane=_best_lane(tasks),
            purpose="guideline",
            model=self.model,
            prompt_version=self.guideline.version,
            system=self.guideline.text,
            user=(TextPart(guideline_prompt(search)),),
            schema=_GUIDELINE_SCHEMA,
            max_output_tokens=GUIDELINE_TOKENS + self.sampling.reasoning_tokens,
            subject=self._subject(search),
            seed=seed_of([search.market, search.query, search.language, context_text(search.context)]),
            sampling=self.sampling,
        )

    def judgements_request(self, search: Search, guideline: StoredGuideline, named: Mapping[str, Item]) -> LlmRequest:
        products = {name: item.product() for name, item in named.items()}
        text = TextPart(judgements_prompt(search, guideline.body, products))
        return LlmRequest(
            lane=_best_lane([item.task for item in named.values()]),
            purpose="judgements",
            model=self.judging_model,
            prompt_version=self.judgements.version,
            system=self.judgements.text,
            user=(text, *self._picture_parts(named)),
            schema=_JUDGEMENTS_SCHEMA,
            max_output_tokens=judgement_tokens(len(named)) + self.sampling.reasoning_tokens,
            subject=self._subject(search),
            seed=seed_of(item.key for item in named.values()),
            sampling=self.sampling,
        )

    def _subject(self, search: Search) -> dict[str, str]:
        return {**_subject(search), "judge": self.judge} if self.judge else _subject(search)

    def _picture_parts(self, named: Mapping[str, Item]) -> list[Part]:
        if self.mode != "multimodal":
            return []
        shown = [(name, item.picture) for name, item in named.items() if item.picture is not None]
        return [
            part
            for name, picture in shown
            for part in (
                TextPart(picture_heading(name)),
                PicturePart(picture.jpeg, picture.width, picture.height),
            )
        ]

    def params(self) -> tuple[tuple[str, str], ...]:
        """What shapes a judgement and is neither of the query nor of the product: the reply's schema, how data is laid
        out, the output limit, where the seed comes from, who is asked when the first answer does not settle it, and by
        which prompt and model a picture became words. The temperature is 0 where an endpoint takes one."""
        words = (("description", f"{self.description.version} {self.vision_model}"),)
        return (
            ("schema", _SCHEMA_HASH),
            ("layout", layout_hash()),
            ("output", f"{JUDGEMENTS_BASE_TOKENS}+{TOKENS_PER_JUDGEMENT}"),
            ("seed", "keys"),
            ("temperature", "0"),
            *((("cascade", self.cascade),) if self.cascade else ()),
            *((("per_call", str(self.per_call)),) if self.per_call != MAX_PRODUCTS_PER_CALL else ()),
            *((("sampling", self.sampling.identity),) if self.sampling.identity else ()),
            *(words if self.mode == "text_and_description" else ()),
        )

    def key(self, search: Search, guideline: StoredGuideline, item: Item) -> str:
        return content_key(
            KeyParts(
                application=search.application,
                market=search.market,
                query=search.query,
                language=search.language,
                context=context_text(search.context),
                guideline_version=guideline.version,
                listing_id=item.listing.listing_id,
                content_hash=item.listing.content_hash,
                image_hash=item.image_hash,
                mode=self.mode,
                prompt_version=self.judgements.version,
                model=self.judging_model,
                params=self.params(),
            )
        )

    def fact(
        self,
        search: Search,
        guideline: StoredGuideline,
        reply: LlmReply,
        item: Item,
        judgement: ProductJudgement,
        at: datetime,
    ) -> LabelFact:
        return LabelFact(
            event_id=event_id(item.key),
            content_key=item.key,
            application=search.application,
            market=search.market,
            query=search.query,
            listing_id=item.listing.listing_id,
            label=judgement.label,
            confidence=judgement.confidence,
            reasoning=judgement.reasoning,
            reason=reason_of(item.task),
            mode=self.mode,
            model=reply.asked_model or self.judging_model,
            fingerprint=reply.fingerprint or reply.model,
            prompt_version=self.judgements.version,
            guideline_version=guideline.version,
            content_hash=item.listing.content_hash,
            image_hash=item.image_hash,
            judged_at=at,
            call_id=reply.call_id,
            judge=self.judge,
            verdicts=judgement.verdicts,
        )

    def anchor(self, item: Item, reply: LlmReply, judgement: ProductJudgement, at: datetime) -> AnchorOutcome:
        payload = item.task.payload
        return AnchorOutcome(
            anchor_id=str(payload["anchor_id"]),
            night=str(payload["night"]),
            label=judgement.label,
            model=reply.asked_model or self.judging_model,
            fingerprint=reply.fingerprint or reply.model,
            call_id=reply.call_id,
            judged_at=at,
        )


def reason_of(task: Task) -> SelectionReason:
    """Why the pair is judged; one that says nothing was asked for by a person."""
    given = task.payload.get("reason")
    return _REASONS.get(given, "request") if isinstance(given, str) else "request"


def _best_lane(tasks: Sequence[Task]) -> Lane:
    return min((task.lane for task in tasks), key=LANE_RANK.__getitem__)


def _subject(search: Search) -> dict[str, str]:
    told = {"application": search.application, "market": search.market, "query": search.query}
    told |= {"language": search.language} if search.language else {}
    return {**told, "context": context_text(search.context)} if search.context else told


def recipe_of_judge(judge: JudgeVersion) -> Recipe:
    """What a judge version asks, and how."""
    return Recipe(
        judge.mode,
        judge.model,
        judge.vision_model,
        prompt_of_judge(judge, "guideline"),
        prompt_of_judge(judge, "judgements"),
        prompt_of_judge(judge, "picture_description"),
        judge.cascade.identity if judge.cascade else "",
        judge.version,
        judge.products_per_call,
        judge.sampling,
    )


def prompt_of_judge(judge: JudgeVersion, name: JudgePrompt) -> Prompt:
    """One of its prompts, under the version that everything made with it carries."""
    return _prompt(name, judge.prompts[name])


@lru_cache(maxsize=64)
def _prompt(name: JudgePrompt, text: str) -> Prompt:
    """Remembered: each is asked for with every group of tasks, and its version is a hash of all its text. 64 are the
    prompts of sixteen judges at once."""
    return Prompt(name, prompt_version(name, text), text)


def picture_identity(judge: JudgeVersion) -> str:
    """Model, prompt version and rubrics of the picture judge, as the keys of picture tasks hold them: with another one
    a picture is asked for anew, and is known already where its own rubric stayed as it was."""
    rubrics = rubrics_version(tuple(sorted(judge.rubrics.items())))
    return "|".join([judge.vision_model, prompt_of_judge(judge, "picture_scores").version, *rubrics])


def picture_prompt(judge: JudgeVersion, category: str | None) -> Prompt:
    """What the picture judge is told of pictures of this category: the rules, which all share and providers therefore
    keep in their caches, then the rubric where one fits. The version names both: `picture_scores@1f…+shoes@9c…`."""
    rules = prompt_of_judge(judge, "picture_scores")
    rubric = rubric_for(category, tuple(sorted(judge.rubrics.items())))
    return rules if rubric is None else _with_rubric(rules, rubric.name, rubric.body)


@lru_cache(maxsize=256)
def _with_rubric(rules: Prompt, name: str, body: str) -> Prompt:
    """Remembered as `_prompt` is: sixteen rubrics of sixteen judges."""
    text = f"{rules.text.rstrip()}\n\n{RUBRIC_HEADING.format(name=name)}\n\n{body}\n"
    return replace(rules, version=f"{rules.version}+{prompt_version(name, text)}", text=text)
