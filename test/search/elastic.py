"""Elasticsearch (or OpenSearch, which answers alike): indexes, aliases, _bulk, scrolls."""
import base64
import fnmatch
import json
import re
import time
from datetime import datetime

API_KEY, USER = "ZXM6c2VjcmV0LWtleQ==", "mls:es-pass-value"
TYPES = {"boolean", "byte", "short", "integer", "long", "float", "double", "half_float", "scaled_float", "date", "date_nanos", "keyword", "text", "object",
         "nested", "flattened", "binary", "geo_point", "ip", "unsigned_long", "wildcard"}
RANGES = {"byte": 7, "short": 15, "integer": 31, "long": 63}
DATE = re.compile(r"(\d{4})(-\d{2}(-\d{2}(T\d{2}(:\d{2}(:\d{2}([.,]\d{1,9})?)?)?(Z|[+-]\d{2}(:?\d{2})?)?)?)?)?$")
IMMENSE = 32766


class Refused(Exception):
    def __init__(self, kind, reason, cause=None):
        super().__init__(reason)
        self.kind, self.reason, self.cause = kind, reason, cause

    def json(self):
        error = {"type": self.kind, "reason": self.reason}
        if self.cause:
            error["caused_by"] = {"type": "illegal_argument_exception", "reason": self.cause}
        return error


def once(pairs):
    """No field twice."""
    names = set()
    for name, _ in pairs:
        if name in names:
            raise Refused("document_parsing_exception", "failed to parse", "Duplicate field '%s'" % name)
        names.add(name)
    return dict(pairs)


def check_date(value):
    if isinstance(value, int) and not isinstance(value, bool):
        return
    match = isinstance(value, str) and DATE.match(value)
    if not match:
        raise ValueError("failed to parse date field [%s] with format [strict_date_optional_time||epoch_millis]" % value)
    datetime.strptime(value[:10], "%Y-%m-%d"[:{4: 2, 7: 5, 10: 8}[min(len(value), 10)]])


def check_value(kind, value):
    """Raises ValueError for what a mapping does not take."""
    if kind in ("object", "nested", "flattened"):
        if not isinstance(value, dict):
            raise ValueError("object mapping tried to parse a field as object, but found a concrete value")
    elif isinstance(value, dict):
        raise ValueError("Can't get text on a START_OBJECT")
    elif kind == "boolean":
        if value not in (True, False, "true", "false", ""):
            raise ValueError("Failed to parse value [%s] as only [true] or [false] are allowed." % value)
    elif kind in RANGES:
        number = float(value)
        if isinstance(value, bool) or abs(number) >= 2.0 ** RANGES[kind]:
            raise ValueError("Value [%s] is out of range for %s" % (value, kind))
    elif kind in ("float", "double", "half_float", "scaled_float"):
        if isinstance(value, bool) or float(value) != float(value) or abs(float(value)) == float("inf"):
            raise ValueError("[%s] supports only finite values, but got [%s]" % (kind, value))
    elif kind in ("date", "date_nanos"):
        check_date(value)
    elif kind == "binary":
        base64.b64decode(value, validate=True)
    elif kind == "keyword" and len(str(value).encode()) > IMMENSE:
        raise ValueError("Document contains at least one immense term in field (whose UTF8 encoding is longer than the max length 32766)")


class Index:
    def __init__(self, body):
        self.settings, self.mappings = body.get("settings", {}), body.get("mappings", {})
        self.documents, self.deleted, self.seen = {}, {}, {}
        self.sequence = -1

    def gc_seconds(self):
        flat = self.settings.get("index", self.settings)
        number, unit = re.fullmatch(r"(\d+)(s|m|h)", str(flat.get("gc_deletes", flat.get("index.gc_deletes", "60s")))).groups()
        return int(number) * {"s": 1, "m": 60, "h": 3600}[unit]

    def version(self, key):
        if key in self.documents:
            return self.documents[key][0]
        version, at = self.deleted.get(key, (None, 0))
        return version if version is not None and time.time() - at < self.gc_seconds() else None

    def next_version(self, key, given, kind):
        now = self.version(key)
        if kind in ("external", "external_gte"):
            if now is not None and (given < now or (given == now and kind == "external")):
                raise Refused("version_conflict_engine_exception", "[%s]: version conflict, current version [%d] is higher %sthan the one provided [%d]"
                              % (key, now, "or equal " if kind == "external" else "", given))
            return given
        return (now or 0) + 1

    def check(self, source, key):
        for name, value in source.items():
            kind = self.mappings.get("properties", {}).get(name, {}).get("type")
            for one in value if isinstance(value, list) else [value]:
                if kind is None or one is None:
                    continue
                try:
                    check_value(kind, one)
                except ValueError as error:
                    raise Refused("document_parsing_exception", "[1:1] failed to parse field [%s] of type [%s] in document with id '%s'. Preview of field's value: '%s'"
                                  % (name, kind, key, one), str(error))


