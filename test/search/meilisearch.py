"""Meilisearch: all that changes something is a task, done later and in order."""
import json
import re
import threading
import time

API_KEY = "meili-key-value"
ID = re.compile(r"[A-Za-z0-9_-]{1,511}")
PAUSE_S = 0.003


class Failure(Exception):
    def __init__(self, code, message, kind="invalid_request"):
        super().__init__(message)
        self.code, self.kind = code, kind


class Meilisearch:
    def __init__(self, answer):
        self.answer_with = answer
        self.indexes, self.tasks, self.waiting = {}, [], []
        self.settings = {"max_body": 100 << 20, "held": False}
        self.lock = threading.RLock()
        threading.Thread(target=self.work, daemon=True).start()

    def end(self, status, body):
        raise self.answer_with(status, body)

    def error(self, code, message, kind="invalid_request"):
        return {"message": message, "code": code, "type": kind, "link": "https://docs.meilisearch.com/errors#" + code}

    def fail(self, status, code, message, kind="invalid_request"):
        self.end(status, self.error(code, message, kind))

    def malformed(self, reason):
        return self.answer_with(400, self.error("malformed_payload", "The json payload provided is malformed. `%s`." % reason))

    def shown(self, name):
        with self.lock:
            return dict(self.indexes[name]["documents"])

    def plant(self, name, key, document):
        with self.lock:
            documents = self.indexes[name]["documents"]
            if document is None:
                del documents[key]
            else:
                documents[key] = {**documents.get(key, {self.indexes[name]["primaryKey"]: key}), **document}

    # -- tasks

    def work(self):
        while True:
            time.sleep(PAUSE_S)
            with self.lock:
                if not self.waiting or self.settings["held"]:
                    continue
                task, action = self.waiting[0]
                task["status"] = "processing"
            time.sleep(PAUSE_S)
            with self.lock:
                try:
                    action()
                    task["status"] = "succeeded"
                except Failure as failure:
                    task["status"], task["error"] = "failed", self.error(failure.code, str(failure), failure.kind)
                self.waiting.pop(0)

    def enqueue(self, index, kind, action, request):
        with self.lock:
            task = {"uid": len(self.tasks), "indexUid": index, "status": "enqueued", "type": kind, "error": None, "enqueuedAt": "2026-01-01T00:00:00Z"}
            if request.fault and request.fault["what"] == "fail":
                fault = request.fault

                def action():
                    raise Failure(fault.get("code", "internal"), "An internal error has occurred", fault.get("type", "internal"))
            self.tasks.append(task)
            self.waiting.append((task, action))
        self.end(202, {"taskUid": task["uid"], **{name: task[name] for name in ("indexUid", "status", "type", "enqueuedAt")}})

    def shown_tasks(self, request):
        with self.lock:
            found = [dict(task) for task in reversed(self.tasks)]
        for option, name in (("indexUids", "indexUid"), ("statuses", "status"), ("types", "type")):
            if option in request.query:
                found = [task for task in found if task[name] in request.query[option].split(",")]
        limit = int(request.query.get("limit", 20))
        self.end(200, {"results": found[:limit], "total": len(found), "limit": limit, "from": None, "next": None})

    # -- requests

    def answer(self, request):
        parts, method = request.parts, request.method
        if parts == ["health"]:
            self.end(200, {"status": "available"})
        given = request.headers.get("Authorization")
        if given is None:
            self.fail(401, "missing_authorization_header", "The Authorization header is missing. It must use the bearer authorization method.", "auth")
        if given != "Bearer " + API_KEY:
            self.fail(403, "invalid_api_key", "The provided API key is invalid.", "auth")
        if len(request.body) > self.settings["max_body"]:
            self.fail(413, "payload_too_large", "The provided payload reached the size limit.")
        if parts == ["version"]:
            self.end(200, {"commitSha": "x", "commitDate": "x", "pkgVersion": "1.12.0"})
        if parts[0] == "tasks":
            if len(parts) == 1:
                self.shown_tasks(request)
            with self.lock:
                if not parts[1].isdigit() or int(parts[1]) >= len(self.tasks):
                    self.fail(404, "task_not_found", "Task `%s` not found." % parts[1])
                self.end(200, dict(self.tasks[int(parts[1])]))
        if parts == ["indexes"] and method == "POST":
            self.make(request)
        if parts[0] == "indexes" and len(parts) == 2:
            if method == "DELETE":
                self.enqueue(parts[1], "indexDeletion", lambda: self.drop(parts[1]), request)
            index = self.known(parts[1])
            self.end(200, {"uid": parts[1], "primaryKey": index["primaryKey"], "createdAt": "x", "updatedAt": "x"})
        if parts[0] == "indexes" and parts[2] == "settings" and method == "PATCH":
            self.set_up(request, parts[1])
        if parts[0] == "indexes" and parts[2] == "documents":
            self.documents(request, parts[1], parts[3:])
        self.end(404, "")

    def known(self, name):
        with self.lock:
            if name not in self.indexes:
                self.fail(404, "index_not_found", "Index `%s` not found." % name)
            return self.indexes[name]

    def check_name(self, name):
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_-]{1,400}", name):
            self.fail(400, "invalid_index_uid", "`%s` is not a valid index uid." % name)

    def make(self, request):
        said = request.json()
        self.check_name(said.get("uid"))

        def action():
            if said["uid"] in self.indexes:
                raise Failure("index_already_exists", "Index `%s` already exists." % said["uid"])
            self.indexes[said["uid"]] = {"primaryKey": said.get("primaryKey"), "documents": {}, "settings": {}}
        self.enqueue(said["uid"], "indexCreation", action, request)

    def drop(self, name):
        if name not in self.indexes:
            raise Failure("index_not_found", "Index `%s` not found." % name)
        del self.indexes[name]

    def set_up(self, request, name):
        said = request.json()
        for setting in said:
            if setting not in ("filterableAttributes", "sortableAttributes", "searchableAttributes", "displayedAttributes", "rankingRules", "pagination"):
                self.fail(400, "bad_request", "Unknown field `%s`" % setting)
        self.enqueue(name, "settingsUpdate", lambda: self.indexes.setdefault(name, {"primaryKey": None, "documents": {}, "settings": {}})["settings"].update(said), request)

    def check_document(self, document, key):
        if not isinstance(document, dict):
            raise Failure("malformed_payload", "The `ndjson` payload provided is malformed.")
        if key not in document:
            raise Failure("missing_document_id", "Document doesn't have a `%s` attribute: `%s`." % (key, json.dumps(document)[:60]))
        if not isinstance(document[key], str) or not ID.fullmatch(document[key]):
            raise Failure("invalid_document_id", "Document identifier `%s` is invalid. A document identifier can be of type integer or string, only composed of alphanumeric "
                          "characters (a-z A-Z 0-9), hyphens (-) and underscores (_), and can not be more than 511 bytes." % json.dumps(document[key]))
        geo = document.get("_geo")
        if geo is not None and not (isinstance(geo, dict) and set(geo) == {"lat", "lng"} and all(isinstance(v, (int, float)) for v in geo.values())):
            raise Failure("invalid_document_geo_field", "The `_geo` field in the document with the id: `%s` is not an object with lat and lng." % json.dumps(document[key]))

    def add(self, name, key, documents):
        """All of them, or none."""
        index = self.indexes.setdefault(name, {"primaryKey": key, "documents": {}, "settings": {}})
        if index["primaryKey"] is None:
            index["primaryKey"] = key
        if key is not None and index["primaryKey"] != key:
            raise Failure("index_primary_key_already_exists", "Index `%s`: Index already has a primary key: `%s`." % (name, index["primaryKey"]))
        for document in documents:
            self.check_document(document, index["primaryKey"])
        for document in documents:
            index["documents"][document[index["primaryKey"]]] = document

    def documents(self, request, name, rest):
        method = request.method
        self.check_name(name)
        if not rest and method in ("POST", "PUT"):
            if request.content_type not in ("application/json", "application/x-ndjson", "text/csv"):
                self.fail(415, "invalid_content_type", "The Content-Type `%s` is invalid." % request.content_type)
            lines = request.content_type == "application/x-ndjson"
            documents = [json.loads(line) for line in request.body.decode().split("\n") if line.strip()] if lines else request.json()
            self.enqueue(name, "documentAdditionOrUpdate", lambda: self.add(name, request.query.get("primaryKey"), documents), request)
        if rest == ["delete-batch"] and method == "POST":
            gone = request.json()

            def action():
                if name not in self.indexes:
                    raise Failure("index_not_found", "Index `%s` not found." % name)
                for key in gone:
                    self.indexes[name]["documents"].pop(str(key), None)
            self.enqueue(name, "documentDeletion", action, request)
        index = self.known(name)
        with self.lock:
            if rest == ["fetch"] and method == "POST" or not rest and method == "GET":
                said = request.json() if rest else {name: int(value) for name, value in request.query.items() if name in ("offset", "limit")}
                at, limit, only = said.get("offset", 0), said.get("limit", 20), said.get("fields")
                found = list(index["documents"].values())[at:at + limit]
                self.end(200, {"results": [{k: v for k, v in document.items() if only is None or k in only} for document in found],
                               "offset": at, "limit": limit, "total": len(index["documents"])})
            if len(rest) == 1 and method == "GET":
                if rest[0] not in index["documents"]:
                    self.fail(404, "document_not_found", "Document `%s` not found." % rest[0])
                self.end(200, index["documents"][rest[0]])
        self.end(405, "")
