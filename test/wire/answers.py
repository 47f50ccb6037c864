#!/usr/bin/env python3
"""Reads recorded answers with the readers and compares with what is known of them.

    answers.py WIRE FOLDER

FOLDER has HTTP messages (or bare bodies, *.body) and two tables: index.csv, what a
client must get out of each file, and parts.csv, the same for each part of a
multipart answer.  Prints one line per difference; fails if there is any.
"""
import csv
import email.parser
import hashlib
import json
import os
import re
import subprocess
import sys


def run(wire, arguments, body):
    done = subprocess.run([wire] + arguments, input=body, capture_output=True)
    if done.returncode != 0:
        raise SystemExit(done.stderr.decode(errors="replace"))
    return done.stdout.decode("utf-8").splitlines()


def unchunk(body):
    out = b""
    while True:
        line, _, body = body.partition(b"\n")
        size = int(line.split(b";")[0].strip() or b"0", 16)
        if size == 0:
            return out
        out += body[:size]
        body = body[size:].lstrip(b"\r\n") if body[size:size + 2] in (b"\r\n",) else body[size:].lstrip(b"\n")


def message(path, kind):
    """Headers and body of a file; the table of parts has the bodies as they were stored."""
    data = open(path, "rb").read()
    if path.endswith(".body"):
        boundary = re.search(rb"--([^\r\n]+)", data).group(1).decode()
        return {"content-type": 'multipart/parallel; boundary="%s"' % boundary}, data
    end = re.search(rb"\r?\n\r?\n", data)
    head = data[:end.start()].decode("latin-1").replace("\r\n", "\n").split("\n", 1)[1]
    headers = {k.lower(): v for k, v in email.parser.Parser().parsestr(head + "\n\n").items()}
    body = data[end.end():]
    if kind.startswith("getobject"):
        return headers, body
    if headers.get("transfer-encoding", "").lower() == "chunked" and re.match(rb"[0-9a-fA-F]+\s*\r?\n", body):
        body = unchunk(body)
    return headers, body


