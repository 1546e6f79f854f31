"""The process `listings`: which pictures it asks a judge to look at."""

from __future__ import annotations

from dataclasses import replace

from consumers.listings import picture_tasks
from core.domain.effects import Effects
from core.domain.listings import ListingRecord

LISTING = ListingRecord(
    "L1", 1, "new", "de", "de", "Sofa", None, None, None, None, None, {}, ["https://x.example/1", "https://x.example/2"]
)


def effects(run: str, told: ListingRecord) -> Effects:
    made = Effects()
    made.saw_listing(run, told)
    return made


def test_every_picture_of_a_listing_is_a_task_of_its_own_in_the_live_lane() -> None:
    tasks = picture_tasks(effects("live", LISTING), "eye-1 image@1")
    assert [task.subject["image_url"] for task in tasks] == LISTING.image_urls
    assert {(task.kind, task.lane, task.group_key) for task in tasks} == {("image", "live", "L1")}
    assert len({task.task_key for task in tasks}) == 2


def test_pictures_of_a_replay_go_behind_live_work() -> None:
    assert {task.lane for task in picture_tasks(effects("trial", LISTING), "eye-1 image@1")} == {"backfill"}


def test_the_newest_listings_pictures_come_first() -> None:
    told = [effects("live", replace(LISTING, timestamp=at)) for at in (1_700_000_400_000, 1_700_001_000_000)]
    assert [{task.priority for task in picture_tasks(each, "eye-1 image@1")} for each in told] == [
        {1_700_000_400},
        {1_700_001_000},
    ]


def test_listings_of_the_same_ten_minutes_are_served_as_they_came() -> None:
    told = [effects("live", replace(LISTING, timestamp=at)) for at in (1_700_000_400_001, 1_700_000_999_999)]
    assert {task.priority for each in told for task in picture_tasks(each, "eye-1 image@1")} == {1_700_000_400}


def test_a_deleted_listing_has_no_picture_to_look_at() -> None:
    assert picture_tasks(effects("live", replace(LISTING, event="deleted")), "eye-1 image@1") == []


def test_another_judge_looks_at_the_same_picture_anew() -> None:
    one, other = (picture_tasks(effects("live", LISTING), judge) for judge in ("eye-1 image@1", "eye-2 image@1"))
    assert {task.task_key for task in one}.isdisjoint(task.task_key for task in other)
    assert one == picture_tasks(effects("live", LISTING), "eye-1 image@1")
