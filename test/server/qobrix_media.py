"""Media: inside records, by category, of one owner, single, and their URLs."""
import re

import photos
import qobrix_model as shapes
from qobrix_list import Refused
from web import Response

SIZES = ("huge", "xlarge", "large", "medium", "small", "tiny")
KINDS = (("jpg", "image/jpeg"), ("png", "image/png"), ("pdf", "application/pdf"), ("mp4", "video/mp4"), ("mp3", "audio/mpeg"))
BODIES = {"image/jpeg": (photos.jpeg, "image/jpeg"), "image/png": (photos.png, "image/png"), "application/pdf": (photos.pdf, "application/pdf")}
FILE = re.compile(r"-(\d+)\.\w+$")


class Media:
    def __init__(self, store, options, writer):
        self.store, self.options, self.writer = store, options, writer
        self.origin = ""

    def of(self, model, key):
        """The live media of one owner in their order."""
        table = self.store.tables["media"]
        found = [record for record in table.index("related_id").get(key, []) if table.cell(record, "related_model")[0] == model]
        return sorted(found, key=lambda record: (table.cell(record, "display_order")[0], record.number))

    def with_project(self, path, key):
        """Those of a property and, if it inherits them, of its project."""
        found = self.of(shapes.MODELS[path], key)
        table = self.store.tables.get(path)
        record = table.records.get(key) if path == "properties" else None
        if record and table.cell(record, "inherit_project_media")[0] and table.cell(record, "project")[0]:
            found = found + self.of("Projects", table.cell(record, "project")[0])
        return found

    def inline(self, path, record):
        """The value of `media` in a list, as JSON."""
        key = self.store.tables[path].key_of(record)
        records = self.with_project(path, key) if self.options.inline_project_media else self.of(shapes.MODELS[path], key)
        if self.options.media_shape == "array":
            return "[%s]" % ",".join([self.text(item) for item in records])
        grouped = {}
        for item in map(self.document, records):
            grouped.setdefault(item["category"]["name"], []).append(item)
        return shapes.dump(grouped)

    def text(self, record):
        """The document as JSON, its category kept for the next medium."""
        if self.options.stamps != "naive" or self.options.numbers_as_text:
            return shapes.dump(self.document(record))
        found = self.store.tables["media"].plain(record)
        key = found["category_id"]
        parts = [shapes.dump(found)[:-1], '"category":' + self.writer.kept(("category", key), lambda: self.category(key))]
        if found["media_type"] == "upload":
            parts.append('"file":' + shapes.dump(self.file(record, found)))
        return ",".join(parts) + "}"

    def document(self, record):
        table = self.store.tables["media"]
        found = self.writer.sent(table, record)
        found["category"] = self.category(found["category_id"])
        if found["media_type"] == "upload":
            found["file"] = self.file(record, found)
        return found

    def category(self, key):
        table = self.store.tables["media/categories"]
        return self.writer.sent(table, table.records[key]) if key in table.records else None

    def file(self, record, medium):
        number = record.number
        ending, kind = KINDS[0] if number % 10 not in (5, 8) else KINDS[2 if number % 10 == 5 else 1 + number // 10 % 4]
        name = "%s-%d.%s" % (medium["reference_id"][:8], number, ending)
        base = "https://media.invalid" if self.options.absolute_urls or number % 5 == 3 else ""
        image = kind.startswith("image/")
        return {"id": medium["reference_id"], "filename": name, "original_filename": "photo %d é.%s" % (number, ending),
                "original_url": None, "filesystem": "s3", "mime_type": kind, "filesize": 20000 + number * 37 % 900000,
                "created": medium["created"], "modified": medium["modified"], "href": "%s/media/%s" % (base, name),
                "thumbnails": {size: "%s/media/t/%s/%s" % (base, size, name) for size in SIZES} if image else None}

    # -- files

    def serve(self, request):
        """The file behind an href; a medium that is modified has another one."""
        number = FILE.search(request.path)
        for record in self.store.tables["media"].records.values() if number else ():
            if record.number == int(number[1]):
                found = self.document(record)
                urls = [found["file"]["href"], *(found["file"]["thumbnails"] or {}).values()] if "file" in found else []
                if any(url.endswith(request.path) for url in urls):
                    made, kind = BODIES.get(found["file"]["mime_type"], (None, "audio/mpeg"))
                    return Response(200, made("%s %s" % (request.path, found["modified"])) if made else b"ID3\x03", kind)
        return Response(404, b"", "text/plain")

    # -- endpoints

    def by_category(self, name, model, key):
        """The same id may come under two categories: those of every tenth photo do."""
        path = model if model in shapes.MODELS else shapes.RESOURCES.get(model)
        names = self.store.tables["media/categories"].index("name")
        if path not in ("properties", "projects", "agents", "contacts", "opportunities") or name not in names:
            raise Refused(404, "Entity or category not found")
        if key not in self.store.tables[path].records:
            raise Refused(404, "Record not found")
        found = [self.document(record) for record in self.with_project(path, key)]
        return {"data": [item for item in found if self.belongs(item, name)]}

    def belongs(self, item, name):
        own = item["category"] and item["category"]["name"]
        return own == name or (name == "documents" and own == "photos" and item["display_order"] == 1)

    def of_owner(self, request):
        model, key = request.option("related_model"), request.option("related_id")
        if not model or not key:
            raise Refused(400, "related_model and related_id are required")
        path = model if model in shapes.MODELS else shapes.RESOURCES.get(model)
        if path is None:
            raise Refused(404, "Entity not found")
        return {"data": [self.document(record) for record in self.of(shapes.MODELS[path], key)]}

    def one(self, key, size=None):
        """The bare object, or where its file is."""
        record = self.store.tables["media"].records.get(key)
        if record is None:
            raise Refused(404, "Record not found")
        found = self.document(record)
        if size is None:
            return found
        thumbnails = found.get("file", {}).get("thumbnails") or {}
        url = found.get("file", {}).get("href") if size == "original" else thumbnails.get(size)
        if url is None:
            raise Refused(404, "No such size")
        return {"data": {"url": url}}

    def icon(self, path, key, name, size):
        for item in self.by_category(name, path, key)["data"]:
            if item["media_type"] == "upload":
                return self.one(item["id"], size)
        raise Refused(404, "No such medium")
