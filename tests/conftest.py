"""Real servers for the whole suite, started once; what is missing is skipped and said in the last line.

With `CI=true` a test that is skipped for want of Kafka, PostgreSQL or Chromium fails the run.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import signal
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path

import asyncpg
import pytest
import structlog
from hypothesis import settings as hypothesis_settings

from tests.support import kafka, needs, postgres

NOT_RUN_FOR = "not run for want of"
_not_run: dict[needs.Need, int] = {}
POOL_CLOSE_SECONDS = 10.0  # a test that leaks a connection is told so, not waited for

# No deadline: on a busy machine one slow example is no finding. In CI the same examples every time.
hypothesis_settings.register_profile("local", deadline=None)
hypothesis_settings.register_profile("ci", deadline=None, derandomize=True, database=None)


# --- The run ---------------------------------------------------------------------------------------------


def pytest_configure(config: pytest.Config) -> None:
    hypothesis_settings.load_profile("ci" if needs.is_ci() else "local")
    signal.signal(signal.SIGTERM, _interrupt)  # so that servers are stopped on SIGTERM as on Ctrl-C
    for name in [name for name in os.environ if name.startswith(("ASSAY_", "OPENAI_"))]:
        if not name.startswith("ASSAY_TEST_"):  # no test depends on, or calls, what a developer's shell has set
            del os.environ[name]


def _interrupt(signum: int, frame: object) -> None:
    raise KeyboardInterrupt


@pytest.fixture(autouse=True)
def logging_restored() -> Iterator[None]:
    """A command run in the test's process sets logging up on the test's own standard error, which closes after it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    missing = {need: needs.why_missing(need) for need in needs.NEEDS}
    for item in items:
        for need in _needs_of(item):
            item.add_marker(getattr(pytest.mark, need))
            if (why := missing[need]) is not None:
                item.add_marker(pytest.mark.skip(reason=f"needs {need}: {why}"))


def _needs_of(item: pytest.Item) -> list[needs.Need]:
    used = set(getattr(item, "fixturenames", ()))
    return [need for need in needs.NEEDS if item.get_closest_marker(need) or used & needs.FIXTURES_OF[need]]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Fetch the broker before the first test that needs it, whose time limit is not meant for downloads."""
    wanted = any("kafka" in _needs_of(item) and item.get_closest_marker("skip") is None for item in session.items)
    given = os.environ.get("ASSAY_TEST_KAFKA") or kafka.jars_are_here()
    if wanted and not given and not session.config.option.collectonly:
        with contextlib.suppress(RuntimeError):  # the tests that need it will say so
            kafka.fetch_jars()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        report.user_properties += [(NOT_RUN_FOR, need) for need in _needs_of(item)]
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """With several workers each report comes here once more, in the process that sums up."""
    for name, need in report.user_properties:
        if name == NOT_RUN_FOR:
            _not_run[need] = _not_run.get(need, 0) + 1


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, None, None]:
    counts = _not_run
    failing = needs.is_ci() and bool(counts.keys() - needs.OPTIONAL_IN_CI)
    if failing and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    yield
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if counts and reporter is not None:
        listed = "; ".join(
            f"{count} need {need} ({needs.why_missing(need) or 'skipped by the test'})"
            for need, count in counts.items()
        )
        reporter.write_line(
            f"NOT RUN: {listed}" + (" - a failure, because CI is set" if failing else ""), red=failing, yellow=True
        )


# --- Servers ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def kafka_bootstrap() -> Iterator[str]:
    """Address of a real Kafka broker that all tests share. Use `topic_prefix` with it."""
    if given := os.environ.get("ASSAY_TEST_KAFKA"):
        yield given
        return
    directory = Path(tempfile.mkdtemp(prefix="assay-kafka-"))
    broker = _started_broker(directory)
    try:
        yield broker.bootstrap
    finally:
        broker.stop()
        shutil.rmtree(directory, ignore_errors=True)


def _started_broker(directory: Path) -> kafka.KafkaBroker:
    """A broker; on other ports where the first ones were taken between the look and the use (seen once)."""
    first = kafka.KafkaBroker(directory / "first")
    try:
        first.start()
    except RuntimeError as error:
        print(f"a second try at a broker: {error}", file=sys.stderr)
    else:
        return first
    second = kafka.KafkaBroker(directory / "second")
    second.start()
    return second


@pytest.fixture
def topic_prefix() -> str:
    """A prefix for topics and groups that no other test has."""
    return f"t{uuid.uuid4().hex[:10]}."


@pytest.fixture(scope="session")
async def postgres_server() -> AsyncIterator[str]:
    """DSN of a real server's maintenance database, with the right to make databases."""
    if given := os.environ.get("ASSAY_TEST_POSTGRES"):
        yield given
        return
    server = postgres.EmbeddedPostgres()
    try:
        await postgres.make_fast(server.dsn)
        yield server.dsn
    finally:
        server.stop()


@pytest.fixture(scope="session")
async def _migrated_template(postgres_server: str) -> AsyncIterator[str]:
    from core.adapters.migrate import migrate

    async with postgres.database(postgres_server, "template") as dsn:
        await migrate(dsn)
        yield postgres.name_of(dsn)


@pytest.fixture
async def empty_postgres_dsn(postgres_server: str) -> AsyncIterator[str]:
    """DSN of a new database with nothing in it."""
    async with postgres.database(postgres_server, "empty") as dsn:
        yield dsn


@pytest.fixture
async def postgres_dsn(postgres_server: str, _migrated_template: str) -> AsyncIterator[str]:
    """DSN of a new database with every migration applied."""
    async with postgres.database(postgres_server, "test", template=_migrated_template) as dsn:
        yield dsn


@pytest.fixture
async def pool(postgres_dsn: str) -> AsyncIterator[asyncpg.Pool]:
    """Connections to `postgres_dsn`, as the service opens them."""
    from core.adapters.postgres import open_pool

    connections = await open_pool(postgres_dsn, 8)
    try:
        yield connections
    finally:
        await postgres.close_pool(connections, POOL_CLOSE_SECONDS)


# --- The machine -----------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The directory of real search logs, listings and human labels beside the project."""
    return needs.SHARED_DATA


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the system's Chromium."""
    path = needs.chromium_path()
    assert path is not None
    return path
