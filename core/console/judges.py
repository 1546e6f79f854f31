"""Pages about judges: which is live, what was done with them, what differs between two; promotion and rollback."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from aiohttp import web

from core.console import params
from core.console.access import Role, User, entry_of, posted, user_of
from core.console.site import SITE, link, page
from core.domain.access import AuditEntry
from core.domain.judges import SETTINGS, changed_parameters, changed_prompts, changed_rubrics, parameters
from core.errors import UsageError
from core.eval_ports import JudgeDeed
from core.judge_desk import JudgeDesk, Noted

OPERATES: Role = "operate"
"""What a promotion takes: it changes every label from now on, and what is paid for them."""

DEEDS = 50
"""Deeds shown: a promotion a week for a year."""

CHANGES = {"+": "added", "-": "removed", "@": "place"}
"""What the first sign of a line of a unified diff says; else it is the same on both sides."""


async def listed(request: web.Request) -> web.Response:
    """Versions, shadows, deeds."""
    return await _listed(request)


async def one(request: web.Request) -> web.Response:
    """A version: parameters, prompts, rubrics, and what differs from the live one."""
    desk = _desk(request)
    judge = await desk.meant(request.match_info["version"])
    if judge is None:
        raise web.HTTPNotFound
    live = await desk.live()
    deeds = [deed for deed in await desk.book.deeds() if deed.version == judge.version]
    found, told = await desk.agreements(judge.version), parameters(judge)
    return page(request, "judge.html", judge=judge, live=live, told=told, deeds=deeds, agreements=found)


async def diff(request: web.Request) -> web.Response:
    """What differs between two versions."""
    desk = _desk(request)
    a, b = [await desk.meant(params.text(request, name)) for name in ("a", "b")]
    if a is None or b is None:
        raise web.HTTPNotFound
    prompts = {name: [_line(line) for line in lines] for name, lines in changed_prompts(a, b).items()}
    rubrics = {name: [_line(line) for line in lines] for name, lines in changed_rubrics(a, b).items()}
    changed = changed_parameters(a, b)
    return page(request, "judge_diff.html", a=a, b=b, changed=changed, prompts=prompts, rubrics=rubrics)


async def promote(request: web.Request) -> web.Response:
    """Make a version the live one; refused without a passed gate unless forced."""
    desk = _desk(request)
    user, fields = await posted(request, OPERATES)
    judge = await desk.meant(fields.get("version", ""))
    if judge is None:
        return await _listed(request, problem="There is no such judge.", status=409, sent=fields)
    force = fields.get("force", "") == "yes"
    try:
        noted = _noted(request, user)
        await desk.promote(judge, user.name, fields.get("why", ""), force=force, noted=noted)
    except UsageError as error:
        return await _listed(request, problem=_for_a_page(error), status=409, sent=fields)
    raise web.HTTPSeeOther(link("/judges", done="promote"))


async def rollback(request: web.Request) -> web.Response:
    """Back to the judge before."""
    desk = _desk(request)
    user, fields = await posted(request, OPERATES)
    try:
        await desk.rollback(user.name, fields.get("why", ""), noted=_noted(request, user))
    except UsageError as error:
        return await _listed(request, problem=_for_a_page(error), status=409)
    raise web.HTTPSeeOther(link("/judges", done="rollback"))


def _noted(request: web.Request, user: User) -> Noted:
    def entry(deed: JudgeDeed) -> AuditEntry:
        gate = {"gate": str(deed.gate_id) if deed.gate_id else "none"} if deed.act == "promote" else {}
        return entry_of(request, user, f"judge.{deed.act}", deed.version, {"why": deed.why, **gate})

    return entry


async def _listed(
    request: web.Request, problem: str = "", status: int = 200, sent: Mapping[str, str] | None = None
) -> web.Response:
    """`sent`: what a refused promotion said, so that nobody types it twice."""
    desk, user = _desk(request), user_of(request)
    live, deeds = await desk.live(), await desk.book.deeds()
    judges = [(each, parameters(each.judge)) for each in await desk.book.all()]
    shadows = {judge.version: share for judge, share in await desk.book.shadows()}
    return page(
        request,
        "judges.html",
        status=status,
        problem=problem,
        sent=sent or {},
        done=params.choice(request, "done", ("promote", "rollback"), ""),
        live=live,
        judges=judges,
        shadows=shadows,
        agreements=[each for version in shadows for each in await desk.agreements(version)],
        deeds=deeds[:DEEDS],
        promoted=_is_promoted(deeds),
        writes=user is not None and OPERATES in user.roles,
    )


def _is_promoted(deeds: Sequence[JudgeDeed]) -> bool:
    """Whether there is something to roll back."""
    newest = next((deed for deed in deeds if deed.act in ("promote", "rollback")), None)
    return newest is not None and newest.version != SETTINGS


def _for_a_page(error: UsageError) -> str:
    """The command's words, without its options' names and its marks of code."""
    told = re.sub(r"`([^`]*)`", r"“\1”", str(error))
    return told.replace("with --force", "with “without a gate” ticked").replace(": --why", "")


def _line(line: str) -> tuple[str, str]:
    return CHANGES.get(line[:1], "same"), line if line.startswith("@@") else line[1:]


def _desk(request: web.Request) -> JudgeDesk:
    desk = request.app[SITE].judges
    if desk is None:
        raise web.HTTPNotFound
    return desk
