#!/usr/bin/env python3
"""A test MLS: serves deterministic data and misbehaves on demand.

This file is the command line and the connection; faces answer requests.
"""
import argparse
import email.utils
import enum
import gzip
import itertools
import os
import select
import socket
import ssl
import struct
import sys
import threading
import time
import traceback
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import edm
import photos
from auth import Auth
from control import PREFIX, Control, Log
from data import Store
from faults import Faults, early_answer, repeated, spoil
from geocoder import ROOT as GEO_ROOT, Geocoders
from keys import PATH as KEYS_PATH, Keys
from qobrix import FILES as QOBRIX_FILES, ROOT as QOBRIX_ROOT, Qobrix
from reso import ROOT, Options, Reso
from rets import ROOT as RETS_ROOT, Rets
from s3 import S3
from web import Request, Response

TOKEN_PATH = "/oauth/token"
HOOK_PATH = "/hook"
MIN_GZIP = 256
CHUNK = 1 << 20


class Outcome(enum.Enum):
    """What a stream fault leaves to do: answer normally, nothing, or hang up."""
    GO_ON = 1
    SENT = 2
    CLOSE = 3


class Site:
    """Everything behind the port."""

    def __init__(self, arguments):
        self.store = Store(arguments.seed, arguments.listings, arguments.fields, arguments.enum, arguments.samples)
        self.options = Options(page_size=arguments.page_size, max_page=arguments.max_page)
        self.auth = Auth(arguments.client_id, arguments.client_secret, not arguments.no_auth)
        self.faults, self.log = Faults(), Log()
        self.reso = Reso(self.store, self.options)
        self.rets = Rets(self.store)
        self.qobrix = Qobrix(self.store, arguments.seed, arguments.qobrix)
        self.control = Control(self.store, self.reso, self.rets, self.qobrix, self.options, self.auth, self.faults, self.log)
        self.geocoders = self.control.geocoders = Geocoders()
        self.keys = self.control.keys = Keys(arguments.keys)
        self.s3 = self.control.s3 = S3()

    def answer(self, request, faults):
        try:
            response = early_answer(request, faults, self.auth) or self.route(request, faults)
        except Exception:
            traceback.print_exc()
            response = Response(500, '{"error":{"code":"Internal","message":"The test server failed; see its stderr."}}')
        return spoil(response, faults) if faults else response

    def route(self, request, faults):
        if request.path == HOOK_PATH and request.method == "POST":
            return self.control.take_delivery(request)
        if request.path.startswith(photos.ROOT + "/"):
            return photos.answer(request)
        if request.path.startswith(GEO_ROOT + "/"):
            return self.geocoders.answer(request)
        if request.path == TOKEN_PATH:
            return self.auth.token_response(request)
        if request.path.startswith(RETS_ROOT + "/"):
            return self.rets.answer(request, faults)
        if request.path.startswith(QOBRIX_ROOT + "/"):
            return self.qobrix.answer(request, faults)
        if request.path.startswith(QOBRIX_FILES + "/"):
            return self.qobrix.file(request)
        if self.s3.concerns(request):
            return self.s3.answer(request)
        if request.path != ROOT and not request.path.startswith(ROOT + "/"):
            return Response(404, '{"error":{"code":"NotFound","message":"Nothing is served here."}}')
        if not self.auth.allows(request.headers):
            return Response(401, '{"error":{"code":"Unauthorized","message":"Authorization is required."}}',
                            headers={"WWW-Authenticate": 'Bearer realm="mls", error="invalid_token"'})
        if request.path == KEYS_PATH:
            return self.keys.answer(request)
        return self.reso.answer(request, faults)

    def date(self):
        """The Date header: the clock of the wall, or of the data."""
        if self.options.date == "logical":
            return email.utils.formatdate(self.store.clock // edm.SECOND, usegmt=True)
        return email.utils.formatdate(usegmt=True)


class Connection(BaseHTTPRequestHandler):
    """Reads requests and writes answers, well or as the faults want it.
    Output is buffered and sent at once: a head and a body in two small packets
    would wait for a delayed acknowledgement."""
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16
    disable_nagle_algorithm = True
    numbers = itertools.count(1)

    def setup(self):
        super().setup()
        self.number = next(self.numbers)

    def log_message(self, *arguments):
        """Requests are kept in the log of the control API, not on stderr."""

    def handle_any(self):
        site = self.server.site
        self.date = site.date()  # when the answer is made, however long it is held back
        length = int(self.headers.get("Content-Length") or 0)
        request = Request(self.command, self.path, self.headers, self.rfile.read(length),
                          self.server.scheme, self.server.server_port)
        if request.path.startswith(PREFIX):
            self.send(request, site.control.answer(request), None)
            return
        entry = site.log.start(request, self.number, site.auth.kind(self.headers))
        faults = site.faults.take(request)
        entry["faults"] = list(faults)
        if site.options.latency_ms:
            time.sleep(site.options.latency_ms / 1000)
        self.send(request, site.answer(request, faults), entry)

    do_GET = do_POST = do_HEAD = do_PUT = do_PATCH = do_DELETE = handle_any

    def send(self, request, response, entry):
        body, headers = self.encoded(response), {"Content-Type": response.content_type, **response.headers}
        if not request.path.startswith((RETS_ROOT, QOBRIX_ROOT)):
            headers["OData-Version"] = "4.0"
        if body is not response.body:
            headers["Content-Encoding"] = "gzip"
        if entry is not None:
            entry["status"] = None if any(kind == "stall" for kind, _ in response.faults) else response.status
        for kind, spec in response.faults:
            outcome = getattr(self, "act_" + kind)(response, headers, body, spec)
            if outcome is not Outcome.GO_ON:
                self.close_connection = self.close_connection or outcome is Outcome.CLOSE
                return
        self.head(response.status, {**headers, "Content-Length": len(body)})
        if entry is not None:
            entry["status"], entry["bytes"] = response.status, len(body)
        if request.method != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()

    def encoded(self, response):
        """The body, or its gzip form, which a cached answer keeps."""
        if "gzip" not in self.headers.get("Accept-Encoding", "") or len(response.body) < MIN_GZIP \
                or "Content-Encoding" in response.headers:
            return response.body
        if getattr(response, "packed", None) is None:
            response.packed = gzip.compress(response.body, 1)
        return response.packed

    def head(self, status, headers):
        self.send_response_only(status)
        self.send_header("Date", self.date)
        for name, values in headers.items():
            for value in values if isinstance(values, list) else [values]:
                self.send_header(name, value)
        self.end_headers()

    # -- faults of the stream

    def act_close(self, response, headers, body, spec):
        return Outcome.CLOSE

    def act_stall(self, response, headers, body, spec):
        return Outcome.GO_ON if self.wait_for_release(spec) else Outcome.CLOSE

    def act_stall_body(self, response, headers, body, spec):
        self.head(response.status, {**headers, "Content-Length": len(body)})
        middle = int(len(body) * spec.get("at", 0.5))
        self.flush(body[:middle])
        if not self.wait_for_release(spec):
            return Outcome.CLOSE
        self.flush(body[middle:])
        return Outcome.SENT

    def act_drip(self, response, headers, body, spec):
        self.head(response.status, {**headers, "Content-Length": len(body)})
        size = spec.get("bytes", 1)
        for start in range(0, len(body), size):
            self.flush(body[start:start + size])
            time.sleep(float(spec.get("delay_ms", 50)) / 1000)
        return Outcome.SENT

    def act_drip_header(self, response, headers, body, spec):
        """Header lines that never end, one at a time."""
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for number in range(spec.get("lines", 1 << 20)):
            self.flush(b"X-%d: x\r\n" % number)
            time.sleep(float(spec.get("delay_ms", 50)) / 1000)
        return Outcome.CLOSE

    def act_long_header(self, response, headers, body, spec):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
        for _ in range(spec.get("mb", 100)):
            self.flush(b"x" * (1 << 20))
        self.flush(b"\r\nContent-Length: 0\r\n\r\n")
        return Outcome.CLOSE

    def act_many_headers(self, response, headers, body, spec):
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for number in range(spec.get("lines", 1 << 20)):
            self.flush(b"X-%d: %s\r\n" % (number, b"x" * 100))
        self.flush(b"\r\n")
        return Outcome.CLOSE

    def act_truncate(self, response, headers, body, spec):
        """`length` right: the header tells the full size; wrong: the size of the
        part, so only the JSON is cut; chunked: the last chunk never comes."""
        part = body[:int(len(body) * spec.get("at", 0.5))]
        style = spec.get("length", "right")
        if style == "chunked":
            self.head(response.status, {**headers, "Transfer-Encoding": "chunked"})
            part = b"%x\r\n%s\r\n" % (len(part), part)
        else:
            self.head(response.status, {**headers, "Content-Length": len(part if style == "wrong" else body)})
        self.flush(part)
        return Outcome.SENT if style == "wrong" else Outcome.CLOSE

    def act_huge(self, response, headers, body, spec):
        """A page whose value array does not end before the limit."""
        headers.pop("Content-Encoding", None)
        self.head(response.status, {**headers, "Transfer-Encoding": "chunked"})
        self.chunk(b'{"value":[{"Filler":"')
        for _ in range(spec.get("mb", 1 << 20)):
            self.chunk(b"x" * CHUNK)
        self.chunk(b'"}]}')
        self.flush(b"0\r\n\r\n")
        return Outcome.SENT

    def act_endless(self, response, headers, body, spec):
        """Records without end, each of them good."""
        headers.pop("Content-Encoding", None)
        self.head(response.status, {**headers, "Transfer-Encoding": "chunked"})
        start, unit = repeated(response.body)
        self.chunk(start)
        unit *= CHUNK // len(unit) + 1
        for _ in range(spec.get("mb", 1 << 20)):
            self.chunk(unit)
        self.flush(b"0\r\n\r\n")
        return Outcome.SENT

    def act_reset(self, response, headers, body, spec):
        """A part, and then the connection is reset."""
        self.head(response.status, {**headers, "Content-Length": len(body)})
        self.flush(body[:int(len(body) * spec.get("at", 0.5))])
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())
        return Outcome.CLOSE

    def act_spoilt_gzip(self, response, headers, body, spec):
        """A compressed body with other bytes in its middle."""
        packed = bytearray(gzip.compress(response.body, 1))
        packed[len(packed) // 2:len(packed) // 2 + 8] = b"\xff" * 8
        self.head(response.status, {**headers, "Content-Encoding": "gzip", "Content-Length": len(packed)})
        self.flush(bytes(packed))
        return Outcome.SENT

    def act_gzip_bomb(self, response, headers, body, spec):
        """Megabytes of blanks in a few kilobytes of gzip."""
        self.head(response.status, {**headers, "Content-Encoding": "gzip", "Transfer-Encoding": "chunked"})
        packer = zlib.compressobj(9, zlib.DEFLATED, 31)
        pieces = itertools.chain([b'{"value":[{"Filler":"'], itertools.repeat(b" " * CHUNK, spec.get("mb", 1024)), [b'"}]}'])
        for piece in pieces:
            self.chunk(packer.compress(piece))
        self.chunk(packer.flush())
        self.flush(b"0\r\n\r\n")
        return Outcome.SENT

    def act_plain_as_gzip(self, response, headers, body, spec):
        """A plain body that the header calls compressed."""
        self.head(response.status, {**headers, "Content-Encoding": "gzip", "Content-Length": len(response.body)})
        self.flush(response.body)
        return Outcome.SENT

    def chunk(self, data):
        if data:
            self.flush(b"%x\r\n%s\r\n" % (len(data), data))

    def flush(self, data):
        self.wfile.write(data)
        self.wfile.flush()

    def wait_for_release(self, spec):
        """True when released, false when the client has gone."""
        released = self.server.site.faults.stall(spec)
        while not released.wait(0.02):
            if select.select([self.connection], [], [], 0)[0] and self.gone():
                return False
        return True

    def gone(self):
        if isinstance(self.connection, ssl.SSLSocket):
            return True
        return not self.connection.recv(1, socket.MSG_PEEK)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port, site, tls):
        super().__init__(("127.0.0.1", port), Connection)
        self.site, self.tls = site, None
        self.scheme = "https" if tls else "http"
        if tls:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(*tls)

    def finish_request(self, request, client_address):
        """The handshake belongs to the connection's thread, not the listener's."""
        if self.tls:
            request = self.tls.wrap_socket(request, server_side=True)
        super().finish_request(request, client_address)

    def handle_error(self, request, client_address):
        """Clients that leave early are part of the tests; other errors are ours."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


def parse_arguments(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--listings", type=int, default=200)
    parser.add_argument("--samples", type=int, default=400, help="records of Sampler")
    parser.add_argument("--keys", type=int, default=0, help="records of Keys")
    parser.add_argument("--qobrix", default="250", help="properties of the Qobrix tenant, or public: a tenant of real size")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--fields", choices=("full", "small"), default="full")
    parser.add_argument("--page-size", type=int, default=100)
    parser.add_argument("--max-page", type=int, default=1000)
    parser.add_argument("--enum", choices=("string", "enum", "flags"), default="string")
    parser.add_argument("--tls", nargs=2, metavar=("CERT", "KEY"))
    parser.add_argument("--no-auth", action="store_true")
    parser.add_argument("--client-id", default="demo")
    parser.add_argument("--client-secret", default="s3cret-demo-value")
    parser.add_argument("--die-with-stdin", action="store_true")
    return parser.parse_args(arguments)


def die_with_stdin():
    while sys.stdin.buffer.read(1 << 12):
        pass
    os._exit(0)


def main():
    arguments = parse_arguments()
    server = Server(arguments.port, Site(arguments), arguments.tls)
    if arguments.die_with_stdin:
        threading.Thread(target=die_with_stdin, daemon=True).start()
    print("listening on %d" % server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
