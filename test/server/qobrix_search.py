"""Search expressions: text to a function from record to True, False or None.

Precedence is that of Symfony's expression language: `not` binds tighter than a
comparison, so a negated comparison needs parentheses. Comparisons with null are
neither true nor false, but for == and != with the word null.
"""
import math
import re
from dataclasses import dataclass

import edm
from qobrix_model import naive_text, stamp_at

TOKEN = re.compile(r"""\s*(?:
    (?P<number>\d+(?:\.(?!\.)\d+)?) | (?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)
    | (?P<mark><=|>=|==|!=|<>|\.\.|[<>()\[\],~?:-]))""", re.X | re.S)
WORDS = (("starts", "with"), ("ends", "with"), ("not", "in"))
LEVELS = {"or": 10, "and": 15, "==": 20, "!=": 20, "<>": 20, "<": 20, "<=": 20, ">": 20, ">=": 20, "in": 20, "not in": 20,
          "contains": 20, "starts with": 20, "ends with": 20, "..": 25, "~": 40}
NOT_LEVEL = 50
PLAIN = ("id", "uuid", "link", "text", "enum", "code", "plain")
UNITS = {"DAYS": 1, "WEEKS": 7, "MONTHS": 30, "YEARS": 365}
DEPTH = 200


class SearchError(Exception):
    """The expression cannot be understood."""


@dataclass
class Node:
    """`get` makes the value for a record; `fixed` tells that it needs none."""
    get: object
    kind: str = "text"
    fixed: bool = False
    chain: tuple = ()       # of `and` or `or`: the word and its terms, so that long ones do not nest

    @property
    def value(self):
        return self.get(None)


def constant(value, kind):
    return Node(lambda record: value, kind, True)


def tokens_of(text):
    found, at = [], 0
    text = text.rstrip()
    while at < len(text):
        match = TOKEN.match(text, at)
        if not match:
            raise SearchError("Unexpected character \"%s\" around position %d." % (text[at:at + 1], at + 1))
        found.append((match.lastgroup, match[match.lastgroup], at))
        at = match.end()
    return joined(found) + [("end", "", at)]


def joined(tokens):
    """Operators of two words become one token."""
    found = []
    for token in tokens:
        if found and found[-1][0] == token[0] == "name" and (found[-1][1], token[1]) in WORDS:
            found[-1] = ("name", found[-1][1] + " " + token[1], found[-1][2])
        else:
            found.append(token)
    return found


def instant_text(text):
    try:
        return naive_text(text)
    except ValueError as problem:
        raise SearchError("Invalid date \"%s\"." % text) from problem


