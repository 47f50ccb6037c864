"""Generated values: small pools per field, chosen to hurt naive readers.

A pool keeps about 15 % nulls. Which pool entry a record gets is a hash of its
number, so any record of millions can be made without making the others.
"""
import random
import uuid
import zlib
from decimal import Decimal

import edm

POOL = 61
NULL_SHARE = 0.15
MASK = (1 << 32) - 1

TEXTS = [
    "", " ", " leading blank", "trailing blank ", "trailing blank", "O'Brien", "O''Brien", 'say "hi"', "back\\slash", "\\",
    "100%", "100% _done_", "_", "%", "a_c", "abc", "ABC", "Abc", "aBC", "null", "NULL", "true", "0", "007", "-1", "1e3",
    "Ümläut Straße", "ÜMLÄUT STRASSE", "éclair", "e\u0301clair", "日本語テキスト", "Ελληνικά", "Русский", "עברית", "🏡 home",
    "İstanbul", "istanbul", "line\nbreak", "tab\there", "a&b=c#d", "50+50", "a/b", "(x)", "x,y;z", "<b>&amp;</b>", "$it",
    "2024-02-29", "not", "and or", "zz top", "ZZ Top", "q?", "A", "a", "b", "B", "\u00a0nbsp", "semi;colon", "co:lon",
]
DATES = [
    "0001-01-01", "9999-12-31", "2019-12-31", "2019-12-30", "2020-01-01", "2000-02-29", "2024-02-29", "1900-02-28",
    "1899-12-31", "1970-01-01", "1969-12-31", "1582-10-15", "2038-01-19", "2023-06-15", "2023-06-16",
]
STAMPS = [
    "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.9999999Z", "2019-12-31T23:55:55-09:00", "2020-01-01T08:55:55Z",
    "2024-02-29T23:59:59.123Z", "2024-02-29T23:59:59.1234567Z", "2024-02-29T23:59:59.1234565Z", "2024-02-29T23:59:59.1234560Z",
    "2024-02-29T23:59:59.12Z", "2024-02-29T23:59:59Z", "2024-03-01T00:00:00+14:00", "2024-03-01T00:00:00-12:00",
    "1969-12-31T23:59:59.9Z", "1970-01-01T00:00:00Z", "1900-01-01T00:00:00+00:00", "2025-03-30T02:30:00+01:00",
    "2023-12-31T23:30:00-05:30", "2018-07-04T12:00:00.5Z", "2016-12-31T23:59:59.9999999Z",
]
TIMES = ["00:00:00", "23:59:59.9999999", "12:00:00", "12:00:00.5", "07:59:59.999", "07:59:59.9990000", "07:59", "18:30:00"]
DOUBLES = [0.0, -0.0, 0.1, 0.2, 0.30000000000000004, 1e300, -1e300, 5e-324, 1.5, -1.5, 3.141592653589793, 1e15, 123456789.125]
INTS = {
    "Edm.Int16": [-32768, 32767, 0, 1, -1, 2, 5, 15],
    "Edm.Int32": [-2147483648, 2147483647, 0, 1, -1, 2, 5, 15],
    "Edm.Int64": [-9223372036854775808, 9223372036854775807, 9007199254740993, 9007199254740992, 0, 1, -1, 15],
}
WORDS = ("bright corner home near the river with oak floors quiet street new roof large garden open kitchen walk to school "
         "mountain view updated bath shaded patio l'été Straße garage for two cars room to grow sold as-is").split()
LONG_TEXT = ("PublicRemarks", "PrivateRemarks", "Directions", "LongDescription", "ShowingInstructions", "TaxLegalDescription")


class Pool:
    """Cells of one field, picked by a multiplicative hash of the record number."""
    __slots__ = ("cells", "factor", "start")

    def __init__(self, cells, rng):
        self.cells = cells
        self.factor = rng.getrandbits(32) | 1
        self.start = rng.getrandbits(32)

    def cell(self, number):
        return self.cells[((number * self.factor + self.start) & MASK) * len(self.cells) >> 32]


def sentence(rng, words):
    return " ".join(rng.choice(WORDS) for _ in range(words)).capitalize() + "."


