"""The RESO Web API face: URLs, query options, pages and documents."""
import bisect
import collections
import hashlib
import json
import re
import threading
from dataclasses import dataclass, field, fields as dataclass_fields
from urllib.parse import quote, unquote, unquote_plus

import edm
import metadata
import odata
from data import STAMP
from faults import shown_count
from odata import ODataError
from web import Response

ROOT = "/odata"
CACHE_BYTES = 900 << 20
RESULT_LISTS = 16
KNOWN = ("$filter", "$select", "$expand", "$orderby", "$top", "$skip", "$count", "$skiptoken", "$format")
UNBUILT = ("$search", "$apply", "$compute", "$deltatoken")
JSON_FORMATS = ("json", "application/json")


@dataclass
class Options:
    """How this server is configured; tests change it through the control API."""
    page_size: int = 100
    max_page: int = 1000
    link: str = "token"
    top: str = "total"
    omit_nulls: bool = False
    decimals_as_strings: bool = False
    case_insensitive: bool = False
    stamps_as_text: bool = False
    time_digits: int = None
    strict_decimals: bool = False
    expand_limit: int = None
    expand_silent: bool = False
    max_skip: int = None
    require_gzip: bool = False
    unordered: bool = False
    nulls_high: bool = False
    ignore_order: bool = False
    date: str = "real"
    latency_ms: int = 0

    def change(self, name, value):
        if name not in [item.name for item in dataclass_fields(self)]:
            raise ValueError("unknown option " + name)
        setattr(self, name, value)


@dataclass
class Query:
    """Parsed query options of one collection."""
    filter: str = None
    orderby: str = None
    select: list = None
    expand: dict = field(default_factory=dict)
    top: int = None
    skip: int = 0
    count: bool = False
    token: str = None


@dataclass
class Style:
    """How records are written in this answer."""
    omit_nulls: bool = False
    quoted: tuple = ()
    twists: list = field(default_factory=list)

    @property
    def plain(self):
        return not (self.omit_nulls or self.quoted or self.twists)


class PageCache:
    """Answers by request and data version, oldest use dropped first."""

    def __init__(self, limit):
        self.limit, self.size = limit, 0
        self.answers = collections.OrderedDict()
        self.lock = threading.Lock()

    def get(self, key):
        with self.lock:
            answer = self.answers.get(key)
            if answer:
                self.answers.move_to_end(key)
            return answer

    def put(self, key, answer):
        with self.lock:
            if key in self.answers:
                return
            self.answers[key] = answer
            self.size += len(answer.body)
            while self.size > self.limit:
                self.size -= len(self.answers.popitem(last=False)[1].body)

    def clear(self):
        with self.lock:
            self.answers.clear()
            self.size = 0


def split_outside(text, separator):
    """Split at separators that are not inside parentheses or quotes."""
    parts, depth, quoted, start = [], 0, False, 0
    for at, char in enumerate(text):
        if char == "'":
            quoted = not quoted
        elif not quoted and char in "()":
            depth += 1 if char == "(" else -1
        elif char == separator and not quoted and not depth:
            parts.append(text[start:at])
            start = at + 1
    return parts + [text[start:]]


def number_option(name, text):
    if not re.fullmatch(r"\d+", text):
        raise ODataError("The value '%s' of %s is not a non-negative integer." % (text, name))
    return int(text)


def parse_query(pairs, table, store):
    """Query from (name, value) pairs; unknown system options are errors."""
    query, seen = Query(), set()
    for name, value in pairs:
        name = name.strip()
        if not name.startswith("$"):
            continue
        if name in seen:
            raise ODataError("Query option '%s' was specified more than once." % name)
        seen.add(name)
        if name in UNBUILT:
            raise ODataError("Query option '%s' is not implemented." % name, 501, "NotImplemented")
        if name not in KNOWN:
            raise ODataError("Unknown query option '%s'." % name)
        set_option(query, name[1:], value, table, store)
    return query


def set_option(query, name, value, table, store):
    if name in ("top", "skip"):
        setattr(query, name, number_option("$" + name, value))
    elif name == "count":
        if value not in ("true", "false"):
            raise ODataError("The value '%s' of $count is not Boolean." % value)
        query.count = value == "true"
    elif name == "select":
        query.select = parse_select(value, table)
    elif name == "expand":
        query.expand = parse_expand(value, table, store)
    elif name == "skiptoken":
        query.token = value
    elif name == "format":
        if value.split(";")[0] not in JSON_FORMATS:
            raise ODataError("Format '%s' is not supported." % value, 415)
    else:
        setattr(query, name, value)


