"""The review pages over a real database: blind until the answer, and who may do what."""

from __future__ import annotations

import re
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta

import numpy as np
import pytest
from aiohttp import ClientResponse, ClientSession

from cli.review_room import fill_parts
from core.adapters.migrate import migrate
from core.adapters.reviews import PostgresReviews
from core.domain.review.answers import ratings_of
from core.domain.review.tags import TAGS
from core.review_ports import AnswerFilter, ReviewRoom
from core.stages.review_fill import Amount, FromDrift, FromLive, FromRun, fill_queue
from tests.support import postgres, sample_evals
from tests.support.sample_data import NOW
from tests.support.sample_reviews import asked, candidate, filling, opinion
from tests.support.served_console import Served, sample_shop, serving
from tests.support.signed_in import BY_TOKEN, OPERATOR, READER, REVIEWER, hidden_fields, visiting

LIVE = FromLive("relevance", NOW - timedelta(days=30), NOW + timedelta(days=1))
SECRET = "Zyzzyva is what the judge alone would say."
JUDGE = "strict-judge@77aa88bb99cc"
SOFA = candidate("S1", opinions=[opinion(JUDGE, 2, reasoning=SECRET, confidence=0.6173, content_key="k1")])
AGREED = candidate("S2", opinions=[opinion(JUDGE, 0, reasoning=SECRET, content_key="k2")])
PICTURE = candidate("P1", kind="image", opinions=[opinion(JUDGE, 3, reasoning=SECRET, content_key="k3")])


@pytest.fixture(scope="module")
async def one_shop(postgres_server: str) -> AsyncIterator[Served]:
    async with postgres.database(postgres_server, "review") as dsn:
        await migrate(dsn)
        async with sample_shop(dsn, BY_TOKEN) as served:
            yield served


@pytest.fixture
async def shop(one_shop: Served) -> Served:
    """The shop with an empty queue."""
    await one_shop.pool.execute("TRUNCATE assay_data.review_fills, assay_data.review_items CASCADE")
    await one_shop.pool.execute("TRUNCATE assay_data.review_leases, assay_data.shadow_labels")
    await one_shop.pool.execute("DELETE FROM assay_data.tier_reports WHERE report_id = $1", uuid.UUID(int=77))
    return one_shop


@pytest.fixture
async def reviews(shop: Served) -> PostgresReviews:
    store = PostgresReviews(shop.pool)
    await store.fill(filling(items=2), [asked(SOFA, 0, "random", 0.5), asked(AGREED, 1)], 2)
    await store.fill(filling("image", 2), [asked(PICTURE)], 2)
    return store


@pytest.fixture
async def ada(shop: Served) -> AsyncIterator[ClientSession]:
    async with visiting(shop.url, REVIEWER) as session:
        yield session


@pytest.fixture
async def olaf(shop: Served) -> AsyncIterator[ClientSession]:
    async with visiting(shop.url, OPERATOR) as session:
        yield session


async def page(visitor: ClientSession, path: str = "/review", status: int = 200) -> str:
    async with visitor.get(path) as response:
        assert response.status == status
        return await response.text()


async def sent(visitor: ClientSession, act: str, path: str = "/review", **fields: str) -> ClientResponse:
    """A form of the page, sent; not followed."""
    known = hidden_fields(await page(visitor, path))
    return await visitor.post(f"/review/{act}", data={**known, **fields}, allow_redirects=False)


# --- Blind -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["relevance", "image"])
async def test_nothing_that_a_judge_said_is_on_the_page_before_the_answer(
    ada: ClientSession, reviews: PostgresReviews, kind: str
) -> None:
    html = await page(ada, f"/review?kind={kind}")
    for told in (SECRET, JUDGE, "strict-judge", "0.6173", "0.62", "confidence", "verdict", "disagree", "k1", "random"):
        assert told not in html.replace("Disagreements", "").replace("/review/disagreements", "")


