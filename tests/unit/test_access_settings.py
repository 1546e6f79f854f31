"""How sign-in is set up, and what is refused before anybody could be let in by mistake."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import structlog

from cli.access import say_who_may
from core.errors import SettingsError
from core.settings import Settings, load_settings, variable_of

ROOT = Path(__file__).parents[2]
LONG = "k3" * 12
OTHER = "m4" * 12


def loaded(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Settings:
    for name, value in variables.items():
        monkeypatch.setenv(f"ASSAY_CONSOLE_{name}", value)
    return load_settings()


@pytest.mark.parametrize(
    "text",
    [
        f"ada:review:{LONG}, ci@shop:read:{OTHER}",
        f'[{{"name": "ada", "role": "review", "token": "{LONG}"}}, '
        f'{{"name": "ci@shop", "role": "read", "token": "{OTHER}"}}]',
    ],
)
def test_tokens_are_a_list_of_three_parts_or_json(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    tokens = loaded(monkeypatch, TOKENS=text).console_tokens
    assert [(each.name, each.role, each.token.get_secret_value()) for each in tokens] == [
        ("ada", "review", LONG),
        ("ci@shop", "read", OTHER),
    ]


def test_a_token_may_hold_a_colon(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = loaded(monkeypatch, TOKENS=f"ada:review:{LONG}:x").console_tokens
    assert tokens[0].token.get_secret_value() == f"{LONG}:x"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"ada:{LONG}", "entry 1 is not name:role:token"),
        (f"ada:admin:{LONG}", "'read', 'review' or 'operate'"),
        ("ada:review:short", "token 1 has fewer than 24 characters"),
        (f"ada:review:{LONG} x", "token 1 holds a blank"),
        (f"a da:review:{LONG}", "the name of token 1"),
        (f"ada:review:{LONG},bo:read:{LONG}", "token 2 is listed before"),
        ('["ada"]', "not a JSON list"),
        (f'[{{"name": "ada", "role": "read", "token": "{LONG}", "more": "x"}}]', "not a JSON list"),
    ],
)
def test_a_wrong_token_is_refused_and_not_shown(monkeypatch: pytest.MonkeyPatch, text: str, said: str) -> None:
    with pytest.raises(SettingsError, match="ASSAY_CONSOLE_TOKENS") as raised:
        loaded(monkeypatch, TOKENS=text)
    assert said in str(raised.value)
    assert LONG not in str(raised.value)


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"PROXY_USER_HEADER": "X-User"}, "needs ASSAY_CONSOLE_PROXY_NETWORKS"),
        ({"PROXY_GROUPS_HEADER": "X-Groups"}, "needs ASSAY_CONSOLE_PROXY_USER_HEADER"),
        ({"PROXY_USER_HEADER": "X-User", "PROXY_NETWORKS": "0.0.0.0/0"}, "every address"),
        ({"PROXY_USER_HEADER": "X-User", "PROXY_NETWORKS": "10.0.0.300"}, "ASSAY_CONSOLE_PROXY_NETWORKS"),
        ({"PROXY_USER_HEADER": "X User", "PROXY_NETWORKS": "10.0.0.1"}, "ASSAY_CONSOLE_PROXY_USER_HEADER"),
        (
            {"PROXY_USER_HEADER": "X-User", "PROXY_NETWORKS": "10.0.0.1", "PROXY_ROLES": "search=review"},
            "needs ASSAY_CONSOLE_PROXY_GROUPS_HEADER",
        ),
        ({"PROXY_ROLES": "search"}, "not group=role"),
        ({"PROXY_ROLES": "search=admin"}, "'read', 'review' or 'operate'"),
        ({"PROXY_SIGN_OUT": "//elsewhere"}, "ASSAY_CONSOLE_PROXY_SIGN_OUT"),
        ({"PROXY_SIGN_OUT": "javascript:x"}, "ASSAY_CONSOLE_PROXY_SIGN_OUT"),
        ({"SECRET": "short"}, "ASSAY_CONSOLE_SECRET"),
    ],
)
def test_half_a_proxy_is_refused(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError) as raised:
        loaded(monkeypatch, **variables)
    assert said in str(raised.value)


def test_a_whole_proxy_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = loaded(
        monkeypatch,
        PROXY_USER_HEADER="X-Forwarded-User",
        PROXY_GROUPS_HEADER="X-Forwarded-Groups",
        PROXY_NETWORKS="10.0.0.1, 192.168.0.0/16",
        PROXY_ROLES="cn=search,dc=shop=review".replace(",", "_") + ", oncall=operate, *=read",
        PROXY_SIGN_OUT="/oauth2/sign_out",
    )
    assert settings.console_has_sign_in
    assert settings.console_proxy_roles == {"cn=search_dc=shop": "review", "oncall": "operate", "*": "read"}


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.8.8.8"])
def test_on_this_machine_alone_nothing_is_warned_of(host: str) -> None:
    with structlog.testing.capture_logs() as lines:
        say_who_may(load_settings(http_host=host))
    assert lines == []


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "assay.shop.example"])
def test_without_sign_in_a_wider_address_is_warned_of(host: str) -> None:
    with structlog.testing.capture_logs() as lines:
        say_who_may(load_settings(http_host=host))
    assert [line["event"] for line in lines] == ["console.open"]


def test_the_former_setting_is_named_as_ignored() -> None:
    with structlog.testing.capture_logs() as lines:
        say_who_may(load_settings(console_edits="enabled"))
    assert [line["event"] for line in lines] == ["console.edits_setting_ignored"]


def test_the_address_is_this_machine_alone_unless_set() -> None:
    assert load_settings().http_host == "127.0.0.1"


@pytest.mark.parametrize(
    "file", ["docs/access.md", "docs/tracing.md", "deploy/compose.sign-in.yaml", "deploy/nginx.conf"]
)
def test_documents_and_examples_name_settings_that_exist(file: str) -> None:
    named = set(re.findall(r"\bASSAY_(?:CONSOLE|TRACES)_[A-Z_]*[A-Z]\b", (ROOT / file).read_text()))
    assert named
    assert named <= {variable_of(name) for name in Settings.model_fields}
