"""Search: arguments, rows, and the compact answers. Elements are written elsewhere."""
import random

import rets_ddf
import rets_dmql
import rets_xml
from data import STAMP
from rets_wire import Refusal, clean, envelope, reply, status_line

FORMATS = ("COMPACT", "COMPACT-DECODED", "STANDARD-XML")
RESULT_LISTS = 16
NO_ROWS = (20201, "No Records Found")
CUT = (20208, "Maximum Records Exceeded")


class Settings:
    """What conditions need to know of the server."""

    def __init__(self, search, table):
        self.case_insensitive, self.zone = search.options.case_insensitive, search.options.zone
        self.grammar, self.refused_forms = search.options.grammar, search.options.refused_forms
        self.lookups = search.store.model.lookups
        self.clock = lambda: search.store.clock
        self.table, self.cells = table, {}

    def reader(self, column):
        """Record to comparable value."""
        cell, name, over_cell = self.table.cells[column.name], column.name, self.table.cell
        pool = getattr(cell, "__self__", None)
        known = {id(each): column.cell_value(each) for each in pool.cells} if pool else {}

        def read(record):
            if record.over and name in record.over:
                return column.cell_value(over_cell(record, name))
            found = cell(record.number)
            return known[id(found)] if pool else column.cell_value(found)
        return read


class Search:
    """Answers Search transactions from the tables of a store."""

    def __init__(self, store, schema, options):
        self.store, self.schema, self.options = store, schema, options
        self.texts, self.results = {}, {}

    def answer(self, arguments, faults):
        try:
            return Call(self, arguments, faults).answer()
        except (Refusal, rets_dmql.QueryError) as problem:
            return reply(problem.code, str(problem))
        except RecursionError:
            return reply(20211, "The query is too complex")

    def pool_texts(self, pool, column, decoded):
        """Escaped texts of a pool's cells, made once."""
        key = (id(pool), decoded)
        found = self.texts.get(key)
        if found is None or found[0] is not pool:
            made = [clean(column.text(rets_dmql.edm.load(column.field.json(cell)), decoded)) for cell in pool.cells]
            found = self.texts[key] = pool, made
        return found[1]

    def forget(self):
        self.texts.clear()
        self.results.clear()


