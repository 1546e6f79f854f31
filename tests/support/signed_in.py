"""People and programs at a console that asks who they are."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import unescape

from aiohttp import ClientResponse, ClientSession, CookieJar
from pydantic import SecretStr

from core.access_settings import AccessSettings, ConsoleToken

READER, REVIEWER, OPERATOR = "reader-" + "r" * 24, "reviewer-" + "v" * 24, "operator-" + "o" * 24

TOKENS = (
    ConsoleToken("rita", "read", SecretStr(READER)),
    ConsoleToken("ada", "review", SecretStr(REVIEWER)),
    ConsoleToken("olaf", "operate", SecretStr(OPERATOR)),
)
BY_TOKEN = AccessSettings(console_tokens=TOKENS)
"""One who reads, one who reviews, one who operates."""


def browser(url: str, headers: dict[str, str] | None = None) -> ClientSession:
    """What a browser keeps and says; the site here is an address without a name."""
    return ClientSession(url, headers={"Origin": url, **(headers or {})}, cookie_jar=CookieJar(unsafe=True))


@asynccontextmanager
async def visiting(url: str, token: str) -> AsyncIterator[ClientSession]:
    """A browser that is signed in."""
    async with browser(url) as visitor:
        answer = await signed_in(visitor, token)
        assert answer.status == 303
        yield visitor


async def signed_in(visitor: ClientSession, token: str, onward: str = "/") -> ClientResponse:
    """The sign-in's answer, not followed."""
    async with visitor.get("/sign-in", params={"next": onward}) as response:
        fields = hidden_fields(await response.text())
    return await visitor.post("/sign-in", data={**fields, "access": token}, allow_redirects=False)


def hidden_fields(page: str) -> dict[str, str]:
    """What the forms of a page bring by themselves."""
    found = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page)
    return {name: unescape(value) for name, value in found}
