"""What makes a form's post one of ours: no page elsewhere may write through a visitor who is signed in here.

Two things have to hold: the browser says that the post comes from this very site (`Sec-Fetch-Site`, else `Origin`
beside `Host`), and the form brings the token that stands in the visitor's own cookie, which no other site can read or
set (the double-submit pattern of OWASP's CSRF cheat sheet). Neither needs memory, so any replica may answer.
"""

from __future__ import annotations

import hmac
import re
import secrets
from urllib.parse import urlsplit

from aiohttp import web

COOKIE = "assay_form"
FIELD = "token"

_TOKEN = re.compile(r"[\w-]{43}")
"""32 random bytes as `secrets.token_urlsafe` writes them."""

COOKIE_S = 86_400
"""Seconds a token lives: a form left open over lunch still works, one of last week does not."""


_MADE = web.RequestKey("form_token", str)
HTTPS = web.RequestKey("https", bool)
"""Whether the browser speaks TLS, perhaps with a proxy in front; the door finds it out."""


def token_of(request: web.Request) -> str:
    """The visitor's token: of the cookie where there is a sound one, else a new one; the same however often asked."""
    known = request.get(_MADE) or request.cookies.get(COOKIE, "")
    if not _TOKEN.fullmatch(known):
        return renewed_token(request)
    request[_MADE] = known
    return known


def renewed_token(request: web.Request) -> str:
    """A new one, whatever the visitor had: who signs in leaves behind what somebody may have planted before."""
    request[_MADE] = secrets.token_urlsafe(32)
    return request[_MADE]


def keep_token(request: web.Request, response: web.Response, token: str) -> None:
    """Set the cookie; only this site sends it back, and no script reads it."""
    secure = request.get(HTTPS, request.secure)
    response.set_cookie(COOKIE, token, max_age=COOKIE_S, httponly=True, samesite="Strict", secure=secure)


def is_ours(request: web.Request, given: str) -> bool:
    """Whether the post comes from a form of this site, filled in by the visitor whose cookie it is."""
    known = request.cookies.get(COOKIE, "")
    same_token = bool(_TOKEN.fullmatch(known)) and hmac.compare_digest(known.encode(), given.encode())
    return same_token and _same_site(request)


def _same_site(request: web.Request) -> bool:
    fetched = request.headers.get("Sec-Fetch-Site")
    if fetched is not None:
        return fetched == "same-origin"
    origin = request.headers.get("Origin", "")
    return bool(origin) and urlsplit(origin).netloc == request.host
