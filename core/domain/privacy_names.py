"""Names of persons, where the text itself says that it names one.

A name alone is never taken: in a catalogue it is a brand (Calvin Klein), a figure (Mr. Potato Head) or an author.
Taken are a given name with a family name after a word that introduces a person ("contact", "my name is") or a form of
address, and a form of address with any name after such a word.
"""

from __future__ import annotations

import re

from core.domain.given_names import GIVEN_NAMES
from core.domain.privacy_text import small

_CUE = (
    r"(?:contact|kontakt\w{0,6}|ansprechpartner(?:in)?|name|seller|verkäufer(?:in)?|vendeu(?:r|se)|vendedora?|venditore"
    r"|säljare|verkoper|sprzedawca|ask for|call|ring|anrufen bei|melden bei|frag(?:en)? nach|nombre|nom|naam|namn"
    r"|contacto|contatto|contacte[rz]|demande[rz]|my name is|mein name ist|ich hei(?:ß|ss)e|ich bin|je m['’]appelle"
    r"|je suis|me llamo|mi chiamo|jag heter|mijn naam is|nazywam się|regards|grüße von|grüßen)"
)
_FORM = r"(?:mr|mrs|ms|herrn?|frau|mme|mlle|monsieur|madame|señora?|srta|sra?|signora?|sig|dhr|mevrouw|pani?|dr|prof)"
_NAME = r"[^\W\d_][^\W\d_'’-]{1,24}(?:[-'’][^\W\d_]{2,24})?"

_LOOK = re.compile(rf"(?<!\w)(?:{_CUE}|{_FORM})")
"""What all three patterns begin with, for text in small letters: a look that costs a sixth of theirs."""

_INTRODUCED = re.compile(rf"\b({_CUE}[\s:,-]{{1,3}}(?:{_FORM}\.?\s+){{0,2}})({_NAME})(\s+{_NAME})", re.IGNORECASE)
_ADDRESSED = re.compile(rf"\b({_FORM}\.?\s+(?:{_FORM}\.?\s+)?)({_NAME})(\s+{_NAME})", re.IGNORECASE)
_BOTH = re.compile(rf"\b({_CUE}[\s:,-]{{1,3}}{_FORM}\.?\s+)({_NAME})", re.IGNORECASE)
_JAPANESE = re.compile(
    r"((?:担当者?|氏名|お名前|連絡先|出品者|購入者)\s?[:はが]\s?)[一-龯ぁ-んァ-ヶー]{1,5} ?[一-龯ぁ-んァ-ヶー]{1,5}"
)


def without_names(text: str) -> str:
    """The text with each such name replaced by `[name]`; the word that introduces it stays."""
    if _LOOK.search(small(text)):
        text = _INTRODUCED.sub(_named, text)
        text = _ADDRESSED.sub(_named, text)
        text = _BOTH.sub(r"\1[name]", text)
    return text if text.isascii() else _JAPANESE.sub(r"\1[name]", text)


def _named(match: re.Match[str]) -> str:
    given = match[2].casefold().split("-")[0]
    return f"{match[1]}[name]" if given in GIVEN_NAMES else match[0]
