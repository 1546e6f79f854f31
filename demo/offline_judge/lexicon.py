"""What a shopper knows without looking it up: brands, product lines, colours, materials, kinds of things.

General knowledge of shops, written by hand, not read from any catalogue or set of labelled pairs. Everything
is folded (lower case, no accents) as `words.tokens` folds.
"""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


BRANDS = _words(
    """
    acer adidas aiwa alienware amazon anker aoc apc apple asics asus audiotechnica avm bang beats belkin bic
    birkenstock blackberry bosch bose brother canon casio caterpillar cherry cisco columbia converse corsair crocs
    crucial dell denon diesel dlink drmartens duracell dyson ecco epson ergotron esprit fairphone fila fitbit fossil
    fritz fujifilm fujitsu garmin gigabyte gopro google grundig gucci hama harman hisense hp htc huawei hyperx
    iiyama ikea intel jabra jbl jvc karcher kensington kingston kodak krups lacoste lego leica lenovo levis lexmark
    lg logitech marantz marshall miele microsoft motorola msi nespresso netgear newbalance nikon nintendo nike nokia
    northface nvidia olympus oneplus oppo oralb osram panasonic philips pioneer playmobil polaroid puma razer realme
    reebok ricoh roccat rowenta salomon samsonite samsung sandisk sanyo seagate sennheiser shure siemens skechers
    skullcandy sony soundcore steelseries synology targus tefal thule timberland tomtom toshiba tplink ubiquiti
    underarmour vans varta verbatim viewsonic vivo wacom westerndigital xerox xiaomi yamaha zyxel zte abus alpina
    aukey bialetti buffalo bugatti citizen clarks columbia dakine delonghi deuter eastpak ecovacs fjallraven gabor
    giro graef herschel hugoboss irobot jackjones jackwolfskin jura khujo kitchenaid levis mammut mango melitta
    merrell mizuno ninja nutribullet onitsuka osprey otterbox patagonia ravensburger rieker roborock russellhobbs
    saucony seiko severin sihoo sage songmics spigen swatch swarovski tamaris tissot tommyhilfiger tomtailor topstar
    uvex vaude veromoda wmf zara
    """
)
"""Names that are a brand and hardly anything else in a shop's query."""

LINES = {
    "iphone": "apple",
    "ipad": "apple",
    "ipod": "apple",
    "macbook": "apple",
    "imac": "apple",
    "airpods": "apple",
    "airtag": "apple",
    "galaxy": "samsung",
    "pixel": "google",
    "chromecast": "google",
    "playstation": "sony",
    "ps3": "sony",
    "ps4": "sony",
    "ps5": "sony",
    "xperia": "sony",
    "walkman": "sony",
    "bravia": "sony",
    "xbox": "microsoft",
    "thinkpad": "lenovo",
    "ideapad": "lenovo",
    "laserjet": "hp",
    "deskjet": "hp",
    "officejet": "hp",
    "elitebook": "hp",
    "probook": "hp",
    "ecotank": "epson",
    "kindle": "amazon",
    "alexa": "amazon",
    "redmi": "xiaomi",
    "airmax": "nike",
    "ultraboost": "adidas",
    "gazelle": "adidas",
    "gshock": "casio",
    "forerunner": "garmin",
    "fenix": "garmin",
    "quietcomfort": "bose",
    "wii": "nintendo",
}
"""Product lines that name their brand without saying it."""

NAME_ALIASES = {"ps3": "playstation3", "ps4": "playstation4", "ps5": "playstation5"}
"""Lines that are written in two ways."""

