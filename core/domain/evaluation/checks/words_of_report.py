"""A report of the tiers in words: for a terminal and for the console alike. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from core.domain.evaluation.checks.report import Share, Tier, TierReport

NAMES: Mapping[Tier, str] = {
    "checks": "1 form and grounding",
    "critique": "2 critique by a model",
    "people": "3 people",
}

BY: Mapping[Tier, str] = {"checks": "the checks", "critique": "the critique", "people": "people"}


def share_told(share: Share) -> str:
    """`12 of 80, 15 % (8 to 26)`; a dash where nobody looked."""
    if share.value is None or share.low is None or share.high is None:
        return "–"
    return f"{share.hits} of {share.n}, {share.value:.1%} ({share.low:.1%} to {share.high:.1%})"


def summary(report: TierReport) -> str:
    """One line."""
    asked = f", critique by {report.critic}, ${report.cost_usd:.4f}" if report.critic else ", no critique"
    cut = "" if report.complete else ", which did not see all of its sample"
    lost = f"; of {report.unchecked} the product or guideline is not known any more" if report.unchecked else ""
    return f"{report.judge}: {report.items:,} judgements of {report.told}{asked}{cut}{skipped_told(report)}{lost}"


def skipped_told(report: TierReport) -> str:
    """What the critique could not look at, by the reason; empty where there is nothing of the kind."""
    skipped = {reason: count for row in report.tiers for reason, count in row.skipped.items()}
    told = ", ".join(f"{reason} {count}" for reason, count in sorted(skipped.items()))
    return f"; {sum(skipped.values())} pictures were not looked at again: {told}" if skipped else ""
