"""What has to be true at the end of a run, whatever happened in it: each a line that says PASS or FAIL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from tests.bench.judging.running import Entry, Run
from tests.bench.judging.work import requests, usd
from tests.bench.stream.tables import Table
from tests.support.provider import Call
from tests.support.provider.answers import label_of

OPEN_ENDS = ("lost", "running", "cancelled")
"""A call of a process that died: swept, or not yet; or of one that was told to stop."""

SAVED_S = 2.0
"""Labels are written within this of their answer, on a machine whose cores are all busy."""


@dataclass(frozen=True)
class Check:
    """One, with what was found."""

    says: str
    holds: bool
    found: str

    def row(self) -> list[str]:
        return ["PASS" if self.holds else "FAIL", self.says, self.found]


def table(note: str, checks: Sequence[Check]) -> Table:
    """All of them."""
    return Table(note, ("", "what has to be so", "found"), [check.row() for check in checks])


def of_labels(run: Run) -> list[Check]:
    """Every pair ends once, with the label that the stand-in gave it."""
    tasks, labels = run.left.tasks, run.left.labels
    labelled = Counter((label.query, label.listing_id) for label in labels)
    done = {(task.query, task.listing_id) for task in tasks if task.state == "done"}
    unnamed = [task for task in tasks if task.state != "done" and not task.reason]
    said = {(each.query, each.listing_id): label_of(each.query, each.told["title"]) for each in requests(run.job.shape)}
    wrong = [label for label in labels if said[label.query, label.listing_id] != label.label]
    states = Counter(task.state if task.state == "done" else f"{task.state}: {task.reason}" for task in tasks)
    return [
        Check("every pair has ended", len(tasks) == run.job.shape.pairs and not unnamed, _counted(states)),
        Check(
            "a pair is done exactly when it has a label",
            done == set(labelled),
            f"{len(done)} done, {len(labelled)} with a label",
        ),
        Check("no pair has two labels", max(labelled.values(), default=0) <= 1, f"{len(labels)} labels"),
        Check(
            "no content key twice",
            len({label.content_key for label in labels}) == len(labels),
            f"{len({label.content_key for label in labels})} keys",
        ),
        Check("each label has its event", run.left.events == len(labels), f"{run.left.events} events"),
        Check("each label is the one the stand-in gave", not wrong, f"{len(wrong)} others"),
    ]


def of_waiting(run: Run) -> list[Check]:
    """Nothing is sent while the provider has asked to wait: as the provider saw it, and as the ledger says."""
    stats = run.stats
    refused = sum(count for outcome, count in stats.outcomes.items() if outcome.startswith("too many"))
    started = _started_in_a_hold(run)
    return [
        Check(
            "nothing came before a Retry-After was over",
            stats.violations == 0,
            f"{stats.violations} of {stats.calls} calls, {refused} 429s"
            + (f", the latest {stats.latest_violation_s:.1f} s after it" if stats.violations else ""),
        ),
        Check("nor was anything started, says the ledger", not started, f"{len(started)} calls"),
    ]


def of_money(run: Run) -> list[Check]:
    """The ledger adds up to what the stand-in billed for answered calls; those of dead processes stand apart."""
    ledger = run.left.ledger
    answered = {f"fp_{call.number}": call for call in run.calls if call.answered and call.input}
    known = [entry for entry in ledger if entry.named]
    differ = [entry for entry in known if not _same(entry, answered.get(entry.named))]
    missing = len(answered) - len({entry.named for entry in known} & answered.keys())
    unread = sum(call.outcome == "invalid_body" for call in answered.values())
    open_ends = [entry for entry in ledger if entry.status in OPEN_ENDS]
    total = sum((entry.cost_usd for entry in ledger), Decimal())
    billed = sum((usd(call.input, call.cached, call.output) for call in answered.values()), Decimal())
    kept = sum((entry.cost_usd for entry in known), Decimal())
    return [
        Check(
            "each answered call stands in the ledger once, at what was billed",
            not differ and len({entry.named for entry in known}) == len(known),
            f"{len(known)} calls, {len(differ)} differ; {kept:.6f} of {billed:.6f} USD billed for answered calls",
        ),
        Check(
            "answers that the ledger does not know went to processes that had died, or could not be read",
            missing <= len(open_ends) + unread,
            f"{missing}; {len(open_ends)} calls lost, {unread} unreadable",
        ),
        Check(
            "what is billed is at most what is counted",
            kept + sum((entry.cost_usd for entry in ledger if not entry.named), Decimal()) >= billed,
            f"{total:.6f} USD counted",
        ),
        Check("the day's spend is the sum of its calls", run.left.spent == total, f"{run.left.spent:.6f} USD"),
    ]


def of_repeats(run: Run, kills: Sequence[float]) -> list[Check]:
    """Only what was under way in a process that died is paid again; its pairs may come back in other calls. Under way
    is a call too that was answered and settled in the moment before its labels would have been written."""
    lost = sum(entry.status in OPEN_ENDS for entry in run.left.ledger)
    used = {label.fingerprint for label in run.left.labels}
    unsaved = [call for call in run.calls if _settled(run, call) and f"fp_{call.number}" not in used]
    late = [call for call in unsaved if not any(0 <= kill - call.ended <= SAVED_S for kill in kills)]
    a_call = run.job.settings["judge_products_per_call"]
    assert isinstance(a_call, int)
    return [
        Check(
            "at most the calls in flight are paid twice",
            run.stats.pairs_again <= (lost + len(unsaved)) * a_call,
            f"{run.stats.pairs_again} pairs again; {lost} calls of at most {a_call} pairs had no answer, "
            f"{len(unsaved)} had one and no labels yet",
        ),
        Check(
            f"an answer that gave no label came within {SAVED_S:g} s before a kill",
            not late,
            f"{len(unsaved)} such answers, {len(late)} not",
        ),
    ]


def _settled(run: Run, call: Call) -> bool:
    return call.answered and call.purpose == "judgements" and f"fp_{call.number}" in run.left.named


def _same(entry: Entry, call: Call | None) -> bool:
    if call is None:
        return False
    told = (entry.input, entry.cached, entry.output) == (call.input, call.cached, call.output)
    return told and entry.cost_usd == usd(call.input, call.cached, call.output)


def _started_in_a_hold(run: Run) -> list[Entry]:
    """Calls that began after an answer 429 had been read and before the storm was over."""
    knobs = run.job.knobs
    if not knobs.storm_for:
        return []
    storm_ends = run.stats.first_at + knobs.storm_at + knobs.storm_for
    refused = [entry for entry in run.left.ledger if entry.status == "rate_limited"]
    heard = [entry.started_at + timedelta(milliseconds=(entry.latency_ms or 0) + 250) for entry in refused]
    if not heard:
        return []
    return [e for e in run.left.ledger if e.started_at > min(heard) and e.started_at.timestamp() < storm_ends]


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.most_common())
