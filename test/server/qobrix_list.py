"""Lists: their parameters, filter, order, pages and envelope."""
import collections
from dataclasses import dataclass, field

from faults import shown_count
from qobrix_embed import associations, linked
from qobrix_model import MODELS, dump, stamp_at
from qobrix_search import Node, Parser, SearchError

RESULTS = 16
TWISTS = ("bad_value", "null_collection")


class Refused(Exception):
    """An answer other than 200, with the texts of its errors body."""

    def __init__(self, status, *texts):
        super().__init__(*texts)
        self.status = status


@dataclass
class Query:
    page: int = 1
    limit: int = 10
    search: str = None
    sort: list = field(default_factory=list)
    fields: list = field(default_factory=list)
    include: list = field(default_factory=list)
    distinct: list = field(default_factory=list)
    expand: bool = True
    media: bool = True
    trashed: bool = False


def flag(text):
    return text.lower() in ("true", "1", "yes")


def whole(name, text):
    if not text.isdigit() or int(text) < 1:
        raise Refused(400, "The value of %s is not a positive number" % name)
    return int(text)


def read_query(request, options):
    query = Query()
    for name, value in request.query:
        plain = name[:-2] if name.endswith("[]") else name
        if plain in ("page", "limit"):
            setattr(query, plain, whole(plain, value))
        elif plain == "search":
            query.search = value or None
        elif plain in ("expand", "media", "trashed"):
            setattr(query, plain, flag(value))
        elif plain == "field":
            query.fields.append(value)
        elif plain in ("sort", "fields", "include", "distinct"):
            getattr(query, plain).append(value)
    if query.limit > options.max_limit:
        if options.over_limit == "error":
            raise Refused(400, "The limit is at most %d" % options.max_limit)
        query.limit = options.max_limit
    return query


