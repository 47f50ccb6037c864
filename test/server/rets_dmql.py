"""DMQL2: reads a query and answers a function that tells which records pass.

The grammar `nar` is that of a code base many servers have: lists hold bare words only (of
lookups, those that exist), numbers have no sign and stand alone or in ranges, and a second
has one digit of a fraction at most.

AND binds tighter than OR. A condition on an empty field is false, its negation
true. Texts compare without regard to case, as most servers do, if asked to.
"""
import re
from decimal import Decimal, InvalidOperation

import edm

LEVELS = 200
LITERAL = re.compile(r'"((?:[^"]|"")*)"')
NAME = re.compile(r"\s*([A-Za-z0-9_.]+)\s*=")
DATE = r"\d{4}-\d\d-\d\d"
CLOCK = r"\d\d:\d\d(?::\d\d(?:\.\d+)?)?"
INSTANT = DATE + r"(?:T" + CLOCK + r"(?:Z|[+-]\d\d:\d\d)?)?"
NUMBER = r"-?\d+(?:\.\d+)?"
RANGES = {"Date": r"(?:%s|TODAY)" % INSTANT, "DateTime": r"(?:%s|NOW|TODAY)" % INSTANT, "Time": CLOCK}
NUMERIC = ("Small", "Int", "Long", "Decimal")

NAR_WORD = r"\s*[A-Za-z0-9_]+\s*"
NAR_STRING = r"(?:{0}\*?|\s*\*(?:{0})?\*\s*|{0}\?(?:{0})?|\s*\?(?:{0})?)".format(NAR_WORD)
NAR_LIST = r"{0}(?:,{0})*".format(NAR_STRING)
NAR_CLOCK = r"\d\d:\d\d:\d\d(?:\.\d)?"
NAR_VALUES = {"Number": r"\d+(?:\.\d*)?", "Date": r"(?:%s|TODAY)" % DATE, "Time": NAR_CLOCK + r"(?:Z|[+-][01]\d:\d\d)?",
              "DateTime": r"(?:%s(?:T%s(?:Z|[+-][01]\d:\d\d)?)?|TODAY|NOW)" % (DATE, NAR_CLOCK), "Character": None}


class QueryError(Exception):
    """A query that is refused, with its reply code."""

    def __init__(self, code, text):
        super().__init__(text)
        self.code = code


class Parser:
    """Recursive descent over the text; `column` finds a field by its name."""

    def __init__(self, text, column, settings):
        self.text, self.at, self.depth = text, 0, 0
        self.column, self.settings = column, settings
        self.used = []

    def parse(self):
        found = self.clauses()
        self.blanks()
        if self.at != len(self.text):
            self.fail("unexpected text")
        return found

    def fail(self, why):
        raise QueryError(20206, "Invalid query syntax at character %d: %s" % (self.at + 1, why))

    def refuse(self, form):
        """Some servers take less than the grammar has."""
        if form in self.settings.refused_forms.split():
            self.fail("%s is not supported" % form)

    def blanks(self):
        while self.text[self.at:self.at + 1].isspace():
            self.at += 1

    def takes(self, symbol, word):
        """Consumes an operator in either of its spellings."""
        self.blanks()
        if self.text.startswith(symbol, self.at):
            self.at += len(symbol)
            return True
        if re.match(word + r"(?![A-Za-z0-9_=])", self.text[self.at:self.at + 5], re.I):
            self.at += len(word)
            return True
        return False

    def clauses(self):
        parts = [self.clause()]
        while self.takes("|", "OR"):
            self.refuse("or")
            parts.append(self.clause())
        return parts[0] if len(parts) == 1 else lambda row: any(part(row) for part in parts)

    def clause(self):
        parts = [self.element()]
        while self.takes(",", "AND"):
            parts.append(self.element())
        return parts[0] if len(parts) == 1 else lambda row: all(part(row) for part in parts)

    def element(self):
        if self.takes("~", "NOT"):
            inner = self.element()
            return lambda row: not inner(row)
        self.blanks()
        if self.text[self.at:self.at + 1] != "(":
            self.fail("'(' expected")
        self.at += 1
        self.depth += 1
        if self.depth > LEVELS:
            raise QueryError(20211, "The query is too deeply nested")
        name = NAME.match(self.text, self.at)
        found = self.condition(name) if name else self.clauses()
        self.blanks()
        if self.text[self.at:self.at + 1] != ")":
            self.fail("')' expected")
        self.at += 1
        self.depth -= 1
        return found

    def condition(self, name):
        column = self.column(name[1])
        if column is None:
            raise QueryError(20200, "Unknown Query Field: " + name[1])
        self.used.append(column)
        self.at = name.end()
        test = Condition(self, column, self.value_text()).test()
        reader = self.settings.reader(column)
        return lambda row: test(reader(row))

    def value_text(self):
        """The characters up to the closing parenthesis, which a literal may contain."""
        start = self.at
        while self.text[self.at:self.at + 1] not in ("", ")"):
            literal = LITERAL.match(self.text, self.at)
            if literal:
                self.at = literal.end()
            elif self.text[self.at] in '"(':
                self.fail("a quotation mark or parenthesis out of place")
            else:
                self.at += 1
        return self.text[start:self.at].strip()


