"""The OData expression language: $filter, $orderby, key literals, and their
evaluation with OData's null rules.

An expression compiles to a closure from a record to a value. Booleans are
three-valued (None is null) and a record passes only on True; eq and ne are
two-valued, gt ge lt le are false when a side is null.
"""
import operator
import re
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal, DivisionByZero, InvalidOperation

import edm


class ODataError(Exception):
    """An answer that is an OData error document."""

    def __init__(self, message, status=400, code=None, target=None):
        super().__init__(message)
        self.status, self.code, self.target = status, code or "BadRequest", target


TOKENS = re.compile("|".join("(?P<%s>%s)" % pair for pair in [
    ("space", r"[ \t]+"),
    ("guid", edm.GUID + r"(?![\w-])"),
    ("stamp", edm.STAMP),
    ("date", edm.DATE + r"(?![\w-])"),
    ("time", edm.TIME),
    ("number", r"\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])"),
    ("typed", r"[A-Za-z_][\w.]*'(?:[^']|'')*'"),
    ("string", r"'(?:[^']|'')*'"),
    ("name", r"\$?[^\W\d]\w*(?:\.[^\W\d]\w*)*"),
    ("mark", r"[(),:/*=-]"),
]))

NUMBERS = ("int", "decimal", "double")
KINDS = {
    "Edm.String": "string", "Edm.Boolean": "bool", "Edm.Int16": "int", "Edm.Int32": "int", "Edm.Int64": "int",
    "Edm.Decimal": "decimal", "Edm.Double": "double", "Edm.Date": "date", "Edm.DateTimeOffset": "stamp",
    "Edm.TimeOfDay": "time", "Edm.Guid": "guid",
}
COMPARE = {"eq": operator.eq, "ne": operator.ne, "gt": operator.gt, "ge": operator.ge, "lt": operator.lt, "le": operator.le}
PRIORITY = {"or": 1, "and": 2, "eq": 3, "ne": 3, "gt": 4, "ge": 4, "lt": 4, "le": 4, "add": 5, "sub": 5,
            "mul": 6, "div": 6, "divby": 6, "mod": 6, "has": 8, "in": 8}
PREFIX_PRIORITY = 7


class Token:
    __slots__ = ("kind", "text", "spaced")

    def __init__(self, kind, text, spaced):
        self.kind, self.text, self.spaced = kind, text, spaced


def tokenize(text):
    tokens, at, spaced = [], 0, False
    while at < len(text):
        match = TOKENS.match(text, at)
        if not match:
            raise ODataError("Syntax error at position %d in '%s'." % (at, text))
        if match.lastgroup == "space":
            spaced = True
        else:
            tokens.append(Token(match.lastgroup, match[0], spaced))
            spaced = False
        at = match.end()
    tokens.append(Token("end", "", spaced))
    return tokens


class Expression:
    """`kind` is the type family, `run` the closure; `field` describes the items
    of a collection or an enumeration, `table` the target of a navigation."""
    __slots__ = ("kind", "run", "field", "table", "literal")

    def __init__(self, kind, run, field=None, table=None, literal=False):
        self.kind, self.run, self.field, self.table, self.literal = kind, run, field, table, literal


def constant(kind, value, field=None):
    return Expression(kind, lambda record: value, field, literal=True)


def unquote(text):
    return text[1:-1].replace("''", "'")


def kind_of(field):
    """Kind of one item of a field."""
    if field.parts:
        return "complex"
    return "enum" if field.enum else KINDS[field.edm]


def of_field(field, get):
    return Expression("collection" if field.many else kind_of(field), get, field)


class Context:
    """What expressions refer to: the data, its options and the clock."""

    def __init__(self, store, fold_case=False, stamps_as_text=False, time_digits=None, strict_decimals=False, nulls_high=False):
        self.store, self.fold_case, self.nulls_high = store, fold_case, nulls_high
        self.stamps_as_text, self.time_digits, self.strict_decimals = stamps_as_text, time_digits, strict_decimals

    def enum(self, name):
        for enum in self.store.model.enums.values():
            if name == enum.full_name:
                return enum
        raise ODataError("Unknown enumeration type '%s'." % name)


