"""Who gets into the console and who does not: tokens, sessions and a proxy's headers over real HTTP and PostgreSQL."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import msgspec
import pytest
from aiohttp import ClientResponse, ClientSession, hdrs
from multidict import CIMultiDict
from pydantic import SecretStr
from yarl import URL

from core.access_settings import AccessSettings
from core.adapters.audit import PostgresAudit
from core.adapters.postgres import Pool, open_pool
from core.adapters.reads import PostgresReads
from core.console.access import SESSION_COOKIE, Door
from core.domain.attempts import MOST, WITHIN
from core.settings import load_settings
from tests.support import sample_data
from tests.support.served_console import BUDGET_USD, FixedClock, serving
from tests.support.signed_in import (
    BY_TOKEN,
    OPERATOR,
    READER,
    REVIEWER,
    TOKENS,
    browser,
    hidden_fields,
    signed_in,
    visiting,
)

PAGES = ("/", "/queries", "/calls", "/audit", "/nowhere", "/v1/openapi.json", "/pictures/abc.jpg")
API = "/v1/relevance?market=us&query=x"


class MovedClock(FixedClock):
    """The sample shop's time, and what passes in a test."""

    def __init__(self) -> None:
        self.at = sample_data.NOW

    def now(self) -> datetime:
        return self.at


