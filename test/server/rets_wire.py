"""The envelope of a RETS answer."""
from xml.sax.saxutils import escape, quoteattr

from web import Response

XML = "text/xml;charset=utf-8"
HEAD = '<?xml version="1.0" encoding="utf-8"?>\r\n'


class Refusal(Exception):
    """A transaction that ends in a reply code."""

    def __init__(self, code, text):
        super().__init__(text)
        self.code = code


def clean(text):
    """Text for XML: escaped, as a line end of its own would be normalized."""
    return escape(text, {"\r": "&#13;"})


def tag(code, text):
    return 'ReplyCode="%d" ReplyText=%s' % (code, quoteattr(text))


def reply(code, text, status=200):
    return Response(status, "%s<RETS %s/>\r\n" % (HEAD, tag(code, text)), XML)


def status_line(code, text):
    return "<RETS-STATUS %s/>\r\n" % tag(code, text)


def envelope(body, code=0, text="Operation Successful", trailer=""):
    """A whole answer; the body may be text or UTF-8 bytes."""
    body = body.encode() if isinstance(body, str) else body
    head = "%s<RETS %s>\r\n" % (HEAD, tag(code, text))
    return Response(200, head.encode() + body + ("\r\n" + trailer + "</RETS>\r\n").encode(), XML)
