"""The resources of a Qobrix tenant, their fields, and values for any record.

qobrix_schema.txt lists the fields. A value follows from (seed, resource, field,
number), so that a tenant of hundreds of thousands of records starts at once.
"""
import hashlib
import json
import random
import re
import zlib
from decimal import Decimal

import edm
from model import read_sections
from values import MASK, TEXTS

FIRST_DAY = edm.days_from_civil(2024, 1, 1) * edm.DAY
POOL = 47
FACTORS = [int(number ** 0.5 % 1 * 2 ** 32) | 1 for number in (2, 3, 5, 6, 7, 8, 10, 11, 13, 14, 15, 17, 19, 21, 22, 23)]
STAFF = "11111111-1111-4111-8111-111111111111"
TYPES = {
    "apartment": ("residential", "standard_apartment ground_apartment whole_floor_apartment penthouse loft studio serviced_apartment"),
    "house": ("residential", "detached_house semi_detached_house terraced_house maisonette_house bungalow mansion_villa duplex village_house"),
    "land": ("land", "plot field agricultural_land coastal_land"),
    "office": ("commercial", "standard_office whole_floor_office ground_office top_floor_office entire_building_office office_building"),
    "retail": ("commercial", "shop restaurant kiosk showroom"),
    "building": ("commercial", "commercial_building residential_building mixed_use_building"),
    "hotel": ("commercial", "city_hotel beach_hotel guest_house"),
    "industrial": ("commercial", "warehouse industrial_building factory"),
    "investment": ("other", "land_bank portfolio"),
    "parking_lot": ("other", "covered_lot open_lot"),
    "other": ("other", "other_property"),
}
SUBTYPES = [(name, code) for code, (_, names) in TYPES.items() for name in names.split()]
PICKED_TYPES = ["apartment"] * 9 + ["house"] * 7 + ["land"] * 2 + list(TYPES)
FEATURES = {
    "view": "sea city mountain garden pool", "heating": "underfloor central split_units", "cooling": "split_units central vrv",
    "pool_features": "private heated overflow indoor", "flooring": "marble parquet tiles", "appliances": "oven fridge dishwasher",
    "fireplace_features": "wood gas", "fencing": "wall hedge", "patio_porch": "terrace pergola", "waterfront_features": "beach_access jetty",
    "association_amenities": "gym spa playground", "community_features": "gated security clubhouse", "exterior_features": "barbecue irrigation",
    "interior_features": "en_suite walk_in_wardrobe", "lot_features": "corner sloping", "other_structures": "guest_house shed",
    "security_features": "alarm cameras entry_phone", "additional_features": "solar_panels jacuzzi smart_lock",
}
PROJECT_FEATURES = {"views": "sea city mountain lake park marina golf".split(),
                    "further_features": ["feature_%02d" % n for n in range(24)]}
CITIES = ["Example City", "Old Port", "Hill Village", "Λεμεσός", "Bay Town", "St. Anne's", "Upper \"Mesa\"", "Łódź"]
RESOURCES = {"Properties": "properties", "Agents": "agents", "Contacts": "contacts", "Users": "users", "Projects": "projects",
             "PropertyViewings": "property-viewings", "Meetings": "meetings", "Opportunities": "opportunities",
             "ProjectFeatures": "project-features", "PropertyFeatures": "property-features", "PropertyTypes": "property-types",
             "PropertySubtypes": "property-subtypes", "Locations": "locations", "MediaCategories": "media/categories",
             "Media": "media", "BayutLocations": "bayut-locations", "BazarakiLocations": "bazaraki-locations",
             "SpitogatosLocations": "spitogatos-locations", "PropertyFinderAELocations": "property-finder-a-e-locations"}
STAMP_TEXT = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(:\d\d(?:\.\d+)?)?)?(Z|[+-]\d\d:?\d\d)?$")
MODELS = {path: name for name, path in RESOURCES.items()}


class Field:
    """One line of qobrix_schema.txt."""

    def __init__(self, name, kind, nullable=False, virtual=False):
        self.name, self.nullable, self.virtual = name, nullable, virtual
        self.kind, _, self.argument = kind.partition(":")
        self.max_length = int(self.argument) if self.kind == "text" and self.argument else None

    @property
    def many(self):
        return self.kind in ("codes", "words")

    def cell(self, raw):
        """A cell as Table keeps it; Qobrix records are written from values."""
        if raw is None and not self.nullable:
            raise ValueError("%s cannot be null" % self.name)
        if self.kind == "stamp" and raw is not None:
            raw = naive_text(raw)[:19]
        return (float(raw) if isinstance(raw, Decimal) else raw), None


def parse_field(line):
    name, kind = line.split(" ", 1)
    flags = name[len(name.rstrip("?~")):]
    return Field(name.rstrip("?~"), kind, "?" in flags, "~" in flags)


def read_schema():
    """{path: [Field, ...]}"""
    return {path: [parse_field(line) for line in lines] for path, lines in read_sections("qobrix_schema.txt").items()}


dump = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=float).encode


