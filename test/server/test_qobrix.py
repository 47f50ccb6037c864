"""Checks of the Qobrix face: logins, lists, searches, embedded records, media, changes, faults."""
import http.client
import json
import threading
import unittest
from urllib.parse import quote, urlencode

import mlsd
from qobrix_model import RESOURCES, STAFF, read_schema

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
                       "modified >= 'never'", "modified >= '2025-13-01'", "status == 'a''b'", "bedrooms like 3"):
            self.assertEqual(["errors"], list(self.get("/properties", search=search, status=500)), search)
        self.get("/properties", ("sort[]", "nothing"), status=500)

    def test_long_expressions(self):
        ids = sorted(self.records())
        self.assertEqual(ids, self.found(" or ".join("id == '%s'" % key for key in ids)))
        self.assertEqual(ids[3:9], self.found("id in [%s]" % ",".join("'%s'" % key for key in ids[3:9])))
        self.assertEqual(len(ids) - 6, len(self.found("id not in [%s]" % ",".join("'%s'" % key for key in ids[3:9]))))
        self.get("/properties", search="(" * 900 + "id == '1'" + ")" * 900, status=500)
        self.assertEqual(ids[10:], self.found("id > '%s'" % ids[9]))

    def test_times_and_functions(self):
        self.control("clock", now="2024-08-15T12:00:00Z")
        self.check("created < NOW", lambda p: p["created"] is not None and p["created"] < "2024-08-15T12:00:00")
        self.check("created >= THIS_MONTH and created < NEXT_MONTH", lambda p: (p["created"] or "")[:7] == "2024-08")
        self.check("created >= DAYS_AGO(30)", lambda p: (p["created"] or "") >= "2024-07-16T12:00:00")
        near = self.found("DISTANCE_FROM(coordinates, '34.70710,33.02260') <= 5000 and geocode_type == 'exact'")
        self.assertIn(self.found("legacy_id == 'case:base'")[0], near)
        self.assertLess(len(near), len(self.found("geocode_type == 'exact'")))
        self.assertLessEqual(set(near), set(self.found("IN_POLYGON(coordinates, '34 32, 36 32, 36 34, 34 34')")))
        self.check("(bedrooms > 5 ? 'many' : 'few') == 'many'", lambda p: p["bedrooms"] is not None and p["bedrooms"] > 5)
        self.check("city ~ '!' == 'Old Port!'", lambda p: p["city"] == "Old Port")

    def test_case_option(self):
        self.assertEqual([], self.found("city == 'OLD PORT'"))
        self.option(case_insensitive=True)
        self.assertEqual(self.found("city == 'Old Port'"), self.found("city == 'OLD PORT'"))


