"""CREA's dialect of Search: three queries, and records as nested elements. It is
spoken when the option `dialect` is ddf; the records are those of Property, of
ActiveAgent (which CREA calls Agent) and of Office, under CREA's names. Login, metadata and objects are the other files'."""
import csv
import re
from email.utils import format_datetime
from datetime import datetime, timezone

import edm
from data import STAMP
from rets_wire import Refusal, clean, envelope

PAGE = 100
QUERY = re.compile(r'\((ID|LastUpdated)=((?:"(?:[^"]|"")*"|[^"()])*)\)')
SINCE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
FORMATS = ("STANDARD-XML", "STANDARD-XML-ENCODED")

# Element: field of the listing, or the elements below; what a listing lacks is left out.
LISTING = {
    "ListingID": "ListingId",
    "Building": {"BathroomTotal": "BathroomsTotalInteger", "BedroomsTotal": "BedroomsTotal", "SizeInterior": "LivingArea",
                 "StoriesTotal": "StoriesTotal"},
    "Land": {"SizeTotalText": "LotSizeDimensions", "Acreage": "LotSizeAcres"},
    "Address": {"StreetAddress": "UnparsedAddress", "City": "City", "Province": "StateOrProvince", "PostalCode": "PostalCode",
                "Country": "Country", "Longitude": "Longitude", "Latitude": "Latitude"},
    "Price": "ListPrice", "PropertyType": "PropertyType", "PublicRemarks": "PublicRemarks"}

AGENT = {"Name": "MemberFullName", "Position": "JobTitle", "Office": {"Name": "OfficeName"},
         "Address": {"City": "MemberCity", "Province": "MemberStateOrProvince", "PostalCode": "MemberPostalCode"}}
OFFICE = {"Name": "OfficeName", "Address": {"StreetAddress": "OfficeAddress1", "City": "OfficeCity", "Province": "OfficeStateOrProvince",
                                            "PostalCode": "OfficePostalCode"}, "Franchisor": "FranchiseAffiliation"}
KINDS = {"Property": "Property", "ActiveAgent": "Agent", "Office": "Office"}


def rename(arguments):
    """CREA's names of resources as those of the standard."""
    for name in ("searchtype", "class"):
        if arguments.get(name) == "Agent":
            arguments[name] = "ActiveAgent"


def seconds(call, record):
    """The instant of a record in whole seconds, which is all CREA tells."""
    return call.table.cell(record, STAMP)[0][0] // edm.SECOND


