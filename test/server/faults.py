"""Rules for misbehaving: which requests they catch, and what they do to an
answer before and after it is made. Faults of the byte stream are acted out by
the connection, those about pages by the protocol face."""
import json
import re
import threading
from urllib.parse import unquote_plus

from web import Response

STREAM_KINDS = ("close", "reset", "endless", "spoilt_gzip", "stall", "stall_body", "drip", "drip_header", "long_header", "many_headers", "truncate", "huge", "gzip_bomb", "plain_as_gzip")
PAGE_KINDS = ("repeat_page", "loop", "empty_page", "drop_link", "foreign_link", "wrong_count", "no_count", "moving",
              "bad_value", "null_collection", "ignore_skip", "error_beside", "error_record", "member", "member_names", "refuse_field", "refuse_or", "refuse_in", "refuse_not", "refuse_lambda",
              "refuse_function", "refuse_orderby", "refuse_filter", "refuse_expand", "refuse_count", "refuse_skip", "refuse_select")
EARLY_KINDS = ("status", "html200", "redirect", "expired_link", "token_expired")
BODY_KINDS = ("cut", "double", "nest", "insert", "garbage_json", "invalid_utf8", "nul_escape", "wrong_content_type", "charset", "escape_names", "name_case", "wrap")
RETS_KINDS = ("rets_reply", "rets_status", "session_loss", "stale_nonce", "bare_ampersand", "control_char", "raw_delimiter",
              "short_row", "restricted", "no_declaration", "wrong_charset", "empty_body", "no_end_tag", "trailing", "lost_column", "column_case")
QOBRIX_KINDS = ("no_pagination", "null_data")
KINDS = QOBRIX_KINDS + RETS_KINDS + STREAM_KINDS + PAGE_KINDS + EARLY_KINDS + BODY_KINDS
NEED_FIELD = ("bad_value", "null_collection", "refuse_field", "restricted", "escape_names", "lost_column")

HTML = "<!DOCTYPE html><html><head><title>Sign in</title></head><body>Please sign in.</body></html>"
STRING_FIELDS = ("PublicRemarks", "Text", "City", "MemberFullName", "OfficeName", "ShortDescription", "description", "name")


class Rule:
    def __init__(self, number, spec):
        if spec.get("kind") not in KINDS:
            raise ValueError("unknown fault kind: %s" % spec.get("kind"))
        if spec["kind"] in NEED_FIELD and "field" not in spec:
            raise ValueError("fault %s needs a field" % spec["kind"])
        self.number, self.spec, self.kind = number, spec, spec["kind"]
        self.match = re.compile(spec.get("match", ""))
        self.resource = spec.get("resource")
        self.times = spec.get("times", -1 if self.kind.startswith("refuse_") else 1)
        self.skip = spec.get("skip", 0)

    def concerns(self, request):
        if self.kind == "expired_link" and not request.follows_link:
            return False
        if self.resource and not re.search(r"/%s\b" % re.escape(self.resource), request.path) \
                and self.resource not in (request.option("SearchType"), request.option("Resource")):
            return False
        return bool(self.match.search(request.searchable) or self.match.search(unquote_plus(request.searchable)))

    def use(self):
        """True if the rule acts on this request; counts skip and times down."""
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.times == 0:
            return False
        self.times -= self.times > 0
        return True


class Active(dict):
    """The faults of one request: {kind: parameters}. Kinds about a field may
    come several times; `every` lists them all."""

    def __init__(self):
        super().__init__()
        self.listed = []

    def add(self, kind, spec):
        self.setdefault(kind, spec)
        self.listed.append((kind, spec))

    def every(self, kind):
        return [spec for listed, spec in self.listed if listed == kind]


class Faults:
    def __init__(self):
        self.lock = threading.Lock()
        self.rules, self.count = [], 0
        self.released, self.waiting = threading.Event(), 0

    def add(self, spec):
        with self.lock:
            self.count += 1
            self.rules.append(Rule(self.count, spec))
            return self.count

    def clear(self):
        """Forget all, also for requests that a rule has been taken for and that do not wait yet."""
        with self.lock:
            for rule in self.rules:
                rule.spec["over"] = True
            self.rules = []
        self.release()

    def release(self):
        """Let stalled answers go on, and say how many; later stalls wait again."""
        with self.lock:
            released, self.released = self.released, threading.Event()
            waiting, self.waiting = self.waiting, 0
        released.set()
        return waiting

    def stall(self, spec):
        """The event of the next release, for one more answer that waits for it."""
        with self.lock:
            if spec.get("over"):
                over = threading.Event()
                over.set()
                return over
            self.waiting += 1
            return self.released

    def take(self, request):
        """What acts on this request. A second rule of a kind waits until the
        first is used up, so that tests can order 429 and then 503."""
        active = Active()
        with self.lock:
            for rule in self.rules:
                free = rule.kind not in active or rule.kind in NEED_FIELD
                if free and rule.concerns(request) and rule.use():
                    active.add(rule.kind, rule.spec)
        return active

    def describe(self):
        with self.lock:
            return [{**rule.spec, "id": rule.number, "times": rule.times, "skip": rule.skip} for rule in self.rules]


def shown_count(faults, count, rows):
    """The total that an answer shows: of a page with so many rows."""
    wrong = faults.get("wrong_count")
    if not wrong:
        return count
    if wrong.get("page"):
        return rows
    return min(count, wrong["cap"]) if "cap" in wrong else max(0, count + wrong.get("by", 1))


