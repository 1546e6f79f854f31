"""Hosts that are slow hold up themselves: no place, thread or try of another host's picture is theirs."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections import Counter

import pytest

from core.adapters.picture_hosts import (
    LONGEST_REST_S,
    MOST_PAUSES,
    SLOW_IN_A_ROW,
    SLOW_REST_S,
    Hosts,
)
from core.adapters.picture_names import SystemResolver
from core.errors import PictureError
from tests.support.picture_server import Names, Server, Writer, answer, jpeg, says, source


def names(*hosts: str) -> Names:
    return Names(**{host: ["127.0.0.1"] * 50 for host in hosts})


async def too_slow(_: Writer) -> None:
    await asyncio.sleep(0.6)


async def test_who_waits_for_a_slow_host_takes_no_place_from_others(server: Server) -> None:
    slow = [server.url(f"/{number}.jpg", too_slow, "slow.test") for number in range(12)]
    good = server.url("/good.jpg", says(answer(jpeg())), "good.test")
    async with source(names("slow.test", "good.test"), image_in_flight=3, image_per_host=2) as pictures:
        waiting = [asyncio.create_task(pictures.fetch(url)) for url in slow]
        await asyncio.sleep(0.05)
        async with asyncio.timeout(0.4):
            assert (await pictures.fetch(good)).width == 300
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def test_a_host_that_times_out_again_and_again_is_left_alone(server: Server) -> None:
    slow = [server.url(f"/{number}.jpg", too_slow, "slow.test") for number in range(12)]
    good = server.url("/good.jpg", says(answer(jpeg())), "good.test")
    async with source(names("slow.test", "good.test"), image_per_host=4, image_timeout_s=0.3) as pictures:
        ends = await asyncio.gather(*map(pictures.fetch, slow), return_exceptions=True)
        assert (await pictures.fetch(good)).width == 300
    kinds = Counter((end.kind, end.final) for end in ends if isinstance(end, PictureError))
    assert set(kinds) == {("timeout", False), ("host_slow", False)}
    assert SLOW_IN_A_ROW <= kinds["timeout", False] < 2 * SLOW_IN_A_ROW  # its turns are given on one by one
    assert len(server.asked) == kinds["timeout", False] + 1


async def test_a_host_is_not_blamed_for_the_time_another_took(server: Server) -> None:
    async def late(writer: Writer) -> None:
        await asyncio.sleep(0.25)
        writer.write(answer(b"", "302 Found", f"Location: http://shop.test:{server.port}/a.jpg"))

    server.url("/a.jpg", too_slow, "shop.test")
    bad = [server.url(f"/{number}", late, "bad.test") for number in range(6)]
    async with source(names("bad.test", "shop.test"), image_timeout_s=0.35) as pictures:
        ends = await asyncio.gather(*map(pictures.fetch, bad), return_exceptions=True)
        assert {end.kind for end in ends if isinstance(end, PictureError)} == {"timeout"}
        good = server.url("/good.jpg", says(answer(jpeg())), "shop.test")
        assert (await pictures.fetch(good)).width == 300


async def rest_of(hosts: Hosts, host: str) -> float:
    try:
        async with hosts.turn(host):
            return 0.0
    except PictureError:
        return hosts._rests_until[host] - asyncio.get_running_loop().time()


async def test_a_slow_host_rests_longer_each_time_and_answers_end_it() -> None:
    hosts = Hosts(4)
    for _ in range(SLOW_IN_A_ROW - 1):
        hosts.was_slow("a")
    assert await rest_of(hosts, "a") == 0.0
    rests = []
    for _ in range(6):
        hosts.was_slow("a")
        hosts.was_slow("a")  # timed out beside it
        rests.append(round(await rest_of(hosts, "a")))
        hosts._rests_until["a"] = 0.0
    assert rests == [SLOW_REST_S, 120, 240, 480, LONGEST_REST_S, LONGEST_REST_S]
    hosts.answered("a")
    hosts.was_slow("a")
    assert await rest_of(hosts, "a") == 0.0


async def test_no_more_hosts_are_remembered_than_fit() -> None:
    hosts = Hosts(4)
    for number in range(MOST_PAUSES + 50):
        hosts.was_slow(f"host-{number}")
    assert len(hosts._slow) == MOST_PAUSES


async def test_names_whose_servers_never_answer_stop_no_other_name(monkeypatch: pytest.MonkeyPatch) -> None:
    real, let_go = socket.getaddrinfo, threading.Event()

    def asked(host, *more, **named):
        if host == "never.test":
            let_go.wait(5)
        return real("127.0.0.1", *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", asked)
    resolver = SystemResolver(8)
    stuck = [asyncio.create_task(resolver.resolve("never.test", 80)) for _ in range(6)]
    try:
        async with asyncio.timeout(1):
            assert [found["host"] for found in await resolver.resolve("shop.test", 80)] == ["127.0.0.1"]
    finally:
        let_go.set()
        await asyncio.gather(*stuck)
        await resolver.close()


async def test_the_system_s_resolver_gives_addresses_of_both_kinds_with_their_port() -> None:
    resolver = SystemResolver(1)
    (found,) = await resolver.resolve("127.0.0.1", 8080)
    await resolver.close()
    assert (found["host"], found["port"], found["family"]) == ("127.0.0.1", 8080, socket.AF_INET)


async def test_a_name_without_an_address_is_an_error_that_is_retried(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    monkeypatch.setattr(socket, "getaddrinfo", asked)
    async with source() as pictures:
        with pytest.raises(PictureError) as caught:
            await pictures.fetch("http://shop.test/a.jpg")
    assert (caught.value.kind, caught.value.final) == ("unresolved", False)
