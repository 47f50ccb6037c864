"""Buckets that are asked as those of S3, by a strict reader: each request's signature is
recomputed from what came over the wire, so is the hash of its body, and whatever Amazon
refuses is refused, in its words. Nothing here is shared with what makes signatures."""
import base64
import hashlib
import hmac
import re
import threading
from datetime import datetime, timedelta, timezone
from urllib.parse import quote, unquote, unquote_to_bytes
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from web import Response

ACCESS_KEY, SECRET_KEY = "AKIATESTKEYVALUE", "s3cr3t/Key+Value=for-tests"
ALGORITHM = "AWS4-HMAC-SHA256"
SMALLEST_PART = 5 << 20
MAX_KEYS = 1000
SKEW_S = 900
XML = "application/xml"
HEADER = re.compile(r"AWS4-HMAC-SHA256 Credential=([^/ ,]+)/(\d{8})/([^/ ,]*)/([^/ ,]*)/([^/ ,]*), ?"
                    r"SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})")
STATUS = {"InvalidAccessKeyId": 403, "SignatureDoesNotMatch": 403, "AccessDenied": 403, "RequestTimeTooSkewed": 403, "NoSuchBucket": 404,
          "NoSuchKey": 404, "NoSuchUpload": 404, "MethodNotAllowed": 405, "MissingContentLength": 411, "InternalError": 500, "NotImplemented": 501,
          "SlowDown": 503, "PermanentRedirect": 301, "QuotaExceeded": 403, "PreconditionFailed": 412}


class Refusal(Exception):
    def __init__(self, code, message, elements="", headers=None):
        super().__init__(message)
        self.code, self.elements, self.headers = code, elements, headers or {}


def encode(text, kept=""):
    return quote(text, safe="-._~" + kept)


def digest(data):
    return hashlib.sha256(data).hexdigest()