def early_answer(request, faults, auth):
    """An answer instead of the real one, or None."""
    if "token_expired" in faults:
        auth.revoke()
    if "close" in faults:
        return Response(200)
    if "status" in faults:
        return status_answer(faults["status"], request)
    if "expired_link" in faults:
        return status_answer({"status": 410, "body": '{"error":{"code":"Gone","message":"The link has expired."}}', **faults["expired_link"]})
    if "html200" in faults:
        return Response(200, faults["html200"].get("body", HTML), "text/html; charset=utf-8")
    if "redirect" in faults:
        spec = faults["redirect"]
        return Response(spec.get("status", 302), b"", headers={"Location": spec.get("to", request.origin + request.raw)})
    return None


def status_answer(spec, request=None):
    status = spec.get("status", 503)
    default = '{"error":{"code":"%d","message":"The test asked for status %d."}}' % (status, status)
    if request and request.path.startswith("/api/"):
        default = '{"errors":["The test asked for status %d."]}' % status
    body = bytes.fromhex(spec["body_bytes"]) if "body_bytes" in spec else spec.get("body", default)
    response = Response(status, body, headers=dict(spec.get("headers", {})))
    if "content_type" in spec:
        response.content_type = spec["content_type"]
    return response


def spoil(response, faults):
    """A copy of the answer with its body spoilt; the original may be cached."""
    body, content_type = response.body, response.content_type
    if body.startswith(b"{"):
        body = bend_names(body, faults)
    if "garbage_json" in faults:
        # Between two records: inside a string it would be just another string.
        place = max(body.find(b"}, {", len(body) // 2), 0) + 1
        body = body[:place] + b"}]!garbage[{" + body[place:]
    if "nest" in faults:
        body = nested(body, faults["nest"])
    if "insert" in faults:
        place = int(len(body) * faults["insert"].get("at", 0.5))
        body = body[:place] + bytes(faults["insert"]["bytes"]) + body[place:]
    if "double" in faults:
        body += body
    if "cut" in faults:
        body = body[:int(len(body) * faults["cut"].get("at", 0.5))]
    if "invalid_utf8" in faults:
        junk = faults["invalid_utf8"].get("bytes")
        body = insert_in_string(body, faults["invalid_utf8"], bytes(junk) if junk else b"\xc3\x28\xff")
    if "nul_escape" in faults:
        body = insert_in_string(body, faults["nul_escape"], b"\\u0000")
    if "charset" in faults:
        name = faults["charset"].get("charset", "iso-8859-1")
        body = body.decode().encode(faults["charset"].get("codec", name), "replace")
        content_type = content_type.partition(";")[0] + ("" if faults["charset"].get("silent") else "; charset=" + name)
    if "wrong_content_type" in faults:
        content_type = faults["wrong_content_type"].get("content_type", "text/plain")
    stream = [(kind, faults[kind]) for kind in STREAM_KINDS if kind in faults]
    return Response(response.status, body, content_type, response.headers, stream)


def bend_names(body, faults):
    """A body whose members are named in another way, or lie one level deeper."""
    for spec in faults.every("escape_names"):
        name = spec["field"]
        body = body.replace(b'"%s":' % name.encode(), b'"%s":' % "".join("\\u%04x" % ord(letter) for letter in name).encode())
    if "name_case" in faults:
        body = re.sub(rb'"(\w+)":', lambda found: b'"%s":' % (found[1] if found[1] == b"value" else found[1].lower()), body)
    if "wrap" in faults:
        document = json.loads(body)
        if isinstance(document.get("value"), list):
            document["value"] = [{faults["wrap"].get("member", "record"): record} for record in document["value"]]
            body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    return body


def nested(body, spec):
    """A body with something nested deeply near its beginning, closed unless told otherwise."""
    depth = spec.get("depth", 100000)
    closed = not spec.get("open")
    opening, closing = (b"<a>", b"</a>") if body.lstrip().startswith(b"<") else (b"[", b"]")
    deep = opening * depth + closing * depth * closed
    if opening == b"[":
        return body[:1] + b'"nest":' + deep + b"," * closed + body[1:] * closed
    root = re.search(rb"<[A-Za-z][^>]*>", body)
    return body[:root.end()] + deep + body[root.end():]


def repeated(body):
    """(beginning, unit): what an answer that never ends is made of. The unit is a record of
    its own where the body has some, so that each piece is good and only the end is missing."""
    row = re.search(rb"<DATA>[^<]*</DATA>\s*", body)
    if row:
        return body[:row.end()], row[0]
    if body.lstrip().startswith(b"<"):
        root = re.search(rb"<[A-Za-z][^>]*>", body)
        return body[:root.end()], b"<endless>x</endless>"
    text = body.decode()
    start = text.find("[{") + 1
    if start > 0:
        _, end = json.JSONDecoder().raw_decode(text, start)
        return text[:start].encode(), (text[start:end] + ",").encode()
    return body, b" "


def insert_in_string(body, spec, junk):
    """Put bytes at the start of the first value of a string field."""
    if body.startswith(b"<?xml") and b"<DATA>" in body:
        at = body.find(b"<DATA>") + len(b"<DATA>") + 1
        return body[:at] + junk + body[at:]
    names = [spec["field"]] if "field" in spec else STRING_FIELDS
    for name in names:
        mark = b'"%s":"' % name.encode()
        at = body.find(mark)
        if at >= 0:
            return body[:at + len(mark)] + junk + body[at + len(mark):]
    return body
