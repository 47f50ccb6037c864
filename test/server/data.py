"""One deterministic MLS, and the changes tests make to it.

Nothing here knows a protocol: RESO, RETS and Qobrix faces read the same tables.
A record is a number plus the cells that were changed; every other cell follows
from (seed, resource, field, number).
"""
import random
import threading
from math import gcd

import edm
import model as shapes
import values

STAMP = "ModificationTimestamp"
EPOCH = edm.days_from_civil(2019, 1, 1) * edm.DAY
CLOCK_START = edm.days_from_civil(2025, 6, 1) * edm.DAY
SMALL = ("ListingKey", "ListingId", "StandardStatus", "PropertyType", "ListPrice", "BedroomsTotal", "City", "PostalCode",
         "ListAgentKey", STAMP)
MEDIA_OWNER = (1, 1, 1, 2, 3, 3, 3, 3)
MEDIA_ORDER = (0, 1, 2, 0, 0, 1, 2, 3)


class Record:
    """`over` holds changed cells by field name, `body` the cached JSON."""
    __slots__ = ("number", "over", "body")

    def __init__(self, number):
        self.number = number
        self.over = None
        self.body = None


class Table:
    """The records of one resource."""

    def __init__(self, name, key, fields, cells, count, navigations=()):
        self.name = name
        self.key = key
        self.declared_key = key
        self.fields = {field.name: field for field in fields}
        self.cells = cells
        self.count = count
        self.navigations = {nav.name: nav for nav in navigations}
        self.next_number = count
        self.version = 0
        self.removed = {}
        self._records = None
        self._indexes = {}
        self._picks, self._made = None, []

    @property
    def records(self):
        """{key: record}, made when first asked for."""
        if self._records is None:
            cell = self.cells[self.key]
            self._records = {cell(number)[0]: Record(number) for number in range(self.count)}
        return self._records

    def getter(self, name):
        """A function from record to field value; called for every record."""
        cell = self.cells[name]

        def get(record):
            over = record.over
            if over is not None and name in over:
                return over[name][0]
            return cell(record.number)[0]
        return get

    def cell(self, record, name):
        if record.over and name in record.over:
            return record.over[name]
        return self.cells[name](record.number)

    def key_of(self, record):
        return self.cell(record, self.key)[0]

    def index(self, name):
        """{value: [record, ...]} in key order, rebuilt after a change."""
        cached = self._indexes.get(name)
        if cached is None or cached[0] != self.version:
            get, found = self.getter(name), {}
            for record in sorted(self.records.values(), key=self.key_of):
                found.setdefault(get(record), []).append(record)
            cached = self._indexes[name] = (self.version, found)
        return cached[1]

    def body(self, record):
        """The record as JSON without the closing brace, so members can follow."""
        if record.body is None:
            record.body = ("{" + ",".join(self.fragments(record))).encode()
        return record.body

    def fragments(self, record):
        """All JSON members in field order. Pools are looked up in place, because
        a call per field would make the first read of a big table slow."""
        number, mask = record.number, values.MASK
        if self._picks is None:
            self.plan()
        found = [texts[((number * factor + start) & mask) * size >> 32] for texts, size, factor, start in self._picks]
        for position, make in self._made:
            found[position] = make(number)[1]
        if record.over:
            for position, name in enumerate(self.cells):
                if name in record.over:
                    found[position] = record.over[name][1]
        return found

    def plan(self):
        """Split the fields into pool look-ups and functions; a function leaves a
        stand-in among the look-ups, so that positions stay."""
        self._picks, self._made = [], []
        for position, cell in enumerate(self.cells.values()):
            pool = getattr(cell, "__self__", None)
            if pool is None:
                self._made.append((position, cell))
                self._picks.append((("",), 1, 0, 0))
            else:
                self._picks.append(([text for _, text in pool.cells], len(pool.cells), pool.factor, pool.start))

    def forget_bodies(self):
        """After a change of fields."""
        self._picks = None
        for record in self.records.values():
            record.body = None


