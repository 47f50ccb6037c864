"""Random OData queries, and what they must give by the rules of the standard.

An evaluator of its own, which shares nothing with the product: expressions are made as text
and as a Python function at once, so nothing is parsed here.  The rows are made here too, of a
fixed seed, and lie in a real database besides.

  odata_rules.py sql                     what makes the tables
  odata_rules.py model                   what mls.serve_model() would say of them
  odata_rules.py run SEED COUNT ROWS...  asks COUNT queries of the program ROWS..., and compares
  odata_rules.py refused ROWS...         what must be refused, mangled queries, mangled tokens
  odata_rules.py paths ROWS...           records, fields and navigations by their addresses
"""
import datetime as dt
import functools
import json
import math
import random
import re
import subprocess
import sys
import urllib.parse
import uuid
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal

UTC = dt.timezone.utc
PAGE_ROWS = 7       # as the program is told
EXPAND_ROWS = 3
KEYS = ["k1", "k10", "O'Fallon", "a/b c", "a&b+c", "100%_x", "ü😀", "Q\"z", "k2", "\\back", "semi;colon,comma", "(par)"]
WORDS = ["", "abc", "ABC", "abc abc", "O'Fallon", "100%", "a_b", "axb", "back\\slash", "é", "É", "😀x", " lead", "tail ", "ab", "b", "zebra", "Ab\"q"]
LOOKUPS = ["Active", "Active Under Contract", "Closed", "Coming Soon"]
LISTED = ["Dishwasher", "Gas Range", "Range, Gas", "Say \"so\"", "back\\slash", "", "é", "b"]


# ---- rows ----

class Rows:
    def __init__(self):
        r = random.Random(20261130)

        def maybe(value, p=0.22):
            return None if r.random() < p else value

        self.owners = [
            {"OwnerKey": f"o{i}", "Name": maybe(r.choice(WORDS)), "Age": maybe(r.choice([0, 5, 40, 41, -3])),
             "Langs": maybe(r.sample(LISTED, r.randint(0, 3)))} for i in range(9)]
        keys = KEYS + [f"t{i:03d}" for i in range(60 - len(KEYS))]
        self.things = []
        for key in keys:
            moment = dt.datetime(2020, 1, 1, tzinfo=UTC) + dt.timedelta(
                seconds=r.choice([0, 59, 3600, 86399, 86400, 31622400, -1, 63158399, 100000000]), microseconds=r.choice([0, 0, 1, 250000, 999999]))
            self.things.append({
                "ThingKey": key,
                "S1": maybe(r.choice(WORDS)), "S2": maybe(r.choice(WORDS)), "L": maybe(r.choice(LOOKUPS)),
                "C": maybe(r.sample(LISTED, r.randint(0, 4))),
                "I": maybe(r.choice([-7, -1, 0, 1, 2, 3, 5, 7, 2147483647])), "J": maybe(r.choice([0, 1, 2, -2, 9007199254740993, 9223372036854775807])),
                "D": maybe(Decimal(r.choice(["0", "1", "2.5", "-2.5", "0.1", "100000.00", "3", "7", "0.125", "-0.5"]))),
                "E": maybe(Decimal(r.choice(["0", "1", "2.50", "7", "-7.25"]))),
                "F": maybe(r.choice([0.0, 0.1, 0.5, -1.5, 2.5, 1e10, 3.0, 7.0])),
                "N": r.choice([0, 1, 2, 3]),
                "B": maybe(r.random() < 0.5),
                "X": maybe(r.choice([dt.date(2020, 1, 1), dt.date(2019, 12, 31), dt.date(2020, 2, 29), dt.date(1999, 5, 17)])),
                "T": maybe(moment), "U": maybe(moment + dt.timedelta(seconds=r.choice([0, 0, 1, -86400]))),
                "G": maybe(str(uuid.UUID(int=r.choice([1, 2, 2 ** 127])))),
                "H": maybe(r.choice([dt.time(0, 0), dt.time(7, 59, 59, 999000), dt.time(23, 59, 59, 999999), dt.time(12, 30)])),
                "W": maybe(r.choice([0.5, 1.5, -2.25, 3.0, 0.0])), "Z": maybe(moment), "V": maybe(r.choice(WORDS)),
                "OwnerKey": maybe(r.choice([f"o{i}" for i in range(11)])),
                "Latitude": maybe(Decimal(r.choice(["30.2", "30.25", "-89.9", "0", "89.95", "30.2001"]))),
                "Longitude": maybe(Decimal(r.choice(["-97.7", "179.95", "-179.95", "0", "-97.65", "-97.7001"]))),
            })
        self.parts = []
        for i in range(170):
            self.parts.append({
                "PartKey": 1000 + i, "ThingKey": maybe(r.choice(keys[:25] + ["gone"]), 0.05), "Kind": r.choice(["Thing", "Thing", "Thing", "Other"]),
                "N": maybe(r.choice([1, 2, 3, 4, 5])), "Label": maybe(r.choice(WORDS)), "Tags": maybe(r.sample(LISTED, r.randint(0, 2)))})
        self.pairs = [{"A": a, "B": b, "ThingKey": maybe(r.choice(keys))} for a in (1, 2, 3) for b in ("x", "o'y", "a,b=c/d")]

    def of(self, resource):
        return {"Thing": self.things, "Part": self.parts, "Owner": self.owners, "Pair": self.pairs}[resource]


ROWS = Rows()
# Fields: name, type, SQL type, nullable
FIELDS = {
    "Thing": [("ThingKey", "s", "text", 0), ("S1", "s", "text", 1), ("S2", "s", "text", 1), ("L", "s", "text", 1), ("C", "c", "text[]", 1),
              ("I", "i", "integer", 1), ("J", "i", "bigint", 1), ("D", "d", "numeric", 1), ("E", "d", "numeric(12,2)", 1), ("F", "f", "double precision", 1),
              ("N", "i", "integer", 0), ("B", "b", "boolean", 1), ("X", "x", "date", 1), ("T", "t", "timestamptz", 1), ("U", "t", "timestamptz", 1),
              ("G", "g", "uuid", 1), ("H", "h", "time", 1), ("W", "f", "real", 1),
              ("Z", "t", "timestamp without time zone", 1), ("V", "s", "character varying(40)", 1), ("OwnerKey", "s", "text", 1), ("Latitude", "d", "numeric", 1), ("Longitude", "d", "numeric", 1)],
    "Part": [("PartKey", "i", "bigint", 0), ("ThingKey", "s", "text", 1), ("Kind", "s", "text", 0), ("N", "i", "integer", 1), ("Label", "s", "text", 1), ("Tags", "c", "text[]", 1)],
    "Owner": [("OwnerKey", "s", "text", 0), ("Name", "s", "text", 1), ("Age", "i", "smallint", 1), ("Langs", "c", "text[]", 1)],
    "Pair": [("A", "i", "integer", 0), ("B", "s", "character varying(20)", 0), ("ThingKey", "s", "text", 1)],
}
EDM = {"s": "Edm.String", "c": "Edm.String", "i": "Edm.Int64", "d": "Edm.Decimal", "f": "Edm.Double", "b": "Edm.Boolean", "x": "Edm.Date",
       "t": "Edm.DateTimeOffset", "g": "Edm.Guid", "h": "Edm.TimeOfDay"}
