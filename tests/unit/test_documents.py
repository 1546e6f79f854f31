"""The documents say what is so: links lead somewhere, named files are there, the code takes and makes the examples."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
import typer

from cli.compose import PROCESSES, TOPICS
from cli.main import app
from cli.run import check_settings
from core import settings_page
from core.domain.events import BODIES, schema
from core.domain.fields import Unusable
from core.domain.listings import decode_listing
from core.domain.requests import anchor_of, request_of
from core.domain.search_log import decode_search_log
from core.errors import SettingsError
from core.settings import Settings, load_settings, variable_of

ROOT = Path(__file__).parents[2]
OURS = ("core", "consumers", "producers", "cli", "demo", "migrations", "tests", "deploy", "docs")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```[^\n]*\n.*?^```$", re.MULTILINE | re.DOTALL)
NAMED_FILE = re.compile(r"`((?:" + "|".join(OURS) + r")/[^`\s]*)`")
EXAMPLE = re.compile(r"^```json ([\w-]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ADR = ROOT / "docs" / "adr"
DATA = ROOT / "docs" / "data.md"


def documents() -> list[Path]:
    """Every page of the project; prompts are not pages."""
    inside = [page for name in ("docs", "deploy", "tests", "demo") for page in (ROOT / name).rglob("*.md")]
    return sorted([*ROOT.glob("*.md"), *inside])


def identified(page: Path) -> str:
    return str(page.relative_to(ROOT))


def anchors_of(page: Path) -> set[str]:
    """The anchors GitHub gives a page's headings."""
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def links_of(page: Path) -> list[str]:
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    return [link for link in LINK.findall(text) if not link.startswith(("http://", "https://", "mailto:"))]


def leads_nowhere(page: Path, link: str) -> bool:
    name, _, anchor = link.partition("#")
    target = (page.parent / name) if name else page
    return not target.exists() or bool(anchor and target.suffix == ".md" and anchor not in anchors_of(target))


@pytest.mark.parametrize("page", documents(), ids=identified)
def test_every_link_leads_somewhere(page: Path) -> None:
    assert [link for link in links_of(page) if leads_nowhere(page, link)] == []


@pytest.mark.parametrize("page", documents(), ids=identified)
def test_every_file_that_is_named_is_there(page: Path) -> None:
    named = NAMED_FILE.findall(page.read_text(encoding="utf-8"))
    patterns = [name.rstrip("/").split("::")[0] for name in named if not set(name) & set("<>{}…")]
    assert [pattern for pattern in patterns if not any(ROOT.glob(pattern))] == []


def test_a_link_to_nothing_is_noticed() -> None:
    assert leads_nowhere(ROOT / "README.md", "docs/no-such-page.md")
    assert leads_nowhere(ROOT / "README.md", "docs/README.md#no-such-heading")
    assert not leads_nowhere(ROOT / "README.md", "docs/README.md#decisions")


# --- Settings ----------------------------------------------------------------------------------------------


def test_the_page_of_settings_is_what_the_settings_say() -> None:
    assert (ROOT / "docs" / "settings.md").read_text(encoding="utf-8") == settings_page.page()


def test_every_setting_is_on_its_page_once() -> None:
    rows = re.findall(r"^\| `(ASSAY_\w+)` \|", settings_page.page(), re.MULTILINE)
    assert sorted(rows) == sorted(map(variable_of, Settings.model_fields))


GIVEN: dict[str, object] = {
    "kafka_bootstrap_servers": "kafka:9092",
    "postgres_dsn": "postgresql://assay@postgres/assay",
    "llm_base_url": "http://judge/v1",
    "llm_model": "judge",
}


