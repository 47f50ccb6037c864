"""Typesense: collections, aliases, imports that answer a line a document, filters on ids."""
import json
import re

API_KEY = "typesense-key-value"
TYPES = re.compile(r"(string|int32|int64|float|bool|object|geopoint|auto)(\[\])?|string\*|image")
BITS = {"int32": 31, "int64": 63}


class Reject(Exception):
    pass


def coerce(field, value):
    """As dirty_values=coerce_or_reject has it."""
    kind, name = field["type"], field["name"]
    if kind.endswith("[]"):
        if not isinstance(value, list):
            raise Reject("Field `%s` must be an array." % name)
        return [coerce({"name": name, "type": kind[:-2]}, one) for one in value]
    if kind == "string":
        if isinstance(value, (dict, list)) or value is None:
            raise Reject("Field `%s` must be a string." % name)
        return value if isinstance(value, str) else json.dumps(value)
    if kind in BITS or kind == "float":
        if isinstance(value, str):
            try:
                value = float(value) if kind == "float" else int(value)
            except ValueError:
                raise Reject("Field `%s` must be %s %s." % (name, "an" if kind in BITS else "a", kind))
        if isinstance(value, bool):
            return int(value)
        if not isinstance(value, (int, float)):
            raise Reject("Field `%s` must be %s %s." % (name, "an" if kind in BITS else "a", kind))
        if kind in BITS and abs(value) >= 2 ** BITS[kind]:
            raise Reject("Field `%s` exceeds maximum value of %s." % (name, kind))
        return int(value) if kind in BITS else value
    if kind == "bool" and not isinstance(value, bool):
        if value in ("true", "false", 0, 1):
            return value in ("true", 1)
        raise Reject("Field `%s` must be a bool." % name)
    if kind == "object" and not isinstance(value, dict):
        raise Reject("Field `%s` must be an object." % name)
    return value


