"""What health says of several processes together."""

from __future__ import annotations

from dataclasses import dataclass

from cli.run import RunStatus
from core.runtime.process import Health


@dataclass
class Stub:
    """A process that only says how it is."""

    name: str
    told: Health
    progress: int = 0

    def health(self) -> Health:
        return self.told

    async def run(self) -> None:
        raise NotImplementedError

    def stop(self) -> None:
        raise NotImplementedError

    async def idle(self) -> bool:
        raise NotImplementedError

    async def nudge(self) -> None:
        raise NotImplementedError


WELL = Health(beating=True, ready=True, detail="well")
HANGS = Health(beating=False, ready=False, detail="hangs")


def test_before_the_processes_are_there_it_is_alive_and_not_ready() -> None:
    report = RunStatus().health()
    assert (report.loops_turn, report.ready) == (True, False)


def test_it_is_ready_when_every_process_is() -> None:
    status = RunStatus()
    status.processes = [Stub("a", WELL), Stub("b", WELL)]
    assert (status.health().loops_turn, status.health().ready) == (True, True)


def test_one_that_hangs_is_not_hidden_by_another_of_its_name() -> None:
    for pair in ((WELL, HANGS), (HANGS, WELL)):
        status = RunStatus()
        status.processes = [Stub("replay", told) for told in pair]
        report = status.health()
        assert (report.loops_turn, report.ready) == (False, False)
        assert "hangs" in report.detail["replay"]
