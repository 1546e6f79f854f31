"""The processes of picture scores: the stage over its adapters."""

from __future__ import annotations

import random
from collections.abc import Callable

from consumers import image_score, look_alikes
from core.adapters.catalogue import PostgresCatalogue
from core.adapters.inbox import PostgresInbox
from core.adapters.leadership import PostgresLeadership
from core.adapters.llm_endpoint import Surroundings
from core.adapters.picture_alike import PostgresDuplicates, PostgresLookAlikes
from core.adapters.picture_embedding import extractor_of
from core.adapters.picture_store import PostgresPictures
from core.adapters.pictures import thumbnail
from core.adapters.postgres import Pool
from core.adapters.shadow_store import PostgresShadows
from core.adapters.students import PostgresStudents
from core.domain.images.features import EXTRACTOR
from core.domain.images.student import Student
from core.image_thresholds import thresholds_of
from core.ports import JudgementStore, Llm, PictureHost
from core.runtime.periodic import PeriodicProcess
from core.runtime.work import WorkProcess
from core.settings import Settings
from core.stages.events import image_score_event
from core.stages.live_judge import LiveJudge
from core.stages.live_student import LiveStudent
from core.stages.score_picture import PictureScorer
from core.stages.shadow import ShadowedPictures


def picture_processes(
    settings: Settings,
    around: Surroundings,
    live: LiveJudge,
    student: Callable[[], Student | None],
    llm: Llm,
    pictures: PictureHost,
    store: JudgementStore,
    soon_s: float,
) -> list[WorkProcess]:
    """New pictures, and those that wait for the LLM. `student` tells the student of now."""
    inbox = PostgresInbox(around.pool, around.wall, settings.task_attempts, around.metrics)
    scorer = PictureScorer(
        llm=llm,
        pictures=pictures,
        store=store,
        picture_store=PostgresPictures(around.pool),
        catalogue=PostgresCatalogue(around.pool),
        inbox=inbox,
        clock=around.clock,
        live=live,
        attempts=settings.task_attempts,
        event_of=image_score_event,
        thumbnail=thumbnail,
        jitter=random.random,
        wall=around.wall,
        shadows=live.shadows,
        student=student,
        thresholds=thresholds_of(settings),
        alikes=PostgresLookAlikes(around.pool) if settings.image_share_distance >= 0 else None,
        share_distance=settings.image_share_distance,
        random_share=settings.image_label_random_share,
        seller=settings.listing_seller_attribute,
    )
    shown = ShadowedPictures(scorer, PostgresShadows(around.pool))
    return image_score.build(settings, inbox, shown.score, around.wall, soon_s, around.metrics)


def live_student(settings: Settings, pool: Pool) -> LiveStudent:
    """The student of now, by the features that the decoder makes under these settings."""
    model = settings.image_embedding_model
    return LiveStudent(PostgresStudents(pool), {EXTRACTOR, *([extractor_of(model)] if model else [])})


def look_alike_process(settings: Settings, pool: Pool, *, quiet: bool) -> PeriodicProcess:
    """Pictures that look alike under several sellers, of what was scored."""
    found = PostgresDuplicates(pool, settings.image_duplicate_distance, settings.listing_seller_attribute)
    return look_alikes.build(found, PostgresLeadership(pool), on_nudge_only=quiet)
