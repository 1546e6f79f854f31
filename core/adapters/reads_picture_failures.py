"""Pictures that could not be judged: why, of which hosts, and what is tried again."""

from __future__ import annotations

from datetime import datetime, timedelta

from core.adapters.postgres import Connection
from core.adapters.reads_segments import segment_names
from core.picture_models import FailedHost, FailedPicture, FailureFilter, FailureReport

PAGE_ROWS = 50
"""Examples on a page."""

MAX_PAGES = 20
"""Pages of examples: a thousand of one reason tell no more than the first do."""

LOOKED_AT = 100_000
"""Newest failures that are counted: read in under a second, and shares are settled long before."""

HOSTS = 30
"""Hosts shown, those with most failures."""

WAITING = 30
"""Pictures shown that wait to be tried again."""

SHOWN_REASONS = 4
"""Reasons named beside a host."""

HOST = r"lower(substring({} from '^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?(\[[^]/?#]*\]|[^/?#:]*)'))"
"""The host that a URL names; NULL of what is no URL."""

KINDS = "('image', 'image_label')"

_OF = """assay_data.tasks AS t LEFT JOIN assay_data.listings AS l ON l.listing_id = t.subject ->> 'listing_id'"""

_NEWEST = f"""
WITH newest AS (
    SELECT t.reason, coalesce(nullif({HOST.format("t.subject ->> 'image_url'")}, ''), '') AS host, t.finished_at AS at
    FROM {_OF}
    WHERE t.state = 'failed' AND t.kind IN {KINDS} AND t.finished_at > $1
        AND ($3 = '' OR coalesce(l.market, t.subject ->> 'market') = $3)
    ORDER BY t.finished_at DESC LIMIT $2
)
"""  # noqa: S608 - parts of this file alone

_REASONS = f"{_NEWEST} SELECT reason, count(*) AS pictures FROM newest GROUP BY reason ORDER BY 2 DESC, 1"  # noqa: S608

_HOSTS = f"""{_NEWEST}, each AS (
    SELECT host, reason, count(*) AS pictures, max(at) AS last FROM newest WHERE $4 = '' OR reason = $4 GROUP BY 1, 2
)
SELECT host, sum(pictures)::bigint AS pictures, max(last) AS last,
    (array_agg(reason ORDER BY pictures DESC, reason))[:$6] AS reasons
FROM each GROUP BY host ORDER BY 2 DESC, 1 LIMIT $5
"""  # noqa: S608 - parts of this file alone

_VIEW = """t.task_id::text AS task_id, t.kind, coalesce(t.subject ->> 'listing_id', '') AS listing_id, l.title,
    coalesce(l.market, t.subject ->> 'market', '') AS market, coalesce(t.subject ->> 'image_url', '') AS image_url,
    t.state, t.reason, t.attempts"""

_EXAMPLES = f"""
SELECT {_VIEW}, t.finished_at AS at FROM {_OF}
WHERE t.state = 'failed' AND t.kind IN {KINDS} AND t.finished_at > $1 AND ($2 = '' OR t.reason = $2)
    AND ($3 = '' OR coalesce(l.market, t.subject ->> 'market') = $3)
ORDER BY t.finished_at DESC, t.task_id LIMIT $4 OFFSET $5
"""  # noqa: S608 - parts of this file alone

_RETRIED = f"""
SELECT reason, count(*) AS pictures, min(not_before) AS next_try FROM assay_data.tasks AS t
WHERE t.state = 'waiting' AND t.reason <> '' AND t.kind IN {KINDS} GROUP BY reason ORDER BY 2 DESC, 1
"""  # noqa: S608 - parts of this file alone

_WAITING = f"""
SELECT {_VIEW}, t.not_before AS at FROM {_OF}
WHERE t.state = 'waiting' AND t.reason <> '' AND t.kind IN {KINDS} AND ($1 = '' OR t.reason = $1)
    AND ($2 = '' OR coalesce(l.market, t.subject ->> 'market') = $2)
ORDER BY t.not_before, t.task_id LIMIT $3
"""  # noqa: S608 - parts of this file alone

_DONE = "SELECT count(*) FROM assay_data.image_scores WHERE judged_at > $1"


async def reasons(connection: Connection, since: datetime, market: str) -> list[tuple[str, int]]:
    """Why pictures failed since then, most first; of one market, or of all."""
    found = await connection.fetch(_REASONS, since, LOOKED_AT, market)
    return [(row["reason"], row["pictures"]) for row in found]


async def failures(connection: Connection, now: datetime, wanted: FailureFilter) -> FailureReport:
    """Counts, hosts, a page of examples, and those that wait."""
    since = now - timedelta(days=wanted.days)
    page = min(max(wanted.page, 1), MAX_PAGES)
    shown = await connection.fetch(
        _EXAMPLES, since, wanted.reason, wanted.market, PAGE_ROWS + 1, PAGE_ROWS * (page - 1)
    )
    waiting = await connection.fetch(_WAITING, wanted.reason, wanted.market, WAITING)
    names = await segment_names(connection)
    looked_at = (since, LOOKED_AT, wanted.market, wanted.reason)
    return FailureReport(
        wanted=wanted,
        reasons=await reasons(connection, since, wanted.market),
        retried=[(row["reason"], row["pictures"], row["next_try"]) for row in await connection.fetch(_RETRIED)],
        hosts=[FailedHost(**row) for row in await connection.fetch(_HOSTS, *looked_at, HOSTS, SHOWN_REASONS)],
        examples=[FailedPicture(**row) for row in shown[:PAGE_ROWS]],
        waiting=[FailedPicture(**row) for row in waiting],
        more=len(shown) > PAGE_ROWS and page < MAX_PAGES,
        done=await connection.fetchval(_DONE, since),
        markets=sorted({market for market, _ in names}),
    )