async def test_what_is_drawn_from_a_run_is_blind_too(ada: ClientSession, shop: Served) -> None:
    await fill_queue(
        fill_parts(shop.pool), FromRun("strict-brands-1"), Amount(5, 0.2, 1, "mara"), NOW, np.random.default_rng(1)
    )
    html = await page(ada)
    assert sample_evals.OLD not in html
    assert sample_evals.NEW not in html
    assert await shop.pool.fetchval("SELECT count(*) FROM assay_data.review_opinions") >= 5


async def test_the_page_shows_query_context_product_and_the_ways_to_answer(
    ada: ClientSession, reviews: PostgresReviews
) -> None:
    html = await page(ada)
    for told in ("blaues sofa", "Sofa S1, zwei Sitze", "Nordik", "349.00 EUR", "Farbe", "Bezug aus Leinen"):
        assert told in html
    for key in ("1", "2", "3", "s", "u", "n"):
        assert f'data-key="{key}"' in html
    assert [f'data-letter="{letter}"' in html for letter in "hai"] == [True] * 3


async def test_a_guideline_is_on_the_same_screen(ada: ClientSession, shop: Served) -> None:
    await fill_queue(fill_parts(shop.pool), LIVE, Amount(20, 0.0, 1, "mara"), NOW, np.random.default_rng(1))
    html = await page(ada)
    assert "must have" in html
    assert "An accessory, or another thing altogether." in html


async def test_an_answer_that_differs_shows_the_judges_label_and_the_nine_classes(
    ada: ClientSession, reviews: PostgresReviews
) -> None:
    answered = await sent(ada, "answer", grade="0")
    assert answered.status == 303
    html = await page(ada, answered.headers["Location"])
    assert SECRET in html
    assert JUDGE in html
    assert all(f'name="{each.tag}"' in html for each in TAGS)


async def test_an_answer_that_agrees_goes_on_to_the_next(ada: ClientSession, reviews: PostgresReviews) -> None:
    answered = await sent(ada, "answer", grade="2")
    html = await page(ada, answered.headers["Location"])
    assert "the judge says the same" in html
    assert "Sofa S2" in html
    assert SECRET not in html


async def test_nobody_looks_at_an_item_they_have_not_answered(ada: ClientSession, reviews: PostgresReviews) -> None:
    for name in ("shown", "last"):
        html = await page(ada, f"/review?{name}={AGREED.subject.item_id}")
        assert SECRET not in html
        assert "Sofa S1" in html


async def test_a_skipped_item_stays_unseen(ada: ClientSession, reviews: PostgresReviews) -> None:
    await sent(ada, "answer", grade="skip")
    assert SECRET not in await page(ada, f"/review?shown={SOFA.subject.item_id}")


# --- Answers ---------------------------------------------------------------------------------------------


async def test_an_answer_is_kept_under_the_signed_in_name(ada: ClientSession, reviews: PostgresReviews) -> None:
    await sent(ada, "answer", grade="1", note="  Only one seat.  ")
    (act,) = await reviews.acts(SOFA.subject.item_id)
    assert (act.reviewer, act.grade, act.note) == ("ada", 1, "Only one seat.")


async def test_a_pictures_score_is_its_key(ada: ClientSession, reviews: PostgresReviews) -> None:
    html = await page(ada, "/review?kind=image")
    assert re.search(r'value="10"[^>]*data-key="0"', html)
    await sent(ada, "answer", "/review?kind=image", grade="10")
    assert ratings_of(await reviews.acts(PICTURE.subject.item_id)) == {"ada": 10}


async def test_a_grade_of_another_scale_is_refused(ada: ClientSession, reviews: PostgresReviews) -> None:
    answered = await sent(ada, "answer", item=str(PICTURE.subject.item_id), kind="relevance", grade="0")
    assert answered.status == 400
    assert list(await reviews.acts(PICTURE.subject.item_id)) == []


