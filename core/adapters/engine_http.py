"""One request to a search engine: paced, bounded in time, size and number, tried again with jitter, errors translated.

No redirect is followed: it would carry the secret to another host. No cookie is kept, no proxy of the environment used.
"""

from __future__ import annotations

import asyncio
import ssl
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass

import aiohttp
import msgspec
import stamina
from yarl import URL

from core.adapters.engine_config import Auth, JsonEngine, OpenSearchEngine, SolrEngine, secret_of
from core.adapters.picture_hosts import retry_after_s
from core.domain.templates import at_path
from core.errors import EngineRefused, RetryLater, SettingsError

PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses that pass by themselves: OpenSearch says 429 for a full queue and 503 for shards that are not there."""

FIRST_WAIT_S, LONGEST_WAIT_S = 0.2, 5.0
"""Between tries: a full queue is empty in a fraction of a second, a restarting node needs some."""

LONGEST_HOLD_S = 60.0
"""A Retry-After is kept up to a minute; beyond it the look, which comes again, waits and not the request."""

CONNECT_S = 5.0
"""Seconds to connect: a handshake within a data centre takes milliseconds."""

CHUNK_BYTES = 65_536
"""aiohttp's own read buffer."""

DETAIL_CHARACTERS = 300
"""Of what an engine says in an error: enough to find the fault, short enough for a line."""

Config = OpenSearchEngine | SolrEngine | JsonEngine


@dataclass(frozen=True, slots=True)
class EngineRequest:
    """What is sent; `url` is percent-encoded already."""

    method: str
    url: str
    body: bytes | None = None
    content_type: str = "application/json"


class EngineHttp:
    """The way to one engine. Open it in the event loop it is used in."""

    def __init__(self, name: str, config: Config) -> None:
        self._name = name
        self._config = config
        self._places = asyncio.Semaphore(config.in_flight)
        self._turn = asyncio.Lock()
        self._next = 0.0
        self._headers = _headers(name, config.auth)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=config.in_flight, ssl=_trust(name, config.ca_file)),
            timeout=aiohttp.ClientTimeout(total=config.timeout_s, connect=CONNECT_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def json(self, request: EngineRequest, check: Callable[[object], None]) -> object:
        """The reply's JSON; RetryLater, EngineRefused. `check` raises RetryLater for a reply that is not whole."""
        async for attempt in stamina.retry_context(
            on=RetryLater,
            attempts=self._config.attempts,
            timeout=None,
            wait_initial=FIRST_WAIT_S,
            wait_max=LONGEST_WAIT_S,
            wait_jitter=FIRST_WAIT_S,
        ):
            with attempt:
                return await self._once(request, check)
        raise AssertionError("a retry context gives an attempt or raises")

    async def _once(self, request: EngineRequest, check: Callable[[object], None]) -> object:
        async with self._places:
            await self._paced()
            try:
                reply = await self._sent(request)
            except TimeoutError as error:
                raise RetryLater(f"{self._name}: no answer within {self._config.timeout_s} s") from error
            except (aiohttp.ClientError, OSError) as error:
                raise RetryLater(f"{self._name}: the connection failed ({type(error).__name__})") from error
            check(reply)
            return reply

    async def _sent(self, request: EngineRequest) -> object:
        headers = {**self._headers, "Content-Type": request.content_type} if request.body is not None else self._headers
        async with self._session.request(
            request.method,
            URL(request.url, encoded=True),
            headers=headers,
            data=request.body,
            allow_redirects=False,
        ) as response:
            body = await self._body(response)
            self._refuse(response, body)
            return self._decoded(body)

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        parts: list[bytes] = []
        size = 0
        async for part in response.content.iter_chunked(CHUNK_BYTES):
            size += len(part)
            if size > self._config.max_bytes:
                raise EngineRefused(f"{self._name}: the reply is over {self._config.max_bytes} bytes", "too_large")
            parts.append(part)
        return b"".join(parts)

    def _refuse(self, response: aiohttp.ClientResponse, body: bytes) -> None:
        status, said = response.status, f"{self._name}: HTTP {response.status}{_reason(body)}"
        if status == 200:
            return
        if status in PASSING:
            if "Retry-After" in response.headers:
                self._hold(retry_after_s(response.headers))
            raise RetryLater(said)
        if status in {401, 403}:
            raise EngineRefused(f"{said}; its auth in ASSAY_ENGINES is not accepted", "unauthorised")
        if 300 <= status < 400:
            raise EngineRefused(f"{said}: it redirects, which is not followed; correct its url", "redirect")
        raise EngineRefused(said, "not_found" if status == 404 else "refused")

    def _decoded(self, body: bytes) -> object:
        try:
            return msgspec.json.decode(body)
        except (msgspec.DecodeError, RecursionError) as error:
            raise EngineRefused(f"{self._name}: the reply is not JSON: {error}", "not_json") from None

    async def _paced(self) -> None:
        """Wait for this request's turn: the engine's rate, and the time until which it asked for quiet."""
        loop = asyncio.get_running_loop()
        async with self._turn:
            wait = self._next - loop.time()
            if wait > 0:
                await asyncio.sleep(wait)
            self._next = max(self._next, loop.time()) + 1 / self._config.requests_per_second

    def _hold(self, seconds: float) -> None:
        self._next = max(self._next, asyncio.get_running_loop().time() + min(seconds, LONGEST_HOLD_S))


def _headers(name: str, auth: Auth | None) -> dict[str, str]:
    headers = {"Accept": "application/json", "User-Agent": "assay"}
    if auth is None:
        return headers
    secret = secret_of(name, auth)
    if auth.kind == "basic":
        return {**headers, "Authorization": f"Basic {b64encode(f'{auth.user}:{secret}'.encode()).decode()}"}
    if auth.kind == "bearer":
        return {**headers, "Authorization": f"Bearer {secret}"}
    return {**headers, auth.header: f"{auth.prefix} {secret}".lstrip()}


def _trust(name: str, ca_file: str | None) -> ssl.SSLContext | bool:
    """The system's certificates, or those of a company's own authority."""
    if ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(f"ASSAY_ENGINES: engines.{name}.ca_file: {ca_file} can't be used: {error}") from None


def _reason(body: bytes) -> str:
    """What the engine says of an error, where it is JSON: OpenSearch `error.reason`, its root cause first; Solr
    `error.msg`; others `error` or `message`."""
    try:
        told = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return ""
    places = ("error.root_cause.0.reason", "error.reason", "error.msg", "error", "message")
    for place in places:
        reason = at_path(told, place)
        if isinstance(reason, str) and reason:
            return f": {' '.join(reason.split())[:DETAIL_CHARACTERS]}"
    return ""
