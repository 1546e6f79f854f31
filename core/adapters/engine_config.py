"""The file that `ASSAY_ENGINES` names: which search engines there are and how each is asked (docs/engines.md)."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from core.domain.templates import QUERY, SIZE, TemplateError, check_names, check_url, names_in
from core.errors import SettingsError

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,100}$")]
"""What the log may call an engine too (CONTRACT 2: at most 100 characters)."""

LOG = "log"
"""Stands for the search log among the sources of results, so that no engine may have this name."""

PARSERS_OF_DATA = frozenset({"edismax", "dismax", "simple"})
"""Solr's parsers that take a text as words; any other obeys a query that begins with `{!`."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Auth(_Model):
    """How requests are signed. The secret is in the environment, never in the file."""

    kind: Literal["basic", "bearer", "header"]
    secret_env: str = Field(min_length=1)
    user: str = ""
    header: str = Field("Authorization", pattern=r"^[A-Za-z0-9-]{1,100}$")
    prefix: str = ""

    @model_validator(mode="after")
    def _whole(self) -> Auth:
        if self.kind == "basic" and (not self.user or ":" in self.user):
            raise ValueError("basic takes a user without a colon")
        return self


class _Engine(_Model):
    """What every engine has. The limits are per process."""

    url: str
    auth: Auth | None = None
    ca_file: str | None = None
    markets: dict[str, str] = Field(default_factory=dict)
    """What the engine calls a market; one that is not here goes by its own name."""
    listing: dict[str, str] = Field(default_factory=dict)
    """Fields of a listing (CONTRACT 2) and where they stand in the engine's document, for listings that are not in
    the catalogue."""
    timeout_s: float = Field(10.0, gt=0, le=300)
    """A search that a shopper waits for takes under one second; ten mean that nobody is there."""
    in_flight: int = Field(4, ge=1, le=100)
    """Requests at once: what four shoppers do."""
    requests_per_second: float = Field(5.0, gt=0, le=1_000)
    """A thousand queries in three minutes, and no engine notices."""
    attempts: int = Field(4, ge=1, le=10)
    """Tries of a request, each after a longer wait: passing faults end within three."""
    max_bytes: int = Field(5_000_000, ge=1_000)
    """A page of 100 whole documents of 20 KB is two megabytes."""

    @field_validator("url")
    @classmethod
    def _address(cls, value: str) -> str:
        try:
            check_url(value)
            check_names(value, frozenset())
        except TemplateError as error:
            raise ValueError(str(error)) from None
        return value

    @field_validator("listing")
    @classmethod
    def _fields(cls, value: dict[str, str]) -> dict[str, str]:
        known = {"title", "description", "brand", "category", "language", "price", "attributes", "image_urls"}
        if unknown := sorted(set(value) - known - {"price.amount", "price.currency"}):
            raise ValueError(f"{unknown[0]} is no field of a listing")
        return value


class OpenSearchEngine(_Engine):
    """OpenSearch or Elasticsearch: `url` is the index's `_search`, `template` the request's body."""

    kind: Literal["opensearch", "elasticsearch"]
    template: dict[str, object]
    id_field: str = "_id"
    """Dotted path in a hit: `_id`, `_source.sku`, `fields.sku.0`."""

    @field_validator("template", mode="before")
    @classmethod
    def _json(cls, value: object) -> object:
        return _template(value, frozenset({QUERY, SIZE}))


class SolrEngine(_Engine):
    """Solr: `url` is the collection's request handler, `params` its parameters; `start`, `rows` and `wt` are ours."""

    kind: Literal["solr"]
    params: dict[str, str]
    id_field: str = "id"

    @field_validator("params")
    @classmethod
    def _known(cls, value: dict[str, str]) -> dict[str, str]:
        _template(value, frozenset({QUERY}))
        if ours := sorted(set(value) & {"start", "rows", "wt"}):
            raise ValueError(f"{ours[0]} is set by Assay")
        if names_in(value.get("q", "")) and value.get("defType") not in PARSERS_OF_DATA:
            raise ValueError("q takes {{query}} with defType edismax, dismax or simple: other parsers obey a {! in it")
        return value


class JsonEngine(_Engine):
    """Any API that answers with JSON: an address and perhaps a body, and where in the reply the results stand."""

    kind: Literal["json"]
    method: Literal["GET", "POST"] = "GET"
    body: dict[str, object] | None = None
    hits: str = ""
    """Dotted path to the list of results; empty where the reply is the list."""
    id: str = "id"
    """Dotted path to the id in a result; empty where the result is the id."""

    @field_validator("body", mode="before")
    @classmethod
    def _json(cls, value: object) -> object:
        return None if value is None else _template(value, frozenset())

    @model_validator(mode="after")
    def _whole(self) -> JsonEngine:
        if QUERY not in names_in(self.url) | names_in(self.body):
            raise ValueError("{{query}} is neither in url nor in body")
        if self.method == "GET" and self.body is not None:
            raise ValueError("a body goes with method POST")
        return self


Engine = Annotated[OpenSearchEngine | SolrEngine | JsonEngine, Field(discriminator="kind")]


class EnginesFile(_Model):
    """The whole file: a table `engines`, an entry each."""

    engines: dict[Name, Engine]

    @field_validator("engines")
    @classmethod
    def _names(cls, value: dict[str, Engine]) -> dict[str, Engine]:
        if LOG in value:
            raise ValueError(f"no engine can be called {LOG}: that is the search log")
        return value


def read_engines(path: str) -> EnginesFile:
    """The file; SettingsError with one line that says what is wrong and where."""
    try:
        text = Path(path).read_text(encoding="utf-8")
        told = json.loads(text) if path.endswith(".json") else tomllib.loads(text)
    except OSError as error:
        raise SettingsError(f"ASSAY_ENGINES: {path} can't be read: {error.strerror or error}") from None
    except ValueError as error:
        raise SettingsError(f"ASSAY_ENGINES: {path} is neither TOML nor, named .json, JSON: {error}") from None
    try:
        return EnginesFile.model_validate(told)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"] if part not in {"opensearch", "elasticsearch"})
        raise SettingsError(f"ASSAY_ENGINES: {path}: {place or 'file'}: {first['msg']}") from None


def secret_of(name: str, auth: Auth) -> str:
    """The secret from the environment; SettingsError when it is not there."""
    value = os.environ.get(auth.secret_env, "")
    if not value:
        raise SettingsError(f"{auth.secret_env} is not set; it takes the secret of the engine {name}")
    return value


def _template(value: object, needed: frozenset[str]) -> object:
    """A template as a JSON value, given as a table or as JSON text; ValueError for names that do not fit."""
    try:
        parsed = json.loads(value) if isinstance(value, str) else value
    except ValueError as error:
        raise ValueError(f"not JSON: {error}; a placeholder stands in quotes, numbers too") from None
    try:
        check_names(parsed, needed)
    except TemplateError as error:
        raise ValueError(str(error)) from None
    return parsed
