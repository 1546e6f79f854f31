"""A picture that is fetched again: only if it changed, by validators that belong to its URL and can do no harm."""

from __future__ import annotations

import pytest

from core.adapters.picture_validators import MAX_ETAG_CHARACTERS
from core.errors import PictureError
from tests.support.picture_server import Names, Server, answer, jpeg, says, source

DAY = "Mon, 03 Mar 2025 12:00:00 GMT"
OK = "200 OK"


def sent(head: bytes) -> dict[str, str]:
    pairs = [line.split(": ", 1) for line in head.decode().splitlines()[1:] if ": " in line]
    return {name.lower(): value for name, value in pairs if name.startswith("If-")}


async def test_a_host_s_validators_are_kept_with_the_picture(server: Server) -> None:
    url = server.url("/a.jpg", says(answer(jpeg(), OK, 'ETag: W/"a-1"', f"Last-Modified: {DAY}")))
    async with source() as pictures:
        picture = await pictures.fetch(url)
    assert (picture.etag, picture.last_modified) == ('W/"a-1"', DAY)


async def test_a_picture_is_asked_for_again_only_if_it_changed(server: Server) -> None:
    url = server.url("/a.jpg", says(answer(b"", "304 Not Modified")))
    async with source() as pictures:
        assert await pictures.fetch_changed(url, '"a"', DAY) is None
    assert sent(server.heads[0]) == {"if-none-match": '"a"', "if-modified-since": DAY}


async def test_a_picture_that_changed_comes_with_its_new_validators(server: Server) -> None:
    url = server.url("/a.jpg", says(answer(jpeg(), OK, 'ETag: "b"')))
    async with source() as pictures:
        picture = await pictures.fetch_changed(url, '"a"', "")
    assert picture is not None
    assert (picture.etag, picture.width) == ('"b"', 300)


async def test_without_validators_nothing_is_asked(server: Server) -> None:
    url = server.url("/a.jpg", says(answer(jpeg())))
    async with source() as pictures:
        assert await pictures.fetch_changed(url, "", "") is not None
    assert sent(server.heads[0]) == {}


@pytest.mark.parametrize("etag", ["", "\x00", "x" * 300])
async def test_unchanged_without_having_been_asked_is_a_failure(server: Server, etag: str) -> None:
    url = server.url("/a.jpg", says(answer(b"", "304 Not Modified")))
    async with source() as pictures:
        with pytest.raises(PictureError) as caught:
            await pictures.fetch_changed(url, etag, "")
        with pytest.raises(PictureError) as again:
            await pictures.fetch(url)
    assert (caught.value.kind, caught.value.final) == ("http_unexpected", True)
    assert again.value.kind == "http_unexpected"


@pytest.mark.parametrize(
    "headers",
    [
        ('ETag: "' + "x" * MAX_ETAG_CHARACTERS + '"',),
        ('ETag: "\x7f"', "Last-Modified: \x1b[2J"),
        ('ETag: "ä"', "Last-Modified: yesterday"),
        ("ETag: ", "Last-Modified: " + "9" * 5_000),
    ],
)
async def test_a_validator_that_is_none_is_not_kept(server: Server, headers: tuple[str, ...]) -> None:
    url = server.url("/a.jpg", says(answer(jpeg(), OK, *headers)))
    async with source() as pictures:
        picture = await pictures.fetch(url)
    assert (picture.etag, picture.last_modified) == ("", "")


@pytest.mark.parametrize("etag", ['"a"\r\nX-Evil: 1', '"a"\x00', "ä", "x" * 1_000])
async def test_a_kept_validator_that_is_none_is_not_sent(server: Server, etag: str) -> None:
    url = server.url("/a.jpg", says(answer(jpeg())))
    async with source() as pictures:
        await pictures.fetch_changed(url, etag, "not a date")
    assert sent(server.heads[0]) == {}
    assert b"Evil" not in server.heads[0]


async def test_validators_of_where_a_redirect_leads_are_neither_kept_nor_believed(server: Server) -> None:
    server.url("/other.jpg", says(answer(jpeg(), OK, 'ETag: "1"')))
    url = server.url("/a.jpg", says(answer(b"", "302 Found", "Location: /other.jpg")))
    async with source() as pictures:
        picture = await pictures.fetch_changed(url, '"1"', "")
    assert picture is not None
    assert picture.etag == ""
    assert [sent(head) for head in server.heads] == [{"if-none-match": '"1"'}, {}]


async def test_validators_do_not_follow_to_another_host(server: Server) -> None:
    there = server.url("/a.jpg", says(answer(jpeg())), "other.test")
    url = server.url("/b.jpg", says(answer(b"", "302 Found", f"Location: {there}")), "shop.test")
    async with source(Names(**{"shop.test": ["127.0.0.1"], "other.test": ["127.0.0.1"]})) as pictures:
        await pictures.fetch_changed(url, '"1"', DAY)
    assert [sent(head) for head in server.heads] == [{"if-none-match": '"1"', "if-modified-since": DAY}, {}]
