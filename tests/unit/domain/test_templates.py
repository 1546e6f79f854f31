"""Templates: what strangers type goes in as data, whatever it is."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.templates import (
    TemplateError,
    at_path,
    check_names,
    check_url,
    escaped_for_lucene,
    filled,
    filled_parameter,
    filled_url,
)

TEXT = st.text(max_size=40).filter(lambda text: not any(0xD800 <= ord(c) <= 0xDFFF for c in text))
TEMPLATE = {
    "query": {"match": {"title": "{{query}}", "tag": "m:{{market}}"}},
    "size": "{{size}}",
    "on": True,
    "n": None,
}


def values(query: str, market: str = "de") -> dict[str, str | int]:
    return {"query": query, "market": market, "language": "de", "application": "shop", "size": 5, "from": 10}


@given(TEXT, TEXT)
def test_a_json_template_keeps_its_form(query: str, market: str) -> None:
    sent = json.loads(json.dumps(filled(TEMPLATE, values(query, market))))
    assert sent == {"query": {"match": {"title": query, "tag": f"m:{market}"}}, "size": 5, "on": True, "n": None}


@given(TEXT, TEXT.filter(lambda text: text not in {"", ".", ".."}))
def test_an_address_keeps_its_parts(query: str, market: str) -> None:
    url = urlsplit(filled_url("https://h.example/p-x/{{market}}/s?q={{query}}&n={{size}}#top", values(query, market)))
    assert (url.scheme, url.netloc, url.fragment) == ("https", "h.example", "top")
    assert [unquote(part) for part in url.path.split("/")] == ["", "p-x", market, "s"]
    assert parse_qsl(url.query, keep_blank_values=True) == [("q", query), ("n", "5")]


@pytest.mark.parametrize("market", [".", "..", ""])
def test_no_value_is_a_step_of_the_path(market: str) -> None:
    with pytest.raises(TemplateError):
        filled_url("https://h.example/{{market}}/s", values("sofa", market))


def test_a_value_inside_a_parameter_is_a_term_of_lucene() -> None:
    assert filled_parameter("market:{{market}}", values("x", "de OR *:*")) == r"market:de\ OR\ \*\:\*"


def test_a_value_that_is_the_whole_parameter_goes_in_as_it_is() -> None:
    assert filled_parameter("{{query}}", values('red "sofa"')) == 'red "sofa"'


@given(TEXT)
def test_an_escaped_text_has_no_bare_operator(text: str) -> None:
    escaped = escaped_for_lucene(text)
    bare = escaped.replace("\\\\", "").replace('\\"', "")
    assert '"' not in bare
    assert len(escaped) >= len(text)


@pytest.mark.parametrize("names", [["{{quary}}"], {"a": {"b": "x {{ sise }}"}}, "{{}}"])
def test_an_unknown_placeholder_is_named(names: object) -> None:
    with pytest.raises(TemplateError, match="no placeholder"):
        check_names(names, frozenset())


def test_a_placeholder_that_is_needed_is_named() -> None:
    with pytest.raises(TemplateError, match=r"\{\{size\}\} is missing"):
        check_names({"q": "{{query}}"}, frozenset({"query", "size"}))


@pytest.mark.parametrize(
    "url", ["ftp://h/x", "h.example/x", "https://", "https://{{market}}.example/", "https://user:pw@h.example/"]
)
def test_an_address_that_can_not_be_asked_is_refused(url: str) -> None:
    with pytest.raises(TemplateError):
        check_url(url)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("", {"a": [{"b": 1}], "c.d": 2}),
        ("a.0.b", 1),
        ("c.d", 2),
        ("a.1.b", None),
        ("a.x", None),
        ("a.0.b.c", None),
        ("a.-1", None),
    ],
)
def test_a_path_leads_to_what_is_there_or_to_nothing(path: str, found: object) -> None:
    assert at_path({"a": [{"b": 1}], "c.d": 2}, path) == found
