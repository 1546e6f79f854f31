"""One label or score with all that is behind it. Each function uses one connection."""

from __future__ import annotations

from uuid import UUID

import asyncpg

from core.adapters import reads_calls
from core.adapters.postgres import Connection
from core.domain.judging import GuidelineReply
from core.read_models import RequirementView
from core.trace_models import GuidelineRef, ResultStory, ResultView, ShadowView, Verdict

HISTORY = 50
"""Other results of one pair that are shown: more versions of one label nobody reads on one page."""

_LABELS = """
SELECT 'label' AS kind, j.event_id::text AS event_id, j.listing_id, coalesce(l.title, '') AS title, application,
    j.market, query, label, 0 AS score, '{}'::jsonb AS aspects, confidence, reasoning, reason, mode, model, fingerprint,
    prompt_version, guideline_version, judge, verdicts, '' AS image_url, coalesce(image_hash, '') AS image_hash,
    content_key, judged_at, call_id::text AS call_id
FROM assay_data.labels AS j LEFT JOIN assay_data.listings AS l USING (listing_id, market)
"""

_SCORES = """
SELECT 'score' AS kind, s.event_id::text AS event_id, s.listing_id,
    coalesce((SELECT title FROM assay_data.listings AS l WHERE l.listing_id = s.listing_id LIMIT 1), '') AS title,
    '' AS application, '' AS market, '' AS query, '' AS label, score, aspects, NULL::float8 AS confidence, reasoning,
    '' AS reason, tier AS mode, model, fingerprint, prompt_version, '' AS guideline_version, judge, '' AS verdicts,
    image_url, image_hash, content_key, judged_at, coalesce(call_id::text, '') AS call_id
FROM assay_data.image_scores AS s
"""

_LABEL = f"{_LABELS} WHERE j.event_id = $1"
_SCORE = f"{_SCORES} WHERE s.event_id = $1"

_OTHER_LABELS = f"""{_LABELS}
WHERE j.application = $1 AND j.market = $2 AND j.query = $3 AND j.listing_id = $4 AND j.event_id::text <> $5
ORDER BY j.judged_at DESC, j.id DESC LIMIT $6
"""

_OTHER_SCORES = f"""{_SCORES}
WHERE s.listing_id = $1 AND s.image_url = $2 AND s.event_id::text <> $3 ORDER BY s.judged_at DESC, s.id DESC LIMIT $4
"""

_GUIDELINE = """
SELECT version, prompt_version, author, language, context, created_at, body FROM assay_data.guidelines
WHERE market = $1 AND query = $2 AND version = $3 ORDER BY created_at LIMIT 1
"""

# The newest that was answered before the version was stored; the words of a call that lost the race were not kept.
_WRITTEN_BY = f"""
SELECT {reads_calls.VIEW} FROM assay_data.llm_calls_all
WHERE purpose = 'guideline' AND status = 'ok' AND subject ->> 'query' = $1 AND subject ->> 'market' = $2
    AND prompt_version = $3 AND started_at <= $4
ORDER BY started_at DESC LIMIT 1
"""  # noqa: S608 - parts of these files alone

_REUSED_TASKS = """
SELECT count(*) FROM assay_data.tasks AS t
WHERE t.subject ->> 'listing_id' = $1 AND t.subject ->> 'query' = $2 AND t.subject ->> 'market' = $3
    AND t.kind = 'relevance' AND t.state = 'done' AND t.created_at > $4
    AND NOT EXISTS (SELECT FROM assay_data.llm_calls_all AS c WHERE c.tasks && ARRAY[t.task_id] AND c.status = 'ok')
"""

_REUSED_RUNS = """
SELECT DISTINCT r.name FROM assay_data.eval_results AS e JOIN assay_data.eval_runs AS r USING (run_id)
WHERE e.content_key = $1 AND e.reused ORDER BY r.name
"""

_SHADOWS = """
SELECT judge, (ARRAY['irrelevant', 'acceptable_substitute', 'highly_relevant'])[grade + 1] AS label, confidence,
    reasoning, call_id::text AS call_id
FROM assay_data.shadow_labels WHERE live_event_id = $1 ORDER BY judge
"""


async def result(held: Connection, event_id: UUID) -> ResultStory | None:
    """The label or score of this event; None where there is none."""
    row = await held.fetchrow(_LABEL, event_id) or await held.fetchrow(_SCORE, event_id)
    if row is None:
        return None
    found = ResultView(**row)
    body, guideline = await _guideline(held, found)
    story = await reads_calls.call(held, UUID(found.call_id)) if found.call_id else None
    return ResultStory(
        result=found,
        verdicts=_verdicts(body, found.verdicts),
        guideline=guideline,
        story=story,
        history=await _history(held, found),
        reused_tasks=await _reused_tasks(held, found) if story else 0,
        reused_runs=[each["name"] for each in await held.fetch(_REUSED_RUNS, found.content_key)],
        shadows=[ShadowView(**each) for each in await held.fetch(_SHADOWS, event_id)],
    )


async def _guideline(held: Connection, found: ResultView) -> tuple[GuidelineReply | None, GuidelineRef | None]:
    row = await held.fetchrow(_GUIDELINE, found.market, found.query, found.guideline_version)
    if row is None:
        return None, None
    call: asyncpg.Record | None = None
    if row["author"] == "model":
        told = (found.query, found.market, row["prompt_version"], row["created_at"])
        call = await held.fetchrow(_WRITTEN_BY, *told)
    ref = GuidelineRef(
        version=row["version"],
        prompt_version=row["prompt_version"],
        author=row["author"],
        language=row["language"],
        context=row["context"],
        created_at=row["created_at"],
        call=reads_calls.view(call) if call is not None else None,
    )
    return GuidelineReply.model_validate(row["body"]), ref


def _verdicts(body: GuidelineReply | None, letters: str) -> list[Verdict]:
    if body is None:
        return []
    return [
        Verdict(RequirementView(each.requirement, each.importance, each.why), letters[place : place + 1])
        for place, each in enumerate(body.requirements)
    ]


async def _history(held: Connection, found: ResultView) -> list[ResultView]:
    if found.kind == "label":
        pair = (found.application, found.market, found.query, found.listing_id)
        rows = await held.fetch(_OTHER_LABELS, *pair, found.event_id, HISTORY)
    else:
        rows = await held.fetch(_OTHER_SCORES, found.listing_id, found.image_url, found.event_id, HISTORY)
    return [ResultView(**row) for row in rows]


async def _reused_tasks(held: Connection, found: ResultView) -> int:
    if found.kind != "label":
        return 0
    told = (found.listing_id, found.query, found.market, found.judged_at)
    return int(await held.fetchval(_REUSED_TASKS, *told))
