"""What the RETS face serves: resources, classes and columns over the tables of
the store, and how a value reads in RETS. It knows neither queries nor pages.

A column's system name is the dictionary's name behind a prefix, so that system
and standard names differ; fields of this MLS alone have no standard name.
"""
import re
from dataclasses import dataclass
from decimal import Decimal

import edm
from data import STAMP

TYPES = {"Edm.Boolean": "Boolean", "Edm.Int16": "Small", "Edm.Int32": "Int", "Edm.Int64": "Long", "Edm.Decimal": "Decimal",
         "Edm.Double": "Decimal", "Edm.Date": "Date", "Edm.DateTimeOffset": "DateTime", "Edm.TimeOfDay": "Time"}
LENGTHS = {"Boolean": 1, "Small": 6, "Int": 11, "Long": 20, "Decimal": 30, "Date": 10, "DateTime": 33, "Time": 16}
LOOKUP_LENGTH = {False: 128, True: 4000}
COMMERCIAL = {"BusinessOpportunity", "CommercialLease", "CommercialSale"}
LAND = {"Land", "Farm"}
DELIMITERS = re.compile(r"[\t\r]")


@dataclass
class Class:
    """`types` are the PropertyType codes of a class; `others` takes the rest."""
    name: str
    standard: str
    visible: str
    types: frozenset = None
    others: bool = False


@dataclass
class Resource:
    name: str
    standard: str
    table: str
    prefix: str
    classes: tuple


RESOURCES = (
    Resource("Property", "Property", "Property", "L_", (
        Class("ALL", "", "Every listing"),
        Class("RES", "ResidentialProperty", "Homes", frozenset(COMMERCIAL | LAND), True),
        Class("LND", "LotsAndLand", "Land and farms", frozenset(LAND)),
        Class("COM", "CommercialProperty", "Commercial", frozenset(COMMERCIAL)))),
    Resource("ActiveAgent", "ActiveAgent", "Member", "A_", (Class("ActiveAgent", "ActiveAgent", "Agents"),)),
    Resource("Office", "Office", "Office", "O_", (Class("Office", "Office", "Offices"),)),
    Resource("Media", "Media", "Media", "M_", (Class("Media", "Media", "Pictures"),)),
    Resource("OpenHouse", "OpenHouse", "OpenHouse", "H_", (Class("OpenHouse", "OpenHouse", "Open houses"),)),
    Resource("Sampler", "", "Sampler", "S_", (Class("Sampler", "", "One of each type"),)),
)


class Column:
    """One field of a table as RETS describes and writes it."""

    def __init__(self, prefix, field, key, model):
        self.name, self.field, self.is_key = field.name, field, field.name == key
        self.system = prefix + field.name
        self.standard = "" if field.name.startswith(("X_", "Mlg")) or prefix == "S_" else field.name
        self.lookup = lookup_name(field)
        self.type = "Character" if self.lookup else TYPES.get(field.edm, "Character")
        self.many = field.many or bool(field.enum and field.enum.flags)
        self.in_key_index = self.is_key or field.name in (STAMP, "StandardStatus")
        pairs = model.lookups.get(self.lookup, ())
        self.codes = {text: code for display, code in pairs for text in (code, display)}
        self.labels = {text: display for display, code in pairs for text in (code, display)}

    @property
    def length(self):
        if self.lookup:
            return LOOKUP_LENGTH[self.many]
        return LENGTHS.get(self.type) or self.field.max_length or 255

    @property
    def precision(self):
        if self.type != "Decimal":
            return 0
        return self.field.scale if isinstance(self.field.scale, int) else 4

    @property
    def interpretation(self):
        if self.lookup:
            return "LookupMulti" if self.many else "Lookup"
        if self.type == "Decimal" and ("Price" in self.name or "Amount" in self.name):
            return "Currency"
        return "Number" if self.type in ("Small", "Int", "Long", "Decimal") else ""

    def items(self, raw):
        """The words of a multiple value."""
        return raw.split(",") if isinstance(raw, str) else raw

    def text(self, raw, decoded):
        """The value as the answer carries it, not yet escaped for XML. A tab is
        the delimiter and cannot be sent: it becomes a blank."""
        if raw is None:
            return ""
        if self.many:
            words = [(self.labels if decoded else self.codes).get(word, str(word)) for word in self.items(raw)]
            return DELIMITERS.sub(" ", ",".join(quoted_item(word) for word in words))
        if self.lookup:
            return (self.labels if decoded else self.codes).get(raw, str(raw))
        if self.type == "Boolean":
            return "1" if raw else "0"
        if self.field.edm == "Edm.Double":
            return "" if raw in ("INF", "-INF", "NaN") else format(Decimal(repr(float(raw))), "f")
        if isinstance(raw, Decimal):
            return format(raw, "f")
        return DELIMITERS.sub(" ", str(raw))

    def value(self, raw):
        """What queries compare: None, text, a number, an instant or a set of codes.
        Texts are compared as they are shown, a list without lookup too."""
        if raw is None or raw == "":
            return None
        if self.lookup:
            words = self.items(raw) if self.many else [raw]
            return frozenset(self.codes.get(word, str(word)) for word in words) or None
        if self.type == "Boolean":
            return "1" if raw else "0"
        if self.type in ("Small", "Int", "Long", "Decimal"):
            return None if raw in ("INF", "-INF", "NaN") else Decimal(str(raw))
        if self.type in ("Date", "Time"):
            return edm.DECODERS[self.field.edm](raw)
        return edm.parse_stamp(raw)[0] if self.type == "DateTime" else self.text(raw, False) or None

    def cell_value(self, cell):
        """The same from a cell, whose value is read already for most types."""
        found = cell[0]
        if found is None or self.type in ("Boolean", "Character") or self.field.edm == "Edm.Double":
            return self.value(edm.load(self.field.json(cell)))
        return found[0] if self.type == "DateTime" else found