class Store:
    """All tables, the logical clock and every mutation."""
    stamp_field, text_type = STAMP, "Edm.String"

    def __init__(self, seed=1, listings=200, fields="full", style="string", samples=400):
        self.seed = seed
        self.lock = threading.RLock()
        self.settings = (listings, fields, style, samples)
        self.reset()

    def reset(self):
        """Back to the data of the seed."""
        listings, fields, style, samples = self.settings
        with self.lock:
            self.model = shapes.Model(style, shapes.read_lookups())
            self.clock, self.step = CLOCK_START, edm.SECOND
            self.version = getattr(self, "version", 0) + 1
            self.tables = {table.name: table for table in build_tables(self, listings, fields, samples)}

    def tick(self):
        """Text of the clock, which then moves one step."""
        text = edm.format_stamp(self.clock, 7)
        self.clock += self.step
        return text

    def related(self, table, record, nav):
        """Records a navigation leads to, in key order."""
        value = table.cell(record, nav.here)[0]
        target = self.tables[nav.target]
        if value is None:
            return []
        if nav.there == target.key:
            found = target.records.get(value)
            return [found] if found else []
        return target.index(nav.there).get(value, [])

    def changed(self, *tables):
        self.version += 1
        for table in tables:
            table.version = self.version

    def put(self, table, record, fields):
        """Store JSON values in a record; ValueError names a bad field."""
        cells = {}
        for name, raw in fields.items():
            if name not in table.fields:
                raise ValueError("%s has no field %s" % (table.name, name))
            cells[name] = table.fields[name].cell(raw)
        record.over = {**(record.over or {}), **cells}
        record.body = None

    def insert(self, resource, count=1, fields=None):
        table, keys = self.tables[resource], []
        with self.lock:
            for _ in range(count):
                record = Record(table.next_number)
                table.next_number += 1
                self.put(table, record, {**self.stamp(table), **(fields or {})})
                if table.key_of(record) in table.records:
                    raise ValueError("key exists: %s" % table.key_of(record))
                keys.append(table.key_of(record))
                table.records[keys[-1]] = record
            self.changed(table)
        return keys

    def update(self, resource, keys, fields):
        """Change fields and, unless given, the timestamp, each at its own tick."""
        table = self.tables[resource]
        with self.lock:
            for key in keys:
                self.put(table, table.records[key], {**self.stamp(table), **fields})
            self.changed(table)

    def assign(self, resource, keys, fields):
        """Change fields and nothing else: the timestamp stays."""
        table = self.tables[resource]
        with self.lock:
            for key in keys:
                self.put(table, table.records[key], fields)
            self.changed(table)

    def delete(self, resource, keys):
        table = self.tables[resource]
        with self.lock:
            for key in keys:
                table.removed[key] = table.records.pop(key)
            self.changed(table)

    def restore(self, resource, keys):
        """Bring removed records back as they were; KeyError for others."""
        table = self.tables[resource]
        with self.lock:
            for key in keys:
                table.records[key] = table.removed.pop(key)
            self.changed(table)

    def stamp(self, table):
        return {STAMP: self.tick()} if STAMP in table.fields else {}

    def pick(self, resource, count=None):
        """Keys of `count` records, chosen by the seed; all of them for None."""
        keys = sorted(self.tables[resource].records)
        if count is None or count >= len(keys):
            return keys
        return random.Random("%s/%s" % (self.seed, self.version)).sample(keys, count)

    def add_field(self, resource, name, type_name, length=None):
        """A new field, or one of another type under an old name, with values for all records."""
        table, field = self.tables[resource], shapes.field_from_type(name, type_name)
        field.max_length = length
        with self.lock:
            table.fields[name] = field
            table.cells[name] = values.make_pool(field, self.model, self.seed, resource).cell
            table.forget_bodies()
            self.changed(table)

    def declare(self, resource, length=None, key=None):
        """What $metadata says of lengths ({field: length}) and of the key; the data stay."""
        table = self.tables[resource]
        for name, value in (length or {}).items():
            table.fields[name].max_length = value
        table.declared_key = key or table.declared_key

    def change_members(self, lookup, add=(), drop=()):
        """Members of an enumeration (--enum enum) appear or vanish in $metadata."""
        members = self.model.enums[lookup].members
        for name in add:
            members[name] = (max(value for value, _ in members.values()) + 1, name)
        for name in drop:
            del members[name]

    def drop_resource(self, resource):
        with self.lock:
            del self.tables[resource]
            self.version += 1

    def drop_field(self, resource, name):
        table = self.tables[resource]
        with self.lock:
            del table.fields[name], table.cells[name]
            table.forget_bodies()
            self.changed(table)


