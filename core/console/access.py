"""Who asks, and what that allows (docs/access.md, ADR 0028).

A handler that writes begins with `user, fields = await posted(request, role)`: role, form token and origin are checked,
and what was sent is text that a row can hold. It ends with `audited(...)`, or hands `entry_of(...)` to a store that
keeps it in the transaction of the deed itself.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Mapping
from hashlib import sha256

import structlog
from aiohttp import web

from core.access_ports import AuditBook
from core.access_settings import AccessSettings, Role
from core.console import forms, params
from core.domain.access import ANYBODY, AuditEntry, User, groups_of, roles_of_groups, with_role
from core.domain.attempts import Attempts, plain_address
from core.domain.passes import Pass, pass_key, read_pass, written
from core.ports import Clock

log = structlog.get_logger(__name__)

__all__ = ["Door", "Role", "User", "allowed", "audited", "entry_of", "posted", "user_of"]

SESSION_COOKIE = "assay_session"

MAX_NAME_CHARS = 256
"""Characters of a name that a proxy tells: the longest mail address has 254."""


class Refused(web.HTTPForbidden):
    """403, and why: a key of `refused.html`."""

    def __init__(self, why: str) -> None:
        super().__init__(text=why)
        self.why = why


class NobodyThere(web.HTTPUnauthorized):
    """401: sign in first. `wait_s` above 0: too many wrong tokens came from there."""

    def __init__(self, why: str = "", wait_s: float = 0.0) -> None:
        super().__init__(headers={"WWW-Authenticate": 'Bearer realm="assay"'})
        self.why = why
        self.wait_s = wait_s


class Door:
    """What finds out who asks: tokens, sessions, a proxy's headers."""

    def __init__(
        self, settings: AccessSettings, book: AuditBook, clock: Clock, count: Callable[[str], None] = lambda _: None
    ) -> None:
        """`count` is told the reason of every refusal."""
        self.settings = settings
        self.book = book
        self.clock = clock
        self.count = count
        self._attempts = Attempts()
        secret = settings.console_secret.get_secret_value() if settings.console_secret else ""
        self._keys = [(each.name, pass_key(each.token.get_secret_value(), secret)) for each in settings.console_tokens]
        self._digests = [_digest(each.token.get_secret_value()) for each in settings.console_tokens]

    @property
    def guarded(self) -> bool:
        """Whether anybody signs in at all."""
        return self.settings.console_has_sign_in

    async def who(self, request: web.Request) -> User | None:
        """Who asks; None for nobody known. Refused for a header that its sender may not set, NobodyThere for a wrong
        token."""
        if not self.guarded:
            return ANYBODY
        return self._proxied(request) or self._program(request) or await self._browser(request)

    def token_user(self, request: web.Request, given: str) -> tuple[User, int]:
        """Whose token it is, and its place; NobodyThere for a wrong one, and for any from where too many came."""
        address, now = self.address_of(request), self.clock.now()
        wait_s = self._attempts.wait_s(address, now)
        if wait_s > 0:
            self.count("too_many")
            raise NobodyThere("too_many", wait_s)
        place = self._place_of(given)
        if place is None:
            self._attempts.wrong(address, now)
            self.count("wrong_token")
            log.warning("console.wrong_token", address=address)
            raise NobodyThere("wrong_token")
        token = self.settings.console_tokens[place]
        return User(token.name, with_role(token.role), by_cookie=False), place

    def new_session(self, place: int) -> tuple[Pass, str]:
        """A session of the token at this place, and its cookie's text: always a new one, whatever was there before."""
        now = int(self.clock.now().timestamp())
        ends = now + int(self.settings.console_session_hours * 3_600)
        name, key = self._keys[place]
        made = Pass(name, secrets.token_urlsafe(16), now, ends)
        return made, written(made, key)

    def address_of(self, request: web.Request) -> str:
        """Where the request comes from: the peer, or whom a believed proxy names as the last stranger."""
        peer = request.remote or ""
        if not self._is_proxy(peer):
            return peer
        told = [part.strip() for part in ",".join(request.headers.getall("X-Forwarded-For", [])).split(",")]
        return next((each for each in reversed(told) if each and not self._is_proxy(each)), peer)

    def is_https(self, request: web.Request) -> bool:
        """Whether the browser speaks TLS, here or with a believed proxy."""
        told = request.headers.getall("X-Forwarded-Proto", [])
        return request.secure or (self._is_proxy(request.remote or "") and told == ["https"])

    def _proxied(self, request: web.Request) -> User | None:
        name_of, groups_in = self.settings.console_proxy_user_header, self.settings.console_proxy_groups_header
        told = {header: request.headers.getall(header, []) for header in (name_of, groups_in) if header is not None}
        if not any(told.values()):
            return None
        if not self._is_proxy(request.remote or ""):
            self._turned_away(request, "forged_header")
        if any(len(values) > 1 for values in told.values()):
            self._turned_away(request, "header_twice")
        names = told.get(name_of or "", [])
        name = names[0].strip() if names else ""
        if not name:
            return None
        if not name.isprintable() or len(name) > MAX_NAME_CHARS:
            self._turned_away(request, "bad_name")
        groups = groups_of("".join(told.get(groups_in or "", [])))
        return User(name, roles_of_groups(groups, self.settings.console_proxy_roles))

    def _program(self, request: web.Request) -> User | None:
        told = request.headers.getall("Authorization", [])
        if not self.settings.console_tokens or not any(each[:7].lower() == "bearer " for each in told):
            return None
        if len(told) > 1:
            self._turned_away(request, "header_twice")
        return self.token_user(request, told[0][7:].strip())[0]

    async def _browser(self, request: web.Request) -> User | None:
        text = request.cookies.get(SESSION_COOKIE, "")
        found = read_pass(text, self.clock.now(), self._keys) if text else None
        if found is None or await self.book.is_ended(found[0].number):
            if text:
                self.count("ended_session")
            return None
        session, place = found
        return User(session.name, with_role(self.settings.console_tokens[place].role), session)

    def _place_of(self, given: str) -> int | None:
        """Every token is compared, in a time that does not tell how much of one was right."""
        digest = _digest(given)
        matches = [hmac.compare_digest(digest, known) for known in self._digests]
        return matches.index(True) if any(matches) else None

    def _is_proxy(self, address: str) -> bool:
        try:
            found = plain_address(address)
        except ValueError:
            return False
        return any(found in network for network in self.settings.console_proxy_networks)

    def _turned_away(self, request: web.Request, why: str) -> None:
        self.count(why)
        log.warning("console.refused", why=why, address=request.remote)
        raise Refused(why)


