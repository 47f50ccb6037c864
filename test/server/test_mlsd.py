"""Checks of the test server itself: null rules, literals, paging, faults."""
import http.client
import json
import threading
import time
import unittest
import xml.etree.ElementTree as xml
import zlib
from decimal import Decimal
from types import SimpleNamespace
from urllib.parse import quote

import data
import edm
import faults
import mlsd
import odata

EDM = "{http://docs.oasis-open.org/odata/ns/edm}"


class Evaluation(unittest.TestCase):
    """Filters against one record with known values."""

    @classmethod
    def setUpClass(cls):
        cls.store = data.Store(listings=8, samples=4)
        cls.table = cls.store.tables["Sampler"]
        cls.key = cls.store.insert("Sampler", fields={
            "Text": "O'Brien 100%", "TextOther": None, "Amount": Decimal("500000.10"), "AmountWide": None, "Measure": 0.1,
            "Small": 5, "Number": None, "Big": 9007199254740993, "Flag": None, "FlagOther": True, "Day": "2024-02-29",
            "DayOther": "9999-12-31", "Moment": "2024-02-29T23:59:59.1234567-09:00", "MomentOther": None,
            "Clock": "07:59:59.999", "Uid": "ABCDEF00-0000-4000-8000-000000000001", "Tags": ["a", "B"],
            "Choice": "Active", "Choices": []})[0]

    def passes(self, text):
        predicate, _, _ = odata.compile_filter(text, self.table, odata.Context(self.store))
        return predicate(self.table.records[self.key])

    def check(self, wanted, *filters):
        for text in filters:
            with self.subTest(text):
                self.assertIs(self.passes(text), wanted)

    def test_null_rules(self):
        self.check(True, "Number eq null", "Number ne 5", "Small ne null", "null eq null", "not (Number le 5)",
                   "not (Number gt 5)", "TextOther ne 'x'", "Number eq AmountWide", "not (Number in (1,2))",
                   "Flag eq null or Flag", "Flag or FlagOther", "Choices/all(c:c eq 'x')", "Number in (null,1)")
        self.check(False, "Number gt 5", "Number le 5", "null ge null", "Number eq 5", "Flag", "not Flag", "Flag and FlagOther",
                   "contains(TextOther,'x')", "not contains(TextOther,'x')", "Number add 1 gt 0", "Choices/any()",
                   "Choices/any(c:c eq 'x')", "length(TextOther) eq 0")

    def test_text(self):
        self.check(True, "Text eq 'O''Brien 100%'", "contains(Text,'0%')", "startswith(Text,'O''')", "endswith(Text,'%')",
                   "tolower(Text) eq 'o''brien 100%'", "length(Text) eq 12", "indexof(Text,'B') eq 2", "substring(Text,2,5) eq 'Brien'",
                   "concat(concat(Text,' '),'x') eq 'O''Brien 100% x'", "trim('  a ') eq 'a'", "Text in ('a','O''Brien 100%')",
                   "Text gt 'O'", "Tags/any(t:t eq 'a' OR t eq 'z')", "Tags/all(t:length(t) eq 1)", "Tags/$count eq 2",
                   "'B' in Tags", "matchesPattern(Text,'^O.Brien')")
        self.check(False, "Text eq 'o''brien 100%'", "contains(Text,'100_')", "Tags/all(t:t eq 'a')")

    def test_numbers(self):
        self.check(True, "Amount eq 500000.1", "Amount gt 500000", "Big eq 9007199254740993", "Big gt 9007199254740992",
                   "Measure eq 0.1", "Measure lt INF", "Small mul 2 eq 10", "-5 lt Small", "Small div 2 eq 2", "-7 mod 3 eq -1",
                   "Small divby 2 eq 2.5", "Small sub -1 eq 6", "2 add 3 mul 2 eq 8", "round(Amount) eq 500000", "ceiling(2.1) eq 3",
                   "floor(-2.5) eq -3", "round(2.5) eq 3", "Small eq 5.0", "Small eq 5e0", "not (NaN eq NaN)")

    def test_time(self):
        self.check(True, "Day eq 2024-02-29", "DayOther gt 9999-12-30", "Moment eq 2024-03-01T08:59:59.1234567Z",
                   "Moment gt 2024-03-01T08:59:59.123456Z", "Moment lt 2024-03-01T08:59:59.1234568Z", "date(Moment) eq 2024-02-29",
                   "hour(Moment) eq 23", "year(Day) eq 2024", "second(Moment) eq 59", "time(Moment) gt 23:59:59",
                   "fractionalseconds(Clock) eq 0.999", "Clock lt 08:00", "Moment lt now()", "Day gt 0001-01-01",
                   "Moment add duration'PT1H' gt Moment", "DayOther sub Day gt duration'P1D'", "Moment gt -0001-01-01T00:00:00Z",
                   "totaloffsetminutes(Moment) eq -540", "cast('2024-02-29',Edm.Date) eq Day")

    def test_other_types(self):
        self.check(True, "Uid eq abcdef00-0000-4000-8000-000000000001", "Choice eq 'Active'", "FlagOther", "FlagOther eq true",
                   "not FlagOther eq false", "(Small eq 5) eq true")

    def test_refused(self):
        for text in ("Nope eq 1", "Small eq 'x'", "Text eq 5", "Day eq '2024-02-29'", "Day eq 2024-02-30", "Small", "Text eq",
                     "Small in ()", "Small eq 5 and", "(Small eq 5", "not Small eq 5", "Small  eq5", "contains(Text)", "Moment gt 2024-02-29",
                     "Choice has 'Active'", "((((", "Tags eq 'a'", "Small div 0 eq 1", "Text eq \"x\"", "Choice eq X.Y'Active'"):
            with self.subTest(text), self.assertRaises(odata.ODataError):
                self.passes(text)

    def test_calendar(self):
        for text in ("0001-01-01", "9999-12-31", "2000-02-29", "-0044-03-15", "1969-12-31"):
            self.assertEqual(edm.format_date(edm.parse_date(text)), text)
        self.assertEqual(edm.parse_date("1970-01-02"), 1)

    def test_enumerations(self):
        for style, multi in (("enum", "Choices/any(c:c eq Mls.Test.Enums.AccessibilityFeatures'Visitable')"),
                             ("flags", "Choices has Mls.Test.Enums.AccessibilityFeaturesMulti'Visitable'")):
            store = data.Store(listings=8, style=style)
            table = store.tables["Sampler"]
            for text in (multi, "Choice eq Mls.Test.Enums.StandardStatus'Active'", "Choice eq 'Active'", "Choice in ('Active')"):
                predicate, _, _ = odata.compile_filter(text, table, odata.Context(store))
                self.assertGreater(sum(map(predicate, table.records.values())), 0, text)
            with self.assertRaises(odata.ODataError):
                odata.compile_filter("Choice eq 'Nope'", table, odata.Context(store))