class Parser:
    """`resolve(name)` gives the Node of a field or raises SearchError."""

    def __init__(self, text, resolve, options, clock, user):
        self.tokens, self.at = tokens_of(text), 0
        self.resolve, self.options, self.clock, self.user = resolve, options, clock, user
        self.depth, self.used = 0, set()

    def parse(self):
        node = self.expression(0)
        if self.peek()[0] != "end":
            raise self.unexpected()
        return node

    def peek(self):
        return self.tokens[self.at]

    def take(self, text=None):
        token = self.peek()
        if text is not None and token[1] != text:
            raise self.unexpected()
        self.at += 1
        return token

    def unexpected(self):
        kind, text, at = self.peek()
        return SearchError("Unexpected token \"%s\" of value \"%s\" around position %d." % (kind, text, at + 1))

    def expression(self, level):
        self.depth += 1
        if self.depth > DEPTH:
            raise SearchError("The expression is nested too deeply.")
        node = self.operand()
        while self.operator() and LEVELS[self.operator()] >= level:
            name = self.take()[1]
            self.used.add(name)
            node = self.combine(name, node, self.expression(LEVELS[name] + 1))
        if level == 0 and self.peek()[1] == "?" and self.peek()[0] == "mark":
            node = self.conditional(node)
        self.depth -= 1
        return node

    def operator(self):
        kind, text, _ = self.peek()
        return text if kind in ("name", "mark") and text in LEVELS else None

    def conditional(self, test):
        self.take("?")
        yes = self.expression(0)
        self.take(":")
        no = self.expression(0)
        return Node(lambda record: yes.get(record) if test.get(record) else no.get(record), yes.kind)

    def operand(self):
        kind, text, _ = self.peek()
        if kind == "number":
            self.take()
            return constant(float(text) if "." in text else int(text), "number")
        if kind == "text":
            self.take()
            return constant(re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.S), "text")
        if kind == "mark" and text in ("(", "[", "-"):
            self.take()
            return getattr(self, {"(": "group", "[": "listed", "-": "negative"}[text])()
        if kind == "name" and text not in LEVELS:
            self.take()
            return self.named(text)
        raise self.unexpected()

    def group(self):
        node = self.expression(0)
        self.take(")")
        return node

    def negative(self):
        node = self.operand()
        if node.kind != "number":
            raise SearchError("Only a number can be negative.")
        return Node(lambda record: None if node.get(record) is None else -node.get(record), "number", node.fixed)

    def arguments(self, end):
        found = []
        while self.peek()[1] != end or self.peek()[0] != "mark":
            if found:
                self.take(",")
            found.append(self.expression(0))
        self.take(end)
        return found

    def listed(self):
        return constant(self.arguments("]"), "list")

    def named(self, name):
        if name == "not":
            self.used.add("not")
            node = self.expression(NOT_LEVEL)
            return Node(lambda record: None if node.get(record) is None else not node.get(record), "bool")
        if name in ("true", "false"):
            return constant(name == "true", "bool")
        if name == "null":
            return constant(None, "null")
        if self.peek()[1] == "(" and self.peek()[0] == "mark":
            self.take()
            self.used.add("function")
            return self.function(name, self.arguments(")"))
        return self.period(name) or self.resolve(name)

    # -- constants and functions

    def period(self, name):
        """NOW, TODAY, LAST_WEEK...: the start of the period, or None."""
        if name == "CURRENT_USER":
            return constant(self.user, "text")
        if name == "NOW":
            return constant(stamp_at(self.clock), "stamp")
        day = self.clock // edm.DAY
        if name in ("YESTERDAY", "TODAY", "TOMORROW"):
            return constant(stamp_at((day + ("YESTERDAY", "TODAY", "TOMORROW").index(name) - 1) * edm.DAY), "stamp")
        match = re.fullmatch("(LAST|THIS|NEXT)_(WEEK|MONTH|YEAR)", name)
        if not match:
            return None
        shift = ("LAST", "THIS", "NEXT").index(match[1]) - 1
        if match[2] == "WEEK":
            return constant(stamp_at((day - (day + 3) % 7 + 7 * shift) * edm.DAY), "stamp")
        year, month = (int(part) for part in stamp_at(self.clock)[:7].split("-"))
        months = year * 12 + (month - 1 + shift if match[2] == "MONTH" else 12 * shift)
        return constant("%04d-%02d-01T00:00:00" % (months // 12, months % 12 + 1), "stamp")

    def function(self, name, given):
        match = re.fullmatch("(DAYS|WEEKS|MONTHS|YEARS)_(AGO|FROM_NOW)", name)
        if match and len(given) == 1 and given[0].fixed and isinstance(given[0].value, int):
            days = UNITS[match[1]] * given[0].value * (-1 if match[2] == "AGO" else 1)
            return constant(stamp_at(self.clock + days * edm.DAY), "stamp")
        if name == "TRANSLATED" and len(given) == 1 or name == "LOCALDATE" and len(given) in (1, 2):
            return given[0]
        if name == "DISTANCE_FROM" and len(given) == 2:
            return Node(lambda record: distance(given[0].get(record), given[1].get(record)), "number")
        if name == "IN_POLYGON" and len(given) == 2:
            return Node(lambda record: inside(given[0].get(record), given[1].get(record)), "bool")
        raise SearchError("The function \"%s\" does not exist or was called wrongly." % name)

    # -- operators

    def combine(self, name, left, right):
        if name in ("and", "or"):
            terms = (left.chain[1] if left.chain[:1] == (name,) else [left.get]) + [right.get]
            return Node({"and": all_of, "or": any_of}[name](terms), "bool", chain=(name, terms))
        if name == "..":
            return constant((left, right), "range")
        if name == "~":
            return Node(lambda record: as_text(left.get(record)) + as_text(right.get(record)))
        if name in ("in", "not in"):
            return self.membership(left, right, name == "not in")
        if left.kind == "null" or right.kind == "null":
            return self.null_test(name, left if right.kind == "null" else right)
        if "list" in (left.kind, right.kind) or "range" in (left.kind, right.kind):
            raise SearchError("A list cannot be compared with \"%s\"." % name)
        return Node(self.comparison(name, left, right), "bool")

    def null_test(self, name, node):
        if name not in ("==", "!=", "<>"):
            return constant(None, "bool")
        wanted = name == "=="
        return Node(lambda record: (node.get(record) is None) == wanted, "bool")

    def membership(self, left, right, negated):
        if right.kind == "range":
            low, high = (self.comparison(mark, left, end) for mark, end in zip((">=", "<="), right.value))
            test = all_of([low, high])
        elif right.kind == "list" and left.kind in PLAIN and not self.options.case_insensitive and all(
                item.fixed and isinstance(item.value, str) for item in right.value):
            test = one_of(left.get, {item.value for item in right.value})
        elif right.kind == "list":
            tests = [self.combine("==", left, item).get for item in right.value]
            test = any_of(tests)
        else:
            raise SearchError("\"in\" needs a list or a range.")
        if not negated:
            return Node(test, "bool")
        return Node(lambda record: None if test(record) is None else not test(record), "bool")

    def comparison(self, name, left, right):
        """A function of the record; texts become dates or numbers where the other side is one."""
        one, two = self.reader(left, right), self.reader(right, left)
        test = TESTS[name]
        if left.kind in ("codes", "words"):
            if name not in ("==", "contains", "!=", "<>"):
                raise SearchError("\"%s\" does not work on a list of codes." % name)
            return lambda record: in_array(name, left.get(record), two(record))

        def compare(record):
            first, second = one(record), two(record)
            if first is None or second is None:
                return None
            try:
                return test(first, second)
            except TypeError:
                return None
        return compare

    def reader(self, node, other):
        """How one side is read beside the other."""
        times = ("stamp", "date")
        if node.kind in times or other.kind in times:
            return self.converted(node, instant_text)
        if "number" in (node.kind, other.kind) or "int" in (node.kind, other.kind):
            return self.converted(node, number_or_none)
        if self.options.case_insensitive:
            return lambda record: fold(node.get(record))
        return node.get

    def converted(self, node, convert):
        if node.fixed:
            value = convert(node.value) if isinstance(node.value, str) else node.value
            return lambda record: value
        if node.kind == "stamp":
            return node.get

        def get(record):
            value = node.get(record)
            try:
                return convert(value) if isinstance(value, str) else value
            except SearchError:
                return None
        return get


TESTS = {
    "==": lambda a, b: a == b, "!=": lambda a, b: a != b, "<>": lambda a, b: a != b,
    "<": lambda a, b: a < b, "<=": lambda a, b: a <= b, ">": lambda a, b: a > b, ">=": lambda a, b: a >= b,
    "contains": lambda a, b: as_text(b) in as_text(a),
    "starts with": lambda a, b: as_text(a).startswith(as_text(b)),
    "ends with": lambda a, b: as_text(a).endswith(as_text(b)),
}


def in_array(name, array, value):
    """Feature lists: ==, contains and in look for a code among them."""
    return (value in (array or [])) == (name in ("==", "contains"))


def all_of(tests):
    def test(record):
        unknown = False
        for one in tests:
            found = one(record)
            if found is None:
                unknown = True
            elif not found:
                return False
        return None if unknown else True
    return test


def any_of(tests):
    def test(record):
        unknown = False
        for one in tests:
            found = one(record)
            if found:
                return True
            unknown = unknown or found is None
        return None if unknown else False
    return test


def one_of(get, values):
    def test(record):
        found = get(record)
        return None if found is None else found in values
    return test


def fold(value):
    return value.casefold() if isinstance(value, str) else value


def as_text(value):
    return "" if value is None else value if isinstance(value, str) else edm.dump(value)


def number_or_none(text):
    try:
        return float(text)
    except ValueError:
        return None


def point(text):
    numbers = re.findall(r"-?\d+(?:\.\d+)?", text or "")
    return (float(numbers[0]), float(numbers[1])) if len(numbers) == 2 else None


def distance(one, two):
    """Metres between two coordinate texts."""
    one, two = point(one), point(two)
    if one is None or two is None:
        return None
    (lat1, lng1), (lat2, lng2) = ([math.radians(part) for part in place] for place in (one, two))
    half = math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lng2 - lng1) / 2) ** 2
    return 2 * 6371000 * math.asin(math.sqrt(half))


def inside(place, polygon):
    """Whether a point is in the polygon 'lat lng, lat lng, ...'."""
    place, corners = point(place), [point(part) for part in (polygon or "").split(",")]
    if place is None or None in corners:
        return None
    (lat, lng), result = place, False
    for (lat1, lng1), (lat2, lng2) in zip(corners, corners[-1:] + corners[:-1]):
        if (lng1 > lng) != (lng2 > lng) and lat < (lat2 - lat1) * (lng - lng1) / (lng2 - lng1) + lat1:
            result = not result
    return result
