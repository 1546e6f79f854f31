"""`assay eval take` on a real PostgreSQL: which live labels become a dataset, blind and without anchors."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

import pytest

from cli.eval_store import Draft
from cli.eval_take import Segment, source_of, taken
from core.adapters.drift_store import PostgresDriftStore
from core.adapters.eval_datasets import PostgresDatasets
from core.adapters.eval_taking import _PAIRS, Choice
from core.adapters.postgres import Pool, open_pool
from core.domain.guidelines import GuidelineKey
from core.domain.labels import Label
from core.domain.task_keys import query_group
from core.drift_ports import Anchor
from core.errors import UsageError
from core.eval_facts import EvalItem
from core.ports import NewTask
from core.settings import Settings, load_settings
from tests.contract.facts import guideline, label, listing, score
from tests.contract.stores import PostgresStores
from tests.support.fakes import NOON
from tests.support.postgres import close_pool

pytestmark = pytest.mark.postgres

DRAFT = Draft("taken", "relevance", "", False, "live", "internal", "ada", ())
PICTURES = Draft("pictures", "image", "", False, "live", "internal", "ada", ())
ALL = Segment("", "", "", "")
KEY = GuidelineKey("de", "blaues sofa", "de", (("colour", "blue"),))
HOUR = timedelta(hours=1)


def choice(**changes: object) -> Choice:
    return Choice(**{"start": NOON - 24 * HOUR, "end": NOON + 24 * HOUR, **changes})


@pytest.fixture
async def live_pool(postgres_dsn: str) -> AsyncIterator[Pool]:
    """Four pairs that can be shown, one that nobody tells of any more: L1 judged twice and differently, L4 otherwise by
    another mode, L5 told of by its task alone."""
    pool = await open_pool(postgres_dsn, 4)
    stores = PostgresStores(pool)
    for listing_id in ("L1", "L2", "L3"):
        await stores.tell(listing(listing_id))
    await stores.guidelines.save_guideline(KEY, guideline("g1"), NOON)
    told = {"listing_id": "L5", "title": "Sofa, rot"}
    subject = {"application": "shop", "market": "de", "query": "sofa", "listing_id": "L5"}
    task = NewTask("k", "relevance", "live", query_group("shop", "de", "sofa"), subject, {"listing": told})
    await stores.inbox.add([task])
    facts = [
        label("a", listing_id="L1"),
        label("b", listing_id="L1", label=Label.IRRELEVANT, judged_at=NOON + HOUR, model="judge-2"),
        label("c", listing_id="L2", confidence=0.2),
        label("d", listing_id="L3", query="sofa", market="at", label=Label.IRRELEVANT, reason="panel"),
        label("e", listing_id="L5", query="sofa", guideline_version="g2"),
        label("f", listing_id="gone"),
    ]
    await stores.judgements.save_labels(facts, [], [], NOON)
    try:
        yield pool
    finally:
        await close_pool(pool, 10.0)


@pytest.fixture
def live(live_pool: Pool, postgres_dsn: str) -> Settings:
    """The settings of the database that holds them."""
    return load_settings(postgres_dsn=postgres_dsn)


async def drawn(
    settings: Settings, asked: Choice, segment: Segment = ALL, most: int = 100, draft: Draft = DRAFT
) -> Sequence[EvalItem]:
    stored, _ = await taken(settings, draft, asked, segment, most, 0.3)
    assert stored.fresh
    return stored.items


def ids(items: Sequence[EvalItem]) -> list[str]:
    return sorted(item.listing_id for item in items)


async def test_live_labels_become_items_that_nobody_graded(live: Settings, live_pool: Pool) -> None:
    stored, notices = await taken(live, DRAFT, choice(), ALL, 100, 0.3)
    assert ids(stored.items) == ["L1", "L2", "L3", "L5"]
    assert {(item.truth, tuple(item.ratings)) for item in stored.items} == {(None, ())}
    assert notices == ["left out, since nobody tells of the product any more: 1"]
    kept = await PostgresDatasets(live_pool).items(stored.dataset)
    assert list(kept) == list(stored.items)


async def test_an_item_has_the_language_the_context_and_the_product_of_its_pair(live: Settings) -> None:
    by_id = {item.listing_id: item for item in await drawn(live, choice())}
    one = by_id["L1"]
    assert (one.language, one.context, one.segment["category"]) == ("de", (("colour", "blue"),), "Sofas")
    assert one.listing is not None
    assert one.listing["price"] == {"amount": 499.5, "currency": "EUR"}
    assert by_id["L5"].listing == {"listing_id": "L5", "market": "de", "title": "Sofa, rot"}


@pytest.mark.parametrize(
    ("asked", "segment", "found"),
    [
        (choice(market="at"), ALL, ["L3"]),
        (choice(application="other"), ALL, []),
        (choice(query="sofa"), ALL, ["L3", "L5"]),
        (choice(label="irrelevant"), ALL, ["L1", "L3"]),
        (choice(reason="panel"), ALL, ["L3"]),
        (choice(below=0.5), ALL, ["L2"]),
        (choice(start=NOON + timedelta(minutes=1)), ALL, ["L1"]),
        (choice(end=NOON), ALL, []),
        (choice(where="disagreement"), ALL, ["L1"]),
        (choice(), Segment("", "1", "", ""), ["L3", "L5"]),
        (choice(), Segment("", "", "", "Sofas"), ["L1", "L2", "L3"]),
        (choice(), Segment("de", "2", "tail", ""), ["L1", "L2"]),
        (choice(), Segment("", "", "head", ""), []),
    ],
)
async def test_a_choice_takes_what_fits_it(live: Settings, asked: Choice, segment: Segment, found: list[str]) -> None:
    if found:
        assert ids(await drawn(live, asked, segment)) == found
    else:
        with pytest.raises(UsageError, match="no live label fits"):
            await drawn(live, asked, segment)


async def test_modes_and_candidates_that_differ_are_a_disagreement(live: Settings, live_pool: Pool) -> None:
    await live_pool.execute(
        "INSERT INTO assay_data.mode_labels (content_key, application, market, query, listing_id, mode, label,"
        " confidence, reasoning, model, call_id, input_tokens, output_tokens, cost_usd, judged_at)"
        " VALUES ('m', 'shop', 'at', 'sofa', 'L3', 'multimodal', 'highly_relevant', 1, '', '', gen_random_uuid(),"
        " 0, 0, 0, now())"
    )
    await live_pool.execute(
        "INSERT INTO assay_data.shadow_labels (judge, live_event_id, content_key, grade, confidence, reasoning,"
        " verdicts, model, guideline_version, judged_at, call_id)"
        " SELECT 'strict@1', event_id, 's', 2, 1, '', '', '', '', now(), gen_random_uuid() FROM assay_data.labels"
        " WHERE content_key = 'c'"
    )
    assert ids(await drawn(live, choice(where="disagreement"))) == ["L1", "L2", "L3"]


async def test_disagreement_is_looked_up_by_pair_whatever_the_tables_hold(live_pool: Pool) -> None:
    asked = (NOON, NOON, "", "", "", "", "", None, "disagreement", 10)
    async with live_pool.acquire() as held, held.transaction():
        await held.execute("SET LOCAL enable_seqscan = off")
        plan = "\n".join(row[0] for row in await held.fetch(f"EXPLAIN {_PAIRS}", *asked))
    assert "mode_labels_of_pair" in plan


async def test_anchors_are_left_out_by_id_and_by_title(live: Settings, live_pool: Pool) -> None:
    anchors = [
        Anchor("one", "shop", "at", "de", "sofa", {"listing_id": "L3", "title": "else"}, 2),
        Anchor("two", "shop", "de", "de", "blaues sofa", {"listing_id": "else", "title": "Sofa Nordby, blau"}, 2),
    ]
    await PostgresDriftStore(live_pool).add_anchors(anchors, NOON)
    stored, notices = await taken(live, DRAFT, choice(), ALL, 100, 0.3)
    assert ids(stored.items) == ["L5"]
    assert "left out as anchors: 3" in notices


async def test_fewer_are_the_same_draw_each_time(live: Settings) -> None:
    few = await drawn(live, choice(), most=2)
    assert len(few) == 2
    again, _ = await taken(live, DRAFT, choice(), ALL, 2, 0.3)
    assert not again.fresh


async def test_pictures_are_taken_by_disagreement_too(live: Settings, live_pool: Pool) -> None:
    stores = PostgresStores(live_pool)
    scores = [
        score("p1", image_url="https://p/1.jpg", image_hash="h1", score=8),
        score("p2", image_url="https://p/1.jpg", image_hash="h1", score=3, model="eye-2", judged_at=NOON + HOUR),
        score("p3", listing_id="gone", image_url="https://p/2.jpg", image_hash="h2", score=5),
    ]
    await stores.judgements.save_image_score(scores, [], [], NOON)
    assert ids(await drawn(live, choice(), draft=PICTURES)) == ["L1", "gone"]
    [item] = await drawn(live, choice(where="disagreement"), draft=PICTURES)
    assert (item.image_url, item.query, item.truth) == ("https://p/1.jpg", "L1", None)
    assert item.segment == {"market": "de", "language": "de", "category": "Sofas"}


def test_the_source_says_what_was_taken() -> None:
    said = source_of(choice(market="de", where="disagreement", below=0.7), Segment("", "3+", "", ""))
    assert said.endswith(": market de, confidence below 0.7, length 3+, where disagreement")
