"""The Qobrix face: a CRM tenant below /api/v2.

This file routes requests and finishes answers; lists, searches, embedded records,
media and logins are in files of their own.
"""
import qobrix_model as shapes
from qobrix_data import QobrixStore
from qobrix_documents import Documents
from qobrix_embed import TRANSLATED, Writer
from qobrix_list import Lists, Query, Refused, flag, read_query
from qobrix_login import Sessions
from qobrix_media import Media
from qobrix_options import QobrixOptions
from reso import PageCache
from web import Response

ROOT = "/api/v2"
FILES = "/media"
PREFIX = "qobrix/"
JSON = "application/json; charset=UTF-8"
CACHE_BYTES = 400 << 20
VOLATILE = ("moving", "repeat_page", "loop", "empty_page", "drop_link", "wrong_count", "no_count", "no_pagination", "null_data",
            "bad_value", "null_collection", "refuse_field", "refuse_or", "refuse_in", "refuse_not", "refuse_function",
            "refuse_orderby", "refuse_filter", "refuse_expand", "refuse_select")
HIDDEN = ("media", "changes")
PORTALS = ("bayut-locations", "bazaraki-locations", "spitogatos-locations", "property-finder-a-e-locations")


class Qobrix:
    """Answers requests below ROOT. The tenant is made when it is first used."""

    def __init__(self, owner, seed, size):
        self.owner, self.seed, self.size = owner, seed, size
        self.options = QobrixOptions()
        self.sessions = Sessions(self.options)
        self.cache = PageCache(CACHE_BYTES)
        self.made = None

    @property
    def store(self):
        if self.made is None:
            self.made = QobrixStore(self.owner, self.seed, self.size, self.options)
            self.writer = Writer(self.made, self.options)
            self.lists = Lists(self.made, self.options, self.writer)
            self.media = Media(self.made, self.options, self.writer)
            self.writer.media_of = self.media.inline
            self.documents = Documents(self.made, self.options)
        return self.made

    def change(self, name, value):
        self.options.change(name, value)
        self.forget()

    def forget(self):
        self.cache.clear()
        if self.made:
            self.writer.forget()
            self.lists.forget()

    def reset(self, data):
        vars(self.options).update(vars(QobrixOptions()))
        self.sessions.forget()
        if data and self.made:
            self.made.reset()
        self.forget()

    # -- requests

    def answer(self, request, faults):
        try:
            return self.cached(request, faults)
        except Refused as problem:
            return document(problem.status, {"errors": list(problem.args)})

    def file(self, request):
        """A file of a medium, outside of ROOT, for who may ask for records."""
        if not self.sessions.allows(request.headers):
            return Response(401, b"", "text/plain")
        with self.owner.lock:
            return self.store and self.media.serve(request)

    def cached(self, request, faults):
        parts = [part for part in request.path[len(ROOT):].split("/") if part]
        if parts == ["session"]:
            if request.method != "POST":
                raise Refused(405, "Method not allowed")
            return document(*self.sessions.login(request.body))
        if "token_expired" in faults:
            self.sessions.forget()
        if not self.sessions.allows(request.headers):
            raise Refused(401, "Authentication required")
        if request.method not in ("GET", "HEAD"):
            raise Refused(405, "Method not allowed")
        with self.owner.lock:
            return self.looked_up(request, parts, faults)

    def looked_up(self, request, parts, faults):
        version = self.store.version
        key = (request.path, request.raw_query, request.headers.get("X-Locale"), version)
        plain = not any(kind in faults for kind in VOLATILE) and self.options.unsorted == "stable" and "NOW" not in request.raw_query
        found = self.cache.get(key) if plain else None
        if found is None:
            found = document(200, self.route(request, parts, faults))
            if plain and version == self.store.version:
                self.cache.put(key, found)
        return found

    def route(self, request, parts, faults):
        """The document a path asks for; Refused for what is not there."""
        name = parts[0] if parts else ""
        if name in ("tenant", "schema", "lists"):
            return self.told(name, parts[1:])
        if name == "media" and parts[1:2] != ["categories"]:
            return self.media_route(request, parts[1:])
        path = "media/categories" if name == "media" else name
        rest = parts[2:] if name == "media" else parts[1:]
        if path in HIDDEN or path not in self.store.tables:
            raise Refused(404, "Resource not found")
        return self.resource(path, rest, request, faults)

    def told(self, name, rest):
        if name == "tenant" and not rest:
            return self.documents.tenant()
        if name == "schema" and rest:
            return self.documents.schema("/".join(rest))
        if name == "lists" and len(rest) == 1:
            return self.documents.codes(rest[0])
        raise Refused(404, "Not found")

    def media_route(self, request, rest):
        if not rest:
            return self.media.of_owner(request)
        if rest[0] == "by-category" and len(rest) == 4:
            return self.media.by_category(*rest[1:])
        if rest[0] == "icon" and len(rest) == 5:
            return self.media.icon(rest[1], rest[2], rest[3], rest[4])
        if len(rest) <= 2:
            return self.media.one(*rest)
        raise Refused(404, "Not found")

    def resource(self, path, rest, request, faults):
        if not rest:
            return self.lists.answer(path, request, faults)
        if rest == ["changes"]:
            return self.changes(path, request, faults)
        if rest == ["associations"]:
            return self.documents.associations(path)
        if path == "properties" and rest == ["coordinates"]:
            return self.coordinates(request, faults)
        if path == "property-features" and rest[0] == "fields" and len(rest) <= 2:
            return self.documents.feature_fields(*rest[1:])
        return self.single(path, rest, request, faults)

    def single(self, path, rest, request, faults):
        table, query = self.store.tables[path], read_query(request, self.options)
        found = table.trashed.get(rest[0]) if query.trashed else None
        found = found or table.records.get(rest[0])
        if rest[1:] == ["changes"]:
            return self.changes(path, request, faults, rest[0])
        if found is None:
            raise Refused(404, "Record not found")
        if len(rest) == 3 and rest[1] == "translations" and path in TRANSLATED:
            return {"data": self.writer.translation(path, found, rest[2], flag(request.option("fallback", "true")))}
        if len(rest) > 1:
            raise Refused(404, "Not found")
        return {"data": self.writer.document(path, found, Query(include=query.include, expand=query.expand, media=query.media))}

    def coordinates(self, request, faults):
        table = self.store.tables["properties"]
        return {"data": [{"id": key, "coordinates": table.cell(record, "coordinates")[0]} for key, record in table.records.items()]}

    def changes(self, path, request, faults, key=None):
        """The audit log of a resource or of one record."""
        if not self.options.changes or path in PORTALS:
            raise Refused(403 if not self.options.changes else 404, "No audit log")
        log, model = self.store.tables["changes"], shapes.MODELS.get(path, path)

        def concerns(record):
            return log.cell(record, "source")[0] == model and key in (None, log.cell(record, "primary_key")[0])
        return self.lists.answer("changes", request, faults, ((path, key), concerns))


def document(status, value):
    """The answer that says a value, or JSON made before."""
    return Response(status, value if isinstance(value, str) else shapes.dump(value), JSON)