class World:
    """One database, and consoles before it."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.clock = MovedClock()
        self.refused: list[str] = []

    @asynccontextmanager
    async def console(self, access: AccessSettings = BY_TOKEN) -> AsyncIterator[str]:
        """Its address; two of them are two replicas."""
        door = Door(access, PostgresAudit(self.pool), self.clock, self.refused.append)
        async with serving(PostgresReads(self.pool, self.clock, BUDGET_USD), door=door) as url:
            yield url

    async def deeds(self) -> list[tuple[str, str, str]]:
        rows = await self.pool.fetch("SELECT who, role, act FROM assay.audit ORDER BY number")
        return [tuple(row) for row in rows]


@pytest.fixture
async def world(postgres_dsn: str) -> AsyncIterator[World]:
    pool = await open_pool(postgres_dsn, 4)
    yield World(pool)
    await asyncio.wait_for(pool.close(), 10)


@pytest.fixture
async def url(world: World) -> AsyncIterator[str]:
    async with world.console() as address:
        yield address


async def got(session: ClientSession, path: str, **headers: str) -> ClientResponse:
    async with session.get(path, headers=headers, allow_redirects=False) as response:
        await response.read()
    return response


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def cookie_of(visitor: ClientSession, url: str) -> str:
    return visitor.cookie_jar.filter_cookies(URL(url))[SESSION_COOKIE].value


# --- Without sign-in -------------------------------------------------------------------------------------


async def test_where_nobody_signs_in_everybody_reads_and_nobody_does_more(world: World) -> None:
    async with world.console(AccessSettings()) as url, browser(url) as visitor:
        assert (await got(visitor, "/")).status == 200
        assert (await got(visitor, API)).status == 200
        async with visitor.get("/audit") as response:
            assert response.status == 403
            assert "Nobody writes here" in await response.text()
        assert (await got(visitor, "/sign-in")).headers["Location"] == "/"


async def test_a_proxys_header_means_nothing_where_no_proxy_is_set(world: World) -> None:
    async with world.console(AccessSettings()) as url, browser(url, {"X-Forwarded-User": "olaf"}) as visitor:
        assert (await got(visitor, "/audit")).status == 403


# --- With tokens -----------------------------------------------------------------------------------------


async def test_nothing_but_probes_and_metrics_is_shown_to_strangers(url: str) -> None:
    async with browser(url) as stranger:
        for path in PAGES:
            response = await got(stranger, path)
            assert response.status == (401 if path.startswith("/v1/") else 303), path
        for path in ("/livez", "/readyz", "/metrics", "/static/console.css", "/sign-in"):
            assert (await got(stranger, path)).status == 200, path


async def test_a_stranger_is_led_to_the_sign_in_and_back_to_the_page(url: str) -> None:
    async with browser(url) as visitor:
        sent = await got(visitor, "/calls?lane=live&query=a+b")
        location = URL(sent.headers["Location"])
        answer = await signed_in(visitor, READER, location.query["next"])
        assert answer.headers["Location"] == "/calls?lane=live&query=a+b"
        assert (await got(visitor, answer.headers["Location"])).status == 200


async def test_the_session_is_kept_from_scripts_other_sites_and_caches(url: str) -> None:
    async with browser(url) as visitor:
        answer = await signed_in(visitor, REVIEWER)
        cookie = next(each for each in answer.headers.getall("Set-Cookie") if each.startswith(SESSION_COOKIE))
        page = await got(visitor, "/")
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert REVIEWER not in cookie
    assert page.headers["Cache-Control"] == "no-store"
    assert "Content-Security-Policy" in page.headers


async def test_roles_are_cumulative_and_shown(url: str) -> None:
    for token, name, sees in ((READER, "rita", 403), (REVIEWER, "ada", 403), (OPERATOR, "olaf", 200)):
        async with visiting(url, token) as visitor:
            assert (await got(visitor, "/audit")).status == sees
            async with visitor.get("/") as response:
                assert f"<strong>{name}</strong>" in await response.text()


async def test_a_program_shows_its_token(url: str) -> None:
    async with browser(url) as program:
        assert (await got(program, API, **bearer(READER))).status == 200
        wrong = await got(program, API, **bearer("x" * 30))
        assert wrong.status == 401
        assert wrong.headers["WWW-Authenticate"].startswith("Bearer")
        assert (await got(program, "/", **bearer("x" * 30))).status == 401


async def test_a_program_needs_no_form_token_to_write(url: str, world: World) -> None:
    async with (
        ClientSession(url) as program,
        program.post("/sign-out", headers=bearer(READER), allow_redirects=False) as response,
    ):
        assert response.status == 303
    assert world.refused == []


async def test_a_wrong_token_beside_a_good_session_is_refused(url: str) -> None:
    async with visiting(url, OPERATOR) as visitor:
        assert (await got(visitor, API, **bearer("x" * 30))).status == 401


async def test_after_too_many_wrong_tokens_the_right_one_waits_too(url: str, world: World) -> None:
    async with browser(url) as visitor:
        for _ in range(MOST):
            assert (await signed_in(visitor, "guess")).status == 401
        refused = await signed_in(visitor, OPERATOR)
        assert refused.status == 429
        assert int(refused.headers["Retry-After"]) == WITHIN.total_seconds()
        assert (await got(visitor, API, **bearer(OPERATOR))).status == 429
        world.clock.at += WITHIN
        assert (await signed_in(visitor, OPERATOR)).status == 303
    assert world.refused.count("wrong_token") == MOST


# --- Sessions --------------------------------------------------------------------------------------------


async def test_a_session_counts_with_every_replica_that_knows_the_token(url: str, world: World) -> None:
    async with visiting(url, REVIEWER) as visitor, world.console() as other, browser(other) as elsewhere:
        elsewhere.cookie_jar.update_cookies({SESSION_COOKIE: cookie_of(visitor, url)}, URL(other))
        assert (await got(elsewhere, "/")).status == 200


async def test_a_session_ends_by_itself(url: str, world: World) -> None:
    async with visiting(url, REVIEWER) as visitor:
        cookie = cookie_of(visitor, url)
        world.clock.at += timedelta(hours=BY_TOKEN.console_session_hours) - timedelta(seconds=1)
        assert (await got(visitor, "/", Cookie=f"{SESSION_COOKIE}={cookie}")).status == 200
        world.clock.at += timedelta(seconds=1)
        assert (await got(visitor, "/", Cookie=f"{SESSION_COOKIE}={cookie}")).status == 303


async def test_a_tampered_cookie_is_nobody(url: str, world: World) -> None:
    async with visiting(url, READER) as visitor:
        content, _, signature = cookie_of(visitor, url).partition(".")
    told = msgspec.json.decode(base64.urlsafe_b64decode(content + "=="))
    forged = base64.urlsafe_b64encode(msgspec.json.encode({**told, "name": "olaf"})).rstrip(b"=").decode()
    async with ClientSession(url) as thief:
        for cookie in (f"{forged}.{signature}", f"{content}.", content, f"{content}.{signature}x" * 50, "a.b"):
            assert (await got(thief, "/", Cookie=f"{SESSION_COOKIE}={cookie}")).status == 303
    assert world.refused.count("ended_session") == 5


async def test_a_session_replayed_after_the_sign_out_is_nobody_with_any_replica(url: str, world: World) -> None:
    async with visiting(url, OPERATOR) as visitor, world.console() as other, ClientSession(other) as thief:
        stolen = f"{SESSION_COOKIE}={cookie_of(visitor, url)}"
        assert (await got(thief, "/audit", Cookie=stolen)).status == 200
        async with visitor.get("/") as response:
            fields = hidden_fields(await response.text())
        async with visitor.post("/sign-out", data=fields, allow_redirects=False) as response:
            assert response.status == 303
        assert (await got(visitor, "/")).status == 303
        assert (await got(thief, "/audit", Cookie=stolen)).status == 303
    assert await world.deeds() == [("olaf", "operate", "sign-in"), ("olaf", "operate", "sign-out")]


async def test_a_session_ends_with_its_token_and_those_of_others_stay(url: str, world: World) -> None:
    async with visiting(url, OPERATOR) as olaf, visiting(url, READER) as rita:
        gone, left = (f"{SESSION_COOKIE}={cookie_of(each, url)}" for each in (olaf, rita))
    async with world.console(AccessSettings(console_tokens=TOKENS[:2])) as later, ClientSession(later) as visitor:
        assert (await got(visitor, "/", Cookie=gone)).status == 303
        assert (await got(visitor, "/", Cookie=left)).status == 200


async def test_another_secret_ends_every_session(url: str, world: World) -> None:
    async with visiting(url, READER) as rita:
        cookie = f"{SESSION_COOKIE}={cookie_of(rita, url)}"
    secret = AccessSettings(console_tokens=TOKENS, console_secret=SecretStr("s" * 24))
    async with world.console(secret) as later, ClientSession(later) as visitor:
        assert (await got(visitor, "/", Cookie=cookie)).status == 303


async def test_nothing_planted_before_the_sign_in_is_worth_anything_after_it(url: str) -> None:
    async with browser(url) as victim:
        await got(victim, "/sign-in")
        planted = victim.cookie_jar.filter_cookies(URL(url))["assay_form"].value
        victim.cookie_jar.update_cookies({SESSION_COOKIE: "planted.session"}, URL(url))
        assert (await signed_in(victim, OPERATOR)).status == 303
        first = cookie_of(victim, url)
        assert victim.cookie_jar.filter_cookies(URL(url))["assay_form"].value != planted
        victim.cookie_jar.clear(lambda cookie: cookie.key == SESSION_COOKIE)
        await signed_in(victim, OPERATOR)
        assert cookie_of(victim, url) not in {first, "planted.session"}


@pytest.mark.parametrize(
    "elsewhere", ["//evil.example/", "https://evil.example/", "/\\evil.example", "/\t/evil.example"]
)
async def test_the_sign_in_leads_nowhere_else(url: str, elsewhere: str) -> None:
    async with browser(url) as visitor:
        assert (await signed_in(visitor, READER, elsewhere)).headers["Location"] == "/"
        assert (await got(visitor, str(URL("/sign-in").with_query(next=elsewhere)))).headers["Location"] == "/"


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}],
)
async def test_no_other_site_signs_anybody_in_or_out(url: str, world: World, headers: dict[str, str]) -> None:
    async with visiting(url, OPERATOR) as visitor:
        async with visitor.get("/") as response:
            fields = hidden_fields(await response.text())
        for path in ("/sign-in", "/sign-out"):
            data = {**fields, "access": READER}
            async with visitor.post(path, data=data, headers=headers, allow_redirects=False) as response:
                assert response.status == 403
        assert (await got(visitor, "/audit")).status == 200
    assert world.refused == ["form", "form"]


async def test_a_form_sent_after_the_session_ended_says_so(url: str) -> None:
    async with browser(url) as visitor, visitor.post("/guideline", data={"query": "x"}) as response:
        assert response.status == 401
        assert "Your session has ended" in await response.text()


async def test_a_link_from_elsewhere_finds_the_session_that_its_first_request_could_not_bring(url: str) -> None:
    async with browser(url) as visitor:
        response = await visitor.get("/alerts", headers={"Sec-Fetch-Site": "cross-site"}, allow_redirects=False)
        page = await response.text()
    assert response.status == 200
    assert '<meta http-equiv="refresh" content="0;url=/alerts">' in page


# --- Behind a proxy --------------------------------------------------------------------------------------


def behind(networks: str = "127.0.0.0/8", roles: str = "search=review, oncall=operate") -> AccessSettings:
    return load_settings(
        console_proxy_user_header="X-Forwarded-User",
        console_proxy_groups_header="X-Forwarded-Groups",
        console_proxy_networks=networks,
        console_proxy_roles=roles,
        console_proxy_sign_out="/oauth2/sign_out",
    )


def told(user: str, groups: str = "") -> dict[str, str]:
    return {"X-Forwarded-User": user, "X-Forwarded-Groups": groups}


async def test_the_proxy_says_who_asks_and_groups_say_what_that_allows(world: World) -> None:
    async with world.console(behind()) as url, browser(url) as visitor:
        assert (await got(visitor, "/audit", **told("olaf@shop", "oncall, staff"))).status == 200
        assert (await got(visitor, "/audit", **told("ada@shop", "search"))).status == 403
        assert (await got(visitor, "/", **told("ada@shop", "search"))).status == 200
        async with visitor.get("/", headers=told("ada@shop", "search")) as response:
            page = await response.text()
    assert "<strong>ada@shop</strong>" in page
    assert 'href="/oauth2/sign_out"' in page


async def test_whom_the_proxy_names_without_a_known_group_sees_nothing(world: World) -> None:
    async with world.console(behind()) as url, browser(url) as visitor:
        response = await visitor.get("/", headers=told("eve@shop", "marketing"))
        assert response.status == 403
        assert "none of your groups has a role" in await response.text()
        assert (await got(visitor, API, **told("eve@shop", "marketing"))).status == 403


async def test_a_header_from_elsewhere_is_refused_and_counted(world: World) -> None:
    async with world.console(behind("10.0.0.0/8")) as url, browser(url) as forger:
        assert (await got(forger, "/", **told("olaf@shop", "oncall"))).status == 403
        assert (await got(forger, API, **{"X-Forwarded-Groups": "oncall"})).status == 403
        assert (await got(forger, "/sign-in", **told("olaf@shop"))).status == 403
        assert (await got(forger, "/metrics", **told("olaf@shop"))).status == 200
    assert world.refused == ["forged_header"] * 3


@pytest.mark.parametrize("header", ["X-Forwarded-User", "X-Forwarded-Groups"])
async def test_a_header_given_twice_is_refused(world: World, header: str) -> None:
    headers = CIMultiDict(told("ada@shop", "search"))
    headers.add(header, "oncall")
    async with (
        world.console(behind()) as url,
        browser(url) as visitor,
        visitor.get("/", headers=headers) as response,
    ):
        assert response.status == 403
    assert world.refused == ["header_twice"]


@pytest.mark.parametrize("name", ["a" * 257, "ada\udcff", "a\u202eb"])
async def test_a_name_that_nobody_has_is_refused(world: World, name: str) -> None:
    async with world.console(behind()) as url, ClientSession(url) as visitor:
        raw = name.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")
        async with visitor.get("/", headers={"X-Forwarded-User": raw}) as response:
            assert response.status in {400, 403}


async def test_without_the_header_the_proxys_visitors_are_strangers(world: World) -> None:
    async with world.console(behind()) as url, browser(url) as visitor:
        assert (await got(visitor, API)).status == 401
        async with visitor.get("/") as response:
            page = await response.text()
    assert "Sign in at the proxy" in page
    assert "<form" not in page


async def test_a_form_of_another_site_does_not_write_through_the_proxys_user(world: World) -> None:
    evil = {"Origin": "https://evil.example", **told("olaf@shop", "oncall")}
    async with world.console(behind()) as url, ClientSession(url) as visitor:
        async with visitor.post("/guideline", data={"query": "x"}, headers=evil) as response:
            assert response.status in {403, 404}
        async with visitor.post("/sign-out", data={}, headers=evil) as response:
            assert response.status == 403


async def test_behind_a_proxy_with_tls_cookies_are_for_tls_alone_and_strangers_are_told_apart(world: World) -> None:
    access = load_settings(console_tokens=TOKENS, console_proxy_networks="127.0.0.1")
    forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "198.51.100.1, 203.0.113.9"}
    async with world.console(access) as url, browser(url, forwarded) as visitor:
        first = await visitor.get("/sign-in")
        assert "Secure" in first.headers["Set-Cookie"]
        fields = hidden_fields(await first.text())
        form = f"assay_form={fields['token']}"
        for _ in range(MOST):
            await visitor.post("/sign-in", data={**fields, "access": "guess"}, headers={"Cookie": form})
        answer = await visitor.post("/sign-in", data={**fields, "access": READER}, headers={"Cookie": form})
        assert answer.status == 429
        other = {"Cookie": form, "X-Forwarded-For": "203.0.113.9, 203.0.113.10"}
        answer = await visitor.post("/sign-in", data={**fields, "access": READER}, headers=other, allow_redirects=False)
        assert answer.status == 303


# --- The audit -------------------------------------------------------------------------------------------


async def test_the_audit_is_read_by_who_and_what_and_page_by_page(url: str, world: World) -> None:
    await world.pool.execute(
        "INSERT INTO assay_data.audit (at, who, role, act, subject) SELECT now(), 'mara', 'review', "
        "'guideline.save', 'guideline of ' || n FROM generate_series(1, 150) AS n"
    )
    async with visiting(url, OPERATOR) as visitor:
        async with visitor.get("/audit", params={"who": "mara", "act": "guideline"}) as response:
            page = await response.text()
        assert "guideline of 150" in page
        assert page.count("<tr>") == 101
        older = page[page.rindex("/audit?who=mara") :].partition('"')[0].replace("&amp;", "&")
        async with visitor.get(URL(older, encoded=True)) as response:
            assert "guideline of 1<" in await response.text()
        async with visitor.get("/audit", params={"act": "%", "before": "x"}) as response:
            assert "No entry" in await response.text()


async def test_the_database_away_lets_nobody_in(url: str, world: World) -> None:
    async with visiting(url, OPERATOR) as visitor:
        await world.pool.execute("ALTER TABLE assay_data.ended_sessions RENAME TO gone")
        response = await got(visitor, "/")
        await world.pool.execute("ALTER TABLE assay_data.gone RENAME TO ended_sessions")
    assert response.status >= 500


async def test_a_method_that_is_not_there_has_the_headers_of_safety_too(url: str) -> None:
    async with visiting(url, OPERATOR) as visitor, visitor.delete("/queries") as response:
        assert response.status == 405
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers[hdrs.ALLOW]
