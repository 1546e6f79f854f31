"""The page on attacked listings: what each judge let pass, and every case with its texts and verdicts."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from aiohttp import web

from core.canary import load_canaries
from core.console import params
from core.console.site import SITE, page
from core.domain.canary import ALL, CanaryRun, JudgedCase, Lift, Told, lifts

SHOWN_CHARS = 700
"""Characters of a text shown: the stuffed ones go on alike for thousands."""


@dataclass(frozen=True, slots=True)
class ShownCase:
    """One case as the page tells it; texts by field name, empty where the set has changed since it was judged."""

    judged: JudgedCase
    query: str
    honest: Mapping[str, str]
    attacked: Mapping[str, str]


async def safety(request: web.Request) -> web.Response:
    """The newest judges' lifts; of one of them every case."""
    runs = await request.app[SITE].reads.canary_runs()
    places = [str(number) for number in range(len(runs))]
    wanted = int(params.choice(request, "run", places, "0"))
    kind = params.text(request, "kind")
    judges = [(run, _whole(run)) for run in runs]
    run = runs[wanted] if runs else None
    by_kind = lifts(each.outcome for each in run.judged) if run else []
    cases = [] if run is None else [each for each in shown_cases(run) if kind in {"", ALL, each.judged.outcome.kind}]
    return page(
        request, "safety.html", judges=judges, run=run, wanted=wanted, lifts=by_kind, cases=cases, kind=kind or ALL
    )


def shown_cases(run: CanaryRun) -> list[ShownCase]:
    """The run's cases with their texts, those that succeeded or have no grade first."""
    texts = _texts() if run.judge.set_version == load_canaries().version else {}
    nothing: tuple[str, Mapping[str, str], Mapping[str, str]] = ("", {}, {})
    cases = [ShownCase(each, *texts.get(each.outcome.case_id, nothing)) for each in run.judged]
    return sorted(cases, key=lambda case: (not case.judged.outcome.succeeded, not case.judged.outcome.failure))


def visible(text: str) -> str:
    """The text with what can't be seen written as its code point, and its end cut off."""
    shown = "".join(_visible(character) for character in text[:SHOWN_CHARS])
    left = len(text) - SHOWN_CHARS
    return f"{shown} … and {left} characters more" if left > 0 else shown


def _texts() -> dict[str, tuple[str, Mapping[str, str], Mapping[str, str]]]:
    return {
        case.id: (query.query, _fields(query.listings[case.listing]), _fields(case.change))
        for query in load_canaries().queries
        for case in query.attacks
    }


def _fields(told: Told) -> dict[str, str]:
    fields = ((name, _text(value)) for name, value in msgspec.structs.asdict(told).items() if value)
    return {name: visible(text) for name, text in fields}


def _text(value: object) -> str:
    return "; ".join(f"{name}: {told}" for name, told in value.items()) if isinstance(value, dict) else str(value)


def _visible(character: str) -> str:
    hidden = unicodedata.category(character) in {"Cf", "Cc", "Co", "Cn", "Mn"} and character != "\n"
    return f"[U+{ord(character):04X}]" if hidden else character


def _whole(run: CanaryRun) -> Lift:
    return lifts(each.outcome for each in run.judged)[0]
