"""A hostile picture server: each of its tricks ends in its named kind, none reaches a refused address."""

from __future__ import annotations

import asyncio
import gzip

import pytest

from core.adapters.picture_hosts import DEFAULT_PAUSE_S, LONGEST_PAUSE_S, retry_after_s
from core.adapters.pictures import HttpPictureSource
from core.domain.images.failures import PictureHostBusy
from core.errors import PictureError
from tests.support.picture_server import (
    Names,
    Server,
    Trick,
    Writer,
    answer,
    drip,
    endless,
    endless_head,
    failure,
    jpeg,
    reset,
    says,
    settings,
    source,
)

# --- What works ------------------------------------------------------------------------------------------


async def test_a_picture_is_fetched_measured_and_downscaled(server: Server) -> None:
    body = jpeg(1_000)
    async with source(image_max_side=256) as pictures:
        picture = await pictures.fetch(server.url("/a.jpg", says(answer(body))))
    assert (picture.width, picture.original_width, picture.byte_size) == (256, 1_000, len(body))
    assert picture.media_type == "image/jpeg"
    assert picture.measures["width"] == 1_000


async def test_a_declared_type_is_not_believed(server: Server) -> None:
    async with source() as pictures:
        url = server.url("/a", says(answer(jpeg(), "200 OK", "Content-Type: text/html")))
        assert (await pictures.fetch(url)).media_type == "image/jpeg"


async def test_redirects_are_followed(server: Server) -> None:
    server.url("/b.jpg", says(answer(jpeg())))
    url = server.url("/a", says(answer(b"", "302 Found", "Location: /b.jpg")))
    async with source() as pictures:
        assert (await pictures.fetch(url)).width == 300


async def test_a_worker_process_decodes_by_default(server: Server) -> None:
    async with HttpPictureSource(settings()) as pictures:
        assert (await pictures.fetch(server.url("/a.jpg", says(answer(jpeg()))))).width == 300


async def test_one_host_is_asked_for_few_pictures_at_once(server: Server) -> None:
    async def slowly(writer: Writer) -> None:
        await asyncio.sleep(0.05)
        writer.write(answer(jpeg()))

    urls = [server.url(f"/{number}.jpg", slowly) for number in range(8)]
    async with source(image_per_host=2) as pictures:
        await asyncio.gather(*(pictures.fetch(url) for url in urls))
    assert server.most_at_once == 2


async def test_waiting_for_a_host_s_turn_is_not_charged_to_its_time(server: Server) -> None:
    async def slowly(writer: Writer) -> None:
        await asyncio.sleep(0.4)
        writer.write(answer(jpeg()))

    urls = [server.url(f"/{number}.jpg", slowly) for number in range(3)]
    async with source(image_per_host=1, image_timeout_s=0.8) as pictures:
        fetched = await asyncio.gather(*(pictures.fetch(url) for url in urls))
    assert len(fetched) == 3


# --- Addresses -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost", "127.1", "2130706433", "[::ffff:127.0.0.1]"])
async def test_loopback_is_not_reached_unless_allowed(server: Server, host: str) -> None:
    error = await failure(server.url("/a.jpg", says(answer(jpeg())), host), image_allowed_networks="")
    assert error.kind in {"address_refused", "bad_url"}
    assert error.final
    assert server.asked == []


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://[fd00:ec2::254]/",
        "http://10.0.0.1/a.jpg",
        "http://127.0.0.2/a.jpg",
        "http://[::ffff:169.254.169.254]/",
        "http://8.8.8.8:6379/",
    ],
)
async def test_a_redirect_to_a_refused_address_is_not_followed(server: Server, target: str) -> None:
    error = await failure(server.url("/a", says(answer(b"", "302 Found", f"Location: {target}"))))
    assert (error.kind, error.final) == ("address_refused", True)


async def test_a_name_that_answers_a_refused_address_is_refused() -> None:
    assert (await failure("http://shop.test/a.jpg", Names(**{"shop.test": ["10.0.0.7"]}))).kind == "address_refused"


