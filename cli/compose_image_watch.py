"""The process `image-watch` put together: the watches over picture scores, in the order they look."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from consumers import image_watch
from core.adapters.buyers import PostgresBuyers
from core.adapters.exposure_reader import KafkaExposures
from core.adapters.flag_counts import PostgresFlagCounts
from core.adapters.image_alerts import PostgresImageAlerts, PostgresImageWatchDays
from core.adapters.kafka_reader import TopicReader
from core.adapters.leadership import PostgresLeadership
from core.adapters.postgres import Pool
from core.adapters.students import PostgresStudentLabels, PostgresStudents
from core.domain.events import SEARCH_LOG
from core.errors import StopProcess
from core.image_ports import ImageWatch
from core.ports import Clock
from core.runtime.periodic import PeriodicProcess
from core.settings import Settings, kafka_servers
from core.stages.buyers_look import BuyersLook, Pace
from core.stages.flags_watch import FlagsWatch, flag_rules
from core.stages.student_watch import StudentWatch
from core.telemetry import Metrics


def image_watch_process(
    settings: Settings, pool: Pool, clock: Clock, metrics: Metrics, *, on_nudge_only: bool
) -> PeriodicProcess:
    """The nightly looks, one leader among the replicas."""
    return image_watch.build(
        settings,
        watches(settings, pool, clock, metrics),
        PostgresImageAlerts(pool),
        PostgresImageWatchDays(pool),
        PostgresLeadership(pool),
        clock,
        metrics,
        on_nudge_only=on_nudge_only,
    )


def night_look(settings: Settings, pool: Pool, clock: Clock, metrics: Metrics) -> image_watch.NightLook:
    """The same looks, to be taken by hand."""
    alerts, days = PostgresImageAlerts(pool), PostgresImageWatchDays(pool)
    hour = settings.drift_night_hour_utc
    return image_watch.NightLook(watches(settings, pool, clock, metrics), alerts, days, clock, hour, metrics)


@asynccontextmanager
async def no_other_looks(pool: Pool) -> AsyncIterator[None]:
    """While the block lasts `image-watch` and other commands wait; StopProcess while one of them looks."""
    async with PostgresLeadership(pool).lead(image_watch.NAME) as mine:
        if not mine:
            raise StopProcess("image-watch, or another command, is looking right now: nothing done, try again")
        yield


def watches(settings: Settings, pool: Pool, clock: Clock, metrics: Metrics) -> Mapping[str, ImageWatch]:
    """By the kind of alert that each raises. Those that read PostgreSQL alone come first: they also look while Kafka is
    away."""
    return {
        "student": student_watch(settings, pool, clock, metrics),
        "flags": flags_watch(settings, pool, clock, metrics),
        "buyers": buyers_look(settings, pool, clock, metrics),
    }


def student_watch(settings: Settings, pool: Pool, clock: Clock, metrics: Metrics) -> StudentWatch:
    """The look at what the judge said of pictures that the student had scored."""
    labels, book, alerts = PostgresStudentLabels(pool), PostgresStudents(pool), PostgresImageAlerts(pool)
    return StudentWatch(labels, book, alerts, clock, metrics, settings.listing_seller_attribute)


def flags_watch(settings: Settings, pool: Pool, clock: Clock, metrics: Metrics) -> FlagsWatch:
    """The look at shares of flags."""
    counts, alerts = PostgresFlagCounts(pool, settings.listing_seller_attribute), PostgresImageAlerts(pool)
    return FlagsWatch(counts, alerts, flag_rules(settings), clock, metrics)


def buyers_look(settings: Settings, pool: Pool, clock: Clock, metrics: Metrics | None = None) -> BuyersLook:
    """The look at what buyers did."""
    reader = TopicReader(kafka_servers(settings), settings.kafka_options, settings.topic_prefix)
    engagement = frozenset(settings.session_engagement_actions)
    exposures = KafkaExposures(reader, settings.topic_prefix + SEARCH_LOG, engagement, clock)
    alerts = PostgresImageAlerts(pool)
    return BuyersLook(exposures, PostgresBuyers(pool), alerts, clock, Pace.of(settings), metrics)