COLOURS = {
    "black": "black", "schwarz": "black", "schwarze": "black", "schwarzer": "black", "schwarzes": "black",
    "white": "white", "weiss": "white", "weisse": "white", "weisser": "white", "weisses": "white",
    "red": "red", "rot": "red", "rote": "red", "roter": "red", "rotes": "red",
    "blue": "blue", "blau": "blue", "blaue": "blue", "blauer": "blue", "blaues": "blue", "navy": "blue",
    "green": "green", "grun": "green", "grune": "green", "gruner": "green", "grunes": "green", "gruen": "green",
    "yellow": "yellow", "gelb": "yellow", "gelbe": "yellow", "gelber": "yellow", "gelbes": "yellow",
    "pink": "pink", "rosa": "pink", "purple": "purple", "violet": "purple", "lila": "purple", "violett": "purple",
    "grey": "grey", "gray": "grey", "grau": "grey", "graue": "grey", "grauer": "grey", "graues": "grey",
    "brown": "brown", "braun": "brown", "braune": "brown", "brauner": "brown", "braunes": "brown",
    "orange": "orange", "beige": "beige", "silver": "silver", "silber": "silver", "silbern": "silver",
    "gold": "gold", "golden": "gold", "turquoise": "turquoise", "turkis": "turquoise",
}  # fmt: skip
"""Colour words to one colour."""

COMPATIBLE_HEADS = frozenset({"game", "spiel", "app", "repair", "reparatur"})
"""Beside the accessory nouns: things for which an asked brand or line says what they must fit, not who made them."""

FEATURES = (
    ("waterproof", "wasserdicht", "wasserfest", "water resistant", "gore tex"),
    ("noise cancelling", "noise canceling", "anc", "gerauschunterdruckung"),
    ("wireless", "bluetooth", "kabellos", "drahtlos", "cordless"),
    ("running", "laufschuh", "lauf", "jogging"),
    ("dimmable", "dimmbar"),
    ("ergonomic", "ergonomisch"),
    ("digital", "lcd display", "digitaluhr", "digitalanzeige"),
    ("fully automatic", "vollautomat", "vollautomatisch", "automatic"),
    ("foldable", "faltbar", "klappbar"),
    ("rechargeable light", "rucklicht"),
    ("rechargeable", "akku", "wiederaufladbar"),
    ("touchscreen", "touch screen"),
    ("leather", "leder"),
    ("wood", "wooden", "holz"),
    ("cotton", "baumwolle"),
    ("midi",),
    ("maxi",),
)
"""Properties that shoppers ask for by name, each with the words that say it; folded."""

ACCESSORY_NOUNS = _words(
    """
    accessory adapter arm armband backpack bag base battery belt bracket cable cap carrier cartridge case casing
    charger clip cloth connector cord cover dock drum dust enclosure extension film filter foil folio frame glass
    grip holder holster hub insert inverter key keys kit label lace laces lens lock lid mat mount module nib pad
    paper part pouch protector rack ribbon rest roller shell skin sleeve socket spray stand strap tip toner tool
    tray tripod wallet warranty wipes wrist abdeckung adapter akku armband batterie beutel etui folie gehause gurtel
    halter halterung hulle kabel koffer ladegerat schutz schutzfolie schutzhulle schnursenkel stander tasche toner
    zubehor einlage einlegesohlen
    """
)
"""Nouns of things that serve another thing: after the asked noun in a title they mean "not the thing itself"."""

RELATION_WORDS = frozenset({"for", "fur", "compatible", "replaces", "with", "mit", "w", "to", "passend", "f", "suits"})
"""After one of these a title names what the product goes with, not what it is."""

STOP_WORDS = _words(
    """
    a an and the of in on at to by or from my is it i want need buy best cheap new good der die das ein eine einen
    und oder von im am in zum zur ich neu neue guenstig billig gute gut kaufen
    """
)

FOOD_WORDS = frozenset({"juice", "saft", "pie", "cider", "sauce", "tree", "baum", "jam", "vinegar", "essig"})
"""Beside one of these "apple" is no maker of phones."""

SHOE_WORDS = frozenset({"shoe", "sneaker", "boot", "sandal", "trainer", "loafer", "schuh", "stiefel"})

SIZE_WORDS = frozenset({"size", "gr", "grosse", "groesse", "eu"})

MODEL_SUFFIXES = frozenset({"pro", "plus", "max", "mini", "lite", "ultra", "series"})
"""Words that name a version of a product, no kind of thing."""