def quoted_item(word):
    return '"%s"' % word.replace('"', '""') if "," in word or '"' in word else word


def lookup_name(field):
    if field.enum:
        name = field.enum.name
        return name[:-5] if field.enum.flags else name
    return field.lookup


class Schema:
    """Resources and their columns, as the store has them now."""

    def __init__(self, store):
        self.store = store
        self.kept = {}

    def resources(self):
        return [resource for resource in RESOURCES if resource.table in self.store.tables]

    def resource(self, name, standard=False):
        return next((each for each in self.resources() if (each.standard if standard else each.name) == name and name), None)

    def find_class(self, resource, name, standard=False):
        """The class asked for; a resource of one class may be asked without."""
        if not name and len(resource.classes) == 1:
            return resource.classes[0]
        return next((each for each in resource.classes if (each.standard if standard else each.name) == name), None)

    def columns(self, resource):
        """Columns in the order of the table; structures have no place in RETS."""
        table = self.store.tables[resource.table]
        state = (table.version, len(table.fields), id(table))
        if self.kept.get(resource.name, (None,))[0] != state:
            made = [Column(resource.prefix, field, table.key, self.store.model)
                    for field in table.fields.values() if not field.parts]
            self.kept[resource.name] = state, made
        return self.kept[resource.name][1]

    def lookups(self, resource):
        return sorted({column.lookup for column in self.columns(resource) if column.lookup})

    def raw(self, table, column, record):
        return edm.load(column.field.json(table.cell(record, column.name)))

    def members(self, resource, wanted):
        """The records of a class in key order."""
        table = self.store.tables[resource.table]
        key = (resource.name, wanted.name)
        found = self.kept.get(key)
        if found is None or found[0] != (table.version, id(table)):
            rows = sorted(table.records.values(), key=table.key_of)
            if wanted.types is not None:
                kind = next(column for column in self.columns(resource) if column.name == "PropertyType")
                of_raw = {}
                rows = [row for row in rows if self.in_class(kind, table.cell(row, kind.name), wanted, of_raw)]
            found = self.kept[key] = (table.version, id(table)), rows
        return found[1]

    def in_class(self, column, cell, wanted, known):
        """Whether a PropertyType belongs to a class; the answer for each text is kept."""
        if cell[1] not in known:
            codes = column.value(edm.load(column.field.json(cell))) or frozenset()
            known[cell[1]] = bool(codes & wanted.types) != wanted.others
        return known[cell[1]]

    def forget(self):
        self.kept.clear()
