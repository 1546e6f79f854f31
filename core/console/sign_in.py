"""The way in and out: who comes to a page, the form that takes a token, and the answers to those who may not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from math import ceil
from urllib.parse import quote

from aiohttp import web

from core.access_settings import Role
from core.console import forms, params
from core.console.access import DOOR, SESSION_COOKIE, WHO, NobodyThere, Refused, allowed, audited, check_form, entry_of
from core.console.site import page
from core.domain.access import own_address

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

PAGE, OUT = "/sign-in", "/sign-out"

OPEN = frozenset({"/livez", "/readyz", "/metrics", "/static/console.css", PAGE})
"""Answered to all. Probes and Prometheus have no token and learn figures of the process, no query and no product;
the sign-in has to be seen before it."""

LOWEST: Role = "read"


@web.middleware
async def entered(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Nobody gets to a page or the API before it is known who asks, also where there is no such page."""
    door = request.app[DOOR]
    request[forms.HTTPS] = door.is_https(request)
    if request.path in OPEN:
        return await handler(request)
    who = await door.who(request)
    if who is not None:
        request[WHO] = who
    await allowed(request, LOWEST)
    response = await handler(request)
    if door.guarded:
        # After the sign-out, the way back shows nothing, and no cache between here and there keeps a page.
        response.headers.setdefault("Cache-Control", "no-store")
    return response


async def form(request: web.Request) -> web.Response:
    """The page that asks for a token; who is known already goes on."""
    door = request.app[DOOR]
    onward = own_address(params.text(request, "next"))
    if await door.who(request) is not None:
        raise web.HTTPSeeOther(onward)
    return _asked(request, onward)


async def sign_in(request: web.Request) -> web.Response:
    """A session for a right token, and on to where the person wanted to go."""
    door = request.app[DOOR]
    sent = await request.post()
    fields = {name: params.storable(value) for name, value in sent.items() if isinstance(value, str)}
    onward = own_address(fields.get("next", ""))
    check_form(request, fields)
    try:
        user, place = door.token_user(request, fields.get("access", "").strip())
    except NobodyThere as error:
        return _asked(request, onward, error)
    session, cookie = door.new_session(place)
    await audited(request, user, "sign-in", "console", {"address": door.address_of(request)})
    response = web.Response(status=303, headers={"Location": onward, "Cache-Control": "no-store"})
    response.set_cookie(
        SESSION_COOKIE,
        cookie,
        max_age=session.ends - session.issued,
        httponly=True,
        samesite="Strict",
        secure=request[forms.HTTPS],
    )
    forms.keep_token(request, response, forms.renewed_token(request))
    return response


async def sign_out(request: web.Request) -> web.Response:
    """The session ends for every replica, not just in this browser."""
    user = await allowed(request, LOWEST)
    sent = await request.post()
    check_form(request, {name: value for name, value in sent.items() if isinstance(value, str)}, user)
    if user.session is not None:
        entry = entry_of(request, user, "sign-out", "console")
        await request.app[DOOR].book.end_session(user.session.number, user.session.ends_at, entry)
    response = web.Response(status=303, headers={"Location": PAGE})
    response.del_cookie(SESSION_COOKIE)
    response.del_cookie(forms.COOKIE)
    return response


def refused(request: web.Request, error: Refused) -> web.Response:
    """403: what is lacking, and what to do about it."""
    if request.path.startswith("/v1/"):
        return web.json_response({"error": f"refused: {error.why}; see docs/access.md"}, status=403)
    return page(request, "refused.html", status=403, why=error.why, settings=request.app[DOOR].settings)


def nobody_there(request: web.Request, error: NobodyThere) -> web.Response:
    """401 to programs and forms, else the way to the sign-in and back."""
    if request.path.startswith("/v1/") or "Authorization" in request.headers:
        return _told(error)
    if request.method not in {"GET", "HEAD"}:
        return page(request, "refused.html", status=401, why="session", settings=request.app[DOOR].settings)
    if request.headers.get("Sec-Fetch-Site") == "cross-site":
        # A link from elsewhere comes without our cookie (SameSite=Strict); the same page asked for by ourselves has it.
        return page(request, "onward.html", onward=request.raw_path)
    address = f"{PAGE}?next={quote(own_address(request.raw_path), safe='')}"
    return web.Response(status=303, headers={"Location": address, "Cache-Control": "no-store"})


def _told(error: NobodyThere) -> web.Response:
    if error.wait_s > 0:
        wait = {"Retry-After": str(ceil(error.wait_s))}
        return web.json_response({"error": "too many wrong tokens from this address"}, status=429, headers=wait)
    answer = web.json_response(
        {"error": "sign in: send Authorization: Bearer with a token of this service"}, status=401
    )
    answer.headers["WWW-Authenticate"] = error.headers["WWW-Authenticate"]
    return answer


def _asked(request: web.Request, onward: str, problem: NobodyThere | None = None) -> web.Response:
    status = 200 if problem is None else 429 if problem.wait_s > 0 else 401
    response = page(
        request,
        "sign_in.html",
        status=status,
        onward=onward,
        wait_min=ceil(problem.wait_s / 60) if problem else 0,
        wrong=problem is not None,
        settings=request.app[DOOR].settings,
    )
    response.headers["Cache-Control"] = "no-store"
    if problem is not None and problem.wait_s > 0:
        response.headers["Retry-After"] = str(ceil(problem.wait_s))
    return response