class Parser:
    """Recursive descent over one option value. `uses` collects the names of
    fields and features met, so that a server can refuse some of them."""

    def __init__(self, text, table, context):
        self.tokens = tokenize(text)
        self.at = 0
        self.text, self.table, self.context = text, table, context
        self.variables = {}
        self.uses = set()
        self.volatile = False

    # -- tokens

    @property
    def token(self):
        return self.tokens[self.at]

    def advance(self):
        self.at += 1
        return self.tokens[self.at - 1]

    def accept(self, text):
        if self.token.text == text and self.token.kind in ("mark", "name"):
            self.at += 1
            return True
        return False

    def expect(self, text):
        if not self.accept(text):
            raise self.error("expected '%s'" % text)

    def error(self, why):
        return ODataError("Syntax error near '%s' in '%s': %s." % (self.token.text, self.text, why))

    # -- grammar

    def whole_filter(self):
        expression = self.expression(0)
        if self.token.kind != "end":
            raise self.error("unexpected text")
        if expression.kind not in ("bool", "null"):
            raise ODataError("The $filter expression must be Boolean.")
        return expression.run

    def expression(self, priority):
        left = self.prefix()
        while True:
            token = self.token
            word = token.text.lower() if token.kind == "name" else None
            level = PRIORITY.get(word, 0)
            if level <= priority:
                return left
            self.advance()
            if not token.spaced or not self.token.spaced:
                raise self.error("an operator needs blanks around it")
            self.uses.add(word)
            left = self.in_list(left) if word == "in" else self.binary(word, left, self.expression(level))

    def prefix(self):
        token = self.token
        if token.kind == "name" and token.text.lower() == "not":
            self.advance()
            if not self.token.spaced and self.token.text != "(":
                raise self.error("an operator needs blanks around it")
            self.uses.add("not")
            return negate(self.boolean(self.expression(PREFIX_PRIORITY)))
        if self.accept("-"):
            return minus(self.expression(PREFIX_PRIORITY))
        return self.primary()

    def primary(self):
        token = self.advance()
        if token.text == "(" and token.kind == "mark":
            inner = self.expression(0)
            self.expect(")")
            return inner
        if token.kind in LITERALS:
            return self.literal(token)
        if token.kind != "name":
            self.at -= 1
            raise self.error("expected an operand")
        if self.token.text == "(" and token.text in FUNCTIONS:
            return self.function(token.text)
        if self.token.text == "(" and token.text in ("cast", "isof"):
            return self.cast(token.text)
        if token.text in WORDS and token.text not in self.table.fields:
            return WORDS[token.text]
        return self.path(token.text)

    def literal(self, token):
        if token.kind == "typed":
            return self.typed_literal(token.text)
        kind, convert = LITERALS[token.kind]
        if kind is None:
            kind = "int" if token.text.isdigit() else "decimal"
            kind = "double" if "e" in token.text.lower() else kind
        limit = self.context.time_digits
        if kind == "time" and limit is not None and len(token.text.partition(".")[2]) > limit:
            raise ODataError("Bad literal '%s': its precision is more than %d." % (token.text, limit))
        try:
            return constant(kind, convert(token.text), token.text if kind == "stamp" else None)
        except ValueError as problem:
            raise ODataError("Bad literal '%s': %s." % (token.text, problem)) from None

    def typed_literal(self, text):
        prefix, _, rest = text.partition("'")
        value = unquote("'" + rest)
        try:
            if prefix == "duration":
                return constant("duration", edm.parse_duration(value))
            enum = self.context.enum(prefix)
            return constant("enum", enum.decode(value), enum)
        except ValueError as problem:
            raise ODataError("Bad literal %s: %s." % (text, problem)) from None

    def path(self, name):
        """A property path, from a lambda variable, $it or the record itself."""
        table, record = self.table, lambda item: item
        if name == "$it":
            self.expect("/")
            name = self.advance().text
        elif name in self.variables:
            found = self.variables[name]
            return self.path_tail(found) if self.token.text == "/" else found
        return self.path_tail(self.step(table, record, name))

    def step(self, table, base, name):
        """One path segment of an entity that `base` yields."""
        if name in table.fields:
            self.uses.add("field:" + name)
            get = table.getter(name)
            return of_field(table.fields[name], lambda item: None if (at := base(item)) is None else get(at))
        if name in table.navigations:
            nav, store = table.navigations[name], self.context.store
            target = store.tables[nav.target]
            if nav.many:
                return Expression("navs", lambda item: store.related(table, base(item), nav), table=target)
            return Expression("nav", lambda item: next(iter(store.related(table, base(item), nav)), None), table=target)
        raise ODataError("Could not find a property named '%s' on type '%s'." % (name, table.name), target=name)

    def path_tail(self, found):
        while self.accept("/"):
            name = self.advance().text
            if found.kind == "nav":
                found = self.step(found.table, found.run, name)
            elif found.kind == "complex":
                found = complex_part(found, name)
            elif found.kind in ("collection", "navs") and name == "$count":
                run = found.run
                found = Expression("int", lambda item: len(run(item)))
            elif found.kind in ("collection", "navs") and name in ("any", "all"):
                found = self.lambda_of(found, name)
            else:
                raise ODataError("'%s' cannot follow a %s in a path." % (name, found.kind))
        return found

    def lambda_of(self, items, quantifier):
        self.uses.add("lambda")
        self.expect("(")
        if quantifier == "any" and self.accept(")"):
            return Expression("bool", lambda item: bool(items.run(item)))
        name = self.advance().text
        self.expect(":")
        slot = [None]
        outer = self.variables
        self.variables = {**outer, name: self.variable(items, slot)}
        body = self.boolean(self.expression(0)).run
        self.variables = outer
        self.expect(")")
        return Expression("bool", quantified(items.run, slot, body, quantifier == "all"))

    def variable(self, items, slot):
        def current(item):
            return slot[0]
        if items.kind == "navs":
            return Expression("nav", current, table=items.table)
        return Expression(kind_of(items.field), current, items.field)

    def function(self, name):
        self.uses.add("function")
        self.expect("(")
        arguments = []
        while not self.accept(")"):
            if arguments:
                self.expect(",")
            arguments.append(self.expression(0))
        if name == "now":
            self.volatile = True
            store = self.context.store
            return Expression("stamp", lambda item: (store.clock, 0))
        return call(name, arguments, self.context.fold_case)

    def cast(self, name):
        """cast(expression,Edm.Type) from text or between numbers."""
        self.expect("(")
        inner = self.expression(0)
        self.expect(",")
        target = self.advance().text
        self.expect(")")
        if name == "isof" or target not in KINDS:
            raise ODataError("%s to '%s' is not supported." % (name, target), 501, "NotImplemented")
        convert = edm.DECODERS[target] if target != "Edm.String" else str
        if target in ("Edm.Int16", "Edm.Int32", "Edm.Int64"):
            convert = int

        def run(item):
            value = inner.run(item)
            try:
                return None if value is None else convert(value)
            except (ValueError, TypeError, InvalidOperation):
                raise ODataError("Cannot cast to %s." % target) from None
        return Expression(KINDS[target], run)

    def in_list(self, left):
        if not self.accept("("):
            right = self.primary()
            if right.kind != "collection":
                raise self.error("expected a list")
            same = comparison("eq", left, Expression(kind_of(right.field), lambda pair: pair[1], right.field), self.context, split=True)
            return Expression("bool", lambda item: any(same((item, value)) for value in right.run(item)))
        tests = []
        while True:
            tests.append(comparison("eq", left, self.expression(0), self.context))
            if self.accept(")"):
                break
            self.expect(",")
        return Expression("bool", lambda item: any(test(item) for test in tests))

    def direction(self):
        """True for desc; asc is the default."""
        return self.accept("desc") or (self.accept("asc") and False)

    def boolean(self, expression):
        if expression.kind not in ("bool", "null"):
            raise ODataError("A Boolean is needed where '%s' has %s." % (self.text, expression.kind))
        return expression

    def binary(self, word, left, right):
        if word in ("and", "or"):
            return logic(word, self.boolean(left), self.boolean(right))
        if word in COMPARE:
            return Expression("bool", comparison(word, left, right, self.context))
        if word == "has":
            return has(left, right, self.context)
        return arithmetic(word, left, right)


