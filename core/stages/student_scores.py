"""The student's side of scoring a picture: the fact that it makes, and whether the judge is to look too. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from core.domain.events import event_id
from core.domain.images.labelling import Why, why_labelled
from core.domain.images.student import Student, StudentSays
from core.domain.task_keys import image_label_task_key
from core.facts import ImageScoreFact, NewTask
from core.stages.picture_calls import content_key
from core.stages.picture_views import Viewed

STUDENT_MODEL = "student"
"""What a student's scores name as their model; their prompt version is the student's version."""

ALIKE = "Judged on a copy that looks alike"
"""How the reasoning of a look-alike's score begins, for whoever reads it; `alike_of` is what is asked."""


def student_fact(viewed: Viewed, student: Student, says: StudentSays, at: datetime) -> ImageScoreFact:
    """The student's score of a picture, for whoever can't wait for the judge."""
    key = content_key(viewed.task, viewed.image_hash, student.version, STUDENT_MODEL)
    return ImageScoreFact(
        event_id=event_id(key),
        content_key=key,
        listing_id=viewed.task.subject["listing_id"],
        image_url=viewed.task.subject["image_url"],
        image_hash=viewed.image_hash,
        score=says.points,
        aspects=dict(says.aspects),
        reasoning=says.reasoning,
        tier="student",
        model=STUDENT_MODEL,
        fingerprint=student.extractor,
        prompt_version=student.version,
        judged_at=at,
        call_id=None,
        spread=says.spread,
    )


def student_scored(
    viewed: Viewed, student: Student, judge: str, random_share: float, at: datetime
) -> tuple[list[ImageScoreFact], list[NewTask]]:
    """The student's score of a picture, and the judge's task where it is to look too. No score where the student's
    features were not made of the picture (the setting `image_embedding_model` is another one since it was trained):
    then the judge alone looks. `judge` is the picture judge's identity, as keys of tasks hold it."""
    features = viewed.features.get(student.extractor)
    if features is None:
        return [], [label_task(viewed, "no_features", judge, at)]
    says = student.says(features)
    why = why_labelled(says, student, viewed.image_hash, random_share)
    fact = student_fact(viewed, student, says, at)
    return [fact], [label_task(viewed, why, judge, at)] if why else []


def label_task(viewed: Viewed, why: Why, judge: str, at: datetime) -> NewTask:
    """The task for the judge to look at a picture. The newest first, as pictures are: what was just listed is what
    shoppers are about to see."""
    task = viewed.task
    listing_id, url = task.subject["listing_id"], task.subject["image_url"]
    return NewTask(
        image_label_task_key(listing_id, url, viewed.image_hash, judge),
        "image_label",
        task.lane,
        listing_id,
        task.subject,
        {"why": why},
        at.timestamp(),
    )


def copied(known: ImageScoreFact, viewed: Viewed, at: datetime) -> ImageScoreFact:
    """The score that the very picture, or one that looks like it, has already, said of this task's listing. The call it
    names is the one that was made, by the judge it names; of a look-alike's the reasoning says so."""
    key = content_key(viewed.task, viewed.image_hash, known.prompt_version, known.model)
    is_alike = known.image_hash != viewed.image_hash
    said = f"{ALIKE} ({known.image_hash[:12]}): " if is_alike else ""
    return replace(
        known,
        event_id=event_id(key),
        content_key=key,
        listing_id=viewed.task.subject["listing_id"],
        image_url=viewed.task.subject["image_url"],
        image_hash=viewed.image_hash,
        reasoning=said + known.reasoning,
        alike_of=known.image_hash if is_alike else known.alike_of,
        judged_at=at,
    )
