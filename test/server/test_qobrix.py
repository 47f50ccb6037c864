"""Checks of the Qobrix face: logins, lists, searches, embedded records, media, changes, faults."""
import http.client
import json
import threading
import unittest
from urllib.parse import quote, urlencode

import mlsd
from qobrix_model import STAFF

KEYS = {"X-Api-User": STAFF, "X-Api-Key": "header-key-value"}


class Face(unittest.TestCase):
    size = "250"

    @classmethod
    def setUpClass(cls):
        cls.server = mlsd.Server(0, mlsd.Site(mlsd.parse_arguments(["--listings", "20", "--samples", "10", "--qobrix", cls.size])), None)
        threading.Thread(target=cls.server.serve_forever, daemon=True).start()
        cls.link = http.client.HTTPConnection("127.0.0.1", cls.server.server_port, timeout=60)

    @classmethod
    def tearDownClass(cls):
        cls.link.close()
        cls.server.shutdown()
        cls.server.server_close()

    def setUp(self):
        self.control("reset", data=True)

    def send(self, method, path, headers=None, body=None):
        self.link.request(method, path, body, headers or {})
        answer = self.link.getresponse()
        return answer.status, answer.read().decode()

    def control(self, name, **spec):
        status, body = self.send("POST", "/_control/" + name, body=json.dumps(spec))
        self.assertEqual(200, status, body)
        return json.loads(body)

    def option(self, **changed):
        self.control("option", qobrix=changed)

    def get(self, path, *pairs, status=200, **more):
        """The document of a path; pairs and keywords become the query."""
        query = urlencode(list(pairs) + [(name, value) for name, value in more.items()], quote_via=quote)
        found, body = self.send("GET", "/api/v2" + path + ("?" + query if query else ""), KEYS)
        self.assertEqual(status, found, body)
        return json.loads(body)

    def found(self, search, path="/properties", **more):
        """Ids a search leads to, over all pages."""
        ids, page, more = [], 1, {"limit": 100, "expand": "false", "media": "false", **more}
        while True:
            document = self.get(path, ("fields[]", "id"), ("sort[]", "id"), page=page, search=search, **more)
            ids += [item["id"] for item in document["data"]]
            if not document["pagination"]["has_next_page"]:
                return ids
            page += 1

    def records(self, resource="properties"):
        """What the server keeps, {id: record}."""
        body = self.send("GET", "/_control/truth?resource=qobrix/" + resource)[1]
        return {item["id"]: item for item in map(json.loads, body.splitlines())}


class Logins(Face):
    def test_both_keys_are_needed(self):
        for headers in ({}, {"X-Api-Key": KEYS["X-Api-Key"]}, {"X-Api-User": STAFF}, {**KEYS, "X-Api-Key": "x"}):
            status, body = self.send("GET", "/api/v2/tenant/", headers)
            self.assertEqual((401, ["errors"]), (status, list(json.loads(body))))
        self.assertEqual("EUR", self.get("/tenant/")["configuration"]["units"]["currency"])

    def test_session(self):
        given = {"username": "agent", "password": "basic-pass-value"}
        self.option(otp="123456")
        self.assertEqual(428, self.send("POST", "/api/v2/session/", body=json.dumps(given))[0])
        status, body = self.send("POST", "/api/v2/session/", body=json.dumps({**given, "otp": "123456"}))
        self.assertEqual(200, status)
        bearer = {"Authorization": "Bearer " + json.loads(body)["access_token"]}
        self.assertEqual(200, self.send("GET", "/api/v2/users", bearer)[0])
        self.control("revoke")
        self.assertEqual(401, self.send("GET", "/api/v2/users", bearer)[0])
        self.assertEqual(401, self.send("POST", "/api/v2/session/", body=json.dumps({"username": "x"}))[0])


