"""The words of the catalogue: categories, brands and models, in both languages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from demo.marketplace import shapes_devices, shapes_home, shapes_worn
from demo.marketplace.facts import Language
from demo.marketplace.pen import Pen


@dataclass(frozen=True, slots=True)
class Model:
    """A model of a brand. For accessories `name` is the product that it fits. Price in whole euros or dollars."""

    brand: str
    name: str
    price: int
    featured: bool = False


@dataclass(frozen=True, slots=True)
class Category:
    """A kind of product: its words, its looks, its models, best-selling first."""

    key: str
    nouns: Mapping[Language, str]
    synonyms: Mapping[Language, str | None]
    feature: Mapping[Language, str | None]
    draw: Callable[[Pen], None]
    colours: tuple[str, ...]
    sizes: tuple[str, ...]
    models: tuple[Model, ...]
    accessory: bool = False


def _pair(en: str | None, de: str | None) -> Mapping[Language, str | None]:
    return {"en": en, "de": de}


CATEGORIES: tuple[Category, ...] = (
    Category(
        "sneakers",
        {"en": "Sneakers", "de": "Sneaker"},
        _pair("trainers", "Turnschuhe"),
        _pair("Running", "Running"),
        shapes_worn.sneaker,
        ("black", "white", "red", "blue"),
        ("40", "41", "42", "43", "44"),
        (
            Model("Nike", "Air Max 90", 149),
            Model("Nike", "Pegasus 41", 139, True),
            Model("Adidas", "Gazelle", 119),
            Model("Adidas", "Ultraboost 5", 180, True),
            Model("Puma", "Suede Classic", 89),
            Model("New Balance", "574 Core", 109),
        ),
    ),
    Category(
        "jacket",
        {"en": "Jacket", "de": "Jacke"},
        _pair(None, None),
        _pair("Waterproof", "Wasserdicht"),
        shapes_worn.jacket,
        ("black", "green", "blue", "red"),
        ("S", "M", "L", "XL"),
        (
            Model("The North Face", "Nuptse", 320),
            Model("The North Face", "Resolve", 110, True),
            Model("Patagonia", "Torrentshell", 180, True),
            Model("Columbia", "Powder Lite", 120),
            Model("Jack Wolfskin", "Stormy Point", 99, True),
        ),
    ),
    Category(
        "dress",
        {"en": "Dress", "de": "Kleid"},
        _pair(None, None),
        _pair("Midi", "Midi"),
        shapes_worn.dress,
        ("black", "red", "blue", "pink"),
        ("34", "36", "38", "40"),
        (
            Model("Mango", "Lola", 59, True),
            Model("Vero Moda", "Easy Joy", 39),
            Model("Esprit", "Flora", 69, True),
            Model("Only", "Nova", 35),
        ),
    ),
    Category(
        "phone",
        {"en": "Smartphone", "de": "Smartphone"},
        _pair("cell phone", "Handy"),
        _pair(None, None),
        shapes_devices.phone,
        ("black", "white", "blue", "pink"),
        ("128 GB", "256 GB"),
        (
            Model("Apple", "iPhone 15", 799),
            Model("Samsung", "Galaxy S24", 699),
            Model("Apple", "iPhone 13", 549),
            Model("Samsung", "Galaxy A55", 389),
            Model("Google", "Pixel 8a", 449),
            Model("Xiaomi", "Redmi Note 13", 219),
        ),
    ),
    Category(
        "headphones",
        {"en": "Headphones", "de": "Kopfhörer"},
        _pair(None, None),
        _pair("Noise Cancelling", "Noise Cancelling"),
        shapes_devices.headphones,
        ("black", "white", "blue", "silver"),
        ("",),
        (
            Model("Sony", "WH-1000XM5", 349, True),
            Model("Bose", "QuietComfort 45", 299, True),
            Model("Sony", "WH-CH520", 59),
            Model("JBL", "Tune 520BT", 49),
            Model("Sennheiser", "Momentum 4", 279, True),
        ),
    ),
    Category(
        "coffee_machine",
        {"en": "Coffee Machine", "de": "Kaffeemaschine"},
        _pair("coffee maker", None),
        _pair("Fully Automatic", "Vollautomat"),
        shapes_home.coffee_machine,
        ("black", "silver", "white", "red"),
        ("",),
        (
            Model("De'Longhi", "Magnifica S", 349, True),
            Model("Philips", "LatteGo 3300", 449, True),
            Model("De'Longhi", "Dedica", 199),
            Model("Melitta", "Look Therm", 89),
            Model("Krups", "Evidence", 499, True),
        ),
    ),
    Category(
        "laptop",
        {"en": "Laptop", "de": "Laptop"},
        _pair("notebook", "Notebook"),
        _pair(None, None),
        shapes_devices.laptop,
        ("silver", "black", "gray"),
        ("256 GB", "512 GB"),
        (
            Model("Apple", "MacBook Air", 1099),
            Model("Lenovo", "ThinkPad E14", 849),
            Model("Dell", "XPS 13", 1199),
            Model("HP", "Pavilion 15", 699),
        ),
    ),
    Category(
        "backpack",
        {"en": "Backpack", "de": "Rucksack"},
        _pair(None, None),
        _pair("Waterproof", "Wasserdicht"),
        shapes_worn.backpack,
        ("black", "yellow", "blue", "green"),
        ("",),
        (
            Model("Fjällräven", "Kanken", 99),
            Model("Eastpak", "Padded", 55),
            Model("Deuter", "Futura", 139, True),
            Model("Herschel", "Little America", 110),
        ),
    ),
    Category(
        "watch",
        {"en": "Watch", "de": "Armbanduhr"},
        _pair("wristwatch", "Uhr"),
        _pair("Digital", "Digital"),
        shapes_devices.watch,
        ("black", "silver", "brown", "blue"),
        ("",),
        (
            Model("Casio", "G-Shock GA-2100", 109, True),
            Model("Garmin", "Forerunner 165", 249, True),
            Model("Seiko", "Presage", 420),
            Model("Fossil", "Grant", 129),
        ),
    ),
    Category(
        "desk_lamp",
        {"en": "Desk Lamp", "de": "Schreibtischlampe"},
        _pair(None, None),
        _pair("Dimmable", "Dimmbar"),
        shapes_home.desk_lamp,
        ("black", "white", "silver", "yellow"),
        ("",),
        (
            Model("Philips", "Hue Iris", 89, True),
            Model("Ikea", "Tertial", 25),
            Model("Osram", "Panan", 45, True),
            Model("Brilliant", "Hobby", 30),
        ),
    ),
    Category(
        "bike_helmet",
        {"en": "Bike Helmet", "de": "Fahrradhelm"},
        _pair("cycling helmet", None),
        _pair("Rechargeable Light", "Rücklicht"),
        shapes_worn.helmet,
        ("black", "white", "red", "blue"),
        ("M", "L"),
        (
            Model("Abus", "Urban-I 3.0", 99, True),
            Model("Uvex", "City Light", 85, True),
            Model("Giro", "Register", 65),
            Model("Alpina", "Mythos", 79),
        ),
    ),
    Category(
        "office_chair",
        {"en": "Office Chair", "de": "Bürostuhl"},
        _pair("desk chair", None),
        _pair("Ergonomic", "Ergonomisch"),
        shapes_home.office_chair,
        ("black", "gray", "blue", "red"),
        ("",),
        (
            Model("Ikea", "Markus", 199),
            Model("Topstar", "Sitness", 249, True),
            Model("Songmics", "Mesh Pro", 139, True),
            Model("Sihoo", "M18", 179, True),
        ),
    ),
    Category(
        "phone_case",
        {"en": "Phone Case", "de": "Handyhülle"},
        _pair(None, None),
        _pair(None, None),
        shapes_devices.phone_case,
        ("black", "blue", "pink", "red"),
        ("",),
        (Model("Spigen", "iPhone 15", 19), Model("Spigen", "Galaxy S24", 19), Model("Otterbox", "iPhone 13", 35)),
        accessory=True,
    ),
    Category(
        "ear_pads",
        {"en": "Ear Pads", "de": "Ohrpolster"},
        _pair(None, None),
        _pair(None, None),
        shapes_devices.ear_pads,
        ("black", "gray"),
        ("",),
        (Model("Geekria", "WH-1000XM5", 17), Model("Geekria", "QuietComfort 45", 17)),
        accessory=True,
    ),
    Category(
        "descaler",
        {"en": "Descaler", "de": "Entkalker"},
        _pair(None, None),
        _pair(None, None),
        shapes_home.bottle,
        ("blue", "green", "white"),
        ("500 ml", "1 l"),
        (Model("Durgol", "Magnifica S", 12), Model("Eccellente", "LatteGo 3300", 9)),
        accessory=True,
    ),
    Category(
        "watch_strap",
        {"en": "Watch Strap", "de": "Uhrenarmband"},
        _pair(None, None),
        _pair(None, None),
        shapes_devices.watch_strap,
        ("black", "brown", "blue"),
        ("",),
        (Model("Barton", "Forerunner 165", 22), Model("Barton", "Presage", 25)),
        accessory=True,
    ),
)

CATEGORY_OF: Mapping[str, Category] = {category.key: category for category in CATEGORIES}
