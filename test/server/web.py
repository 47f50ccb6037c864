"""Requests and answers as plain values, so that faces and faults need not know
about sockets."""
from dataclasses import dataclass, field
from urllib.parse import unquote_plus

JSON = "application/json;odata.metadata=minimal;charset=utf-8"


class Request:
    """`query` keeps the decoded options in order, those of a RETS form included,
    `raw` the target as received, `searchable` both."""

    def __init__(self, method, target, headers, body, scheme, port):
        self.method, self.raw, self.headers, self.body = method, target, headers, body
        self.path, _, self.raw_query = target.partition("?")
        form = body.decode("utf-8", "replace") if target.startswith("/rets/") else ""
        self.searchable = target + ("?" + form if form else "")
        self.query = [tuple(unquote_plus(part) for part in pair.partition("=")[::2])
                      for pair in (self.raw_query + "&" + form).split("&") if pair]
        self.origin = "%s://%s" % (scheme, headers.get("Host") or "127.0.0.1:%d" % port)

    def option(self, name, default=None):
        return next((value for key, value in self.query if key == name), default)

    @property
    def follows_link(self):
        """True for a request that came from a nextLink."""
        return "skip=" in self.raw_query or "skiptoken=" in self.raw_query


@dataclass
class Response:
    """`faults` are left for the connection to act out while sending."""
    status: int
    body: object = b""
    content_type: str = JSON
    headers: dict = field(default_factory=dict)
    faults: list = field(default_factory=list)

    def __post_init__(self):
        if isinstance(self.body, str):
            self.body = self.body.encode("utf-8", "surrogatepass")