class Typesense:
    def __init__(self, answer):
        self.answer_with = answer
        self.collections, self.aliases = {}, {}
        self.settings = {"max_body": 1 << 30}

    def end(self, status, body, content_type="application/json"):
        raise self.answer_with(status, body, content_type)

    def fail(self, status, message):
        self.end(status, {"message": message})

    def malformed(self, reason):
        return self.answer_with(400, {"message": "Bad JSON."})

    def shown(self, name):
        return self.collections[self.resolve(name)]["documents"]

    def plant(self, name, key, document):
        documents = self.collections[self.resolve(name)]["documents"]
        if document is None:
            del documents[key]
        else:
            documents[key] = {**documents.get(key, {"id": key}), **document}

    def resolve(self, name):
        return name if name in self.collections else self.aliases.get(name, name)

    def known(self, name):
        name = self.resolve(name)
        if name not in self.collections:
            self.fail(404, "Not Found")
        return self.collections[name]

    def answer(self, request):
        parts, method = request.parts, request.method
        if parts == ["health"]:
            self.end(200, {"ok": True})
        if request.headers.get("X-TYPESENSE-API-KEY", request.query.get("x-typesense-api-key")) != API_KEY:
            self.fail(401, "Forbidden - a valid `x-typesense-api-key` header must be sent.")
        if len(request.body) > self.settings["max_body"]:
            self.end(413, "")
        if parts == ["debug"]:
            self.end(200, {"state": 1, "version": "28.0"})
        if parts[0] == "aliases":
            self.alias(request, parts[1:])
        if parts == ["collections"]:
            self.make(request) if method == "POST" else self.end(200, [{"name": name, "num_documents": len(c["documents"]), "created_at": 1} for name, c in self.collections.items()])
        if parts[0] == "collections" and len(parts) == 2:
            collection = self.known(parts[1])
            if method == "DELETE":
                del self.collections[self.resolve(parts[1])]
            self.end(200, {"name": collection["name"], "fields": collection["fields"], "num_documents": len(collection["documents"])})
        if parts[0] == "collections" and parts[2] == "documents":
            self.documents(request, self.known(parts[1]), parts[3:])
        self.fail(404, "Not Found")

    def alias(self, request, rest):
        if not rest:
            self.end(200, {"aliases": [{"name": name, "collection_name": on} for name, on in self.aliases.items()]})
        name = rest[0]
        if request.method == "PUT":
            if name in self.collections:
                self.fail(500, "Name `%s` conflicts with an existing collection name." % name)
            self.aliases[name] = request.json()["collection_name"]
        elif name not in self.aliases:
            self.fail(404, "Not Found")
        on = self.aliases.pop(name) if request.method == "DELETE" else self.aliases[name]
        self.end(200, {"name": name, "collection_name": on})

    def make(self, request):
        said = request.json()
        if "name" not in said or not isinstance(said.get("fields"), list) or not said["fields"]:
            self.fail(400, "The `fields` value should be an array of objects containing `name`, `type` and optionally, `facet` properties.")
        if said["name"] in self.collections:
            self.fail(409, "A collection with name `%s` already exists." % said["name"])
        for field in said["fields"]:
            if not TYPES.fullmatch(field.get("type", "")):
                self.fail(400, "Field `%s` has an invalid data type `%s`, see docs for supported data types." % (field.get("name"), field.get("type")))
            if field["name"] == "id":
                self.fail(400, "Field `id` is a reserved field name.") if field["type"] != "string" else None
            if field["type"].startswith("object") and not said.get("enable_nested_fields"):
                self.fail(400, "Type `object` or `object[]` can be used only when nested fields are enabled by setting` enable_nested_fields` to true.")
            if field.get("index") is False and not field.get("optional"):
                self.fail(400, "Field `%s` must be optional since it is marked as non-indexable." % field["name"])
            if field.get("index") is False and field.get("facet"):
                self.fail(400, "Field `%s` cannot be a facet since it's marked as non-indexable." % field["name"])
            if field.get("sort") and field["type"].startswith("string") and field["type"] != "string":
                self.fail(400, "Field `%s` cannot be a sortable field." % field["name"])
        self.collections[said["name"]] = {"name": said["name"], "fields": said["fields"], "documents": {}}
        self.end(201, {"name": said["name"], "fields": said["fields"], "num_documents": 0})

    def upsert(self, collection, document):
        """All of a document takes the place of the one there was."""
        if not isinstance(document, dict):
            raise Reject("Bad JSON: not a properly formed document.")
        if not isinstance(document.get("id", ""), str):
            raise Reject("Document's `id` field should be a string.")
        if document.get("id") == "":
            raise Reject("The `id` should not be empty.")
        kept = dict(document)
        for field in collection["fields"]:
            name = field["name"]
            if field.get("index") is False:
                continue
            if kept.get(name) is None:
                if not field.get("optional"):
                    raise Reject("Field `%s` has been declared in the schema, but is not found in the document." % name)
                kept.pop(name, None)
            else:
                kept[name] = coerce(field, kept[name])
        key = kept.setdefault("id", str(len(collection["documents"])))
        collection["documents"][key] = json.loads(json.dumps(kept, sort_keys=True))
        return kept

    def line(self, collection, text, busy):
        if busy:
            return {"success": False, "error": "Internal Server Error", "code": 503, "document": text}
        try:
            document = json.loads(text)
        except json.JSONDecodeError as error:
            return {"success": False, "error": "Bad JSON: %s" % error, "code": 400, "document": text}
        try:
            self.upsert(collection, document)
            return {"success": True}
        except Reject as reject:
            return {"success": False, "error": str(reject), "code": 400, "document": text}

    def documents(self, request, collection, rest):
        documents, method = collection["documents"], request.method
        if rest == ["import"]:
            if request.query.get("action") not in ("upsert", "emplace", "create", "update"):
                self.fail(400, "Parameter `action` must be a create|update|upsert.")
            busy = request.fault["items"] if request.fault and request.fault["what"] == "items" else 0
            lines = [line for line in request.body.decode().split("\n") if line.strip()]
            self.end(200, "\n".join(json.dumps(self.line(collection, line, i < busy), sort_keys=True) for i, line in enumerate(lines)), "text/plain; charset=utf-8")
        if rest == ["export"]:
            only = request.query.get("include_fields", "").split(",") if "include_fields" in request.query else None
            self.end(200, "\n".join(json.dumps({name: value for name, value in document.items() if only is None or name in only}, sort_keys=True, ensure_ascii=False)
                                    for document in documents.values()), "application/octet-stream")
        if not rest and method == "POST":
            try:
                self.end(201, self.upsert(collection, request.json()))
            except Reject as reject:
                self.fail(400, str(reject))
        if not rest and method == "DELETE":
            match = re.fullmatch(r"id:=? *\[(.*)\]", request.query.get("filter_by", ""))
            if not match or "`" in match.group(1):
                self.fail(400, "Could not parse the filter query.")
            gone = [key.strip() for key in match.group(1).split(",")]
            if any(not re.fullmatch(r"[A-Za-z0-9._~-]+", key) for key in gone):
                self.fail(400, "Could not parse the filter query.")
            self.end(200, {"num_deleted": sum(documents.pop(key, None) is not None for key in gone)})
        if len(rest) == 1 and rest[0] in documents:
            document = documents.pop(rest[0]) if method == "DELETE" else documents[rest[0]]
            self.end(200, document)
        self.fail(404, "Could not find a document with id: %s" % "/".join(rest))
