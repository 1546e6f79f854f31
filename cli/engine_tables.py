"""What `assay engines` prints."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from cli.tables import table
from core.domain.engines import EngineHit
from core.domain.ranking import QueryFigures
from core.engine_ports import Comparison, EngineSummary

SHOWN_QUERIES = 20
"""Queries of the largest differences that are printed; the console and --json have all."""


def hits_table(title: str, hits: Sequence[EngineHit]) -> Table:
    """One engine's results."""
    rows = [(hit.rank, hit.listing_id, (hit.listing or {}).get("title", "")) for hit in hits]
    return table(title, ("rank", "listing", "title by the engine's document"), rows)


def comparison_tables(made: Comparison) -> list[Table]:
    """Measures, differences, queries that differ most, and what the figures do not rest on."""
    return [measures_table(made), differences_table(made), *_queries(made), _coverage(made)]


def measures_table(made: Comparison) -> Table:
    """Each engine's means with their intervals."""
    rows = [
        (
            each.engine,
            _name(each, made.k),
            _figure(each.estimate.value),
            _range(each.estimate.low, each.estimate.high),
            each.estimate.queries,
        )
        for each in made.summaries
    ]
    return table(
        f"Search engines side by side: {made.queries} queries, first {made.k} results",
        ("engine", "measure", "mean", "95 %", "queries"),
        rows,
    )


def differences_table(made: Comparison) -> Table:
    """Each engine minus the baseline, paired by query."""
    rows = [
        (
            each.engine,
            _name(each, made.k),
            _signed(d.value),
            "" if d.low is None or d.high is None else f"{d.low:+.4f} to {d.high:+.4f}",
            "" if d.p is None else f"{d.p:.4f}",
            f"{d.wins} / {d.losses} / {d.ties}",
        )
        for each in made.summaries
        if (d := each.difference) is not None
    ]
    title = f"minus the engine {made.engines[0]}, paired by query"
    return table(title, ("engine", "measure", "difference", "95 %", "p", "higher / lower / same"), rows)


def _queries(made: Comparison) -> list[Table]:
    base = {each.query: each for each in made.figures if each.engine == made.engines[0]}
    found = []
    for engine in made.engines[1:]:
        pairs = [(base[each.query], each) for each in made.figures if each.engine == engine and each.query in base]
        told = sorted(
            ((_gap(a, b), a, b) for a, b in pairs if _gap(a, b)), key=lambda row: (-abs(row[0]), row[1].query)
        )
        rows = [
            (a.query[1], a.query[2], _figure(a.ndcg), _figure(b.ndcg), _signed(gap))
            for gap, a, b in told[:SHOWN_QUERIES]
        ]
        columns = ("market", "query", made.engines[0], engine, "difference")
        found.append(table(f"nDCG@{made.k} differs most, {made.engines[0]} and {engine}", columns, rows))
    return found


def _coverage(made: Comparison) -> Table:
    rows: list[tuple[object, object]] = [
        ("pairs, each once over all engines", made.pairs),
        ("judged", made.judged),
        ("unknown to catalogue and engine", made.unknown),
        *((f"not judged, {state}", count) for state, count in sorted(made.missing.items())),
        *((f"no list, {why}", count) for why, count in sorted(made.failures.items())),
        ("run", made.run_id),
    ]
    return table("what the figures rest on", ("", ""), rows)


def _gap(a: QueryFigures, b: QueryFigures) -> float:
    return 0.0 if a.ndcg is None or b.ndcg is None else b.ndcg - a.ndcg


def _name(each: EngineSummary, k: int) -> str:
    return {"ndcg": f"nDCG@{k}", "precision": f"precision@{k}", "irrelevant": f"irrelevant@{k}"}[each.measure]


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _signed(value: float | None) -> str:
    return "" if value is None else f"{value:+.4f}"


def _range(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{low:.4f} to {high:.4f}"