def stamp(call, record):
    text = edm.format_stamp(seconds(call, record) * edm.SECOND, 0)
    when = datetime.strptime(text[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc)
    return format_datetime(when, usegmt=True)


def head(call, name, record):
    key = clean(call.table.key_of(record)).replace('"', "&quot;")
    return '<%s ID="%s" LastUpdated="%s"' % (name, key, stamp(call, record))


def element(name, inner):
    return "<%s>%s</%s>" % (name, inner, name) if inner else ""


def nested(call, record, shape):
    """The elements of a shape, those with nothing in them left out."""
    made = []
    for name, inside in shape.items():
        if isinstance(inside, dict):
            made.append(element(name, nested(call, record, inside)))
            continue
        column = call.by_name.get(inside)
        made.append(element(name, call.text(record, column, True)) if column else "")
    return "".join(made)


def agents(call, record):
    """An agent stands directly below the listing, with his office in him."""
    made = []
    for key, name, office in (("ListAgentKey", "ListAgentFullName", "ListOffice"), ("CoListAgentKey", "CoListAgentFullName", "CoListOffice")):
        found = [call.text(record, call.by_name[field], True) if field in call.by_name else ""
                 for field in (key, name, office + "Key", office + "Name")]
        if found[0]:
            inner = element("Name", found[1])
            if found[2]:
                inner += '<Office ID="%s">%s</Office>' % (found[2], element("Name", found[3]))
            made.append('<AgentDetails ID="%s">%s</AgentDetails>' % (found[0], inner))
    return "".join(made)


def photos(call, record):
    """The wrapper is there and empty when a listing has none."""
    table = call.store.tables["Media"]
    owned = table.index("ResourceRecordKey").get(call.table.key_of(record), [])
    made = []
    numbered = enumerate(sorted(owned, key=table.key_of), 1)
    if call.options.object_order:
        numbered = sorted((table.cell(medium, "Order")[0], medium) for medium in owned)
    for place, medium in numbered:
        when = edm.format_stamp(table.cell(medium, STAMP)[0][0] // edm.SECOND * edm.SECOND, 0)
        moment = datetime.strptime(when[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc)
        made.append("<PropertyPhoto><SequenceId>%d</SequenceId><Description/><LastUpdated>%s</LastUpdated><PhotoLastUpdated>%s</PhotoLastUpdated>"
                    "</PropertyPhoto>" % (place, moment.strftime("%d/%m/%Y %I:%M:%S %p"), format_datetime(moment, usegmt=True)))
    return "<Photo>%s</Photo>" % "".join(made)


def details(call, record):
    if call.resource.name != "Property":
        name = KINDS[call.resource.name] + "Details"
        return "%s>%s</%s>\r\n" % (head(call, name, record), nested(call, record, AGENT if name == "AgentDetails" else OFFICE), name)
    return "%s>%s%s%s</PropertyDetails>\r\n" % (
        head(call, "PropertyDetails", record), agents(call, record), nested(call, record, LISTING), photos(call, record))


def answer(call):
    """A Call of rets_search, its arguments read as CREA does."""
    if call.resource.name not in KINDS:
        raise Refusal(20203, "Unknown resource: " + call.resource.name)
    form = call.arguments.get("format", "STANDARD-XML").upper()
    if form not in FORMATS:
        raise Refusal(20203, "Format is not supported: " + form)
    asked = QUERY.fullmatch(call.arguments.get("query", "").strip())
    if not asked:
        raise Refusal(20206, "Invalid Query Syntax: only ID and LastUpdated can be searched")
    call.by_name = {column.name: column for column in call.columns}
    rows = call.schema.members(call.resource, call.kind)
    if asked[1] == "LastUpdated":
        return changed(call, rows, asked[2])
    if asked[2] in ("*", "0+"):
        return master_list(call, rows)
    return by_key(call, asked[2])


def master_list(call, rows):
    if not rows:
        raise Refusal(20201, "No Records Found")
    lines = "".join(head(call, KINDS[call.resource.name], record) + " />\r\n" for record in rows)
    return finished(call, len(rows), element("TotalRecords", str(told(call, len(rows)))), lines)


def by_key(call, text):
    keys = next(csv.reader([text]))
    if len(keys) > PAGE:
        raise Refusal(20206, "At most %d keys" % PAGE)
    found = [call.table.records[key] for key in keys if key in call.table.records]
    if not found:
        raise Refusal(20201, "No Records Found")
    return finished(call, len(found), element("TotalRecords", str(told(call, len(found)))), "".join(details(call, record) for record in found))


def changed(call, rows, text):
    if not SINCE.fullmatch(text):
        raise Refusal(20206, "Invalid Query Syntax: LastUpdated is YYYY-MM-DDThh:mm:ssZ")
    since = edm.parse_stamp(text)[0] // edm.SECOND
    limit, offset = call.number("limit", PAGE, 1), call.number("offset", 1, 1)
    if limit > PAGE:
        raise Refusal(20208, "The maximum number of records is %d" % PAGE)
    found = [record for record in rows if seconds(call, record) >= since]
    page = found[offset - 1:offset - 1 + limit]
    if not page:
        raise Refusal(20201, "No Records Found")
    pages = -(-len(found) // limit)
    numbers = (("TotalRecords", told(call, len(found))), ("Limit", limit), ("Offset", offset), ("TotalPages", pages), ("RecordsReturned", len(page)))
    made = finished(call, len(found), "".join(element(name, str(value)) for name, value in numbers),
                    "".join(details(call, record) for record in page))
    call.move(page)
    return made


def told(call, total):
    return total + (call.faults["wrong_count"].get("by", 1) if "wrong_count" in call.faults else 0)


def finished(call, total, pagination, records):
    """Counted unless that is refused; the payload has a namespace of its own."""
    counted = "" if call.arguments.get("count", "1") == "0" or "no_count" in call.faults else '<COUNT Records="%d" />\r\n' % told(call, total)
    if call.arguments.get("count") == "2":
        return envelope(counted)
    if call.arguments.get("culture", "en-CA") not in ("en-CA", "fr-CA"):
        raise Refusal(20203, "Unknown Culture")
    if call.arguments.get("format", "").upper() == "STANDARD-XML-ENCODED":
        records = clean(records)
    return envelope('%s<RETS-RESPONSE xmlns="urn:CREA.Search.%s">\r\n<Pagination>%s</Pagination>\r\n%s</RETS-RESPONSE>\r\n' % (
        counted, KINDS[call.resource.name], pagination, records))
