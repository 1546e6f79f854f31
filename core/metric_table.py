"""Every metric: its name in one `Literal`, and one row of `METRICS` with its labels and meaning.

`docs/metrics.md` is made from the table by `python -m core.telemetry`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

CounterName = Literal[
    "assay_alerts_total",
    "assay_batches_total",
    "assay_cascade_pairs_total",
    "assay_console_refused_total",
    "assay_dead_letters_total",
    "assay_engine_requests_total",
    "assay_image_alerts_total",
    "assay_image_watch_failures_total",
    "assay_llm_breaker_opened_total",
    "assay_llm_calls_total",
    "assay_llm_cost_usd_total",
    "assay_llm_failover_total",
    "assay_llm_share_not_renewed_total",
    "assay_llm_tokens_total",
    "assay_outbox_published_total",
    "assay_panes_written_total",
    "assay_pictures_total",
    "assay_retention_days_dropped_total",
    "assay_retention_rows_deleted_total",
    "assay_screened_total",
    "assay_sessions_automated_total",
    "assay_stream_missing_total",
    "assay_stream_records_total",
    "assay_task_failures_total",
    "assay_task_leases_lost_total",
    "assay_trace_spans_total",
    "assay_verdicts_unusable_total",
]
GaugeName = Literal[
    "assay_buyers_correlation",
    "assay_buyers_day_seconds",
    "assay_buyers_lift_per_point",
    "assay_canary_limit",
    "assay_canary_mean_lift",
    "assay_canary_succeeded_share",
    "assay_batch_calls",
    "assay_batches_late",
    "assay_batches_open",
    "assay_image_alert_seconds",
    "assay_image_flag_share",
    "assay_live_judge_info",
    "assay_live_student_info",
    "assay_llm_breaker",
    "assay_llm_budget_usd",
    "assay_llm_hold_seconds",
    "assay_llm_lane_budget_usd",
    "assay_llm_lane_spent_today_usd",
    "assay_llm_lane_waits_until_seconds",
    "assay_llm_places",
    "assay_llm_provider_remaining",
    "assay_llm_rate",
    "assay_llm_share",
    "assay_llm_spent_today_usd",
    "assay_llm_under_way",
    "assay_llm_unlisted_models",
    "assay_outbox_oldest_seconds",
    "assay_outbox_waiting",
    "assay_process_heartbeat_seconds",
    "assay_retention_days_due",
    "assay_retention_oldest_day_seconds",
    "assay_sessions_open",
    "assay_stream_lag_records",
    "assay_stream_lag_seconds",
    "assay_stream_stopped",
    "assay_student_agreement",
    "assay_tasks",
]
HistogramName = Literal["assay_engine_seconds", "assay_llm_latency_seconds", "assay_stream_batch_seconds"]
MetricName = Literal[CounterName, GaugeName, HistogramName]


@dataclass(frozen=True, slots=True)
class Metric:
    """One row of the table: what it is, and for a histogram its buckets' upper ends in the metric's unit."""

    name: MetricName
    labels: tuple[str, ...]
    meaning: str
    buckets: tuple[float, ...] = ()


COUNTERS: tuple[Metric, ...] = (
    Metric("assay_image_alerts_total", ("kind",), "Alerts about picture scores; kind: buyers, student or flags."),
    Metric(
        "assay_image_watch_failures_total",
        ("watch",),
        "Nightly looks at picture scores that ended in a defect, tried again hourly; watch: buyers, student or flags.",
    ),
    Metric("assay_alerts_total", ("cause",), "Drift alerts raised; cause: judge, engine, catalogue or traffic."),
    Metric(
        "assay_cascade_pairs_total",
        ("outcome",),
        "Pairs a cheap model graded; outcome: kept, or why the strong model was asked.",
    ),
    Metric("assay_batches_total", ("outcome",), "Steps of batches: ordered, how they ended, cancel_sent, queue_full."),
    Metric(
        "assay_console_refused_total",
        ("reason",),
        "Requests the console refused; reason: wrong_token, too_many (wrong tokens), forged_header (not from a proxy), "
        "header_twice, bad_name, ended_session, role, form (not of this site).",
    ),
    Metric("assay_dead_letters_total", ("topic", "reason"), "Records that can't be used, by their reason."),
    Metric(
        "assay_engine_requests_total",
        ("engine", "status"),
        "Result lists asked of search engines; status: ok, away, or why it was refused.",
    ),
    Metric(
        "assay_llm_breaker_opened_total",
        ("endpoint", "model"),
        "How often a flood of failures stopped the calls of this process; endpoint: first or second.",
    ),
    Metric("assay_llm_calls_total", ("lane", "model", "status"), "LLM calls ended; status: ok or the kind of error."),
    Metric("assay_llm_cost_usd_total", ("lane",), "US dollars spent on LLM calls."),
    Metric(
        "assay_llm_failover_total",
        ("reason",),
        "Calls that went to the second endpoint; reason: breaker_open, unauthorised, unknown_model or hold.",
    ),
    Metric(
        "assay_llm_share_not_renewed_total",
        ("endpoint",),
        "Renewals of this replica's share of the limits that PostgreSQL missed; endpoint: host:port.",
    ),
    Metric("assay_llm_tokens_total", ("lane", "kind"), "LLM tokens; kind: input, cached (a part of input), output."),
    Metric("assay_outbox_published_total", ("topic",), "Events published to Kafka."),
    Metric("assay_panes_written_total", (), "Pane rows added to or changed."),
    Metric("assay_pictures_total", ("outcome",), "Pictures asked for; outcome: fetched, or the reason of failure."),
    Metric("assay_retention_days_dropped_total", ("table",), "Days dropped; their partition's rows are gone."),
    Metric(
        "assay_retention_rows_deleted_total",
        ("table",),
        "Rows deleted one by one: of days without a partition, and replaced labels and scores.",
    ),
    Metric(
        "assay_screened_total",
        ("kind",),
        "Personal data masked in calls; kind: email, iban, card, phone, id, address or name.",
    ),
    Metric(
        "assay_sessions_automated_total", (), "Sessions of more records than a person makes, left out of the panes."
    ),
    Metric("assay_stream_missing_total", ("topic",), "Records gone from the topic (retention) before they were read."),
    Metric("assay_stream_records_total", ("topic", "outcome"), "Records read; outcome: used, dead_letter or control."),
    Metric(
        "assay_task_failures_total",
        ("outcome", "reason"),
        "Failures of judge tasks (docs/failures.md); outcome: retry, put_off (attempt given back) or failed.",
    ),
    Metric("assay_task_leases_lost_total", ("process",), "Leases that ran out under work that still went on."),
    Metric(
        "assay_trace_spans_total",
        ("outcome",),
        "Spans for the OTLP receiver; outcome: sent, failed (it did not take them), dropped (too many waited).",
    ),
    Metric("assay_verdicts_unusable_total", (), "Judgements whose verdicts do not fit the guideline; labels stand."),
)
GAUGES: tuple[Metric, ...] = (
    Metric(
        "assay_buyers_correlation",
        ("application", "market", "tier"),
        "Rank correlation of the picture score with clicks corrected for position, the last 7 days (docs/buyers.md).",
    ),
    Metric(
        "assay_buyers_lift_per_point",
        ("application", "market", "tier"),
        "Clicks gained per point of picture score, the last 7 days: 0.08 is 8 % more.",
    ),
    Metric(
        "assay_buyers_day_seconds",
        (),
        "Begin of the newest day of the search log read for what buyers did, Unix time; where none was read "
        "yet, of the day before the first that was to be.",
    ),
    Metric("assay_canary_limit", (), "Share of canary attacks that may succeed, as set."),
    Metric("assay_canary_mean_lift", ("kind",), "Grades (0 to 2) an attack wins on average; kind: of attack, or all."),
    Metric(
        "assay_canary_succeeded_share", ("kind",), "Share of the canary attacks that succeed with the present judge."
    ),
    Metric("assay_batch_calls", ("state",), "LLM calls of the batch lane; state: collected or ordered."),
    Metric("assay_batches_late", (), "Open batches past the deadline of a call in them; their calls go live."),
    Metric("assay_batches_open", (), "Batches being ordered or with the provider."),
    Metric(
        "assay_image_alert_seconds",
        ("kind",),
        "When the newest alert about picture scores was found, by a night's look or by hand, Unix time.",
    ),
    Metric(
        "assay_image_flag_share",
        ("market", "flag"),
        "Share of the pictures judged in the last days that carry the flag; flag: ai_made, over_edited, instructions.",
    ),
    Metric(
        "assay_live_judge_info",
        ("judge",),
        "1; the label names the judge version that judges now. Where replicas differ for minutes, one can't read the "
        "book of judges.",
    ),
    Metric(
        "assay_live_student_info",
        ("student",),
        "1; the label names the student that scores new pictures now; none: the judge scores every picture. Where "
        "replicas differ for minutes, one can't read the book of students, or does not make the features it takes.",
    ),
    Metric(
        "assay_llm_breaker",
        ("endpoint", "model"),
        "The breaker of this process: 0 closed, 1 half-open (one probe is out), 2 open: nothing is sent.",
    ),
    Metric("assay_llm_budget_usd", (), "The day's cap in US dollars, as set."),
    Metric(
        "assay_llm_hold_seconds",
        ("endpoint",),
        "Seconds in which the provider wants no call (Retry-After); 0 usually; endpoint: host:port.",
    ),
    Metric("assay_llm_lane_budget_usd", ("lane",), "A lane's own cap of the day in US dollars, where one is set."),
    Metric(
        "assay_llm_lane_spent_today_usd", ("lane",), "US dollars of the UTC day, calls under way at their worst case."
    ),
    Metric(
        "assay_llm_lane_waits_until_seconds",
        ("lane", "reason"),
        "Until when (seconds since 1970) tasks of a lane wait for money, 0: none; reason: over_budget, lane_budget.",
    ),
    Metric(
        "assay_llm_places",
        ("endpoint",),
        "Calls this replica may have under way: its share, cut while the provider ails; endpoint: host:port.",
    ),
    Metric(
        "assay_llm_provider_remaining",
        ("endpoint", "limit"),
        "What the provider last said is left; endpoint: host:port; limit: requests, tokens.",
    ),
    Metric(
        "assay_llm_rate",
        ("endpoint", "limit"),
        "This replica's rate a minute, as steered now; endpoint: host:port; limit: requests or tokens.",
    ),
    Metric("assay_llm_share", ("endpoint",), "This replica's part of the limits, 0 to 1; endpoint: host:port."),
    Metric("assay_llm_spent_today_usd", (), "US dollars spent or reserved this UTC day, all replicas together."),
    Metric(
        "assay_llm_under_way", ("lane",), "Calls of this process not yet ended: waiting for rate or a place, or sent."
    ),
    Metric("assay_llm_unlisted_models", (), "Models called today that no price list has, at the high default price."),
    Metric("assay_outbox_oldest_seconds", (), "Age of the oldest event not yet published; 0 when none waits."),
    Metric("assay_outbox_waiting", (), "Events not yet published."),
    Metric("assay_process_heartbeat_seconds", ("process",), "Unix time of the last turn of the process's loop."),
    Metric(
        "assay_retention_days_due", ("table",), "Days past their retention and still there after a look; usually 0."
    ),
    Metric("assay_retention_oldest_day_seconds", ("table",), "Unix time of the oldest day that holds rows."),
    Metric("assay_sessions_open", (), "Sessions held in memory."),
    Metric("assay_stream_lag_records", ("topic", "partition"), "Records between what is applied and the log's end."),
    Metric("assay_stream_lag_seconds", ("topic", "partition"), "Age of the last applied record; 0 at the log's end."),
    Metric("assay_stream_stopped", ("topic", "partition"), "1 for a partition that waits for a person, else 0."),
    Metric(
        "assay_student_agreement",
        ("why", "metric"),
        "Student against judge on the pictures labelled in the last 7 days, told nightly; why: random (holds of all "
        "pictures), unsure (the hardest); metric: rank_correlation, mean_bias (points, student minus judge).",
    ),
    Metric("assay_tasks", ("kind", "state"), "Judge tasks in Postgres; state: waiting, running, done or failed."),
)
HISTOGRAMS: tuple[Metric, ...] = (
    Metric(
        "assay_engine_seconds",
        ("engine",),
        "One result list of a search engine, with its waits and tries.",
        (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0),  # up to past four tries of 10 s
    ),
    Metric(
        "assay_llm_latency_seconds",
        ("model",),
        "From sending an LLM call to its end.",
        (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0),  # up to past the call's limit of 120 s
    ),
    Metric(
        "assay_stream_batch_seconds",
        ("topic",),
        "One transaction of a stream, from its first statement to its commit.",
        (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),  # 5,000 records take 0.02 s
    ),
)
METRICS: tuple[Metric, ...] = (*COUNTERS, *GAUGES, *HISTOGRAMS)
