"""Personal data in text: found in queries (which are then never chosen), masked in what leaves for an LLM.

What is found, in this order: e-mail addresses, bank accounts (IBAN), payment cards, national identity numbers,
telephone numbers, postal addresses, names of persons where the text says that it names one. Precision comes first,
because catalogues are full of long numbers and of brands that are persons' names: what each pattern finds and what it
takes wrongly on real catalogues is measured in docs/safety.md (`python -m tests.bench.screening`). Why no library: ADR
0018.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Literal, get_args

import phonenumbers
from stdnum import ean, iban, luhn

from core.domain.privacy_addresses import without_addresses
from core.domain.privacy_ids import without_ids
from core.domain.privacy_names import without_names
from core.domain.privacy_text import small

Kind = Literal["email", "iban", "card", "phone", "id", "address", "name"]

_EMAIL = re.compile(r"[\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
_IBAN = re.compile(r"(?<![\w])[a-z]{2}\d{2}(?: ?[a-z0-9]{4}){2,7}(?: ?[a-z0-9]{1,3})?(?![\w])", re.IGNORECASE)
_CARD = re.compile(r"(?<![\w])(?:[2-6](?:[ -]?\d){14,18})(?![\w])")
"""14 to 19 digits of a card network's range; 13 is left to bar codes (EAN-13), which catalogues are full of."""

_DIGITS = re.compile(r"(?:\d\D{0,3}){7}")
"""Fewer than 7 digits close together are no telephone number anywhere: a cheap look before the real one."""

_MIN_CARD_DIGITS = 15
"""American Express has 15, all others in use 16 or more."""

_CALL = (
    r"(?:tele(?:ph|f)on\w*|tel|phone|mobile?|mobil\w*|cell|call|fax|sms|text|whats ?app|ruf\w*|anruf\w*"
    r"|handy|ring|appele[rz]|llam\w*|chiam\w*|contact\w*|kontakt\w*)\b|電話|携帯|☎|📞"
)
_CALLED = re.compile(rf"(?:(?<!\[)\b{_CALL})\W{{0,3}}(?:\w{{1,8}}\W{{1,3}}){{0,2}}$", re.IGNORECASE)
"""Words that announce a number, at most two short words before it."""

_DIALLED = re.compile(r"\+|00\d|\(|0\d|\d{2,4}(?:[ -]\d{2,4}){1,4}$")
"""How numbers are written that somebody dials: with the plus, the trunk 0 or brackets, or in groups. Sizes, ranges and
frequencies ("1680 x 1050", "0.85 - 1.36") are none, though they may be valid numbers somewhere."""

_MAYBE_DIALLED = re.compile(r"[+(]|(?<!\d)0\d|(?<!\d)\d{2,4}[ -]\d{2,4}(?!\d)")
_MAYBE_CALLED = re.compile(rf"\b{_CALL}")
"""A look whether `_DIALLED` or `_CALLED`, the latter in small letters, can hold anywhere in a text: three of four
catalogue texts with seven digits have neither, and go without the search for numbers, which takes 0.1 ms."""

_CALLED_WITHIN = 30
"""Characters before a bare number in which such a word is looked for."""

_BAR_CODE_DIGITS = 12
"""Of the shortest bar code that is mistaken for a number with trunk 0 (UPC-A), if its check digit is right."""

_MASK = re.compile(rf"\[({'|'.join(get_args(Kind))})\]")


def has_personal_data(text: str, market: str) -> bool:
    """Whether the text holds anything that `screened` masks."""
    return screened(text, market) != text


def screened(text: str, market: str) -> str:
    """The text with personal data replaced by `[email]`, `[iban]`, `[card]`, `[phone]`, `[id]`, `[address]`, `[name]`.

    `market` is read as a country (ISO 3166 letters) where it is one; else only international numbers are found.
    """
    if "@" in text:
        text = _EMAIL.sub("[email]", text)
    if _DIGITS.search(text):
        text = _CARD.sub(_card, _IBAN.sub(_iban, text))
        text = _without_phones(without_ids(text), market)
    return without_names(without_addresses(text))


def masked(text: str) -> Counter[str]:
    """How many masks of each kind stand in a text: what was found in it, without a word of what it was."""
    return Counter(_MASK.findall(text)) if "[" in text else Counter()


def _card(match: re.Match[str]) -> str:
    digits = re.sub(r"\D", "", match[0])
    return "[card]" if len(digits) >= _MIN_CARD_DIGITS and luhn.is_valid(digits) else match[0]


def _iban(match: re.Match[str]) -> str:
    return "[iban]" if iban.is_valid(match[0]) else match[0]


def _without_phones(text: str, market: str) -> str:
    region = market.upper() if market.upper() in phonenumbers.SUPPORTED_REGIONS else None
    if not (_MAYBE_DIALLED.search(text) or _MAYBE_CALLED.search(small(text))):
        return text
    if region is None and "+" not in text and "＋" not in text:  # the search finds international numbers alone
        return text
    for found in reversed(list(phonenumbers.PhoneNumberMatcher(text, region, leniency=phonenumbers.Leniency.VALID))):
        if _is_dialled(found.raw_string, text[max(0, found.start - _CALLED_WITHIN) : found.start]):
            text = text[: found.start] + "[phone]" + text[found.end :]
    return text


def _is_bar_code(number: str) -> bool:
    return number.isdigit() and len(number) >= _BAR_CODE_DIGITS and ean.is_valid(number)


def _is_dialled(number: str, before: str) -> bool:
    """Bare digits without a leading 0 or + are part numbers and customs codes, unless the text says otherwise."""
    looks_so = bool(_DIALLED.match(number)) and not set(number) & set("xX×х@") and not _is_bar_code(number)
    return looks_so or bool(_CALLED.search(before))
