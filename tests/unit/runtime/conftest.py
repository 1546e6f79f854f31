"""A case for each test of the run loop."""

from __future__ import annotations

import pytest
import structlog

from tests.oracle.generate import make_log
from tests.unit.runtime.stream_case import Case


@pytest.fixture
def case() -> Case:
    return Case(make_log(11, 400))


@pytest.fixture(autouse=True)
def quiet() -> None:
    structlog.configure(
        processors=[structlog.processors.JSONRenderer()], logger_factory=structlog.ReturnLoggerFactory()
    )