def parse_select(text, table):
    names = [name.strip() for name in text.split(",")]
    if "*" in names:
        return None
    for name in names:
        if name not in table.fields and name not in table.navigations:
            raise ODataError("Could not find a property named '%s' on type '%s'." % (name, table.name), target=name)
    return [name for name in table.fields if name in names or name == table.key]


def parse_expand(text, table, store):
    found = {}
    for item in split_outside(text, ","):
        name, _, rest = item.strip().partition("(")
        if name == "*":
            found.update((nav, Query()) for nav in table.navigations)
            continue
        if name not in table.navigations or (rest and not rest.endswith(")")):
            raise ODataError("Could not find a navigation property named '%s' on type '%s'." % (name, table.name), target=name)
        target = store.tables[table.navigations[name].target]
        pairs = [part.strip().partition("=")[::2] for part in split_outside(rest[:-1], ";")] if rest else []
        found[name] = parse_query(pairs, target, store)
    return found


class Reso:
    """Answers requests below ROOT from a store."""

    def __init__(self, store, options):
        self.store, self.options = store, options
        self.cache = PageCache(CACHE_BYTES)
        self.results = collections.OrderedDict()
        self.links = {}
        self.turns = 0    # how many requests found an order of their own

    def forget(self):
        """After a reset or a changed option nothing cached may be served."""
        self.cache.clear()
        self.results.clear()
        self.links.clear()

    def answer(self, request, faults):
        """Response for a request; `faults` maps active kinds to their rules."""
        try:
            if request.method not in ("GET", "HEAD"):
                raise ODataError("Method %s is not allowed." % request.method, 405, "MethodNotAllowed")
            if self.options.require_gzip and "gzip" not in request.headers.get("Accept-Encoding", ""):
                raise ODataError("Accept-Encoding: gzip is required.")
            return self.cached(request, faults)
        except ODataError as problem:
            return error_response(problem)
        except RecursionError:
            return error_response(ODataError("The query is too complex.", 413, "TooComplex"))

    def cached(self, request, faults):
        key = (request.raw, request.origin, request.headers.get("Prefer"), request.headers.get("Accept"), self.store.version)
        response = None if faults else self.cache.get(key)
        if response is None:
            with self.store.lock:
                response, volatile = self.route(request, faults)
            if not faults and not volatile:
                self.cache.put(key, response)
        return response

    def route(self, request, faults):
        path = unquote(request.path[len(ROOT):]).strip("/")
        if not path:
            return self.service_document(request), False
        if path == "$metadata":
            return Response(200, metadata.document(self.store), "application/xml"), False
        match = re.fullmatch(r"(\w+)(?:\((('(?:[^']|'')*'|[^'()])*)\))?(?:/(.*))?", path, re.S)
        if not match or match[1] not in self.store.tables:
            raise ODataError("Resource not found for the segment '%s'." % path.split("/")[0], 404, "NotFound")
        call = Call(self, request, self.store.tables[match[1]], faults)
        if match[2] is None:
            return call.collection(match[4])
        return call.entity(match[2], match[4])

    def service_document(self, request):
        sets = [{"name": name, "kind": "EntitySet", "url": name} for name in self.store.tables]
        return Response(200, json.dumps({"@odata.context": request.origin + ROOT + "/$metadata", "value": sets}))

    def matching(self, table, query, rows=None):
        """(records in order, sort key, features used, volatile) of a query."""
        context = odata.Context(self.store, self.options.case_insensitive, self.options.stamps_as_text, self.options.time_digits,
                                self.options.strict_decimals, self.options.nulls_high)
        uses, volatile, passes, sort_key = set(), False, None, table.key_of
        if query.filter is not None:
            passes, uses, volatile = odata.compile_filter(query.filter, table, context)
        order_uses = set()
        if query.orderby is not None and not self.options.ignore_order:
            sort_key, order_uses, also = odata.compile_orderby(query.orderby, table, context)
            volatile = volatile or also
        found = self.result_list(table, query, rows, passes, sort_key, volatile)
        return found, sort_key, uses, order_uses, volatile

    def result_list(self, table, query, rows, passes, sort_key, volatile):
        """The records a query finds, kept so that later pages need not search."""
        key = (table.name, self.store.version, query.filter, query.orderby, self.options.case_insensitive, self.options.stamps_as_text, self.options.nulls_high,
               self.options.ignore_order)
        if rows is None and not volatile and key in self.results:
            self.results.move_to_end(key)
            return self.results[key]
        found = table.records.values() if rows is None else rows
        found = sorted(filter(passes, found) if passes else found, key=sort_key)
        if rows is None and not volatile:
            self.results[key] = found
            if len(self.results) > RESULT_LISTS:
                self.results.popitem(last=False)
        return found