class Client:
    """A keep-alive client with the few verbs the checks need."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        self.port = port

    def raw(self, method, target, body=None, **headers):
        self.connection.request(method, target, body, {"X-Api-Key": "header-key-value", **headers})
        response = self.connection.getresponse()
        return response, response.read()

    def get(self, target, **headers):
        response, body = self.raw("GET", "/odata/" + target.replace(" ", "%20"), **headers)
        return response, json.loads(body, parse_float=Decimal)

    def pages(self, target, limit=500, **headers):
        """All pages over nextLink."""
        target, found = "/odata/" + target.replace(" ", "%20"), []
        while target and len(found) < limit:
            found.append(json.loads(self.raw("GET", target, **headers)[1]))
            link = found[-1].get("@odata.nextLink")
            target = link and (link.partition(str(self.port))[2] if "://" in link else "/odata/" + link)
        return found

    def control(self, name, **spec):
        response, body = self.raw("POST", "/_control/" + name, json.dumps(spec))
        assert response.status == 200, body
        return json.loads(body)

    def keys(self, resource="Property"):
        return json.loads(self.raw("GET", "/_control/keys?resource=" + resource)[1])


class Serving(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        arguments = mlsd.parse_arguments(["--listings", "60", "--page-size", "7", "--max-page", "20"])
        cls.server = mlsd.Server(0, mlsd.Site(arguments), None)
        threading.Thread(target=cls.server.serve_forever, daemon=True).start()

    @classmethod
    def tearDownClass(cls):
        cls.server.shutdown()
        cls.server.server_close()

    def setUp(self):
        self.client = Client(self.server.server_port)
        self.client.control("reset", data=True)

    def tearDown(self):
        self.client.connection.close()

    def fault(self, kind, **spec):
        self.client.control("fault", kind=kind, **spec)

    def test_paging_is_complete(self):
        for link in ("token", "skip", "relative"):
            self.client.control("option", link=link)
            for query in ("Property?$select=ListingKey", "Property?$orderby=City desc,ListPrice", "Property?$top=33",
                          "Property?$orderby=ModificationTimestamp&$filter=ListPrice gt 5"):
                with self.subTest(link=link, query=query):
                    pages = self.client.pages(query + "&$count=true", Prefer="odata.maxpagesize=5")
                    keys = [record["ListingKey"] for page in pages for record in page["value"]]
                    wanted = 33 if "top" in query else pages[0]["@odata.count"]
                    self.assertEqual((len(keys), len(set(keys))), (wanted, wanted))
                    self.assertTrue(all(len(page["value"]) == 5 for page in pages[:-1]))

    def test_token_survives_changes(self):
        first = self.client.pages("Property?$select=ListingKey", limit=1)[0]
        keys = self.client.keys()
        self.client.control("delete", resource="Property", keys=keys[:3])
        rest = self.client.raw("GET", first["@odata.nextLink"].partition(str(self.client.port))[2])[1]
        self.assertEqual(json.loads(rest)["value"][0]["ListingKey"], keys[7])

    def test_page_sizes(self):
        self.assertEqual(len(self.client.get("Property")[1]["value"]), 7)
        self.assertEqual(len(self.client.get("Property?$top=15")[1]["value"]), 15)
        response, page = self.client.get("Property", Prefer="odata.maxpagesize=9999")
        self.assertEqual((len(page["value"]), response.headers["Preference-Applied"]), (20, "odata.maxpagesize=20"))
        self.assertNotIn("@odata.nextLink", self.client.get("Property?$top=3")[1])

    def test_options(self):
        record = self.client.get("Property?$select=City&$top=1")[1]["value"][0]
        self.assertEqual(set(record), {"City", "ListingKey"})
        for bad in ("$select=Nope", "$filter=Nope eq 1", "$orderby=Nope", "$expand=Nope", "$top=-1", "$top=x", "$foo=1",
                    "$count=yes", "$top=1&$top=2"):
            response, body = self.client.get("Property?" + bad)
            self.assertEqual((response.status, response.headers["OData-Version"]), (400, "4.0"), bad)
            self.assertIn("message", body["error"])
        self.assertEqual(self.client.get("Property?custom=1")[0].status, 200)
        self.assertEqual(self.client.get("Nope")[0].status, 404)
        self.assertEqual(self.client.get("Property('none')")[0].status, 404)

    def test_every_key_can_be_read(self):
        for key in self.client.keys():
            path = "Property('%s')" % quote(key.replace("'", "''"), safe="")
            self.assertEqual(self.client.get(path + "?$select=ListingKey")[1]["ListingKey"], key)
        self.assertEqual(self.client.get("Sampler(9007199254740993)")[0].status, 200)

    def test_order_of_nulls(self):
        values = [record["ListPrice"] for record in self.client.get("Property?$orderby=ListPrice&$top=20")[1]["value"]]
        self.assertIsNone(values[0])
        numbers = [value for value in values if value is not None]
        self.assertEqual(numbers, sorted(numbers))
        self.assertIsNotNone(self.client.get("Property?$orderby=ListPrice desc&$top=1")[1]["value"][0]["ListPrice"])

    def test_expand(self):
        page = self.client.get("Property?$expand=Media($select=Order;$orderby=Order desc;$top=2;$count=true),ListAgent&$top=4")[1]
        record = page["value"][3]
        self.assertEqual([item["Order"] for item in record["Media"]], [3, 2])
        self.assertEqual(record["Media@odata.count"], 4)
        self.assertEqual(record["ListAgent"]["MemberKey"], record["ListAgentKey"])
        media = self.client.get("Property('%s')/Media" % record["ListingKey"])[1]["value"]
        self.assertEqual(len(media), 4)

    def test_metadata_describes_data(self):
        tree = xml.fromstring(self.client.raw("GET", "/odata/$metadata?$format=application/xml")[1])
        types = {kind.get("Name"): {item.get("Name") for item in kind.iter(EDM + "Property")} for kind in tree.iter(EDM + "EntityType")}
        for name, declared in types.items():
            for record in self.client.get(name)[1]["value"]:
                self.assertEqual(set(record), declared, name)
        self.assertEqual(len(types["Property"]), 200)

    def test_truth_and_changes(self):
        key = self.client.control("insert", resource="Property", fields={"ListPrice": 12.5})["keys"][0]
        self.client.control("update", resource="Property", key=key, fields={"City": None})
        record = self.client.get("Property('%s')" % key)[1]
        self.assertEqual((record["ListPrice"], record["City"]), (Decimal("12.5"), None))
        self.assertEqual(record["ModificationTimestamp"], "2025-06-01T00:00:01.0000000Z")
        self.client.control("tie", resource="Property", count=9, timestamp="2025-07-01T00:00:00Z")
        page = self.client.get("Property?$filter=ModificationTimestamp eq 2025-07-01T00:00:00Z&$count=true")[1]
        self.assertEqual(page["@odata.count"], 9)
        lines = self.client.raw("GET", "/_control/truth?resource=Property")[1].splitlines()
        self.assertEqual([json.loads(line)["ListingKey"] for line in lines], self.client.keys())
        self.client.control("option", schema={"add": [{"field": "X_New", "type": "Edm.Int32"}], "drop": ["City"]})
        record = self.client.get("Property?$top=1")[1]["value"][0]
        self.assertTrue("X_New" in record and "City" not in record)

    def test_authorization(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.client.port, timeout=5)

        def status(**headers):
            connection.request("GET", "/odata/Property?$top=1", headers=headers)
            response = connection.getresponse()
            response.read()
            return response.status
        form = "grant_type=client_credentials&client_id=demo&client_secret="
        bad, _ = self.client.raw("POST", "/oauth/token", form + "wrong")
        token = json.loads(self.client.raw("POST", "/oauth/token", form + "s3cret-demo-value")[1])["access_token"]
        self.assertEqual((bad.status, status(), status(Authorization="Bearer no")), (401, 401, 401))
        self.assertEqual(status(Authorization="Bearer " + token), 200)
        self.assertEqual(status(Authorization="Bearer static-token-value"), 200)
        self.assertEqual(status(Authorization="Basic YWdlbnQ6YmFzaWMtcGFzcy12YWx1ZQ=="), 200)
        self.fault("token_expired")
        self.assertEqual(status(Authorization="Bearer " + token), 401)
        connection.close()

    def test_log(self):
        for _ in range(2):
            self.client.get("Property?$filter=City eq 'a+b'".replace("+", "%2B"))
        entries = json.loads(self.client.raw("GET", "/_control/requests?since=0")[1])
        self.assertEqual([entry["options"]["$filter"] for entry in entries], ["City eq 'a+b'"] * 2)
        self.assertEqual(entries[0]["connection"], entries[1]["connection"])
        self.assertEqual(entries[0]["auth"], "api-key")

    def test_gzip(self):
        response, body = self.client.raw("GET", "/odata/Property", **{"Accept-Encoding": "gzip"})
        self.assertEqual(response.headers["Content-Encoding"], "gzip")
        self.assertEqual(zlib.decompress(body, 31), self.client.raw("GET", "/odata/Property")[1])

    def test_answer_faults(self):
        self.fault("status", status=429, headers={"Retry-After": "7"}, skip=1)
        self.assertEqual(self.client.get("Property")[0].status, 200)
        response, _ = self.client.get("Property")
        self.assertEqual((response.status, response.headers["Retry-After"]), (429, "7"))
        self.assertEqual(self.client.get("Property")[0].status, 200)
        for status in (500, 503):
            self.fault("status", status=status)
        self.assertEqual([self.client.get("Property")[0].status for _ in range(3)], [500, 503, 200])
        self.fault("html200")
        self.assertIn("text/html", self.client.raw("GET", "/odata/Property")[0].headers["Content-Type"])
        self.fault("redirect", to="http://127.0.0.1:9/x")
        self.assertEqual(self.client.raw("GET", "/odata/Property")[0].headers["Location"], "http://127.0.0.1:9/x")
        self.fault("nul_escape")
        self.assertIn(b"\\u0000", self.client.raw("GET", "/odata/Property")[1])
        self.fault("invalid_utf8")
        self.assertRaises(UnicodeDecodeError, self.client.raw("GET", "/odata/Property")[1].decode)
        self.fault("garbage_json")
        self.assertRaises(json.JSONDecodeError, json.loads, self.client.raw("GET", "/odata/Property")[1])
        self.fault("bad_value", field="ListPrice", value="dear", record=0)
        self.assertEqual(self.client.get("Property")[1]["value"][0]["ListPrice"], "dear")
        self.fault("null_collection", field="Levels")
        self.assertIsNone(self.client.get("Property")[1]["value"][2]["Levels"])

    def test_page_faults(self):
        self.fault("empty_page", skip=1)
        pages = self.client.pages("Property?$select=ListingKey")
        self.assertEqual([len(page["value"]) for page in pages[:3]], [7, 0, 7])
        self.assertEqual(sum(len(page["value"]) for page in pages), 60)
        self.fault("drop_link", skip=2)
        self.assertEqual(len(self.client.pages("Property?$count=true")), 3)
        self.fault("repeat_page", times=3)
        self.assertEqual(len(self.client.pages("Property")), 12)
        self.fault("loop", times=-1)
        self.assertEqual(len(self.client.pages("Property", limit=30)), 30)
        self.client.control("reset")
        self.fault("wrong_count", by=5)
        self.assertEqual(self.client.get("Property?$count=true")[1]["@odata.count"], 65)
        self.fault("foreign_link", to="http://example.invalid")
        self.assertTrue(self.client.get("Property")[1]["@odata.nextLink"].startswith("http://example.invalid/odata/"))
        link = self.client.get("Property")[1]["@odata.nextLink"].partition(str(self.client.port))[2]
        self.fault("expired_link", status=400)
        self.assertEqual(self.client.raw("GET", link)[0].status, 400)
        self.fault("moving", match="orderby")
        keys = [r["ListingKey"] for p in self.client.pages("Property?$orderby=ModificationTimestamp") for r in p["value"]]
        self.assertEqual((len(keys), len(set(keys))), (61, 60))

    def test_refusals(self):
        for kind, query in (("or", "$filter=ListPrice gt 5 or ListPrice lt 2"), ("in", "$filter=City in ('a')"),
                            ("orderby", "$orderby=City"), ("expand", "$expand=Media")):
            self.fault("refuse_" + kind)
            self.assertEqual(self.client.get("Property?" + query)[0].status, 400, kind)
        self.client.control("reset")
        self.fault("refuse_field", field="City")
        self.fault("refuse_field", field="BodyType", **{"in": "filter"})
        self.assertEqual(self.client.get("Property?$filter=BodyType/any()")[0].status, 400)
        response, body = self.client.get("Property?$filter=City eq 'a'")
        self.assertEqual(body["error"]["message"], "The field 'City' cannot be used for filtering or ordering queries")
        self.assertEqual(self.client.get("Property?$select=City&$filter=ListPrice gt 1")[0].status, 200)

    def test_stream_faults(self):
        for spec in ({"length": "right"}, {"length": "chunked"}):
            self.fault("truncate", **spec)
            with self.assertRaises(http.client.IncompleteRead):
                self.client.raw("GET", "/odata/Property")
            self.client.connection.close()
        self.fault("truncate", length="wrong")
        self.assertRaises(json.JSONDecodeError, json.loads, self.client.raw("GET", "/odata/Property")[1])
        self.fault("close")
        self.assertRaises((http.client.RemoteDisconnected, ConnectionError), self.client.raw, "GET", "/odata/Property")
        self.fault("drip", delay_ms=1, bytes=5000)
        self.assertEqual(len(self.client.get("Property")[1]["value"]), 7)
        self.fault("huge", mb=3)
        self.assertGreater(len(self.client.raw("GET", "/odata/Property")[1]), 3 << 20)
        self.fault("gzip_bomb", mb=4)
        body = self.client.raw("GET", "/odata/Property")[1]
        self.assertLess(len(body) * 100, len(zlib.decompress(body, 31)))
        self.fault("endless", mb=2)
        self.assertGreater(self.client.raw("GET", "/odata/Property")[1].count(b'"ListingKey":'), 100)
        self.fault("spoilt_gzip")
        self.assertRaises(zlib.error, zlib.decompress, self.client.raw("GET", "/odata/Property")[1], 31)
        self.fault("reset")
        with self.assertRaises((ConnectionResetError, http.client.IncompleteRead)):
            self.client.raw("GET", "/odata/Property")
        self.client.connection.close()

    def test_spoilt_bodies(self):
        whole = self.client.raw("GET", "/odata/Property")[1]
        self.fault("cut", at=0.25)
        self.assertEqual(self.client.raw("GET", "/odata/Property")[1], whole[:len(whole) // 4])
        self.fault("double")
        self.assertEqual(self.client.raw("GET", "/odata/Property")[1], whole * 2)
        self.fault("insert", bytes=[0, 255])
        self.assertIn(b"\0\xff", self.client.raw("GET", "/odata/Property")[1])
        self.fault("nest", depth=50)
        document = json.loads(self.client.raw("GET", "/odata/Property")[1])
        self.assertEqual((str(document["nest"]), len(document["value"])), ("[" * 50 + "]" * 50, 7))
        self.fault("nest", depth=50, open=True)
        self.assertRaises(json.JSONDecodeError, json.loads, self.client.raw("GET", "/odata/Property")[1])
        self.fault("nest", depth=50)
        self.assertEqual(len(list(xml.fromstring(self.client.raw("GET", "/odata/$metadata")[1]).iter("a"))), 50)

    def test_stall_and_release(self):
        for kind in ("stall", "stall_body"):
            self.fault(kind)
            other, answers = Client(self.client.port), []
            self.addCleanup(other.connection.close)
            asking = threading.Thread(target=lambda: answers.append(self.client.get("Property")[0].status))
            asking.start()
            while other.control("release")["released"] == 0:
                self.assertEqual(answers, [], "nothing is answered before it is released")
                self.assertTrue(asking.is_alive())
            asking.join()
            self.assertEqual(answers, [200])

    def test_stall_does_not_outlive_its_rule(self):
        order = faults.Faults()
        request = SimpleNamespace(path="/odata/Property", searchable="/odata/Property", follows_link=False)
        for kind in ("stall", "stall_body", "stall"):
            order.add({"kind": kind, "times": -1})
            spec = order.take(request)[kind]
            self.assertFalse(order.stall(spec).is_set(), "while the rule is there it waits")
            order.clear()
            self.assertTrue(order.stall(spec).is_set(), "a request that was taken before waits for nobody")
        order.add({"kind": "stall", "times": -1})
        order.release()
        self.assertFalse(order.stall(order.take(request)["stall"]).is_set(), "after a mere release others wait again")


if __name__ == "__main__":
    unittest.main()
