"""Postal addresses: a street's word, a house number and a postcode or place where the country writes them.

A street without a postcode is left: films, fabrics and furniture are named after streets.
"""

from __future__ import annotations

import re

from core.domain.privacy_text import small

_NUMBER = r"\d{1,4} ?[a-z]?(?: ?[-/] ?\d{1,4} ?[a-z]?)?"
_GAP = r"(?:\s*[,;·|-]\s*|\s+)"
_PLACE = r"[^\W\d_]{2,30}"
_WORDS = r"(?:[^\W\d_][\w.'’-]{0,25}\s+)"

_SUFFIX = (
    r"(?:stra(?:ß|ss)e|str\.?|weg|platz|allee|gasse|damm|ufer|chaussee|steig|straat|laan|plein|gracht|kade|singel|dijk"
    r"|gatan|vägen|gränd|torget|stigen|gade|vej|gata|veien|katu|tie)"
)
"""How streets end where number and postcode follow: German, Dutch, Swedish, Danish, Norwegian, Finnish."""

_NORTHERN = re.compile(
    rf"\b[\w.-]{{0,30}}(?:{_SUFFIX}|\s(?:straße|strasse|weg|platz|allee))\s+{_NUMBER}{_GAP}"
    rf"(?:[a-z]{{1,2}}-)?(?:\d{{4,5}}|\d{{3}} \d{{2}}|\d{{4}} ?[a-z]{{2}})\s+{_PLACE}",
    re.IGNORECASE,
)
_NORTHERN_END = re.compile(rf"{_SUFFIX}\s+\d")
"""Such an ending in small letters: a look before the whole pattern, which goes back to the word's beginning
everywhere."""

_ENGLISH = re.compile(
    rf"\b\d{{1,5}}[a-z]?\s+{_WORDS}{{1,4}}?(?:street|st|road|rd|avenue|ave|lane|ln|drive|dr|boulevard|blvd|court|ct|close"
    rf"|crescent|way|place|terrace|square|gardens|grove|parkway|pkwy)\b\.?(?:,?\s+(?:apt|unit|flat|suite|#)\.?\s?\w{{1,5}})?"
    rf"{_GAP}(?:{_PLACE}[,\s]{{1,3}}){{0,5}}?(?:[a-z]{{2}}\s+\d{{5}}(?:-\d{{4}})?|[a-z]{{1,2}}\d[a-z\d]?\s?\d[a-z]{{2}})\b",
    re.IGNORECASE,
)
_FRENCH = re.compile(
    rf"\b\d{{1,4}}(?:\s?(?:bis|ter))?,?\s+(?:rue|avenue|av\.|boulevard|bd|place|chemin|allée|impasse|quai|route|cours)\s+"
    rf"[^,;\d]{{2,50}}{_GAP}\d{{5}}\s+{_PLACE}",
    re.IGNORECASE,
)
_SOUTHERN = re.compile(
    rf"\b(?:calle|c/|avenida|avda\.?|plaza|paseo|rua|travessa|largo|via|viale|piazza|corso|vicolo|ul\.|ulica|aleja|al\.)\s*"
    rf"[^,;\d]{{2,50}}{_GAP}(?:n[º°o.]{{1,2}}\s*)?{_NUMBER}(?:,\s*\d[º°]\s?\w?)?{_GAP}"
    rf"(?:\d{{5}}|\d{{4}}-\d{{3}}|\d{{2}}-\d{{3}})\s+{_PLACE}",
    re.IGNORECASE,
)
"""Spanish, Portuguese, Italian, Polish: the kind of street first, then the number, then postcode and place."""

_JAPANESE = re.compile(
    r"(?:〒?\s?\d{3}-\d{4}\s?)?(?:東京都|北海道|京都府|大阪府|[一-龯]{2,3}県)[一-龯ぁ-んァ-ヶー]{1,12}[市区町村郡]"
    r"[一-龯ぁ-んァ-ヶー]{0,20}\d{1,4}(?:丁目|番地|番|号|-)\d{0,4}(?:(?:番地|番|号|-)\d{0,4}){0,2}"
    r"|〒\s?\d{3}-\d{4}"
)
_DIGIT = re.compile(r"\d")
_THREE_DIGITS = re.compile(r"\d(?:\D*+\d){2}")
"""An English address's fewest: a house number and a British postcode."""

_FIVE_DIGITS = re.compile(r"\d(?:\D*+\d){4}")
"""The others' fewest: a house number and a postcode of four."""


def without_addresses(text: str) -> str:
    """The text with each address replaced by `[address]`."""
    if not _DIGIT.search(text):
        return text
    has_five = _FIVE_DIGITS.search(text)
    if has_five and _NORTHERN_END.search(small(text)):
        text = _NORTHERN.sub("[address]", text)
    if _THREE_DIGITS.search(text):
        text = _ENGLISH.sub("[address]", text)
    if has_five:
        text = _SOUTHERN.sub("[address]", _FRENCH.sub("[address]", text))
    return text if text.isascii() else _JAPANESE.sub("[address]", text)
