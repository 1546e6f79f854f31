"""The chapters of `report` on flags, and on re-encoded copies."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from tests.bench.pictures import report_figures as figures
from tests.bench.pictures.report_figures import Change, Material, Scored
from tests.bench.pictures.report_shop import CROPPED, MIRRORED, SAME, SMALL_CHANGES
from tests.bench.pictures.report_words_tables import cell, share, table

SHOWN = 5
"""Flagged pictures that are quoted."""

UNREAD = " Whether it is the listed item or a good render, and what letters in it say, can't be measured."
"""Ends each reasoning of the offline judge; said once below."""


def told_of(each: Scored) -> str:
    """Its reasoning, for a table."""
    return cell(each.reasoning.replace(UNREAD, ""))


def flags(seen: Material) -> str:
    """Flags raised, all of them on photographs."""
    found = [(each, flag) for each in (*seen.originals, *seen.copies) for flag in each.flags]
    rows = [(f"`{Path(e.row.path).name}`", e.row.kind, f"`{flag}`", told_of(e)) for e, flag in found]
    told = "\n\n" + table(("picture", "kind", "flag", "reasoning"), rows[:SHOWN]) if rows else ""
    counted = Counter(flag for _, flag in found)
    raised = ", ".join(f"{count} `{flag}`" for flag, count in counted.most_common()) or "none"
    return f"""## Flags

All of these are photographs, and none has an instruction in it, so each flag `ai_made` or `instructions` is a false
one (a studio may
have edited its pictures). Raised on {len(seen.originals)} originals and {len(seen.copies)} copies: {raised}.{told}

Nothing here is generated or says a word to a judge, so this shows false alarms and no finds.
"""


def copied(seen: Material) -> str:
    """Copies: how stable the score is, and whether they are found."""
    rows = [
        (
            each.name,
            str(each.copies),
            share(each.same),
            share(each.near),
            f"{each.mean:+.2f}",
            f"{each.found} of {each.copies}",
        )
        for each in seen.changes
    ]
    told = {each.name: each for each in seen.changes}
    small = [told[name] for name in SMALL_CHANGES]
    lost = sum(each.copies - each.found for each in small)
    wrong, other = (sum(getattr(each, name) for each in seen.changes) for name in ("wrong", "other"))
    return f"""## Re-encoded copies: same score, and found

Each picture was sent again by a reseller, changed in one of six ways (by its place in the index). The judge's score
beside that of the
original, intervals by product; found: the service says that it looks like its original (`assay.near_duplicates`).

{table(("change", "copies", "same score", "within one point", "mean change", "found"), rows)}

`{SAME}` is known by its hash: {figures.reused(seen.copies)} of {told[SAME].copies} took the known score without a
call. Of copies that are only saved anew or resized {lost} were missed; of those
{CROPPED} {told[CROPPED].copies - told[CROPPED].found}. {MIRRORED.capitalize()} ones are not found by design,
{told[MIRRORED].found} were. False: {wrong} copies are said to look like a picture of another product, {other} like
another picture of the
same product; among the originals alone, of {len({e.seller for e in seen.ran.listings})} sellers,
{figures.false_alikes(seen.ran)} look-alikes were reported.

{_half(told[SMALL_CHANGES[-1]])}
"""


def _half(each: Change) -> str:
    return (
        f"At half the size {share(each.same)} keep their score; the mean change is {each.mean:+.2f}. That is meant, "
        "since fewer pixels show less, and it is why by default only the same bytes share a judgement "
        "(`ASSAY_IMAGE_SHARE_DISTANCE`): a perceptual hash does not see the size."
    )
