"""Who somebody is to the console and what that allows, as plain values; `core.console.access` finds it out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import get_args
from urllib.parse import urlsplit

from core.access_settings import EVERYBODY, Role
from core.domain.passes import Pass

ROLES: tuple[Role, ...] = get_args(Role)

MAX_GROUPS = 1_000
"""Groups of one person that are looked at: directories with more exist, headers that carry them do not."""


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who was let in. `name` is empty where nobody signs in."""

    name: str
    roles: frozenset[Role]
    session: Pass | None = None
    """What a browser showed; None of a program, of a proxy's user and where nobody signs in."""
    by_cookie: bool = True
    """Whether a browser would say so of itself, also on behalf of a foreign page; false for a program's token."""

    @property
    def role(self) -> Role | None:
        """The highest."""
        return next((role for role in reversed(ROLES) if role in self.roles), None)

    def may(self, role: Role) -> bool:
        """Whether it is among the roles; for templates."""
        return role in self.roles


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what in the console, as what, and when. `act` is a word such as `guideline.save`; `subject` says to what,
    in words; `detail` is what is worth keeping beside it. No secret is in either."""

    at: datetime
    who: str
    role: Role
    act: str
    subject: str
    detail: Mapping[str, str | int] = field(default_factory=dict)


def with_role(role: Role) -> frozenset[Role]:
    """The role and those it includes."""
    return frozenset(ROLES[: ROLES.index(role) + 1])


ANYBODY = User("", with_role("read"))
"""Whoever comes, where nobody signs in."""


def roles_of_groups(groups: frozenset[str], roles: Mapping[str, Role]) -> frozenset[Role]:
    """All that the groups allow together; nothing for none that is known."""
    known = [role for group, role in roles.items() if group == EVERYBODY or group in groups]
    return frozenset().union(*(with_role(role) for role in known))


def groups_of(header: str) -> frozenset[str]:
    """Groups of a header's text: `ops, search`, or `ops|search` as authentik writes them."""
    return frozenset(part.strip() for part in header.replace("|", ",").split(",")[:MAX_GROUPS] if part.strip())


def own_address(text: str) -> str:
    """Where to go after the sign-in: a path of this site as it was asked for, else the first page.

    Browsers read `//host` and `/\\host` as another host, and drop tabs and line breaks before they look.
    """
    if not text.startswith("/") or text[1:2] in {"/", "\\"} or not text.isprintable() or "\\" in text:
        return "/"
    parts = urlsplit(text)
    return "/" if parts.scheme or parts.netloc or parts.path.startswith("/sign-") else text