async def test_every_act_is_in_the_audit_under_its_item(
    ada: ClientSession, reviews: PostgresReviews, shop: Served
) -> None:
    before = await shop.pool.fetchval("SELECT coalesce(max(number), 0) FROM assay.audit")
    await sent(ada, "answer", grade="2")
    await sent(ada, "remark", f"/review?shown={SOFA.subject.item_id}", item=str(SOFA.subject.item_id), brand="1")
    await sent(ada, "undo")
    rows = await shop.pool.fetch("SELECT * FROM assay.audit WHERE number > $1 ORDER BY number", before)
    subject = str(SOFA.subject.item_id)
    assert [(row["who"], row["act"], row["subject"], row["detail"]) for row in rows] == [
        ("ada", "review.answer", subject, {"grade": 2}),
        ("ada", "review.remark", subject, {"tags": "brand"}),
        ("ada", "review.undo", subject, {}),
    ]


async def test_undo_brings_the_item_back(ada: ClientSession, reviews: PostgresReviews) -> None:
    await sent(ada, "answer", grade="2")
    undone = await sent(ada, "undo")
    html = await page(ada, undone.headers["Location"])
    assert "Taken back." in html
    assert "Sofa S1" in html
    assert SECRET not in html


async def test_tags_and_note_are_kept_once_the_label_was_shown(ada: ClientSession, reviews: PostgresReviews) -> None:
    answered = await sent(ada, "answer", grade="0")
    shown = answered.headers["Location"]
    await sent(ada, "remark", shown, too_lenient="1", nonsense="1", note="Not blue.")
    await sent(ada, "remark", shown, too_lenient="1", note="Not blue.")
    acts = await reviews.acts(SOFA.subject.item_id)
    assert [(act.act, act.tags, act.note) for act in acts] == [
        ("answer", (), ""),
        ("remark", ("too_lenient",), "Not blue."),
    ]


async def test_tags_before_the_answer_are_refused(ada: ClientSession, reviews: PostgresReviews) -> None:
    assert (await sent(ada, "remark", brand="1")).status == 409
    assert await reviews.acts(SOFA.subject.item_id) == []


@pytest.mark.parametrize("grade", ["3", "-1", "", "2; DROP", "10"])
async def test_what_is_no_grade_is_refused(ada: ClientSession, reviews: PostgresReviews, grade: str) -> None:
    assert (await sent(ada, "answer", grade=grade)).status == 400
    assert await reviews.acts(SOFA.subject.item_id) == []


@pytest.mark.parametrize("item", ["", "nonsense", str(uuid.UUID(int=5))])
async def test_what_is_no_item_is_refused(ada: ClientSession, reviews: PostgresReviews, item: str) -> None:
    assert (await sent(ada, "answer", grade="2", item=item)).status in (400, 409)


async def test_a_second_answer_says_why_not(ada: ClientSession, reviews: PostgresReviews) -> None:
    await sent(ada, "answer", grade="2")
    again = await sent(ada, "answer", item=str(SOFA.subject.item_id), grade="0")
    assert again.status == 409
    assert "answered or skipped this item already" in await again.text()


async def test_a_form_from_elsewhere_is_refused(ada: ClientSession, reviews: PostgresReviews) -> None:
    assert (await sent(ada, "answer", grade="2", token="x" * 43)).status == 403
    assert await reviews.acts(SOFA.subject.item_id) == []


async def test_who_only_reads_does_not_review(shop: Served, reviews: PostgresReviews) -> None:
    async with visiting(shop.url, READER) as rita:
        for path in ("/review", "/review/disagreements", "/review/agreement"):
            await page(rita, path, 403)


async def test_where_nobody_signs_in_nobody_reviews(shop: Served, reviews: PostgresReviews) -> None:
    room = ReviewRoom(reviews, 600.0)
    async with serving(shop.reads, room=room) as url, ClientSession(url) as stranger:
        assert "Nobody signs in" in await page(stranger, "/review", 403)


async def test_an_empty_queue_says_what_fills_it(ada: ClientSession) -> None:
    assert "assay eval review fill" in await page(ada)


async def test_hostile_text_stays_text(ada: ClientSession, shop: Served) -> None:
    bad = "<script>alert(1)</script>"
    told = candidate("X1", bad, listing={"title": bad, "description": bad, "attributes": {bad: bad}})
    await PostgresReviews(shop.pool).fill(filling(), [asked(told)], 1)
    html = await page(ada)
    assert bad not in html
    assert "&lt;script&gt;" in html


