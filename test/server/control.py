"""The control API: tests change data, order misbehaviour and read back what
was asked of the server."""
import itertools
import re
import threading
import time
from urllib.parse import unquote_plus

import edm
import photos
from qobrix import PREFIX as QOBRIX_PREFIX
from web import Response

PREFIX = "/_control/"
HEADERS = ("Accept", "Accept-Encoding", "Prefer", "User-Agent", "If-None-Match", "If-Modified-Since", "Content-Type", "Host")


class Log:
    """Requests in order of arrival. An entry is completed when its answer is
    sent, so a stalled request is visible with status null."""

    def __init__(self):
        self.lock = threading.Lock()
        self.entries, self.numbers = [], itertools.count(1)

    def start(self, request, connection, auth_kind):
        entry = {
            "id": None, "time": time.monotonic(), "method": request.method, "path": unquote_plus(request.path),
            "query": request.raw_query, "options": dict(request.query),
            "headers": {name: request.headers[name] for name in HEADERS if name in request.headers},
            "auth": auth_kind, "connection": connection, "status": None, "bytes": 0, "faults": [],
        }
        with self.lock:
            entry["id"] = next(self.numbers)
            self.entries.append(entry)
        return entry

    def since(self, number):
        with self.lock:
            return [entry for entry in self.entries if entry["id"] > number]

    def clear(self):
        with self.lock:
            self.entries = []


