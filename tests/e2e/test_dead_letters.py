"""`assay dead-letters`: what could not be read is found, shown, mended, and sent again."""

from __future__ import annotations

import json

import pytest

from tests.e2e import topics
from tests.e2e.conftest import Place

GOOD = b'{"listing_id": "L1", "timestamp": "2026-03-02T08:00:00Z", "title": "Lamp"}'
POISON = [b'{"listing_id": "L2"', b"\x1b[31m not json", b'{"listing_id": "L3", "timestamp": "2026-03-02T08:00:00Z"}']


@pytest.fixture(scope="module")
async def read(shared_place: Place) -> Place:
    """A topic of which three records could not be used."""
    topics.make(shared_place.bootstrap, f"{shared_place.prefix}listings", 1)
    topics.send(shared_place.bootstrap, f"{shared_place.prefix}listings", [("k", value) for value in [GOOD, *POISON]])
    assert (await shared_place.assay("run", "listings", "--until-idle")).code == 0
    return shared_place


async def test_letters_are_listed_newest_first_and_steer_no_terminal(read: Place) -> None:
    listed = await read.assay("dead-letters", "list")
    plain = json.loads((await read.assay("dead-letters", "list", "--json", "--topic", "listings")).out)
    none = json.loads((await read.assay("dead-letters", "list", "--json", "--since", "2036-01-01")).out)
    assert listed.code == 0
    assert "\x1b" not in listed.out
    assert [(each["offset"], each["reason"]) for each in plain] == [(3, "no_title"), (2, "not_json"), (1, "not_json")]
    assert {each["requeue_state"] for each in plain} == {"new"}
    assert none == []


async def test_a_letter_s_payload_comes_as_it_was(read: Place) -> None:
    shown = await read.assay("dead-letters", "show", "listings", "0", "1")
    payload = await read.assay("dead-letters", "show", "listings", "0", "1", "--payload")
    unknown = await read.assay("dead-letters", "show", "listings", "0", "0")
    assert "not_json" in shown.out
    assert payload.out.encode() == POISON[0]
    assert (unknown.code, "listings 0 0" in unknown.one_line()) == (2, True)


async def test_letters_are_sent_again_once_and_are_new_letters_while_they_are_wrong(read: Place) -> None:
    dry = await read.assay("dead-letters", "requeue", "--reason", "not_json", "--dry-run")
    one = await read.assay("dead-letters", "requeue", "listings", "0", "1")
    rest = await read.assay("dead-letters", "requeue", "--all")
    again = await read.assay("dead-letters", "requeue", "listings", "0", "1")
    found = topics.read(read.bootstrap, f"{read.prefix}listings")
    ran = await read.assay("run", "listings", "--until-idle")
    letters = await read.rows('SELECT "offset", requeued_at IS NOT NULL FROM assay_data.dead_letters ORDER BY 1')

    assert [done.code for done in (dry, one, rest, again, ran)] == [0, 0, 0, 0, 0]
    assert "would send 2 records (2 as the log holds them" in dry.out
    assert "sent 1 records (1 as the log" in one.out
    assert "sent 2 records (2 as the log" in rest.out
    assert "sent 0 records" in again.out
    assert "--again" in again.out
    assert [record.value for record in found] == [GOOD, *POISON, *POISON]
    assert letters == [(1, True), (2, True), (3, True), (4, False), (5, False), (6, False)]


async def test_what_a_crash_left_in_doubt_is_said_and_sent_only_when_told(read: Place) -> None:
    await read.pool.execute(
        'UPDATE assay_data.dead_letters SET requeued_at = now(), requeue_confirmed_at = NULL WHERE "offset" = 2'
    )
    left = await read.assay("dead-letters", "requeue", "listings", "0", "2")
    sent = await read.assay("dead-letters", "requeue", "listings", "0", "2", "--in-doubt")
    assert (left.code, "in doubt" in left.out) == (1, True)
    assert (sent.code, "sent 1 records" in sent.out) == (0, True)