class Lists:
    def __init__(self, store, options, writer):
        self.store, self.options, self.writer = store, options, writer
        self.results = collections.OrderedDict()

    def forget(self):
        self.results.clear()

    def answer(self, path, request, faults, only=None):
        """The document of a list; `only` is a further condition on its records."""
        query = read_query(request, self.options)
        table = self.store.tables[path]
        refuse(query, faults)
        for name in query.fields + query.distinct:
            if name not in table.fields and self.options.unknown_fields == "error" and name != "media":
                raise Refused(500, "Unknown field %s" % name)
        records = self.matching(path, table, query, faults, only)
        return self.paged(path, table, records, query, faults)

    def matching(self, path, table, query, faults, only):
        """All records of the answer in order, kept while nothing changes."""
        key = (path, query.search, tuple(query.sort), tuple(query.distinct), query.trashed, only and only[0], self.store.version, self.store.clock)
        found = self.results.get(key)
        if found is None:
            found = self.select(path, table, query, faults, only)
            self.results[key] = found
            while len(self.results) > RESULTS:
                self.results.popitem(last=False)
        return found

    def select(self, path, table, query, faults, only):
        records = list(table.records.values())
        if query.trashed:
            records = list(table.trashed.values()) + (records if self.options.trashed == "both" else [])
        if only:
            records = [record for record in records if only[1](record)]
        if query.search and not self.options.ignore_search:
            test = self.condition(path, table, query.search, faults)
            records = [record for record in records if test(record)]
        for name in reversed(query.sort):
            records = self.ordered(path, table, records, name, faults)
        if query.distinct:
            getters = [table.getter(name) for name in query.distinct if name in table.fields]
            seen = {}
            for record in records:
                seen.setdefault(repr([get(record) for get in getters]), record)
            records = list(seen.values())
        return records

    def ordered(self, path, table, records, name, faults):
        """By one field; nulls come first, as in MySQL."""
        plain = name.lstrip("-")
        if plain.startswith(MODELS.get(path, "") + "."):
            plain = plain.partition(".")[2]
        if plain not in table.fields or table.fields[plain].virtual:
            raise Refused(500, "Cannot sort by %s" % plain)
        if refused_field(faults, plain, "orderby"):
            raise Refused(500, "Cannot sort by %s" % plain)
        get = table.getter(plain)

        def place(record):
            value = get(record)
            return (False, 0) if value is None else (True, repr(value) if isinstance(value, (list, dict)) else value)
        return sorted(records, key=place, reverse=name.startswith("-"))

    def condition(self, path, table, text, faults):
        def resolve(name):
            return self.field(path, name, faults)
        try:
            parser = Parser(text, resolve, self.options, self.store.clock, self.options.api_user)
            node = parser.parse()
        except SearchError as problem:
            raise Refused(self.options.bad_search, str(problem)) from problem
        for kind, words in (("refuse_or", {"or"}), ("refuse_in", {"in", "not in"}), ("refuse_not", {"not", "not in"}),
                            ("refuse_function", {"function", "contains", "starts with", "ends with"})):
            if kind in faults and parser.used & words:
                raise Refused(self.options.bad_search, "The test refuses this: %s" % kind)
        return node.get

    def field(self, path, name, faults):
        """A field by its plain or qualified name, through links to one record."""
        first, _, rest = name.partition(".")
        if rest and first == MODELS.get(path):
            return self.field(path, rest, faults)
        table = self.store.tables[path]
        if rest:
            return self.through(path, table, first, rest, faults)
        found = table.fields.get(name)
        if found is None or found.virtual:
            raise SearchError("Unknown field \"%s\" of %s." % (name, MODELS.get(path, path)))
        if refused_field(faults, name, "filter"):
            raise SearchError("Field \"%s\" cannot be searched." % name)
        return Node(table.getter(name), found.kind)

    def through(self, path, table, first, rest, faults):
        link = associations(path).get(first)
        if link is None:
            raise SearchError("Unknown association \"%s\"." % first)
        target = linked(self.store, link[2], "")[0]
        if target is None:
            raise SearchError("Association \"%s\" cannot be searched." % first)
        node, get = self.field(target.name, rest, faults), table.getter(link[1])

        def follow(record):
            other = linked(self.store, link[2], get(record))[1]
            return None if other is None else node.get(other)
        return Node(follow, node.kind)

    def paged(self, path, table, records, query, faults):
        count, limit = len(records), query.limit
        pages, page = max(1, -(-count // limit)), query.page
        if page > pages and self.options.past_end == "error":
            raise Refused(404, "Page not found")
        shown = 1 if "loop" in faults else max(1, page - 1) if "repeat_page" in faults else page
        if self.options.unsorted == "shift" and not query.sort and count:
            turn = (page - 1) * 3 % count
            records = records[turn:] + records[:turn]
        rows = [] if "empty_page" in faults else records[(shown - 1) * limit:shown * limit]
        data = self.data(path, rows, query, faults)
        if "moving" in faults and rows:
            self.move(path, rows, faults["moving"])
        total = shown_count(faults, count, len(rows))
        more = ("loop" in faults or page < pages) and "drop_link" not in faults
        info = {"page_count": pages, "current_page": page, "has_next_page": more, "has_prev_page": page > 1,
                "count": total, "limit": limit}
        if "no_count" in faults or not self.options.count:
            del info["count"], info["page_count"]
        parts = ['"data":' + ("null" if "null_data" in faults else data)]
        info.update((spec["name"], spec.get("value")) for spec in faults.every("member"))
        if "no_pagination" not in faults:
            parts.append('"pagination":' + dump(info))
        if "error_beside" in faults:
            parts.append('"errors":["The database is busy."]')
        return "{%s}" % ",".join(parts)

    def data(self, path, rows, query, faults):
        """The records of a page as JSON."""
        if any(kind in faults for kind in TWISTS):
            found = [self.writer.document(path, record, query) for record in rows]
            twist(found, faults)
            return dump(found)
        return "[%s]" % ",".join([self.writer.text(path, record, query) for record in rows])

    def move(self, path, rows, spec):
        """Touches a record after it was served, as an edit between two pages does; the
        clock may have been put back since it was stamped, and then it stays."""
        table = self.store.tables[path]
        record = rows[spec.get("record", 0) % len(rows)]
        key = table.key_of(record)
        if key in table.records and (table.cell(record, "modified")[0] or "") <= stamp_at(self.store.clock):
            self.store.update(path, [key], {})


def refused_field(faults, name, where):
    return any(spec["field"] == name and spec.get("in", "both") in (where, "both") for spec in faults.every("refuse_field"))


def refuse(query, faults):
    for kind, used in (("refuse_filter", query.search), ("refuse_orderby", query.sort), ("refuse_select", query.fields),
                       ("refuse_expand", query.include)):
        if kind in faults and used:
            raise Refused(500, "The test refuses this: %s" % kind)


def twist(data, faults):
    for spec in faults.every("bad_value"):
        for number, item in enumerate(data):
            if spec.get("record", number) == number:
                item[spec["field"]] = spec.get("value")
    for spec in faults.every("null_collection"):
        for number, item in enumerate(data):
            if spec.get("record", number) == number:
                item[spec["field"]] = None