LITERALS = {
    "guid": ("guid", str.lower),
    "stamp": ("stamp", edm.parse_stamp),
    "date": ("date", edm.parse_date),
    "time": ("time", edm.parse_time),
    "number": (None, lambda text: int(text) if text.isdigit() else float(text) if "e" in text.lower() else Decimal(text)),
    "string": ("string", unquote),
    "typed": (None, None),
}
WORDS = {
    "null": constant("null", None),
    "true": constant("bool", True),
    "false": constant("bool", False),
    "INF": constant("double", float("inf")),
    "NaN": constant("double", float("nan")),
}


def complex_part(found, name):
    part = next((part for part in found.field.parts if part.name == name), None)
    if part is None:
        raise ODataError("Could not find a property named '%s' on type '%s'." % (name, found.field.type_name), target=name)
    run = found.run
    return of_field(part, lambda item: None if (value := run(item)) is None else value[name])


def quantified(items, slot, body, every):
    """any/all: the variable is a slot, saved because lambdas can nest."""
    def run(item):
        before = slot[0]
        try:
            for slot[0] in items(item):
                if (body(item) is True) is not every:
                    return not every
            return every
        finally:
            slot[0] = before
    return run


def negate(inner):
    run = inner.run
    return Expression("bool", lambda item: None if (value := run(item)) is None else not value)