class Embedded(Face):
    def case(self, label, **more):
        """The property of a case, by its label."""
        found = self.get("/properties", search="legacy_id == 'case:%s'" % label, **more)["data"]
        self.assertEqual(1, len(found), label)
        return found[0]

    def test_kept_pieces_say_the_same_as_documents(self):
        """The quick way of writing records, and the way an option switches to."""
        quick = self.get("/properties", ("sort[]", "id"), limit=100)["data"]
        self.option(numbers_as_text=True)
        self.assertNotEqual(quick, self.get("/properties", ("sort[]", "id"), limit=100)["data"])
        self.option(numbers_as_text=False)
        slow = self.get("/properties", ("sort[]", "id"), ("include[]", "Favorites"), limit=100)["data"]
        for item in slow:
            self.assertEqual([], item.pop("Favorites"))
        self.assertEqual(quick, slow)
        self.assertEqual([list(item) for item in quick], [list(item) for item in slow])

    def test_links(self):
        both = self.case("agent and salesperson")
        self.assertEqual((both["agent"], both["salesperson"]), (both["agent_agent"]["id"], both["salesperson_user"]["id"]))
        self.assertIn("first_name", both["salesperson_user"]["extra"])
        self.assertIsNone(self.case("agent is gone")["agent_agent"])
        self.assertIsNone(both["group"])
        item = self.get("/property-viewings", ("include[]", "PropertyViewingViewing"), limit=1)["data"][0]
        self.assertEqual(item["viewing_id"], item["PropertyViewingViewing"]["id"])
        person = self.get("/agents", search="PrimaryContactContacts.email != null", limit=1)["data"][0]
        self.assertIsNotNone(person["primary_contact_contact"]["email"])
        self.assertTrue(all(not isinstance(value, list) for value in both["agent_agent"].values()))

    def test_forms_of_times(self):
        naive = self.case("base")["modified"]
        for style, ending in (("z", "Z"), ("offset", "+00:00")):
            self.option(stamps=style)
            self.assertEqual(naive + ending, self.case("base")["modified"])
        self.option(stamps="local")
        self.assertRegex(self.case("base")["modified"], r"\+02:00$")
        self.assertEqual("2025-01-31 12:00:00", (self.option(stamps="blank"), self.case("tie one"))[1]["modified"])

    def test_media_calls(self):
        item = self.case("project media inherited")
        calls = {name: self.get("/media/by-category/%s/Properties/%s" % (name, item["id"]))["data"]
                 for name in ("photos", "documents", "floorplans")}
        self.assertIn("Projects", {medium["related_model"] for found in calls.values() for medium in found})
        other = self.case("project media not inherited")
        self.assertNotIn("Projects", {medium["related_model"] for medium in
                                      self.get("/media/by-category/photos/properties/" + other["id"])["data"]})
        self.get("/media/by-category/nothing/Properties/" + item["id"], status=404)
        self.get("/media/by-category/photos/Properties/" + STAFF, status=404)
        with_media = next(one for one in self.get("/properties", limit=100)["data"] if len(one["media"]) > 2)
        owned = self.get("/media/", related_model="Properties", related_id=with_media["id"])
        self.assertEqual(["data"], list(owned))
        self.assertEqual(with_media["media"], owned["data"])
        one = owned["data"][0]
        self.assertEqual(one, self.get("/media/" + one["id"]))
        twice = [medium["id"] for name in calls for medium in
                 self.get("/media/by-category/%s/Properties/%s" % (name, with_media["id"]))["data"]]
        self.assertLess(len(set(twice)), len(twice))
        self.option(media_shape="grouped")
        grouped = self.get("/properties/" + with_media["id"])["data"]["media"]
        self.assertEqual(len(owned["data"]), sum(map(len, grouped.values())))

    def test_translations(self):
        key = self.case("emoji")["id"]
        found = self.get("/properties/%s/translations/ru_RU" % key, fallback="false")["data"]
        self.assertEqual({"name", "description", "short_description"}, set(found))
        self.get("/properties/%s/translations/ru_RU" % STAFF, status=404)
        item = self.get("/properties/" + key, ("include[]", "Translations"))["data"]
        self.assertEqual(found, item["translations"]["ru_RU"])

    def test_documents(self):
        self.assertIn("poa", self.get("/lists/Properties.price_qualifier")["data"])
        self.get("/lists/Nothing", status=404)
        schema = self.get("/schema/Properties")
        self.assertEqual({"schema", "type", "required", "properties"}, set(schema))
        self.assertTrue(schema["properties"]["price_field_amount"]["virtual"])
        self.assertEqual("currency", schema["properties"]["list_selling_price_amount"]["unit"])
        self.assertIn("sea", self.get("/property-features/fields")["data"]["view"])
        self.assertTrue(self.get("/properties/associations")["data"])
        self.assertEqual({"id", "coordinates"}, set(self.get("/properties/coordinates")["data"][0]))


class Cases(Face):
    def test_all_values_are_there(self):
        for path in ("properties", "contacts", "agents", "projects", "property-viewings", "meetings"):
            records = self.records(path)
            for field in read_schema()[path]:
                if field.kind == "enum":
                    self.assertLessEqual(set(field.argument.split("|")), {item[field.name] for item in records.values()}, field.name)
                if field.nullable and field.kind == "bool":
                    self.assertLessEqual({True, False, None}, {item[field.name] for item in records.values()}, field.name)

    def test_labels_are_unique(self):
        labels = [item["legacy_id"] for item in self.records().values() if (item["legacy_id"] or "").startswith("case:")]
        self.assertEqual(len(labels), len(set(labels)))
        self.assertGreater(len(labels), 150)


