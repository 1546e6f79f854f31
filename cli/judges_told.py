"""Judge versions as tables on a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.table import Table

from cli.tables import moment, table
from core.domain.evaluation.report_words import told
from core.domain.evaluation.shadows import ShadowAgreement
from core.domain.judges import JudgeVersion, parameters
from core.eval_ports import JudgeDeed, KeptJudge


def judges_table(judges: Sequence[KeptJudge], live: str, shadows: Mapping[str, float]) -> Table:
    """A line a version."""
    columns = ("judge", "", "mode", "model", "a call", "cascade", "parameters", "added", "by")
    rows = []
    for each in judges:
        made = parameters(each.judge)
        share = shadows.get(each.judge.version)
        state = "live" if each.judge.version == live else f"shadow {share:.1%}" if share else ""
        eyes = "" if made["vision model"] == made["model"] else f", pictures: {made['vision model']}"
        told_of = (made["mode"], made["model"] + eyes, made["products per call"], made["cascade"], made["parameters"])
        rows.append((each.judge.version, state, *told_of, moment(each.at), each.by))
    return table("Judges", columns, rows)


def judge_table(judge: JudgeVersion) -> Table:
    """One version's parameters."""
    return table(judge.version, ("parameter", "value"), list(parameters(judge).items()))


def changes_table(one: JudgeVersion, other: JudgeVersion, changed: Sequence[tuple[str, str, str]]) -> Table:
    """Parameters that differ."""
    return table("Parameters that differ", ("parameter", one.version, other.version), changed)


def deeds_table(deeds: Sequence[JudgeDeed]) -> Table:
    """Who did what, when and why."""
    rows = [
        (
            moment(deed.at),
            deed.act,
            deed.version,
            f"{deed.share:.1%}" if deed.act == "shadow" else "",
            deed.by,
            deed.why,
            (deed.gate_id or "forced, no gate") if deed.act == "promote" else "",
        )
        for deed in deeds
    ]
    return table("What was done", ("at", "deed", "judge", "share", "by", "why", "gate"), rows)


def shadows_table(shadows: Sequence[tuple[JudgeVersion, float]]) -> Table:
    """Who is in the shadow."""
    rows = [(judge.version, f"{share:.1%}") for judge, share in shadows]
    return table("In the shadow", ("judge", "share of the live work"), rows)


def agreement_table(found: Sequence[ShadowAgreement]) -> Table:
    """How candidates agree with the live judge, each figure with its 95 % interval over queries."""
    columns = ("judge", "beside", "of", "judged", "queries", "same", "quadratic kappa", "far apart", "mean difference")
    rows = [
        (
            each.judge,
            each.live or "before versions",
            "pairs" if each.kind == "relevance" else "pictures",
            each.pairs,
            each.queries,
            *(told(figure) for figure in (each.same, each.quadratic_kappa, each.hard, each.bias)),
        )
        for each in found
    ]
    return table("Agreement with the live judge", columns, rows)