def stamp_maker(count, seed):
    """Timestamps in another order than the keys, half of them in ties of four,
    with every number of fraction digits and some offsets."""
    factor = 7919 + seed * 2
    while gcd(factor, count) != 1:
        factor += 1

    def make(number):
        rank = number * factor % count if number < count else number
        group = rank - rank % 4 if rank // 4 % 2 == 0 else rank
        instant = EPOCH + group * 61 * edm.SECOND + group * 1234567 % 10 ** 7 * 10 ** 5
        if group % 11 == 5:
            return edm.format_stamp(instant + 7200 * edm.SECOND, group % 8)[:-1] + "+02:00"
        return edm.format_stamp(instant, group % 8)
    return make


def listing_key(number):
    """Some keys need quoting and percent-encoding in a URL."""
    odd = {13: "-O'B", 29: " &#x", 41: "/é%"}.get(number % 97, "")
    return "LK%08d%s" % (number, odd)


def sampler_key(number):
    return {3: -3, 5: 9007199254740993}.get(number, number)


def table(store, name, key, fields, count, made, navigations=()):
    """A table whose fields come from functions in `made`, else from pools."""
    made = dict(made)
    if STAMP not in made:
        made[STAMP] = stamp_maker(max(count, 1), store.seed)
    cells = {}
    for field in fields:
        if field.name in (key, STAMP):
            field.nullable = False
        if field.name in made:
            cells[field.name] = maker_cell(field, made[field.name])
        else:
            cells[field.name] = values.make_pool(field, store.model, store.seed, name).cell
    return Table(name, key, fields, cells, count, navigations)


def maker_cell(field, make):
    def cell(number):
        return field.cell(make(number))
    cell.make = make
    return cell


def local_fields(model):
    """What an MLS adds to the dictionary, and types the dictionary lacks."""
    return [
        shapes.Field("MlgCanView", "Edm.Boolean", nullable=False, description="false: remove this record"),
        shapes.Field("X_Uid", "Edm.Guid"),
        shapes.Field("X_ViewingTime", "Edm.TimeOfDay", precision=7),
        shapes.Field("X_Score", "Edm.Int16"),
        shapes.Field("X_Rank", "Edm.Int32"),
        shapes.Field("X_Rate", "Edm.Decimal", scale="variable", description="a rate, without limits"),
        shapes.Field("X_Note", max_length=200, description="Free text \"local\" to this MLS"),
        shapes.Field("X_Tags", many=True),
        shapes.Field("X_Location", complex_name="Location", parts=[
            shapes.Field("Street", max_length=60), shapes.Field("Floor", "Edm.Int32"),
            shapes.Field("Latitude", "Edm.Double"), shapes.Field("Surveyed", "Edm.Date")]),
    ]


def sampler_fields(model):
    """One or two columns of each type, for comparing filters."""
    f = shapes.Field
    return [
        f("SamplerKey", "Edm.Int64"), f(STAMP, "Edm.DateTimeOffset", precision=7),
        f("Text", max_length=100), f("TextOther", max_length=100),
        f("Amount", "Edm.Decimal", precision=14, scale=2), f("AmountWide", "Edm.Decimal", precision=38, scale=10),
        f("Measure", "Edm.Double"), f("MeasureOther", "Edm.Double"),
        f("Small", "Edm.Int16"), f("Number", "Edm.Int32"), f("Big", "Edm.Int64"),
        f("Flag", "Edm.Boolean"), f("FlagOther", "Edm.Boolean"),
        f("Day", "Edm.Date"), f("DayOther", "Edm.Date"),
        f("Moment", "Edm.DateTimeOffset", precision=7), f("MomentOther", "Edm.DateTimeOffset", precision=7),
        f("Clock", "Edm.TimeOfDay", precision=7), f("Uid", "Edm.Guid"), f("Tags", many=True),
        model.lookup_field("Choice", "StandardStatus", False), model.lookup_field("Choices", "AccessibilityFeatures", True),
    ]