def minus(inner):
    if inner.kind not in NUMBERS + ("duration", "null"):
        raise ODataError("Cannot negate a %s." % inner.kind)
    run = inner.run
    return Expression(inner.kind, lambda item: None if (value := run(item)) is None else -value, literal=inner.literal)


def logic(word, left, right):
    """Three-valued and, or: the deciding value wins over null."""
    first, second, decides = left.run, right.run, word == "or"

    def run(item):
        value = first(item)
        if value is decides:
            return decides
        other = second(item)
        if other is decides:
            return decides
        return None if value is None or other is None else not decides
    return Expression("bool", run)


def same_type(left, right):
    """Both sides in one kind; a plain string may stand for an enumeration member."""
    if left.kind == "enum" and right.kind == "string" and right.literal:
        return left, as_member(right, left.field)
    if right.kind == "enum" and left.kind == "string" and left.literal:
        return as_member(left, right.field), right
    return left, right


def enum_of(described):
    """A literal carries its enumeration, a property its field."""
    return getattr(described, "enum", described)


def as_member(literal, field):
    enum = enum_of(field)
    try:
        return constant("enum", enum.decode(literal.run(None)), enum)
    except ValueError as problem:
        raise ODataError(str(problem)) from None


def comparable(left, right):
    if "null" in (left.kind, right.kind):
        return True
    if left.kind in NUMBERS and right.kind in NUMBERS:
        return True
    if left.kind in ("collection", "navs", "nav", "complex") or left.kind != right.kind:
        return False
    return left.kind != "enum" or enum_of(left.field) is enum_of(right.field)