def sign(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def signature(secret, stamp, region, canonical):
    text = "\n".join([ALGORITHM, stamp, "%s/%s/s3/aws4_request" % (stamp[:8], region), digest(canonical.encode())])
    key = ("AWS4" + secret).encode()
    for part in (stamp[:8], region, "s3", "aws4_request"):
        key = sign(key, part)
    return sign(key, text).hex(), text


def parameters(raw_query):
    """Pairs as they are meant; a plus is a plus. What is not escaped as it must be is refused."""
    pairs = []
    for part in raw_query.split("&") if raw_query else []:
        name, _, value = part.partition("=")
        if not name or encode(unquote(name)) != name or encode(unquote(value)) != value:
            raise Refusal("SignatureDoesNotMatch", "The query is not canonical: %s" % part)
        pairs.append((unquote(name), unquote(value)))
    return pairs


def canonical_query(pairs):
    return "&".join("%s=%s" % pair for pair in sorted((encode(name), encode(value)) for name, value in pairs))


class S3:
    def __init__(self):
        self.lock = threading.Lock()
        self.reset()

    def reset(self):
        self.buckets = {"photos": {}, "full": {}, "closed": {}, "a.b": {}}
        self.uploads, self.numbers, self.checked = {}, 0, 0
        self.settings = {"region": "us-east-1", "skew_s": 0, "session_token": None, "page": MAX_KEYS, "deny": [], "no_bulk": False, "delete_errors": [],
                         "complete_error": 0, "keep": True, "host": None, "order": "names", "tags": False, "after_list": None, "conditions": "kept", "endless": None}

    def bucket_of(self, request):
        """Bucket and key as they stand in the address: by host, or by path."""
        host = (request.headers.get("Host") or "").partition(":")[0]
        name = host.partition(".")[0]
        if self.settings["host"] and host == name + "." + self.settings["host"]:
            return name, request.path[1:]
        name, _, key = request.path[1:].partition("/")
        return name, key

    def concerns(self, request):
        return (request.headers.get("Authorization") or "").startswith(ALGORITHM) or "X-Amz-" in request.raw_query \
            or self.bucket_of(request)[0] in self.buckets

    def answer(self, request):
        with self.lock:
            try:
                return self.work(request)
            except Refusal as refusal:
                body = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>%s</Code><Message>%s</Message>%s<RequestId>1</RequestId></Error>" % (
                    refusal.code, escape(str(refusal)), refusal.elements)
                return Response(STATUS.get(refusal.code, 400), "" if request.method == "HEAD" else body, XML, refusal.headers)

    # -- who asks

    def clock(self):
        return datetime.now(timezone.utc) + timedelta(seconds=self.settings["skew_s"])

    def check_region(self, region):
        if region != self.settings["region"]:
            raise Refusal("AuthorizationHeaderMalformed", "The authorization header is malformed; the region '%s' is wrong; expecting '%s'"
                          % (region, self.settings["region"]), "<Region>%s</Region>" % self.settings["region"],
                          {"x-amz-bucket-region": self.settings["region"]})

    def check_scope(self, key, day, region, service, end, stamp):
        if key != ACCESS_KEY:
            raise Refusal("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.",
                          "<AWSAccessKeyId>%s</AWSAccessKeyId>" % escape(key))
        self.check_region(region)
        if service != "s3" or end != "aws4_request" or not re.fullmatch(r"\d{8}T\d{6}Z", stamp) or stamp[:8] != day:
            raise Refusal("AuthorizationHeaderMalformed", "The authorization header is malformed; scope or date is wrong.")

    def check_token(self, token):
        if token != self.settings["session_token"]:
            raise Refusal("InvalidToken", "The provided token is malformed or otherwise invalid.")

    def check_signature(self, given, stamp, region, canonical):
        right, text = signature(SECRET_KEY, stamp, region, canonical)
        if not hmac.compare_digest(given, right):
            raise Refusal("SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
                          "<StringToSign>%s</StringToSign><CanonicalRequest>%s</CanonicalRequest>" % (escape(text), escape(canonical)))
        self.checked += 1

    def check_path(self, request):
        if encode(unquote_to_bytes(request.path), "/") != request.path:
            raise Refusal("SignatureDoesNotMatch", "The path is not canonical.")

    def check_headers(self, request, pairs):
        match = HEADER.fullmatch(request.headers.get("Authorization") or "")
        if not match:
            raise Refusal("AccessDenied", "Access Denied")
        key, day, region, service, end, names, given = match.groups()
        stamp, claimed = request.headers.get("x-amz-date") or "", request.headers.get("x-amz-content-sha256")
        self.check_scope(key, day, region, service, end, stamp)
        moment = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
        if abs((moment - self.clock()).total_seconds()) > SKEW_S:
            raise Refusal("RequestTimeTooSkewed", "The difference between the request time and the current time is too large.")
        self.check_token(request.headers.get("x-amz-security-token"))
        if claimed is None or not re.fullmatch(r"[0-9a-f]{64}", claimed):
            raise Refusal("InvalidRequest", "Missing or malformed x-amz-content-sha256")
        signed = names.split(";")
        must = {"host"} | {name.lower() for name in request.headers if name.lower().startswith("x-amz-") or name.lower() in ("content-type", "content-md5")}
        if signed != sorted(set(signed)) or not must <= set(signed) or any(name not in request.headers for name in signed):
            raise Refusal("AccessDenied", "There were headers present in the request which were not signed, or the other way round")
        heads = "".join("%s:%s\n" % (name, " ".join(request.headers[name].split())) for name in signed)
        self.check_signature(given, stamp, region, "\n".join([request.method, request.path, canonical_query(pairs), heads, names, claimed]))
        if digest(request.body) != claimed:
            raise Refusal("XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed.")

    def check_link(self, request, pairs):
        """A signed address: read only, for a while, and with nothing else."""
        given = dict(pairs)
        key, day, region, service, end = given["X-Amz-Credential"].split("/")
        stamp, seconds = given["X-Amz-Date"], int(given["X-Amz-Expires"])
        self.check_scope(key, day, region, service, end, stamp)
        self.check_token(given.get("X-Amz-Security-Token"))
        if request.method not in ("GET", "HEAD") or given["X-Amz-Algorithm"] != ALGORITHM or given["X-Amz-SignedHeaders"] != "host" or not 1 <= seconds <= 604800:
            raise Refusal("AuthorizationQueryParametersError", "A parameter of the link is wrong.")
        canonical = "\n".join([request.method, request.path, canonical_query([pair for pair in pairs if pair[0] != "X-Amz-Signature"]),
                               "host:%s\n" % request.headers["Host"], "host", "UNSIGNED-PAYLOAD"])
        self.check_signature(given["X-Amz-Signature"], stamp, region, canonical)
        began = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
        if self.clock() > began + timedelta(seconds=seconds):
            raise Refusal("AccessDenied", "Request has expired")

    # -- what is asked

    def work(self, request):
        self.check_path(request)
        pairs = parameters(request.raw_query)
        options = dict(pairs)
        if "X-Amz-Signature" in options:
            self.check_link(request, pairs)
        else:
            self.check_headers(request, pairs)
        name, key = self.bucket_of(request)
        key = unquote(key)
        if name not in self.buckets:
            raise Refusal("NoSuchBucket", "The specified bucket does not exist", "<BucketName>%s</BucketName>" % escape(name))
        bucket = self.buckets[name]
        what = self.name_of(request.method, key, options)
        if name == "closed" or what in self.settings["deny"]:
            raise Refusal("AccessDenied", "Access Denied")
        if name == "full" and request.method in ("PUT", "POST"):
            raise Refusal("QuotaExceeded", "The quota set for the bucket has been exceeded.")
        return getattr(self, what)(request, bucket, key, options)

    @staticmethod
    def name_of(method, key, options):
        kinds = {("PUT", True): "put", ("GET", True): "get", ("HEAD", True): "head", ("DELETE", True): "delete", ("GET", False): "list"}
        if method == "POST" and not key and "delete" in options:
            return "delete_many"
        if method == "POST" and key and "uploads" in options:
            return "begin_parts"
        if method == "GET" and not key and "uploads" in options:
            return "list_uploads"
        if key and "uploadId" in options:
            return {"PUT": "put_part", "POST": "complete_parts", "DELETE": "abort_parts"}[method]
        if (method, bool(key)) not in kinds:
            raise Refusal("MethodNotAllowed", "The specified method is not allowed against this resource.")
        return kinds[method, bool(key)]

    def need_length(self, request):
        if request.headers.get("Content-Length") is None:
            raise Refusal("MissingContentLength", "You must provide the Content-Length HTTP header.")

    def stored(self, bucket, key, data, kind):
        if self.settings["keep"]:
            bucket[key] = (data, kind, self.clock())
        return {"ETag": '"%s"' % hashlib.md5(data).hexdigest()}

    def check_condition(self, request, bucket, key):
        """A file that is to be written only where there is none; not all services know of that."""
        condition = request.headers.get("If-None-Match")
        if condition is None or self.settings["conditions"] == "ignored":
            return
        if condition != "*" or self.settings["conditions"] == "refused":
            raise Refusal("NotImplemented", "A header you provided implies functionality that is not implemented.")
        if key in bucket:
            raise Refusal("PreconditionFailed", "At least one of the pre-conditions you specified did not hold")

    def put(self, request, bucket, key, options):
        self.need_length(request)
        self.check_condition(request, bucket, key)
        return Response(200, "", XML, self.stored(bucket, key, request.body, request.headers.get("Content-Type")))

    def found(self, bucket, key):
        if key not in bucket:
            raise Refusal("NoSuchKey", "The specified key does not exist.", "<Key>%s</Key>" % escape(key))
        data, kind, _ = bucket[key]
        return Response(200, data, kind or "binary/octet-stream", {"ETag": self.tag(data, "not-a-hash")})

    def tag(self, data, other):
        """A tag as it is of plain objects, or something else."""
        return '"%s"' % (hashlib.md5(data).hexdigest() if self.settings["tags"] else other)

    def get(self, request, bucket, key, options):
        answer = self.found(bucket, key)
        if request.headers.get("If-Match") not in (None, answer.headers["ETag"]):
            raise Refusal("PreconditionFailed", "At least one of the preconditions you specified did not hold.")
        return answer

    head = get

    def delete(self, request, bucket, key, options):
        bucket.pop(key, None)
        return Response(204, "", XML)

    def delete_many(self, request, bucket, key, options):
        if self.settings["no_bulk"]:
            raise Refusal("NotImplemented", "A header you provided implies functionality that is not implemented.")
        claimed = request.headers.get("Content-MD5")
        if claimed is None:
            raise Refusal("InvalidRequest", "Missing required header for this request: Content-MD5")
        if claimed != base64.b64encode(hashlib.md5(request.body).digest()).decode():
            raise Refusal("BadDigest", "The Content-MD5 you specified did not match what we received.")
        keys = [node.text for node in ElementTree.fromstring(request.body).findall(".//{*}Key")]
        if not 1 <= len(keys) <= MAX_KEYS:
            raise Refusal("MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema")
        kept = [key for key in keys if any(key.endswith(end) for end in self.settings["delete_errors"])]
        for key in set(keys) - set(kept):
            bucket.pop(key, None)
        errors = "".join("<Error><Key>%s</Key><Code>AccessDenied</Code><Message>Access Denied</Message></Error>" % escape(key) for key in kept)
        return Response(200, "<?xml version=\"1.0\"?><DeleteResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">%s</DeleteResult>" % errors, XML)

    def list(self, request, bucket, key, options):
        if options.get("list-type") != "2":
            raise Refusal("NotImplemented", "The old list is not offered.")
        prefix, most = options.get("prefix", ""), min(int(options.get("max-keys", MAX_KEYS)), self.settings["page"])
        if self.settings["endless"]:
            return self.endless(int(options.get("max-keys", MAX_KEYS)) if self.settings["endless"] == "names" else 0)
        after = options.get("start-after", "") if self.settings["order"] != "deaf" else ""
        if "continuation-token" in options:
            after = base64.b64decode(options["continuation-token"][2:-1]).decode()
        keys = sorted((key for key in bucket if key.startswith(prefix) and key > after), reverse=self.settings["order"] == "backwards")
        if "delimiter" in options:
            keys = [key for key in keys if options["delimiter"] not in key[len(prefix):]]
        page = keys[:most]
        more = len(keys) > most
        # A token of characters that an address must escape.
        token = "+/%s=" % base64.b64encode(page[-1].encode()).decode() if more and page else ""
        body = "".join("<Contents><Key>%s</Key><LastModified>%s</LastModified><ETag>%s</ETag><Size>%d</Size><StorageClass>STANDARD</StorageClass></Contents>"
                       % (escape(key), bucket[key][2].strftime("%Y-%m-%dT%H:%M:%S.000Z"), escape(self.tag(bucket[key][0], "x")), len(bucket[key][0])) for key in page)
        if self.settings["after_list"] and not more:
            name, data = self.settings["after_list"]
            bucket[name] = (data.encode(), *bucket[name][1:])
        return Response(200, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Prefix>%s</Prefix><KeyCount>%d</KeyCount>"
                        "<MaxKeys>%d</MaxKeys><IsTruncated>%s</IsTruncated>%s%s</ListBucketResult>"
                        % (escape(prefix), len(page), most, str(more).lower(), "<NextContinuationToken>%s</NextContinuationToken>" % token if more else "", body), XML)

    def endless(self, most):
        """A page of a list that goes on for ever, with so many names."""
        self.numbers += 1
        body = "".join("<Contents><Key>in/x%d-%d.jpg</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>x</ETag><Size>1</Size></Contents>" % (self.numbers, n) for n in range(most))
        return Response(200, "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>%d</NextContinuationToken>%s</ListBucketResult>" % (self.numbers, body), XML)

    # -- files in parts

    def begin_parts(self, request, bucket, key, options):
        self.numbers += 1
        number = "up+load/%d=" % self.numbers
        self.uploads[number] = {"key": key, "kind": request.headers.get("Content-Type"), "parts": {}, "began": self.clock()}
        return Response(200, "<InitiateMultipartUploadResult><Key>%s</Key><UploadId>%s</UploadId></InitiateMultipartUploadResult>" % (escape(key), number), XML)

    def upload_of(self, key, options):
        upload = self.uploads.get(options["uploadId"])
        if upload is None or upload["key"] != key:
            raise Refusal("NoSuchUpload", "The specified upload does not exist.")
        return upload

    def put_part(self, request, bucket, key, options):
        self.need_length(request)
        upload, number = self.upload_of(key, options), int(options["partNumber"])
        tag = '"%s"' % hashlib.md5(request.body).hexdigest()
        upload["parts"][number] = (tag, request.body)
        return Response(200, "", XML, {"ETag": tag})

    def complete_parts(self, request, bucket, key, options):
        upload = self.upload_of(key, options)
        if self.settings["complete_error"] > 0:
            self.settings["complete_error"] -= 1
            return Response(200, " \n<?xml version=\"1.0\"?>\n<Error><Code>InternalError</Code><Message>We encountered an internal error. Please try again.</Message></Error>", XML)
        named = [(int(part.findtext("{*}PartNumber")), part.findtext("{*}ETag")) for part in ElementTree.fromstring(request.body).findall(".//{*}Part")]
        if not named or [number for number, _ in named] != sorted({number for number, _ in named}):
            raise Refusal("InvalidPartOrder", "The list of parts was not in ascending order.")
        for number, tag in named:
            if number not in upload["parts"] or upload["parts"][number][0] != tag:
                raise Refusal("InvalidPart", "One or more of the specified parts could not be found.")
        if any(len(upload["parts"][number][1]) < SMALLEST_PART for number, _ in named[:-1]):
            raise Refusal("EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size")
        self.stored(bucket, key, b"".join(upload["parts"][number][1] for number, _ in named), upload["kind"])
        del self.uploads[options["uploadId"]]
        return Response(200, "<CompleteMultipartUploadResult><Key>%s</Key><ETag>&quot;x-%d&quot;</ETag></CompleteMultipartUploadResult>" % (escape(key), len(named)), XML)

    def abort_parts(self, request, bucket, key, options):
        self.upload_of(key, options)
        del self.uploads[options["uploadId"]]
        return Response(204, "", XML)

    def list_uploads(self, request, bucket, key, options):
        prefix, marker = options.get("prefix", ""), (options.get("key-marker", ""), options.get("upload-id-marker", ""))
        found = sorted((upload["key"], number) for number, upload in self.uploads.items() if upload["key"].startswith(prefix))
        found = [pair for pair in found if pair > marker]
        page, more = found[:self.settings["page"]], len(found) > self.settings["page"]
        body = "".join("<Upload><Key>%s</Key><UploadId>%s</UploadId><Initiated>%s</Initiated></Upload>"
                       % (escape(key), number, self.uploads[number]["began"].strftime("%Y-%m-%dT%H:%M:%S.000Z")) for key, number in page)
        next_page = "<NextKeyMarker>%s</NextKeyMarker><NextUploadIdMarker>%s</NextUploadIdMarker>" % page[-1] if more else ""
        return Response(200, "<ListMultipartUploadsResult><IsTruncated>%s</IsTruncated>%s%s</ListMultipartUploadsResult>" % (str(more).lower(), next_page, body), XML)

    # -- for the tests

    def describe(self):
        """What is kept: of each object its length, hash and type."""
        with self.lock:
            return {"buckets": {name: {key: {"bytes": len(data), "sha256": digest(data), "type": kind} for key, (data, kind, _) in bucket.items()}
                                for name, bucket in self.buckets.items()},
                    "uploads": {number: {"key": upload["key"], "parts": len(upload["parts"])} for number, upload in self.uploads.items()},
                    "checked": self.checked, "settings": self.settings}

    def change(self, spec):
        """Settings by their names; `after_list`: a key and what stands there once a list has been given; `age`: seconds by which all files and uploads become older; `spoil`: keys that get other
        bytes; `drop`: keys that go."""
        with self.lock:
            for name, value in spec.items():
                if name == "begin":  # an upload that somebody has left
                    self.numbers += 1
                    self.uploads["left/%d" % self.numbers] = {"key": value, "kind": None, "parts": {}, "began": self.clock()}
                elif name == "age":
                    for upload in self.uploads.values():
                        upload["began"] -= timedelta(seconds=value)
                    for bucket in self.buckets.values():
                        for key, (data, kind, at) in bucket.items():
                            bucket[key] = (data, kind, at - timedelta(seconds=value))
                elif name == "drop":
                    for bucket in self.buckets.values():
                        for key in value:
                            bucket.pop(key, None)
                elif name == "spoil":
                    for bucket in self.buckets.values():
                        for key in set(value) & set(bucket):
                            bucket[key] = (bucket[key][0][::-1], *bucket[key][1:])
                elif name == "put":
                    bucket, key, text = value
                    self.buckets[bucket][key] = (text.encode(), "text/plain", self.clock())
                elif name == "remove":
                    bucket, key = value
                    del self.buckets[bucket][key]
                elif name in self.settings:
                    self.settings[name] = value
                else:
                    raise ValueError("no such setting: %s" % name)