class Elastic:
    def __init__(self, product, answer):
        self.product, self.answer_with = product, answer
        self.indexes, self.aliases, self.scrolls, self.scroll_number = {}, {}, {}, 0
        self.settings = {"max_content_length": 100 << 20, "auto_create": True, "closed": False}

    def end(self, status, body):
        raise self.answer_with(status, body)

    def fail(self, status, kind, reason, **more):
        error = {"type": kind, "reason": reason, **more}
        self.end(status, {"error": {"root_cause": [error], **error}, "status": status})

    def malformed(self, reason):
        return self.answer_with(400, {"error": {"type": "parse_exception", "reason": reason}, "status": 400})

    # -- what tests ask for

    def shown(self, name):
        self.refresh(self.resolve(name))
        return {key: json.loads(source) for key, (_, source) in self.indexes[self.resolve(name)].seen.items()}

    def plant(self, name, key, document):
        """By somebody else's hand: an update, by which the version moves on, or (None) a deletion."""
        index = self.indexes[self.resolve(name)]
        version = index.next_version(key, None, None)
        old = json.loads(index.documents[key][1]) if key in index.documents else {}
        index.documents.pop(key, None)
        if document is None:
            index.deleted[key] = (version, time.time())
        else:
            index.documents[key] = (version, json.dumps({**old, **document}))

    # -- requests

    def check_login(self, request):
        given = request.headers.get("Authorization") or ""
        if given not in ("ApiKey " + API_KEY, "Basic " + base64.b64encode(USER.encode()).decode()):
            self.fail(401, "security_exception", "missing authentication credentials for REST request [%s]" % request.target)

    def answer(self, request):
        self.check_login(request)
        parts, method = request.parts, request.method
        if len(request.body) > self.settings["max_content_length"]:
            self.end(413, "")
        if request.body and not re.fullmatch(r"application/(json|x-ndjson|vnd\.elasticsearch\+(x-nd)?json)", request.content_type):
            self.end(406, {"error": "Content-Type header [%s] is not supported" % request.content_type, "status": 406})
        if not parts:
            version = {"number": "8.15.3"} if self.product == "elasticsearch" else {"number": "2.17.0", "distribution": "opensearch"}
            self.end(200, {"name": "n", "cluster_name": "c", "version": version, "tagline": "You Know, for Search"})
        if parts[-1] == "_bulk" and method in ("POST", "PUT"):
            self.bulk(request, parts[0] if len(parts) == 2 else None)
        if parts == ["_aliases"] and method == "POST":
            self.turn(request.json()["actions"])
        if parts[0] == "_alias":
            names = {index: {"aliases": {parts[1]: {}}} for index in self.aliases.get(parts[1], [])}
            self.end(200 if names else 404, names or {"error": "alias [%s] missing" % parts[1], "status": 404})
        if parts == ["_search", "scroll"]:
            self.scroll_on(request)
        if parts[-1] == "_search":
            self.search(request)
        if parts[-1] == "_mapping" and method == "GET" and len(parts) == 2:
            index = self.indexes[self.known(parts[0])]
            said = {"_meta": index.mappings["_meta"]} if "_meta" in index.mappings else None
            self.end(200, {self.resolve(parts[0]): {"mappings": said}} if said else {})
        if parts[-1] == "_alias":
            self.end(200, {name: {"aliases": {alias: {} for alias, on in self.aliases.items() if name in on}}
                           for name in self.indexes if fnmatch.fnmatchcase(name, parts[0])})
        if parts[-1] == "_refresh":
            self.refresh(self.known(parts[0]))
            self.end(200, {"_shards": {"total": 2, "successful": 1, "failed": 0}})
        if len(parts) == 3 and parts[1] == "_doc":
            self.document(request, *parts[::2])
        if len(parts) == 1:
            self.index(request, parts[0])
        self.fail(400, "illegal_argument_exception", "no handler found for uri [%s] and method [%s]" % (request.target, method))

    def resolve(self, name):
        return self.aliases[name][0] if len(self.aliases.get(name, [])) == 1 else name

    def known(self, name):
        if self.resolve(name) not in self.indexes:
            self.fail(404, "index_not_found_exception", "no such index [%s]" % name, index=name)
        return self.resolve(name)

    def refresh(self, name):
        if name in self.indexes:
            self.indexes[name].seen = dict(self.indexes[name].documents)

    def make(self, name, body):
        if name != name.lower() or re.search(r'[\\/*?"<>| ,#:]', name) or name[0] in "-_+":
            self.fail(400, "invalid_index_name_exception", "Invalid index name [%s], must be lowercase" % name, index=name)
        if name in self.indexes:
            self.fail(400, "resource_already_exists_exception", "index [%s/x] already exists" % name, index=name)
        if name in self.aliases:
            self.fail(400, "invalid_index_name_exception", "Invalid index name [%s], already exists as alias" % name, index=name)
        for field, mapping in body.get("mappings", {}).get("properties", {}).items():
            if mapping.get("type") not in TYPES:
                self.fail(400, "mapper_parsing_exception", "Failed to parse mapping: No handler for type [%s] declared on field [%s]" % (mapping.get("type"), field))
            if mapping["type"] != "object" and mapping["type"] != "nested" and "dynamic" in mapping:
                self.fail(400, "mapper_parsing_exception", "unknown parameter [dynamic] on mapper [%s]" % field)
        unknown = set(body) - {"settings", "mappings", "aliases"}
        if unknown:
            self.fail(400, "parse_exception", "unknown key [%s] for create index" % unknown.pop())
        self.indexes[name] = Index(body)

    def index(self, request, name):
        if request.method == "PUT":
            self.make(name, request.json() if request.body else {})
            self.end(200, {"acknowledged": True, "shards_acknowledged": True, "index": name})
        if request.method == "DELETE":
            if name in self.aliases:
                self.fail(400, "illegal_argument_exception", "The provided expression [%s] matches an alias, specify the corresponding concrete indices instead." % name)
            self.known(name)
            del self.indexes[name]
            self.drop_alias(name)
            self.end(200, {"acknowledged": True})
        index = self.indexes[self.known(name)]
        self.end(200, {self.resolve(name): {"aliases": {}, "mappings": index.mappings, "settings": index.settings}})

    def drop_alias(self, index):
        for alias in list(self.aliases):
            self.aliases[alias] = [name for name in self.aliases[alias] if name != index]
            if not self.aliases[alias]:
                del self.aliases[alias]

    def turn(self, actions):
        """All or nothing."""
        indexes, aliases = dict(self.indexes), {alias: list(on) for alias, on in self.aliases.items()}
        try:
            for action in actions:
                (what, said), = action.items()
                if said["index"] not in self.indexes:
                    self.fail(404, "index_not_found_exception", "no such index [%s]" % said["index"])
                if what == "remove_index":
                    del self.indexes[said["index"]]
                    self.drop_alias(said["index"])
                elif what == "add":
                    if said["alias"] in self.indexes:
                        self.fail(400, "invalid_alias_name_exception", "Invalid alias name [%s]: an index or data stream exists with the same name as the alias" % said["alias"])
                    self.aliases.setdefault(said["alias"], []).append(said["index"])
                elif what == "remove":
                    if said["index"] not in self.aliases.get(said["alias"], []):
                        self.fail(404, "aliases_not_found_exception", "aliases [%s] missing" % said["alias"])
                    self.aliases[said["alias"]].remove(said["index"])
                    if not self.aliases[said["alias"]]:
                        del self.aliases[said["alias"]]
                else:
                    self.fail(400, "illegal_argument_exception", "unknown action [%s]" % what)
        except self.answer_with:
            self.indexes, self.aliases = indexes, aliases
            raise
        self.end(200, {"acknowledged": True, "errors": False})

    # -- documents

    def write(self, name, key, source, given=None, kind=None):
        """Index or delete; the result as an item has it."""
        index = self.indexes[name]
        if len(key.encode()) > 512:
            raise Refused("illegal_argument_exception", "id is too long, must be no longer than 512 bytes but was: %d" % len(key.encode()))
        if source is not None:
            index.check(json.loads(source, object_pairs_hook=once), key)
        version = index.next_version(key, given, kind)
        was = key in index.documents
        index.documents.pop(key, None)
        if source is None:
            index.deleted[key] = (version, time.time())
        else:
            index.documents[key] = (version, source)
            index.deleted.pop(key, None)
        index.sequence += 1
        result, status = ("deleted", 200) if source is None and was else ("not_found", 404) if source is None else ("updated", 200) if was else ("created", 201)
        return {"_index": name, "_id": key, "_version": version, "result": result, "_shards": {"total": 1, "successful": 1, "failed": 0},
                "_seq_no": index.sequence, "_primary_term": 1, "status": status}

    def item(self, what, name, head, source):
        unknown = set(head) - {"_index", "_id", "version", "version_type", "routing", "require_alias"}
        if unknown:
            self.fail(400, "illegal_argument_exception", "Action/metadata line [1] contains an unknown parameter [%s]" % unknown.pop())
        try:
            if name not in self.indexes:
                if what == "delete" or not self.settings["auto_create"]:
                    return {"_index": name, "_id": head["_id"], "status": 404, "error": {"type": "index_not_found_exception", "reason": "no such index [%s]" % name}}
                self.indexes[name] = Index({})
            return self.write(name, head["_id"], source, head.get("version"), head.get("version_type"))
        except Refused as refused:
            status = 409 if refused.kind.startswith("version_conflict") else 400
            return {"_index": name, "_id": head["_id"], "status": status, "error": refused.json()}
        except json.JSONDecodeError as error:
            return {"_index": name, "_id": head["_id"], "status": 400, "error": {"type": "document_parsing_exception", "reason": "failed to parse", "caused_by":
                    {"type": "x_content_parse_exception", "reason": str(error)}}}

    def bulk(self, request, index):
        text = request.body.decode()
        if not text.endswith("\n"):
            self.fail(400, "illegal_argument_exception", "The bulk request must be terminated by a newline [\\n]")
        lines, items = text[:-1].split("\n"), []
        if request.fault and request.fault["what"] == "vanish":
            self.indexes.pop(self.resolve(index))
            self.drop_alias(index)
        busy = request.fault["items"] if request.fault and request.fault["what"] == "items" else 0
        while lines:
            (what, head), = json.loads(lines.pop(0)).items()
            if what not in ("index", "delete"):
                self.fail(400, "illegal_argument_exception", "Malformed action/metadata line, expected one of [create, delete, index, update] but found [%s]" % what)
            source = lines.pop(0) if what == "index" else None
            name = self.resolve(head.get("_index", index))
            if len(items) < busy:
                items.append({what: {"_index": name, "_id": head["_id"], "status": request.fault["status"], "error":
                                     {"type": "es_rejected_execution_exception", "reason": "rejected execution of primary operation"}}})
            else:
                items.append({what: self.item(what, name, head, source)})
        self.end(200, {"took": 1, "errors": any("error" in item for entry in items for item in entry.values()), "items": items})

    def document(self, request, name, key):
        if request.method == "GET":
            index = self.indexes[self.known(name)]
            if key not in index.documents:
                self.end(404, {"_index": name, "_id": key, "found": False})
            version, source = index.documents[key]
            self.end(200, '{"_index":%s,"_id":%s,"_version":%d,"found":true,"_source":%s}' % (json.dumps(name), json.dumps(key), version, source))
        name = self.resolve(name)
        if name not in self.indexes:
            self.indexes[name] = Index({})
        try:
            result = self.write(name, key, request.body.decode() if request.method in ("PUT", "POST") else None)
        except Refused as refused:
            self.end(400, {"error": refused.json(), "status": 400})
        self.end(result.pop("status"), result)

    # -- searches: what was there at the last refresh

    def page(self, number):
        place = self.scrolls[number]
        hits = place["hits"][:place["size"]]
        del place["hits"][:place["size"]]
        found = ",".join('{"_index":"i","_id":%s,"_score":null%s}' % (json.dumps(key), ',"_source":%s' % source if place["source"] else "") for key, source in hits)
        self.end(200, '{"_scroll_id":"scroll%d","took":1,"timed_out":false,"hits":{"total":{"value":%d,"relation":"eq"},"hits":[%s]}}' % (number, len(hits), found))

    def search(self, request):
        said = request.json() if request.body else {}
        index = self.indexes[self.known(request.parts[0])]
        if said.get("size", 10) > 10000:
            self.fail(400, "illegal_argument_exception", "Result window is too large, from + size must be less than or equal to: [10000]")
        self.scroll_number += 1
        self.scrolls[self.scroll_number] = {"hits": [(key, source) for key, (_, source) in index.seen.items()], "size": said.get("size", 10), "source": said.get("_source", True)}
        self.page(self.scroll_number)

    def scroll_on(self, request):
        number = request.json()["scroll_id"].replace("scroll", "")
        if not number.isdigit() or int(number) not in self.scrolls:
            self.fail(404, "search_context_missing_exception", "No search context found for id [%s]" % number)
        self.page(int(number))