class Changing(Face):
    KEYED = {"resource": "qobrix/properties"}

    def listed(self, **more):
        return self.found("id != null", **more)

    def test_insert_update_and_log(self):
        mark = max(item["modified"] or "" for item in self.records().values() if (item["modified"] or "") < "2030")
        made = self.control("insert", count=2, fields={"name": "New one"}, **self.KEYED)["keys"]
        self.control("update", key=made[0], fields={"list_selling_price_amount": 5.5}, **self.KEYED)
        self.assertLessEqual(set(made), set(self.found("modified > '%s'" % mark)))
        self.assertEqual(5.5, self.get("/properties/" + made[0])["data"]["list_selling_price_amount"])
        log = self.get("/properties/changes", ("sort[]", "timestamp"))["data"]
        self.assertEqual(["create", "create", "update"], [row["type"] for row in log])
        self.assertEqual({"list_selling_price_amount": 5.5}, log[2]["changed"])
        self.assertEqual(2, self.get("/properties/%s/changes" % made[0])["pagination"]["count"])
        self.assertEqual(0, self.get("/contacts/changes")["pagination"]["count"])
        self.assertEqual("EUR", self.get("/tenant")["configuration"]["units"]["currency"])

    def test_bin_purge_and_restore(self):
        one, two = self.listed()[:2]
        self.control("delete", key=one, trash=True, **self.KEYED)
        self.control("delete", key=two, **self.KEYED)
        self.assertFalse({one, two} & set(self.listed()))
        self.assertFalse({one, two} & set(self.records()))
        gone = self.found("trashed >= '2025-05-01'", trashed="true")
        self.assertEqual([one], gone)
        self.get("/properties/" + one, status=404)
        self.assertIsNotNone(self.get("/properties/" + one, trashed="1")["data"]["trashed"])
        self.option(trashed="both")
        self.assertLess(len(self.records()), len(self.listed(trashed="true")))
        self.control("restore", keys=[one, two], **self.KEYED)
        self.assertLessEqual({one, two}, set(self.listed()))
        self.assertIsNone(self.records()[one]["trashed"])

    def test_times_given_are_kept_without_zone(self):
        key = self.listed()[0]
        self.control("tie", key=key, timestamp="2025-03-01T12:00:00.75+02:00", **self.KEYED)
        self.assertEqual("2025-03-01T10:00:00", self.records()[key]["modified"])
        status, _ = self.send("POST", "/_control/set", body=json.dumps({**self.KEYED, "key": key, "fields": {"modified": "soon"}}))
        self.assertEqual(400, status)

    def test_media_changes_tell_the_owner(self):
        medium = next(item for item in self.records("media").values() if item["related_model"] == "Properties")
        owner, before = medium["related_id"], self.records()[medium["related_id"]]
        self.control("delete", resource="qobrix/media", key=medium["id"])
        after = self.records()[owner]
        self.assertEqual((before["modified"], True), (after["modified"], before["last_media_update"] != after["last_media_update"]))
        self.assertNotIn(medium["id"], [item["id"] for item in self.get("/properties/" + owner)["data"]["media"]])

    def test_schema_drift(self):
        self.control("option", schema={"add": [{"resource": "qobrix/properties", "field": "custom_new", "type": "bool"}],
                                       "drop": [{"resource": "qobrix/properties", "field": "investment_type"}]})
        fields = self.get("/schema/properties")["properties"]
        one = self.get("/properties", limit=1)["data"][0]
        for found in (fields, one):
            self.assertIn("custom_new", found)
            self.assertNotIn("investment_type", found)
        self.assertNotEqual([], self.found("custom_new == true"))


class Misbehaving(Face):
    def page(self, number=1, **more):
        return self.get("/properties", ("sort[]", "id"), ("fields[]", "id"), page=number, limit=50, **more)

    def test_pages(self):
        keys = [[item["id"] for item in self.page(number)["data"]] for number in (1, 2)]
        for kind, number, wanted, more in (("repeat_page", 2, keys[0], True), ("loop", 2, keys[0], True), ("empty_page", 2, [], True),
                                           ("drop_link", 1, keys[0], False)):
            self.control("fault", kind=kind)
            answer = self.page(number)
            self.assertEqual((wanted, more), ([item["id"] for item in answer["data"]], answer["pagination"]["has_next_page"]), kind)
        self.assertEqual(keys[1], [item["id"] for item in self.page(2)["data"]])

    def test_envelopes(self):
        count = self.page()["pagination"]["count"]
        for kind in ("wrong_count", "no_count", "null_data", "no_pagination"):
            self.control("fault", kind=kind)
            answer = self.page()
            self.assertTrue({"wrong_count": lambda: answer["pagination"]["count"] == count + 1, "no_count": lambda: "count" not in answer["pagination"],
                             "null_data": lambda: answer["data"] is None, "no_pagination": lambda: list(answer) == ["data"]}[kind](), kind)

    def test_moving_and_shifting(self):
        first = self.page()["data"][0]["id"]
        before = self.records()[first]["modified"]
        self.control("fault", kind="moving")
        self.page()
        self.assertNotEqual(before, self.records()[first]["modified"])
        self.option(unsorted="shift")
        keys = [item["id"] for number in range(1, 6) for item in self.get("/properties", page=number, limit=50)["data"]]
        self.assertLess(len(set(keys)), len(keys))

    def test_statuses(self):
        self.control("fault", kind="status", status=429, headers={"Retry-After": "7"}, resource="properties")
        status, body = self.send("GET", "/api/v2/properties", KEYS)
        self.assertEqual((429, ["errors"]), (status, list(json.loads(body))))
        self.control("fault", kind="refuse_filter")
        self.get("/properties", search="status == 'sold'", status=500)
        self.control("clear")
        self.control("fault", kind="refuse_field", field="modified")
        self.get("/properties", search="modified > '2025-01-01'", status=500)
        self.get("/properties", ("sort[]", "modified"), status=500)
        self.control("clear")
        self.control("fault", kind="wrong_content_type")
        self.page()
        self.control("fault", kind="bad_value", field="bedrooms", value="many", record=1)
        self.assertEqual("many", self.get("/properties")["data"][1]["bedrooms"])
        log = json.loads(self.send("GET", "/_control/requests")[1])
        self.assertEqual((["bad_value"], "api-key"), (log[-1]["faults"], log[-1]["auth"]))


if __name__ == "__main__":
    unittest.main()
