"""Who is at the keyboard, where the system may not know."""

from __future__ import annotations

import getpass

import pytest

from cli import eval_import, eval_review, eval_take, guideline
from cli.judge_identity import login_name


@pytest.mark.parametrize("error", [KeyError("uid not found: 1000"), OSError("No username set in the environment")])
def test_a_user_without_a_name_is_unknown(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def nobody() -> str:
        raise error

    monkeypatch.setattr(getpass, "getuser", nobody)
    assert login_name() == "unknown"


@pytest.mark.parametrize("command", [eval_import, eval_review, eval_take, guideline])
def test_every_command_that_keeps_a_name_asks_here(command: object) -> None:
    assert getattr(command, "login_name") is login_name  # noqa: B009 - an attribute of a module, by name
    assert not hasattr(command, "getpass")
