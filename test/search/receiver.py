"""A receiver of publications: it keeps what lines say, and all bodies as they came."""
import hashlib
import hmac
import json

TOKEN, SECRET = "receiver-token-value", "receiver-secret-value"


class Receiver:
    def __init__(self, answer):
        self.answer_with = answer
        self.records, self.loaded, self.bodies = {}, {}, []
        self.settings = {"limit": 1 << 20}

    def end(self, status, body):
        raise self.answer_with(status, body)

    def malformed(self, reason):
        return self.answer_with(400, {"message": reason})

    def shown(self, name):
        return self.bodies if name == "bodies" else self.records[name]

    def answer(self, request):
        if request.headers.get("Authorization") != "Bearer " + TOKEN:
            self.end(401, {"message": "Who are you?"})
        if request.method != "POST":
            self.end(405, {"message": "POST only"})
        signature = "sha256=" + hmac.new(SECRET.encode(), request.body, hashlib.sha256).hexdigest()
        if request.headers.get("X-Mls-Signature") != signature:
            self.end(403, {"message": "That is not signed as agreed."})
        if len(request.body) > self.settings["limit"]:
            self.end(413, {"message": "That is too much."})
        if b'"dead"' in request.body:
            self.end(422, {"message": "There is a dead one in it."})
        name, text = request.headers["Mls-Publication"], request.body.decode()
        if request.content_type == "application/x-ndjson":
            if not text.endswith("\n"):
                self.end(400, {"message": "The last line has no end."})
            for line in text[:-1].split("\n"):
                self.take(name, json.loads(line))
        else:
            json.loads(text)
        self.bodies.append({"type": request.content_type, "position": int(request.headers["Mls-Position"]), "body": text})
        self.end(204, "")

    def take(self, name, line):
        """What was not put between the beginning of a load and its end is not there any more."""
        records = self.records.setdefault(name, {})
        if line["op"] == "begin":
            self.loaded[name] = set()
        elif line["op"] == "put":
            records[line["key"]] = line["record"]
            self.loaded.setdefault(name, set()).add(line["key"])
        elif line["op"] == "delete":
            records.pop(line["key"], None)
        elif line["op"] == "end":
            for key in set(records) - self.loaded[name]:
                del records[key]
        else:
            self.end(400, {"message": "unknown op"})