async def test_a_dns_answer_that_changes_is_checked_each_time(server: Server) -> None:
    url = server.url("/a.jpg", says(answer(jpeg())), "shop.test")
    async with source(Names(**{"shop.test": ["127.0.0.1", "10.0.0.7"]})) as pictures:
        assert (await pictures.fetch(url)).width == 300
        with pytest.raises(PictureError) as caught:
            await pictures.fetch(url)
    assert caught.value.kind == "address_refused"
    assert server.asked == ["/a.jpg"]


async def test_what_was_checked_is_what_is_connected_to(server: Server) -> None:
    names = Names(**{"shop.test": ["127.0.0.1"]})  # asked a second time it would fail
    async with source(names) as pictures:
        assert (await pictures.fetch(server.url("/a.jpg", says(answer(jpeg())), "shop.test"))).width == 300


async def test_a_name_without_an_address_is_retried() -> None:
    error = await failure("http://shop.test/a.jpg", Names(**{"shop.test": []}))
    assert (error.kind, error.final) == ("unresolved", False)


@pytest.mark.parametrize(
    "url",
    [
        *("", "a.jpg", "ftp://shop.test/a.jpg", "file:///etc/passwd", "data:image/png;base64,AA", "http://"),
        *(
            "http://user@shop.test/a.jpg",
            "http://user:pw@shop.test/",
            "http://shop.test\\@evil.test/",
            "http://a:99999/",
        ),
        *("javascript:alert(1)", "http://[::1/a.jpg", "http://shop.test/" + "a" * 5_000, "http://\ud800.test/"),
    ],
)
async def test_a_url_that_is_no_picture_s_is_refused(url: str) -> None:
    error = await failure(url)
    assert (error.kind, error.final) == ("bad_url", True)


@pytest.mark.parametrize("target", ["", "http://[", "file:///etc/passwd", "http://user@127.0.0.1/"])
async def test_a_redirect_to_no_picture_s_url_is_refused(server: Server, target: str) -> None:
    error = await failure(server.url("/a", says(answer(b"", "301 Moved", f"Location: {target}"))))
    assert error.kind in {"bad_redirect", "bad_url"}


async def test_five_redirects_are_followed_and_not_six(server: Server) -> None:
    for number in range(6):
        server.url(f"/{number}", says(answer(b"", "302 Found", f"Location: /{number + 1}")))
    server.url("/6", says(answer(jpeg())))
    async with source() as pictures:
        assert (await pictures.fetch(f"http://127.0.0.1:{server.port}/1")).width == 300
        with pytest.raises(PictureError) as caught:
            await pictures.fetch(f"http://127.0.0.1:{server.port}/0")
    assert caught.value.kind == "redirect_limit"


# --- Bodies ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trick", "kind", "final"),
    [
        pytest.param(drip, "timeout", False, id="slow drip"),
        pytest.param(endless, "too_large", True, id="endless body"),
        pytest.param(endless_head, "connection", False, id="endless head"),
        pytest.param(reset, "connection", False, id="reset in the body"),
        pytest.param(says(b""), "connection", False, id="no answer"),
        pytest.param(says(b"SSH-2.0-OpenSSH_9.2\r\n"), "connection", False, id="not http"),
        pytest.param(says(answer(b"", length=10**12)), "too_large", True, id="length over the limit"),
        pytest.param(says(answer(jpeg(), length=10**5)), "connection", False, id="length too long"),
        pytest.param(says(answer(jpeg(), length=700)), "connection", False, id="length too short"),
        pytest.param(says(answer(jpeg()[:700])), "broken_picture", True, id="truncated"),
        pytest.param(says(answer(b"<html>gone</html>")), "not_a_picture", True, id="html"),
        pytest.param(
            says(answer(b"<svg/>", "200 OK", "Content-Type: image/png")), "unsupported_format", True, id="svg"
        ),
        pytest.param(says(answer(b"")), "not_a_picture", True, id="empty"),
        pytest.param(
            says(answer(gzip.compress(bytes(10**8)), "200 OK", "Content-Encoding: gzip")),
            "encoded_body",
            True,
            id="gzip bomb",
        ),
        pytest.param(says(answer(b"", "404 Not Found")), "gone", True, id="404"),
        pytest.param(says(answer(b"", "410 Gone")), "gone", True, id="410"),
        pytest.param(says(answer(b"", "403 Forbidden")), "http_4xx", True, id="403"),
        pytest.param(says(answer(b"", "408 Timeout")), "http_4xx", False, id="408"),
        pytest.param(says(answer(b"", "500 Oops")), "http_5xx", False, id="500"),
        pytest.param(says(answer(b"", "204 No Content")), "http_unexpected", True, id="204"),
        pytest.param(says(answer(b"", "429 Slow", "Retry-After: 7")), "rate_limited", False, id="429"),
        pytest.param(says(answer(b"", "503 Busy", "Retry-After: 7")), "rate_limited", False, id="503"),
    ],
)
async def test_each_trick_ends_in_its_named_kind(server: Server, trick: Trick, kind: str, final: bool) -> None:
    error = await failure(server.url("/a.jpg", trick), image_timeout_s=1.0)
    assert (error.kind, error.final) == (kind, final)


