"""What a stand-in provider can be told to be: every field is an option of the command (`--requests-per-minute`, …)."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

Charge = Literal["used", "asked", "settled"]
Fault = Literal[
    "500", "502", "503", "529", "reset", "hang", "drip", "invalid_json", "invalid_body", "wrong_items",
    "missing_item", "refusal", "content_filter", "truncated",
]  # fmt: skip
FAULTS: tuple[Fault, ...] = get_args(Fault)
SERVER_ERRORS: tuple[Fault, ...] = ("500", "502", "503", "529")


@dataclass(frozen=True)
class Knobs:
    """One provider. Limits 0: none. Seconds, milliseconds, shares of 1 and US dollars as the names say."""

    port: int = 0
    requests_per_minute: int = 0
    tokens_per_minute: int = 0
    burst_s: float = 60.0
    """How much of a minute's amount may come at once: 60 as most providers say, 1 as some then enforce it."""
    start: float = 1.0
    """How full the buckets are at the first call."""
    charge: Charge = "used"
    """What a call takes from the tokens: `asked` its input and its output limit, for good; `settled` the same, put
    right at its end; `used` its input at its beginning and its output at its end."""
    median_ms: float = 400.0
    p99_ms: float = 1_500.0
    """Latency is lognormal; both the same: always that."""
    seed: int = 1
    faults: str = ""
    """Shares of calls, such as `500=0.01,reset=0.02`; `server_error` is 500, 502, 503 and 529 in equal parts."""
    storm_at: float = 0.0
    storm_for: float = 0.0
    """429 to everything for so long, from so many seconds after the first call."""
    storm_retry_s: float = 0.0
    """Its Retry-After; 0: until its end."""
    cache_s: float = 300.0
    """A prefix is forgotten when nobody has sent it for so long."""
    numbered: bool = False
    """Each answer's `system_fingerprint` is its own number: a label and a ledger's row then name their answer."""
    kept_bodies: int = 0
    """The first requests for judgements are kept for `/_bodies`."""
    batch_delay_s: float = 0.0
    """From the creation of a batch to its end."""
    with_parent: bool = False
    """End when standard input does."""

    def shares(self) -> Mapping[Fault, float]:
        """Every fault's share of the calls."""
        found: dict[Fault, float] = dict.fromkeys(FAULTS, 0.0)
        for told in filter(None, self.faults.split(",")):
            name, _, share = told.partition("=")
            for fault in SERVER_ERRORS if name == "server_error" else [fault for fault in FAULTS if fault == name]:
                found[fault] += float(share) / (4 if name == "server_error" else 1)
        if unknown := {told.partition("=")[0] for told in self.faults.split(",") if told} - {*FAULTS, "server_error"}:
            raise ValueError(f"no such fault: {', '.join(sorted(unknown))}")
        return found

    def arguments(self) -> list[str]:
        """The options that make these."""
        given: list[str] = []
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value != field.default:
                given += [_option(field.name)] if value is True else [_option(field.name), str(value)]
        return given


def parsed(arguments: Sequence[str] | None = None) -> Knobs:
    """From the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.provider")
    for field in dataclasses.fields(Knobs):
        if field.default is False:
            parser.add_argument(_option(field.name), action="store_true")
        else:
            choices = get_args(Charge) if field.name == "charge" else None
            parser.add_argument(_option(field.name), type=type(field.default), default=field.default, choices=choices)
    return Knobs(**vars(parser.parse_args(arguments)))


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")