def make_strings(field, rng):
    if field.name in LONG_TEXT:
        return [sentence(rng, rng.randint(20, 110)) for _ in range(POOL)]
    plain = ["%s %d" % (rng.choice(WORDS), rng.randint(1, 99)) for _ in range(12)]
    nasty = TEXTS if field.max_length is None or field.max_length >= 20 else rng.sample(TEXTS, 14)
    return [text for text in plain + nasty if len(text) <= (field.max_length or 9999)]


def make_decimals(field, rng):
    scale = field.scale if isinstance(field.scale, int) else 4
    digits = field.precision or 30
    unit = Decimal(1).scaleb(-scale)
    top = Decimal("9" * (digits - scale) + ("." + "9" * scale if scale else ""))
    if "Price" in field.name or "Amount" in field.name:
        usual = [Decimal(rng.randint(100, 5_000_000)) + rng.randint(0, 99) * unit for _ in range(POOL)]
    else:
        usual = [Decimal(rng.randint(-500, 9999)) * unit for _ in range(POOL)]
    edges = [Decimal(0), Decimal("0.1"), Decimal("500000"), Decimal("500000.01"), Decimal("499999.99"),
             Decimal("1234567.89"), top, -top, unit, Decimal("1e3")]
    return [value.quantize(unit) if rng.random() < 0.9 else value for value in usual + edges if abs(value) <= top]


def make_integers(field, rng):
    if field.name.endswith(("Total", "Full", "Half", "Integer", "Spaces", "Count", "Quarter", "Partial")):
        return list(range(16))
    return INTS[field.edm] + [rng.randint(-200, 2200) for _ in range(20)]


def make_doubles(field, rng):
    if field.name in ("Latitude", "Longitude"):
        return [round(rng.uniform(-80, 80), rng.randint(0, 14)) for _ in range(POOL)] + [0.0, -0.0]
    return DOUBLES + ["INF", "-INF", "NaN"] + [rng.uniform(-1000, 1000) for _ in range(10)]


def make_dates(field, rng):
    return DATES + [edm.format_date(rng.randint(17500, 20300)) for _ in range(25)]


def make_stamps(field, rng):
    usual = [edm.format_stamp(rng.randint(17500, 20300) * edm.DAY + rng.randrange(edm.DAY), n % 8) for n in range(32)]
    return STAMPS + usual


def make_times(field, rng):
    return TIMES + ["%02d:%02d:%02d" % (rng.randrange(24), rng.randrange(60), rng.randrange(60)) for _ in range(12)]


def make_guids(field, rng):
    guids = [str(uuid.UUID(int=rng.getrandbits(128), version=4)) for _ in range(20)]
    return guids + [guids[0].upper(), "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"]


MAKERS = {
    "Edm.String": make_strings,
    "Edm.Decimal": make_decimals,
    "Edm.Int16": make_integers,
    "Edm.Int32": make_integers,
    "Edm.Int64": make_integers,
    "Edm.Double": make_doubles,
    "Edm.Date": make_dates,
    "Edm.DateTimeOffset": make_stamps,
    "Edm.TimeOfDay": make_times,
    "Edm.Guid": make_guids,
    "Edm.Boolean": lambda field, rng: [True, False],
}


def single_values(field, model, rng):
    if field.parts:
        return [{part.name: rng.choice(single_values(part, model, rng) + [None]) for part in field.parts} for _ in range(POOL)]
    if field.enum:
        return list(field.enum.members)
    if field.lookup:
        return model.lookup_values(field.lookup)
    return MAKERS[field.edm](field, rng)


def some_of(values, rng):
    """A few distinct values; alone often, so that all() has matches."""
    return rng.sample(values, min(len(values), rng.choice((1, 1, 2, 3))))


def raw_values(field, model, rng):
    """The JSON values of a field's pool, nulls or empty collections included."""
    values = single_values(field, model, rng)
    if field.many:
        values = [some_of(values, rng) for _ in range(POOL)] + [[value] for value in values[:12]]
    elif field.enum and field.enum.flags:
        values = values + [",".join(some_of(values, rng)) for _ in range(POOL)]
    if len(values) < 40:
        values = values * (40 // len(values) + 1)
    if field.nullable:
        values = values + [None] * max(1, round(len(values) * NULL_SHARE / (1 - NULL_SHARE)))
    return values


def make_pool(field, model, seed, resource):
    rng = random.Random(zlib.crc32(("%s/%s/%s" % (seed, resource, field.name)).encode()))
    return Pool([field.cell(raw) for raw in raw_values(field, model, rng)], rng)
