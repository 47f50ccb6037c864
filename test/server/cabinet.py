#!/usr/bin/env python3
"""Files at addresses, as web servers have them: with tags and times, conditions, names that
the answer tells, logins, and what goes wrong on the way. A test says what is there.

    POST /_put     {"path": "/a.csv", "text": or "base64": ..., and what of the following it wants:}
                   status, headers {name: value}, tag, modified (a date as headers have it),
                   cut (bytes that lack at the end, of a length that is announced whole),
                   gzip (the answer is compressed on its way; cut then cuts that),
                   login (the Authorization header without which it is not given),
                   key [name, value] (a header, likewise)
    POST /_remove  {"path": "/a.csv"}
    GET  /_asked   [[path, status, {header: value}], ...] since it was asked last

It ends when its standard input does.
"""
import base64
import gzip
import json
from http.server import BaseHTTPRequestHandler

from shelf import serve

FILES, ASKED = {}, []


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body=b"", headers=None, cut=0):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:len(body) - cut])
        if cut:
            self.close_connection = True

    def do_POST(self):
        given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/_remove":
            del FILES[given["path"]]
        else:
            given["body"] = base64.b64decode(given["base64"]) if "base64" in given else given.get("text", "").encode()
            FILES[given["path"]] = given
        self.answer(200)

    def give(self):
        """Status, body, headers, and how much of the body is cut."""
        file = FILES.get(self.path)
        if file is None:
            return 404, b"nothing there", {}, 0
        if file.get("login", self.headers.get("Authorization")) != self.headers.get("Authorization"):
            return 401, b"who are you", {"WWW-Authenticate": "Basic realm=files"}, 0
        if "key" in file and self.headers.get(file["key"][0]) != file["key"][1]:
            return 403, b"no key", {}, 0
        headers = dict(file.get("headers", {}))
        if "tag" in file:
            headers["ETag"] = file["tag"]
        if "modified" in file:
            headers["Last-Modified"] = file["modified"]
        wanted = self.headers.get("If-None-Match"), self.headers.get("If-Modified-Since")
        if file.get("status", 200) == 200 and (wanted[0] == file.get("tag", 0) if wanted[0] else wanted[1] == file.get("modified", 0)):
            return 304, b"", headers, 0
        body = file["body"]
        if file.get("gzip") and "gzip" in self.headers.get("Accept-Encoding", ""):
            body, headers["Content-Encoding"] = gzip.compress(body), "gzip"
            if file.get("cut"):
                return 200, body[:-file["cut"]], headers, 0
        return file.get("status", 200), body, headers, file.get("cut", 0)

    def do_GET(self):
        if self.path == "/_asked":
            body = json.dumps(ASKED).encode()
            ASKED.clear()
            return self.answer(200, body)
        status, body, headers, cut = self.give()
        ASKED.append([self.path, status, dict(self.headers.items())])
        self.answer(status, body, headers, cut)

    def log_message(self, *args):
        pass


if __name__ == "__main__":
    serve(Handler)