AUDIENCES = {
    "men": "men", "mens": "men", "man": "men", "herren": "men", "manner": "men",
    "women": "women", "womens": "women", "ladies": "women", "damen": "women", "frauen": "women",
    "kids": "kids", "kid": "kids", "children": "kids", "kinder": "kids", "boys": "kids", "girls": "kids",
    "jungen": "kids", "madchen": "kids", "baby": "kids",
}  # fmt: skip

SYNONYMS = {
    "headphone": "headphone", "kopfhorer": "headphone", "earphone": "earphone", "ohrhorer": "earphone",
    "earbud": "earphone", "headset": "headset", "trainer": "sneaker", "sneaker": "sneaker", "turnschuh": "sneaker",
    "handy": "phone", "smartphone": "smartphone", "telefon": "phone", "telephone": "phone", "cellphone": "phone",
    "notebook": "laptop", "laptop": "laptop", "chromebook": "chromebook", "television": "tv", "fernseher": "tv",
    "fridge": "refrigerator", "kuhlschrank": "refrigerator", "hoover": "vacuum", "staubsauger": "vacuum",
    "drucker": "printer", "printer": "printer", "maus": "mouse", "tastatur": "keyboard", "bildschirm": "monitor",
    "schuh": "shoe", "shoe": "shoe", "hulle": "case", "tasche": "bag", "ladegerat": "charger", "kamera": "camera",
    "uhr": "watch", "armbanduhr": "watch", "wristwatch": "watch", "lampe": "lamp", "kaffeemaschine": "coffee-machine",
    "kabel": "cable", "cord": "cable", "wireless": "wireless", "kabellos": "wireless", "kabellose": "wireless",
    "bluetooth": "wireless", "drahtlos": "wireless", "rucksack": "backpack", "jacke": "jacket", "kleid": "dress",
    "hemd": "shirt", "stiefel": "boot", "laufschuh": "running-shoe", "hose": "trousers", "jean": "jeans",
    "halterung": "mount",
}  # fmt: skip
"""Stems that shoppers use for one thing, English and German."""

OTHER_KIND_WORDS = _words(
    """
    anzug armbanduhr ball bank bett bike bild bluse brille buch buro burostuhl chair couch cycle cycling decke
    descaler drehstuhl ear earring entkalker fahrrad fahrradhelm faszienrolle fernseher game gadget garten geschenk
    gift glas handyhulle helm helmet herd hose jogger kaffee kaffeevollautomat kanne kette kinderwagen kissen kleid
    kleidung kochtopf licht light maker machine messer mixer mutze ohrpolster ofen pad pfanne puppe regal regenjacke
    ring rock rucklicht rucksack schal schrank schreibtisch schreibtischlampe schuh sessel skirt sofa sonnenbrille
    spiel spielzeug stehlampe strumpf stuhl sweater table teller teppich tisch topf top trinkflasche uhrenarmband
    unterwasche vase vollautomat wanderschuh wecker werkzeug winterjacke wristwatch zelt
    """
)
"""Words for things beyond those of `KINDS`, so that a word of none of these lists may be read as a name."""

SAME_THING = {
    "cell phone": "phone", "mobile phone": "phone", "coffee maker": "coffee machine", "desk chair": "office chair",
    "cycling helmet": "bike helmet", "bicycle helmet": "bike helmet", "hard disk": "hard drive",
    "thumb drive": "usb stick", "head phones": "headphones", "mobile charger": "phone charger",
    "wrist watch": "wristwatch", "t shirt": "t-shirt",
}  # fmt: skip
"""What shoppers call a thing in two words, and what sellers call it."""

