"""GetMetadata: every type, in rows of columns or in elements."""
from dataclasses import dataclass

from data import STAMP
from rets_objects import OWNERS, TYPES
from rets_wire import Refusal, clean, envelope, reply, status_line

VERSION, DATE = "2.07.00113", "2024-03-01T08:15:00Z"
NOTHING = (20503, "No Metadata Found")
LEVELS = {"SYSTEM": (), "RESOURCE": (), "FOREIGN_KEYS": (), "CLASS": ("Resource",), "TABLE": ("Resource", "Class"),
          "UPDATE": ("Resource", "Class"), "UPDATE_TYPE": ("Resource", "Class", "Update"), "OBJECT": ("Resource",),
          "LOOKUP": ("Resource",), "LOOKUP_TYPE": ("Resource", "Lookup"), "SEARCH_HELP": ("Resource",), "EDITMASK": ("Resource",),
          "UPDATE_HELP": ("Resource",), "VALIDATION_LOOKUP": ("Resource",),
          "VALIDATION_LOOKUP_TYPE": ("Resource", "ValidationLookup"), "VALIDATION_EXPRESSION": ("Resource",),
          "VALIDATION_EXTERNAL": ("Resource",), "VALIDATION_EXTERNAL_TYPE": ("Resource", "ValidationExternalName")}
ELEMENTS = {"RESOURCE": "Resource", "FOREIGN_KEYS": "ForeignKey", "CLASS": "Class", "TABLE": "Field", "OBJECT": "Object",
            "LOOKUP": "Lookup", "LOOKUP_TYPE": "LookupType", "EDITMASK": "EditMask", "SEARCH_HELP": "SearchHelp"}
BELOW = {"SYSTEM": ("RESOURCE", "FOREIGN_KEYS"), "RESOURCE": ("CLASS", "OBJECT", "LOOKUP", "EDITMASK", "SEARCH_HELP"),
         "CLASS": ("TABLE",), "LOOKUP": ("LOOKUP_TYPE",)}
COLUMNS = {
    "RESOURCE": "ResourceID StandardName VisibleName Description KeyField ClassCount ClassVersion ClassDate ObjectVersion ObjectDate "
                "LookupVersion LookupDate",
    "FOREIGN_KEYS": "ForeignKeyID ParentResourceID ParentClassID ParentSystemName ChildResourceID ChildClassID ChildSystemName "
                    "ConditionalParentField ConditionalParentValue",
    "CLASS": "ClassName StandardName VisibleName Description TableVersion TableDate UpdateVersion UpdateDate ClassTimeStamp "
             "DeletedFlagField DeletedFlagValue HasKeyIndex",
    "TABLE": "MetadataEntryID SystemName StandardName LongName DBName ShortName MaximumLength DataType Precision Searchable "
             "Interpretation Alignment UseSeparator EditMaskID LookupName MaxSelect Units Index Minimum Maximum Default Required "
             "SearchHelpID Unique ModTimeStamp ForeignKeyName ForeignField KeyQuery KeySelect InKeyIndex",
    "OBJECT": "MetadataEntryID ObjectType MIMEType VisibleName Description ObjectTimeStamp ObjectCount",
    "LOOKUP": "MetadataEntryID LookupName VisibleName Version Date",
    "LOOKUP_TYPE": "MetadataEntryID LongValue ShortValue Value",
    "EDITMASK": "MetadataEntryID EditMaskID Value",
    "SEARCH_HELP": "MetadataEntryID SearchHelpID Value",
}


@dataclass
class Segment:
    """The rows of one type below one parent; rows are {column: value}."""
    type: str
    path: tuple
    rows: list