KEY = {"Thing": "ThingKey", "Part": "PartKey", "Owner": "OwnerKey"}
PAIR_KEY = ["A", "B"]
LOOKUP = {("Thing", "L"): "Lk", ("Thing", "C"): "Cs", ("Owner", "Langs"): "Cs"}
# name, target, many, local, foreign, where
NAVIGATIONS = {
    "Thing": [("Parts", "Part", True, "ThingKey", "ThingKey", ("Kind", "Thing")), ("Owner", "Owner", False, "OwnerKey", "OwnerKey", None)],
    "Part": [("Thing", "Thing", False, "ThingKey", "ThingKey", None)],
    "Owner": [("Things", "Thing", True, "OwnerKey", "OwnerKey", None)],
    "Pair": [("Thing", "Thing", False, "ThingKey", "ThingKey", None), ("Parts", "Part", True, "ThingKey", "ThingKey", None)],
}


def follow(row, navigation):
    _, target, many, local, foreign, where = navigation
    found = [x for x in ROWS.of(target) if row[local] is not None and x[foreign] == row[local] and (where is None or x[where[0]] == where[1])]
    return found if many else (found[0] if found else None)


def print_model():
    resources = []
    for name, fields in FIELDS.items():
        resources.append({
            "name": name, "schema": "web", "view": name, "key": [KEY[name]] if name in KEY else PAIR_KEY,
            "fields": [{"name": f, "type": EDM[t], "sql": sql, "nullable": bool(n), "collection": t == "c", "lookup": LOOKUP.get((name, f))} for f, t, sql, n in fields],
            "navigations": [{"name": n, "target": target, "many": many, "on": [[local, foreign]], "where": [list(where)] if where else []}
                            for n, target, many, local, foreign, where in NAVIGATIONS[name]]})
    print(json.dumps({"version": "1", "resources": resources}))


def sql_value(value):
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, list):
        return "'" + ("{" + ",".join('"' + x.replace("\\", "\\\\").replace('"', '\\"') + '"' for x in value) + "}").replace("'", "''") + "'"
    if isinstance(value, (int, float, Decimal)):
        return f"'{value}'"
    return "'" + str(value).replace("'", "''").replace("+00:00", "") + "'"


def print_sql():
    print("SET timezone = 'UTC'; CREATE SCHEMA web;")
    for name, fields in FIELDS.items():
        columns = ", ".join(f'"{f}" {sql}{"" if n else " NOT NULL"}' for f, t, sql, n in fields)
        key = ", ".join(f'"{k}"' for k in ([KEY[name]] if name in KEY else PAIR_KEY))
        print(f'CREATE TABLE web."{name}" ({columns}, PRIMARY KEY ({key}));')
        print(f'INSERT INTO web."{name}" VALUES ' + ", ".join("(" + ", ".join(sql_value(row[f]) for f, *_ in fields) + ")" for row in ROWS.of(name)) + ";")
        for f, t, *_ in fields:
            print(f'CREATE INDEX ON web."{name}" {"USING gin " if t == "c" else ""}("{f}");')
    print("ANALYZE;")


# ---- expressions ----

PRIMARY, POSTFIX, UNARY, MUL, ADD, REL, EQ, AND, OR = 9, 8, 7, 6, 5, 4, 3, 2, 1


class State:
    divided_by_zero = False


class E:
    """An expression: its text, how tightly it binds, its type, its value for an environment."""

    def __init__(self, text, binds, kind, value):
        self.text, self.binds, self.kind, self.value = text, binds, kind, value

    def within(self, least):
        return self.text if self.binds >= least else f"({self.text})"


def quote(text):
    return "'" + text.replace("'", "''") + "'"


