"""The tables of a Qobrix tenant and the changes tests make to them: trash and
restore, an audit log, and times without a zone."""
import random

import edm
import qobrix_crafted
import qobrix_model as shapes
from data import Record, Store, Table
from values import MASK

STAMP = "modified"
OLD = "2020-01-01T00:00:00"
PUBLIC = {"properties": 14066, "media": 168987, "contacts": 41502, "opportunities": 37821, "projects": 2095, "property-viewings": 389,
          "users": 69, "agents": 55, "locations": 647, "bayut-locations": 14298, "spitogatos-locations": 15999,
          "property-finder-a-e-locations": 10049, "bazaraki-locations": 661}
SPAN = 500 * 86400
MEDIA_SHARES = (0, 2, 1, 1, 1)


def sizes_of(size):
    """Records of each resource, for `public` or for a number of properties."""
    if size == "public":
        sizes = dict(PUBLIC)
    else:
        count = int(size)
        sizes = {"properties": count, "media": 4 * count, "contacts": max(200, 2 * count), "opportunities": count,
                 "projects": max(10, count // 7), "property-viewings": max(10, count // 10), "users": 12, "agents": 16,
                 "locations": 40, "bayut-locations": count, "spitogatos-locations": count,
                 "property-finder-a-e-locations": count, "bazaraki-locations": 40}
    sizes.update({"meetings": sizes["property-viewings"], "changes": 0, "property-types": len(shapes.TYPES),
                  "property-subtypes": len(shapes.SUBTYPES), "media/categories": 59,
                  "project-features": sum(map(len, shapes.PROJECT_FEATURES.values())),
                  "property-features": sum(len(names.split()) for names in shapes.FEATURES.values())})
    return sizes


class Resource(Table):
    """A table whose records are written from values. `trashed` holds the records
    that were put into the bin, which the lists leave out."""

    def __init__(self, name, fields, cells, count, crafted=None, derive=None):
        super().__init__(name, "id", fields, cells, count)
        self.crafted, self.derive = crafted or {}, derive
        self.trashed = {}
        self.links = [field for field in fields if field.kind == "link"]
        self.plan_made = self.texts_made = None

    @property
    def records(self):
        if self._records is None:
            self._records = {}
            for number in range(self.count):
                record = Record(number)
                if number in self.crafted:
                    record.over = {name: self.fields[name].cell(value) for name, value in self.crafted[number].items()}
                place = self.trashed if record.over and record.over.get("trashed", (None,))[0] else self._records
                place[self.key_of(record)] = record
        return self._records

    def plain(self, record):
        """{field: value}, the virtual ones included."""
        if self.plan_made is None:
            self.plan_made = self.plan()
        drawn, made = self.plan_made
        number = record.number
        found = {name: choices[((number * factor + start) & MASK) * size >> 32] for name, choices, size, factor, start in drawn}
        for name, cell in made:
            found[name] = cell(number)[0]
        if record.over:
            found.update((name, cell[0]) for name, cell in record.over.items() if name in found)
        if self.derive:
            found.update((name, value) for name, value in self.derive(found).items() if name in found)
        return found

    def plan(self):
        """Pools to look up in place and functions to call; every field has its
        place among the former, so that the order stays."""
        drawn, made = [], []
        for name, cell in self.cells.items():
            pool = getattr(cell, "__self__", None)
            drawn.append((name, pool.choices, pool.size, pool.factor, pool.start) if pool else (name, (None,), 1, 0, 0))
            if pool is None:
                made.append((name, cell))
        return drawn, made

    def some(self, record, names):
        """The named fields only, unless one of them is virtual."""
        if any(self.fields[name].virtual for name in names):
            values = self.plain(record)
            return {name: values[name] for name in names}
        return {name: self.cell(record, name)[0] for name in names}

    def body(self, record):
        """The record's own fields as JSON without the closing brace."""
        if record.body is None:
            record.body = ("{" + ",".join(self.members(record))).encode()
        return record.body

    def members(self, record):
        """JSON members in field order. The texts of a pool are made once, because
        a tenant of real size has millions of values."""
        if self.texts_made is None:
            self.texts_made = self.plan_texts()
        drawn, made, places = self.texts_made
        number = record.number
        found = [texts[((number * factor + start) & MASK) * size >> 32] for texts, size, factor, start in drawn]
        for name, place, cell in made:
            found[place] = '"%s":%s' % (name, shapes.dump(cell(number)[0]))
        over = {name: cell[0] for name, cell in (record.over or {}).items()}
        if self.derive:
            over.update(self.derive({name: self.cell(record, name)[0] for name in self.derive.needs if name in self.cells}))
        for name, value in over.items():
            if name in places:
                found[places[name]] = '"%s":%s' % (name, shapes.dump(value))
        return found

    def plan_texts(self):
        drawn, made, places = [], [], {}
        for place, (name, cell) in enumerate(self.cells.items()):
            places[name] = place
            pool = getattr(cell, "__self__", None)
            if pool is None:
                drawn.append((('"%s":null' % name,), 1, 0, 0))
                made += [] if self.fields[name].virtual else [(name, place, cell)]
            else:
                texts = ['"%s":%s' % (name, shapes.dump(value)) for value in pool.choices]
                drawn.append((texts, pool.size, pool.factor, pool.start))
        return drawn, made, places

    def forget_bodies(self):
        self.plan_made = self.texts_made = None
        for record in list(self.records.values()) + list(self.trashed.values()):
            record.body = None

    def index(self, name):
        """{value: [record, ...]}, in the order of the records' numbers."""
        cached = self._indexes.get(name)
        if cached is None or cached[0] != self.version:
            get, found = self.getter(name), {}
            for record in self.records.values():
                found.setdefault(get(record), []).append(record)
            cached = self._indexes[name] = (self.version, found)
        return cached[1]


class QobrixStore(Store):
    """Shares clock and lock with the store it is made beside."""
    stamp_field, text_type = STAMP, "text:255"

    def __init__(self, clock_store, seed, size, options):
        self.seed, self.size, self.options, self.owner = seed, size, options, clock_store
        self.lock = clock_store.lock
        self.reset()

    def reset(self):
        self.version = getattr(self, "version", 0) + 1
        self.sizes = sizes_of(self.size)
        self.tables = {path: build(self, path, fields) for path, fields in shapes.read_schema().items()}

    @property
    def clock(self):
        return self.owner.clock

    def tick(self):
        text = shapes.stamp_at(self.owner.clock)
        self.owner.clock += self.owner.step
        return text

    def stamp(self, table):
        return {STAMP: self.tick()} if STAMP in table.fields else {}

    # -- changes, each with its row in the audit log

    def insert(self, resource, count=1, fields=None):
        table, made = self.tables[resource], []
        for _ in range(count):
            now = self.tick()
            stamps = {name: now for name in ("created", STAMP) if name in table.fields}
            made += super().insert(resource, 1, {**stamps, **(fields or {})})
            self.audit(resource, made[-1], "create", {}, fields or {})
        self.touch_owners(resource, made)
        return made

    def update(self, resource, keys, fields):
        self.note(resource, keys, fields)
        super().update(resource, keys, fields)
        self.touch_owners(resource, keys)

    def touch_owners(self, resource, keys):
        """A changed medium moves last_media_update of its property or project."""
        if resource != "media":
            return
        media = self.tables[resource]
        for key in keys:
            record = media.records.get(key) or media.trashed.get(key) or media.removed[key]
            path = shapes.RESOURCES.get(media.cell(record, "related_model")[0])
            owner, now = media.cell(record, "related_id")[0], self.tick()
            if path in ("properties", "projects") and owner in self.tables[path].records:
                moved = {STAMP: now} if self.options.media_moves_modified else {}
                self.assign(path, [owner], {"last_media_update": now, **moved})

    def note(self, resource, keys, fields):
        table = self.tables[resource]
        for key in keys:
            before = {name: table.cell(table.records[key], name)[0] for name in fields if name in table.fields}
            self.audit(resource, key, "update", before, fields)

    def audit(self, resource, key, kind, before, after):
        """A row in the log of changes, at the clock but without moving it."""
        log = self.tables["changes"]
        if resource == "changes":
            return
        record = Record(log.next_number)
        log.next_number += 1
        record.over = {name: (value, None) for name, value in {
            "id": shapes.uuid_of(self.seed, "changes", record.number), "timestamp": shapes.stamp_at(self.clock), "type": kind,
            "source": shapes.MODELS.get(resource, resource), "primary_key": key, "original": before, "changed": after,
            "meta": {}, "user_id": shapes.STAFF}.items()}
        log.records[log.key_of(record)] = record
        self.changed(log)

    def trash(self, resource, keys):
        """Into the bin: gone from the lists, there with trashed=true."""
        table = self.tables[resource]
        for key in keys:
            record = table.records.pop(key)
            now = self.tick()
            self.audit(resource, key, "delete", {"trashed": None}, {"trashed": now})
            super().put(table, record, {"trashed": now, **({STAMP: now} if self.options.trash_moves_modified else {})})
            table.trashed[key] = record
        self.changed(table)
        self.touch_owners(resource, keys)

    def delete(self, resource, keys):
        """For good, from the bin too."""
        table = self.tables[resource]
        for key in keys:
            table.removed[key] = table.records.pop(key) if key in table.records else table.trashed.pop(key)
            self.audit(resource, key, "purge", {}, {})
        self.changed(table)
        self.touch_owners(resource, keys)

    def restore(self, resource, keys):
        table = self.tables[resource]
        for key in keys:
            if key in table.trashed:
                record = table.trashed.pop(key)
                super().put(table, record, {"trashed": None, **self.stamp(table)})
                table.records[key] = record
            else:
                table.records[key] = table.removed.pop(key)
            self.audit(resource, key, "restore", {}, {"trashed": None})
        self.changed(table)

    def add_field(self, resource, name, kind, length=None):
        """A new field with values for all records; `kind` as in qobrix_schema.txt."""
        table, field = self.tables[resource], shapes.parse_field("%s? %s" % (name, kind))
        field.max_length = length or field.max_length
        table.fields[name] = field
        table.cells[name] = shapes.pool_of(field, resource, self.seed, self.sizes).cell
        table.forget_bodies()
        self.changed(table)

    def media_owner(self, number):
        """(model, number of the owner) of a medium: properties have none to
        twice the average of five, the rest belongs to the projects."""
        properties, projects, total = self.sizes["properties"], self.sizes["projects"], self.sizes["media"]
        each = max(1, (total - 2 * projects) // properties)
        block, place = divmod(number, 5 * each)
        owner = block * 5
        for share in MEDIA_SHARES:
            if place < share * each:
                break
            place, owner = place - share * each, owner + 1
        if owner < properties:
            return "Properties", owner, place
        return "Projects", number % projects, number // projects


def derive_property(values):
    """Virtual fields, from stored ones."""
    rented = values.get("sale_rent") == "for_rent"
    return {"price_field_amount": values.get("list_rental_price_amount" if rented else "list_selling_price_amount"),
            "%s_type" % values.get("property_type"): values.get("property_subtype")}


def derive_user(values):
    return {"extra": {"first_name": values.get("name", "Staff").split()[0], "email": "%s@example.com" % values.get("username"), "phone_mobile": None}}


derive_property.needs = ("property_type", "property_subtype", "sale_rent", "list_rental_price_amount", "list_selling_price_amount")
derive_user.needs = ("name", "username")


# -- columns that are not drawn from pools

def build(store, path, fields):
    made = maker_of(store, path)
    cells = {}
    for field in fields:
        if field.name in made:
            cells[field.name] = cell_of(made[field.name], field.name in ("id", "created", "modified"))
        elif field.virtual:
            cells[field.name] = cell_of(lambda number: None)
        else:
            cells[field.name] = shapes.pool_of(field, path, store.seed, store.sizes).cell
    crafted = qobrix_crafted.records(path, store) if store.sizes[path] else {}
    derive = {"properties": derive_property, "users": derive_user}.get(path)
    return Resource(path, fields, cells, store.sizes[path], crafted, derive)


def cell_of(make, keep=False):
    """`keep` remembers the values: of columns that lists filter and sort by."""
    def cell(number):
        return make(number), None
    kept = {}

    def remembered(number):
        if number not in kept:
            kept[number] = make(number), None
        return kept[number]
    return remembered if keep else cell


def maker_of(store, path):
    """Functions by field name for what has to fit together."""
    seed, sizes, count = store.seed, store.sizes, max(store.sizes[path], 1)

    def ids(target):
        return lambda number: shapes.uuid_of(seed, target, number)
    step = next(step for step in range(7919, 9000) if count % step and step % 2) if count > 1 else 1
    made = {"id": ids(path), "ref": lambda n: 1000 + n, "legacy_id": lambda n: None if n % 3 else "OLD-%d" % n,
            "trashed": lambda n: None, "dist": lambda n: n % 7 != 3}
    if path in ("property-types", "property-subtypes", "media/categories", "project-features", "property-features"):
        made.update({"created": lambda n: OLD, "modified": lambda n: OLD, "created_by": lambda n: None, "modified_by": lambda n: None})
    else:
        made.update(times(path, count, step))
    made.update(SPECIAL.get(path, lambda store, ids: {})(store, ids))
    return made


def times(path, count, step):
    """created in another order than the ids; a few have no modified, and ties."""
    gap = max(1, SPAN // count)
    required = path in ("users", "property-viewings", "media")

    def created(n):
        rank = n * step % count if n < count else n
        return shapes.FIRST_DAY + (rank - rank % 3) * gap * edm.SECOND

    def modified(n):
        if n % 50 == 17 and not required:
            return None
        return shapes.stamp_at(created(n) + (n % 4) * 86400 * edm.SECOND)
    return {"created": lambda n: shapes.stamp_at(created(n)), "modified": modified}


def property_columns(store, ids):
    rng = random.Random(store.seed)
    types, offers = shapes.Pool(shapes.PICKED_TYPES, rng), shapes.Pool(
        ["for_sale"] * 20 + ["for_rent", "for_sale_and_rent", "for_management", "for_auction", None], rng)

    def subtype(n):
        names = shapes.TYPES[types.cell(n)[0]][1].split()
        return None if n % 9 == 4 else names[n % len(names)]

    def price(n):
        return None if offers.cell(n)[0] == "for_rent" else 50000 + n * 977 % 900000

    def rent(n):
        return 300 + n * 31 % 4000 if offers.cell(n)[0] in ("for_rent", "for_sale_and_rent") else None
    return {"property_type": lambda n: types.cell(n)[0], "property_subtype": subtype, "sale_rent": lambda n: offers.cell(n)[0],
            "list_selling_price_amount": price, "list_rental_price_amount": rent, "inherit_project_media": lambda n: n % 3 == 0,
            "name": lambda n: "Property %d, %s" % (n, shapes.CITIES[n % 8]), "city": lambda n: shapes.CITIES[n % 8],
            "website_status": lambda n: "unpublished" if n % 6 == 5 else "published",
            "cloned_from": lambda n: None if n % 20 else ids("properties")(n // 2)}


def media_columns(store, ids):
    def owner(n):
        model, number, _ = store.media_owner(n)
        return ids(shapes.RESOURCES[model])(number)

    def kind(n):
        return {11: "youtube", 12: "matterport"}.get(n % 40, "upload")

    def category(n):
        base = 0 if store.media_owner(n)[0] == "Properties" else 3
        return ids("media/categories")(base + {5: 1, 6: 2}.get(n % 10, 0))
    return {"related_model": lambda n: store.media_owner(n)[0], "related_id": owner, "display_order": lambda n: store.media_owner(n)[2],
            "media_type": kind, "reference_id": lambda n: ids("files")(n) if kind(n) == "upload" else "video-%d" % n,
            "category_id": category, "signature_requests": lambda n: None}


def category_columns(store, ids):
    models = ("Properties", "Projects", "Contacts", "Agents", "Opportunities")
    names = ("photos", "documents", "floorplans")
    return {"name": lambda n: names[n % 3] if n < 6 else "category_%02d" % n,
            "label": lambda n: (names[n % 3] if n < 6 else "category %02d" % n).capitalize(),
            "related_model": lambda n: models[n // 3] if n < 6 else models[n % 5]}


def feature_columns(names, with_types):
    rows = [(field, code) for field, found in names for code in found]
    return lambda store, ids: {"field": lambda n: rows[n % len(rows)][0], "code": lambda n: rows[n % len(rows)][1],
                               "label": lambda n: rows[n % len(rows)][1].replace("_", " ").capitalize()}


def type_columns(store, ids):
    rows = list(shapes.TYPES.items())
    return {"code": lambda n: rows[n % 11][0], "name": lambda n: rows[n % 11][0].replace("_", " ").capitalize(),
            "base_type": lambda n: rows[n % 11][1][0], "display_order": lambda n: n + 1, "config": lambda n: None}


def subtype_columns(store, ids):
    rows = shapes.SUBTYPES
    return {"code": lambda n: rows[n % len(rows)][0], "label": lambda n: rows[n % len(rows)][0].replace("_", " ").capitalize(),
            "property_type": lambda n: rows[n % len(rows)][1]}


def portal_columns(store, ids):
    return {"id": lambda n: str(5000 + n), "name": lambda n: "area-%d" % n, "label": lambda n: "Area %d" % n,
            "value": lambda n: str(5000 + n)}


def uuid_portal_columns(store, ids):
    return {"location_hierarchy": lambda n: "Example > District %d > Area %d" % (n % 9, n), "name": lambda n: "Area %d" % n}


def location_columns(store, ids):
    return {"country": lambda n: "CY", "district": lambda n: "District %d" % (n % 6), "area": lambda n: shapes.CITIES[n % 8],
            "subarea": lambda n: "Subarea %d" % n}


def user_columns(store, ids):
    return {"username": lambda n: "staff.%d" % n,
            "contact_id": lambda n: ids("contacts")(n), "active": lambda n: n % 5 != 3, "reports_to": lambda n: shapes.STAFF if n % 3 == 1 else None,
            "is_admin": lambda n: n == 1, "is_supervisor": lambda n: (True, None, False)[n % 3], "two_fa_enabled": lambda n: n % 2 == 0,
            "name": lambda n: "Staff %s Number%d" % ("ABCD"[n % 4], n), "company": lambda n: None}


def agent_columns(store, ids):
    return {"primary_contact": lambda n: ids("contacts")(70 + n), "agent_type": lambda n: "agency" if n % 3 == 0 else "individual_agent",
            "agency": lambda n: ids("agents")(n - n % 3) if n % 3 == 1 else None,
            "sub_agent_of": lambda n: ids("agents")(n - n % 3) if n % 3 == 2 else None, "name": lambda n: "Agent %d" % n}


def viewing_columns(store, ids):
    return {"viewing_id": ids("meetings"), "property_id": lambda n: ids("properties")(n * 7 % store.sizes["properties"]),
            "display_order": lambda n: n % 3}


def meeting_columns(store, ids):
    def start(n):
        return shapes.FIRST_DAY + (n * 86400 + 36000) * edm.SECOND
    return {"subject": lambda n: "Viewing %d" % (1000 + n), "start_date": lambda n: shapes.stamp_at(start(n)),
            "end_date": lambda n: shapes.stamp_at(start(n) + 3600 * edm.SECOND), "canceled": lambda n: n % 8 == 5}


SPECIAL = {
    "properties": property_columns, "media": media_columns, "media/categories": category_columns, "users": user_columns,
    "project-features": feature_columns(shapes.PROJECT_FEATURES.items(), False),
    "property-features": feature_columns([(name, codes.split()) for name, codes in shapes.FEATURES.items()], True),
    "property-types": type_columns, "property-subtypes": subtype_columns, "bazaraki-locations": portal_columns,
    "spitogatos-locations": portal_columns, "bayut-locations": uuid_portal_columns,
    "property-finder-a-e-locations": uuid_portal_columns, "locations": location_columns, "agents": agent_columns,
    "property-viewings": viewing_columns, "meetings": meeting_columns,
    "contacts": lambda store, ids: {"name": lambda n: "Contact %d" % n, "is_company": lambda n: n % 4 == 1},
    "projects": lambda store, ids: {"name": lambda n: "Project %d" % n},
    "opportunities": lambda store, ids: {"virtual_contact_name": lambda n: "Contact of %d" % n},
}
