"""Budgets and costs, for pages and metrics. Each function uses one connection.

What calls cost is read from `llm_costs`, some hundred rows a day, and not from the calls, which may be millions.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import get_args

import asyncpg

from core.adapters.postgres import Connection
from core.domain.labels import Lane
from core.domain.money import UNLISTED
from core.money_models import Cost, DayCost, LabelCost, LaneSpend, Spending
from core.status_models import Spend

SPENDING_DAYS = 30
"""Days of the spending page: a month, as bills come."""

REASON_DAYS = 2
"""Days of the costs by a label's reason, today the last: they are summed over single labels and calls, a hundred
thousand a day in a large shop. For more there is `assay.label_costs`."""

SEGMENT_ROWS = 50
"""Most rows of a breakdown: more is a question for SQL (docs/money.md)."""

_SPEND = """
SELECT (SELECT coalesce(sum(spent_usd), 0) FROM assay_data.llm_spend WHERE day >= $1)::float8 AS usd,
    (SELECT coalesce(sum(reserved_usd), 0) FROM assay_data.llm_spend WHERE day >= $1)::float8 AS reserved_usd,
    (coalesce(sum(calls), 0) + (SELECT count(*) FROM assay_data.llm_reservations WHERE budget_day >= $1))::bigint
        AS calls,
    coalesce(sum(calls) FILTER (WHERE status <> 'ok'), 0)::bigint AS failed,
    coalesce(sum(input_tokens), 0)::bigint AS input_tokens, coalesce(sum(cached_tokens), 0)::bigint AS cached_tokens,
    coalesce(sum(output_tokens), 0)::bigint AS output_tokens
FROM assay_data.llm_costs WHERE day >= $1
"""

_LANES = """
SELECT lane, sum(spent_usd)::float8 AS usd, sum(reserved_usd)::float8 AS reserved_usd
FROM assay_data.llm_spend WHERE day = $1 GROUP BY lane
"""

_WAITING = """
SELECT lane, count(*) AS waiting, (array_agg(reason ORDER BY not_before DESC))[1] AS reason, max(not_before) AS until
FROM assay_data.tasks
WHERE state = 'waiting' AND reason IN ('over_budget', 'lane_budget') AND not_before > $1 GROUP BY lane
"""

_UNLISTED = """
SELECT DISTINCT model FROM assay_data.llm_costs WHERE day >= $1 AND right(price_version, length($2)) = $2 ORDER BY model
"""

_COSTS = """
SELECT {name} AS name, sum(calls)::bigint AS calls,
    coalesce(sum(calls) FILTER (WHERE status <> 'ok'), 0)::bigint AS failed, sum(input_tokens)::bigint AS input_tokens,
    sum(cached_tokens)::bigint AS cached_tokens, sum(output_tokens)::bigint AS output_tokens,
    sum(cost_usd)::float8 AS usd, coalesce(sum(calls) FILTER (WHERE batch), 0)::bigint AS batch_calls,
    coalesce(sum(cost_usd) FILTER (WHERE batch), 0)::float8 AS batch_usd
FROM assay_data.llm_costs WHERE day BETWEEN $1 AND $2 GROUP BY 1 HAVING sum(calls) > 0 ORDER BY usd DESC, 1 LIMIT $3
"""

_SEGMENT = "concat_ws(' · ', nullif(application, ''), nullif(market, ''), nullif(language, ''), nullif(purpose, ''))"

_DAYS = """
SELECT day, lane, sum(spent_usd)::float8 AS usd FROM assay_data.llm_spend WHERE day >= $1 GROUP BY day, lane
"""

# One scan of the labels for all that is said of them: at 100,000 a day it is what the page waits for.
_LABELS = """
SELECT day, application, market, sum(labels)::bigint AS labels, sum(usd)::float8 AS usd
FROM (
    SELECT day, application, market, 0 AS labels, cost_usd AS usd FROM assay_data.llm_costs
    WHERE day >= $1 AND purpose IN ('guideline', 'judgements', 'picture_description')
    UNION ALL
    SELECT (judged_at AT TIME ZONE 'UTC')::date, application, market, count(*), 0 FROM assay_data.labels
    WHERE judged_at >= $2 GROUP BY 1, 2, 3
) AS both_sides
GROUP BY day, application, market
"""

_REASONS = """
WITH made AS (
    SELECT call_id, reason, count(*) AS labels FROM assay_data.labels
    WHERE judged_at >= $1 AND judged_at < $2 GROUP BY call_id, reason
), whole AS (SELECT call_id, sum(labels) AS labels FROM made GROUP BY call_id)
SELECT reason AS name, sum(made.labels)::bigint AS labels, sum(c.cost_usd * made.labels / whole.labels)::float8 AS usd
FROM made JOIN whole USING (call_id) JOIN assay_data.llm_calls AS c USING (call_id)
WHERE c.started_at >= $1 - interval '2 days' GROUP BY reason ORDER BY usd DESC
"""


async def spend(
    connection: Connection, since: datetime, now: datetime, budget_usd: float, lane_budgets: Mapping[Lane, float]
) -> Spend:
    """What the UTC days from that of `since` on have cost so far, and how today's lanes stand."""
    row = await connection.fetchrow(_SPEND, since.astimezone(UTC).date())
    assert row is not None  # noqa: S101 - an aggregate without GROUP BY always has its row
    unlisted = await connection.fetch(_UNLISTED, now.astimezone(UTC).date(), UNLISTED)
    lanes = await _lanes(connection, now, lane_budgets)
    return Spend(budget_usd=budget_usd, lanes=lanes, unlisted=[row["model"] for row in unlisted], **row)