def plain_value(expression, other, fold_case):
    """A closure to a value Python compares as OData would."""
    run = expression.run
    if expression.kind == "stamp":
        return lambda item: None if (value := run(item)) is None else value[0]
    if expression.kind == "string" and fold_case:
        return lambda item: None if (value := run(item)) is None else value.lower()
    if expression.kind in ("int", "decimal") and other.kind == "double":
        return lambda item: None if (value := run(item)) is None else float(value)
    return run


def stamp_text(side, run):
    """A timestamp as some servers compare it: a literal as it was sent, a field
    as it is stored, with three digits."""
    if side.literal:
        return lambda item: side.field
    return lambda item: None if (value := run(item)) is None else edm.format_stamp(value)


def require_digits(side, other):
    """A literal has no more digits than are declared for the field it is compared with."""
    if not (other.literal and other.kind in ("int", "decimal") and side.field and isinstance(getattr(side.field, "scale", None), int)):
        return
    number = Decimal(str(other.run(None)))
    behind = max(-number.as_tuple().exponent, 0)
    before = len(str(abs(int(number)))) if int(number) else 0
    if behind > side.field.scale or before > side.field.precision - side.field.scale:
        raise ODataError("The literal %s is no Edm.Decimal(%d,%d)." % (number, side.field.precision, side.field.scale))


def comparison(word, left, right, context, split=False):
    """A closure for `left word right`. With `split` the item is a pair whose
    halves feed the two sides."""
    left, right = same_type(left, right)
    if not comparable(left, right):
        raise ODataError("Incompatible types for operator '%s': %s and %s." % (word, left.kind, right.kind))
    if word not in ("eq", "ne") and "null" not in (left.kind, right.kind) and left.kind == "guid":
        raise ODataError("Operator '%s' does not apply to %s." % (word, left.kind))
    if context.strict_decimals:
        require_digits(left, right)
        require_digits(right, left)
    first = plain_value(left, right, context.fold_case)
    second = plain_value(right, left, context.fold_case)
    if context.stamps_as_text and left.kind == "stamp" and right.kind == "stamp":
        first, second = stamp_text(left, first), stamp_text(right, second)
    test, with_null = COMPARE[word], word == "ne"

    def run(item):
        a, b = first(item[0] if split else item), second(item)
        if a is None or b is None:
            if word == "eq" or with_null:
                return (a is b) is not with_null
            return False
        return test(a, b)
    return run


def has(left, right, context):
    left, right = same_type(left, right)
    if left.kind != "enum" or right.kind != "enum" or not comparable(left, right):
        raise ODataError("Operator 'has' needs an enumeration and a member of it.")
    enum = enum_of(left.field)

    def run(item):
        value, wanted = left.run(item), right.run(item)
        if value is None or wanted is None:
            return None
        return value & wanted == wanted if enum.flags else value == wanted
    return Expression("bool", run)



def divide(a, b):
    """Integers divide towards zero, as OData says."""
    if isinstance(a, int) and isinstance(b, int):
        return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
    return a / b


def remainder(a, b):
    if isinstance(a, int) and isinstance(b, int):
        return a - b * divide(a, b)
    return a % b


