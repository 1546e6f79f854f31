"""Roles, groups, and where a sign-in may lead to."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.access import User, groups_of, own_address, roles_of_groups, with_role
from core.domain.attempts import MAX_PLACES, MOST, WITHIN, Attempts, place_of
from tests.support.sample_data import NOW

HOST = "203.0.113.7"


def test_each_role_includes_those_before_it() -> None:
    assert with_role("read") == {"read"}
    assert with_role("review") == {"read", "review"}
    assert with_role("operate") == {"read", "review", "operate"}


def test_the_role_of_a_user_is_the_highest() -> None:
    assert User("ada", with_role("review")).role == "review"
    assert User("nobody", frozenset()).role is None


def test_several_groups_allow_what_each_of_them_does() -> None:
    roles = {"search": "review", "oncall": "operate", "*": "read"}
    assert roles_of_groups(frozenset({"search", "shop"}), roles) == {"read", "review"}
    assert roles_of_groups(frozenset({"search", "oncall"}), roles) == {"read", "review", "operate"}
    assert roles_of_groups(frozenset(), roles) == {"read"}


def test_an_unknown_group_allows_nothing_where_no_rule_is_for_everybody() -> None:
    assert roles_of_groups(frozenset({"shop"}), {"search": "review"}) == frozenset()


def test_groups_are_separated_by_commas_or_bars() -> None:
    assert groups_of(" ops, search-quality ,,") == {"ops", "search-quality"}
    assert groups_of("ops|search-quality") == {"ops", "search-quality"}


@pytest.mark.parametrize(
    "elsewhere",
    [
        "//evil.example/x",
        "/\\evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "/a\r\nSet-Cookie: x=y",
        "evil.example",
        "",
        "/x\\..\\y",
        "/sign-out",
        "/sign-in?next=/",
    ],
)
def test_a_sign_in_leads_nowhere_else(elsewhere: str) -> None:
    assert own_address(elsewhere) == "/"


@pytest.mark.parametrize("path", ["/", "/query?query=a+b&market=us", "/calls/0f3a#reply", "/alerts/%2F%2Fx"])
def test_a_sign_in_leads_back_to_where_one_was(path: str) -> None:
    assert own_address(path) == path


@given(st.text(max_size=40))
def test_whatever_is_asked_for_stays_on_this_host(text: str) -> None:
    address = own_address(text)
    assert address.startswith("/")
    assert address[1:2] not in {"/", "\\"}


# --- Wrong tokens ----------------------------------------------------------------------------------------


def test_after_so_many_wrong_tokens_an_address_waits_and_another_does_not() -> None:
    attempts = Attempts()
    for number in range(MOST):
        assert attempts.wait_s(HOST, NOW) == 0
        attempts.wrong(HOST, NOW + timedelta(seconds=number))
    later = NOW + timedelta(seconds=60)
    assert attempts.wait_s(HOST, later) == WITHIN.total_seconds() - 60
    assert attempts.wait_s("203.0.113.8", later) == 0
    assert attempts.wait_s(HOST, NOW + WITHIN) == 0


def test_what_is_remembered_of_addresses_is_bounded() -> None:
    attempts = Attempts()
    for _ in range(MOST):
        attempts.wrong(HOST, NOW)
    for number in range(MAX_PLACES):
        attempts.wrong(f"host-{number}", NOW)
    assert attempts.wait_s(HOST, NOW) == 0


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unix", "unix"),
    ],
)
def test_a_subscriber_is_one_place(address: str, place: str) -> None:
    assert place_of(address) == place
