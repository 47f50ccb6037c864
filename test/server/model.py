"""The shape of the served data: fields, enumerations, navigations.

A cell is a pair (value, fragment): the comparable Python value of a field, and
the ready-made JSON member `"Name":value`. Pages are joined from fragments, so
serving does not encode JSON again.
"""
import os
import re
from dataclasses import dataclass, field as member

import edm

HERE = os.path.dirname(os.path.abspath(__file__))
NAMESPACE = "Mls.Test"
ENUM_NAMESPACE = "Mls.Test.Enums"
CODES = {"F": "Edm.Double", "I": "Edm.Int64", "B": "Edm.Boolean", "A": "Edm.Date", "T": "Edm.DateTimeOffset"}


@dataclass
class EnumType:
    """Members as {name: (value, display value)}."""
    name: str
    members: dict
    flags: bool = False

    @property
    def full_name(self):
        return ENUM_NAMESPACE + "." + self.name

    def decode(self, text):
        """Number of a member name; flags come as a list with commas."""
        names = [part.strip() for part in text.split(",")] if self.flags else [text]
        total = 0
        for name in names:
            if name not in self.members:
                raise ValueError("%s has no member '%s'" % (self.full_name, name))
            total |= self.members[name][0]
        return total


@dataclass
class Field:
    name: str
    edm: str = "Edm.String"
    many: bool = False
    nullable: bool = True
    max_length: int = None
    precision: int = None
    scale: object = None
    lookup: str = None
    enum: EnumType = None
    parts: list = None
    complex_name: str = None
    description: str = None

    @property
    def type_name(self):
        """The type as $metadata writes it."""
        if self.parts:
            name = NAMESPACE + "." + self.complex_name
        else:
            name = self.enum.full_name if self.enum else self.edm
        return "Collection(%s)" % name if self.many else name

    def decode_one(self, raw):
        if self.parts:
            return {part.name: part.decode(raw.get(part.name)) for part in self.parts}
        if self.enum:
            return self.enum.decode(raw)
        return edm.DECODERS[self.edm](raw)

    def decode(self, raw):
        """Comparable value of a JSON value; ValueError if the type is wrong."""
        if self.many:
            return tuple(self.decode_one(item) for item in raw or ())
        return None if raw is None else self.decode_one(raw)

    def cell(self, raw):
        if self.many:
            raw = raw or []
        if self.edm == "Edm.Double" and raw is not None and not self.many and not self.parts:
            raw = edm.parse_double(raw)
        return self.decode(raw), '"%s":%s' % (self.name, edm.dump(raw))

    def json(self, cell):
        """The JSON text of a cell's value, without its name."""
        return cell[1][len(self.name) + 3:]


@dataclass
class Navigation:
    """Records of `target` whose field `there` equals our field `here`."""
    name: str
    target: str
    many: bool
    here: str
    there: str


@dataclass
class Model:
    """Enumeration style, lookup values and the field lists by resource."""
    style: str
    lookups: dict
    enums: dict = member(default_factory=dict)

    def lookup_field(self, name, lookup, many, **more):
        """A field for one or many lookup values, in the style being served."""
        if self.style == "string":
            return Field(name, many=many, lookup=lookup, max_length=255, **more)
        flags = many and self.style == "flags"
        return Field(name, enum=self.enum(lookup, flags), many=many and not flags, **more)

    def enum(self, lookup, flags):
        """An enumeration type; a flags type has a name of its own, since one
        lookup may serve both single and multiple values."""
        name = lookup + ("Multi" if flags else "")
        if name not in self.enums:
            members = {code: ((1 << n) if flags else n, display)
                       for n, (display, code) in enumerate(self.lookups[lookup])}
            self.enums[name] = EnumType(name, members, flags)
        return self.enums[name]

    def lookup_values(self, lookup):
        """What data carries for this lookup: display values, or member names."""
        return [pair[0 if self.style == "string" else 1] for pair in self.lookups[lookup]]


def read_sections(name):
    """{section: [line, ...]} of one of our text files."""
    sections, current = {}, None
    with open(os.path.join(HERE, name), encoding="utf-8") as lines:
        for line in map(str.rstrip, lines):
            if line.startswith("["):
                current = sections.setdefault(line[1:-1], [])
            elif line and not line.startswith("#"):
                current.append(line)
    return sections


def identifier(text):
    """A member name OData accepts: no leading digit."""
    return "_" + text if text[:1].isdigit() else text


def read_lookups():
    return {name: [(line.split("|")[0], identifier(line.split("|")[1])) for line in lines]
            for name, lines in read_sections("lookups.txt").items()}


def parse_field(line, model):
    name, code, *lookup = line.split()
    if lookup:
        return model.lookup_field(name, lookup[0], many=code == "M")
    if code[0] == "S":
        return Field(name, max_length=int(code[1:]))
    if code[0] == "D":
        precision, scale = code[1:].split(".")
        return Field(name, "Edm.Decimal", precision=int(precision), scale=int(scale))
    return Field(name, CODES[code], precision=7 if code == "T" else None)


def field_from_type(name, text):
    """A nullable field of a plain Edm type or a collection of one."""
    match = re.fullmatch(r"(Collection\()?(Edm\.\w+)\)?", text)
    if not match or match[2] not in edm.DECODERS:
        raise ValueError("unknown type " + text)
    return Field(name, match[2], many=bool(match[1]))
