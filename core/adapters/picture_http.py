"""The bytes behind a picture's URL, fetched from a server that may be hostile. Kinds of failure: see `pictures`."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from core.adapters.picture_addresses import CheckedResolver, CheckedSockets, RefusedAddress
from core.adapters.picture_hosts import Hosts, retry_after_s
from core.adapters.picture_validators import NONE, Validators, given_by, same_resource
from core.domain.images.failures import PictureHostBusy
from core.errors import PictureError
from core.settings import Settings

MAX_REDIRECTS = 5
"""DESIGN 7: shops and CDNs need one or two; longer chains are loops."""

MAX_URL_CHARACTERS = 4_096
"""Signed CDN addresses reach 2,000; twice that still fits every server's request line."""

CHUNK_BYTES = 65_536
"""aiohttp's own read buffer: a larger chunk would only wait for two reads."""

OWN_SHARE = 0.5
"""Of the time limit a host must have had for a timeout to count against it: who redirects at the last moment would have
another one left alone."""

HELD_BEYOND = 0.5
"""Pictures whose bytes may wait for a decoder or be in it beyond those being fetched, as a share of them: were decoding
a part of the flight, a host would never have as many requests as it may."""

NOT_MODIFIED = 304
REDIRECTS = frozenset({301, 302, 303, 307, 308})
GONE = frozenset({404, 410})
PASSING_4XX = frozenset({408, 421, 425})
"""Request timeout, misdirected, too early: the server asks to try again (RFC 9110, RFC 8470)."""

HEADERS = {
    "Accept": "image/avif,image/webp,image/jpeg,image/png,image/gif,image/bmp;q=0.9",
    "Accept-Encoding": "identity",
    "User-Agent": "assay-picture-fetcher",
}


@dataclass(frozen=True, slots=True)
class Body:
    """The bytes of a picture, and the validators that came with them."""

    data: bytes
    validators: Validators