class Catalog:
    """Rows of each type, made from the schema."""

    def __init__(self, schema, options):
        self.schema, self.options = schema, options

    def children(self, kind, path):
        """Names one level below, for `*` and for walking down."""
        resource = self.schema.resource(path[0]) if path else None
        if not path:
            return [each.name for each in self.schema.resources()]
        if LEVELS[kind][1] == "Class":
            return [each.name for each in resource.classes]
        return self.schema.lookups(resource) if LEVELS[kind][1] == "Lookup" else []

    def rows(self, kind, path):
        make = getattr(self, "rows_" + kind.lower(), None)
        resource = self.schema.resource(path[0]) if path else None
        if path and resource is None:
            raise Refusal(20503, "Unknown resource: " + path[0])
        if len(path) > 1 and path[1] not in self.children(kind, path[:1]):
            raise Refusal(20503, "Unknown parent: " + ":".join(path))
        return make(resource, *path[1:]) if make else []

    def rows_resource(self, _):
        for each in self.schema.resources():
            table = self.schema.store.tables[each.table]
            yield {"ResourceID": each.name, "StandardName": each.standard, "VisibleName": each.name, "Description": each.name + " records",
                   "KeyField": each.prefix + table.declared_key, "ClassCount": len(each.classes), "ClassVersion": VERSION,
                   "ClassDate": DATE, "ObjectVersion": VERSION, "ObjectDate": DATE, "LookupVersion": VERSION, "LookupDate": DATE}

    def rows_foreign_keys(self, _):
        yield {"ForeignKeyID": "FK1", "ParentResourceID": "Property", "ParentClassID": "ALL", "ParentSystemName": "L_ListingKey",
               "ChildResourceID": "Media", "ChildClassID": "Media", "ChildSystemName": "M_ResourceRecordKey"}
        yield {"ForeignKeyID": "FK2", "ParentResourceID": "Property", "ParentClassID": "ALL", "ParentSystemName": "L_ListAgentKey",
               "ChildResourceID": "ActiveAgent", "ChildClassID": "ActiveAgent", "ChildSystemName": "A_MemberKey"}

    def rows_class(self, resource):
        for each in resource.classes:
            yield {"ClassName": each.name, "StandardName": each.standard, "VisibleName": each.visible, "Description": each.visible,
                   "TableVersion": VERSION, "TableDate": DATE, "HasKeyIndex": int(self.options.key_index),
                   "ClassTimeStamp": resource.prefix + STAMP}

    def rows_table(self, resource, _):
        for n, column in enumerate(self.schema.columns(resource)):
            yield {"MetadataEntryID": "f%04d" % n, "SystemName": column.system, "StandardName": column.standard,
                   "LongName": column.name, "DBName": column.name[:10], "ShortName": column.name[:24],
                   "MaximumLength": column.length, "DataType": column.type, "Precision": column.precision, "Searchable": 1,
                   "Interpretation": column.interpretation, "Alignment": "Left", "UseSeparator": 0, "LookupName": column.lookup,
                   "MaxSelect": 20 if column.many else 0, "Index": int(column.in_key_index), "Required": 0,
                   "Unique": int(column.is_key), "ModTimeStamp": int(column.name == STAMP),
                   "InKeyIndex": int(column.in_key_index)}

    def rows_object(self, resource):
        if resource.name in OWNERS:
            for n, name in enumerate(TYPES):
                yield {"MetadataEntryID": "o%d" % n, "ObjectType": name, "MIMEType": "image/jpeg", "VisibleName": name,
                       "Description": name, "ObjectTimeStamp": "L_PhotosChangeTimestamp", "ObjectCount": "L_PhotosCount"}

    def rows_lookup(self, resource):
        for name in self.schema.lookups(resource):
            yield {"MetadataEntryID": "l" + name, "LookupName": name, "VisibleName": name, "Version": VERSION, "Date": DATE}

    def rows_lookup_type(self, _, name):
        for n, (display, code) in enumerate(self.schema.store.model.lookups[name]):
            yield {"MetadataEntryID": "v%04d" % n, "LongValue": display, "ShortValue": code[:20], "Value": code}

    def rows_editmask(self, resource):
        yield {"MetadataEntryID": "e1", "EditMaskID": "PHONE", "Value": r"[0-9]{3}-[0-9]{4}"}

    def rows_search_help(self, resource):
        yield {"MetadataEntryID": "h1", "SearchHelpID": "PRICE", "Value": "A price in whole dollars"}


def paths(catalog, kind, ids, deep):
    """The parents an ID means; `*` and missing parts stand for every child."""
    found = [()]
    for level in range(len(LEVELS[kind])):
        given = ids[level] if level < len(ids) else "*"
        found = [path + (name,) for path in found
                 for name in (catalog.children(kind, path) if given in ("*", "0") else [given])]
    return found


def segments(catalog, kind, ids, deep):
    for path in paths(catalog, kind, ids, deep):
        yield Segment(kind, path, list(catalog.rows(kind, path)))
        if deep:
            for below in BELOW.get(kind, ()):
                extra = ids_below(kind, path)
                yield from segments(catalog, below, extra, True)


def ids_below(kind, path):
    return [*path, "*"] if path else ["*"]