async def test_the_time_limit_covers_all_hops_together(server: Server) -> None:
    async def slowly(writer: Writer) -> None:
        await asyncio.sleep(0.25)
        writer.write(answer(b"", "302 Found", "Location: /a"))

    started = asyncio.get_running_loop().time()
    error = await failure(server.url("/a", slowly), image_timeout_s=0.6)
    assert error.kind == "timeout"
    assert asyncio.get_running_loop().time() - started < 1.2


async def test_a_host_that_asks_for_a_pause_is_left_alone(server: Server) -> None:
    url = server.url("/a.jpg", says(answer(b"", "429 Slow", "Retry-After: 7")))
    async with source() as pictures:
        for asked in (True, False):
            with pytest.raises(PictureHostBusy) as caught:
                await pictures.fetch(url)
            assert caught.value.asked is asked
            assert 6 < caught.value.retry_after <= 7
    assert server.asked == ["/a.jpg"]


async def test_one_hostile_host_does_not_stop_another_listing(server: Server) -> None:
    tricks = [drip, endless, reset, says(answer(b"<html>"))]
    bad = [server.url(f"/{number}", trick) for number, trick in enumerate(tricks)]
    good = server.url("/good.jpg", says(answer(jpeg())), "good.test")
    async with source(Names(**{"good.test": ["127.0.0.1"]}), image_timeout_s=1.0) as pictures:
        *failures, picture = await asyncio.gather(
            *(pictures.fetch(url) for url in [*bad, good]), return_exceptions=True
        )
    assert all(isinstance(failed, PictureError) for failed in failures)
    assert not isinstance(picture, BaseException)


async def test_nothing_that_tells_who_asks_is_sent(server: Server) -> None:
    url = server.url("/a.jpg", says(answer(jpeg(), "200 OK", "Set-Cookie: id=1; Path=/")))
    async with source() as pictures:
        await pictures.fetch(url)
        await pictures.fetch(url)
    sent = [line.split(b":")[0] for head in server.heads for line in head.splitlines()[1:] if line]
    assert set(sent) == {b"Host", b"Accept", b"Accept-Encoding", b"User-Agent"}


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "12"}, 12.0),
        ({"Retry-After": "999999999999"}, LONGEST_PAUSE_S),
        ({"Retry-After": "Mon, 03 Mar 2025 12:01:00 GMT", "Date": "Mon, 03 Mar 2025 12:00:00 GMT"}, 60.0),
        ({"Retry-After": "Mon, 03 Mar 2025 12:01:00 GMT"}, DEFAULT_PAUSE_S),
        ({"Retry-After": "Mon, 03 Mar 2025 12:01:00", "Date": "Mon, 03 Mar 2025 12:00:00 GMT"}, DEFAULT_PAUSE_S),
        ({"Retry-After": "-5"}, DEFAULT_PAUSE_S),
        ({}, DEFAULT_PAUSE_S),
    ],
)
def test_retry_after_is_seconds_or_a_date(headers: dict[str, str], seconds: float) -> None:
    assert retry_after_s(headers) == seconds
