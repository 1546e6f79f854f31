"""Settings of who may do what in the console (docs/access.md), a part of `core.settings.Settings`."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Annotated, Literal, cast

import msgspec
from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode

Role = Literal["read", "review", "operate"]
"""`read`: pages and read API. `review`: also answers, notes and guidelines. `operate`: also judges and the audit. Each
includes those before it."""

ProxyNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

MIN_TOKEN_CHARS = 24
"""Characters of a token: 24 of base64 are 144 bits, and a session's signature is no help to guess it."""

MAX_NAME_CHARS = 100
"""As an author's name in `core.domain.guidelines`: both are shown in one place."""

EVERYBODY = "*"
"""Stands for every group in `ASSAY_CONSOLE_PROXY_ROLES`: whoever the proxy lets through."""

_NAME = re.compile(rf"[\w.@+-]{{1,{MAX_NAME_CHARS}}}")
_TOKEN = re.compile(r"[\x21-\x7e]+")
_HEADER = r"^[A-Za-z0-9-]{1,100}$"


@dataclass(frozen=True, slots=True)
class ConsoleToken:
    """A token, whose it is, and what it allows. A name may have two, so that one can replace the other."""

    name: str
    role: Role
    token: SecretStr


class _Given(msgspec.Struct, forbid_unknown_fields=True):
    """A token as JSON gives it, still to be checked."""

    name: str
    role: str
    token: str


class AccessSettings(BaseSettings):
    """Who signs in, how, and what it allows; without any of it everybody who reaches the port reads, nobody writes."""

    console_tokens: Annotated[tuple[ConsoleToken, ...], NoDecode] = Field(
        (),
        description="tokens that sign in, as name:role:token, comma-separated, or a JSON list of objects with name, "
        f"role, token; roles: read, review, operate; a token has at least {MIN_TOKEN_CHARS} characters",
    )
    console_secret: SecretStr | None = Field(
        None,
        min_length=MIN_TOKEN_CHARS,
        description="mixed into the signature of sessions, the same for all replicas; another one ends every session. "
        "Not needed: each session is signed with its token",
    )
    console_session_hours: float = Field(
        12.0, gt=0, le=720, description="hours until a person signs in again: a working day"
    )
    console_proxy_networks: Annotated[tuple[ProxyNetwork, ...], NoDecode] = Field(
        (),
        description="networks (CIDR, comma-separated) of the proxies that may set these headers, and X-Forwarded-For, "
        "X-Forwarded-Proto",
    )
    console_proxy_user_header: str | None = Field(
        None, pattern=_HEADER, description="header in which a reverse proxy names the user, such as X-Forwarded-User"
    )
    console_proxy_groups_header: str | None = Field(
        None, pattern=_HEADER, description="header in which it names the user's groups, comma-separated"
    )
    console_proxy_roles: Annotated[dict[str, Role], NoDecode] = Field(
        default_factory=lambda: cast("dict[str, Role]", {EVERYBODY: "read"}),
        description="role by group, as group=role, comma-separated; * is whoever the proxy lets through",
    )
    console_proxy_sign_out: str = Field(
        "",
        pattern=r"^(?:/(?:[A-Za-z0-9._~-][\x21-\x7e]*)?|https?://[\x21-\x7e]+)?$",
        description="address at which the proxy signs people out, such as /oauth2/sign_out; linked from every page",
    )

    @property
    def console_has_sign_in(self) -> bool:
        """Whether anybody can be told from anybody else."""
        return bool(self.console_tokens) or self.console_proxy_user_header is not None

    @field_validator("console_tokens", mode="before")
    @classmethod
    def _tokens(cls, value: object) -> object:
        return _listed_tokens(value.strip()) if isinstance(value, str) else value

    @field_validator("console_tokens")
    @classmethod
    def _sound_tokens(cls, tokens: tuple[ConsoleToken, ...]) -> tuple[ConsoleToken, ...]:
        for place, each in enumerate(tokens, 1):
            _check_token(place, each)
        texts = [each.token.get_secret_value() for each in tokens]
        twice = next((place for place, text in enumerate(texts, 1) if text in texts[: place - 1]), None)
        if twice is not None:
            raise ValueError(f"token {twice} is listed before: whose it is would be anyone's guess")
        return tokens

    @field_validator("console_proxy_networks", mode="before")
    @classmethod
    def _proxies(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return tuple(ipaddress.ip_network(part.strip()) for part in value.split(",") if part.strip())

    @field_validator("console_proxy_networks")
    @classmethod
    def _not_everywhere(cls, networks: tuple[ProxyNetwork, ...]) -> tuple[ProxyNetwork, ...]:
        if any(network.prefixlen == 0 for network in networks):
            raise ValueError("a network of every address would let anybody name himself")
        return networks

    @field_validator("console_proxy_user_header")
    @classmethod
    def _believed_of_somebody(cls, header: str | None, told: ValidationInfo) -> str | None:
        if header is not None and not told.data.get("console_proxy_networks"):
            raise ValueError("it needs ASSAY_CONSOLE_PROXY_NETWORKS: without them anybody could send it")
        return header

    @field_validator("console_proxy_groups_header")
    @classmethod
    def _of_a_user(cls, header: str | None, told: ValidationInfo) -> str | None:
        if header is not None and told.data.get("console_proxy_user_header") is None:
            raise ValueError("it needs ASSAY_CONSOLE_PROXY_USER_HEADER: groups of whom?")
        return header

    @field_validator("console_proxy_roles", mode="before")
    @classmethod
    def _roles(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        pairs = [part.strip().rpartition("=") for part in value.split(",") if part.strip()]
        if not all(group.strip() for group, _, _ in pairs):
            raise ValueError("not group=role, comma-separated")
        return {group.strip(): role.strip() for group, _, role in pairs}

    @field_validator("console_proxy_roles")
    @classmethod
    def _groups_come_in_a_header(cls, roles: dict[str, Role], told: ValidationInfo) -> dict[str, Role]:
        proxied = told.data.get("console_proxy_user_header") is not None
        if proxied and set(roles) - {EVERYBODY} and not told.data.get("console_proxy_groups_header"):
            raise ValueError("it names groups and needs ASSAY_CONSOLE_PROXY_GROUPS_HEADER, in which they come")
        return roles


def _listed_tokens(text: str) -> object:
    """As pydantic reads them on. No error says what was given: it may be a token."""
    if text.startswith("["):
        try:
            return tuple(msgspec.structs.asdict(each) for each in msgspec.json.decode(text, type=list[_Given]))
        except msgspec.DecodeError:
            raise ValueError("not a JSON list of objects with name, role, token") from None
    parts = [part.strip().split(":", 2) for part in text.split(",") if part.strip()]
    wrong = next((place for place, part in enumerate(parts, 1) if len(part) != 3), None)
    if wrong is not None:
        raise ValueError(f"entry {wrong} is not name:role:token")
    return tuple({"name": name, "role": role, "token": token} for name, role, token in parts)


def _check_token(place: int, each: ConsoleToken) -> None:
    text = each.token.get_secret_value()
    if not _NAME.fullmatch(each.name):
        raise ValueError(f"the name of token {place} takes letters, digits, . _ @ + -, at most {MAX_NAME_CHARS}")
    if len(text) < MIN_TOKEN_CHARS:
        raise ValueError(
            f"token {place} has fewer than {MIN_TOKEN_CHARS} characters; openssl rand -base64 24 makes one"
        )
    if not _TOKEN.fullmatch(text):
        raise ValueError(f"token {place} holds a blank or a character that no header carries")
