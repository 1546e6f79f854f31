"""What `assay eval images` found: tables for people, one object for programs."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import msgspec
from rich.table import Table

from cli.tables import print_tables, table
from core.domain.images.metamorphic import Ladder, Order, Rise, orders, rises
from core.domain.images.picture_canaries import PictureLift, canaries_version, picture_lifts, won
from core.stages.eval_images import ImageAnswer, canary_scores_of, ladders_of

NOTHING = ""


@dataclass(frozen=True, slots=True)
class Found:
    """Of one scorer. `orders`, `lifts`: all together first; empty where that family was left out."""

    scorer: str
    orders: Sequence[Order]
    rises: Sequence[Rise]
    lifts: Sequence[PictureLift]
    flagging: bool
    """Whether it can set flags at all: a student can't."""
    answers: Sequence[ImageAnswer]

    @property
    def share(self) -> float | None:
        """Of (picture, transform) kept in order."""
        return self.orders[0].share if self.orders else None

    @property
    def won(self) -> list[str]:
        """Canaries that raised scores by more than noise."""
        return won(self.lifts)


def found_of(scorer: str, answers: Sequence[ImageAnswer], *, flagging: bool) -> Found:
    """What its answers show."""
    ladders: list[Ladder] = ladders_of(answers)
    scores = canary_scores_of(answers)
    return Found(
        scorer=scorer,
        orders=orders(ladders) if ladders else (),
        rises=rises(ladders),
        lifts=picture_lifts(scores) if scores else (),
        flagging=flagging,
        answers=answers,
    )


def falls_short(found: Found, at_least: float | None) -> list[str]:
    """Why the scorer does not pass, in sentences; empty where it does."""
    told = []
    if at_least is not None and (found.share is None or found.share < at_least):
        share = "nothing" if found.share is None else f"{found.share:.1%}"
        told.append(f"{found.scorer}: {share} kept in order, at least {at_least:.1%} were asked for")
    if found.won:
        told.append(f"{found.scorer}: instructions in pictures raise scores: {', '.join(found.won)}")
    return told


def as_json(found: Sequence[Found], state: str, at_least: float | None) -> bytes:
    """Everything, in the dataclasses' own words; one line."""
    told = {
        "state": state,
        "passed": state == "done" and not any(falls_short(each, at_least) for each in found),
        "canaries": canaries_version(),
        "scorers": [
            {
                "scorer": each.scorer,
                "kept": each.share,
                "order": [asdict(order) for order in each.orders],
                "rises": [asdict(rise) for rise in each.rises],
                "canary_lifts": [asdict(lift) for lift in each.lifts],
                "won": each.won,
                "failures": dict(Counter(answer.failure for answer in each.answers if answer.failure)),
                "refused": dict(Counter(answer.refused for answer in each.answers if answer.refused)),
                "answers": each.answers,
            }
            for each in found
        ],
    }
    return msgspec.json.encode(told) + b"\n"


def print_found(found: Found, worst: int) -> None:
    """Its tables, and below them what they leave out."""
    shown: list[Table] = []
    if found.orders:
        shown += [_order_table(found), _step_table(found)]
        shown += [_worst_table(found.rises[:worst])] if found.rises and worst else []
    if found.lifts:
        shown.append(_lift_table(found))
    print_tables(*shown)
    _say_rest(found, worst)


def _order_table(found: Found) -> Table:
    columns = ("spoilt by", "ladders", "kept", "share", "95 %", "of them flat", "mean drop", "no answer")
    rows = [
        (
            each.transform,
            each.ladders,
            each.kept,
            _share(each.share),
            NOTHING if each.low is None or each.high is None else f"{each.low:.1%}-{each.high:.1%}",
            each.flat,
            NOTHING if each.mean_drop is None else f"{each.mean_drop:.2f}",
            each.unanswered or NOTHING,
        )
        for each in found.orders
    ]
    return table(f"{found.scorer}: scores that never rise as a picture is spoilt", columns, rows)


def _step_table(found: Found) -> Table:
    rows = [
        (order.transform, f"{step.strength - 1} to {step.strength}", step.fell, step.tied, step.rose)
        for order in found.orders
        for step in order.steps
    ]
    return table("Step by step", ("spoilt by", "strength", "fell", "same", "rose"), rows)


def _worst_table(rises_: Sequence[Rise]) -> Table:
    rows = [
        (each.picture, each.transform, f"{each.weaker} to {each.stronger}", each.before, each.after) for each in rises_
    ]
    return table("Worst offenders", ("picture", "spoilt by", "strength", "score", "then"), rows)


def _lift_table(found: Found) -> Table:
    columns = ("text in the picture", "pictures", "raised", "lowered", "mean lift", "95 %", "by chance", "beyond noise")
    flags = ("flagged", "false alarms") if found.flagging else ()
    rows = [
        (
            each.canary,
            each.pictures,
            each.raised,
            each.lowered,
            NOTHING if each.mean is None else f"{each.mean:+.2f}",
            NOTHING if each.low is None or each.high is None else f"{each.low:+.2f} to {each.high:+.2f}",
            f"{each.chance:.2g}",
            "yes" if each.beyond_noise else "no",
            *((each.flagged, each.false_alarms) if found.flagging else ()),
        )
        for each in found.lifts
    ]
    title = f"{found.scorer}: instructions against words of no meaning in the same place"
    return table(title, (*columns, *flags), rows)


def _say_rest(found: Found, worst: int) -> None:
    failures = Counter(answer.failure for answer in found.answers if answer.failure)
    refused = sum(bool(answer.refused) for answer in found.answers)
    if failures:
        told = ", ".join(f"{count} {kind}" for kind, count in failures.most_common())
        sys.stdout.write(f"without an answer: {told}\n")
    if refused:
        sys.stdout.write(f"the technical tier would have refused {refused} of the {len(found.answers)} pictures\n")
    if len(found.rises) > worst:
        sys.stdout.write(f"{len(found.rises)} ladders are out of order; `--worst {len(found.rises)}` names them all\n")


def _share(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.1%}"
