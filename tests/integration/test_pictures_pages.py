"""Pages about pictures over a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import get_args
from urllib.parse import quote
from uuid import UUID

import pytest
from aiohttp import ClientSession
from yarl import URL

from core.adapters import reads_pictures
from core.adapters.migrate import migrate
from core.adapters.postgres import Pool, open_pool
from core.adapters.reads import PostgresReads
from core.domain.judging import PictureFlag
from core.picture_models import FailureFilter, PictureFilter
from core.picture_watch_models import BuyerFilter
from tests.support import postgres, sample_picture_pages
from tests.support.sample_picture_pages import HOSTILE_TITLE, HOSTILE_URL, JUDGE, LAMP, STUDENT
from tests.support.sample_rows import insert
from tests.support.served_console import BUDGET_USD, FixedClock, serving, text_of

pytestmark = pytest.mark.postgres

PAGES = (
    "/pictures",
    "/pictures/ordered",
    "/pictures/flags",
    "/pictures/buyers",
    "/pictures/student",
    "/pictures/failures",
)
LAMP_PAGE = f"/pictures/listing/{quote(LAMP, safe='')}"


@pytest.fixture(scope="module")
async def filled(postgres_server: str) -> AsyncIterator[Pool]:
    async with postgres.database(postgres_server, "picture_pages") as dsn:
        await migrate(dsn)
        pool = await open_pool(dsn, 4)
        try:
            await sample_picture_pages.fill(pool)
            yield pool
        finally:
            await postgres.close_pool(pool, 10.0)


@pytest.fixture
def reads(filled: Pool) -> PostgresReads:
    return PostgresReads(filled, FixedClock(), BUDGET_USD)


@pytest.fixture(scope="module")
async def visitor(filled: Pool) -> AsyncIterator[ClientSession]:
    async with serving(PostgresReads(filled, FixedClock(), BUDGET_USD)) as url, ClientSession(url) as session:
        yield session


async def listing_page(visitor: ClientSession, path: str = LAMP_PAGE) -> str:
    async with visitor.get(URL(path, encoded=True)) as answer:
        assert answer.status == 200
        return await answer.text()


# --- Scores --------------------------------------------------------------------------------------------------


async def test_each_picture_of_a_listing_counts_once_with_its_newest_score(reads: PostgresReads) -> None:
    found = await reads.pictures.report(PictureFilter())
    assert found.scores.pictures == 72
    assert sum(found.tiers.values()) == 72
    assert sum(each.scores.pictures for each in found.segments) == 72
    assert {(each.market, each.category) for each in found.segments} == set(sample_picture_pages.SEGMENTS)


async def test_worst_and_best_are_in_their_order(reads: PostgresReads) -> None:
    found = await reads.pictures.report(PictureFilter())
    assert [each.score for each in found.worst] == sorted(each.score for each in found.worst)
    assert [each.score for each in found.best] == sorted((each.score for each in found.best), reverse=True)


async def test_a_walk_from_score_to_score_finds_what_a_pass_over_all_finds(
    reads: PostgresReads, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = PictureFilter(market="us", tier="llm")
    passed = await reads.pictures.report(wanted)
    monkeypatch.setattr(reads_pictures, "COMMON", 0)
    walked = await reads.pictures.report(wanted)
    assert (walked.worst, walked.best) == (passed.worst, passed.best)


@pytest.mark.parametrize(
    "wanted",
    [
        PictureFilter(market="de"),
        PictureFilter(category="shoes"),
        PictureFilter(tier="student"),
        PictureFilter(flag="ai_made"),
        PictureFilter(judge=JUDGE, days=7),
    ],
    ids=["market", "category", "tier", "flag", "judge and days"],
)
async def test_a_filter_takes_in_what_it_names_alone(reads: PostgresReads, wanted: PictureFilter) -> None:
    found = await reads.pictures.report(wanted)
    assert 0 < found.scores.pictures < 72
    for each in (*found.worst, *found.best):
        assert wanted.market in ("", each.market)
        assert wanted.category in ("", each.category)
        assert wanted.tier in ("", each.tier)
        assert wanted.judge in ("", each.judge)
        assert not wanted.flag or wanted.flag in each.flags


async def test_pages_of_the_worst_have_each_picture_once(reads: PostgresReads, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reads_pictures, "PAGE_PICTURES", 40)
    first, more = await reads.pictures.page_of(PictureFilter(), "worst", 1)
    second, last = await reads.pictures.page_of(PictureFilter(), "worst", 2)
    assert (len(first), more, len(second), last) == (40, True, 32, False)
    assert len({each.event_id for each in (*first, *second)}) == 72


async def test_the_page_of_scores_links_a_picture_to_its_listing_its_score_and_its_call(
    visitor: ClientSession,
) -> None:
    page = await text_of(visitor, "/pictures", market="us", tier="llm")
    assert "/pictures/listing/P" in page
    assert "/label/" in page
    assert "/calls/" in page
    assert "72 pictures" not in page


async def test_a_market_without_scores_says_what_to_do(visitor: ClientSession) -> None:
    assert "No picture matches" in await text_of(visitor, "/pictures", market="nowhere")


# --- One listing ---------------------------------------------------------------------------------------------


async def test_a_listing_s_pictures_stand_in_its_order_the_main_one_marked(visitor: ClientSession) -> None:
    page = await listing_page(visitor)
    assert page.index("main picture") < page.index("Picture 2") < page.index("Picture 3") < page.index("Picture 4")
    assert "Lumo" in page
    assert "19.90 USD" in page


async def test_a_listing_shows_its_score_and_both_tiers_of_a_picture(
    visitor: ClientSession, reads: PostgresReads
) -> None:
    found = await reads.pictures.listing(LAMP)
    assert found is not None
    scores = [each.newest.score for each in found.pictures if each.newest]
    assert found.score["score"] == pytest.approx(0.7 * scores[0] + 0.3 * sum(scores[1:]) / len(scores[1:]))
    page = await listing_page(visitor)
    for part in ("± 1.2", "Student said", "refused below 0.008", "1,200 × 900", "2 scores", "the same bytes"):
        assert part in page


async def test_a_listing_says_why_a_picture_has_no_score_and_what_buyers_did(visitor: ClientSession) -> None:
    page = await listing_page(visitor)
    assert "the picture was taken down" in page
    assert "12.5" in page[page.index("What buyers did") :]


async def test_what_a_listing_showed_once_is_still_there_and_said_to_be_gone(
    filled: Pool, reads: PostgresReads
) -> None:
    async with filled.acquire() as held:
        row = dict(await held.fetchrow("SELECT * FROM assay_data.image_scores WHERE listing_id = 'P09' LIMIT 1"))
        del row["id"]
        old = row | {"event_id": UUID(int=1), "content_key": "was shown", "image_url": "https://old.example/1.jpg"}
        await insert(held, "image_scores", [old])
        found = await reads.pictures.listing("P09")
        await held.execute("DELETE FROM assay_data.image_scores WHERE content_key = 'was shown'")
    assert found is not None
    assert found.pictures[-1].image_url == "https://old.example/1.jpg"
    assert found.pictures[-1].place is None


async def test_look_alikes_of_other_sellers_are_named_once_each(reads: PostgresReads) -> None:
    found = await reads.pictures.listing(LAMP)
    assert found is not None
    alike = found.pictures[0].alike
    assert [each.listing_id for each in alike] == list(dict.fromkeys(each.listing_id for each in alike))
    assert {each.listing_id: each.seller for each in alike}["P08"] == "seller 8"
    assert LAMP not in {each.listing_id for each in alike}


@pytest.mark.parametrize("listing_id", ["nothing", "a/b", "..%2F..", "%3Cscript%3E", "%00"])
async def test_an_unknown_listing_has_a_page_that_says_what_to_do(visitor: ClientSession, listing_id: str) -> None:
    async with visitor.get(URL(f"/pictures/listing/{listing_id}", encoded=True)) as answer:
        assert answer.status == 404
        page = await answer.text()
    assert "assay produce listings" in page
    assert "<script>" not in page


# --- Failures ------------------------------------------------------------------------------------------------


async def test_failures_are_counted_by_reason_and_host_and_told_in_words(
    visitor: ClientSession, reads: PostgresReads
) -> None:
    found = await reads.pictures.failures(FailureFilter())
    assert dict(found.reasons)["gone"] == 3
    assert [(host.host, host.pictures) for host in found.hosts] == [
        ("img0.example", 3),
        ("img1.example", 2),
        ("img2.example", 2),
    ]
    assert [(reason, count) for reason, count, _ in found.retried] == [("timeout", 3)]
    page = await text_of(visitor, "/pictures/failures")
    for part in ("taken down (404, 410)", "ASSAY_IMAGE_ALLOWED_NETWORKS", "img0.example", "To be tried again"):
        assert part in page


async def test_failures_are_filtered_by_market_reason_and_window(reads: PostgresReads) -> None:
    german = await reads.pictures.failures(FailureFilter(market="de"))
    assert {each.market for each in german.examples} == {"de"}
    gone = await reads.pictures.failures(FailureFilter(reason="gone"))
    assert {each.reason for each in gone.examples} == {"gone"}
    assert sum(host.pictures for host in gone.hosts) == 3
    assert len(gone.reasons) == 5


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://Shop.Example:8443/a.jpg", "shop.example"),
        ("http://user:pass@evil.example/a@b.jpg", "evil.example"),
        ("http://[2001:db8::1]:80/a.jpg", "[2001:db8::1]"),
        ("no url", ""),
    ],
)
async def test_the_host_of_a_failure_is_the_one_that_its_url_names(
    filled: Pool, reads: PostgresReads, url: str, host: str
) -> None:
    async with filled.acquire() as held:
        task = sample_picture_pages._task(900, "failed", "http_4xx", FixedClock().now() - timedelta(hours=1))
        subject = {"listing_id": "P01", "image_url": url}
        await insert(held, "tasks", [task | {"subject": subject, "finished_at": FixedClock().now()}])
        found = await reads.pictures.failures(FailureFilter(reason="http_4xx"))
        await held.execute("DELETE FROM assay_data.tasks WHERE task_key = 'picture task 900'")
    assert [each.host for each in found.hosts] == [host]


# --- Flags, buyers, student ----------------------------------------------------------------------------------


async def test_flags_are_counted_as_the_view_counts_them(filled: Pool, reads: PostgresReads) -> None:
    found = await reads.pictures.flags(90, "")
    async with filled.acquire() as held:
        rows = await held.fetch(
            "SELECT flag, sum(pictures)::int, sum(flagged)::int FROM assay.image_flag_shares GROUP BY 1"
        )
    assert {name: (found.whole.pictures, found.whole.flagged[name]) for name in get_args(PictureFlag)} == {
        flag: (pictures, flagged) for flag, pictures, flagged in rows
    }
    assert sum(counted.pictures for _, _, counted in found.by_segment) == found.whole.pictures


async def test_agreement_with_buyers_is_drawn_told_and_its_alert_marked(
    visitor: ClientSession, reads: PostgresReads
) -> None:
    found = await reads.pictures.buyers(BuyerFilter(market="us", action="click"))
    assert {row.segment for row in found.rows} == {("shop", "us", "llm", "click")}
    assert [row.category for row in found.categories] == ["lamps"]
    page = await text_of(visitor, "/pictures/buyers")
    assert page.count('class="mark"') == 1
    for part in ("Correlation with shop us llm click by day", "had no price", "pivot-1", "6.1", "buyers agree less"):
        assert part in page


async def test_the_student_s_agreement_is_what_the_view_says(filled: Pool, reads: PostgresReads) -> None:
    found = await reads.pictures.students(28, "")
    async with filled.acquire() as held:
        days = await held.fetch(
            "SELECT day, sum(pictures)::int FROM assay.student_agreement WHERE why = 'random' GROUP BY 1"
        )
    assert {row.day: row.pictures for row in found.agreement if row.why == "random"} == dict(days)
    segment = await reads.pictures.students(28, "us")
    async with filled.acquire() as held:
        rows = await held.fetch(
            """SELECT day, mean_bias, rank_correlation, quadratic_kappa FROM assay.student_agreement
            WHERE why = 'random' AND market = 'us' AND pictures > 1"""
        )
    by_day = {row.day: row for row in segment.agreement if row.why == "random"}
    for row in rows:
        told = by_day[row["day"]]
        assert told.mean_bias == pytest.approx(row["mean_bias"])
        assert told.rank_correlation == pytest.approx(row["rank_correlation"])


async def test_the_student_s_page_has_its_held_back_figures_versions_and_deeds(visitor: ClientSession) -> None:
    page = await text_of(visitor, "/pictures/student")
    for part in (STUDENT, "0.66 to 0.76", "800 pictures of held-back sellers", "better on shoes", "least sure of"):
        assert part in page


async def test_the_first_page_counts_new_alerts_of_pictures(visitor: ClientSession) -> None:
    assert "3 alerts in a week" in await text_of(visitor, "/")


# --- All of them ---------------------------------------------------------------------------------------------


async def test_an_empty_database_says_on_each_page_what_to_do(pool: Pool) -> None:
    async with serving(PostgresReads(pool, FixedClock(), BUDGET_USD)) as url, ClientSession(url) as session:
        for path in PAGES:
            page = await text_of(session, path)
            assert 'class="empty"' in page
            assert 'aria-label="Pages about pictures"' in page


async def test_sellers_and_judges_words_are_read_and_never_run_or_loaded(visitor: ClientSession) -> None:
    for page in [await text_of(visitor, path, days="365") for path in PAGES] + [await listing_page(visitor)]:
        assert "<script>alert" not in page
        assert "<b>Ignore" not in page
        assert "<img src=x" not in page
        assert 'src="http' not in page
    assert HOSTILE_TITLE.replace("<", "&lt;").replace(">", "&gt;") in page
    assert HOSTILE_URL.split('"')[0] in page


@pytest.mark.parametrize("path", PAGES)
async def test_strange_parameters_show_the_page_all_the_same(visitor: ClientSession, path: str) -> None:
    strange = dict.fromkeys(("market", "category", "tier", "flag", "judge", "reason", "order", "page"), "\x00'\"<>")
    page = await text_of(visitor, path, days="-1", over="x", **strange)
    assert "<>" not in page