KINDS = (
    "laptop computer notebook", "desktop computer PC", "all-in-one PC", "tablet computer", "chromebook",
    "computer server", "computer monitor display", "flat screen television", "projector", "printer", "scanner",
    "printer toner cartridge", "printer ink cartridge", "printer paper", "computer keyboard", "computer mouse",
    "mouse pad", "webcam", "graphics tablet", "stylus pen", "graphics card", "processor CPU", "motherboard",
    "computer memory RAM module", "power supply unit", "computer case", "computer fan cooler", "solid state drive SSD",
    "external hard drive", "internal hard disk", "USB flash drive memory stick", "memory card",
    "optical disc drive DVD", "network switch", "wireless router", "network cable", "USB cable", "HDMI video cable",
    "USB hub docking station", "power adapter", "phone charger", "power bank external battery", "AA batteries",
    "AAA batteries", "laptop battery", "camera battery", "uninterruptible power supply", "surge protector power strip",
    "extension cord", "smartphone Handy", "mobile phone", "cordless telephone", "phone case cover Handyhülle",
    "screen protector", "phone holder stand", "laptop bag sleeve", "laptop stand", "monitor arm mount", "tablet case",
    "camera case bag", "e-book reader", "smartwatch", "fitness tracker", "watch strap Uhrenarmband",
    "wrist watch Armbanduhr", "headphones Kopfhörer", "wireless bluetooth headphones", "earphones in-ear",
    "headset with microphone", "microphone", "bluetooth speaker", "surround sound speakers", "soundbar",
    "hi-fi system", "CD player", "DVD player", "radio", "clock radio", "MP3 player", "digital camera", "camera lens",
    "camera filter", "tripod", "camcorder", "action camera", "security camera", "drone", "game console", "video game",
    "game controller", "gaming mouse", "gaming headset", "software licence", "office software", "antivirus software",
    "extended warranty service", "toner drum", "label maker", "labels stickers", "pens and pencils", "paper notebook",
    "books", "colouring book", "calculator", "office chair Bürostuhl", "desk", "whiteboard", "shredder", "laminator",
    "binder folder", "desk lamp Schreibtischlampe", "light bulb lamp", "projector lamp", "torch flashlight",
    "coffee machine Kaffeemaschine", "coffee beans capsules", "kettle", "toaster", "microwave oven",
    "refrigerator Kühlschrank", "washing machine", "dishwasher", "vacuum cleaner Staubsauger", "iron", "hair dryer",
    "shaver", "electric toothbrush", "air conditioner", "electric fan", "heater", "toys", "doll",
    "doll clothes accessory", "building blocks", "board game", "puzzle", "sneakers", "running shoes Laufschuhe",
    "boots", "sandals", "leather shoes", "t-shirt", "shirt", "dress Kleid", "jeans trousers", "jacket coat Jacke",
    "hat cap", "socks", "handbag", "backpack Rucksack", "suitcase", "wallet", "sunglasses", "jewellery",
    "bicycle Fahrrad", "bike helmet Fahrradhelm", "descaler Entkalker", "ear pads Ohrpolster", "car accessories",
    "GPS navigation device", "tools drill", "garden tools", "furniture", "bedding", "food groceries",
    "juice milk drinks", "fruit vegetables", "cosmetics perfume", "cleaning cloth spray", "cable lock security",
    "footrest", "wrist rest", "privacy filter", "rack cabinet", "memory upgrade kit", "spare part",
)  # fmt: skip
"""Kinds of things in general shops: where a query and a product lie among them says whether they are the same kind."""

GERMAN = {
    "schuh": "shoes", "turnschuh": "sneakers", "laufschuh": "running shoes", "jack": "jacket", "kleid": "dress",
    "handy": "mobile phone", "handyhull": "phone case", "hull": "case", "kopfhorer": "headphones", "fur": "for",
    "kaffeemaschin": "coffee machine", "rucksack": "backpack", "uhr": "watch", "armbanduhr": "wrist watch",
    "schreibtischlamp": "desk lamp", "lamp": "lamp", "fahrradhelm": "bike helmet", "burostuhl": "office chair",
    "entkalker": "descaler", "ohrpolster": "ear pads", "uhrenarmband": "watch strap", "wasserdicht": "waterproof",
    "drucker": "printer", "maus": "mouse", "tastatur": "keyboard", "bildschirm": "monitor", "fernseher": "television",
    "ladegerat": "charger", "tasch": "bag", "kamera": "camera", "kabel": "cable", "grosse": "size", "mit": "with",
    "und": "and", "dimmbar": "dimmable", "ergonomisch": "ergonomic", "kabellos": "wireless", "zoll": "inch",
}  # fmt: skip
"""German words (endings off) in English, for the translation in a guideline."""
