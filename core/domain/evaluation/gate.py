"""Whether a judge may go live: the rules of a file held against its figures. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from core.domain.canary import Lift
from core.domain.evaluation.estimates import AgreementReport, ComparedSegment, Comparison, Difference, Estimate, Segment
from core.domain.evaluation.gate_rules import Canary, Cost, Maximum, Minimum, NotWorse, Reading, Rules, better
from core.domain.evaluation.intervals import NO_SPREAD

SLACK = 1e-9
"""What the order of a sum may move a figure by: a limit that is met to nine decimals is met."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """The figures that rules are held against: of the judge (`b`), and of it beside the one it would replace."""

    overall: AgreementReport
    segments: Sequence[Segment]
    against: str
    """The other judge; empty where there is none."""
    compared: Comparison | None
    compared_segments: Sequence[ComparedSegment]
    usd_per_pair: float | None
    """None: no pair of the run was paid for."""
    paid: int
    lift: Lift | None
    """Of all attacks; None: the judge was not tried with the present set."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One rule, in one place, with its figure. `passed` None: left out, and `why` says for what reason."""

    rule: str
    """As a sentence: `quadratic_kappa not worse than live by more than 0.02`."""
    segment: str
    """`market=de`; empty: all items."""
    figure: float | None
    low: float | None
    high: float | None
    limit: float
    read: Reading
    n_items: int
    passed: bool | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Gate:
    """A judge held against rules, once: who did it, when, by which rules and on what."""

    gate_id: UUID
    judge: str
    against: str
    rules_name: str
    rules: str
    """The text of the file."""
    dataset: str
    """`name@version`."""
    split: str
    run_id: UUID
    run_name: str
    outcomes: Sequence[Outcome]
    checked_at: datetime
    checked_by: str

    @property
    def passed(self) -> bool:
        """Whether some rule was held against figures, and none was broken."""
        return any(each.passed for each in self.outcomes) and all(each.passed is not False for each in self.outcomes)


def outcomes(rules: Rules, evidence: Evidence) -> tuple[Outcome, ...]:
    """Every rule with its figure, in the order of the file's kinds: not worse, minimum, maximum, canary, cost.

    A figure that is not defined on the data breaks its rule: what can't be known is no reason to go live.
    """
    return (
        *(each for rule in rules.not_worse for each in _not_worse(rule, evidence)),
        *(each for rule in rules.minimum for each in _bounded(rule, evidence)),
        *(each for rule in rules.maximum for each in _bounded(rule, evidence)),
        *(_canary(rules.canary, evidence.lift) if rules.canary else ()),
        *((_cost(rules.cost, evidence),) if rules.cost else ()),
    )


def _not_worse(rule: NotWorse, evidence: Evidence) -> Iterator[Outcome]:
    said = f"{rule.metric} not worse than {evidence.against or 'the live judge'} by more than {rule.by:g}"
    places = {f"{each.segment}={each.value}": each.comparison for each in evidence.compared_segments}
    if evidence.compared is not None:
        places[""] = evidence.compared
    for place, sizes in _places(rule.segment, rule.each, {name: each.n_items for name, each in places.items()}):
        if place not in places:
            why = "no item of the segment was graded" if evidence.compared else "there is no judge to hold it against"
            yield Outcome(said, place, None, None, None, -rule.by, rule.read, 0, passed=False, why=why)
        elif rule.each and sizes < rule.least_items:
            yield _left_out(said, place, -rule.by, rule.read, sizes, rule.least_items)
        else:
            yield _told(said, place, _lost(places[place].of(rule.metric)), -rule.by, rule.read, least=True)


def _lost(found: Difference) -> Estimate:
    """The difference as an estimate with more being better. Judges that are alike in every query lose nothing: there is
    no interval, and nothing that one could be about."""
    value, low, high = found.value, found.low, found.high
    if value == 0 and found.why_not == NO_SPREAD:
        low = high = 0.0
    if better(found.name) == "lower":
        value, low, high = _negative(value), _negative(high), _negative(low)
    return Estimate(found.name, value, low, high, found.n_items, found.n_queries, found.why_not)


