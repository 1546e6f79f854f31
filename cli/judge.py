"""`assay judge`: queue pairs for judging, reason `request`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from typing import Annotated, Literal

import typer

from cli.database import migrated
from cli.judge_identity import live_judge
from cli.produce import read_whole
from core.adapters.catalogue import PostgresCatalogue
from core.adapters.clock import SystemClock
from core.adapters.inbox import PostgresInbox
from core.domain.guidelines import context_text
from core.domain.requests import JudgeRequest, request_of
from core.domain.task_keys import query_group, relevance_task_key
from core.ports import NewTask
from core.settings import Settings, load_settings, required
from core.stages.judge_recipe import recipe_of_judge

LaneName = Literal["live", "backfill"]


def judge(
    file: Annotated[
        str, typer.Argument(help="JSON lines of query, market, context, listing_id or a whole listing; .gz, - too")
    ],
    lane: Annotated[LaneName, typer.Option(help="live goes first, backfill waits for it")] = "backfill",
) -> None:
    """Queue pairs for judging."""
    settings = load_settings()
    required(settings, "postgres_dsn", "llm_model")
    requests = read_whole(file, request_of)
    added = asyncio.run(queue(settings, requests, lane))
    sys.stdout.write(f"queued {added} of {len(requests)} pairs in lane {lane}; the others are there already\n")


async def queue(settings: Settings, requests: Sequence[JudgeRequest], lane: LaneName) -> int:
    """Add the tasks; returns how many are new."""
    async with migrated(settings) as pool:
        known = await PostgresCatalogue(pool).listings([r.listing_id for r in requests if r.listing is None])
        hashes = {listing_id: listing.content_hash for listing_id, listing in known.items()}
        identity = recipe_of_judge(await live_judge(pool, settings)).identity
        tasks = [task_of(r, hashes.get(r.listing_id, ""), lane, identity) for r in requests]
        return await PostgresInbox(pool, SystemClock()).add(tasks)


def task_of(request: JudgeRequest, content_hash: str, lane: LaneName, judge: str) -> NewTask:
    """The task of one pair. A whole listing travels in it; else the catalogue is asked when the task runs."""
    query = (request.application, request.market, request.query)
    listing = request.listing
    payload: dict[str, object] = {"reason": "request", "language": request.language}
    context = context_text(request.context)
    if request.context:
        payload["context"] = dict(request.context)
    if listing is not None:
        payload["listing"] = dict(request.told)
    return NewTask(
        relevance_task_key(
            query, request.listing_id, listing.content_hash if listing else content_hash, judge, context=context
        ),
        "relevance",
        lane,
        query_group(*query, context),
        {
            "application": request.application,
            "market": request.market,
            "query": request.query,
            "listing_id": request.listing_id,
        },
        payload,
    )
