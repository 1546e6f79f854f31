"""Pictures of a dataset, scored by the judge of a run: fetched, refused where broken, taken where known, else asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from core.domain.images.verdict import verdict
from core.errors import LlmError, PictureError
from core.eval_facts import EvalItem, EvalResult
from core.ports import ImageScoreFact, Listing, Llm, LlmReply, Picture, Task
from core.stages.eval_parts import EvalPorts
from core.stages.eval_tasks import Asked
from core.stages.judge_items import Item, ListingError
from core.stages.patience import ENDS_IT
from core.stages.picture_calls import (
    PictureJudge,
    Shown,
    content_key,
    picture_judge,
    read_judgement,
    score_fact,
    score_request,
)


async def scored(ports: EvalPorts, llm: Llm, asked: Asked) -> EvalResult:
    """The result of one picture. What is not the picture's fault (`core.stages.patience.ENDS_IT`) is raised."""
    try:
        return await _score(ports, llm, asked)
    except (LlmError, PictureError, ListingError) as error:
        if isinstance(error, ENDS_IT):
            raise
        return asked.failed(error.kind, ports.clock.now())


async def _score(ports: EvalPorts, llm: Llm, asked: Asked) -> EvalResult:
    task, url = asked.task, asked.item.image_url
    if not url:
        raise PictureError("the item names no picture", "no_picture", final=True)
    picture = await ports.patience.of(lambda: ports.pictures.fetch(url))
    refused = verdict(picture.measures, ports.thresholds)
    if refused is not None:
        raise PictureError("the technical tier refuses it", refused, final=True)
    listing = await listing_of_item(ports, asked.item, task)
    judge = picture_judge(asked.judge, listing.category)
    known = None if asked.run.anchors else await _known(ports, asked, picture, judge)
    if known is not None:
        return known
    request = score_request([Shown(task, picture)], listing, judge, ports.seller)
    reply = await ports.patience.of(lambda: llm.complete(request))
    fact = score_fact(task, picture.image_hash, judge, reply, read_judgement(reply.text), ports.clock.now())
    return _answer(asked, fact, reply)


async def listing_of_item(ports: EvalPorts, item: EvalItem, task: Task) -> Listing:
    """What the dataset tells of the listing, else the catalogue, else nothing: people scored the picture, and it is
    scored alone where nobody knows what it is to show."""
    [found] = await ports.told([task])
    if isinstance(found, Item):
        return found.listing
    if item.listing is not None:
        raise found[1]
    return Listing(
        listing_id=item.listing_id,
        market=item.market,
        language=item.language or None,
        title="",
        description=None,
        brand=None,
        category=None,
        price_amount=None,
        price_currency=None,
        attributes={},
        image_urls=(),
        content_hash="",
    )


async def _known(ports: EvalPorts, asked: Asked, picture: Picture, judge: PictureJudge) -> EvalResult | None:
    """Of an earlier run by the content key, else the service's score of this very picture, which counts for every
    listing that shows it (core/stages/score_listing.py)."""
    key = content_key(asked.task, picture.image_hash, judge.prompt.version, judge.model)
    before: Mapping[str, EvalResult] = await ports.runs.known([key])
    if key in before:
        return replace(
            before[key],
            run_id=asked.run.run_id,
            judge=asked.judge.version,
            item_id=asked.item.item_id,
            reused=True,
            cost_usd=0.0,
        )
    fact = await ports.store.image_score(picture.image_hash, judge.prompt.version, judge.model)
    return None if fact is None else _answer(asked, replace(fact, content_key=key), None)


def _answer(asked: Asked, fact: ImageScoreFact, reply: LlmReply | None) -> EvalResult:
    """`reply` None: the score was there."""
    return EvalResult(
        run_id=asked.run.run_id,
        judge=asked.judge.version,
        item_id=asked.item.item_id,
        grade=fact.score,
        confidence=None,
        reasoning=fact.reasoning,
        verdicts="",
        aspects=dict(fact.aspects),
        guideline_version="",
        content_key=fact.content_key,
        call_id=fact.call_id,
        failure="",
        reused=reply is None,
        cost_usd=asked.paid_usd if reply else 0.0,
        input_tokens=float(reply.input_tokens) if reply else 0.0,
        output_tokens=float(reply.output_tokens) if reply else 0.0,
        latency_ms=reply.latency_ms if reply else 0,
        judged_at=fact.judged_at,
        model=fact.model,
        extra={"fingerprint": fact.fingerprint, "prompt_version": fact.prompt_version},
        call_usd=reply.cost_usd if reply else None,
    )