class Call:
    """One Search transaction."""

    def __init__(self, search, arguments, faults):
        self.search, self.store, self.schema, self.options = search, search.store, search.schema, search.options
        self.arguments, self.faults = arguments, faults
        self.standard = arguments.get("standardnames", "0") == "1"
        if self.options.dialect == "ddf":
            rets_ddf.rename(arguments)
        self.resource = self.schema.resource(arguments.get("searchtype", ""), self.standard)
        if self.resource is None:
            raise Refusal(20203, "Unknown resource: " + arguments.get("searchtype", ""))
        self.kind = self.schema.find_class(self.resource, arguments.get("class", ""), self.standard)
        if self.options.dialect == "ddf" and arguments.get("class", "") == self.resource.name:
            self.kind = self.resource.classes[0]
        if self.kind is None:
            raise Refusal(20203, "Unknown class: " + arguments.get("class", ""))
        self.table = self.store.tables[self.resource.table]
        self.columns = self.schema.columns(self.resource)
        self.format = arguments.get("format", "STANDARD-XML").partition(":")[0].upper()
        if self.format not in FORMATS and self.options.dialect != "ddf":
            raise Refusal(20203, "Unknown format: " + self.format)

    def number(self, name, default, least):
        text = self.arguments.get(name, "")
        if not text or (name == "limit" and text.upper() == "NONE"):
            return default
        if not text.isascii() or not text.isdigit() or int(text) < least:
            raise Refusal(20203, "Invalid %s: %s" % (name.capitalize(), text))
        return int(text)

    def name_of(self, column):
        return column.standard if self.standard else column.system

    def column(self, name):
        return next((column for column in self.columns if self.name_of(column) == name and name), None)

    def selected(self):
        text = self.arguments.get("select", "")
        if not text:
            return [column for column in self.columns if self.name_of(column)]
        found = []
        for name in map(str.strip, text.split(",")):
            if self.column(name) is None:
                raise Refusal(20202, "Unknown Select Field: " + name)
            found.append(self.column(name))
        return found

    def matching(self):
        query = self.arguments.get("query", "").strip()
        kind = self.arguments.get("querytype", "DMQL2").upper()
        if kind not in ("DMQL2", "DMQL"):
            raise Refusal(20203, "Unknown QueryType: " + kind)
        rows = self.schema.members(self.resource, self.kind)
        if query == "*" and self.options.empty_query or not query and self.options.empty_query:
            return rows
        if not query:
            raise Refusal(20203, "A query is required")
        passes, used = rets_dmql.compile_query(query, self.column, Settings(self.search, self.table))
        refused = {fault["field"] for fault in self.faults.every("refuse_field")}
        for column in used:
            if refused & {column.name, column.system}:
                raise Refusal(20207, "Unauthorized query: " + column.system)
        key = (self.resource.name, self.kind.name, self.standard, query, self.store.version, self.store.clock,
               self.options.case_insensitive, self.options.zone, self.options.grammar, self.options.refused_forms)
        if key not in self.search.results:
            while len(self.search.results) >= RESULT_LISTS:
                self.search.results.pop(next(iter(self.search.results)))
            self.search.results[key] = list(filter(passes, rows))
        return self.search.results[key]

    def answer(self):
        if self.options.dialect == "ddf":
            return rets_ddf.answer(self)
        lost = {fault["field"] for fault in self.faults.every("lost_column")}
        columns, rows = [column for column in self.selected() if not lost & {column.name, column.system}], self.matching()
        count = self.number("count", 0, 0)
        total = len(rows) + (self.faults["wrong_count"].get("by", 1) if "wrong_count" in self.faults else 0)
        counted = '<COUNT Records="%d"/>\r\n' % total if count and "no_count" not in self.faults else ""
        if count == 2:
            return envelope(counted, trailer="" if rows or self.options.no_rows != "status" else status_line(*NO_ROWS))
        page, more, capped = self.page(rows, columns)
        if not page:
            return self.nothing(counted, columns)
        if self.format == "STANDARD-XML":
            return rets_xml.answer(self, page, columns, counted, len(rows), more)
        return self.compact(page, columns, counted, more, capped)

    def page(self, rows, columns):
        """(rows, whether more exist, whether the server's own cap cut them)"""
        limit, offset = self.number("limit", None, 1), self.number("offset", None, 1)
        if self.options.most_limit and limit is not None and limit > self.options.most_limit:
            raise Refusal(20208, "Maximum Records Exceeded")
        if self.options.limit == "ignored":
            limit = None
        if offset is not None and self.options.offset == "refused":
            raise Refusal(20203, "Offset is not supported")
        if self.options.offset == "unstable":
            rows = random.Random(self.search.store.clock + (offset or 0)).sample(rows, len(rows))
        start = 0 if offset is None or self.options.offset == "ignored" else offset - 1
        cap = self.options.max_rows
        if self.options.key_index and limit is None and all(column.in_key_index for column in columns):
            cap = len(rows)
        size = cap if limit is None else min(limit, cap)
        page = rows[start:start + size]
        more = start + len(page) < len(rows)
        return page, more or self.options.exact_maxrows and len(page) == size, more and size == cap

    def nothing(self, counted, columns):
        form = self.options.no_rows
        if form == "code":
            return reply(*NO_ROWS)
        head = "" if self.format == "STANDARD-XML" else self.head(columns)
        return envelope(counted + head, trailer=status_line(*NO_ROWS) if form == "status" else "")

    # -- compact

    def head(self, columns):
        mark = self.delimiter()
        case = self.faults.get("column_case")
        change = getattr(str, case.get("to", "upper")) if case else str
        names = mark.join(change(self.name_of(column)) for column in columns)
        return '<DELIMITER value="%s"/>\r\n<COLUMNS>%s%s%s</COLUMNS>\r\n' % (self.options.delimiter, mark, names, self.tail())

    def delimiter(self):
        return clean(chr(int(self.options.delimiter, 16)))

    def tail(self):
        return self.delimiter() if self.options.trailing_delimiter else ""

    def compact(self, page, columns, counted, more, capped):
        start, end = "<DATA>" + self.delimiter(), self.tail() + "</DATA>\r\n"
        rows = self.bend(self.rows(page, columns, self.format == "COMPACT-DECODED"))
        body = start + (end + start).join(rows) + end
        form = self.options.over_limit
        marked = more and not (capped and form in ("20208", "silent")) and "drop_link" not in self.faults
        trailer = ("<MAXROWS/>\r\n" if marked else "") + (status_line(*CUT) if capped and form in ("20208", "both") else "")
        last = self.options.count_last
        text = ("" if last else counted) + self.head(columns) + body + (counted if last else "") + trailer
        answer = envelope(text)
        self.move(page)
        return answer

    def rows(self, page, columns, decoded):
        """The text of each row. Pools are looked up in place: a call for each of
        millions of cells would take minutes."""
        picks, made = [], []
        for position, column in enumerate(columns):
            pool = getattr(self.table.cells[column.name], "__self__", None)
            if pool is None or self.options.naive_stamps and column.type == "DateTime":
                naive = self.options.naive_stamps and column.type == "DateTime"
                made.append((position, column, None if naive else getattr(self.table.cells[column.name], "make", None)))
                picks.append((("",), 1, 0, 0))
            else:
                texts = self.search.pool_texts(pool, column, decoded)
                picks.append((texts, len(texts), pool.factor, pool.start))
        mark, mask, restricted = self.delimiter(), (1 << 32) - 1, self.restricted(columns)
        for record in page:
            number = record.number
            found = [texts[((number * factor + start) & mask) * size >> 32] for texts, size, factor, start in picks]
            for position, column, make in made:
                found[position] = self.text(record, column, decoded) if make is None else clean(column.text(make(number), decoded))
            if record.over:
                for position, column in enumerate(columns):
                    if column.name in record.over:
                        found[position] = self.text(record, column, decoded)
            for position, text in restricted:
                found[position] = text
            yield mark.join(found)

    def text(self, record, column, decoded):
        text = column.text(self.schema.raw(self.table, column, record), decoded)
        if column.type == "DateTime" and self.options.naive_stamps and text:
            text = self.naive(column, record)
        return clean(text)

    def naive(self, column, record):
        """An instant as the server's clock shows it, without saying so."""
        edm = rets_dmql.edm
        instant = self.table.cell(record, column.name)[0][0]
        shift = edm.parse_stamp("2000-01-01T00:00:00" + self.options.zone)[1]
        return edm.format_stamp(instant + shift * 60 * edm.SECOND, 7)[:-1]

    def restricted(self, columns):
        """(position, text) of withheld columns: the indicator or nothing."""
        names = {fault["field"] for fault in self.faults.every("restricted")}
        text = clean(self.arguments.get("restrictedindicator", ""))
        return [(position, text) for position, column in enumerate(columns) if names & {column.name, column.system}]

    # -- misbehaviour in rows

    def bend(self, rows):
        """Rows with fields too many or too few, and the junk that tests order."""
        rows = list(rows)
        for kind, junk in (("bare_ampersand", "Fish & Chips &nbsp;"), ("control_char", "bell\x07 unit\x1f"), ("raw_delimiter", self.delimiter())):
            for fault in self.faults.every(kind):
                self.insert(rows, fault, junk)
        for fault in self.faults.every("short_row"):
            at = min(fault.get("record", 0), len(rows) - 1)
            rows[at] = self.delimiter().join(rows[at].split(self.delimiter())[:-fault.get("by", 2)])
        return rows

    def insert(self, rows, fault, junk):
        """Puts junk before the value of a column, the first text column if none is named."""
        at, columns = min(fault.get("record", 0), len(rows) - 1), self.selected()
        wanted = fault.get("field")
        place = next((n for n, column in enumerate(columns) if (wanted in (column.name, column.system) if wanted else
                      column.type == "Character" and not column.lookup and not column.is_key)), 0)
        parts = rows[at].split(self.delimiter())
        parts[place] = junk + parts[place]
        rows[at] = self.delimiter().join(parts)

    def move(self, page):
        """Touches a served record, so that it reappears later."""
        fault = self.faults.get("moving")
        if fault:
            record = page[min(fault.get("record", 0), len(page) - 1)]
            if self.table.cell(record, STAMP)[0][0] <= self.store.clock:
                self.store.update(self.table.name, [self.table.key_of(record)], {})
