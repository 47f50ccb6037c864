"""Sessions of the RETS face: credentials, nonces, cookies, versions, login and
logout. It answers whether a request may go on; what it asks for is elsewhere."""
import hashlib
import re
import threading

from auth import BASIC, decode_basic
from rets_wire import envelope, reply

VERSIONS = ("1.5", "1.7", "1.7.2", "1.8")
COOKIE = re.compile(r'([^=;\s]+)=("[^"]*"|[^;]*)')
DIRECTIVE = re.compile(r'(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))')
CAPABILITIES = ("Action", "Login", "Logout", "Search", "GetMetadata", "GetObject")
HTML = "<!DOCTYPE html><html><head><title>Sign in</title></head><body><form>Please sign in.</form></body></html>"


def md5(*parts):
    return hashlib.md5(":".join(parts).encode()).hexdigest()


class Session:
    def __init__(self):
        self.open, self.uses, self.read_action = False, 0, False


class Sessions:
    """Who is logged in, and which nonces are good."""

    def __init__(self, options, root):
        self.options, self.root = options, root
        self.lock = threading.Lock()
        self.count = 0
        self.forget()

    def forget(self):
        with self.lock:
            self.sessions, self.nonces, self.transactions = {}, {}, 0

    def cookies(self, request):
        return {name: value.strip().strip('"') for name, value in COOKIE.findall(request.headers.get("Cookie", ""))}

    def fresh(self, kind, table, value):
        """A new name in one of the tables; names never repeat."""
        with self.lock:
            self.count += 1
            name = hashlib.sha256(b"%s%d" % (kind, self.count)).hexdigest()[:16]
            table[name] = value
            return name

    # -- credentials

    def challenge(self, request, stale=False):
        """A 401 with what the server accepts and, if so set, the cookie."""
        nonce = self.fresh(b"nonce", self.nonces, 0)
        offered = []
        if self.options.scheme in ("digest", "both"):
            qop = ', qop="%s"' % self.options.qop if self.options.qop else ""
            note = ", stale=true" if stale and self.options.tell_stale else ""
            offered.append('Digest realm="%s"%s, nonce="%s", opaque="77aa"%s' % (self.options.realm, qop, nonce, note))
        if self.options.scheme in ("basic", "both"):
            offered.append('Basic realm="%s"' % self.options.realm)
        answer = reply(20037, "Not authorized", status=401)
        answer.content_type, answer.body = "text/html;charset=utf-8", HTML.encode()
        answer.headers["WWW-Authenticate"] = offered
        if self.options.cookie_on == "401" and self.known(request) is None:
            self.set_cookie(answer)
        return answer

    def set_cookie(self, answer):
        name = self.fresh(b"session", self.sessions, Session())
        answer.headers["Set-Cookie"] = ["%s=%s; Path=/" % (self.options.cookie_name, name)]
        return name

    def known(self, request):
        return self.sessions.get(self.cookies(request).get(self.options.cookie_name))

    def credentials(self, request):
        """None if they are right, else the challenge."""
        if self.options.scheme == "none":
            return None
        scheme, _, rest = request.headers.get("Authorization", "").partition(" ")
        allowed = {"both": ("digest", "basic")}.get(self.options.scheme, (self.options.scheme,))
        if scheme.lower() not in allowed:
            return self.challenge(request)
        if scheme.lower() == "basic":
            return None if decode_basic(rest) == BASIC else self.challenge(request)
        given = {name.lower(): quoted or plain for name, quoted, plain in DIRECTIVE.findall(rest)}
        if not self.digest_is_right(request, given):
            return self.challenge(request)
        with self.lock:
            used = self.nonces.get(given.get("nonce"))
            limit = self.options.nonce_uses
            if used is not None and (limit is None or used < limit):
                self.nonces[given["nonce"]] += 1
                return None
        return self.challenge(request, stale=True)

    def digest_is_right(self, request, given):
        user, _, password = BASIC.partition(":")
        if given.get("username") != user or given.get("uri") not in (request.raw, request.origin + request.raw):
            return False
        ha1 = md5(user, given.get("realm", ""), password)
        ha2 = md5(request.method, given["uri"])
        if given.get("realm", "") != self.options.realm or given.get("opaque", "77aa") != "77aa":
            return False
        if not given.get("qop"):
            return given.get("response") == md5(ha1, given.get("nonce", ""), ha2)
        if given["qop"] not in re.split(r"[,\s]+", self.options.qop or ""):
            return False
        if given["qop"] == "auth-int":
            ha2 = md5(request.method, given["uri"], hashlib.md5(request.body).hexdigest())
        return given.get("response") == md5(ha1, given.get("nonce", ""), given.get("nc", ""), given.get("cnonce", ""),
                                            given["qop"], ha2)

    def user_agent(self, request):
        """None if the user agent has proved itself, or need not."""
        if self.options.ua_password is None:
            return None
        given = request.headers.get("RETS-UA-Authorization")
        if given is None:
            return reply(20041, "User Agent requires authentication")
        agent = request.headers.get("User-Agent", "").strip()
        wanted = set()
        for product in (agent, agent.split(" ")[0]):
            wanted.add("Digest " + md5(md5(product, self.options.ua_password), request.headers.get("RETS-Request-ID", "").strip(),
                                       self.cookies(request).get("RETS-Session-ID", ""),
                                       request.headers.get("RETS-Version", "").strip()))
        return None if given.strip() in wanted else reply(20037, "User Agent not registered or denied")

    # -- transactions

    def version(self, request):
        """The newest version both speak."""
        asked = re.fullmatch(r"RETS/(\d+(?:\.\d+)*)", request.headers.get("RETS-Version", "RETS/1.7.2").strip())
        wanted = number(asked[1]) if asked else number("1.5")
        common = [each for each in VERSIONS if number(each) <= min(wanted, number(self.options.version))]
        return common[-1] if common else VERSIONS[0]

    def login(self, request):
        refused = self.credentials(request) or self.user_agent(request)
        if refused:
            return refused
        session = self.known(request)
        if session is not None and session.open and self.options.second_login != "ok":
            return reply(int(self.options.second_login), "Additional login not permitted")
        others = sum(each.open for each in list(self.sessions.values()) if each is not session)
        if self.options.sessions is not None and others >= self.options.sessions:
            return reply(20022, "Additional login not permitted")
        answer = envelope(self.login_lines(request))
        if session is None:
            session = self.sessions[self.set_cookie(answer)]
        session.open, session.uses, session.read_action = True, 0, not self.options.action
        return answer

    def login_lines(self, request):
        user = BASIC.partition(":")[0]
        version = self.version(request)
        info = self.options.info_lines if self.options.info_lines is not None else version == "1.8"
        plain = [("MemberName", "Jane Q. Sample"), ("User", user + ",3,12,AG4711"), ("Broker", "BR22,B01"),
                 ("MetadataVersion", "2.07.00113"), ("MetadataTimestamp", "2024-03-01T08:15:00Z"),
                 ("MinMetadataTimestamp", "2024-02-01T00:00:00Z"), ("OfficeList", "BR22;B01,BR22;B02"), ("Balance", "0.00"),
                 ("TimeoutSeconds", self.options.timeout), ("Expr", "2030-01-01T00:00:00Z,-1")]
        typed = [("USERID;Character", user), ("MEMBERNAME;Character", "Jane Q. Sample"), ("METADATAVERSION;Character", "2.07.00113"),
                 ("METADATATIMESTAMP;DateTime", "2024-03-01T08:15:00Z"), ("MINMETADATATIMESTAMP;DateTime", "2024-02-01T00:00:00Z"),
                 ("TIMEOUTSECONDS;Int", self.options.timeout), ("VENDORNAME;", "Test")]
        equals = self.options.equals
        lines = ["Info%s%s;%s" % (equals, *pair) for pair in typed] if info else [name + equals + str(value) for name, value in plain]
        origin = {"relative": "", "absolute": request.origin}.get(self.options.urls, self.options.urls)
        for name in CAPABILITIES:
            if name != "Action" or self.options.action:
                base = request.origin if name == "Login" and not origin else origin
                lines.append("%s%s%s%s/%s" % (name, equals, base, self.root, name.lower()))
        return "<RETS-RESPONSE>%s%s%s</RETS-RESPONSE>" % (
            self.options.line_end, self.options.line_end.join(lines), self.options.line_end)

    def logout(self, request):
        session = self.known(request)
        if session is None or not session.open:
            return reply(20701, "Not logged in")
        session.open = False
        return envelope("<RETS-RESPONSE>\r\nConnectTime=225\r\nBilling=0.00\r\nSignOffMessage=Goodbye\r\n</RETS-RESPONSE>", text="Logging out")

    def action(self, request):
        self.known(request).read_action = True
        answer = envelope("")
        answer.content_type, answer.body = "text/plain", b"Message of the day: nothing happened.\r\n"
        return answer

    def lose(self, request):
        """The session of this request ends."""
        session = self.known(request)
        if session:
            session.open = False

    def lost_answer(self, request, form=None):
        form = str(form or self.options.lost)
        if form == "401":
            return self.challenge(request)
        if form == "412":
            return reply(20701, "Precondition failed", status=412)
        if form == "html":
            answer = reply(0, "")
            answer.content_type, answer.body = "text/html; charset=utf-8", HTML.encode()
            return answer
        return reply(int(form), "Not logged in" if form == "20701" else "User Agent not registered or denied")

    def check(self, request, is_action=False):
        """None if a transaction may go on, else its answer."""
        refused = self.credentials(request) or self.user_agent(request)
        if refused:
            return refused
        session = self.known(request)
        if session is None or not session.open:
            return self.lost_answer(request)
        with self.lock:
            session.uses += 1
            self.transactions += 1
        if self.options.session_uses is not None and session.uses > self.options.session_uses:
            session.open = False
            return self.lost_answer(request)
        if self.options.quota is not None and self.transactions > self.options.quota:
            return reply(20210, "Too many outstanding queries")
        if not is_action and not session.read_action:
            return reply(20050, "The Action URL must be read first")
        return None


def number(version):
    return tuple(int(part) for part in version.split("."))