def lookup_made(model):
    rows = [(name, pair) for name, pairs in sorted(model.lookups.items()) for pair in pairs]
    return rows, {
        "LookupKey": lambda i: "LU%05d" % i,
        "LookupName": lambda i: rows[i % len(rows)][0],
        "LookupValue": lambda i: rows[i % len(rows)][1][0],
        "StandardLookupValue": lambda i: rows[i % len(rows)][1][0] if i % 5 else None,
        "LegacyODataValue": lambda i: rows[i % len(rows)][1][1],
    }


def build_tables(store, listings, width, samples):
    model = store.model
    fields = {name: [shapes.parse_field(line, model) for line in lines]
              for name, lines in shapes.read_sections("schema.txt").items()}
    members = max(5, min(2000, listings // 20))
    offices = max(2, members // 5)
    fields["Property"] += local_fields(model)
    if width == "small":
        fields["Property"] = [field for field in fields["Property"] if field.name in SMALL]
    lookups, lookup_columns = lookup_made(model)
    return [
        table(store, "Property", "ListingKey", fields["Property"], listings,
              property_made(members, offices), property_navigations(width)),
        table(store, "Member", "MemberKey", fields["Member"], members, {
            "MemberKey": lambda i: "M%06d" % i,
            "MemberMlsId": lambda i: "A%05d" % (i * 7),
            "OfficeKey": lambda i: "O%05d" % (i % offices),
        }, [shapes.Navigation("Office", "Office", False, "OfficeKey", "OfficeKey")]),
        table(store, "Office", "OfficeKey", fields["Office"], offices, {
            "OfficeKey": lambda i: "O%05d" % i, "OfficeMlsId": lambda i: "F%04d" % i}),
        table(store, "Media", "MediaKey", fields["Media"], listings // 4 * 8, media_made()),
        table(store, "OpenHouse", "OpenHouseKey", fields["OpenHouse"], max(1, listings // 10), {
            "OpenHouseKey": lambda i: "OH%07d" % i, "ListingKey": lambda i: listing_key(i * 10)}),
        table(store, "Lookup", "LookupKey", fields["Lookup"], len(lookups), lookup_columns),
        table(store, "Sampler", "SamplerKey", sampler_fields(model), samples, {"SamplerKey": sampler_key}),
    ]


def property_made(members, offices):
    return {
        "ListingKey": listing_key,
        "ListingId": lambda i: "%d-%s" % (1000000 + i, "AB"[i % 2]),
        "ListAgentKey": lambda i: None if i % 7 == 6 else "M%06d" % (i * 31 % members),
        "ListOfficeKey": lambda i: None if i % 7 == 6 else "O%05d" % (i * 31 % members % offices),
        "MlgCanView": lambda i: True,
    }


def property_navigations(width):
    navigations = [
        shapes.Navigation("Media", "Media", True, "ListingKey", "ResourceRecordKey"),
        shapes.Navigation("ListAgent", "Member", False, "ListAgentKey", "MemberKey"),
        shapes.Navigation("OpenHouse", "OpenHouse", True, "ListingKey", "ListingKey"),
    ]
    if width == "full":
        navigations.append(shapes.Navigation("ListOffice", "Office", False, "ListOfficeKey", "OfficeKey"))
    return navigations


def media_made():
    """None, three, one and four media for each four listings."""
    def owner(i):
        return listing_key(i // 8 * 4 + MEDIA_OWNER[i % 8])
    return {
        "MediaKey": lambda i: "MD%08d" % i,
        "ResourceRecordKey": owner,
        "ResourceName": lambda i: "Property",
        "Order": lambda i: MEDIA_ORDER[i % 8],
        "MediaURL": lambda i: "https://media.invalid/%d/%d.jpg" % (i // 8 * 4 + MEDIA_OWNER[i % 8], MEDIA_ORDER[i % 8]),
    }
