"""Personal data in text: found in queries (which are then never chosen), masked in what leaves for an LLM."""

from __future__ import annotations

import re

import phonenumbers
from stdnum import luhn

_EMAIL = re.compile(r"[\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
_CARD = re.compile(r"(?<![\w])(?:[2-6](?:[ -]?\d){14,18})(?![\w])")
"""14 to 19 digits of a card network's range; 13 is left to bar codes (EAN-13), which catalogues are full of."""

_DIGITS = re.compile(r"(?:\d\D{0,3}){7}")
"""Fewer than 7 digits close together are no telephone number anywhere: a cheap look before the real one."""

_MIN_CARD_DIGITS = 15
"""American Express has 15, all others in use 16 or more."""


def has_personal_data(text: str, market: str) -> bool:
    """Whether the text holds an e-mail address, a card number or a telephone number valid in `market`."""
    return screened(text, market) != text


def screened(text: str, market: str) -> str:
    """The text with e-mail addresses, card numbers and telephone numbers replaced by `[email]`, `[card]`, `[phone]`.

    `market` is read as a country (ISO 3166 letters) where it is one; else only international numbers are found.
    """
    without_email = _EMAIL.sub("[email]", text) if "@" in text else text
    without_cards = _CARD.sub(_card, without_email)
    return _without_phones(without_cards, market) if _DIGITS.search(without_cards) else without_cards


def _card(match: re.Match[str]) -> str:
    digits = re.sub(r"\D", "", match[0])
    return "[card]" if len(digits) >= _MIN_CARD_DIGITS and luhn.is_valid(digits) else match[0]


def _without_phones(text: str, market: str) -> str:
    region = market.upper() if market.upper() in phonenumbers.SUPPORTED_REGIONS else None
    for found in reversed(list(phonenumbers.PhoneNumberMatcher(text, region, leniency=phonenumbers.Leniency.VALID))):
        text = text[: found.start] + "[phone]" + text[found.end :]
    return text