DOOR = web.AppKey("door", Door)
WHO = web.RequestKey("who", User)


def user_of(request: web.Request) -> User | None:
    """Who asks; where nobody signs in a nameless one who reads; None where that is still to be found out."""
    return request.get(WHO)


async def allowed(request: web.Request, role: Role) -> User:
    """Who asks, if the role is among theirs. NobodyThere sends to the sign-in; Refused says what is lacking."""
    user, door = user_of(request), request.app[DOOR]
    if user is None:
        raise NobodyThere
    if role not in user.roles:
        door.count("role")
        raise Refused("role" if door.guarded else "no_sign_in")
    return user


async def posted(request: web.Request, role: Role) -> tuple[User, dict[str, str]]:
    """Who sends this form, and its texts; Refused where the role lacks or the form is not this site's. Only a program,
    whose token no browser adds by itself, needs no form token."""
    user = await allowed(request, role)
    sent = await request.post()
    fields = {name: params.storable(value) for name, value in sent.items() if isinstance(value, str)}
    check_form(request, fields, user)
    return user, fields


def check_form(request: web.Request, fields: Mapping[str, str], user: User | None = None) -> None:
    """Refused where a form (or its like as JSON) is not one of this site, filled in by this very visitor."""
    if (user is None or user.by_cookie) and not forms.is_ours(request, fields.get(forms.FIELD, "")):
        request.app[DOOR].count("form")
        raise Refused("form")


def entry_of(
    request: web.Request, user: User, act: str, subject: str, detail: Mapping[str, str | int] | None = None
) -> AuditEntry:
    """The entry of a deed, for a store that keeps it in the deed's own transaction."""
    role: Role = user.role or "read"
    return AuditEntry(request.app[DOOR].clock.now(), user.name, role, act, subject, detail or {})


async def audited(
    request: web.Request, user: User, act: str, subject: str, detail: Mapping[str, str | int] | None = None
) -> None:
    """Keep who did what. Where a store can keep it with the deed, `entry_of` is the better way."""
    await request.app[DOOR].book.note(entry_of(request, user, act, subject, detail))


def _digest(token: str) -> bytes:
    """Of one length, so that comparing tells nothing of a token's."""
    return sha256(token.encode("utf-8", "surrogateescape")).digest()
