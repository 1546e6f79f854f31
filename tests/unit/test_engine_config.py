"""The file of `ASSAY_ENGINES`: what is wrong in it is said in one line that names the place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.adapters.engine_config import EnginesFile, JsonEngine, OpenSearchEngine, SolrEngine, read_engines, secret_of
from core.errors import SettingsError

TOML = """
[engines.current]
kind = "opensearch"
url = "https://search.example:9200/products-{{market}}/_search"
template = '''{"query": {"match": {"title": "{{query}}"}}, "size": "{{size}}", "from": "{{from}}"}'''
auth = {kind = "basic", user = "assay", secret_env = "SEARCH_PASSWORD"}

[engines.next]
kind = "solr"
url = "http://solr.example:8983/solr/products/select"
params = {q = "{{query}}", defType = "edismax", qf = "title^3 brand", fq = "market:{{market}}"}

[engines.other]
kind = "json"
url = "https://api.example/search?q={{query}}&size={{size}}"
hits = "hits"
"""
OPENSEARCH = {"kind": "opensearch", "url": "http://h/_search", "template": {"q": "{{query}}", "size": "{{size}}"}}
SOLR = {"kind": "solr", "url": "http://h/select", "params": {"q": "{{query}}", "defType": "edismax"}}
PLAIN = {"kind": "json", "url": "http://h/?q={{query}}"}


def read(directory: Path, engine: object, name: str = "shop") -> EnginesFile:
    path = directory / "engines.json"
    path.write_text(json.dumps({"engines": {name: engine}}))
    return read_engines(str(path))


def test_a_file_names_engines_of_every_kind(tmp_path: Path) -> None:
    (tmp_path / "engines.toml").write_text(TOML)
    found = read_engines(str(tmp_path / "engines.toml")).engines
    kinds = {name: type(each) for name, each in found.items()}
    assert kinds == {"current": OpenSearchEngine, "next": SolrEngine, "other": JsonEngine}


@pytest.mark.parametrize(
    ("engine", "words"),
    [
        ({}, "kind"),
        ({"kind": "lucene"}, "opensearch"),
        (OPENSEARCH | {"url": "h/_search"}, "shop.url: Value error, not an http or https address"),
        (OPENSEARCH | {"url": "http://{{market}}/x"}, "the host can't be a placeholder"),
        (OPENSEARCH | {"template": '{"size": {{size}}}'}, "shop.template: Value error, not JSON"),
        (OPENSEARCH | {"template": {"q": "{{query}}"}}, r"\{\{size\}\} is missing"),
        (OPENSEARCH | {"template": {"q": "{{quary}}", "size": "{{size}}"}}, r"no placeholder \{\{quary\}\}"),
        (OPENSEARCH | {"tempo": 3}, "shop.tempo: Extra inputs"),
        (OPENSEARCH | {"requests_per_second": 0}, "shop.requests_per_second"),
        (OPENSEARCH | {"auth": {"kind": "basic", "secret_env": "X"}}, "shop.auth: Value error, basic takes a user"),
        (OPENSEARCH | {"listing": {"colour": "c"}}, "colour is no field of a listing"),
        (SOLR | {"params": {"q": "{{query}}"}}, "defType edismax"),
        (SOLR | {"params": {"q": "{!edismax v=$u}", "u": "x"}}, r"\{\{query\}\} is missing"),
        (SOLR | {"params": {"q": "{{query}}", "defType": "edismax", "rows": "5"}}, "rows is set by Assay"),
        (PLAIN | {"url": "http://h/"}, r"\{\{query\}\} is neither in url nor in body"),
        (PLAIN | {"body": {"q": "{{query}}"}}, "a body goes with method POST"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_with_its_place(tmp_path: Path, engine: object, words: str) -> None:
    with pytest.raises(SettingsError, match=f"ASSAY_ENGINES: .*{words}") as error:
        read(tmp_path, engine)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["log", "a,b", "", "a b"])
def test_a_name_that_cannot_be_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match="ASSAY_ENGINES"):
        read(tmp_path, PLAIN, name)


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(SettingsError, match=r"ASSAY_ENGINES: nowhere\.toml can't be read: No such file"):
        read_engines("nowhere.toml")


def test_a_file_that_is_no_toml_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text("engines = [")
    with pytest.raises(SettingsError, match=r"x\.toml is neither TOML nor"):
        read_engines(str(tmp_path / "x.toml"))


def test_a_secret_that_is_not_set_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEARCH_PASSWORD", raising=False)
    auth = read(tmp_path, PLAIN | {"auth": {"kind": "bearer", "secret_env": "SEARCH_PASSWORD"}}).engines["shop"].auth
    assert auth is not None
    with pytest.raises(SettingsError, match="SEARCH_PASSWORD is not set"):
        secret_of("shop", auth)
