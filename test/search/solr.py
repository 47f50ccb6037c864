"""Solr: collections with aliases, or cores; updates that stop at the first bad document; cursors."""
import base64
import json
import re
import time
from datetime import datetime, timezone

USER = "mls:solr-pass-value"
IMMENSE = 32766
# Of the configuration _default: the type of one value, whether it is of many.
TYPES = {"string": ("text", False), "strings": ("text", True), "boolean": ("boolean", False), "booleans": ("boolean", True), "pint": ("int", False), "pints": ("int", True),
         "plong": ("long", False), "plongs": ("long", True), "pdouble": ("double", False), "pdoubles": ("double", True), "pfloat": ("double", False),
         "pdate": ("date", False), "pdates": ("date", True), "text_general": ("words", True), "text_en": ("words", False), "location": ("text", False)}
BITS = {"int": 31, "long": 63}
DATE = re.compile(r"(-?\d{4,})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(\.\d+)?Z")


class Bad(Exception):
    pass


def pairs_of(pairs):
    return pairs


def date(value):
    match = isinstance(value, str) and DATE.fullmatch(value)
    if not match:
        raise ValueError("Invalid Date String:'%s'" % value)
    datetime.strptime(value[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc)
    fraction = ((match.group(7) or ".000") + "00")[:4]
    return value[:19] + ("" if fraction == ".000" else fraction) + "Z"


def convert(kind, value):
    if kind in BITS:
        number = int(value) if not isinstance(value, float) or value == int(value) else None
        if number is None or isinstance(value, bool) or not -2 ** BITS[kind] <= number < 2 ** BITS[kind]:
            raise ValueError("For input string: \"%s\"" % value)
        return number
    if kind == "double":
        return float(value)
    if kind == "boolean":
        return value if isinstance(value, bool) else str(value)[:1] in "1tT"
    if kind == "date":
        return date(value)
    text = value if isinstance(value, str) else json.dumps(value)
    if kind == "text" and len(text.encode()) > IMMENSE:
        raise ValueError("Document contains at least one immense term in field (whose UTF8 encoding is longer than the max length 32766)")
    return text


class Collection:
    def __init__(self):
        self.fields = {"id": {"name": "id", "type": "string", "multiValued": False, "required": True}, "_version_": {"name": "_version_", "type": "plong"}}
        self.documents, self.seen, self.seen_from, self.version = {}, {}, None, 1

    def field(self, name):
        if name in self.fields:
            return self.fields[name]
        if name.endswith("_s"):
            return {"name": name, "type": "string"}
        raise Bad("unknown field '%s'" % name)

    def many(self, field):
        return field.get("multiValued", TYPES[field["type"]][1])

    def read(self, document):
        key = document.get("id")
        if key is None or key == "":
            raise Bad("Document is missing mandatory uniqueKey field: id")
        kept = {}
        for name, value in document.items():
            field = self.field(name)
            kind = TYPES[field["type"]][0]
            if isinstance(value, dict):
                raise Bad("ERROR: [doc=%s] Unknown operation for the an atomic update: %s" % (key, next(iter(value), "")))
            values = value if isinstance(value, list) else [value]
            if len(values) > 1 and not self.many(field):
                raise Bad("ERROR: [doc=%s] multiple values encountered for non multiValued field %s: %s" % (key, name, values))
            try:
                values = [convert(kind, one) for one in values if one is not None]
            except (ValueError, TypeError) as error:
                raise Bad("ERROR: [doc=%s] Error adding field '%s'='%s' msg=%s" % (key, name, value, error))
            if values:
                kept[name] = values if self.many(field) else values[0]
        kept["_version_"] = self.version = self.version + 1
        return key, kept

    def look(self):
        """What a searcher sees."""
        if self.seen_from is not None and time.time() >= self.seen_from:
            self.open()
        return self.seen

    def open(self):
        self.seen, self.seen_from = dict(self.documents), None


class Solr:
    def __init__(self, answer):
        self.answer_with = answer
        self.collections, self.aliases = {}, {}
        self.settings = {"mode": "solrcloud", "max_body": 1 << 30}

    def end(self, status, body):
        raise self.answer_with(status, {"responseHeader": {"status": 0 if status == 200 else status, "QTime": 1}, **body})

    def fail(self, status, message, **more):
        self.end(status, {"error": {"metadata": ["error-class", "org.apache.solr.common.SolrException"], "msg": message, "code": status, **more}})

    def malformed(self, reason):
        return self.answer_with(400, {"responseHeader": {"status": 400}, "error": {"msg": "JSON Parse Error: " + reason, "code": 400}})

    def shown(self, name):
        collection = self.collections[self.resolve(name)]
        collection.open()
        return collection.seen

    def plant(self, name, key, document):
        documents = self.collections[self.resolve(name)].documents
        if document is None:
            del documents[key]
        else:
            documents[key] = {**documents.get(key, {"id": key}), **document}

    def resolve(self, name):
        return self.aliases.get(name, name)

    def answer(self, request):
        if request.headers.get("Authorization") != "Basic " + base64.b64encode(USER.encode()).decode():
            raise self.answer_with(401, "<html><title>Error 401 require authentication</title></html>", "text/html")
        if len(request.body) > self.settings["max_body"]:
            self.fail(413, "application/json content length (%d bytes) exceeds upload limit" % len(request.body))
        parts = request.parts
        if parts == ["admin", "info", "system"]:
            self.end(200, {"mode": self.settings["mode"], "lucene": {"solr-spec-version": "9.7.0"}})
        if parts[:1] == ["admin"]:
            action = request.query.get("action", "STATUS").upper()
            cloud = parts[1] == "collections"
            if cloud != (self.settings["mode"] == "solrcloud"):
                self.fail(400, "Solr instance is not running in SolrCloud mode." if cloud else "Solr is running in SolrCloud mode.")
            make = getattr(self, ("collection_" if cloud else "core_") + action.lower(), None)
            if make is None:
                self.fail(400, "Unknown action: " + action)
            make(request.query)
            self.end(200, {})
        collection = self.collections.get(self.resolve(parts[0]))
        if collection is None:
            raise self.answer_with(404, "<html><title>Error 404 Not Found</title></html>", "text/html")
        work = getattr(self, "at_" + "_".join(parts[1:]), None)
        if work is None:
            raise self.answer_with(404, "<html><title>Error 404 Not Found</title></html>", "text/html")
        work(request, collection)

    # -- administration

    def collection_list(self, query):
        self.end(200, {"collections": list(self.collections)})

    def collection_listaliases(self, query):
        self.end(200, {"aliases": self.aliases})

    def collection_create(self, query):
        if not re.fullmatch(r"[A-Za-z0-9_.][A-Za-z0-9_.-]*", query["name"]):
            self.fail(400, "Invalid collection: [%s]. collection names must consist entirely of periods, underscores, hyphens, and alphanumerics as well as not start with a hyphen" % query["name"])
        if query["name"] in self.collections:
            self.fail(400, "collection already exists: " + query["name"])
        if query["name"] in self.aliases:
            self.fail(400, "collection alias already exists: " + query["name"])
        if "numShards" not in query:
            self.fail(400, "numShards is a required param (when using CompositeId router).")
        self.collections[query["name"]] = Collection()

    def collection_delete(self, query):
        if query["name"] not in self.collections:
            self.fail(400, "Could not find collection : " + query["name"])
        if query["name"] in self.aliases.values():
            self.fail(400, "Collection : %s is part of aliases: %s, remove or modify the aliases before removing this collection." % (query["name"], self.aliases))
        del self.collections[query["name"]]

    def collection_createalias(self, query):
        if query["collections"] not in self.collections:
            self.fail(400, "Can't create collection alias for collections='%s', '%s' is not an existing collection or alias" % (query["collections"], query["collections"]))
        if query["name"] in self.collections:
            self.fail(400, "collection already exists: " + query["name"])
        self.aliases[query["name"]] = query["collections"]

    def collection_deletealias(self, query):
        self.aliases.pop(query["name"], None)

    def core_status(self, query):
        self.end(200, {"initFailures": {}, "status": {query["core"]: {"name": query["core"]} if query["core"] in self.collections else {}}})

    def core_create(self, query):
        if query["name"] in self.collections:
            self.fail(500, "Core with name '%s' already exists." % query["name"])
        if query.get("configSet") != "_default":
            self.fail(400, "Error CREATEing SolrCore '%s': Unable to create core" % query["name"])
        self.collections[query["name"]] = Collection()

    def core_unload(self, query):
        if query["core"] not in self.collections:
            self.fail(400, "Cannot unload non-existent core [%s]" % query["core"])
        del self.collections[query["core"]]

    # -- a collection

    def at_schema_fields(self, request, collection):
        self.end(200, {"fields": list(collection.fields.values())})

    def at_schema(self, request, collection):
        fields, errors = dict(collection.fields), []
        for what, field in request.json(hook=pairs_of):
            field = dict(field)
            if what not in ("add-field", "replace-field"):
                errors.append("Unknown operation " + what)
            elif field["type"] not in TYPES:
                errors.append("Field '%s': Field type '%s' not found." % (field["name"], field["type"]))
            elif not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", field["name"]):
                errors.append("Invalid name: '%s'" % field["name"])
            elif (what == "add-field") == (field["name"] in fields):
                errors.append("Field '%s' %s." % (field["name"], "already exists" if what == "add-field" else "is not defined"))
            fields[field["name"]] = field
        if errors:
            self.fail(400, "error processing commands", details=[{"errorMessages": errors}])
        collection.fields = fields
        self.end(200, {})

    def at_get(self, request, collection):
        self.end(200, {"doc": collection.documents.get(request.query["id"])})

    def at_update(self, request, collection):
        if request.content_type not in ("application/json", "text/json"):
            self.fail(415, "Unsupported ContentType: %s" % request.content_type)
        said = request.json()
        if isinstance(said, dict):
            if set(said) - {"delete", "commit"}:
                self.fail(400, "Unknown command '%s'" % next(iter(set(said) - {"delete"})))
            gone = said.get("delete", [])
            for key in [gone["id"]] if isinstance(gone, dict) else gone:
                collection.documents.pop(key, None)
            if "commit" in said:
                collection.open()
        else:
            for document in said:
                try:
                    key, kept = collection.read(document)
                except Bad as bad:
                    self.fail(400, str(bad))
                collection.documents[key] = kept
        if "commitWithin" in request.query and collection.seen_from is None:
            collection.seen_from = time.time() + int(request.query["commitWithin"]) / 1000
        if request.query.get("commit") == "true" and request.query.get("openSearcher", "true") == "true":
            collection.open()
        self.end(200, {})

    at_update_json = at_update

    def at_select(self, request, collection):
        query = request.query
        seen, rows = collection.look(), int(query.get("rows", 10))
        mark = query.get("cursorMark")
        if mark is not None and not re.search(r"\bid (asc|desc)\b", query.get("sort", "")):
            self.fail(400, "Cursor functionality requires a sort containing a uniqueKey field tie breaker")
        keys = sorted(seen, key=lambda key: key.encode())
        if mark not in (None, "*"):
            last = base64.b64decode(mark).decode()
            keys = [key for key in keys if key.encode() > last.encode()]
        found, only = keys[:rows], query.get("fl", "*")
        documents = [seen[key] if only == "*" else {name: value for name, value in seen[key].items() if name in only.split(",")} for key in found]
        more = {} if mark is None else {"nextCursorMark": base64.b64encode(found[-1].encode()).decode() if found else mark}
        self.end(200, {"response": {"numFound": len(seen), "start": 0, "numFoundExact": True, "docs": documents}, **more})
