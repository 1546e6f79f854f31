"""The chapters of `report` on the student, and on pictures that are spoilt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from core.domain.evaluation import estimates as names
from core.domain.images.metamorphic import ALL, Order, Rise
from core.domain.images.student_figures import WITHIN_ONE, Figures
from tests.bench.pictures import report_figures as figures
from tests.bench.pictures.report_figures import OnCopies, Scored
from tests.bench.pictures.report_run import Ran
from tests.bench.pictures.report_words_tables import ends, estimate, percent, table

COLUMNS = ("", "pictures", "sellers", "rank correlation", "quadratic kappa", "exact", "within one", "mean bias")
METRICS = (names.RANK_CORRELATION, names.QUADRATIC_KAPPA, names.EXACT, WITHIN_ONE, names.MEAN_BIAS)
FLAT = 0.5
"""Share of scores that never move from which a scorer is called blind to what spoils a picture."""


class Spoilt(msgspec.Struct):
    """Of one scorer, as `assay eval images --json` tells it."""

    scorer: str
    order: Sequence[Order]
    rises: Sequence[Rise]
    refused: Mapping[str, int]


def student(ran: Ran, originals: Sequence[Scored], copies: Sequence[Scored]) -> str:
    """How it does on sellers it never saw, and on copies."""
    report, on_copies = figures.student_report(ran), figures.on_copies(ran, originals, copies)
    told = msgspec.convert(ran.student["metadata"], dict[str, object])
    rows = [_row(each) for each in (report.student, *report.baselines, *on_copies.beside)]
    spreads = sorted(each.said.spread or 0.0 for each in copies if each.said)
    at = {part: spreads[int(part * (len(spreads) - 1))] for part in (0.05, 0.5, 0.95)}
    return f"""## The student

`assay image-score train --promote` trained it on {told["pictures"]} pictures of {told["sellers"]} sellers and
measured it on {told["held_back"]} of {told["held_back_sellers"]} others (each file counts once).
Then it was live while the copies came: it scored {on_copies.said} of them (the rest were known by their bytes), and
of those
{on_copies.student_first} have its event on the topic first and the judge's last. (For this report every picture it
scored went to the judge,
`ASSAY_IMAGE_LABEL_RANDOM_SHARE=1`, so that both can be compared; the default is 0.05.) Against the judge's scores:

{table(COLUMNS, rows)}

Of held-back labels {percent(report.coverage)} lie within its spread (68 % are to be) and
{percent(report.coverage_twice)} within twice (95 %). Its spread on copies:
{at[0.05]:.2f}, {at[0.5]:.2f}, {at[0.95]:.2f}
(5th, 50th, 95th percentile); on {on_copies.unsure} of {on_copies.said} it is unsure enough to ask the judge, where
15 % were aimed at; on {on_copies.unsure_halved} of the {on_copies.halved} of half the size.{_strange(on_copies)}
{_beside_one_figure(report.student, report.baselines[-1])}
"""


def _row(each: Figures) -> tuple[str, ...]:
    return each.name, str(each.pictures), str(each.sellers), *(estimate(each.metrics[name]) for name in METRICS)


def _strange(found: OnCopies) -> str:
    """Where it does worse on what it has not seen the like of."""
    usual, halved = (found.beside[at].metrics[names.EXACT].value for at in (0, -1))
    if usual is None or halved is None or halved >= usual:
        return ""
    told = (
        " There it fails: the judge takes points off for few pixels, and no picture that it learnt from was so small."
    )
    if found.unsure_halved * 2 < found.halved:
        told += (
            " Nor does its doubt say so: trees give a strange picture the score of a known one. The random share does."
        )
    return told


def _beside_one_figure(mine: Figures, single: Figures) -> str:
    one, other = (each.metrics[names.RANK_CORRELATION] for each in (mine, single))
    if one.value is None or other.value is None:
        return ""
    if other.low is not None and other.high is not None and other.low <= one.value <= other.high:
        return (
            f"It does not order these pictures clearly better or worse than one figure of the pixels, {single.name}: "
            "what this judge says of them hangs on little, and the pictures are few."
        )
    better = "better" if one.value > other.value else "worse"
    return f"It orders these pictures {better} than the best single figure, {single.name}."


def spoilt(ran: Ran) -> str:
    """Shares kept in order, of the judge and the student."""
    scorers = msgspec.convert(ran.spoilt["scorers"], list[Spoilt])
    named = ["the offline judge", *["the student"] * (len(scorers) - 1)]
    rows = [_kept(name, order) for name, each in zip(named, scorers, strict=True) for order in each.order]
    columns = ("scorer", "spoilt by", "ladders", "kept in order", "95 %", "of them flat", "mean drop")
    told = "\n".join(f"- {_said(name, each)}" for name, each in zip(named, scorers, strict=True))
    pictures = len({(answer["picture"]) for answer in _answers(ran)})
    return f"""## Spoilt pictures

`assay eval images --pictures … --only order` on {pictures} of the photographs, chosen by a hash of their names: each
blurred, darkened, saved as a worse
JPEG, shrunk and covered, at three strengths; a score must not rise on the way
([pictures.md](pictures.md#spoilt-pictures-keep-their-order)).

{table(columns, rows)}

{told}
"""


def _answers(ran: Ran) -> list[dict[str, object]]:
    scorers = msgspec.convert(ran.spoilt["scorers"], list[dict[str, object]])
    return msgspec.convert(scorers[0]["answers"], list[dict[str, object]])


def _kept(name: str, order: Order) -> tuple[str, ...]:
    value = "" if order.share is None else f"{order.share:.1%}".replace("%", " %")
    apart = ends(order.low, order.high, ".3f")
    drop = "" if order.mean_drop is None else f"{order.mean_drop:.2f}"
    return name, order.transform, str(order.ladders), value, apart, str(order.flat), drop


def _said(name: str, each: Spoilt) -> str:
    whole = next(order for order in each.order if order.transform == ALL)
    worst = "; ".join(
        f"`{rise.picture.rpartition('/')[2]}`, {rise.transform} {rise.weaker} to {rise.stronger}: "
        f"{rise.before} to {rise.after}"
        for rise in each.rises[:4]
    )
    named = f" ({worst})" if worst else ""
    told = f"{name}: {whole.ladders - whole.kept} of {whole.ladders} ladders are out of order{named}."
    if whole.ladders and whole.flat / whole.ladders >= FLAT:
        told += (
            f" {whole.flat} never move at all: it is blind to what spoils a picture, because none of the pictures it "
            "learnt from is spoilt. What it keeps in order says nothing for it. A shop's own pictures have bad ones "
            "among them; until a student has seen some, the judge has to look at them, and its random share is what "
            "does."
        )
    return told[0].upper() + told[1:]
