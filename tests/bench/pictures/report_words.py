"""`docs/picture-report.md`, written of what `report` measured: every number in it comes from there."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path

import numpy as np

from tests.bench.pictures import report_figures as figures
from tests.bench.pictures.report_figures import KINDS, Between, Material, Scored
from tests.bench.pictures.report_run import Ran
from tests.bench.pictures.report_words_copies import UNREAD, copied, flags, told_of
from tests.bench.pictures.report_words_money import money_and_time
from tests.bench.pictures.report_words_student import spoilt, student
from tests.bench.pictures.report_words_tables import ends, filled, percent, table

SHOWN = 5
"""Best and worst pictures that are quoted."""

LETTERS = 6
"""`overlays` from which it is letters that this judge holds against a picture."""

PALE = (
    " They are sharp and cut out on white; what is pale or yellow has no steep edge in the luma there, and the judge "
    "takes that for blur."
)
"""Of the studio pictures that it put low when this was written: a person looked at them."""

COMMAND = "python -m tests.bench.pictures report --out docs/picture-report.md"


def words(ran: Ran, day: date, provenance: str) -> str:
    """The whole page. `provenance`: the data's own sentence on where it is from, with its licence."""
    seen = figures.material(ran)
    chapters = [
        _opening(seen, day),
        _went_in(seen, provenance),
        _technical(seen),
        _scores(seen),
        _examples(seen),
        flags(seen),
        copied(seen),
        student(ran, seen.originals, seen.copies),
        spoilt(ran),
        money_and_time(ran, seen.copies),
        _limits(seen),
    ]
    return filled("\n".join(chapters))


def _opening(seen: Material, day: date) -> str:
    return f"""# Real photographs through the picture side

{len(seen.ran.rows)} photographs of groceries, sent as listings over a real Kafka and PostgreSQL and scored by the
[offline judge](offline-judge.md), then sent again by other sellers with a student live. What is said of scores here
is said of that
judge, which measures pixels and recognises nothing, and of no model that looks. Every number below was computed by
this command, on
{day.day} {day:%B %Y}, from the root of the repository; it takes two to four minutes:

```bash
{COMMAND}    # --pictures DIR: others, with such an index.csv
```

What each part does: [pictures.md](pictures.md).
"""


def _went_in(seen: Material, provenance: str) -> str:
    ran, kinds = seen.ran, Counter(each.kind for each in seen.ran.rows)
    files, listings = len({each.path for each in ran.rows}), Counter(len(each.rows) for each in ran.listings)
    sizes = {kind: [f"{e['width']}x{e['height']}" for e in _measured(ran, kind)] for kind in KINDS}
    usual = {kind: Counter(found).most_common(1)[0][0] for kind, found in sizes.items()}
    told = ", ".join(f"{count} of {pictures}" for pictures, count in sorted(listings.items()))
    states = Counter(f"{each['state']} {each['reason']}".strip() for each in ran.second.tasks)
    ended = ", ".join(f"{count} {state}" for state, count in states.most_common())
    return f"""## What went in, and what came out

{provenance}

The index has {len(ran.rows)} rows ({kinds[KINDS[0]]} from a studio, mostly {usual[KINDS[0]]} pixels;
{kinds[KINDS[1]]} taken with a phone
in shops, mostly {usual[KINDS[1]]}), which name {files} files: {len(ran.rows) - files} rows repeat a file. Each class
is one seller's, {len({e.seller for e in ran.listings})} in all; the
sellers are made up. {len(ran.listings)} listings by number of pictures: {told}; the studio's picture is the main one.
Title,
description and category are the index's (the class's name where it has no title), the category as a path such as
`{ran.rows[0].category}`; {_rubrics(seen)}.

The records went to the topic `listings` by `assay produce listings`, the pictures were fetched over HTTP from a host
on this machine,
and `assay run listings image-score outbox --until-idle` did the rest: once without a student, once with copies of all
listings by 20
resellers. Tasks of both: {ended}. Checked: each picture that was sent has a task that ended, each that is done
has its score in PostgreSQL, and the {len(seen.ran.second.scores):,} scores there and the
{len(seen.ran.second.events):,} events on the topic are the same ones, by id.
"""


def _measured(ran: Ran, kind: str) -> list[dict[str, object]]:
    urls = {ran.url(each.number) for each in ran.rows if each.kind == kind}
    return [dict(each) for each in ran.first.measures if each["url"] in urls]


def _rubrics(seen: Material) -> str:
    used = Counter(each.prompt_version.partition("+")[2].partition("@")[0] for each in seen.originals)
    return "; ".join(
        f"{count} were judged by the rubric `{name}`" if name else f"{count} by the rules alone"
        for name, count in used.most_common()
    )


def _technical(seen: Material) -> str:
    rows = [
        (f"`{name}`", *("  ".join(f"{at:.3g}" for at in np.quantile(by[kind], (0.05, 0.5, 0.95))) for kind in KINDS))
        for name, by in sorted(figures.by_measure(seen.ran).items())
    ]
    refused = Counter(str(each["reason"]) for each in seen.ran.second.tasks if each["state"] == "failed")
    told = ", ".join(f"{count} `{reason}`" for reason, count in refused.most_common()) or "none"
    return f"""## Technical tier

5th, 50th and 95th percentile; refused of all, copies too: {told}. None
of these measures is a score: they say what was measured.

{table(("measure", "studio", "shelf"), rows)}
"""