ARITHMETIC = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "div": divide, "mod": remainder,
    "divby": lambda a, b: a / b if isinstance(a, float) else Decimal(a) / Decimal(b),
}
TEMPORAL = {
    ("stamp", "add", "duration"): ("stamp", lambda a, b: (a[0] + b, a[1])),
    ("stamp", "sub", "duration"): ("stamp", lambda a, b: (a[0] - b, a[1])),
    ("stamp", "sub", "stamp"): ("duration", lambda a, b: a[0] - b[0]),
    ("date", "add", "duration"): ("date", lambda a, b: a + b // edm.DAY),
    ("date", "sub", "duration"): ("date", lambda a, b: a - b // edm.DAY),
    ("date", "sub", "date"): ("duration", lambda a, b: (a - b) * edm.DAY),
    ("duration", "add", "duration"): ("duration", operator.add),
    ("duration", "sub", "duration"): ("duration", operator.sub),
}


def arithmetic(word, left, right):
    kinds = [kind for kind in (left.kind, right.kind) if kind != "null"]
    if all(kind in NUMBERS for kind in kinds):
        kind = max(kinds, key=NUMBERS.index, default="int")
        kind = "decimal" if word == "divby" and kind == "int" else kind
        work = ARITHMETIC[word]
        first, second = plain_value(left, right, False), plain_value(right, left, False)
    elif (left.kind, word, right.kind) in TEMPORAL:
        kind, work = TEMPORAL[left.kind, word, right.kind]
        first, second = left.run, right.run
    else:
        raise ODataError("Incompatible types for operator '%s': %s and %s." % (word, left.kind, right.kind))

    def run(item):
        a, b = first(item), second(item)
        if a is None or b is None:
            return None
        try:
            return work(a, b)
        except (ZeroDivisionError, DivisionByZero, InvalidOperation):
            raise ODataError("Division by zero.") from None
    return Expression(kind, run)


def civil_part(index):
    """year, month or day of a date, or of a timestamp in its own offset."""
    return lambda value: edm.civil_from_days(local_day(value))[index]


def local_day(value):
    return local_instant(value) // edm.DAY if isinstance(value, tuple) else value


def local_instant(stamp):
    return stamp[0] + stamp[1] * 60 * edm.SECOND


def clock_of(value):
    """Picoseconds of the day of a timestamp or a time."""
    return local_instant(value) % edm.DAY if isinstance(value, tuple) else value


def clock_part(unit, limit):
    return lambda value: clock_of(value) // (unit * edm.SECOND) % limit


def fraction(value):
    return Decimal(clock_of(value) % edm.SECOND).scaleb(-12)


def rounded(mode):
    def run(value):
        if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
            return value
        exact = Decimal(value).to_integral_value(rounding=mode)
        return float(exact) if isinstance(value, float) else exact
    return run


def substring(text, start, length=None):
    start = max(start, 0)
    return text[start:] if length is None else text[start:start + max(length, 0)]


def matches(text, pattern):
    try:
        return re.search(pattern, text) is not None
    except re.error as problem:
        raise ODataError("Bad pattern: %s." % problem) from None


TEXT, WHOLE, ANY_NUMBER = ("string",), ("int",), NUMBERS
DAY_LIKE, CLOCK_LIKE = ("date", "stamp"), ("time", "stamp")

# name: (argument kinds, result kind, work); some work also without the last argument
FUNCTIONS = {
    "contains": ((TEXT, TEXT), "bool", lambda text, part: part in text),
    "startswith": ((TEXT, TEXT), "bool", str.startswith),
    "endswith": ((TEXT, TEXT), "bool", str.endswith),
    "length": ((TEXT,), "int", len),
    "indexof": ((TEXT, TEXT), "int", str.find),
    "substring": ((TEXT, WHOLE, WHOLE), "string", substring),
    "tolower": ((TEXT,), "string", str.lower),
    "toupper": ((TEXT,), "string", str.upper),
    "trim": ((TEXT,), "string", str.strip),
    "concat": ((TEXT, TEXT), "string", operator.add),
    "matchesPattern": ((TEXT, TEXT), "bool", matches),
    "year": ((DAY_LIKE,), "int", civil_part(0)),
    "month": ((DAY_LIKE,), "int", civil_part(1)),
    "day": ((DAY_LIKE,), "int", civil_part(2)),
    "hour": ((CLOCK_LIKE,), "int", clock_part(3600, 24)),
    "minute": ((CLOCK_LIKE,), "int", clock_part(60, 60)),
    "second": ((CLOCK_LIKE,), "int", clock_part(1, 60)),
    "fractionalseconds": ((CLOCK_LIKE,), "decimal", fraction),
    "date": ((("stamp",),), "date", local_day),
    "time": ((("stamp",),), "time", clock_of),
    "totaloffsetminutes": ((("stamp",),), "int", lambda value: value[1]),
    "totalseconds": ((("duration",),), "decimal", lambda value: Decimal(value).scaleb(-12)),
    "mindatetime": ((), "stamp", lambda: edm.parse_stamp("0001-01-01T00:00:00Z")),
    "maxdatetime": ((), "stamp", lambda: edm.parse_stamp("9999-12-31T23:59:59.9999999Z")),
    "now": ((), "stamp", None),
    "round": ((ANY_NUMBER,), "same", rounded(ROUND_HALF_UP)),
    "floor": ((ANY_NUMBER,), "same", rounded(ROUND_FLOOR)),
    "ceiling": ((ANY_NUMBER,), "same", rounded(ROUND_CEILING)),
}


def call(name, arguments, fold_case):
    kinds, result, work = FUNCTIONS[name]
    least = len(kinds) - (name == "substring")
    if not least <= len(arguments) <= len(kinds):
        raise ODataError("Function '%s' takes %d arguments." % (name, len(kinds)))
    for allowed, argument in zip(kinds, arguments):
        if argument.kind not in allowed + ("null",):
            raise ODataError("Function '%s' does not take %s." % (name, argument.kind))
    fold = fold_case and result == "bool"
    runs = [plain_value(argument, argument, fold) if argument.kind == "string" else argument.run for argument in arguments]

    def run(item):
        values = [run(item) for run in runs]
        return None if None in values else work(*values)
    return Expression(arguments[0].kind if result == "same" else result, run)


class Descending:
    """Reverses the order of strings in a sort key."""
    __slots__ = ("value",)

    def __init__(self, value):
        self.value = value

    def __lt__(self, other):
        return other.value < self.value

    def __eq__(self, other):
        return self.value == other.value


def sort_part(expression, descending, nulls_high):
    """Sort key of one $orderby item: nulls first, or last when descending; the other way round if they are high."""
    if expression.kind in ("collection", "navs", "nav", "complex"):
        raise ODataError("Cannot order by a %s." % expression.kind)
    run = plain_value(expression, expression, False)
    textual = expression.kind in ("string", "guid")

    def key(record):
        value = run(record)
        if value is None:
            return (2,) if descending != nulls_high else (0,)
        if value != value:
            return (1, 1) if descending else (1, 0)
        if textual:
            return (1, 0.5, Descending(value) if descending else value)
        return (1, 0.5, -value if descending else value)
    return key


def compile_filter(text, table, context):
    """(predicate, uses, volatile) of a $filter."""
    parser = Parser(text, table, context)
    run = parser.whole_filter()
    return (lambda record: run(record) is True), parser.uses, parser.volatile


def compile_orderby(text, table, context):
    """(sort key function, uses); the record key makes the order total."""
    parser = Parser(text, table, context)
    parts = []
    while True:
        expression = parser.expression(0)
        descending = parser.direction()
        parts.append(sort_part(expression, descending, context.nulls_high))
        if parser.token.kind == "end":
            break
        parser.expect(",")
    key = table.key_of
    return (lambda record: (*[part(record) for part in parts], key(record))), parser.uses, parser.volatile


def parse_key(text, table):
    """The key value of the text between the parentheses of a URL."""
    text = text.strip()
    name, equals, rest = text.partition("=")
    if equals and name.strip() == table.key:
        text = rest.strip()
    string = table.fields[table.key].edm == "Edm.String"
    if string and re.fullmatch(r"'(?:[^']|'')*'", text, re.S):
        return unquote(text)
    if not string and re.fullmatch(r"-?\d+", text):
        return int(text)
    raise ODataError("Bad key (%s) for %s." % (text, table.name))
