"""The real service before a provider at its worst, and with its processes killed: small runs of `tests.bench.judging`.

Nothing here is a matter of time: every pair ends with its label or with a named reason, none twice, nothing is sent
while the provider has asked to wait, and the ledger is what the provider billed.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.bench.judging import faults, kills
from tests.bench.judging.checks import Check
from tests.bench.judging.running import run
from tests.bench.stream.servers import Servers

WORST = faults.Sizes(
    100, 20, 2, storm_at=2.0, storm_for=2.0, timeout_s=2.0, requests_per_minute=6_000,
    faults=f"{faults.SHARES},wrong_items=0.02,missing_item=0.02,truncated=0.01,invalid_body=0.01",
)  # fmt: skip
KILLED = kills.Sizes(10, 200, 3, 3.0, requests_per_minute=1_200, lease_s=5.0)


@pytest.fixture
def servers(kafka_bootstrap: str, postgres_server: str) -> Servers:
    """The suite's; whose processes they are is not asked."""
    return Servers(kafka_bootstrap, postgres_server, None, None)


async def test_errors_resets_hangs_broken_replies_and_429s_leave_every_pair_ended_once(servers: Servers) -> None:
    done = await run(servers, faults.job(WORST))
    assert _failed(faults.checks(done)) == []
    assert {"reset", "invalid_json", "too many requests: storm"} <= done.stats.outcomes.keys()


async def test_kill_9_loses_no_label_doubles_none_and_pays_twice_at_most_what_was_in_flight(servers: Servers) -> None:
    killer = kills.Killer(KILLED)
    done = await run(servers, kills.job(KILLED), killer)
    assert _failed(kills.checks(done, killer)) == []


def _failed(checks: Sequence[Check]) -> list[Check]:
    return [check for check in checks if not check.holds]