def as_comparable(a, b):
    """Two values, neither null, of types that compare."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a, b
    if isinstance(a, float) or isinstance(b, float):
        return float(a), float(b)
    if isinstance(a, dt.datetime) != isinstance(b, dt.datetime) and isinstance(a, dt.date) and isinstance(b, dt.date):
        def midnight(x):
            return x if isinstance(x, dt.datetime) else dt.datetime(x.year, x.month, x.day, tzinfo=UTC)
        return midnight(a), midnight(b)
    return a, b


def compare(op, a, b):
    if op == "eq" or op == "ne":
        if a is None or b is None:
            same = a is None and b is None
        else:
            a, b = as_comparable(a, b)
            same = a == b
        return same == (op == "eq")
    if a is None or b is None:
        return False
    a, b = as_comparable(a, b)
    return {"gt": a > b, "ge": a >= b, "lt": a < b, "le": a <= b}[op]


def arithmetic(op, a, b):
    if a is None or b is None:
        return None
    integers = isinstance(a, int) and isinstance(b, int)
    if isinstance(a, float) or isinstance(b, float):
        a, b = float(a), float(b)
    elif not integers:
        a, b = Decimal(a), Decimal(b)
    if op == "add":
        return a + b
    if op == "sub":
        return a - b
    if op == "mul":
        return a * b
    if b == 0:
        State.divided_by_zero = True
        return None
    if op == "mod":
        if isinstance(a, float):
            return float(Decimal(repr(a)) % Decimal(repr(b)))
        return int(Decimal(a) % Decimal(b)) if integers else a % b
    if op == "div" and integers:
        return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
    return Decimal(a) / Decimal(b) if integers else a / b


def rounded(value, how):
    if value is None or isinstance(value, int):
        return value
    whole = (Decimal(repr(value)) if isinstance(value, float) else value).quantize(Decimal(1), rounding=how)
    return float(whole) if isinstance(value, float) else whole


def haversine(latitude, longitude, row):
    if row is None or row["Latitude"] is None or row["Longitude"] is None:
        return None
    a, b = math.radians(latitude), math.radians(float(row["Latitude"]))
    x = math.sin((b - a) / 2) ** 2 + math.cos(a) * math.cos(b) * math.sin(math.radians(float(row["Longitude"]) - longitude) / 2) ** 2
    return 12742017.6 * math.asin(math.sqrt(min(1.0, max(0.0, x))))


def null_or(function):
    """A function that is null of null."""
    return lambda *args: None if any(a is None for a in args) else function(*args)


def substring(text, start, length=None):
    if start < 0:
        start = max(len(text) + start, 0)
    return text[start:] if length is None else text[start:start + max(length, 0)]


def fold(word, r):
    """Words of operators and functions may be in any case."""
    return word if r.random() < 0.85 else "".join(r.choice([c.upper(), c.lower()]) for c in word)


class Maker:
    """Makes expressions about a resource; scopes are the variables of any() and all()."""

    def __init__(self, r, resource, top_level=True):
        self.r, self.resource, self.scopes, self.names, self.top_level = r, resource, [], 0, top_level

    # -- where fields are

    def roots(self):
        """Path prefixes, their resource, and the record they lead to."""
        found = [("", self.resource, lambda env: env["it"])]
        if self.top_level and self.r.random() < 0.1:
            found.append(("$it/", self.resource, lambda env: env["it"]))
        for name, resource in self.scopes:
            if resource:
                found += [(name + "/", resource, lambda env, name=name: env[name])] * 3
        prefix, resource, record = self.r.choice(found)
        ones = [n for n in NAVIGATIONS[resource] if not n[2]]
        if ones and self.r.random() < 0.15:
            navigation = self.r.choice(ones)
            outer = record

            def reached(env):
                row = outer(env)
                return None if row is None else follow(row, navigation)
            return prefix + navigation[0] + "/", navigation[1], reached
        return prefix, resource, record

    def field(self, kinds):
        for _ in range(200):
            prefix, resource, record = self.roots()
            fields = [f for f in FIELDS[resource] if f[1] in kinds]
            if fields:
                name, kind, *_ = self.r.choice(fields)

                def value(env):
                    row = record(env)
                    return None if row is None else row[name]
                return E(prefix + name, PRIMARY, kind, value), LOOKUP.get((resource, name))
        return None, None

    # -- values

    def literal(self, kind):
        r = self.r
        if kind == "s":
            value = r.choice(WORDS + LOOKUPS + LISTED)
            return E(quote(value), PRIMARY, "s", lambda env: value)
        if kind in "idf":
            text = r.choice(["0", "1", "2", "3", "5", "-1", "7", "-7", "100000"] if kind == "i" else ["0", "1", "2.5", "-2.5", "0.1", "0.125", "3.0", "100000.00", "7", "-0.5"])
            value = Decimal(text) if "." in text else int(text)
            return E(text, PRIMARY, "d" if "." in text else "i", lambda env: value)
        if kind == "b":
            value = r.random() < 0.5
            return E("true" if value else "false", PRIMARY, "b", lambda env: value)
        if kind == "x":
            value = r.choice([dt.date(2020, 1, 1), dt.date(2019, 12, 31), dt.date(2020, 2, 29), dt.date(2021, 1, 1)])
            return E(value.isoformat(), PRIMARY, "x", lambda env: value)
        if kind == "t":
            text, value = r.choice([
                ("2020-01-01T00:00:00Z", (2020, 1, 1)), ("2019-12-31T14:00:00-10:00", (2020, 1, 1)), ("2020-01-01T05:30:00+05:30", (2020, 1, 1)),
                ("2020-01-01t00:00z", (2020, 1, 1)), ("2020-01-01T00:00:59.25Z", (2020, 1, 1, 0, 0, 59, 250000)), ("2021-12-31T23:59:59.999999Z", (2021, 12, 31, 23, 59, 59, 999999)),
                ("2019-12-31T23:59:59.000000000Z", (2019, 12, 31, 23, 59, 59))])
            moment = dt.datetime(*value, tzinfo=UTC)
            return E(text, PRIMARY, "t", lambda env: moment)
        if kind == "h":
            text, value = r.choice([("00:00", dt.time(0, 0)), ("07:59:59.999", dt.time(7, 59, 59, 999000)), ("12:30:00", dt.time(12, 30)), ("23:59:59.999999", dt.time(23, 59, 59, 999999))])
            return E(text, PRIMARY, "h", lambda env: value)
        value = str(uuid.UUID(int=r.choice([1, 2, 2 ** 127])))
        return E(value if r.random() < 0.6 else quote(value), PRIMARY, "g", lambda env: value)

    def call(self, name, args, kind, function):
        r = self.r
        text = fold(name, r) + "(" + (", " if r.random() < 0.3 else ",").join(a.text for a in args) + ")"
        return E(text, PRIMARY, kind, lambda env: null_or(function)(*[a.value(env) for a in args]))

    def value_variable(self):
        names = [name for name, resource in self.scopes if resource is None]
        if not names or self.r.random() < 0.3:
            return None
        name = self.r.choice(names)
        return E(name, PRIMARY, "s", lambda env: env[name])

    def string(self, depth):
        r = self.r
        if depth <= 0 or r.random() < 0.5:
            variable = self.value_variable()
            if variable:
                return variable
            return self.field("s")[0] if r.random() < 0.75 else self.literal("s")
        a = self.string(depth - 1)
        which = r.randrange(7)
        if which == 0:
            return self.call("tolower", [a], "s", str.lower)
        if which == 1:
            return self.call("toupper", [a], "s", str.upper)
        if which == 2:
            return self.call("trim", [a], "s", lambda s: s.strip(" \t\n\r\f\v"))
        if which == 3:
            return self.call("concat", [a, self.string(depth - 1)], "s", lambda x, y: x + y)
        if which == 4:
            return self.call("substring", [a, self.whole(depth - 1, small=True)], "s", substring)
        if which == 5:
            return self.call("substring", [a, self.whole(depth - 1, small=True), self.whole(depth - 1, small=True)], "s", substring)
        field, _ = self.field("i")
        return E(f"cast({field.text},Edm.String)", PRIMARY, "s", lambda env: null_or(str)(field.value(env)))

    def collection(self):
        return self.field("c")

    def count(self):
        if self.r.random() < 0.5:
            field, _ = self.collection()
            return E(field.text + "/$count", PRIMARY, "i", lambda env: len(field.value(env) or []))
        prefix, navigation, records = self.many()
        if self.r.random() < 0.5:
            return E(f"{prefix}{navigation[0]}/$count", PRIMARY, "i", lambda env: len(records(env)))
        inner = Maker(self.r, navigation[1], False)
        condition = inner.boolean(1)
        return E(f"{prefix}{navigation[0]}/$count($filter={condition.text})", PRIMARY, "i",
                 lambda env: sum(1 for row in records(env) if condition.value({"it": row}) is True))

    def many(self):
        while True:
            prefix, resource, record = self.roots()
            navigations = [n for n in NAVIGATIONS[resource] if n[2]]
            if navigations:
                navigation = self.r.choice(navigations)

                def records(env):
                    row = record(env)
                    return [] if row is None else follow(row, navigation)
                return prefix, navigation, records

    def whole(self, depth, small=False):
        r = self.r
        if depth <= 0 or r.random() < 0.4:
            if small or r.random() < 0.3:
                value = r.choice([0, 1, 2, 3, -1, -2, 20])
                return E(str(value), PRIMARY, "i", lambda env: value)
            return self.field("i")[0]
        which = r.randrange(6)
        if which == 0:
            return self.call("length", [self.string(depth - 1)], "i", len)
        if which == 1:
            return self.call("indexof", [self.string(depth - 1), self.string(depth - 1)], "i", str.find)
        if which == 2:
            part = r.choice(["year", "month", "day"])
            return self.call(part, [self.moment(depth - 1, "xt")], "i", lambda x: getattr(x, part))
        if which == 3:
            part = r.choice(["hour", "minute", "second"])
            return self.call(part, [self.moment(depth - 1, "th")], "i", lambda x: getattr(x, part))
        if which == 4:
            return self.count()
        return self.call("totaloffsetminutes", [self.moment(depth - 1, "t")], "i", lambda x: 0)

    def number(self, depth):
        r = self.r
        if depth <= 0 or r.random() < 0.45:
            return self.field("idf")[0] if r.random() < 0.75 else self.literal(r.choice("idf"))
        which = r.randrange(8)
        if which <= 2:
            op, binds = r.choice([("add", ADD), ("sub", ADD), ("mul", MUL)])
            a, b = self.small_number(depth - 1), self.small_number(depth - 1)
            return E(f"{a.within(binds)} {fold(op, r)} {b.within(binds + 1)}", binds, "n", lambda env: arithmetic(op, a.value(env), b.value(env)))
        if which == 3:
            op = r.choice(["div", "divby", "mod"])
            a, b = self.small_number(0), self.small_number(0)
            return E(f"{a.within(MUL)} {op} {b.within(UNARY)}", MUL, "n", lambda env: arithmetic(op, a.value(env), b.value(env)))
        if which == 4:
            a = self.number(depth - 1)
            # Of a float it would be to numeric and back.
            how = r.choice([("round", ROUND_HALF_UP), ("floor", ROUND_FLOOR), ("ceiling", ROUND_CEILING)])
            return E(f"{how[0]}({a.text})", PRIMARY, "n", lambda env: rounded(a.value(env), how[1]))
        if which == 5:
            a = self.field("idf")[0]
            return E("-" + a.text, UNARY, "n", lambda env: null_or(lambda x: -x)(a.value(env)))
        if which == 6:
            return self.call("fractionalseconds", [self.moment(depth - 1, "th")], "d", lambda x: Decimal(x.microsecond) / 1000000)
        return self.whole(depth)

    def small_number(self, depth):
        return self.number(depth) if self.r.random() < 0.7 else self.literal("d")

    def moment(self, depth, kinds):
        r = self.r
        kind = r.choice(kinds)
        if kind == "t" and depth > 0 and r.random() < 0.25:
            a = self.field("t")[0]
            if a:
                op, sign = r.choice([("add", 1), ("sub", -1)])
                text, seconds = r.choice([("duration'P1D'", 86400), ("duration'-PT1H30M'", -5400), ("'PT0.25S'", 0.25), ("duration'P1DT2H3M4.5S'", 93784.5)])
                return E(f"{a.text} {op} {text}", ADD, "t", lambda env: null_or(lambda x: x + dt.timedelta(seconds=sign * seconds))(a.value(env)))
        if kind == "x" and depth > 0 and r.random() < 0.4:
            a = self.moment(depth - 1, "t")
            return self.call("date", [a], "x", lambda x: x.date())
        if kind == "h" and depth > 0 and r.random() < 0.4:
            a = self.moment(depth - 1, "t")
            return self.call("time", [a], "h", lambda x: x.time())
        field = self.field(kind)[0] if r.random() < 0.75 else None
        return field or self.literal(kind)

    # -- conditions

    def comparison(self, depth):
        r = self.r
        op = r.choice(["eq", "ne", "gt", "ge", "lt", "le"])
        binds = EQ if op in ("eq", "ne") else REL
        which = r.randrange(11)
        if which < 3:
            a, b = self.string(depth - 1), self.string(depth - 1)
        elif which < 6:
            a, b = self.number(depth), self.number(depth - 1)
        elif which == 6:
            a, b = self.moment(depth, "xt"), self.moment(depth - 1, "xt")
        elif which == 7:
            a, b = self.moment(depth, "h"), self.moment(0, "h")
        elif which == 8:
            op, binds = r.choice(["eq", "ne"]), EQ
            a, b = (self.boolean(depth - 1) if r.random() < 0.3 else self.field("b")[0]) or self.literal("b"), self.literal("b")
        elif which == 9:
            a, b = self.field("g")[0] or self.literal("g"), self.literal("g")
            op, binds = r.choice(["eq", "ne"]), EQ
        else:
            a = self.field("sidfbxtgh")[0]
            b = E("null", PRIMARY, a.kind, lambda env: None)
        if r.random() < 0.1 and "duration" not in a.text:
            a, b = b, a
        if r.random() < 0.04:
            # A part of a microsecond: it is neither this one nor the next.
            a = self.field("t")[0]
            if a:
                text = "2020-01-01T00:00:59.2500004Z"
                moment = dt.datetime(2020, 1, 1, 0, 0, 59, 250000, tzinfo=UTC)

                def between(env):
                    x = a.value(env)
                    if op in ("eq", "ne"):
                        return op == "ne"
                    return compare("gt" if op in ("gt", "ge") else "le", x, moment)
                return E(f"{a.text} {op} {text}", binds, "b", between)
            a, b = self.number(0), self.number(0)
        return E(f"{a.within(binds)} {fold(op, r)} {b.within(binds + 1)}", binds, "b", lambda env: compare(op, a.value(env), b.value(env)))

    def member(self, depth):
        r = self.r
        if r.random() < 0.25:
            field, _ = self.collection()
            a = self.string(0)
            return E(f"{a.within(POSTFIX)} in {field.text}", POSTFIX, "b", lambda env: any(compare("eq", x, a.value(env)) for x in field.value(env) or []))
        kind = r.choice("sidxtgb")
        field, _ = self.field(kind)
        if field is None:
            kind = "s"
            field = self.literal(kind)
        members = [self.literal(kind) for _ in range(r.randint(0, 4))]
        if r.random() < 0.3:
            members.append(E("null", PRIMARY, kind, lambda env: None))
        if r.random() < 0.2 and kind in "sid":
            other, _ = self.field(kind)
            members += [other] if other else []
        r.shuffle(members)
        comma = ", " if r.random() < 0.5 else ","
        return E(f"{field.within(POSTFIX)} {fold('in', r)} ({comma.join(m.text for m in members)})", POSTFIX, "b",
                 lambda env: any([compare("eq", field.value(env), m.value(env)) for m in members]))

    def has(self):
        r = self.r
        if r.random() < 0.5:
            field, lookup = self.collection()
            value = r.choice(LISTED)
            prefix = "Ns." + lookup if lookup and r.random() < 0.5 else ""
            return E(f"{field.text} has {prefix}{quote(value)}", POSTFIX, "b", lambda env: value in (field.value(env) or []))
        field, lookup = self.field("s")
        value = r.choice(LOOKUPS + WORDS)
        prefix = "org.reso." + lookup if lookup and r.random() < 0.5 else ""
        return E(f"{field.text} has {prefix}{quote(value)}", POSTFIX, "b", lambda env: null_or(lambda x: x == value)(field.value(env)))

    def lambda_(self, depth):
        r = self.r
        if r.random() < 0.5:
            field, _ = self.collection()
            text, resource, items = field.text, None, lambda env: field.value(env) or []
        else:
            prefix, navigation, records = self.many()
            text, resource, items = prefix + navigation[0], navigation[1], records
        word = r.choice(["any", "any", "all"])
        if word == "any" and r.random() < 0.1:
            return E(text + "/any()", PRIMARY, "b", lambda env: len(items(env)) > 0)
        self.names += 1
        name = r.choice(["x", "enum", "m", "Name", "v"]) + str(self.names)
        if resource is None and r.random() < 0.5:
            # Conditions that are answered by operators of arrays.
            values = [r.choice(LISTED) for _ in range(r.randint(1, 3))]
            condition = E((" " + fold("or", r) + " ").join(f"{name} eq {quote(v)}" if r.random() < 0.8 else f"{quote(v)} eq {name}" for v in values), OR, "b",
                          lambda env: any(env[name] == v for v in values))
            if r.random() < 0.3:
                condition = E(f"{name} in ({','.join(quote(v) for v in values)})", POSTFIX, "b", condition.value)
        else:
            self.scopes.append((name, resource))
            condition = self.boolean(depth - 1)
            self.scopes.pop()

        def value(env):
            results = [condition.value({**env, name: item}) for item in items(env)]
            return any(x is True for x in results) if word == "any" else all(x is True for x in results)
        return E(f"{text}/{word}({name}:{' ' if r.random() < 0.2 else ''}{condition.text})", PRIMARY, "b", value)

    def distance(self):
        r = self.r
        point = r.choice([(30.2, -97.7), (-90.0, 0.0), (0.0, 180.0), (0.0, -179.99), (89.9, 10.0), (30.2, -97.6999)])
        metres = r.choice([0, 1, 20, 6000, 20000, 500000, 12000000, 30000000])
        op = r.choice(["lt", "le", "gt"])
        path, record = "Coordinates", lambda env: env["it"]
        text = r.choice(["geography'POINT(%s %s)'", "geography'SRID=4326;POINT(%s %s)'"]) % (point[1], point[0])
        args = [path, text] if r.random() < 0.7 else [text, path]
        return E(f"geo.distance({args[0]},{args[1]}) {op} {metres}", REL, "b", lambda env: compare(op, haversine(*point, record(env)), float(metres)))

    def intersects(self):
        r = self.r
        # No place of a row lies on a border of these.
        rings = r.choice([
            [[(-98, 30), (-97, 30), (-97, 31), (-98, 31)]],
            [[(-179, 89), (180, 89), (180, 90), (-179, 90)]],
            [[(-180, -90), (180, -90), (180, 90), (-180, 90)], [(-97.68, 30.21), (-97.6, 30.21), (-97.6, 30.3), (-97.68, 30.3)]],
            [[(-97.71, 30.19), (-97.6, 30.19), (-97.655, 30.3)]],
            [[(-1, -1), (1, -1), (0.5, 0.2), (1, 1), (-1, 1)], [(-0.5, 0.5), (-0.4, 0.5), (-0.4, 0.6)]]])
        text = "POLYGON(" + ",".join("(" + (", " if r.random() < 0.3 else ",").join(f"{x} {y}" for x, y in ring + ring[:1]) + ")" for ring in rings) + ")"

        def inside(ring, x, y):
            odd = False
            for (x1, y1), (x2, y2) in zip(ring, ring[1:] + ring[:1]):
                if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
                    odd = not odd
            return odd

        def value(env):
            row = env["it"]
            if row["Latitude"] is None or row["Longitude"] is None:
                return None
            x, y = float(row["Longitude"]), float(row["Latitude"])
            return inside(rings[0], x, y) and not any(inside(ring, x, y) for ring in rings[1:])
        return E(f"geo.intersects(Coordinates,geography'{r.choice(['', 'SRID=4326;'])}{text}')", PRIMARY, "b", value)

    def boolean(self, depth):
        r = self.r
        which = r.random()
        if depth > 0 and which < 0.42:
            op, binds = r.choice([("and", AND), ("or", OR)])
            a, b = self.boolean(depth - 1), self.boolean(depth - 1)

            def value(env):
                x, y = a.value(env), b.value(env)
                if op == "and":
                    return False if x is False or y is False else (None if x is None or y is None else True)
                return True if x is True or y is True else (None if x is None or y is None else False)
            return E(f"{a.within(binds)} {fold(op, r)} {b.within(binds + 1)}", binds, "b", value)
        if depth > 0 and which < 0.55:
            a = self.boolean(depth - 1)
            inner = f"({a.text})" if r.random() < 0.6 else a.within(UNARY)
            # "not A eq 1" is read as "not (A eq 1)" where "not A" makes no sense.
            return E(f"not {inner}" if r.random() < 0.8 or inner[0] != "(" else f"not{inner}", UNARY, "b", lambda env: null_or(lambda x: not x)(a.value(env)))
        if which < 0.62:
            name, function = r.choice([("contains", lambda x, y: y in x), ("startswith", str.startswith), ("endswith", str.endswith)])
            return self.call(name, [self.string(depth - 1), self.string(depth - 2)], "b", function)
        if which < 0.68:
            return self.member(depth)
        if which < 0.72:
            return self.has()
        if which < 0.80:
            return self.lambda_(depth)
        if which < 0.82 and self.resource == "Thing":
            return self.distance() if r.random() < 0.6 else self.intersects()
        if which < 0.85:
            field = self.field("b")[0]
            if field:
                return field
        if which < 0.87:
            ones = [n for n in NAVIGATIONS[self.resource] if not n[2]]
            if ones:
                navigation, op = r.choice(ones), r.choice(["eq", "ne"])
                return E(f"{navigation[0]} {op} null", EQ, "b", lambda env: (follow(env["it"], navigation) is None) == (op == "eq"))
        return self.comparison(depth)


# ---- queries ----

def in_order(rows, keys):
    """Rows by (value, descending) of each: null first where it rises, last where it falls."""
    def compared(a, b):
        for value, descending in keys:
            x, y = value({"it": a}), value({"it": b})
            if x is None or y is None:
                one = (x is not None) - (y is not None)
            else:
                x, y = as_comparable(x, y)
                one = (x > y) - (x < y)
            if one:
                return -one if descending else one
        return 0
    return sorted(rows, key=functools.cmp_to_key(compared))


class Query:
    """Options of a collection, as text and as what they give."""

    def __init__(self, r, resource, rows, depth, expand_depth, top_level):
        self.resource, self.options = resource, []
        self.fields = [f[0] for f in FIELDS[resource]]
        self.key = KEY[resource]
        self.selected = self.fields
        self.expands = []
        maker = Maker(r, resource, top_level)
        if r.random() < (0.9 if top_level else 0.4):
            condition = maker.boolean(r.choice([0, 1, 2, 3, 4]) if top_level else r.choice([0, 1]))
            self.options.append(("$filter", condition.text))
            self.filter = lambda row: condition.value({"it": row}) is True
        else:
            self.filter = lambda row: True
        keys, text = [], []
        for _ in range(r.choice([0, 1, 1, 2, 3]) if r.random() < 0.6 else 0):
            # Single fields mostly: those that pages go on by without a sort.
            e = r.choice([maker.string, maker.number])(1) if r.random() < 0.2 else maker.field("sidfbxtgh")[0]
            if e.kind == "n" and (" div" in e.text or " mod" in e.text):
                continue
            descending = r.random() < 0.5
            keys.append((e.value, descending))
            text.append(e.text + (r.choice([" desc", " DESC"]) if descending else r.choice(["", " asc"])))
        if keys:
            self.options.append(("$orderby", (", " if r.random() < 0.3 else ",").join(text)))
        # The product's own: the key last, in the direction of what is before it.
        last = keys[-1][1] if keys else False
        self.keys = keys + [(lambda env: env["it"][self.key], last)]
        self.top = r.choice([0, 1, 2, 3, 5, 7, 8, 14, 50]) if r.random() < 0.35 else None
        self.skip = r.choice([0, 1, 3, 10, 70]) if r.random() < 0.2 else 0
        self.count = r.random() < 0.35
        if self.top is not None:
            self.options.append(("$top", str(self.top)))
        if self.skip:
            self.options.append(("$skip", str(self.skip)))
        if self.count:
            self.options.append(("$count", "true"))
        if r.random() < 0.5:
            others = r.sample(self.fields, r.randint(1, 4))
            self.selected = [self.key] + [f for f in others if f != self.key]
            self.options.append(("$select", ",".join(self.selected)))
        if expand_depth > 0 and r.random() < (0.35 if top_level else 0.4):
            for navigation in r.sample(NAVIGATIONS[resource], r.randint(1, len(NAVIGATIONS[resource]))):
                if navigation[2]:
                    inner = Query(r, navigation[1], None, depth, expand_depth - 1, False)
                else:
                    inner = Query.one(r, navigation[1], expand_depth - 1)
                self.expands.append((navigation, inner))
            self.options.append(("$expand", ",".join(
                n[0] + (f"({';'.join(f'{k}={v}' for k, v in q.options)})" if q.options else "") for n, q in self.expands)))
        r.shuffle(self.options)

    @classmethod
    def one(cls, r, resource, expand_depth):
        """What may be said of a navigation to one record."""
        self = cls(r, resource, None, 0, expand_depth, False)
        self.options = [o for o in self.options if o[0] in ("$select", "$expand")]
        return self

    def everything(self):
        return self.options, [inner.everything() for _, inner in self.expands]

    def all(self, rows):
        rows = in_order([row for row in rows if self.filter(row)], self.keys)
        return rows, rows[self.skip:] if self.top is None else rows[self.skip:self.skip + self.top]


def encode(r, options):
    """As some client does it: option names with or without $, what needs no encoding encoded or not."""
    pairs = []
    for name, value in options:
        style = r.random()
        if style < 0.5:
            text = urllib.parse.quote(value, safe="'(),:;$/=*@")
        elif style < 0.8:
            text = urllib.parse.quote(value, safe="")
        else:
            text = urllib.parse.quote(value, safe="'(),:;$/=*@\"").replace("%20", "+")
        if r.random() < 0.1 and "%27" not in text and "'" not in text:
            text = text.replace("%20", "%09", 1)
        pairs.append((r.choice([name, name, name.replace("$", "%24"), name[1:], name.upper()])) + "=" + text)
    return "&".join(pairs)


class Program:
    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.asked = 0

    def ask(self, address, page=0):
        self.asked += 1
        line = address if isinstance(address, bytes) else address.encode()
        self.process.stdin.write(b"%d\t%s\n" % (page, line.replace(b"\n", b"%0A")))
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"the program died of {address!r}")
        return json.loads(answer, parse_float=Decimal)


class Wrong(Exception):
    pass


def check(condition, what):
    if not condition:
        raise Wrong(what)


def is_value(value, kind, shown):
    """Is a member of the JSON the value of the row?"""
    if kind == "c":
        return shown == (value or [])
    if value is None or shown is None:
        return value is None and shown is None
    if kind == "f":
        return float(shown) == value
    if kind in "id":
        return Decimal(shown) == value
    if kind == "t":
        return dt.datetime.fromisoformat(shown.replace("Z", "+00:00").split(".")[0].split("+")[0] + "+00:00") == value.replace(microsecond=0) and shown.endswith("Z")
    if kind == "x":
        return shown == value.isoformat()
    if kind == "h":
        return dt.time.fromisoformat((shown + "000000")[:15] if "." in shown else shown) == value
    return shown == value


def check_records(program, query, rows, shown):
    check([row[query.key] for row in rows] == [x.get(query.key) for x in shown],
          f"keys {[row[query.key] for row in rows]} are wanted, {[x.get(query.key) for x in shown]} are there")
    kinds = {f[0]: f[1] for f in FIELDS[query.resource]}
    for row, record in zip(rows, shown):
        members = {m for m in record if "@" not in m} - {n[0] for n, _ in query.expands}
        check(members == set(query.selected), f"members {sorted(members)}")
        for field in query.selected:
            check(is_value(row[field], kinds[field], record[field]), f"{field} of {row[query.key]} is {record[field]!r}, not {row[field]!r}")
        for navigation, inner in query.expands:
            check_expanded(program, navigation, inner, row, record)


def check_expanded(program, navigation, query, row, record):
    name = navigation[0]
    check(name in record, f"{name} is not expanded")
    found = follow(row, navigation)
    if not navigation[2]:
        check((found is None) == (record[name] is None), f"{name} is null or not")
        if found is not None:
            check_records(program, query, [found], [record[name]])
        return
    whole, wanted = query.all(found)
    check(record.get(name + "@odata.count") == (len(whole) if query.count else None), f"{name}@odata.count")
    link = record.get(name + "@odata.nextLink")
    check((link is not None) == (len(wanted) > EXPAND_ROWS), f"{name}@odata.nextLink")
    check_records(program, query, wanted[:EXPAND_ROWS], record[name])
    rest = wanted[EXPAND_ROWS:]
    while link:
        page = program.ask(link.replace("https://example.org/odata/", ""))
        check(page["status"] == 200, f"{link}: {page}")
        check_records(program, query, rest[:len(page["rows"])], page["rows"])
        rest = rest[len(page["rows"]):]
        link = page.get("next")
    check(not rest, f"records behind the last page of {name}: {len(rest)}")


def check_query(program, r, path, query, rows):
    """Every page of a query; how many rows there were."""
    State.divided_by_zero = False
    whole, wanted = query.all(rows)
    page_size = r.choice([1, 2]) if r.random() < 0.08 else r.choice([0, 0, 0, 5, 10, 1000])
    text = encode(r, query.options)
    address = path + ("?" + text if text else "")
    rest = wanted
    limit = page_size or (max(query.top, PAGE_ROWS) if query.top is not None else PAGE_ROWS)
    pages = 0
    while True:
        answer = program.ask(address, page_size)
        # Of constants it may be found out where there is no row; what is expanded is not looked at yet.
        if answer["status"] == 500 and answer["sqlstate"] == "22012" and (
                State.divided_by_zero or re.search(r"(div|divby|mod) 0", str(query.options)) or re.search(r" (div|divby|mod) ", str(query.everything()[1]))):
            return -1
        check(answer["status"] == 200, f"{answer}")
        check(answer.get("count") == (len(whole) if query.count else None), f"count {answer.get('count')}, not {len(whole)}")
        check_records(program, query, rest[:limit], answer["rows"])
        rest = rest[limit:]
        check(("next" in answer) == bool(rest), "a next link, or none")
        pages += 1
        if not rest:
            return len(wanted)
        address = answer["next"]
        check("$skip" not in address.split("$skiptoken=")[1], "the token comes last")


def run(seed, count, command):
    program = Program(command)
    r = random.Random(seed)
    failed = refused = empty = full = 0
    for i in range(count):
        resource = r.choice(["Thing", "Thing", "Thing", "Thing", "Part", "Owner"])
        try:
            query = Query(r, resource, None, 0, 2, True)
            if r.random() < 0.1:
                # Over a navigation, from a record.
                parent = r.choice(ROWS.of("Thing" if r.random() < 0.7 else "Owner"))
                navigation = NAVIGATIONS["Thing" if "ThingKey" in parent else "Owner"][0]
                query = Query(r, navigation[1], None, 0, 1, True)
                rows = follow(parent, navigation)
                key = parent.get("ThingKey") if "ThingKey" in parent else parent["OwnerKey"]
                path = ("Thing" if "ThingKey" in parent else "Owner") + "(" + urllib.parse.quote(quote(key), safe="'" if r.random() < 0.5 else "") + ")/" + navigation[0]
            else:
                path, rows = resource, ROWS.of(resource)
            n = check_query(program, r, path, query, rows)
            refused += n < 0
            empty += n == 0
            full += n == len(rows)
        except Wrong as e:
            failed += 1
            if failed <= 12:
                print(f"query {i}: {path}?{'&'.join(k + '=' + v for k, v in query.options)}\n    {e}")
    print(f"queries: {count} asked, {failed} failed, {refused} divided by zero, {empty} empty, {full} whole, {program.asked} pages")
    return failed


# ---- what must be refused ----

REFUSED = [line.split("\t") for line in open(__file__.replace("odata_rules.py", "refused.tsv"), encoding="utf-8").read().splitlines() if line and not line.startswith("#")]


def mangled(r, text):
    """With a byte changed, lost, doubled or moved."""
    data = bytearray(text.encode())
    for _ in range(r.choice([1, 1, 2, 4])):
        if not data:
            break
        at = r.randrange(len(data))
        which = r.randrange(5)
        if which == 0:
            data[at] = r.choice(b"'()/,;:$%&=+ -.0aZ\"\\\x00\xff\xc3@*!")
        elif which == 1:
            del data[at]
        elif which == 2:
            data.insert(at, data[at])
        elif which == 3:
            data[at:at] = r.choice([b"''", b"%27", b" and ", b"(", b")", b"null", b"%", b"%00", b"%C3", b" eq ", b"not ", b"--", b"/*", b";"])
        else:
            to = r.randrange(len(data))
            data[at], data[to] = data[to], data[at]
    return bytes(data).replace(b"\n", b"").replace(b"\x00", b"")


def refused(command):
    program = Program(command)
    failed = 0
    for status, target, address in REFUSED:
        address = json.loads('"' + address.replace('"', '\\"') + '"') if "\\u" in address else address
        for pattern, n in (("<LONG>", 70000), ("<DEEP>", 200), ("<MANY>", 1001), ("<NODES>", 201), ("<POINTS>", 1001)):
            if pattern in address:
                piece = {"<LONG>": "x" * n, "<DEEP>": "(" * n + "B" + ")" * n, "<MANY>": ",".join("1" for _ in range(n)),
                         "<NODES>": " or ".join(["B"] * (n + 1)), "<POINTS>": ",".join("1 1" for _ in range(n))}[pattern]
                address = address.replace(pattern, piece)
        answer = program.ask(address)
        good = answer["status"] == int(status) and (target == "-" or answer.get("target") == target)
        # What is refused is so before anything is asked of the database.
        good = good and "sqlstate" not in answer
        failed += not good
        if not good:
            print(f"{address[:200]}: {status} {target} is wanted, not {str(answer)[:400]}")
    print(f"refused: {len(REFUSED)} asked, {failed} failed")

    r = random.Random(7)
    wrong = 0
    tried = 0
    for i in range(150):
        query = Query(r, r.choice(["Thing", "Part"]), None, 0, 2, True)
        text = query.resource + "?" + encode(r, query.options)
        for _ in range(12):
            tried += 1
            answer = program.ask(mangled(r, text))
            if answer["status"] == 500 and not answer["sqlstate"].startswith("22"):
                wrong += 1
                print(f"{text}: {str(answer)[:600]}")
    print(f"mangled: {tried} asked, {wrong} failed")

    bad = 0
    tried = 0
    for path in ["Thing?$orderby=S1&$filter=N%20ge%200", "Thing?$orderby=T%20desc,I&$count=true&$top=40"]:
        link = program.ask(path, 5)["next"]
        head, token = link.split("$skiptoken=")
        for i in range(len(token)):
            for c in {chr(r.choice(b"ABCabc019-_")), "A", "=", "'"} - {token[i]}:
                tried += 1
                answer = program.ask(head + "$skiptoken=" + token[:i] + c + token[i + 1:])
                # The last character of base64 may have bits that say nothing.
                if answer["status"] not in (400, 410) and i + 1 < len(token):
                    bad += 1
                    print(f"token with {c} at {i}: {str(answer)[:300]}")
        for other in [path.replace("S1", "S2").replace("T%20", "U%20"), path + "&$select=S1", path.replace("Thing?", "Part?")]:
            tried += 1
            answer = program.ask(other + "&$skiptoken=" + token)
            if answer["status"] != 400:
                bad += 1
                print(f"token of another request: {other}: {str(answer)[:300]}")
    print(f"tokens: {tried} asked, {bad} failed")
    return failed + wrong + bad


# ---- paths ----

def segment(text):
    """A literal in a path, encoded as some client does it."""
    return urllib.parse.quote(quote(text), safe="'")


def paths(command):
    program = Program(command)
    asked = failed = 0

    def expect(address, status, rows=None, context=None, count=None):
        nonlocal asked, failed
        asked += 1
        answer = program.ask(address)
        good = answer["status"] == status and (rows is None or answer.get("rows") == rows)
        good = good and (context is None or answer.get("context") == context) and (count is None or answer.get("count") == count)
        failed += not good
        if not good:
            print(f"{address}: {status} {rows} {context} is wanted, not {str(answer)[:500]}")
        return answer

    for thing in ROWS.things[:24]:
        key = thing["ThingKey"]
        at = f"Thing({segment(key)})"
        expect(at + "?$select=ThingKey", 200, [{"ThingKey": key}], "$metadata#Thing(ThingKey)/$entity")
        expect(f"Thing(ThingKey={segment(key)})/ThingKey", 200, [{"value": key}])
        expect(f"/Thing(@k)/ThingKey/?@k={urllib.parse.quote(quote(key))}", 200, [{"value": key}])
        for field in ("S1", "D", "B", "X", "I"):
            value = thing[field]
            if value is None:
                expect(f"{at}/{field}", 204)
                expect(f"{at}/{field}/$value", 204)
            else:
                expect(f"{at}/{field}", 200, [{"value": value.isoformat() if field == "X" else value}])
                raw = str(value).lower() if isinstance(value, bool) else value.isoformat() if field == "X" else str(value)
                expect(f"{at}/{field}/$value", 200, [raw])
        if thing["T"]:
            expect(f"{at}/T/$value", 200, [thing["T"].strftime("%Y-%m-%dT%H:%M:%S.%fZ")])
        expect(f"{at}/C", 200, [{"value": thing["C"] or []}])
        expect(f"{at}/C/$count", 200, [str(len(thing["C"] or []))])
        parts = [row["PartKey"] for row in follow(thing, NAVIGATIONS["Thing"][0])]
        expect(f"{at}/Parts/$count", 200, [str(len(parts))])
        expect(f"{at}/Parts/$count?$filter=N gt 2&$top=1&$orderby=N", 200,
               [str(sum(1 for row in follow(thing, NAVIGATIONS["Thing"][0]) if (row["N"] or 0) > 2))])
        expect(f"{at}/Parts?$select=PartKey", 200, [{"PartKey": k} for k in parts[:PAGE_ROWS]], "$metadata#Part(PartKey)")
        owner = follow(thing, NAVIGATIONS["Thing"][1])
        if owner is None:
            expect(f"{at}/Owner", 204)
            expect(f"{at}/Owner/Name", 404)
            expect(f"{at}/Owner/Things/$count", 404)
        else:
            expect(f"{at}/Owner?$select=OwnerKey", 200, [{"OwnerKey": owner["OwnerKey"]}], "$metadata#Owner(OwnerKey)/$entity")
            expect(f"{at}/Owner/OwnerKey", 200, [{"value": owner["OwnerKey"]}], "$metadata#Edm.String")
            expect(f"{at}/Owner/Things/$count", 200, [str(len(follow(owner, NAVIGATIONS["Owner"][0])))])
            expect(f"{at}/Owner/Things({segment(key)})/N", 200, [{"value": thing["N"]}])
            expect(f"{at}/Owner/Things('none')", 404)
        for part in parts[:2]:
            expect(f"{at}/Parts({part})?$select=PartKey", 200, [{"PartKey": part}])
            expect(f"Part('{part}')?$select=PartKey", 200, [{"PartKey": part}])
        expect(f"{at}/Parts(999)", 404)
    for pair in ROWS.pairs:
        at = f"Pair(B={segment(pair['B'])},A={pair['A']})"
        expect(at + "?$select=A,B", 200, [{"A": pair["A"], "B": pair["B"]}])
        expect(at + "/B/$value", 200, [pair["B"]])
        answer = program.ask(at + "?$expand=Parts($select=PartKey;$orderby=PartKey)&$select=A")
        wanted = sorted(row["PartKey"] for row in follow(pair, NAVIGATIONS["Pair"][1]))
        record = answer["rows"][0]
        shown = [row["PartKey"] for row in record["Parts"]]
        link = record.get("Parts@odata.nextLink")
        while link:
            page = program.ask(link.replace("https://example.org/odata/", ""))
            shown += [row["PartKey"] for row in page["rows"]]
            link = page.get("next")
        asked += 1
        if shown != wanted:
            failed += 1
            print(f"{at}: parts {shown}, not {wanted}")
    expect("Thing('none')", 404)
    expect("Thing('none')/Parts", 404)
    expect("Thing('none')/Owner", 404)
    expect("Thing('none')/S1", 404)
    expect("Thing('none')/Parts/$count", 404)
    expect("Part(1.5)", 404)
    expect("Part(99999999999999999999)", 404)
    expect("Thing?$top=0&$count=true", 200, [], count=60)
    expect("Thing?$select=Owner&$top=1&$expand=Owner($select=OwnerKey)&$filter=Owner ne null&$orderby=N", 200, context="$metadata#Thing(ThingKey,Owner(OwnerKey))")
    expect("Thing?$top=1&$expand=Parts/$count,Owner&$select=*", 200, context="$metadata#Thing(*,Owner())")
    expect("Thing?$expand=*&$top=2", 200, context="$metadata#Thing(Parts(),Owner())")
    expect("Thing?$filter=ThingKey eq @a and @b&@a='k1'&@b=N ge 0&$select=ThingKey", 200, [{"ThingKey": "k1"}])
    expect("Thing?$filter=S1 eq @none&$count=true&$top=0", 200, count=sum(1 for t in ROWS.things if t["S1"] is None))
    expect("Thing?$filter=T le now() and T gt mindatetime() and T lt maxdatetime()&$count=true&$top=0", 200, count=sum(1 for t in ROWS.things if t["T"]))
    expect("Thing?$filter=T lt 2020-01-01T00:00:00 02:00 or year(T) eq 9999&$top=0&$count=true", 200,
           count=sum(1 for t in ROWS.things if t["T"] and t["T"] < dt.datetime(2019, 12, 31, 22, tzinfo=UTC)))
    expect("Thing?$filter=F lt INF and F gt -INF and not (F eq NaN) and F ne NaN&$top=0&$count=true", 200, count=sum(1 for t in ROWS.things if t["F"] is not None))
    expect("Thing?$filter=I lt 99999999999999999999 and J ge -9223372036854775808 and D lt 1e300 and F lt 1e350 and F gt 1e-350&$top=0&$count=true", 200,
           count=sum(1 for t in ROWS.things if t["F"] is not None and t["F"] > 0 and None not in (t["I"], t["J"], t["D"])))
    expect("Thing?nonsense=1&x&=&$top=0", 200, [])
    near = in_order(ROWS.things, [(lambda env: haversine(30.2, -97.7, env["it"]), False), (lambda env: env["it"]["ThingKey"], False)])
    shown = []
    link = "Thing?$select=ThingKey&$orderby=geo.distance(Coordinates,geography'POINT(-97.7 30.2)')"
    while link:
        page = expect(link, 200)
        shown += [row["ThingKey"] for row in page.get("rows", [])]
        link = page.get("next")
    failed += shown != [row["ThingKey"] for row in near]
    if shown != [row["ThingKey"] for row in near]:
        print(f"by distance: {shown}")
    expect("Thing?$FILTER=not%20S1%20EQ%20'abc'%20AND%20not%20(N%20le%20-1)&count=true&top=0", 200, count=sum(1 for t in ROWS.things if t["S1"] != "abc"))
    print(f"paths: {asked} asked, {failed} failed")
    return failed


if __name__ == "__main__":
    what = sys.argv[1]
    if what == "sql":
        print_sql()
    elif what == "model":
        print_model()
    elif what == "run":
        sys.exit(1 if run(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]) else 0)
    elif what == "refused":
        sys.exit(1 if refused(sys.argv[2:]) else 0)
    elif what == "paths":
        sys.exit(1 if paths(sys.argv[2:]) else 0)
