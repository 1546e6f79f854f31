"""`assay eval check`: wrong use is said in one line, before anything is asked."""

from __future__ import annotations

from tests.unit.cli.conftest import Command


def test_a_critic_without_a_price_is_refused_by_its_name(command: Command) -> None:
    done = command("eval", "check", "some-run", "--critic", "gpt-nothing", ASSAY_POSTGRES_DSN="postgresql://nowhere/x")
    assert done.code == 2
    assert done.err.startswith("assay: --critic: no price is known for the model 'gpt-nothing'")
    assert len(done.err.splitlines()) == 1


def test_a_critic_of_the_settings_without_a_price_is_refused_by_their_name(command: Command) -> None:
    given = {"ASSAY_POSTGRES_DSN": "postgresql://nowhere/x", "ASSAY_LLM_CRITIQUE_MODEL": "gpt-nothing"}
    done = command("eval", "check", "some-run", **given)
    assert (done.code, done.err.split(":")[1].strip()) == (2, "ASSAY_LLM_CRITIQUE_MODEL")