def uuid_of(seed, path, number):
    """The id of a record: a random-looking UUID of version 4."""
    if path == "users" and number == 0:
        return STAFF
    text = hashlib.md5(b"%d/%s/%d" % (seed, path.encode(), number)).hexdigest()
    return "%s-%s-4%s-8%s-%s" % (text[:8], text[8:12], text[13:16], text[17:20], text[20:])


def naive_text(text):
    """A date, with or without time, fraction and zone, in the form records keep:
    UTC without a zone. What has none is UTC. ValueError for other texts."""
    match = STAMP_TEXT.match(text.strip())
    if not match:
        raise ValueError("not a date: " + text)
    day, minutes, seconds, zone = match.groups()
    moment = day + "T" + (minutes or "00:00") + (seconds or ":00")
    if zone in (None, "Z"):
        edm.parse_stamp(moment + "Z")
        return moment
    instant = edm.parse_stamp(moment + (zone if ":" in zone else zone[:3] + ":" + zone[3:]))[0]
    fraction = moment.partition(".")[2]
    return edm.format_stamp(instant, 0)[:19] + ("." + fraction if fraction else "")


def stamp_at(instant):
    """Date and time without zone or fraction: how records keep them."""
    return edm.format_stamp(instant, 0)[:19]


def day_at(number):
    return edm.format_stamp(FIRST_DAY + number * edm.DAY, 0)[:10]


class Pool:
    """Values of a field, picked by a hash of the record number. Multiples of the
    square roots spread so evenly that small tenants have all the values too."""

    def __init__(self, choices, rng):
        self.choices, self.size = choices, len(choices)
        self.factor, self.start = rng.choice(FACTORS), rng.getrandbits(32)

    def cell(self, number):
        return self.choices[((number * self.factor + self.start) & MASK) * self.size >> 32], None


def texts(field, rng):
    length = field.max_length or 9999
    return [text for text in TEXTS if text and len(text) <= length] + ["%s %d" % (field.name, n) for n in range(8)]


def numbers(field, rng):
    top = {"currency": 900000, "area": 400, "distance": 30, "percentage": 100}.get(field.argument, 500)
    return [0, 0.5, top] + [rng.randrange(1, top) for _ in range(20)] + [round(rng.uniform(0, top), 2) for _ in range(20)]


def integers(field, rng):
    if "|" in field.argument:
        return [int(text) for text in field.argument.split("|")]
    return list(range(0, 12)) + ([-1] if field.argument.startswith("-") else [])


def few(choices, rng):
    """Lists of none to three of them."""
    return [[]] * 12 + [rng.sample(choices, min(len(choices), rng.choice((1, 1, 2, 3)))) for _ in range(POOL - 12)]


def codes(field, rng):
    if field.name in PROJECT_FEATURES:
        return few(PROJECT_FEATURES[field.name], rng)
    return few(FEATURES[field.name].split(), rng)


MAKERS = {
    "text": texts, "number": numbers, "int": integers, "codes": codes,
    "enum": lambda field, rng: field.argument.split("|"),
    "words": lambda field, rng: few(field.argument.split("|"), rng),
    "bool": lambda field, rng: [True, False],
    "stamp": lambda field, rng: [stamp_at(FIRST_DAY + rng.randrange(900 * 86400) * edm.SECOND) for _ in range(POOL)],
    "date": lambda field, rng: [day_at(rng.randrange(-700, 900)) for _ in range(POOL)],
    "coordinates": lambda field, rng: ["%.5f,%.5f" % (34.6 + rng.random(), 32.4 + rng.random()) for _ in range(POOL)],
    "country": lambda field, rng: ["CY", "CY", "CY", "GR", "DE", "AE", "RU"],
    "url": lambda field, rng: ["https://pages.invalid/%s?n=%d&x=%%20" % (field.name, n) for n in range(9)],
    "email": lambda field, rng: ["person%d@example.com" % n for n in range(POOL)],
    "phone": lambda field, rng: ["+357-%08d" % rng.randrange(10 ** 8) for _ in range(POOL)],
    "uuid": lambda field, rng: [uuid_of(0, field.name, n) for n in range(5)],
    "object": lambda field, rng: [None],
    "plain": lambda field, rng: ["0"], "id": lambda field, rng: ["0"], "ref": lambda field, rng: [0],
}


def pool_of(field, path, seed, sizes):
    """The pool of an ordinary field; links lead to records that are there."""
    rng = random.Random(zlib.crc32(("%s/%s/%s" % (seed, path, field.name)).encode()))
    if field.kind == "link":
        target = RESOURCES.get(field.argument)
        count = sizes.get(target, 0)
        found = [uuid_of(seed, target, rng.randrange(count)) for _ in range(min(max(count, POOL), 997))] if count else [None]
    elif field.kind == "code":
        found = list(TYPES) if field.argument == "PropertyTypes" else [None]
    else:
        found = MAKERS[field.kind](field, rng)
    if field.nullable and not field.many:
        while len(found) < 12:
            found = found * 2
        found = found + [None] * (len(found) // 4)
    if len(found) < 60:
        found = found * (60 // len(found) + 1)
    rng.shuffle(found)
    return Pool(found, rng)
