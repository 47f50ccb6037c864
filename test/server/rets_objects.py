"""GetObject: pictures of listings, alone or as parts of one answer."""
import re
import zlib
from urllib.parse import quote, unquote

import photos
from rets_wire import XML, Refusal, reply, tag
from web import Response

TYPES = {"Photo": 400, "LargePhoto": 2000, "Thumbnail": 60, "HiRes": 6000}
OWNERS = ("Property",)
ENTITY = re.compile(r"([^:,]+)((?::(?:\*|\d+))*)")


def answer(schema, options, request, arguments):
    """The objects an ID asks for; a single one comes without parts."""
    try:
        resource = schema.resource(arguments.get("resource", ""))
        if resource is None:
            raise Refusal(20400, "Invalid Resource")
        kind = arguments.get("type", "")
        if resource.name not in OWNERS or kind not in TYPES:
            raise Refusal(20401, "Invalid Type")
        location = arguments.get("location", "0") == "1" and not options.location_ignored or options.location_only
        if location and not options.location:
            raise Refusal(20414, "Location is not supported")
        entities, single = parse_ids(arguments.get("id", ""), options)
        found = [part for key, numbers in entities for part in parts_of(schema, options, key, numbers)]
        drawn = [draw(options, request, kind, location, *part, version=version_of(schema, part[2])) for part in found]
    except Refusal as problem:
        return reply(problem.code, str(problem))
    return alone(options, drawn[0]) if single else together(options, drawn)


def parse_ids(text, options):
    """([(key, [number, ...] or '*'), ...], whether a single object is meant). CREA
    separates numbers by commas, and serves one listing."""
    if options.comma_numbers and re.fullmatch(r"[^:,]+:\d+(,\d+)+", text):
        text = text.replace(",", ":")
    items = text.split(",")
    if len(items) > options.object_limit:
        raise Refusal(20410, "Too many objects: at most %d entities" % options.object_limit)
    found = []
    for item in items:
        match = ENTITY.fullmatch(item.strip())
        if not match:
            raise Refusal(20402, "Invalid Identifier: " + item)
        numbers = match[2].split(":")[1:] or ["0"]
        found.append((match[1], "*" if "*" in numbers else [int(number) for number in numbers]))
    single = len(found) == 1 and found[0][1] != "*" and len(found[0][1]) == 1
    return found, single


def parts_of(schema, options, key, numbers):
    """(key, number asked, medium or None) of each object of a listing."""
    store = schema.store
    table, media = store.tables["Property"], store.tables["Media"]
    record = table.records.get(key)
    owned = media.index("ResourceRecordKey").get(key, []) if record else []
    by_number = dict(enumerate(owned, 1))
    if options.object_order:
        by_number = {media.cell(medium, "Order")[0]: medium for medium in owned}
    if numbers == "*":
        return [(key, n, medium) for n, medium in by_number.items()] or [(key, "*", None)]
    return [(key, n, by_number.get(max(n, 1))) for n in numbers]


def picture(key, number, kind, version=""):
    """A JPEG whose bytes hurt those who trim or split them."""
    name = "%s %s %s%s" % (key, number, kind, version)
    made = photos.jpeg(name, TYPES[kind] + zlib.crc32(name.encode()) % 97)
    comment = b"\xff\xfe\x00\x0f\r\n--rets \r\n\r\n"
    return made[:20] + comment + made[20:-2] + b"\r\n\x00\xff\xd9\r\n"


def version_of(schema, medium):
    """What tells a replaced picture from the one before it: its description."""
    media = schema.store.tables["Media"]
    return (media.cell(medium, "ShortDescription")[0] or "") if medium and "ShortDescription" in media.cells else ""


def of_address(schema, options, request):
    """What is behind an address that an answer with Location named: /rets/photos/KEY/TYPE/NUMBER.jpg"""
    key, kind, name = (unquote(part) for part in request.path.split("/")[3:6])
    _, number, medium = parts_of(schema, options, key, [int(name.split(".")[0])])[0]
    if medium is None:
        return Response(404, b"", "text/plain")
    return Response(200, picture(key, number, kind, version_of(schema, medium)), "image/jpeg")


def draw(options, request, kind, location, key, number, medium, version=""):
    """(headers, body) of one object; without a medium an error."""
    headers = {"Content-ID": key, "Object-ID": str(number)}
    spoilt = options.object_spoilt.get(str(number))
    if spoilt == "html":
        return {"Content-Type": "image/jpeg", **headers}, photos.HTML
    if spoilt:
        return {"Content-Type": "text/xml", **headers}, ("<RETS %s/>\r\n" % tag(int(spoilt), "The test asked for this.")).encode()
    if medium is None:
        return {"Content-Type": "text/xml", **headers}, ("<RETS %s/>\r\n" % tag(20403, "No Object Found")).encode()
    headers["Content-Description"] = "Picture %s" % number
    if number in (0, 1):
        headers["Preferred"] = "1"
    if location:
        url = "%s/rets/photos/%s/%s/%s.jpg" % (request.origin, quote(key, safe=""), kind, max(number, 1))
        return {"Content-Type": "text/xml", **headers, "Location": url}, b'<RETS ReplyCode="0" ReplyText="Operation Successful"/>\r\n'
    return {"Content-Type": "image/jpeg", **headers}, picture(key, max(number, 1), kind, version)


def is_error(headers):
    return headers["Content-Type"].startswith("text/xml") and "Location" not in headers


def alone(options, part):
    headers, body = part
    if is_error(headers):
        return reply(20403, "No Object Found", status=options.no_object)
    rest = {name: value.encode().decode("latin-1") for name, value in headers.items() if name != "Content-Type"}
    return Response(200, body, XML if headers["Content-Type"] == "text/xml" else headers["Content-Type"], rest)


def together(options, drawn):
    end = b"\n" if options.bare_lf else b"\r\n"
    boundary = re.sub(r';.*$', "", options.boundary).strip('"').encode()
    pieces = []
    for headers, body in drawn:
        lines = [("%s: %s" % item).encode() for item in headers.items()]
        if options.header_errors and is_error(headers):
            pieces.append(end.join([b"--" + boundary, *lines, body]))
        else:
            pieces.append(end.join([b"--" + boundary, *lines, b"", body]))
    pieces += [b"--" + boundary + b"--" + end] if options.close_boundary else []
    return Response(200, end + end.join(pieces), "multipart/parallel; boundary=" + options.boundary)