async def spending(connection: Connection, now: datetime, day: date | None = None) -> Spending:
    """The last `SPENDING_DAYS` days with today; what the money went to, in `day` alone where one is named."""
    today = now.astimezone(UTC).date()
    first = today - timedelta(days=SPENDING_DAYS - 1)
    part = (first, today) if day is None else (day, day)
    total = await _costs(connection, "'all'", part)
    reasons = (today - timedelta(days=REASON_DAYS - 1), today) if day is None else part
    labels = await connection.fetch(_LABELS, min(first, part[0]), _midnight(min(first, part[0])))
    return Spending(
        days=await _days(connection, labels, first, today),
        total=total[0] if total else Cost("all", 0, 0, 0, 0, 0, 0.0, 0, 0.0),
        models=await _costs(connection, "model", part),
        purposes=await _costs(connection, "purpose", part),
        lanes=await _costs(connection, "lane", part),
        segments=await _costs(connection, _SEGMENT, part),
        statuses=await _costs(connection, "status", part),
        label_segments=_segments([row for row in labels if part[0] <= row["day"] <= part[1]]),
        label_reasons=await _reasons(connection, *reasons),
        reasons_since=reasons[0],
        day=day,
    )


async def _reasons(connection: Connection, first: date, last: date) -> list[LabelCost]:
    rows = await connection.fetch(_REASONS, _midnight(first), _midnight(last + timedelta(days=1)))
    return [LabelCost(**row) for row in rows]


async def _lanes(connection: Connection, now: datetime, budgets: Mapping[Lane, float]) -> list[LaneSpend]:
    spent = {row["lane"]: row for row in await connection.fetch(_LANES, now.astimezone(UTC).date())}
    waits = {row["lane"]: row for row in await connection.fetch(_WAITING, now)}
    return [
        LaneSpend(
            lane=lane,
            usd=spent[lane]["usd"] if lane in spent else 0.0,
            reserved_usd=spent[lane]["reserved_usd"] if lane in spent else 0.0,
            budget_usd=budgets.get(lane),
            waiting=waits[lane]["waiting"] if lane in waits else 0,
            reason=waits[lane]["reason"] if lane in waits else "",
            until=waits[lane]["until"] if lane in waits else None,
        )
        for lane in get_args(Lane)
    ]


async def _costs(connection: Connection, name: str, part: tuple[date, date]) -> list[Cost]:
    return [Cost(**row) for row in await connection.fetch(_COSTS.format(name=name), *part, SEGMENT_ROWS)]


async def _days(connection: Connection, labels: Sequence[asyncpg.Record], first: date, today: date) -> list[DayCost]:
    spent = await connection.fetch(_DAYS, first)
    return [
        DayCost(
            day=day,
            lanes={row["lane"]: row["usd"] for row in spent if row["day"] == day},
            labels=sum(row["labels"] for row in labels if row["day"] == day),
            labels_usd=sum(row["usd"] for row in labels if row["day"] == day),
        )
        for day in (first + timedelta(days=n) for n in range((today - first).days + 1))
    ]


def _segments(labels: Sequence[asyncpg.Record]) -> list[LabelCost]:
    made: Counter[str] = Counter()
    usd: defaultdict[str, float] = defaultdict(float)
    for row in labels:
        name = " · ".join(part for part in (row["application"], row["market"]) if part)
        made[name] += row["labels"]
        usd[name] += row["usd"]
    dearest = sorted(usd, key=lambda name: (-usd[name], name))
    return [LabelCost(name, made[name], usd[name]) for name in dearest[:SEGMENT_ROWS]]


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
