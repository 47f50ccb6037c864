"""Who may read: OAuth2 client credentials, a fixed bearer token, HTTP Basic and
a key header. All secrets are test values."""
import base64
import hashlib
import json
import threading
import time
from urllib.parse import parse_qs, unquote_plus

from web import Response

BEARER = "static-token-value"
BASIC = "agent:basic-pass-value"
API_KEY = "header-key-value"


class Auth:
    def __init__(self, client_id, client_secret, required=True):
        self.client_id, self.client_secret, self.required = client_id, client_secret, required
        self.lock = threading.Lock()
        self.issued = 0
        self.reset()

    def reset(self):
        """Forget tokens and bring back the default life of a token."""
        with self.lock:
            self.expires_in = 3600
            self.tokens = {}

    def revoke(self):
        """Every OAuth token issued so far stops working."""
        with self.lock:
            self.tokens = {}

    def kind(self, headers):
        """Name of the credentials in a request, without their value."""
        if headers.get("X-Api-Key"):
            return "api-key"
        scheme = headers.get("Authorization", "").split(" ")[0].lower()
        if scheme == "bearer":
            return "static" if headers["Authorization"][7:].strip() == BEARER else "bearer"
        return scheme or "none"

    def allows(self, headers):
        if not self.required:
            return True
        if headers.get("X-Api-Key"):
            return headers["X-Api-Key"] == API_KEY
        scheme, _, value = headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return value.strip() == BEARER or self.alive(value.strip())
        return scheme.lower() == "basic" and decode_basic(value) == BASIC

    def alive(self, token):
        with self.lock:
            return self.tokens.get(token, 0) > time.monotonic()

    def token_response(self, request):
        """The answer of the token endpoint."""
        if request.method != "POST":
            return oauth_error(405, "invalid_request")
        form = {name: found[0] for name, found in parse_qs(request.body.decode("utf-8", "replace")).items()}
        if form.get("grant_type") != "client_credentials":
            return oauth_error(400, "unsupported_grant_type")
        given = form.get("client_id"), form.get("client_secret")
        scheme, _, value = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "basic":
            given = tuple(unquote_plus(part) for part in decode_basic(value).partition(":")[::2])
        if given != (self.client_id, self.client_secret):
            return oauth_error(401, "invalid_client")
        return Response(200, json.dumps(self.issue(form.get("scope"))), headers={"Cache-Control": "no-store"})

    def issue(self, scope):
        with self.lock:
            self.issued += 1
            token = "token-%d-%s" % (self.issued, hashlib.sha256(b"%d" % self.issued).hexdigest()[:24])
            life = 3600 if self.expires_in is None else self.expires_in
            self.tokens[token] = time.monotonic() + life
        answer = {"access_token": token, "token_type": "Bearer", "scope": scope or "api"}
        if self.expires_in is not None:
            answer["expires_in"] = self.expires_in
        return answer


def decode_basic(value):
    try:
        return base64.b64decode(value).decode("utf-8", "replace")
    except ValueError:
        return ""


def oauth_error(status, code):
    return Response(status, json.dumps({"error": code}), headers={"WWW-Authenticate": 'Basic realm="token"'} if status == 401 else {})
