"""Words of the sample shop: queries with their traffic and faults, and the products they find."""

from __future__ import annotations

from dataclasses import dataclass

APPLICATION = "shop"
HOSTILE_QUERY = ("us", "wireless headphones")
"""The (market, query) whose first result has the hostile title."""

HOSTILE = '<script>document.title = "taken"</script> Headset "PRO" & <img src=x onerror=alert(1)>'
"""A title as a hostile seller writes it: it has to stay text on every page."""


@dataclass(frozen=True)
class Asked:
    """A query, how often it is typed a day, the shares of its searches that are rephrased, left, without result."""

    market: str
    query: str
    a_day: int
    reformulated: float = 0.12
    left: float = 0.14
    nothing: float = 0.005
    worse_from: int = 99
    """Day from which twice as many struggle."""


ASKED = (
    Asked("us", "aa battery", 64, 0.41, 0.22, 0.02),
    Asked("us", "wireless headphones", 120, 0.13, 0.15, worse_from=18),
    Asked("us", "surround sound speakers", 38, 0.30, 0.31, 0.01),
    Asked("us", "laptop stand", 75),
    Asked("us", "gaming mouse pad", 41, 0.10, 0.12),
    Asked("us", "phone cord", 33, 0.38, 0.20, 0.08),
    Asked("us", "running shoes women", 90, 0.09, 0.12),
    Asked("us", "espresso machine", 28, 0.14, 0.19),
    Asked("us", "usb c hub 4k", 22, 0.17, 0.16, 0.0),
    Asked("us", "water bottle", 55, 0.08, 0.11),
    Asked("us", "printer ink 305", 26, 0.33, 0.25, 0.12),
    Asked("us", "standing desk", 30),
    Asked("de", "kopfhörer bluetooth", 58, 0.15, 0.16),
    Asked("de", "laufschuhe damen gr. 39", 24, 0.34, 0.27, 0.03),
    Asked("de", "kaffeemaschine", 46, 0.10, 0.13),
    Asked("de", "trinkflasche kinder", 21, 0.12, 0.12),
    Asked("de", "hdmi kabel 5m", 35, 0.29, 0.20, 0.01),
    Asked("de", "dosen adapter england", 12, 0.40, 0.33, 0.15),
    Asked("de", "winterjacke herren", 40, 0.13, 0.18),
    Asked("us", "very rare thing", 0, 0.5, 0.5),
)

BRANDS = ("Nordal", "Kestrel", "Pico", "Ammar & Söhne", "Vela", "Ohmly")
CATEGORIES = ("Electronics", "Audio", "Home", "Sports", "Office")
FITS = ("{query}, black", "{query} 2-pack, {brand}", "{brand} {query} Pro", "{query} – new model", "Premium {query}")
MISSES = ("Replacement cover", "{brand} gift card", "Poster 50x70", "Storage box", "Cleaning cloth, pack of 6")

REASONING = {
    "highly_relevant": "The title names {query} itself, and size and type meet every requirement. Nothing is missing.",
    "acceptable_substitute": "It serves the same need as {query}, but one specification is not told in the listing.",
    "irrelevant": "This is an accessory for {query}, not the thing itself: the central aspect is not met.",
}
PICTURE_REASONING = {
    "": "The item is sharp, complete and centred on a plain light ground; nothing is laid over it.",
    "blurred": "Edges are soft over the whole picture: details of the item can't be made out.",
    "dark": "Underexposed: colour and material of the item can't be judged.",
    "cluttered": "Other things surround the item, so that it is unclear what is for sale.",
    "cropped": "A third of the item is outside of the frame.",
}
DEAD = (
    ("search-log", "not_json", "expected value at line 1 column 1", b'{"query_id": "q1", "user_query": "lamp",'),
    (
        "search-log",
        "bad_field",
        "session_id: expected text or integer",
        b'{"session_id": {"a": 1}, "x": "<b>bold</b>"}',
    ),
    ("search-log", "no_identity", "neither client_id nor session_id", b'{"user_query": "sofa", "query_id": "7"}'),
    ("search-log", "not_json", "invalid UTF-8 at byte 3", bytes(range(0, 256, 3))),
    ("search-log", "too_large", "1,204,411 bytes", b'{"user_query": "' + b"a" * 3_000),
    ("listings", "no_title", "title is required unless deleted", b'{"listing_id": "L9", "timestamp": 1760000000000}'),
)