@pytest.mark.parametrize("name", PROCESSES)
@pytest.mark.parametrize("missing", ["llm_base_url", "llm_model"])
def test_the_page_says_which_processes_need_the_llm(name: str, missing: str) -> None:
    told = settings_page.NEEDED_BY[missing]
    excepted = "but" in told
    needs = (f"`{name}`" in told) != excepted
    settings = load_settings(**{**GIVEN, missing: None})
    if needs:
        with pytest.raises(SettingsError, match=variable_of(missing)):
            check_settings(settings, [name])
    else:
        check_settings(settings, [name])


# --- Processes, commands, topics ---------------------------------------------------------------------------


def commands(group: typer.Typer, prefix: str = "assay") -> Iterator[str]:
    """Every command by its whole name; a group that does something by itself is one too."""
    for command in group.registered_commands:
        assert command.name is not None or command.callback is not None
        yield f"{prefix} {command.name or (command.callback.__name__ if command.callback else '')}"
    for sub in group.registered_groups:
        assert sub.typer_instance is not None
        if sub.typer_instance.registered_callback is not None:
            yield f"{prefix} {sub.name}"
        yield from commands(sub.typer_instance, f"{prefix} {sub.name}")


def test_the_commands_are_found() -> None:
    assert {"assay run", "assay produce search-log", "assay replay", "assay replay promote"} <= set(commands(app))


@pytest.mark.parametrize("command", sorted(commands(app)))
def test_every_command_is_named_in_the_index(command: str) -> None:
    assert f"`{command}" in (ROOT / "docs" / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", ["README.md", "docs/README.md"])
def test_every_process_is_named_where_a_reader_begins(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    assert [name for name in PROCESSES if f"`{name}`" not in text] == []


def test_every_topic_is_on_the_page_of_data() -> None:
    text = DATA.read_text(encoding="utf-8")
    assert [topic for topic in TOPICS if f"`{topic}`" not in text] == []


# --- Examples ----------------------------------------------------------------------------------------------


def examples(*kinds: str) -> list[bytes]:
    """The examples of `docs/data.md` of these kinds, each on one line as it would be sent."""
    found = EXAMPLE.findall(DATA.read_text(encoding="utf-8"))
    return [json.dumps(json.loads(body)).encode() for kind, body in found if kind in kinds]


def test_examples_of_what_goes_in_are_usable_records() -> None:
    decoded = [decode_search_log(value, -1) for value in examples("search-log")]
    decoded_listings = [decode_listing(value, -1) for value in examples("listings")]
    assert len(decoded) == 2
    assert len(decoded_listings) == 1
    assert [each for each in (*decoded, *decoded_listings) if isinstance(each, Unusable)] == []


def test_examples_of_pairs_to_judge_are_taken() -> None:
    asked = [*map(request_of, examples("judge")), *map(anchor_of, examples("anchors"))]
    assert len(asked) == 3
    assert [each for each in asked if isinstance(each, Unusable)] == []


@pytest.mark.parametrize("topic", sorted(BODIES))
def test_examples_of_what_comes_out_are_as_their_schema_says(topic: str) -> None:
    [example] = examples(topic)
    jsonschema.validate(json.loads(example), schema(topic))
    BODIES[topic].model_validate_json(example)


# --- Decisions ---------------------------------------------------------------------------------------------


def test_decisions_are_numbered_without_a_gap() -> None:
    numbers = sorted(int(page.name[:4]) for page in ADR.glob("*.md"))
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("page", sorted(ADR.glob("*.md")), ids=lambda page: page.stem)
def test_a_decision_has_its_number_status_context_decision_and_consequences(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"# {int(page.name[:4])}. ")
    assert re.search(r"^Status: (accepted|superseded by \[\d+\]\(.+\))$", text, re.MULTILINE)
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert headings == ["Context", "Decision", "Consequences"]


def test_every_decision_is_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    assert [page.name for page in ADR.glob("*.md") if f"(adr/{page.name})" not in index] == []


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    pages = [page.name for page in (ROOT / "docs").glob("*.md") if page.name != "README.md"]
    assert [name for name in pages if f"({name})" not in index] == []