class PictureDownloader:
    """GET with the address checks, redirects followed by hand, and limits on time and bytes. Open it in the event
    loop it is used in; keeps no cookie, uses no proxy, sends nothing that tells who asks for what."""

    def __init__(self, settings: Settings, resolver: AbstractResolver) -> None:
        self._timeout_s = settings.image_timeout_s
        self._max_bytes = settings.image_max_bytes
        self._hosts = Hosts(settings.image_per_host)
        self._places = asyncio.Semaphore(settings.image_in_flight)
        self._held = asyncio.Semaphore(settings.image_in_flight + math.ceil(settings.image_in_flight * HELD_BEYOND))
        allowed = settings.image_allowed_networks
        connector = aiohttp.TCPConnector(
            resolver=CheckedResolver(resolver, allowed),
            socket_factory=CheckedSockets(allowed),
            limit=0,  # `image_in_flight` holds; waiting here would be charged to the host's time
            use_dns_cache=False,  # kept connections spare most questions; the rest is the system's to cache
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            headers=HEADERS,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,  # the address check would see a proxy's address, and .netrc holds passwords
            timeout=aiohttp.ClientTimeout(total=None),
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """One of the pictures whose bytes are held at once."""
        async with self._held:
            yield

    @asynccontextmanager
    async def downloaded(self, url: str, known: Validators = NONE) -> AsyncIterator[Body | None]:
        """The body, held among those that may be for as long as it is used; None when the host says that it is the one
        of `known`; PictureError otherwise. The time limit covers all hops; waiting for a host's turn or a place is not
        in it, and who waits for a host takes no place from the pictures of others."""
        first, left = checked_url(url), self._timeout_s
        target, loop = first, asyncio.get_running_loop()
        for _ in range(MAX_REDIRECTS + 1):
            own = same_resource(target, first)
            async with AsyncExitStack() as used:
                async with self._hosts.turn(target.host or ""), self._places:
                    await used.enter_async_context(self._held)
                    started = loop.time()
                    answer = await self._hop(target, left, known if own else NONE)
                    left -= loop.time() - started
                if not isinstance(answer, URL):
                    yield answer if own or answer is None else Body(answer.data, NONE)
                    return
            target = answer
        raise PictureError(f"more than {MAX_REDIRECTS} redirects", "redirect_limit", final=True)

    async def _hop(self, url: URL, seconds: float, known: Validators) -> Body | URL | None:
        try:
            async with (
                asyncio.timeout(seconds),
                self._session.get(url, allow_redirects=False, headers=known.headers()) as response,
            ):
                try:
                    answer = await self._answer(response, known)
                except PictureError:
                    response.close()  # what is left of the body is not wanted
                    raise
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            failed = translated(error)
            if failed.kind == "timeout" and seconds >= self._timeout_s * OWN_SHARE:
                self._hosts.was_slow(url.host or "")
            raise failed from error
        self._hosts.answered(url.host or "")
        return answer

    async def _answer(self, response: aiohttp.ClientResponse, known: Validators) -> Body | URL | None:
        if response.status in REDIRECTS:
            return _next_url(response)
        if response.status == NOT_MODIFIED and known:
            return None
        if response.status == 429 or (response.status == 503 and "Retry-After" in response.headers):
            pause = retry_after_s(response.headers)
            self._hosts.pause(response.url.host or "", pause)
            raise PictureHostBusy(f"HTTP {response.status}", pause, asked=True)
        _refuse_status(response.status)
        if response.headers.get("Content-Encoding", "identity").strip().lower() not in {"", "identity"}:
            raise PictureError("a compressed body, which was not asked for", "encoded_body", final=True)
        return Body(await self._body(response), given_by(response.headers))

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        if (response.content_length or 0) > self._max_bytes:
            raise self._too_large()
        body = bytearray()
        async for chunk in response.content.iter_chunked(CHUNK_BYTES):
            body += chunk
            if len(body) > self._max_bytes:
                raise self._too_large()
        return bytes(body)

    def _too_large(self) -> PictureError:
        return PictureError(f"over {self._max_bytes} bytes", "too_large", final=True)


def checked_url(text: str) -> URL:
    """`text` as a URL with scheme http or https, a host and no user or password; PictureError `bad_url` otherwise."""
    if len(text) > MAX_URL_CHARACTERS:
        raise PictureError("the URL is too long", "bad_url", final=True)
    try:
        url = URL(text.strip())
        usable = url.scheme in {"http", "https"} and bool(url.host) and bool(url.port)
        bare = "@" not in url.raw_authority
    except ValueError as error:
        raise PictureError("the URL can't be read", "bad_url", final=True) from error
    if not usable or not bare:
        reason = "not an http or https URL with a host" if not usable else "the URL holds a user name"
        raise PictureError(reason, "bad_url", final=True)
    return url.with_fragment(None)


def translated(error: TimeoutError | aiohttp.ClientError | OSError) -> PictureError:
    """aiohttp's and the system's errors as ours."""
    inner = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(inner, RefusedAddress):
        return PictureError(str(inner), "address_refused", final=True)
    if isinstance(error, TimeoutError):
        return PictureError("over the time limit", "timeout", final=False)
    if isinstance(error, aiohttp.InvalidURL):
        return PictureError("the URL can't be used", "bad_url", final=True)
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return PictureError("the host's name has no address", "unresolved", final=False)
    return PictureError(f"the connection failed ({type(error).__name__})", "connection", final=False)


def _next_url(response: aiohttp.ClientResponse) -> URL:
    location = response.headers.get("Location", "").strip()
    if not location:
        raise PictureError("a redirect to nowhere", "bad_redirect", final=True)
    try:
        joined = response.url.join(URL(location))
    except ValueError as error:
        raise PictureError("a redirect that can't be read", "bad_redirect", final=True) from error
    return checked_url(str(joined))


def _refuse_status(status: int) -> None:
    if status == 200:
        return
    if status in GONE:
        raise PictureError(f"HTTP {status}", "gone", final=True)
    if 400 <= status < 500:
        raise PictureError(f"HTTP {status}", "http_4xx", final=status not in PASSING_4XX)
    if status >= 500:
        raise PictureError(f"HTTP {status}", "http_5xx", final=False)
    raise PictureError(f"HTTP {status}", "http_unexpected", final=True)