class Call:
    """One request against one table."""

    def __init__(self, reso, request, table, faults):
        self.reso, self.store, self.options = reso, reso.store, reso.options
        self.request, self.table, self.faults = request, table, faults
        self.prefer = parse_prefer(request.headers.get("Prefer", ""))
        self.volatile = False

    def style(self, first_record_twists=()):
        quoted = ("Edm.Decimal",) if self.options.decimals_as_strings else ()
        if "IEEE754Compatible=true" in self.request.headers.get("Accept", ""):
            quoted = ("Edm.Decimal", "Edm.Int64")
        omit = self.options.omit_nulls or self.prefer.get("omit-values") == "nulls"
        return Style(omit, quoted, list(first_record_twists))

    # -- one entity

    def entity(self, key_text, tail):
        key = odata.parse_key(key_text, self.table)
        record = self.table.records.get(key)
        if record is None:
            raise ODataError("No %s with key %s." % (self.table.name, key), 404, "NotFound")
        if not tail:
            query = parse_query(self.request.query, self.table, self.store)
            return self.one(self.table, record, query), self.volatile
        name, _, rest = tail.partition("/")
        if name in self.table.navigations:
            return self.navigate(record, self.table.navigations[name], rest)
        if name in self.table.fields and not rest:
            cell = self.table.cell(record, name)
            return Response(200, '{"@odata.context":%s,"value":%s}' % (
                json.dumps(self.context(self.table.name)), self.table.fields[name].json(cell))), False
        raise ODataError("Resource not found for the segment '%s'." % tail, 404, "NotFound")

    def one(self, table, record, query):
        self.refuse(query, set(), set())
        body = self.write(table, [record], query, self.style())
        start = '{"@odata.context":%s,' % json.dumps(self.context(table.name + "/$entity"))
        return Response(200, start.encode() + body[1:])

    def navigate(self, record, nav, rest):
        rows = self.store.related(self.table, record, nav)
        self.table = self.store.tables[nav.target]
        if nav.many:
            return self.collection(rest, rows)
        if rest:
            raise ODataError("Resource not found for the segment '%s'." % rest, 404, "NotFound")
        if not rows:
            return Response(204), False
        return self.one(self.table, rows[0], parse_query(self.request.query, self.table, self.store)), self.volatile

    # -- collections

    def collection(self, tail, rows=None):
        query = parse_query(self.request.query, self.table, self.store)
        if tail not in (None, "", "$count"):
            raise ODataError("Resource not found for the segment '%s'." % tail, 404, "NotFound")
        found, sort_key, uses, order_uses, self.volatile = self.reso.matching(self.table, query, rows)
        self.refuse(query, uses, order_uses)
        if tail == "$count":
            return Response(200, str(self.count_of(found)), "text/plain"), self.volatile
        return self.page(query, found, sort_key), self.volatile

    def count_of(self, found):
        return shown_count(self.faults, len(found), 1)

    def page(self, query, found, sort_key):
        if self.options.unordered and found:
            # Each request finds another order, as a query without ORDER BY does; none is answered from the cache.
            self.volatile = True
            self.reso.turns += 1
            turn = self.reso.turns % len(found)
            found = found[turn:] + found[:turn]
        start, delivered, size = self.position(query, found, sort_key)
        total_is_page = self.options.top == "page"
        remaining = len(found) if query.top is None or total_is_page else max(query.top - delivered, 0)
        rows = [] if "empty_page" in self.faults else found[start:start + min(size, remaining)]
        end = start + len(rows)
        more = end < len(found) and len(rows) < remaining
        link = self.next_link(query, rows, sort_key, delivered + len(rows), end, size) if more and rows else None
        response = self.page_response(query, rows, shown_count(self.faults, len(found), len(rows)), self.bend_link(link))
        if "maxpagesize" in self.prefer:
            response.headers["Preference-Applied"] = "odata.maxpagesize=%d" % size
        self.move_record(rows)
        return response

    def position(self, query, found, sort_key):
        """(index of the first row, rows delivered before it, page size)."""
        size = self.page_size(query)
        if query.token is None:
            if self.options.max_skip is not None and query.skip > self.options.max_skip:
                raise ODataError("$skip is limited to %d." % self.options.max_skip)
            return 0 if "ignore_skip" in self.faults else query.skip, 0, size
        if query.token not in self.reso.links:
            raise ODataError("The skip token has expired.", 410, "Gone")
        last, delivered, asked = self.reso.links[query.token]
        return bisect.bisect_right(found, last, key=sort_key), delivered, size if "maxpagesize" in self.prefer else asked

    def page_size(self, query):
        """A preference wins, then $top, then the server's default."""
        if "maxpagesize" in self.prefer:
            return min(max(int(self.prefer["maxpagesize"]), 1), self.options.max_page)
        if query.top is not None:
            return min(max(query.top, 1), self.options.max_page)
        return self.options.page_size

    def next_link(self, query, rows, sort_key, delivered, end, size):
        if self.options.link == "skip":
            changed = {"$skip": str(end)}
            if query.top is not None and self.options.top == "total":
                changed["$top"] = str(query.top - delivered)
            return self.link_with(changed)
        place = "%s %d %d %s" % (self.request.raw, delivered, size, self.table.key_of(rows[-1]))
        token = hashlib.md5(place.encode()).hexdigest()
        self.reso.links[token] = (sort_key(rows[-1]), delivered, size)
        return self.link_with({"$skiptoken": token})

    def link_with(self, changed):
        """The request's own URL with paging options replaced, the rest untouched."""
        replaced = {"$skip", "$skiptoken", *changed}
        kept = [pair for pair in self.request.raw_query.split("&")
                if pair and unquote_plus(pair.partition("=")[0]) not in replaced]
        path = self.request.path
        base = path.rsplit("/", 1)[1] if self.options.link == "relative" else self.request.origin + path
        return (base + "?" + "&".join(kept + ["%s=%s" % item for item in changed.items()])).rstrip("?")

    # -- misbehaviour that needs to know about pages

    def bend_link(self, link):
        """The nextLink as active faults want it."""
        own = self.request.origin + self.request.raw
        if "empty_page" in self.faults:
            return own + ("&" if "?" in own else "?") + "again=1"
        if link is None or "drop_link" in self.faults:
            return None
        if "repeat_page" in self.faults:
            return own
        if "loop" in self.faults and self.request.follows_link:
            return self.link_with({})
        if "foreign_link" in self.faults:
            return self.faults["foreign_link"].get("to", "http://127.0.0.1:9") + self.request.path + "?" + link.partition("?")[2]
        return link

    def move_record(self, rows):
        """Touch a served record, so that it reappears later in timestamp order; the
        clock may have been put back since it was stamped, and then it stays."""
        fault = self.faults.get("moving")
        if fault and rows:
            record = rows[min(fault.get("record", 0), len(rows) - 1)]
            stamped = self.table.cell(record, STAMP)[0][0]
            if stamped <= self.store.clock:
                self.store.update(self.table.name, [self.table.key_of(record)], {})

    def twists(self):
        """Replacement values: (record index or None for all, field, JSON text)."""
        found = []
        for kind in ("bad_value", "null_collection"):
            for fault in self.faults.every(kind):
                value = fault.get("value", "not a value") if kind == "bad_value" else None
                found.append((fault.get("record"), fault["field"], edm.dump(value)))
        return found

    def refuse(self, query, uses, order_uses):
        """Say no to features that active faults forbid."""
        used = {"or": "or" in uses, "in": "in" in uses, "not": "not" in uses, "lambda": "lambda" in uses,
                "function": "function" in uses, "orderby": query.orderby is not None, "filter": query.filter is not None,
                "expand": bool(query.expand), "count": query.count, "skip": query.skip > 0, "select": query.select is not None}
        for feature, present in used.items():
            if present and "refuse_" + feature in self.faults:
                raise ODataError("The query uses '%s', which is not supported by this service." % feature)
        for fault in self.faults.every("refuse_field"):
            name = fault["field"]
            where = fault.get("in", "both")
            if (where != "orderby" and "field:" + name in uses) or (where != "filter" and "field:" + name in order_uses):
                raise ODataError("The field '%s' cannot be used for filtering or ordering queries" % name, target=name)

    # -- writing

    def context(self, fragment):
        return self.request.origin + ROOT + "/$metadata#" + fragment

    def page_response(self, query, rows, count, link):
        shape = self.table.name + ("(%s)" % ",".join(query.select) if query.select else "")
        head = ['"@odata.context":' + json.dumps(self.context(shape), ensure_ascii=False)]
        if query.count and "no_count" not in self.faults:
            head.append('"%s":%d' % (self.member_name("count"), count))
        if "error_beside" in self.faults:
            head.append('"error":' + self.error_text("error_beside"))
        head += ['"%s":%s' % (spec["name"], edm.dump(spec.get("value"))) for spec in self.faults.every("member")]
        body = self.write(self.table, rows, query, self.style(self.twists()))
        if "error_record" in self.faults:
            body = b",".join([body] * bool(body) + [('{"error":%s}' % self.error_text("error_record")).encode()])
        tail = ',"%s":%s' % (self.member_name("nextLink"), json.dumps(link, ensure_ascii=False)) if link else ""
        return Response(200, b"".join((("{" + ",".join(head) + ',"value":[').encode(), body, ("]%s}" % tail).encode())))

    def member_name(self, name):
        """How the answer calls its count or link: with the prefix that a fault gives, or OData's."""
        return self.faults.get("member_names", {}).get("prefix", "@odata.") + name

    def error_text(self, kind):
        return json.dumps(self.faults[kind].get("error", {"code": "Busy", "message": "The database is busy."}))

    def write(self, table, rows, query, style):
        """The records as JSON objects with commas between them."""
        if not rows:
            return b""
        if query.select is None and not query.expand and style.plain:
            return b"},".join([table.body(record) for record in rows]) + b"}"
        names = query.select or list(table.fields)
        return b",".join([self.write_one(table, record, n, names, query, style) for n, record in enumerate(rows)])

    def write_one(self, table, record, position, names, query, style):
        fragments = []
        for name in names:
            cell = table.cell(record, name)
            if cell[0] is None and style.omit_nulls:
                continue
            fragments.append(quote_number(table.fields[name], cell) if table.fields[name].edm in style.quoted else cell[1])
            for index, twisted, text in style.twists:
                if twisted == name and index in (None, position):
                    fragments[-1] = '"%s":%s' % (name, text)
        for name, nested in query.expand.items():
            twisted = [text for index, field, text in style.twists if field == name and index in (None, position)]
            if twisted:
                fragments.append('"%s":%s' % (name, twisted[-1]))
            else:
                fragments += self.expanded(table, record, table.navigations[name], nested, style)
        return ("{" + ",".join(fragments) + "}").encode()

    def expanded(self, table, record, nav, query, style):
        """The members an expansion adds: the value, its count, a link to the rest."""
        target = self.store.tables[nav.target]
        rows = self.store.related(table, record, nav)
        plain = Style(style.omit_nulls, style.quoted)
        if not nav.many:
            return ['"%s":%s' % (nav.name, self.write(target, rows, query, plain).decode() if rows else "null")]
        found, _, _, _, volatile = self.reso.matching(target, query, rows)
        self.volatile = self.volatile or volatile
        top = len(found) if query.top is None else query.top
        shown = found[query.skip:query.skip + top]
        limit = self.options.expand_limit
        members = ['"%s@odata.count":%d' % (nav.name, len(found))] if query.count else []
        if limit is not None and len(shown) > limit:
            shown = shown[:limit]
            if not self.options.expand_silent:
                members.append('"%s@odata.nextLink":%s' % (nav.name, json.dumps(self.rest_of(table, record, nav, query, limit))))
        return ['"%s":[%s]' % (nav.name, self.write(target, shown, query, plain).decode())] + members

    def rest_of(self, table, record, nav, query, limit):
        """The address of what was cut: the navigation with the expansion's own options."""
        key = json.loads(table.fields[table.key].json(table.cell(record, table.key)))
        text = "'%s'" % key.replace("'", "''") if isinstance(key, str) else str(key)
        options = {"$select": query.select and ",".join(query.select), "$filter": query.filter, "$orderby": query.orderby,
                   "$top": query.top and str(query.top - limit), "$skip": str(query.skip + limit)}
        return "%s%s/%s(%s)/%s?%s" % (self.request.origin, ROOT, table.name, quote(text, safe="'"), nav.name,
                                      "&".join("%s=%s" % (name, quote(value)) for name, value in options.items() if value))


def quote_number(described, cell):
    text = described.json(cell)
    return cell[1] if cell[0] is None or described.many else '"%s":"%s"' % (described.name, text)


def parse_prefer(text):
    """{preference: value}, without the odata. prefix."""
    found = {}
    for item in text.split(","):
        name, _, value = item.strip().partition("=")
        name = name.strip().lower()
        found[name[6:] if name.startswith("odata.") else name] = value.strip().strip('"')
    if "maxpagesize" in found and not found["maxpagesize"].isdigit():
        del found["maxpagesize"]
    return found


def error_response(problem):
    error = {"code": problem.code, "message": str(problem)}
    if problem.target:
        error["target"] = problem.target
    return Response(problem.status, json.dumps({"error": error}, ensure_ascii=False))