async def test_the_pages_script_is_our_own_and_nothing_runs_inline(
    ada: ClientSession, reviews: PostgresReviews
) -> None:
    async with ada.get("/review") as response:
        html, policy = await response.text(), response.headers["Content-Security-Policy"]
    assert re.findall(r"<script[^>]*>", html) == ['<script src="/static/review.js" defer>']
    assert "onclick" not in html
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'self';")


# --- Disagreements ---------------------------------------------------------------------------------------


async def disputed(ada: ClientSession, olaf: ClientSession) -> str:
    await sent(ada, "answer", grade="2")
    await sent(olaf, "answer", item=str(SOFA.subject.item_id), grade="0")
    return f"disagreements/{SOFA.subject.item_id}"


async def test_a_disagreement_is_decided_with_a_reason(
    ada: ClientSession, olaf: ClientSession, reviews: PostgresReviews, shop: Served
) -> None:
    place = await disputed(ada, olaf)
    assert "blaues sofa" in await page(olaf, "/review/disagreements")
    html = await page(olaf, f"/review/{place}")
    assert [name in html for name in ("ada", "olaf", SECRET)] == [True] * 3
    decided = await sent(olaf, place, f"/review/{place}", grade="1", note="A sofa bed serves.")
    assert decided.status == 303
    assert "Nothing to decide." in await page(olaf, "/review/disagreements")
    assert "A sofa bed serves." in await page(olaf, f"/review/{place}")
    audit = await shop.pool.fetchval("SELECT count(*) FROM assay.audit WHERE act = 'review.decision' AND who = 'olaf'")
    assert audit == 1


async def test_who_decides_sees_no_answers_and_no_label_while_somebody_has_yet_to_answer(
    ada: ClientSession, olaf: ClientSession, reviews: PostgresReviews
) -> None:
    await sent(ada, "answer", grade="2")
    place = f"/review/disagreements/{SOFA.subject.item_id}"
    await page(olaf, place, 404)
    decided = await sent(olaf, place.removeprefix("/review/"), grade="1", note="because")
    assert decided.status == 404


async def test_a_decision_without_a_reason_is_refused(
    ada: ClientSession, olaf: ClientSession, reviews: PostgresReviews
) -> None:
    place = await disputed(ada, olaf)
    refused = await sent(olaf, place, f"/review/{place}", grade="1", note=" ")
    assert refused.status == 400
    assert "Say why" in await refused.text()


async def test_a_reviewer_sees_that_there_is_a_disagreement_and_does_not_decide_it(
    ada: ClientSession, olaf: ClientSession, reviews: PostgresReviews
) -> None:
    place = await disputed(ada, olaf)
    assert "decides" in await page(ada, "/review/disagreements")
    await page(ada, f"/review/{place}", 403)


async def test_a_disagreement_that_is_none_is_no_page(olaf: ClientSession) -> None:
    await page(olaf, f"/review/disagreements/{uuid.UUID(int=4)}", 404)


# --- Figures ---------------------------------------------------------------------------------------------


async def test_who_agrees_with_whom_is_told_and_the_raw_figure_stays_beside_the_corrected(
    ada: ClientSession, olaf: ClientSession, reviews: PostgresReviews
) -> None:
    await disputed(ada, olaf)
    html = await page(ada, "/review/agreement")
    assert "ada and olaf" in html
    assert "Mean grade as judged" in html
    assert "Mean grade corrected" in html
    assert JUDGE in html


async def test_without_answers_the_page_of_agreement_says_so(ada: ClientSession, reviews: PostgresReviews) -> None:
    html = await page(ada, "/review/agreement?kind=image&fill=nonsense")
    assert "No two reviewers have answered the same item yet." in html


# --- Where items come from -------------------------------------------------------------------------------