class Check:
    def __init__(self, wire, folder):
        self.wire, self.folder = wire, folder
        self.checked = self.differences = 0

    def expect(self, file, what, got, wanted):
        self.checked += 1
        if str(got) != str(wanted):
            self.differences += 1
            print("%s: %s is %r, should be %r" % (file, what, got, wanted))

    def reply(self, row, lines):
        for line in lines:
            found = re.match(r'reply (\d+): (\w+), "(.*)"( \(by status\))?$', line)
            if found:
                wanted = row["rets_status_code"] or row["reply_code"]
                self.expect(row["file"], "reply code", found.group(1), wanted)
                if not found.group(4):
                    self.expect(row["file"], "reply text", found.group(3), row["reply_text"].strip())
                return
        self.expect(row["file"], "the answer", lines[-1:], "a reply")

    def search(self, row, headers, body):
        charset = re.search(r"charset=([\w-]+)", headers.get("content-type", ""))
        for piece in ("1000000", "100", "1"):
            lines = run(self.wire, ["answer", "compact", piece] + ([charset.group(1)] if charset else []), body)
            self.reply(row, lines)
            records = [json.loads(line) for line in lines if line.startswith("{")]
            facts = dict(line.split(" ", 1) for line in lines if line.startswith(("count ", "columns ", "records ")))
            self.expect(row["file"], "rows", len(records), row["rows_or_segments_or_parts"] or 0)
            self.expect(row["file"], "count", facts.get("count", ""), row["count"])
            self.expect(row["file"], "MAXROWS", "1" if "maxrows" in lines else "", row["maxrows"])
            if row["columns"]:
                self.expect(row["file"], "columns", facts.get("columns", "0").split()[0], row["columns"])
            if records:
                self.expect(row["file"], "first", next(iter(records[0].values())), row["first"])
                self.expect(row["file"], "last", next(iter(records[-1].values())), row["last"])

    def login(self, row, headers, body):
        lines = run(self.wire, ["answer", "compact"], body)
        self.reply(row, lines)
        pairs = [line for line in lines if re.match(r"[\w-]+=", line)]
        self.expect(row["file"], "lines", len(pairs), row["rows_or_segments_or_parts"])
        if row["first"]:
            self.expect(row["file"], "first", row["first"] in pairs, True)
        wanted = row["note"].removeprefix("capabilities: ")
        keys = {pair.split("=")[0] for pair in pairs}
        self.expect(row["file"], "capabilities",
                    ",".join(k for k in wanted.split(",") if k in keys or k.endswith("Ac")), wanted)

    def metadata(self, row, headers, body):
        lines = run(self.wire, ["metadata", "-v"], body)
        self.reply(row, lines)
        segments, rows = [], []
        for line in lines:
            found = re.match(r"(\w+)\[(.*?)\] cols=(\d+) rows=(\d+)$", line)
            if found:
                segments.append(list(found.groups()))
                rows.append([])
            elif line.startswith("  "):
                rows[-1].append(dict(pair.split("=", 1) for pair in line.strip().split("  ") if "=" in pair))
            elif line.startswith("finding"):
                print("%s: %s" % (row["file"], line))
        # The table counts what is not torn by the sizes of chunks; here they are taken out.
        torn = headers.get("transfer-encoding", "").lower() == "chunked"
        self.expect(row["file"], "segments", len(segments),
                    len(re.findall(rb"<METADATA-", body)) if torn else row["rows_or_segments_or_parts"])
        for i, note in enumerate(row["note"].split("; ")):
            found = re.match(r"(\w+)\[(.*?)\] (?:compact cols=(\d+) rows|xml/attr items)=(\d+) first=(.*?) ?$", note)
            if not found:
                continue
            name, path, columns, count, first = found.groups()
            name = {"FOREIGNKEYS": "FOREIGN_KEYS"}.get(name, name)
            self.expect(row["file"], "segment", segments[i][0], name)
            if name == "SYSTEM":
                self.expect(row["file"], "system", any('system "%s"' % first in line for line in lines), True)
                continue
            for part in path.split():
                self.expect(row["file"], "path of " + name, part in segments[i][1].split(), True)
            if columns:
                self.expect(row["file"], "columns of " + name, segments[i][2], columns)
            self.expect(row["file"], "rows of " + name, segments[i][3], count)
            self.expect(row["file"], "first of " + name, first in rows[i][0].values(), True)

    def objects(self, row, headers, body, parts):
        lines = run(self.wire, ["objects", headers.get("content-type", "")] +
                    ["%s: %s" % item for item in headers.items()], body)
        found = [line.split("|") for line in lines]
        self.expect(row["file"], "parts", len(found), row["rows_or_segments_or_parts"])
        if row["kind"] == "getobject-single":
            self.expect(row["file"], "key", "%s:%s" % tuple(found[0][:2]), row["first"])
            self.expect(row["file"], "location", found[0][4] in row["note"], True)
        for got, wanted in zip(found, parts):
            name = "part %s of %s" % (wanted["part"], row["file"])
            self.expect(name, "key", got[0], wanted["content_id"])
            self.expect(name, "number", got[1], wanted["object_id"])
            self.expect(name, "type", got[2], wanted["content_type"])
            self.expect(name, "location", got[4], wanted["location"])
            self.expect(name, "length", got[8], wanted["body_bytes"])
            self.expect(name, "code", got[6], wanted["reply_code"] or 0)

    def other(self, row, headers, body):
        lines = run(self.wire, ["answer", "compact"], body)
        self.expect(row["file"], "the answer", lines[-1].startswith("error: "), True)

    def hashes(self, row, body, parts):
        """Each part's bytes stand in the body: what was cut out is looked for by its hash."""
        for part in parts:
            size = int(part["body_bytes"])
            if size == 0:
                continue
            wanted = part["body_sha256_12"]
            start, seen = 0, False
            while not seen and (start := body.find(b"\n", start) + 1) > 0:
                seen = hashlib.sha256(body[start:start + size]).hexdigest()[:12] == wanted
            self.expect(row["file"], "bytes of part " + part["part"], seen, True)

    def file(self, row, parts):
        headers, body = message(os.path.join(self.folder, row["file"]), row["kind"])
        kind = row["kind"]
        if kind in ("search", "reply-only"):
            self.search(row, headers, body)
        elif kind in ("login", "key-value"):
            self.login(row, headers, body)
        elif kind == "metadata":
            self.metadata(row, headers, body)
        elif kind.startswith("getobject"):
            self.objects(row, headers, body, parts)
            self.hashes(row, body, parts)
        else:
            self.other(row, headers, body)


def main():
    wire, folder = sys.argv[1:]
    check = Check(wire, folder)
    parts = list(csv.DictReader(open(os.path.join(folder, "parts.csv"))))
    rows = list(csv.DictReader(open(os.path.join(folder, "index.csv"))))
    for row in rows:
        check.file(row, [part for part in parts if part["file"] == row["file"]])
    print("%d answers, %d comparisons, %d differences" % (len(rows), check.checked, check.differences))
    return check.differences != 0 or not rows


if __name__ == "__main__":
    sys.exit(main())