def answer(schema, options, arguments):
    try:
        kind = arguments.get("type", "").upper().removeprefix("METADATA-")
        kind = {"FOREIGNKEYS": "FOREIGN_KEYS"}.get(kind, kind)
        absent = options.metadata_absent.split()
        if kind not in LEVELS or kind in absent:
            raise Refusal(20501, "Invalid Type")
        form = arguments.get("format", "STANDARD-XML").partition(":")[0].upper()
        if form not in ("COMPACT", "STANDARD-XML"):
            raise Refusal(20513 if form == "COMPACT-DECODED" else 20514, "Format is not supported")
        if form == "COMPACT" and options.metadata_compact:
            raise Refusal(options.metadata_compact, "COMPACT is not available")
        ids = (arguments.get("id") or "0").split(":")
        if options.metadata_denied and kind in ("CLASS", "TABLE", "LOOKUP") and ":".join(ids) == options.metadata_denied:
            raise Refusal(20507, "Not permitted")
        deep = ids[-1] == "*" and kind in BELOW
        if deep and not options.wildcard:
            raise Refusal(20510, "Too much metadata; ask level by level")
        needed = len(LEVELS[kind])
        if ids[-1] in ("*", "0") and len(ids) > needed:
            ids = ids[:-1]
        if len(ids) > max(needed, 1) or (needed and ids == ["0"] and kind not in ("CLASS", "OBJECT", "LOOKUP", "TABLE", "LOOKUP_TYPE")):
            raise Refusal(20502, "Invalid Identifier")
        found = list(segments(Catalog(schema, options), kind, ids if needed else [], deep))
        found = [each for each in found if (each.rows and each.type not in absent) or each.type == "SYSTEM"]
        if not found:
            return nothing(options)
    except Refusal as problem:
        return nothing(options) if problem.code == NOTHING[0] else reply(problem.code, str(problem))
    if form == "COMPACT":
        return envelope("".join(map(compact, [each for each in found if each.type != "SYSTEM"]))
                        if not any(each.type == "SYSTEM" for each in found)
                        else system(options, True) + "".join(compact(each) for each in found if each.type != "SYSTEM"))
    inner = system(options, False) if any(each.type == "SYSTEM" for each in found) else ""
    return envelope("<METADATA>\r\n%s%s</METADATA>" % (inner, "".join(standard(each) for each in found if each.type != "SYSTEM")))


def nothing(options):
    if options.metadata_none == "code":
        return reply(*NOTHING)
    return envelope("", trailer=status_line(*NOTHING) if options.metadata_none == "status" else "")


def opening(segment):
    parents = "".join(' %s="%s"' % (name, clean(value)) for name, value in zip(LEVELS[segment.type], segment.path))
    return '<METADATA-%s%s Version="%s" Date="%s">\r\n' % (segment.type, parents, VERSION, DATE)


def system(options, compacted):
    inner = ('<SYSTEM SystemID="TESTMLS" SystemDescription="An invented MLS" TimeZoneOffset="%s"/>\r\n<COMMENTS>Nothing here is real.</COMMENTS>\r\n'
             % options.zone if compacted else
             '<SYSTEM SystemID="TESTMLS" SystemDescription="An invented MLS" TimeZoneOffset="%s"><Comments>Nothing here is real.</Comments></SYSTEM>\r\n'
             % options.zone)
    return '<METADATA-SYSTEM Version="%s" Date="%s">\r\n%s</METADATA-SYSTEM>\r\n' % (VERSION, DATE, inner)


def text(row, name):
    value = row.get(name)
    return "" if value is None else clean(str(value))


def compact(segment):
    names = COLUMNS[segment.type].split()
    rows = ["<COLUMNS>\t%s\t</COLUMNS>\r\n" % "\t".join(names)]
    rows += ["<DATA>\t%s\t</DATA>\r\n" % "\t".join(text(row, name) for name in names) for row in segment.rows]
    return opening(segment) + "".join(rows) + "</METADATA-%s>\r\n" % segment.type


def standard(segment):
    element = ELEMENTS[segment.type]
    rows = ["<%s>%s</%s>\r\n" % (element, "".join("<%s>%s</%s>" % (name, text(row, name), name)
                                                   for name in COLUMNS[segment.type].split()), element) for row in segment.rows]
    return opening(segment) + "".join(rows) + "</METADATA-%s>\r\n" % segment.type
