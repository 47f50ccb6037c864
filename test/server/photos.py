"""Files of media: what a host of photos serves, and what such hosts serve instead.

The address says what comes: /cdn/<what>/<name>?<options>.  The bytes follow from the name,
so the same name gives the same picture, under whatever address it is asked for, until the
control face gives the name another one.
"""
import hashlib
import struct
import zlib

from web import Response

ROOT = "/cdn"
HTML = b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>Please sign in.</body></html>\n"


def size_of(name):
    """Width and height, from the name."""
    digest = hashlib.sha256(name.encode()).digest()
    return 64 + 8 * (digest[0] % 32), 64 + 8 * (digest[1] % 32)


def filler(name, length):
    """Bytes that look like chance, without 0xFF."""
    seed = hashlib.sha256(name.encode()).digest()
    return bytes(byte & 0x7F for byte in (seed * (length // len(seed) + 1))[:length])


def jpeg(name, length=0):
    """A grey picture, in as few bits as JPEG allows; a comment makes it the name's own, and as long as it should be."""
    width, height = size_of(name)
    blocks = width // 8 * (height // 8)
    bits = "00" * blocks
    bits += "1" * (-len(bits) % 8)
    scan = bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8))

    def segment(marker, body):
        return b"\xff" + bytes([marker]) + struct.pack(">H", len(body) + 2) + body
    comment = name.encode() + filler(name, max(0, min(length - 400 - len(scan), 65000)))
    parts = [b"\xff\xd8", segment(0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0"), segment(0xFE, comment)]
    for start in range(65000, max(length - 400 - len(scan), 0), 65000):
        parts.append(segment(0xFE, filler(name, min(65000, length - start))))
    parts += [segment(0xDB, b"\0" + bytes([16] * 64)),
              segment(0xC0, struct.pack(">BHHB", 8, height, width, 1) + b"\x01\x11\0"),
              segment(0xC4, b"\x00" + bytes([1] + [0] * 15) + b"\0"),
              segment(0xC4, b"\x10" + bytes([1] + [0] * 15) + b"\0"),
              segment(0xDA, b"\x01\x01\0\0\x3f\0"), scan, b"\xff\xd9"]
    return b"".join(parts)


def png(name):
    width, height = size_of(name)

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    rows = b"".join(b"\0" + filler(name + str(y), width) for y in range(height))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)) \
        + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b"")


def gif(name):
    width, height = size_of(name)
    return b"GIF89a" + struct.pack("<HH", width, height) + b"\x80\0\0\0\0\0\xff\xff\xff!\xfe" \
        + bytes([len(name)]) + name.encode() + b"\0;"


def webp(name):
    width, height = size_of(name)
    body = b"WEBPVP8X" + struct.pack("<I", 10) + b"\0\0\0\0" + struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3] \
        + name.encode().ljust(64, b"\0")
    return b"RIFF" + struct.pack("<I", len(body)) + body


def pdf(name):
    return b"%PDF-1.4\n% " + name.encode() + b"\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


MADE = {"png": (png, "image/png"), "gif": (gif, "image/gif"), "webp": (webp, "image/webp"), "pdf": (pdf, "application/pdf")}

# What comes in place of a picture, declared as one.
FALSE = {"html": HTML, "xml": b'<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code></Error>\n', "empty": b"",
         "rets": b'<RETS ReplyCode="20403" ReplyText="No Object Found"/>\n', "text": b"no photo today\n", "json": b'{"error":"no photo"}',
         "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>\n'}


# name -> how often its picture has been replaced
editions = {}


def answer(request):
    _, _, what, name = (request.path + "///").split("/")[:4]
    name += " %d" % editions[name] if editions.get(name) else ""
    if what == "tagged":  # a host that says which picture it is, and keeps those that are known to itself
        body = jpeg(name + request.option("v", ""))
        tag = '"%s"' % hashlib.sha256(body).hexdigest()[:16]
        if request.headers.get("If-None-Match") == tag:
            return Response(304, b"", headers={"ETag": tag})
        return Response(200, body, "image/jpeg", headers={"ETag": tag})
    if what == "dated":  # the same by its date
        date = "Wed, 01 Apr 2026 00:00:00 GMT"
        if request.headers.get("If-Modified-Since") == date:
            return Response(304, b"", headers={"Last-Modified": date})
        return Response(200, jpeg(name), "image/jpeg", headers={"Last-Modified": date})
    if what == "never":  # says that nothing has changed to who knows nothing
        return Response(304, b"")
    if what == "jpeg":
        return Response(200, jpeg(name, int(request.option("length", 0))), "image/jpeg")
    if what in MADE:
        made, kind = MADE[what]
        return Response(200, made(name), kind)
    if what in FALSE:
        return Response(200, FALSE[what], "image/jpeg")
    if what == "unmarked":  # a picture that ends before its mark
        return Response(200, jpeg(name)[:-2], "image/jpeg")
    if what == "half":  # the same of a kind that is useless then
        return Response(200, png(name)[:-20], "image/png")
    if what == "to":
        return Response(302, b"", headers={"Location": request.option("url", "")})
    if what.isdigit():
        headers = {"Retry-After": request.option("after")} if request.option("after") else {}
        return Response(int(what), b"", "text/plain", headers=headers)
    return Response(404, b"", "text/plain")