class Condition:
    """The value of one field condition, read by the type of the field."""

    def __init__(self, parser, column, text):
        self.parser, self.column, self.text = parser, column, text
        self.settings = parser.settings

    def test(self):
        if not self.text:
            self.parser.fail("a value is missing")
        if self.text == ".EMPTY.":
            return lambda value: value is None
        if self.text in (".ANY.", "*"):
            return lambda value: value is not None
        if self.settings.grammar == "nar":
            self.require_nar()
        if self.column.lookup:
            return self.lookup_test()
        if self.column.type == "Boolean":
            return self.boolean_test()
        if self.column.type == "Character":
            return self.string_test()
        return self.range_test()

    def require_nar(self):
        """Refuses what the grammar of that code base has no rule for."""
        text, words = self.text, NAR_VALUES["Number" if self.column.type in NUMERIC + ("Boolean",) else self.column.type]
        if self.column.lookup:
            found = re.fullmatch(r"[|+~]?(%s(?:,%s)*)" % (NAR_WORD, NAR_WORD), text)
            lookup = {code for _, code in self.settings.lookups[self.column.lookup]}
            good = found and (text[0] in "|+~" or "," not in text) and all(word.strip() in lookup for word in found[1].split(","))
        elif self.column.type == "Character":
            good = re.fullmatch(NAR_LIST, text) or LITERAL.fullmatch(text) or re.fullmatch(NAR_WORD + r"[-+]" + "(?:%s)?" % NAR_WORD, text)
        else:
            good = re.fullmatch(words, text) or re.fullmatch(r"{0}(?:,{0})*".format(r"%s(?:-(?:%s)|[-+])" % (words, words)), text)
        if not good:
            self.parser.fail("unexpected token in %s" % text[:60])

    def items(self, text):
        """Comma-separated words, each as (text, was it a literal)."""
        found, at = [], 0
        while True:
            while text[at:at + 1] == " ":
                at += 1
            literal = LITERAL.match(text, at)
            if literal:
                found.append((literal[1].replace('""', '"'), True))
                at = literal.end()
            else:
                end = text.find(",", at)
                end = len(text) if end < 0 else end
                found.append((text[at:end].strip(), False))
                at = end
            if at >= len(text):
                return found
            if text[at] != ",":
                self.parser.fail("',' expected")
            at += 1

    def lookup_test(self):
        mark = self.text[0] if self.text[0] in "|+~" else "|"
        body = self.text[1:] if self.text[0] in "|+~" else self.text
        if body == ".ANY.":
            return (lambda value: value is None) if mark == "~" else (lambda value: value is not None)
        words = set()
        for word, literal in self.items(body):
            if not word or (not literal and not re.fullmatch(r"[A-Za-z0-9_]+", word)):
                self.parser.fail("a lookup value must be alphanumeric or quoted")
            words.add(word)
        if mark == "+":
            return lambda value: value is not None and words <= value
        if mark == "~":
            return lambda value: not (value is not None and words & value)
        return lambda value: value is not None and bool(words & value)

    def boolean_test(self):
        words = {word for word, _ in self.items(self.text.lstrip("|"))}
        if not words <= {"0", "1"}:
            self.parser.fail("a Boolean is 0 or 1")
        return lambda value: value in words

    def string_test(self):
        self.refuse_forms()
        if self.text[0] in "|~+":
            self.parser.fail("a lookup operator on a field without lookup")
        span = re.fullmatch(r"([A-Za-z0-9]+)(?:-([A-Za-z0-9]+)|(\+)|(-))", self.text)
        if self.column.is_key and span:
            return between(span[1] if not span[4] else None, span[2] if not span[4] else span[1])
        patterns = [self.pattern(word, literal) for word, literal in self.items(self.text)]
        return lambda value: value is not None and any(pattern.fullmatch(value) for pattern in patterns)

    def refuse_forms(self):
        rest = LITERAL.sub("x", self.text)
        for form, found in (("list", "," in rest), ("quoted", rest != self.text), ("match", re.search(r"[*?]", rest))):
            if found:
                self.parser.refuse(form)

    def pattern(self, word, literal):
        flags = re.S | (re.I if self.settings.case_insensitive else 0)
        if literal:
            return re.compile(re.escape(word), flags)
        if not re.fullmatch(r"\*?[A-Za-z0-9?_]+\*?", word):
            self.parser.fail("text beyond letters and digits must be quoted")
        return re.compile(re.escape(word).replace(r"\*", ".*").replace(r"\?", "."), flags)

    def range_test(self):
        """Ranges and single values; their list is an OR."""
        if "," in self.text:
            self.parser.refuse("list")
        single = NUMBER if self.column.type in NUMERIC else RANGES[self.column.type]
        tests = []
        for word, _ in self.items(self.text):
            span = re.fullmatch(r"(%s)(?:-(%s)|(\+)|(-))?" % (single, single), word)
            if not span:
                raise QueryError(20206, "Invalid value for %s: %s" % (self.column.system, word[:60]))
            low, high = self.value(span[1]), span[2] and self.value(span[2])
            if span[3]:
                tests.append(between(low, None))
            elif span[4]:
                tests.append(between(None, low))
            else:
                tests.append(between(low, low if high is None else high))
        return tests[0] if len(tests) == 1 else lambda value: any(test(value) for test in tests)

    def value(self, text):
        try:
            if self.column.type in NUMERIC:
                return Decimal(text)
            if self.column.type == "Time":
                return edm.parse_time(text)
            if text in ("TODAY", "NOW"):
                clock = self.settings.clock()
                instant = clock - clock % edm.DAY if text == "TODAY" else clock
                return instant // edm.DAY if self.column.type == "Date" else instant
            if self.column.type == "Date":
                return edm.parse_date(text[:10])
            stamp = text if "T" in text else text + "T00:00:00"
            zoned = re.search(r"(Z|[+-]\d\d:\d\d)$", stamp.partition("T")[2])
            return edm.parse_stamp(stamp if zoned else stamp + self.settings.zone)[0]
        except (ValueError, InvalidOperation):
            raise QueryError(20206, "Invalid value for %s: %s" % (self.column.system, text[:60])) from None


def between(low, high):
    return lambda value: value is not None and (low is None or value >= low) and (high is None or value <= high)


def compile_query(text, column, settings):
    """(predicate on records, columns used)"""
    parser = Parser(text, column, settings)
    return parser.parse(), parser.used