async def test_live_scores_of_pictures_fill_their_queue(ada: ClientSession, shop: Served) -> None:
    wanted = FromLive("image", LIVE.since, LIVE.until)
    made, new = await fill_queue(
        fill_parts(shop.pool), wanted, Amount(10, 0.2, 1, "mara"), NOW, np.random.default_rng(1)
    )
    assert (made.kind, made.items, new) == ("image", 10, 10)
    assert "How good is this picture?" in await page(ada, "/review?kind=image")


async def test_an_alert_fills_the_queue_from_its_segment(shop: Served) -> None:
    parts = fill_parts(shop.pool)
    alert = FromDrift(str(shop.filled.alert_id)[:8])
    made, _ = await fill_queue(parts, alert, Amount(10, 0.2, 1, "mara"), NOW, np.random.default_rng(1))
    assert made.source == "drift"
    assert made.items == 10


async def test_a_live_frame_holds_the_newest_label_of_each_pair_once(shop: Served) -> None:
    frame = await fill_parts(shop.pool).sources.frame("relevance", LIVE.since, LIVE.until)
    pairs = await shop.pool.fetchval("SELECT count(*) FROM assay.relevance_labels")
    assert len(frame) == len(set(frame.keys.tolist())) == pairs
    assert (frame.traffic.max(), frame.drift.sum()) == (1.0, 0.0)


async def test_a_candidate_in_the_shadow_that_says_otherwise_counts_as_disagreement(shop: Served) -> None:
    await shop.pool.execute(
        """INSERT INTO assay_data.shadow_labels (judge, live_event_id, content_key, grade, confidence, reasoning,
            verdicts, model, guideline_version, judged_at, call_id)
        SELECT 'next@1', event_id, 'shadow-key', 2 - grade, 0.9, 'Otherwise.', '', 'm', guideline_version, judged_at,
            call_id
        FROM assay_data.labels WHERE grade <> 1 ORDER BY id DESC LIMIT 1"""
    )
    parts = fill_parts(shop.pool)
    frame = await parts.sources.frame("relevance", LIVE.since, LIVE.until)
    assert frame.disagreement.tolist().count(1.0) == 1
    key = int(frame.keys[frame.disagreement.argmax()])
    (told,) = await parts.sources.candidates("relevance", [key])
    assert [each.shadow for each in told.opinions] == [False, True]


async def test_a_critique_that_says_otherwise_counts_as_disagreement(shop: Served) -> None:
    await shop.pool.execute(
        """INSERT INTO assay_data.tier_reports (report_id, subject, told, kind, judge, items, tiers, checks, habits,
            critic, critic_prompt, share, cost_usd, complete, made_at, unchecked)
        VALUES ($1, 'live', 'live', 'relevance', 'j', 1, '[]', '[]', '[]', 'm', 'p', 1, 0, true, now(), 0)""",
        uuid.UUID(int=77),
    )
    await shop.pool.execute(
        """INSERT INTO assay_data.tier_flagged (report_id, place, key, item_id, query, listing_id, title, grade,
            reasoning, findings, better, why)
        SELECT $1, 0, content_key, '', query, listing_id, '', grade, '', '[]', 2 - grade, ''
        FROM assay_data.labels WHERE grade <> 1 ORDER BY id DESC LIMIT 1""",
        uuid.UUID(int=77),
    )
    sources = fill_parts(shop.pool).sources
    frame = await sources.frame("relevance", LIVE.since, LIVE.until)
    assert frame.disagreement.tolist().count(1.0) == 1
    key = await shop.pool.fetchval("SELECT key FROM assay_data.tier_flagged WHERE report_id = $1", uuid.UUID(int=77))
    assert list(await sources.critics([key, "unknown"])) == [key]


async def test_what_is_queued_is_marked_in_the_next_frame(shop: Served) -> None:
    parts = fill_parts(shop.pool)
    await fill_queue(parts, LIVE, Amount(10, 0.5, 1, "mara"), NOW, np.random.default_rng(1))
    frame = await parts.sources.frame("relevance", LIVE.since, LIVE.until)
    assert frame.queued.sum() == 10
    assert len(await PostgresReviews(shop.pool).answered(AnswerFilter("relevance", at_random=True))) == 5