class Control:
    def __init__(self, store, reso, rets, qobrix, options, auth, faults, log):
        self.store, self.reso, self.rets, self.qobrix, self.options = store, reso, rets, qobrix, options
        self.auth, self.faults, self.log = auth, faults, log
        self.default_options = dict(vars(options))
        self.deliveries = []

    def answer(self, request):
        """Response of a control request; mistakes are 400 with a reason."""
        name = request.path[len(PREFIX):]
        work = getattr(self, "%s_%s" % (request.method.lower(), name), None)
        if work is None:
            return Response(404, edm.dump({"error": "no control path %s %s" % (request.method, name)}))
        try:
            with self.store.lock:
                found = work(edm.load(request.body or "{}") if request.method == "POST" else request)
        except (KeyError, ValueError, TypeError, AttributeError, re.error) as problem:
            return Response(400, edm.dump({"error": "%s: %s" % (type(problem).__name__, problem)}))
        return found if isinstance(found, Response) else Response(200, edm.dump(found))

    def home(self, resource):
        """(store, name) of a resource: qobrix/properties is one of the Qobrix tenant's."""
        if resource.startswith(QOBRIX_PREFIX):
            return self.qobrix.store, resource[len(QOBRIX_PREFIX):]
        return self.store, resource

    # -- reading

    def get_requests(self, request):
        return self.log.since(int(request.option("since", "0")))

    def get_truth(self, request):
        """Every record in key order as JSON lines, as the server stores it."""
        store, name = self.home(request.option("resource"))
        table = store.tables[name]
        lines = [table.body(table.records[key]) + b"}\n" for key in sorted(table.records)]
        return Response(200, b"".join(lines), "application/x-ndjson")

    def get_keys(self, request):
        store, name = self.home(request.option("resource"))
        return sorted(store.tables[name].records)

    def get_state(self, request):
        counts = {name: len(table.records) for name, table in self.store.tables.items()}
        if self.qobrix.made:
            counts.update((QOBRIX_PREFIX + name, len(table.records)) for name, table in self.qobrix.store.tables.items())
        return {"version": self.store.version, "clock": edm.format_stamp(self.store.clock, 7), "counts": counts,
                "options": {**vars(self.options), "expires_in": self.auth.expires_in, "rets": vars(self.rets.options),
                            "qobrix": vars(self.qobrix.options)}, "faults": self.faults.describe()}

    def get_s3(self, request):
        return self.s3.describe()

    def post_s3(self, spec):
        """Changes how the buckets answer; `reset` makes them empty before."""
        if spec.pop("reset", False):
            self.s3.reset()
        self.s3.change(spec)
        return {}

    def get_deliveries(self, request):
        """What was posted to the webhook and taken."""
        return self.deliveries

    def take_delivery(self, request):
        with self.store.lock:
            self.deliveries.append({"headers": dict(request.headers), "body": request.body.decode()})
        return Response(200, '{"taken": %s}' % ("true" + " " * 200))

    def post_editions(self, spec):
        """Other pictures behind the same addresses below /cdn."""
        photos.editions.update(spec)
        return photos.editions

    def post_places(self, spec):
        """What the geocoders below /geo know."""
        self.geocoders.places = [{**place, **{name: float(place[name]) for name in ("latitude", "longitude")}} for place in spec["places"]]
        return {"places": len(self.geocoders.places)}

    # -- changing data

    def keys_of(self, spec):
        """The records a request means: key, keys, count (chosen by the seed) or all."""
        if "key" in spec:
            return [spec["key"]]
        store, name = self.home(spec["resource"])
        return spec["keys"] if "keys" in spec else store.pick(name, spec.get("count"))

    def post_insert(self, spec):
        store, name = self.home(spec["resource"])
        return {"keys": store.insert(name, spec.get("count", 1), spec.get("fields"))}

    def post_update(self, spec):
        keys, (store, name) = self.keys_of(spec), self.home(spec["resource"])
        store.update(name, keys, spec["fields"])
        return {"keys": keys}

    def post_set(self, spec):
        store, name = self.home(spec["resource"])
        if "records" in spec:
            for key, fields in spec["records"].items():
                store.assign(name, [key], fields)
            return {"keys": len(spec["records"])}
        keys = self.keys_of(spec)
        store.assign(name, keys, spec["fields"])
        return {"keys": keys}

    def post_delete(self, spec):
        """Remove records or, with "flag", keep them with MlgCanView false; with
        "trash" Qobrix records go into the bin."""
        keys, (store, name) = self.keys_of(spec), self.home(spec["resource"])
        if spec.get("trash"):
            store.trash(name, keys)
        elif spec.get("flag"):
            store.update(name, keys, {"MlgCanView": False})
        else:
            store.delete(name, keys)
        return {"keys": keys}

    def post_restore(self, spec):
        """Bring removed records back, as they were."""
        store, name = self.home(spec["resource"])
        store.restore(name, spec["keys"])
        return {"keys": spec["keys"]}

    def post_touch(self, spec):
        return self.post_update({**spec, "fields": {}})

    def post_tie(self, spec):
        """One and the same timestamp for all the records meant."""
        store, _ = self.home(spec["resource"])
        stamp = spec.get("timestamp") or store.tick()
        return {**self.post_set({**spec, "fields": {store.stamp_field: stamp}}), "timestamp": stamp}

    def post_clock(self, spec):
        if "now" in spec:
            self.store.clock = edm.parse_stamp(spec["now"])[0]
        if "step" in spec:
            self.store.step = int(spec["step"] * edm.SECOND)
        self.store.clock += int(spec.get("advance", 0) * edm.SECOND)
        return {"now": edm.format_stamp(self.store.clock, 7)}

    # -- behaviour

    def post_fault(self, spec):
        return {"id": self.faults.add(spec)}

    def post_clear(self, spec):
        """Forget the faults and nothing else: tokens, options and links stay."""
        self.faults.clear()
        return {}

    def post_release(self, spec):
        return {"released": self.faults.release()}

    def post_option(self, spec):
        spec = dict(spec)
        self.change_schema(spec.pop("schema", {}))
        if "expires_in" in spec:
            self.auth.expires_in = spec.pop("expires_in")
        for name, value in spec.pop("rets", {}).items():
            self.rets.options.change(name, value)
        for name, value in spec.pop("qobrix", {}).items():
            self.qobrix.change(name, value)
        for name, value in spec.items():
            self.options.change(name, value)
        self.reso.cache.clear()
        self.rets.cache.clear()
        return {**vars(self.options), "rets": vars(self.rets.options), "qobrix": vars(self.qobrix.options)}

    def change_schema(self, schema):
        for item in schema.get("add", []):
            store, name = self.home(item.get("resource", "Property"))
            store.add_field(name, item["field"], item.get("type", store.text_type), item.get("length"))
        for item in schema.get("drop", []):
            item = {"field": item} if isinstance(item, str) else item
            store, name = self.home(item.get("resource", "Property"))
            store.drop_field(name, item["field"])
        for item in schema.get("declare", []):
            self.store.declare(item.get("resource", "Property"), item.get("length"), item.get("key"))
        for item in schema.get("members", []):
            self.store.change_members(item["lookup"], item.get("add", []), item.get("drop", []))
        for name in schema.get("drop_resource", []):
            store, name = self.home(name)
            store.drop_resource(name)

    def post_keys(self, spec):
        return self.keys.change(spec)

    def post_revoke(self, spec):
        self.auth.revoke()
        self.rets.sessions.forget()
        self.qobrix.sessions.forget()
        return {}

    def post_reset(self, spec):
        """Forget log, faults, options and tokens and, with "data", all changes."""
        self.faults.clear()
        self.log.clear()
        vars(self.options).update(self.default_options)
        self.auth.reset()
        self.deliveries.clear()
        if spec.get("data"):
            self.store.reset()
        self.reso.forget()
        self.rets.reset()
        self.qobrix.reset(spec.get("data"))
        return {}
