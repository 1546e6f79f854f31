"""The page of a query's guideline: what is in force, its history, and the form that writes the next version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import get_args

import msgspec
from aiohttp import web

from core.console import params
from core.console.access import Role, User, entry_of, posted, user_of
from core.console.site import SITE, link, page
from core.domain.access import AuditEntry
from core.domain.guidelines import AUTHOR_CHARS, BadEdit, GuidelineKey, Line, checked_edit, difference, read_context
from core.domain.judging import GuidelineReply, Importance
from core.domain.labels import Label
from core.domain.normalise import normalised_query
from core.guideline_ports import Desk, Edited, GuidelineChanged, GuidelineVersion

SPARE_ROWS = 3
"""Empty rows for further requirements: saved and opened again there are three more."""

IMPORTANCES: Sequence[str] = get_args(Importance)
SPECIFICITIES = ("broad", "medium", "specific")
WRITES: Role = "review"
"""What an edit takes: those who know what is relevant write down what is."""

DETAIL_CHARS = 500
"""Characters of a remark kept in the audit: as long as a comment may be."""

LABELS = tuple(label.value for label in reversed(Label))

Fields = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Told:
    """A version as the page shows it: with what it changed, and whether it was written under another prompt."""

    version: GuidelineVersion
    lines: Sequence[Line]
    older_prompt: bool


async def one(request: web.Request) -> web.Response:
    """Text in force, history, form."""
    desk, key = _desk(request), _key(request.query)
    return await _shown(request, desk, key)


async def save(request: web.Request) -> web.Response:
    """A person's version, under the name they signed in with; the query's results are then judged anew."""
    desk = _desk(request)
    user, fields = await posted(request, WRITES)
    key = _key(fields)
    try:
        body = checked_edit(_told(fields))
        revision = _number(fields.get("revision", "")) or 0
        deed = _deed(request, user, "guideline.save", key, comment=fields.get("comment", ""))
        done = await desk.save(key, body, user.name[:AUTHOR_CHARS], fields.get("comment", ""), revision, deed)
    except (BadEdit, GuidelineChanged) as error:
        return await _not_saved(request, desk, key, fields, error)
    return _afterwards(key, fields, done)


async def restore(request: web.Request) -> web.Response:
    """What an earlier version says, as the newest."""
    desk = _desk(request)
    user, fields = await posted(request, WRITES)
    key = _key(fields)
    try:
        revision = _number(fields.get("revision", ""))
        version = fields.get("version", "")
        deed = _deed(request, user, "guideline.restore", key, version=version)
        done = await desk.restore(key, version, user.name[:AUTHOR_CHARS], "", revision, deed)
    except (BadEdit, GuidelineChanged) as error:
        return await _not_saved(request, desk, key, {}, error)
    return _afterwards(key, fields, done)


def _deed(request: web.Request, user: User, act: str, key: GuidelineKey, **told: str) -> AuditEntry:
    told |= {"market": key.market, "language": key.language, "context": key.context_text}
    detail = {name: value[:DETAIL_CHARS] for name, value in told.items() if value}
    return entry_of(request, user, act, f"guideline of {key.query}", detail)


async def _shown(
    request: web.Request,
    desk: Desk,
    key: GuidelineKey,
    fields: Fields | None = None,
    problem: str = "",
    status: int = 200,
) -> web.Response:
    versions = await desk.history(key)
    contexts = [other for other in await desk.store.keys(key.market, key.query) if other != key]
    standing = next((version for version in versions if version.in_force), versions[0] if versions else None)
    user = user_of(request)
    return page(
        request,
        "guideline.html",
        status=status,
        key=key,
        application=params.text(request, "application"),
        versions=_told_versions(versions, desk.prompt_version),
        standing=standing,
        contexts=contexts,
        form=_form(standing.stored.body if standing else None) if fields is None or not fields else fields,
        rows=range(1, 1 + _rows(standing, fields)),
        revision=versions[0].revision if versions else 0,
        problem=problem,
        edits=user is not None and user.may(WRITES),
        importances=IMPORTANCES,
        specificities=SPECIFICITIES,
        labels=LABELS,
        queued=_number(request.query.get("queued", "")),
        gone=_number(request.query.get("gone", "")),
    )


async def _not_saved(
    request: web.Request, desk: Desk, key: GuidelineKey, posted: Fields, error: BadEdit | GuidelineChanged
) -> web.Response:
    """The form as it was sent, what is wrong with it, and the history as it is now: sent again it follows that."""
    if isinstance(error, GuidelineChanged):
        problem = f"{error}. Nothing is saved: compare with the newest version below, then save again to replace it."
        return await _shown(request, desk, key, posted, problem, 409)
    return await _shown(request, desk, key, posted, f"{error}. Nothing is saved.", 400)


def _afterwards(key: GuidelineKey, posted: Fields, done: Edited) -> web.Response:
    """To the page, so that a reload posts nothing again."""
    address = link(
        "/guideline",
        application=posted.get("application", ""),
        market=key.market,
        query=key.query,
        language=key.language,
        context=key.context_text,
        queued=done.queued,
        gone=done.gone,
    )
    return web.Response(status=303, headers={"Location": address})


def _desk(request: web.Request) -> Desk:
    desk = request.app[SITE].desk
    if desk is None:
        raise web.HTTPNotFound
    return desk


def _key(told: Mapping[str, str]) -> GuidelineKey:
    """Of an address or a form; filters that can't be read are none."""
    texts = {name: params.sound(told.get(name, "")) for name in ("market", "query", "language", "context")}
    try:
        context = read_context(texts["context"])
    except (ValueError, msgspec.DecodeError):
        context = ()
    return GuidelineKey(texts["market"] or "default", normalised_query(texts["query"]), texts["language"], context)


def _told(posted: Fields) -> dict[str, object]:
    """The guideline that the form says; rows without a requirement are left out."""
    rows = (
        {name: posted.get(f"{name}-{number}", "") for name in ("requirement", "importance", "why")}
        for number in range(1, 1 + _rows(None, posted))
    )
    return {
        "translation": posted.get("translation", ""),
        "specificity": posted.get("specificity", ""),
        "requirements": [row for row in rows if row["requirement"].strip()],
        "guideline": {label: posted.get(label, "") for label in LABELS},
    }


def _form(body: GuidelineReply | None) -> dict[str, str]:
    """The form's fields for a guideline."""
    if body is None:
        return {"specificity": "medium"}
    fields = {"translation": body.translation, "specificity": body.specificity}
    fields |= {label: getattr(body.guideline, label) for label in LABELS}
    for number, each in enumerate(body.requirements, 1):
        fields |= {
            f"requirement-{number}": each.requirement,
            f"importance-{number}": each.importance,
            f"why-{number}": each.why,
        }
    return fields


def _rows(standing: GuidelineVersion | None, posted: Fields | None) -> int:
    if posted:
        return sum(name.startswith("requirement-") for name in posted)
    return SPARE_ROWS + (len(standing.stored.body.requirements) if standing else 0)


def _told_versions(versions: Sequence[GuidelineVersion], prompt_version: str) -> list[Told]:
    by_version = {each.stored.version: each for each in versions}
    return [
        Told(
            each,
            difference(before.stored.body if before else None, each.stored.body),
            each.stored.prompt_version != prompt_version,
        )
        for each, previous in zip_longest(versions, versions[1:])
        for before in [by_version.get(each.based_on, previous)]
    ]


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
