#!/usr/bin/env python3
"""Search engines that are strict: see README.md.  This file is the connection, the faults and
what tests ask for; each engine has its file."""
import argparse
import json
import re
import socket
import sys
import threading
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, unquote

from elastic import Elastic
from meilisearch import Meilisearch
from receiver import Receiver
from solr import Solr
from typesense import Typesense

CONTROL = "/_control"


class Answer(Exception):
    """What ends a request: engines raise it from wherever they are."""

    def __init__(self, status, body, content_type="application/json", headers=None):
        super().__init__(status)
        self.status, self.content_type, self.headers = status, content_type, headers or {}
        self.body = (body if isinstance(body, str) else json.dumps(body, ensure_ascii=False, separators=(",", ":"))).encode()


class Request:
    def __init__(self, method, target, headers, body):
        path, _, query = target.partition("?")
        self.method, self.headers, self.body, self.target = method, headers, body, target
        self.parts = [unquote(part) for part in path.split("/") if part][1:]
        self.query = dict(parse_qsl(query, keep_blank_values=True))
        self.content_type = (headers.get("Content-Type") or "").partition(";")[0].strip().lower()
        self.fault = None

    def json(self, hook=None):
        return json.loads(self.body.decode(), object_pairs_hook=hook)


class Site:
    def __init__(self):
        self.lock = threading.RLock()
        self.reset()

    def reset(self):
        self.engines = {"elasticsearch": Elastic("elasticsearch", Answer), "opensearch": Elastic("opensearch", Answer),
                        "typesense": Typesense(Answer), "meilisearch": Meilisearch(Answer), "solr": Solr(Answer),
                        "receiver": Receiver(Answer)}
        self.faults, self.log, self.late = [], [], []
        self.down = False

    def fault_of(self, engine, line):
        for fault in self.faults:
            if fault["engine"] == engine and re.search(fault["match"], line) and fault.get("times", 1) > 0:
                if fault.get("skip", 0) > 0:
                    fault["skip"] -= 1
                    continue
                fault["times"] = fault.get("times", 1) - 1
                return fault
        return None

    def work(self, name, request):
        """The engine's answer, whatever becomes of it."""
        engine = self.engines[name]
        with self.lock:
            try:
                engine.answer(request)
            except Answer as answer:
                return answer
            except json.JSONDecodeError as error:
                return engine.malformed(str(error))
            except Exception:
                traceback.print_exc()
                return Answer(500, {"error": "the test server failed; see its stderr"})

    def answer(self, name, request):
        """None: hang up."""
        line = "%s %s" % (request.method, request.target)
        with self.lock:
            self.log.append(line)
            if self.down:
                return None
            fault = request.fault = self.fault_of(name, line)
        what = fault["what"] if fault else None
        if what == "status":
            return Answer(fault["status"], fault.get("body", {"message": "Not Ready or Lagging"}), headers=fault.get("headers"))
        if what == "close":
            return None
        if what == "late":
            with self.lock:
                self.late.append((name, request))
            return None
        answer = self.work(name, request)
        return None if what == "lost" else answer

    def control(self, method, path, body):
        with self.lock:
            if method == "GET" and path == CONTROL + "/log":
                return Answer(200, self.log)
            if method == "GET":
                _, _, name, index = path.split("/", 3)
                return Answer(200, self.engines[name].shown(unquote(index)))
            said = json.loads(body)
            if said.get("reset"):
                self.reset()
            self.faults = said.get("faults", self.faults)
            self.down = said.get("down", self.down)
            if said.get("forget_log"):
                self.log = []
            for name, settings in said.get("settings", {}).items():
                self.engines[name].settings.update(settings)
            late = self.late if said.get("release") else []
            self.late = [] if late else self.late
        done = [self.work(name, request).status for name, request in late]
        for name, index, key, document in said.get("plant", []):
            with self.lock:
                self.engines[name].plant(index, key, document)
        return Answer(200, {"late": done, "waiting": len(self.late)})


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    site = None

    def log_message(self, *arguments):
        pass

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except (ConnectionError, BrokenPipeError):
            self.close_connection = True

    def body(self):
        if (self.headers.get("Transfer-Encoding") or "").lower() == "chunked":
            parts = []
            while True:
                size = int(self.rfile.readline().split(b";")[0], 16)
                parts.append(self.rfile.read(size))
                self.rfile.readline()
                if size == 0:
                    return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def answer(self):
        body = self.body()
        path = self.path.partition("?")[0]
        name = path.split("/")[1] if "/" in path else ""
        if path.startswith(CONTROL):
            answer = self.site.control(self.command, path, body)
        elif name in self.site.engines:
            answer = self.site.answer(name, Request(self.command, self.path, self.headers, body))
        else:
            answer = Answer(404, {"error": "there is no such engine"})
        if answer is None:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(answer.status)
        for header, value in {"Content-Type": answer.content_type, "Content-Length": str(len(answer.body)), **answer.headers}.items():
            self.send_header(header, value)
        if name in ("elasticsearch",):
            self.send_header("X-Elastic-Product", "Elasticsearch")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = answer


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--die-with-stdin", action="store_true")
    arguments = parser.parse_args()
    Handler.site = Site()
    server = Server(("127.0.0.1", arguments.port), Handler)
    print("listening on %d" % server.server_address[1], flush=True)
    if arguments.die_with_stdin:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        sys.stdin.buffer.read()
    else:
        server.serve_forever()


if __name__ == "__main__":
    main()