class Reading(Face):
    def test_pages(self):
        keys, truth = [], self.records()
        for page in range(1, 100):
            answer = self.get("/properties", ("sort[]", "-modified"), ("sort[]", "id"), page=page, limit=7)
            keys += [item["id"] for item in answer["data"]]
            self.assertEqual((page, 7, len(truth)), tuple(answer["pagination"][name] for name in ("current_page", "limit", "count")))
            if not answer["pagination"]["has_next_page"]:
                break
        self.assertEqual(sorted(truth), sorted(keys))
        self.assertEqual(-(-len(truth) // 7), page)
        times = [truth[key]["modified"] or "" for key in keys]
        self.assertEqual(sorted(times, reverse=True), times)

    def test_limits(self):
        self.assertEqual(10, len(self.get("/properties")["data"]))
        self.assertEqual(100, self.get("/properties", limit=500)["pagination"]["limit"])
        self.option(over_limit="error")
        self.get("/properties", limit=500, status=400)
        self.get("/properties", page=0, status=400)

    def test_fields_and_parts(self):
        one = self.get("/properties", ("fields[]", "id"), ("fields[]", "ref"), limit=1)["data"][0]
        self.assertEqual(["id", "ref"], sorted(one))
        whole = self.get("/properties", limit=1)["data"][0]
        self.assertIn("PropertyPropertyType", whole)
        self.assertEqual(whole["property_type"], whole["PropertyPropertyType"]["code"])
        bare = self.get("/properties", limit=1, expand="false", media="false")["data"][0]
        self.assertNotIn("media", bare)
        self.assertNotIn("PropertyPropertyType", bare)

    def test_every_resource_is_served(self):
        from qobrix_model import RESOURCES
        for path in set(RESOURCES.values()) - {"media"}:
            answer = self.get("/" + path, limit=3)
            self.assertEqual(len(self.records(path)), answer["pagination"]["count"], path)
            one = answer["data"][0]
            self.assertEqual(one["id"], self.get("/%s/%s" % (path, one["id"]))["data"]["id"])
            schema = self.get("/schema/" + path)
            self.assertLessEqual(set(self.get("/" + path, limit=1, expand="false", media="false")["data"][0]), set(schema["properties"]))
        self.get("/nothing", status=404)


class Searching(Face):
    def check(self, search, test):
        found, records = self.found(search), self.records()
        self.assertEqual(sorted(key for key, item in records.items() if test(item)), found, search)
        return found

    def test_operators(self):
        some = "2024-06-01T10:00:00"
        for search, test in (
                ("status == 'sold'", lambda p: p["status"] == "sold"),
                ("status != 'sold'", lambda p: p["status"] not in (None, "sold")),
                ("status<>'sold'", lambda p: p["status"] not in (None, "sold")),
                ("bedrooms >= 3 and bedrooms < 7", lambda p: p["bedrooms"] is not None and 3 <= p["bedrooms"] < 7),
                ("bedrooms in 3..5", lambda p: p["bedrooms"] in (3, 4, 5)),
                ("status in ['sold', \"rented\"]", lambda p: p["status"] in ("sold", "rented")),
                ("status not in ['sold','rented']", lambda p: p["status"] not in (None, "sold", "rented")),
                ("agent == null", lambda p: p["agent"] is None),
                ("agent != null and elevator == true", lambda p: p["agent"] is not None and p["elevator"] is True),
                ("not (elevator == true)", lambda p: p["elevator"] is False),
                ("city contains 'Town' or city starts with 'Old'", lambda p: "Town" in p["city"] or p["city"].startswith("Old")),
                ("city ends with 'Village'", lambda p: p["city"].endswith("Village")),
                ("city == 'St. Anne\\'s'", lambda p: p["city"] == "St. Anne's"),
                ("modified>='%s'" % some, lambda p: (p["modified"] or "") >= some),
                ("modified>='2024-06-01 10:00:00'", lambda p: (p["modified"] or "") >= some),
                ("modified>='2024-06-01T12:00:00+02:00'", lambda p: (p["modified"] or "") >= some),
                ("listing_date < '2024-03-01'", lambda p: p["listing_date"] is not None and p["listing_date"] < "2024-03-01"),
                ("Properties.city == 'Old Port'", lambda p: p["city"] == "Old Port"),
                ("view contains 'sea'", lambda p: "sea" in p["view"])):
            self.check(search, test)

    def test_precedence_is_symfonys(self):
        self.assertEqual([], self.found("not status == 'sold'"))
        self.assertNotEqual([], self.found("not (status == 'sold')"))

    def test_what_cannot_be_read(self):
        for search in ("foo == 1", "status ==", "status == 'x", "(status == 'x'", "price_field_amount > 3", "status = 'x'",
                       "modified >= 'never'", "status == 'a''b'", "bedrooms like 3"):
            self.assertEqual(["errors"], list(self.get("/properties", search=search, status=500)), search)
        self.get("/properties", ("sort[]", "nothing"), status=500)

    def test_case_option(self):
        self.assertEqual([], self.found("city == 'OLD PORT'"))
        self.option(case_insensitive=True)
        self.assertEqual(self.found("city == 'Old Port'"), self.found("city == 'OLD PORT'"))


if __name__ == "__main__":
    unittest.main()
