"""Checks of the RETS face: logins, queries, pages, metadata, objects, faults."""
import base64
import gzip
import hashlib
import http.client
import json
import re
import threading
import unittest
import xml.etree.ElementTree as xml
from datetime import datetime
from urllib.parse import urlencode

import mlsd
import rets_login

USER, PASSWORD = "agent", "basic-pass-value"
BASIC = {"Authorization": "Basic " + base64.b64encode(b"agent:basic-pass-value").decode()}


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


class Face(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = mlsd.Server(0, mlsd.Site(mlsd.parse_arguments(["--listings", "60", "--samples", "40"])), None)
        threading.Thread(target=cls.server.serve_forever, daemon=True).start()

    @classmethod
    def tearDownClass(cls):
        cls.server.shutdown()
        cls.server.server_close()

    def setUp(self):
        self.cookies = {}
        self.control("reset", data=True)
        self.options(scheme="basic", grammar="standard", second_login="ok")
        self.addCleanup(self.control, "reset", data=True)

    def send(self, method, path, headers=None, body=None):
        """(status, headers as pairs, body)"""
        link = http.client.HTTPConnection("127.0.0.1", self.server.server_port, timeout=20)
        cookie = {"Cookie": "; ".join("%s=%s" % item for item in self.cookies.items())} if self.cookies else {}
        link.request(method, path, body, {**cookie, **(headers or {})})
        answer = link.getresponse()
        found = answer.status, answer.getheaders(), answer.read()
        link.close()
        for name, value in found[1]:
            if name == "Set-Cookie":
                self.cookies.update([value.partition(";")[0].split("=", 1)])
        return found

    def control(self, name, **spec):
        status, _, body = self.send("POST", "/_control/" + name, body=json.dumps(spec))
        self.assertEqual(200, status, body)

    def options(self, **changed):
        self.control("option", rets=changed)

    def ask(self, name, headers=None, **arguments):
        status, heads, body = self.send("GET", "/rets/%s?%s" % (name, urlencode(arguments)), {**BASIC, **(headers or {})})
        return status, heads, body.decode()

    def login(self):
        self.assertEqual((200, "0"), self.code(self.ask("login")))

    def code(self, answer):
        return answer[0], re.search(r'ReplyCode="(\d+)"', answer[2])[1]

    def search(self, query, kind="ALL", resource="Property", **more):
        """Rows as lists of texts."""
        body = self.ask("search", SearchType=resource, Class=kind, Query=query, **{"Format": "COMPACT", **more})[2]
        return [row.text[1:-1].split("\t") for row in xml.fromstring(body).iter("DATA")]

    def keys(self, query, **more):
        return [row[0] for row in self.search(query, Select="L_ListingKey", **more)]


class Logins(Face):
    def digest(self, qop, nonce, response):
        text = 'Digest username="%s", realm="RETS Demo", nonce="%s", uri="/rets/login", response="%s"' % (USER, nonce, response)
        return self.send("GET", "/rets/login", {"Authorization": text + qop})[0]

    def challenge(self):
        status, heads, _ = self.send("GET", "/rets/login")
        self.assertEqual(401, status)
        return re.search(r'nonce="(\w+)"', dict(heads)["WWW-Authenticate"])[1]

    def test_digest(self):
        ha1, ha2 = md5("%s:RETS Demo:%s" % (USER, PASSWORD)), md5("GET:/rets/login")
        self.options(scheme="digest", qop=None)
        nonce = self.challenge()
        self.assertEqual(200, self.digest("", nonce, md5("%s:%s:%s" % (ha1, nonce, ha2))))
        self.assertEqual(401, self.digest("", nonce, md5("%s:%s:%s" % (ha1, nonce, ha1))))
        for qop, chosen in (("auth", "auth"), ("auth,auth-int", "auth-int"), ("auth, auth-int", "auth")):
            self.options(qop=qop)
            nonce = self.challenge()
            own = md5("GET:/rets/login:" + md5("")) if chosen == "auth-int" else ha2
            answer = md5("%s:%s:00000001:ab12:%s:%s" % (ha1, nonce, chosen, own))
            self.assertEqual(200, self.digest(', qop=%s, nc=00000001, cnonce="ab12"' % chosen, nonce, answer), qop)

    def test_stale_nonce(self):
        self.options(scheme="digest", qop=None, nonce_uses=1)
        nonce = self.challenge()
        answer = md5("%s:%s:%s" % (md5("%s:RETS Demo:%s" % (USER, PASSWORD)), nonce, md5("GET:/rets/login")))
        self.assertEqual([200, 401], [self.digest("", nonce, answer), self.digest("", nonce, answer)])

    def test_known_digests(self):
        """A worked example of the user agent's proof, session-bound."""
        proof = rets_login.md5(rets_login.md5("MlsSync/1.0", "letmein"), "req00042", "9F3C77", "RETS/1.7.2")
        self.assertEqual("6d8a5fd83c34817a5171a0769a59176e", proof)

    def test_user_agent(self):
        self.options(ua_password="letmein")
        agent = {"User-Agent": "MlsSync/1.0", "RETS-Version": "RETS/1.7.2"}
        self.assertEqual((200, "20041"), self.code(self.ask("login", agent)))
        self.assertEqual((200, "20037"), self.code(self.ask("login", {**agent, "RETS-UA-Authorization": "Digest " + "0" * 32})))
        right = {**agent, "RETS-UA-Authorization": "Digest b07bc761edc8d62259c860e009c28027"}
        self.assertEqual((200, "0"), self.code(self.ask("login", right)))

    def test_versions(self):
        self.options(version="1.8")
        for asked, told in (("1.5", "1.5"), ("1.7.2", "1.7.2"), ("1.8", "1.8"), ("1.9", "1.8")):
            _, heads, body = self.ask("login", {"RETS-Version": "RETS/" + asked})
            self.assertEqual("RETS/" + told, dict(heads)["RETS-Version"])
            self.assertEqual(told == "1.8", "Info=USERID;Character;agent" in body)

    def test_urls(self):
        for urls, start in (("relative", "/rets"), ("absolute", "http://127.0.0.1:%d/rets" % self.server.server_port),
                            ("http://other.example", "http://other.example/rets")):
            self.options(urls=urls)
            self.assertIn("\r\nSearch=%s/search\r\n" % start, self.ask("login")[2])

    def test_sessions(self):
        self.assertEqual((200, "20701"), self.code(self.ask("search")))
        self.options(action=True)
        self.login()
        self.assertEqual((200, "20050"), self.code(self.ask("search")))
        self.assertEqual(200, self.ask("action")[0])
        self.assertEqual(60, len(self.keys("(L_ListingKey=*)")))
        self.assertEqual((200, "0"), self.code(self.ask("logout")))
        self.assertEqual((200, "20701"), self.code(self.ask("logout")))

    def test_loss(self):
        for form, wanted in (("20701", (200, "20701")), ("20037", (200, "20037")), ("412", (412, "20701"))):
            self.login()
            self.control("fault", kind="session_loss", form=form)
            self.assertEqual(wanted, self.code(self.ask("search")))
            self.assertEqual("20701", self.code(self.ask("search"))[1])
        self.login()
        self.control("fault", kind="session_loss", form="401")
        self.assertEqual(401, self.ask("search")[0])
        self.login()
        self.control("fault", kind="session_loss", form="html")
        self.assertIn("<form>", self.ask("search")[2])

    def test_one_session(self):
        self.options(sessions=1)
        self.login()
        self.cookies.clear()
        self.assertEqual((200, "20022"), self.code(self.ask("login")))


class Searches(Face):
    def setUp(self):
        super().setUp()
        self.login()
        self.control("set", resource="Property", keys=["LK00000001", "LK00000002"],
                     fields={"ListPrice": 700001, "City": None, "Directions": 'Oak "Upper" Hill', "Appliances": ["Built-In Range", "Bar Fridge"]})

    def test_queries(self):
        both = ["LK00000001", "LK00000002"]
        for query in ("(L_ListPrice=700001)", "(L_ListPrice=700001-700001)", '(L_Directions="Oak ""Upper"" Hill")',
                      "(L_ListPrice=700001),(L_Appliances=+BuiltInRange,BarFridge)", "(L_ListPrice=1-2,700001)",
                      "(L_ListingKey=LK00000001,LK00000002)", "((L_ListingKey=LK00000001)|(L_ListingKey=LK0000000?)),(L_ListPrice=700001)",
                      "(L_ListPrice=700001) AND NOT (L_City=.ANY.)", "(L_ListPrice=700001),(L_City=.EMPTY.)",
                      "(L_ListPrice=700001),~(L_Appliances=|WineCooler)"):
            self.assertEqual(both, self.keys(query), query)
        self.assertEqual(both[:1], self.keys("(L_ListingKey=LK00000001)|(L_ListingKey=LK00000002),(L_ListPrice=5)"))
        self.assertEqual(60, len(self.keys("(L_ModificationTimestamp=1900-01-01T00:00:00+)")))
        self.assertEqual([], self.keys("(L_ModificationTimestamp=1900-01-01T00:00:00-)"))

    def test_grammar(self):
        self.options(grammar="nar", refused_forms="")
        both = ["LK00000001", "LK00000002"]
        for query in ("(L_ListingKey=LK00000001,LK00000002)", "((L_ListingKey=LK00000001)|(L_ListingKey=LK00000002))", "(L_ListPrice=700001)",
                      "(L_ListPrice=1-2,700001-700001)", '(L_Directions="Oak ""Upper"" Hill")', "(L_Directions=Oak*),(L_ListPrice=700001)",
                      "(L_ListPrice=700001),(L_Appliances=+BuiltInRange,BarFridge)", "(L_ListPrice=700001),(L_ModificationTimestamp=1900-01-01T00:00:00Z+)",
                      "(L_ListPrice=700001),(L_ModificationTimestamp=1900-01-01T00:00:00.5Z-2100-01-01T00:00:00)"):
            self.assertEqual(both, self.keys(query), query)
        for query in ('(L_ListingKey="LK-1","LK-2")', '(L_ListingKey=LK1,"LK-2")', "(L_ListPrice=1,2)", "(L_ListPrice=-5+)", "(L_Directions=Oak?U*)",
                      "(L_ModificationTimestamp=1900-01-01T00:00:00.000Z+)", "(L_ModificationTimestamp=1900-01-01T00:00:00.25Z+)",
                      '(L_Appliances=|"BarFridge")', "(L_Appliances=|NoSuchThing)", "(L_Appliances=BarFridge,BuiltInRange)"):
            answer = self.ask("search", SearchType="Property", Class="ALL", Query=query, Format="COMPACT")
            self.assertEqual((200, "20206"), self.code(answer), query)
        for form, query in (("or", "((L_ListingKey=LK1)|(L_ListingKey=LK2))"), ("list", "(L_ListingKey=LK1,LK2)"), ("list", "(L_ListPrice=1-2,3-4)"),
                            ("quoted", '(L_ListingKey="LK-1")'), ("match", "(L_City=A*)")):
            self.options(refused_forms=form)
            answer = self.ask("search", SearchType="Property", Class="ALL", Query=query, Format="COMPACT")
            self.assertEqual((200, "20206"), self.code(answer), query)

    def test_second_login(self):
        self.options(second_login="20022")
        self.ask("login")
        self.assertEqual((200, "20022"), self.code(self.ask("login")))
        self.cookies = {}
        self.assertEqual((200, "0"), self.code(self.ask("login")))

    def test_refusals(self):
        for query, code in (("(L_Nope=1)", "20200"), ("(L_ListPrice=abc)", "20206"), ("L_ListPrice=1", "20206"), ("(L_ListPrice=1", "20206"),
                            ("(L_Directions=|A)", "20206"), ("(L_City=|St. John's)", "20206"), ("", "20203")):
            answer = self.ask("search", SearchType="Property", Class="ALL", Query=query, Format="COMPACT")
            self.assertEqual((200, code), self.code(answer), query)
        answer = self.ask("search", SearchType="Property", Class="ALL", Query="(L_ListingKey=*)", Select="L_Nope", Format="COMPACT")
        self.assertEqual((200, "20202"), self.code(answer))

    def test_classes(self):
        parts = [self.keys("(L_ListingKey=*)", kind=kind) for kind in ("RES", "LND", "COM")]
        self.assertEqual(self.keys("(L_ListingKey=*)"), sorted(sum(parts, [])))

    def test_pages(self):
        self.options(max_rows=25, key_index=False)
        found = []
        for offset in (1, 26, 51):
            body = self.ask("search", SearchType="Property", Class="ALL", Query="(L_ListingKey=*)", Select="L_ListingKey",
                            Offset=offset, Count=1, Format="COMPACT")[2]
            self.assertEqual(offset < 51, "<MAXROWS/>" in body)
            self.assertIn('<COUNT Records="60"/>', body)
            found += [row.text.strip("\t") for row in xml.fromstring(body).iter("DATA")]
        self.assertEqual(found, sorted(set(found)))
        self.assertEqual(60, len(found))
        self.options(offset="refused")
        self.assertEqual("20203", self.code(self.ask("search", SearchType="Property", Class="ALL", Query="(L_ListingKey=*)",
                                                     Offset=1, Format="COMPACT"))[1])
        self.options(offset="ignored")
        self.assertEqual(found[:25], self.keys("(L_ListingKey=*)", Offset=26))

    def test_no_rows(self):
        for form, first, trailing in (("code", "20201", False), ("status", "0", True), ("empty", "0", False)):
            self.options(no_rows=form)
            answer = self.ask("search", SearchType="Property", Class="ALL", Query="(L_ListPrice=-5)", Format="COMPACT")
            self.assertEqual((200, first), self.code(answer))
            self.assertEqual(trailing, "<RETS-STATUS" in answer[2])

    def test_decoded(self):
        query = "(L_ListingKey=LK00000001)"
        self.assertEqual([["BuiltInRange,BarFridge"]], self.search(query, Select="L_Appliances"))
        self.assertEqual([["Built-In Range,Bar Fridge"]], self.search(query, Select="L_Appliances", Format="COMPACT-DECODED"))
        self.assertEqual([["700001"]], self.search("(ListingKey=LK00000001)", kind="ResidentialProperty", Select="ListPrice", StandardNames=1)
                         or self.search("(ListingKey=LK00000001)", kind="CommercialProperty", Select="ListPrice", StandardNames=1)
                         or self.search("(ListingKey=LK00000001)", kind="LotsAndLand", Select="ListPrice", StandardNames=1))

    def test_all_fields_are_well_formed(self):
        for form in ("COMPACT", "COMPACT-DECODED"):
            rows = self.search("(L_ListingKey=*)", Format=form)
            self.assertEqual({len(rows[0])}, {len(row) for row in rows})
        body = self.ask("search", SearchType="Property", Class="ALL", Query="(L_ListingKey=*)", Format="STANDARD-XML")[2]
        self.assertEqual(60, len(list(xml.fromstring(body).iter("ListingKey"))))

    def test_faults(self):
        self.control("fault", kind="bare_ampersand")
        with self.assertRaises(xml.ParseError):
            self.keys("(L_ListingKey=*)")
        self.control("fault", kind="rets_status", code=20210)
        answer = self.ask("search", SearchType="Property", Class="ALL", Query="(L_ListingKey=*)", Format="COMPACT")
        self.assertIn('<RETS-STATUS ReplyCode="20210"', answer[2])
        self.control("fault", kind="rets_reply", code=20413, resource="Property")
        self.assertEqual("20413", self.code(self.ask("search", SearchType="Property"))[1])
        self.control("fault", kind="restricted", field="ListPrice")
        self.assertEqual([["***"]], self.search("(L_ListingKey=LK00000001)", Select="L_ListPrice", RestrictedIndicator="***"))

    def test_row_faults(self):
        """Each bends one row and no other."""
        whole = self.search("(L_ListingKey=*)", Select="L_ListingKey,L_ListPrice,L_City")
        self.control("fault", kind="short_row", record=3, by=2)
        bent = self.search("(L_ListingKey=*)", Select="L_ListingKey,L_ListPrice,L_City")
        self.assertEqual([3], [n for n, row in enumerate(bent) if len(row) != len(whole[n])])
        self.control("fault", kind="raw_delimiter", record=4)
        bent = self.search("(L_ListingKey=*)", Select="L_ListingKey,L_Directions")
        self.assertEqual([4], [n for n, row in enumerate(bent) if len(row) != 2])
        self.control("fault", kind="control_char", record=5)
        body = self.ask("search", SearchType="Property", Class="ALL", Query="(L_ListingKey=*)", Select="L_Directions", Format="COMPACT")[2]
        self.assertEqual((1, 1), (body.count("\x07"), body.count("\x1f")))

    def test_bytes(self):
        self.control("set", resource="Property", keys=["LK00000001"], fields={"Directions": "caf\xe9 \u2019"})
        query = {"SearchType": "Property", "Class": "ALL", "Query": "(L_ListingKey=LK00000001)", "Select": "L_Directions", "Format": "COMPACT"}
        self.control("fault", kind="wrong_charset")
        status, heads, body = self.send("GET", "/rets/search?" + urlencode(query), BASIC)
        self.assertIn(b"caf\xe9 \x92", body)
        self.assertEqual("text/xml;charset=US-ASCII", dict(heads)["Content-Type"])
        query["Query"], query["Select"] = "(L_ListingKey=*)", ""
        packed = self.send("GET", "/rets/search?" + urlencode(query), {**BASIC, "Accept-Encoding": "gzip"})
        self.assertEqual(b"\x1f\x8b", packed[2][:2])
        self.assertIn("caf\xe9 \u2019", gzip.decompress(packed[2]).decode())

    def test_delimiters(self):
        self.options(delimiter="7C")
        body = self.ask("search", SearchType="Property", Class="ALL", Query="(L_ListingKey=LK00000001)",
                        Select="L_ListingKey,L_ListPrice", Format="COMPACT")[2]
        self.assertIn('<DELIMITER value="7C"/>', body)
        self.assertIn("<DATA>|LK00000001|700001", body)

    def test_stamps_without_offset(self):
        query, select = "(L_ListingKey=LK00000001)", "L_ModificationTimestamp"
        with_offset = self.search(query, Select=select)[0][0]
        self.options(naive_stamps=True, zone="-05:00")
        naive = self.search(query, Select=select)[0][0]
        self.assertNotRegex(naive, "Z|[+-]\\d\\d:")
        gap = datetime.fromisoformat(with_offset[:19]) - datetime.fromisoformat(naive[:19])
        self.assertEqual(5 * 3600, gap.total_seconds())

    def test_offset_unstable_and_full_pages(self):
        self.options(offset="unstable", max_rows=20, key_index=False)
        first, second = self.keys("(L_ListingKey=*)", Offset=1), self.keys("(L_ListingKey=*)", Offset=21)
        self.assertTrue(set(first) & set(second))
        self.options(offset="ok", exact_maxrows=True)
        body = self.ask("search", SearchType="Property", Class="ALL", Query="(L_ListingKey=*)", Offset=41, Format="COMPACT")[2]
        self.assertEqual((20, 1), (body.count("<DATA>"), body.count("<MAXROWS/>")))

    def test_limit_ignored(self):
        self.options(limit="ignored", max_rows=20, key_index=False, gzip=False)
        self.assertEqual(20, len(self.keys("(L_ListingKey=*)", Limit=5)))
        heads = self.ask("search", {"Accept-Encoding": "gzip"}, SearchType="Property", Class="ALL", Query="(L_ListingKey=*)")[1]
        self.assertEqual("identity", dict(heads)["Content-Encoding"])

    def test_moving(self):
        before = self.search("(L_ListingKey=LK00000000)", Select="L_ModificationTimestamp")
        self.control("fault", kind="moving", record=0)
        self.keys("(L_ListingKey=*)")
        self.assertLess(before, self.search("(L_ListingKey=LK00000000)", Select="L_ModificationTimestamp"))


class Ddf(Face):
    """CREA's dialect."""

    def setUp(self):
        super().setUp()
        self.options(dialect="ddf")
        self.login()

    def ddf(self, query, **more):
        return self.ask("search", Query=query, **{"SearchType": "Property", "Class": "Property", "Format": "STANDARD-XML", **more})

    def found(self, name, query, **more):
        return [each.get("ID") for each in xml.fromstring(self.ddf(query, **more)[2]).iter("{urn:CREA.Search.Property}" + name)]

    def test_master_list(self):
        keys = self.found("Property", "(ID=*)")
        self.assertEqual((60, 60), (len(keys), len(set(keys))))
        self.assertEqual(keys, self.found("Property", "(ID=0+)"))
        self.assertEqual(keys, self.found("Property", "(ID=*)", Culture="fr-CA"))
        self.assertEqual("20203", self.code(self.ddf("(ID=*)", Culture="xx"))[1])

    def test_details(self):
        self.control("set", resource="Property", keys=["LK00000001"], fields={"City": "St. John's & Co", "PostalCode": None})
        self.assertIn("<AgentDetails ID=", self.ddf("(LastUpdated=2000-01-01T00:00:00Z)", SearchType="Agent", Class="Agent")[2])
        self.assertIn("<Office ID=", self.ddf("(ID=*)", SearchType="Office", Class="Office")[2])
        body = self.ddf("(ID=LK00000001,LK00000002,LK99999999)")[2]
        root = xml.fromstring(body)
        ns = "{urn:CREA.Search.Property}"
        records = list(root.iter(ns + "PropertyDetails"))
        self.assertEqual(["LK00000001", "LK00000002"], [each.get("ID") for each in records])
        self.assertEqual("St. John's & Co", records[0].find("%sAddress/%sCity" % (ns, ns)).text)
        self.assertIsNone(records[0].find("%sAddress/%sPostalCode" % (ns, ns)))
        self.assertRegex(records[0].get("LastUpdated"), r"^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$")
        self.assertEqual("20201", self.code(self.ddf("(ID=LK99999999)"))[1])

    def test_changes(self):
        since = "(LastUpdated=1990-01-01T00:00:00Z)"
        pages = [self.found("PropertyDetails", since, Limit=25, Offset=offset) for offset in (1, 26, 51)]
        self.assertEqual([25, 25, 10], list(map(len, pages)))
        self.assertEqual(60, len(set(sum(pages, []))))
        self.assertIn('<COUNT Records="60" />', self.ddf(since)[2])
        self.assertNotIn("<COUNT", self.ddf(since, Count=0)[2])
        self.assertEqual("20208", self.code(self.ddf(since, Limit=101))[1])
        self.assertEqual("20201", self.code(self.ddf("(LastUpdated=2090-01-01T00:00:00Z)"))[1])

    def test_refusals(self):
        for query in ("(City=Acton)", "(ID=*),(LastUpdated=2024-01-01T00:00:00Z)", "(LastUpdated=2024-01-01)", "", "(LastUpdated=2024-01-01T00:00:00.5Z)"):
            self.assertEqual("20206", self.code(self.ddf(query))[1], query)
        self.assertEqual("20203", self.code(self.ddf("(ID=*)", Format="COMPACT"))[1])


class Documents(Face):
    def setUp(self):
        super().setUp()
        self.login()

    def metadata(self, kind, path, form="COMPACT"):
        return self.ask("getmetadata", Type="METADATA-" + kind, ID=path, Format=form)

    def test_types(self):
        for kind, path in (("SYSTEM", "0"), ("RESOURCE", "0"), ("FOREIGN_KEYS", "0"), ("CLASS", "Property"), ("CLASS", "0"),
                           ("TABLE", "Property:RES"), ("TABLE", "Property:*"), ("OBJECT", "Property"), ("LOOKUP", "Property"),
                           ("LOOKUP_TYPE", "Property:Appliances"), ("LOOKUP_TYPE", "Property:*"), ("SYSTEM", "*")):
            for form in ("COMPACT", "STANDARD-XML"):
                answer = self.metadata(kind, path, form)
                self.assertEqual((200, "0"), self.code(answer), (kind, path))
                self.assertTrue(list(xml.fromstring(answer[2]).iter("METADATA-" + kind)), (kind, path, form))
        for kind, path, code in (("TABLE", "Nope:RES", "20503"), ("TABLE", "Property:NOPE", "20503"), ("NOPE", "0", "20501"),
                                 ("UPDATE", "Property:RES", "20503")):
            self.assertEqual(code, self.code(self.metadata(kind, path))[1])

    def test_columns_agree(self):
        rows = xml.fromstring(self.metadata("TABLE", "Property:RES")[2]).iter("DATA")
        told = {row.text.split("\t")[2] for row in rows}
        body = self.ask("search", SearchType="Property", Class="RES", Query="(L_ListingKey=*)", Format="COMPACT", Limit=1)[2]
        self.assertEqual(told, set(next(xml.fromstring(body).iter("COLUMNS")).text.strip("\t").split("\t")))

    def objects(self, ids, **more):
        query = urlencode({"Resource": "Property", "Type": "Photo", "ID": ids, **more})
        status, heads, body = self.send("GET", "/rets/getobject?" + query, BASIC)
        return status, dict(heads), body

    def test_objects(self):
        _, heads, body = self.objects("LK00000001:1")
        self.assertEqual(("image/jpeg", "LK00000001"), (heads["Content-Type"], heads["Content-ID"]))
        self.assertEqual(b"\xff\xd8", body[:2])
        _, heads, parts = self.objects("LK00000001:*,LK00000000:*")
        self.assertEqual('multipart/parallel; boundary="rets boundary"', heads["Content-Type"])
        self.assertIn(body, parts)
        self.assertIn(b'ReplyCode="20403"', parts)
        self.assertTrue(self.objects("LK00000001:1", Location=1)[1]["Location"].endswith("/photos/LK00000001/Photo/1.jpg"))
        self.options(close_boundary=False, bare_lf=True)
        self.assertNotIn(b"rets boundary--", self.objects("LK00000001:*")[2])


if __name__ == "__main__":
    unittest.main()
