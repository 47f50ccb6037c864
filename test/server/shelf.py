#!/usr/bin/env python3
"""An OData service over records that a test puts there, whatever their resource and
fields: for what matters behind the protocol. It knows comparisons, `and`, `or`,
parentheses, $orderby, $top, $skip and $count, and nothing of logins. A resource has
metadata once its types are told; then a literal of another type than its field is
refused, and numbers are compared as numbers.

    POST /_types/<resource>   [{field: "Edm.Int64", ...}]; the key is id
    POST /_put/<resource>     [record, ...], kept by their id
    POST /_remove/<resource>  [id, ...]
    GET  /odata/<resource>?$filter=...

It ends when its standard input does.
"""
import json
import re
import sys
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SHELVES = {}
TYPES = {}
TOKEN = re.compile(r"\s*(?:(?P<word>and|or|not|eq|ne|ge|gt|le|lt|null)\b|(?P<paren>[()])|(?P<text>'(?:[^']|'')*')"
                   r"|(?P<literal>-?\d[\w:.+-]*)|(?P<field>\w+))")
WORDS = {"eq": "==", "ne": "!=", "ge": ">=", "gt": ">", "le": "<=", "lt": "<", "null": "''"}


def comparable(value, edm=None):
    """Instants as texts of one form; null as an empty one; numbers where they are known to be some."""
    if edm == "Edm.Int64":
        return int(value) if str(value).lstrip("-").isdigit() else 0
    text = "" if value is None else str(value)
    return re.sub(r"(\.\d*?)0*Z?$|Z$", lambda m: (m.group(1) or "").rstrip("."), text) if re.match(r"\d{4}-\d\d-\d\dT", text) else text


def test_of(filter_text, types):
    """A filter as a function of a record."""
    parts, at, edm = [], 0, None
    while at < len(filter_text.rstrip()):
        match = TOKEN.match(filter_text, at)
        if not match:
            raise ValueError("filter: " + filter_text[at:])
        at = match.end()
        kind, token = match.lastgroup, match.group(match.lastgroup)
        if kind in ("text", "literal") and edm in ("Edm.String", "Edm.Int64", "Edm.Guid") and (kind == "text") != (edm == "Edm.String"):
            raise ValueError("%s is no %s" % (token, edm))
        if kind == "text":
            token = repr(token[1:-1].replace("''", "'"))
        elif kind == "literal":
            token = repr(comparable(token, edm))
        elif kind == "field":
            edm = types.get(token)
            token = "comparable(record.get(%r), %r)" % (token, edm)
        parts.append(WORDS.get(token, token) if kind == "word" else token)
    return eval("lambda record: " + (" ".join(parts) or "True"), {"comparable": comparable})


def metadata():
    """What was told of types, as CSDL."""
    kinds = "".join('<EntityType Name="%s"><Key><PropertyRef Name="id"/></Key>%s</EntityType>' % (
        name, "".join('<Property Name="%s" Type="%s"/>' % field for field in types.items())) for name, types in TYPES.items())
    sets = "".join('<EntitySet Name="%s" EntityType="shelf.%s"/>' % (name, name) for name in TYPES)
    return ('<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>'
            '<Schema Namespace="shelf" xmlns="http://docs.oasis-open.org/odata/ns/edm">%s<EntityContainer Name="all">%s'
            '</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>' % (kinds, sets))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, document, content_type="application/json"):
        body = json.dumps(document).encode() if content_type.endswith("json") else document.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        _, action, resource = self.path.split("/")
        given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        shelf = SHELVES.setdefault(resource, {})
        if action == "_types":
            TYPES[resource] = given.pop()
        for item in given:
            if action == "_remove":
                shelf.pop(item, None)
            else:
                shelf[item["id"]] = item
        self.answer(200, {})

    def do_GET(self):
        path, _, query = self.path.partition("?")
        options = dict(urllib.parse.parse_qsl(query))
        resource = path.rsplit("/", 1)[-1]
        types = TYPES.get(resource, {})
        if resource == "$metadata" and TYPES:
            return self.answer(200, metadata(), "application/xml")
        try:
            found = list(filter(test_of(options.get("$filter", ""), types), SHELVES.get(resource, {}).values()))
        except ValueError as wrong:
            return self.answer(400, {"error": {"code": "400", "message": str(wrong)}})
        for key in reversed((options.get("$orderby") or "id").split(",")):
            field, _, direction = key.strip().partition(" ")
            found.sort(key=lambda record: comparable(record.get(field), types.get(field)), reverse=direction == "desc")
        document = {"@odata.count": len(found)} if options.get("$count") == "true" else {}
        start = int(options.get("$skip", 0))
        document["value"] = found[start:start + int(options.get("$top", 1000))]
        self.answer(200, document)

    def log_message(self, *args):
        pass


def serve(handler):
    """Until standard input ends; says first at which port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print("listening on %d" % server.server_address[1], flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    serve(Handler)