def _bounded(rule: Minimum | Maximum, evidence: Evidence) -> Iterator[Outcome]:
    least = isinstance(rule, Minimum)
    distance = "distance of " if better(rule.metric) == "near_zero" and not least else ""
    said = f"{distance}{rule.metric}{' from 0' if distance else ''} {'at least' if least else 'at most'} {rule.value:g}"
    places = {f"{each.segment}={each.value}": each.report for each in evidence.segments} | {"": evidence.overall}
    for place, size in _places(rule.segment, rule.each, {name: each.n_items for name, each in places.items()}):
        if place not in places:
            why = "no item of the segment was graded"
            yield Outcome(said, place, None, None, None, rule.value, rule.read, 0, passed=False, why=why)
        elif rule.each and size < rule.least_items:
            yield _left_out(said, place, rule.value, rule.read, size, rule.least_items)
        else:
            found = places[place].of(rule.metric)
            yield _told(said, place, _distance(found) if distance else found, rule.value, rule.read, least=least)


def _distance(found: Estimate) -> Estimate:
    """How far from 0, with the interval of that."""
    if found.value is None or found.low is None or found.high is None:
        value = None if found.value is None else abs(found.value)
        return Estimate(found.name, value, None, None, found.n_items, found.n_queries, found.why_not)
    ends = sorted((abs(found.low), abs(found.high)))
    low = 0.0 if found.low <= 0 <= found.high else ends[0]
    return Estimate(found.name, abs(found.value), low, ends[1], found.n_items, found.n_queries, found.why_not)


def _places(segment: str, each: str, sizes: dict[str, int]) -> list[tuple[str, int]]:
    """Where a rule is looked at, with the items there: everywhere once, in the named segment, or in each."""
    if not each:
        return [(segment, sizes.get(segment, 0))]
    return [(name, size) for name, size in sizes.items() if name.startswith(f"{each}=")] or [(f"{each}=", 0)]


def _left_out(said: str, place: str, limit: float, read: Reading, size: int, least: int) -> Outcome:
    if place.endswith("="):
        return Outcome(
            said, place, None, None, None, limit, read, 0, passed=False, why="the dataset tells no such segment"
        )
    why = f"left out: {size} items, fewer than {least}"
    return Outcome(said, place, None, None, None, limit, read, size, passed=None, why=why)


def _told(said: str, place: str, found: Estimate, limit: float, read: Reading, *, least: bool) -> Outcome:
    decisive = found.value if read == "value" else found.low if least else found.high
    passed = decisive is not None and (decisive >= limit - SLACK if least else decisive <= limit + SLACK)
    why = "" if passed else _broken(found, decisive, limit, read, least=least)
    return Outcome(said, place, found.value, found.low, found.high, limit, read, found.n_items, passed, why)


def _broken(found: Estimate, decisive: float | None, limit: float, read: Reading, *, least: bool) -> str:
    if decisive is None:
        return found.why_not
    what = "the interval reaches" if read == "interval" else "the figure is"
    return f"{what} {decisive:.4g}, {'below' if least else 'above'} {limit:g}"


def _canary(rule: Canary, lift: Lift | None) -> Iterator[Outcome]:
    untried = "the judge was not tried with the present canary set: assay canary"
    if rule.share is not None:
        said = f"attacks that succeed at most {rule.share:g}"
        share = Estimate("share", None, None, None, 0, 0, untried)
        if lift is not None and lift.judged:
            share = Estimate("share", lift.share, lift.low, lift.high, lift.judged, 0)
        yield _told(said, "", share, rule.share, rule.read, least=False)
    if rule.mean_lift is not None:
        said = f"grades won by an attack at most {rule.mean_lift:g} on average"
        known = lift is not None and lift.judged > 0
        mean = Estimate(
            "mean_lift", lift.mean if lift and known else None, None, None, lift.judged if lift else 0, 0, untried
        )
        yield _told(said, "", mean, rule.mean_lift, "value", least=False)


def _cost(rule: Cost, evidence: Evidence) -> Outcome:
    why = "" if evidence.usd_per_pair is not None else "no pair of the run was paid for, so its cost is not known"
    cost = Estimate("usd_per_pair", evidence.usd_per_pair, None, None, evidence.paid, 0, why)
    return _told(f"US dollars a pair at most {rule.usd_per_pair:g}", "", cost, rule.usd_per_pair, "value", least=False)


def _negative(value: float | None) -> float | None:
    return None if value is None else -value
