"""The RETS face: routes transactions and speaks for the whole answer (headers,
gzip is the connection's, reply codes that tests order). Logins, metadata,
searches and objects are read and answered in files of their own."""
import re

import rets_metadata
import rets_objects
from faults import RETS_KINDS
from reso import CACHE_BYTES, PageCache
from rets_login import Sessions
from rets_options import RetsOptions
from rets_schema import Schema
from rets_search import Search
from rets_wire import reply, status_line
from web import Response

ROOT = "/rets"
TRANSACTIONS = ("login", "logout", "action", "getmetadata", "search", "getobject")
VOLATILE = ("moving", "wrong_count", "no_count", "drop_link", "refuse_field") + RETS_KINDS


class Rets:
    """Answers requests below ROOT from a store."""

    def __init__(self, store):
        self.store, self.options = store, RetsOptions()
        self.schema = Schema(store)
        self.search = Search(store, self.schema, self.options)
        self.sessions = Sessions(self.options, ROOT)
        self.cache = PageCache(CACHE_BYTES)

    def reset(self):
        """Back to the options of a new server; nobody is logged in."""
        vars(self.options).update(vars(RetsOptions()))
        self.sessions.forget()
        self.schema.forget()
        self.search.forget()
        self.cache.clear()

    def answer(self, request, faults):
        name = request.path[len(ROOT) + 1:].lower()
        if name.startswith("photos/") and request.path.count("/") == 5:
            return self.sessions.check(request) or rets_objects.of_address(self.schema, self.options, request)
        if name not in TRANSACTIONS:
            return Response(404, "Nothing is served here.", "text/plain")
        if request.method not in ("GET", "POST"):
            return Response(405, "GET and POST are allowed.", "text/plain")
        response = self.finished(request, self.transaction(request, name, faults), faults)
        return response

    def transaction(self, request, name, faults):
        arguments = {key.lower(): value for key, value in request.query}
        if "stale_nonce" in faults:
            return self.sessions.challenge(request, stale=True)
        if name == "login":
            return self.ordered(faults) or self.sessions.login(request)
        if "session_loss" in faults:
            self.sessions.lose(request)
            refused = self.sessions.credentials(request)
            return refused or self.sessions.lost_answer(request, faults["session_loss"].get("form"))
        refused = self.sessions.check(request, name in ("action", "logout"))
        if refused or "rets_reply" in faults:
            return refused or self.ordered(faults)
        if name in ("logout", "action"):
            return getattr(self.sessions, name)(request)
        with self.store.lock:
            if name == "search":
                return self.searched(arguments, faults)
            if name == "getmetadata":
                return rets_metadata.answer(self.schema, self.options, arguments)
            return rets_objects.answer(self.schema, self.options, request, arguments)

    def ordered(self, faults):
        """The reply code a test wants instead of an answer."""
        spec = faults.get("rets_reply")
        if not spec:
            return None
        code, text, status = int(spec.get("code", 20513)), spec.get("text", "The test asked for this."), spec.get("status", 200)
        if spec.get("raw"):
            return Response(status, '<RETS ReplyCode="%d" ReplyText="%s"/>\r\n' % (code, text), "text/xml")
        return reply(code, text, status)

    def searched(self, arguments, faults):
        key = (tuple(sorted(arguments.items())), self.store.version)
        plain = not any(kind in faults for kind in VOLATILE) and self.options.offset != "unstable"
        response = self.cache.get(key) if plain and not re.search("NOW|TODAY", arguments.get("query", "")) else None
        if response is None:
            response = self.search.answer(arguments, faults)
            if plain:
                self.cache.put(key, response)
        return response

    def finished(self, request, response, faults):
        """A copy of the answer with the headers of every answer, and with the
        misbehaviour that concerns its bytes."""
        headers = {"Cache-Control": "private", "RETS-Version": "RETS/" + self.sessions.version(request),
                   "RETS-Server": "TestMLS/1.0", "MIME-Version": "1.0", **response.headers}
        if "RETS-Request-ID" in request.headers:
            headers["RETS-Request-ID"] = request.headers["RETS-Request-ID"]
        body, content_type = response.body, response.content_type
        if "rets_status" in faults:
            spec = faults["rets_status"]
            line = status_line(int(spec.get("code", 20513)), spec.get("text", "The test asked for this.")).encode()
            body = body.replace(b"</RETS>", line + b"</RETS>")
        if "no_declaration" in faults:
            body = re.sub(rb"^<\?xml[^>]*>\s*", b"", body)
        if "wrong_charset" in faults:
            spec = faults["wrong_charset"]
            content_type = "text/xml;charset=" + spec.get("told", "US-ASCII")
            body = body.decode().encode(spec.get("sent", "cp1252"), "xmlcharrefreplace")
        if "trailing" in faults:
            body += faults["trailing"].get("text", "\r\n\r\n<!-- served in 3 ms -->\r\n<p>proxy & co</p>").encode()
        if "no_end_tag" in faults:
            body = body.replace(b"</RETS>", b"")
        if "empty_body" in faults:
            body = b""
        made = Response(response.status, body, content_type, headers)
        if body is response.body:
            made.packed = getattr(response, "packed", None)
        if not self.options.gzip:
            headers["Content-Encoding"] = "identity"
        return made
