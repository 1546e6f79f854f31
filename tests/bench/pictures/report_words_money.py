"""The chapter of `report` on calls, tokens, money and time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.adapters.llm_prices import load_prices
from core.domain.money import cost, usd
from tests.bench.pictures.report_figures import Scored
from tests.bench.pictures.report_run import Left, Ran
from tests.bench.pictures.report_words_tables import percent, table

MODEL = "gpt-4.1"
"""The estimate's: its pictures count in tokens by the rule that the offline judge counts by."""

COUNTS = ("calls", "input", "cached", "output")
MILLION = 1_000_000


def money_and_time(ran: Ran, copies: Sequence[Scored]) -> str:
    """Two runs, and what the calls would have cost elsewhere."""
    first, both = _counts(ran.first), _counts(ran.second)
    second = {name: both[name] - first[name] for name in COUNTS}
    prices = load_prices().of(None)
    judged = sum(each.said is not None for each in copies)
    pictures = {"listings, no student": len(ran.rows), "copies, all to the judge": judged}
    rows = [
        _row(name, each, pictures[name], left.seconds)
        for (name, each, left) in zip(pictures, (first, second), (ran.first, ran.second), strict=True)
    ]
    columns = (
        "run",
        "pictures judged",
        "calls",
        "tokens in",
        "of them cached",
        "out",
        "seconds",
        f"at {MODEL}'s price",
    )
    each = _price(first) / len(ran.rows)
    return f"""## Time and money

{table(columns, rows)}

Calls without an answer: {ran.second.calls["not_ok"]}. Seconds are of the whole process, start and end included, on a
machine of two cores that the judge, the broker, PostgreSQL and
others shared: [benchmarks.md](benchmarks.md) has measurements. Training took {ran.train_s:.0f} s, the spoilt pictures
{ran.spoilt_s:.0f} s.

The price is an estimate: tokens as the offline judge counts them (four characters each; pictures as {MODEL} is
billed), its short replies,
the price list of {prices.version} read on {prices.read_on}. That is ${each:.4f} a picture, ${each * MILLION:,.0f} for
a million; a model that reasons at length writes more,
and cached tokens ({percent(first["cached"] / max(1, first["input"]))} of the input here) are the provider's to give.
"""


def _counts(left: Left) -> Mapping[str, int]:
    return {name: int(str(left.calls[name])) for name in COUNTS}


def _price(counts: Mapping[str, int]) -> float:
    price = load_prices().of(None).price(MODEL)
    return usd(cost(price, counts["input"], counts["cached"], counts["output"]))


def _row(name: str, counts: Mapping[str, int], pictures: int, seconds: float) -> tuple[str, ...]:
    told = (pictures, *(counts[each] for each in COUNTS))
    return name, *(f"{each:,}" for each in told), f"{seconds:.0f}", f"${_price(counts):.2f}"
