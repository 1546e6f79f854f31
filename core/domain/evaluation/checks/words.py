"""Words that the checks know: colours, letter sizes, units, and the commonest words of some languages.

Tables, not models: a colour or language that is missing here is not checked, and nothing is claimed of it.
"""

from __future__ import annotations

from collections.abc import Mapping

Family = frozenset[str]


def _families(table: Mapping[str, str]) -> dict[str, Family]:
    """Families by word; a word in two of them (turquoise: blue and green) contradicts neither."""
    found: dict[str, Family] = {}
    for family, words in table.items():
        for word in words.split():
            found[word] = found.get(word, frozenset()) | {family}
    return found


COLOURS: Mapping[str, Family] = _families(
    {
        "black": "black schwarz noir negro nero zwart czarny svart onyx jet anthracite anthrazit graphite",
        "white": "white weiss weiß blanc blanche blanco bianco wit bialy biały vit ivory cream creme snow offwhite",
        "grey": "grey gray grau gris grigio grijs szary grå anthracite anthrazit graphite silver slate "
        "charcoal ash smoke",
        "silver": "silver silber silbern argent plata argento zilver srebrny chrome steel aluminium platinum metallic",
        "red": "red rot rouge rojo rosso rood czerwony röd burgundy bordeaux crimson scarlet maroon cherry wine coral",
        "pink": "pink rosa rose rosé roze różowy magenta fuchsia salmon coral rosegold",
        "orange": "orange naranja arancione oranje pomarańczowy apricot coral copper peach",
        "yellow": "yellow gelb jaune amarillo giallo geel żółty gul mustard gold lemon",
        "gold": "gold golden gülden doré dorado oro goud złoty champagne brass rosegold",
        "green": "green grün gruen vert verde groen zielony grön olive khaki mint lime teal turquoise "
        "emerald sage petrol",
        "blue": "blue blau bleu azul blu blauw niebieski blå navy azure cobalt indigo teal turquoise cyan denim petrol",
        "purple": "purple lila violet violett violeta viola paars fioletowy lavender plum magenta indigo aubergine",
        "brown": "brown braun brun marron marrón marrone bruin brązowy chocolate tan cognac bronze walnut "
        "espresso mocha",
        "beige": "beige cream creme sand ivory taupe nude camel khaki ecru champagne tan off-white",
    }
)
"""Families of a colour's name. Shades that people put in two families are in both."""

_PLAIN = "black white grey gray silver red pink orange yellow green blue purple brown beige navy"
PLAIN_COLOURS = frozenset(_PLAIN.split())
"""Colours that a check takes as such in a reason. `gold`, `rose`, `mint`, `copper`, `steel`, `sand` are materials,
tastes and names at least as often."""

LETTER_SIZES: Mapping[str, frozenset[str]] = {
    size: frozenset(names.split())
    for size, names in {
        "xs": "xs xsmall extra-small",
        "s": "s small klein petit",
        "m": "m medium mittel moyen",
        "l": "l large gross groß grand",
        "xl": "xl xlarge extra-large",
        "xxl": "xxl 2xl",
        "xxxl": "xxxl 3xl",
    }.items()
}

_SCALES: Mapping[str, Mapping[str, float]] = {
    "length": {"mm": 0.001, "cm": 0.01, "m": 1, "meter": 1, "metre": 1, "meters": 1, "metres": 1, "km": 1000}
    | {"inch": 0.0254, "inches": 0.0254, "zoll": 0.0254, "ft": 0.3048, "feet": 0.3048},
    "mass": {"mg": 1e-6, "g": 0.001, "gram": 0.001, "grams": 0.001, "kg": 1, "oz": 0.02835}
    | {"lb": 0.4536, "lbs": 0.4536, "pounds": 0.4536},
    "volume": {"ml": 0.001, "cl": 0.01, "l": 1, "litre": 1, "liter": 1, "litres": 1, "liters": 1},
    "memory": {"kb": 1e-6, "mb": 0.001, "gb": 1, "tb": 1000},
    "power": {"w": 1, "watt": 1, "watts": 1, "kw": 1000},
    "tension": {"v": 1, "volt": 1, "volts": 1},
    "frequency": {"hz": 1, "khz": 1e3, "mhz": 1e6, "ghz": 1e9},
    "charge": {"mah": 0.001, "ah": 1},
}

UNITS: Mapping[str, tuple[str, float]] = {
    name: (dimension, scale) for dimension, scales in _SCALES.items() for name, scale in scales.items()
}
"""Dimension and size of a unit. `in` is left out: it is a word."""

STOP_WORDS: Mapping[str, frozenset[str]] = {
    language: frozenset(words.split())
    for language, words in {
        "en": "the a an and or of to in is are was be it its this that these with for not no but as by on "
        "at from which "
        "than so only also does do has have there other any all into would could may product query "
        "brand title asked",
        "de": "der die das und oder ist sind ein eine einen einem einer nicht kein keine mit für auf von "
        "zu im dem den des "
        "aber auch wird nur als bei aus nach sich wie es dass sie er wurde passt produkt anfrage "
        "marke gesucht farbe",
        "fr": "le la les un une des et ou est sont ne pas du de avec pour dans sur par mais ce cette qui "
        "que il elle au "
        "aux plus produit marque requête recherché couleur correspond",
        "es": "el la los las un una y o es son no de del con para en por pero este esta que se su al más "
        "producto marca "
        "consulta buscado",
        "it": "il lo la gli le un una e o è sono non di del della con per in su da ma questo questa che "
        "si al più prodotto "
        "marca ricerca richiesto",
        "nl": "de het een en of is zijn niet geen met voor op van te in maar ook dit dat die als bij uit "
        "naar wordt er om "
        "product merk zoekopdracht gevraagd",
        "pl": "i lub jest są nie z ze dla na do w we od ale to ten ta te który która się jako po produkt "
        "marka zapytanie "
        "szukany pasuje",
        "pt": "o os as um uma e ou é são não de do da com para em por mas este esta que se ao mais "
        "produto marca consulta",
        "sv": "och eller är inte med för på av till i men också det den ett en som vid från produkten märke sökning",
    }.items()
}
"""The commonest words of a language and those that reasons use; a word of several of them tells for none alone."""
