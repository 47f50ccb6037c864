"""A resource of millions of records with a key and a timestamp, made as they are
asked for: no record is kept.  It knows what a listing of keys and requests for
records by key need, and nothing else.

Record n has the key K and nine digits of n.  Every `gone`th is missing, and every
`newer`th (but for those) has a later timestamp than what a test has stored.
"""
import json
import re

from web import Response

PATH = "/odata/Keys"
OLD = "2024-01-01T00:00:00Z"
NEW = "2025-01-01T00:00:00Z"
RECORD = '{"ListingKey":"K%09d","ModificationTimestamp":"%s"}'
MOST = 300000


class Keys:
    def __init__(self, count):
        self.count, self.gone, self.newer = count, 0, 0

    def change(self, spec):
        """Set count, gone, newer; 0 means none."""
        for name in ("count", "gone", "newer"):
            setattr(self, name, spec.get(name, getattr(self, name)))
        return vars(self)

    def exists(self, number):
        return number < self.count and not (self.gone and number % self.gone == 0)

    def total(self):
        return self.count - ((self.count + self.gone - 1) // self.gone if self.gone else 0)

    def records(self, numbers):
        """JSON of those that exist, with commas between."""
        if self.gone:
            numbers = [n for n in numbers if n % self.gone]
        if not self.newer:
            return ",".join([RECORD % (n, OLD) for n in numbers])
        return ",".join([RECORD % (n, OLD if n % self.newer else NEW) for n in numbers])

    def answer(self, request):
        text = request.option("$filter")
        if text is None:
            return self.page(request)
        named = [int(number) for number in re.findall(r"'K(\d+)'", text)]
        found = sorted(number for number in set(named) if self.exists(number))
        return self.document(request, self.records(found), len(found), None)

    def page(self, request):
        """A page of all; the skip token is the number it begins with."""
        start = int(request.option("$skiptoken", "0"))
        top = request.option("$top")
        asked = re.search(r"maxpagesize=(\d+)", request.headers.get("Prefer", ""))
        size = min(int(asked[1]) if asked else int(top or 1000), MOST)
        end = min(start + size, self.count)
        link = None
        if end < self.count and top != "1":
            kept = "&".join(pair for pair in request.raw_query.split("&") if pair and "skiptoken" not in pair)
            link = "%s%s?%s&$skiptoken=%d" % (request.origin, PATH, kept, end)
        return self.document(request, self.records(range(start, end)), self.total(), link)

    def document(self, request, records, count, link):
        head = '"@odata.count":%d,' % count if request.option("$count") == "true" else ""
        tail = ',"@odata.nextLink":%s' % json.dumps(link) if link else ""
        return Response(200, '{%s"value":[%s]%s}' % (head, records, tail))