def _scores(seen: Material) -> str:
    points = sorted({each.score for each in seen.originals})
    counts = {kind: Counter(each.score for each in seen.originals if each.row.kind == kind) for kind in KINDS}
    spread = table(
        ("score", *map(str, points)),
        [
            (name, *(str(counts[kind][at]) for at in points))
            for kind, name in zip(KINDS, ("studio", "shelf"), strict=True)
        ],
    )
    usual = Counter(each.score for each in seen.originals).most_common(1)[0]
    whole = figures.overall(seen.originals)
    rows = [_row(each) for each in (whole, *figures.by_category(seen.originals), *figures.by_aspect(seen.originals))]
    return f"""## Scores

{spread}

{percent(usual[1] / len(seen.originals))} have the score {usual[0]}. Studio beside shelf, means, and the mean over
classes of the studio picture less the shelf pictures of the
same product, with its 95 % interval over classes (overall, by category, by aspect):

{table(("", "studio", "shelf", "studio less shelf", "classes"), rows)}

{_why_so_low(seen)}
"""


def _row(each: Between) -> tuple[str, ...]:
    told = f"{each.difference:+.2f} {ends(each.low, each.high, '+.2f')}".strip()
    return each.name, f"{each.iconic:.2f}", f"{each.natural:.2f}", told, str(each.classes)


def _why_so_low(seen: Material) -> str:
    held = [each for each in seen.originals if each.score == each.aspects["focus"] == min(each.aspects.values())]
    mine = Counter(each.row.kind for each in held)
    return (
        f"Of the studio pictures {mine[KINDS[0]]} have the score of their focus, which is their worst aspect: the "
        "files are small, this judge takes few pixels for little to see, and no score is above focus. Shelf pictures "
        "lose most by background and framing: it can't tell the item from a shelf full of its like."
    )


def _examples(seen: Material) -> str:
    ordered = sorted(seen.originals, key=lambda e: (-e.score, -sum(e.aspects.values()), e.row.path))
    files = list({each.image_hash: each for each in ordered}.values())
    rows = [_quoted(each) for each in (*files[:SHOWN], *files[-SHOWN:])]
    return f"""## Best and worst

Each reasoning ends with what this judge can't tell: "{UNREAD.strip()}" It is left out here.

{table(("picture", "score", "aspects", "reasoning"), rows)}

{_misjudged(seen)}
"""


def _misjudged(seen: Material) -> str:
    """Where a person who looks would not agree, as far as the index lets it be computed."""
    shelf: dict[str, list[int]] = {each.row.class_name: [] for each in seen.originals}
    for each in seen.originals:
        shelf[each.row.class_name] += [each.score] if each.row.kind != KINDS[0] else []
    below = [
        f"`{Path(each.row.path).name}` ({each.score}, focus {each.aspects['focus']})"
        for each in seen.originals
        if each.row.kind == KINDS[0] and each.score < np.mean(shelf[each.row.class_name])
    ]
    letters = [each for each in seen.originals if each.aspects["overlays"] <= LETTERS]
    packed = sum(each.row.category.startswith("Packages") for each in letters)
    return (
        f"Where this judge errs. Studio pictures that it puts below the shelf pictures of the same product: "
        f"{', '.join(below) or 'none'}.{PALE if below else ''} Letters that it takes for laid over the picture "
        f"(`overlays` {LETTERS} or less): {len(letters)} pictures, {packed} of them of packages, whose print they are."
    )


def _quoted(each: Scored) -> tuple[str, ...]:
    low = sorted(each.aspects.items(), key=lambda pair: pair[1])[:3]
    lowest = ", ".join(f"{name} {value}" for name, value in low)
    return (
        f"`{Path(each.row.path).name}`",
        str(each.score),
        f"lowest: {lowest}",
        told_of(each),
    )


def _limits(seen: Material) -> str:
    return f"""## What this shows, and what it doesn't

- The way is whole: {len(seen.ran.rows)} real photographs and as many copies went from a topic to PostgreSQL and to
  a topic again, each to an end that has a name. None was broken: what becomes of hostile files is in
  [pictures.md](pictures.md#fetching) and its tests.
- The scores are those of a program that measures pixels. That studio pictures come out above shelf pictures is what
  its rules ask for, and no proof that a buyer or a model would say so. Nobody has graded these photographs, so
  nothing here says how right a score is.
- Groceries, small files, two kinds of photograph: {len({e.score for e in seen.originals})} of ten scores occur.
  What holds for shoes or used phones is not told, and nobody bought anything, so neither is agreement with buyers.
- The student learnt from that judge and from some hundred pictures. How well one learns from a model that looks is
  to be measured anew; a class's pictures are in one seller's hands, yet shelves of one shop are alike.
- Flags and instructions are shown by their absence only; copies were made by six changes of one strength each, and
  sellers who want to hide do more.
"""
