"""What a run found, for people and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median

from tests.chaos.faults import Fault, Kind
from tests.chaos.replicas import UnaskedEnd
from tests.chaos.watch import Recovery


@dataclass(frozen=True)
class Recovered:
    """Partitions that moved again after one kind of fault, in seconds."""

    kind: str
    partitions: int
    median_s: float
    longest_s: float
    median_from_assigned_s: float | None
    longest_from_assigned_s: float | None


@dataclass(frozen=True)
class Report:
    """A whole run."""

    seed: int
    protocol: str
    replicas: int
    records: int
    aborted: int
    """Records of transactions that were broken off; nobody may count them."""
    dead_letters: int
    panes: int
    automated: int
    seconds: float
    faults: dict[str, int]
    kills: int
    recoveries: int
    median_recovery_s: float
    longest_recovery_s: float
    median_from_assigned_s: float
    longest_from_assigned_s: float
    undisturbed: int
    """Of the recoveries those that nothing else fell into; the rest say more of the faults than of the replicas."""
    longest_undisturbed_s: float
    longest_undisturbed_from_assigned_s: float
    by_kind: list[Recovered]
    differences: list[str]
    unasked: list[UnaskedEnd]
    problems: list[str] = field(default_factory=list)
    """What else is wrong: records not sent, a log that is not read to its end."""

    @property
    def is_clean(self) -> bool:
        """Nothing wrong was found."""
        return not (self.differences or self.unasked or self.problems)


def recovered(found: Sequence[Recovery]) -> list[Recovered]:
    """By kind."""
    rows = []
    for kind in Kind:
        times = [recovery.from_fault_s for recovery in found if recovery.kind is kind]
        assigned = from_assigned(recovery for recovery in found if recovery.kind is kind)
        if times:
            rows.append(
                Recovered(
                    kind.value,
                    len(times),
                    median(times),
                    max(times),
                    median(assigned) if assigned else None,
                    max(assigned, default=None),
                )
            )
    return rows


def from_assigned(found: Iterable[Recovery]) -> list[float]:
    """Seconds from an assignment, where there was one."""
    return [recovery.from_assigned_s for recovery in found if recovery.from_assigned_s is not None]


def counted(faults: Sequence[Fault]) -> dict[str, int]:
    """How often each kind happened."""
    counts = Counter(fault.kind for fault in faults)
    return {kind.value: counts[kind] for kind in Kind if counts[kind]}


def text(report: Report) -> str:
    """As it is printed."""
    lines = [
        f"{report.records:,} records in {report.seconds:,.0f} s, {report.replicas} replicas, {report.protocol};"
        f" {report.aborted:,} more in aborted transactions",
        f"{report.panes:,} panes, {report.dead_letters:,} dead letters, {report.automated} automated sessions",
        "",
        *(f"{count:>6}  {kind}" for kind, count in report.faults.items()),
        "",
        f"{report.kills} kills; {report.recoveries} times a partition moved again: "
        f"median {report.median_recovery_s:.1f} s, longest {report.longest_recovery_s:.1f} s after the fault; "
        f"median {report.median_from_assigned_s:.2f} s, longest {report.longest_from_assigned_s:.2f} s after another "
        "replica had it",
        f"{report.undisturbed} of them with nothing else hurt meanwhile: longest {report.longest_undisturbed_s:.1f} s "
        f"after the fault, {report.longest_undisturbed_from_assigned_s:.2f} s after another replica had it",
        "",
        f"{'partitions that moved again, of faults that nothing fell into':64}{'median':>8}{'longest':>8}"
        f"{'from assigned: median':>24}{'longest':>8}",
        *(_row(row) for row in report.by_kind),
        "",
        f"differences: {len(report.differences)}",
        *(f"  {line}" for line in report.differences),
        f"replicas that ended unasked: {len(report.unasked)}",
        *(f"  {end.what}\n{end.tail}" for end in report.unasked),
        *(f"problem: {line}" for line in report.problems),
        f"seed {report.seed}",
    ]
    return "\n".join(lines)


def _row(row: Recovered) -> str:
    assigned = f"{_seconds(row.median_from_assigned_s):>24}{_seconds(row.longest_from_assigned_s):>8}"
    return f"{row.partitions:>6}  {row.kind:56}{row.median_s:>8.2f}{row.longest_s:>8.2f}{assigned}"


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
