"""National identity numbers, as far as their own check digits tell them from a catalogue's numbers.

Taken are those that a pattern of digits, a date or letters and a check together make rare by accident. Left out are
plain runs of digits with one check digit (German tax id, Dutch BSN, Polish PESEL, Japanese My Number, Aadhaar): one in
ten or eleven part numbers, and every twelve-digit bar code of some prefix, would pass.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from stdnum.br import cpf
from stdnum.ch import ssn as ahv
from stdnum.cn import ric
from stdnum.es import dni, nie
from stdnum.fi import hetu
from stdnum.fr import nir
from stdnum.it import codicefiscale
from stdnum.kr import rrn
from stdnum.se import personnummer
from stdnum.us import ssn

_IDS: tuple[tuple[re.Pattern[str], Callable[[str], bool]], ...] = tuple(
    (re.compile(rf"(?<![\w.-]){pattern}(?![\w-])", re.IGNORECASE), is_valid)
    for pattern, is_valid in (
        (r"[a-z]{6}\d{2}[a-z]\d{2}[a-z]\d{3}[a-z]", codicefiscale.is_valid),
        (r"[12] ?\d{2} ?[01]\d ?\d[\dab] ?\d{3} ?\d{3} ?\d{2}", nir.is_valid),
        (r"\d{6}[-+]\d{4}|(?:19|20)\d{6}-\d{4}", personnummer.is_valid),
        (r"\d{6}[-+a-fu-y]\d{3}[0-9a-y]", hetu.is_valid),
        (r"\d{3}\.\d{3}\.\d{3}-\d{2}", cpf.is_valid),
        (r"756\.\d{4}\.\d{4}\.\d{2}", ahv.is_valid),
        (r"\d{6}-[1-8]\d{6}", rrn.is_valid),
        (r"[1-9]\d{5}(?:19|20)\d{9}[\dx]", ric.is_valid),
        (r"\d{3}-\d{2}-\d{4}", ssn.is_valid),
        (r"\d{8}-?[a-z]", dni.is_valid),
        (r"[xyz]-?\d{7}-?[a-z]", nie.is_valid),
    )
)
"""Italy, France, Sweden, Finland, Brazil, Switzerland, Korea, China, United States, Spain (both), as written."""


def without_ids(text: str) -> str:
    """The text with each of them replaced by `[id]`."""
    for pattern, is_valid in _IDS:
        text = _without(pattern, is_valid, text)
    return text


def _without(pattern: re.Pattern[str], is_valid: Callable[[str], bool], text: str) -> str:
    return pattern.sub(lambda match: "[id]" if is_valid(match[0]) else match[0], text)
