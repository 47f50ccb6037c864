"""Who may read: two key headers, or a token of POST /session/."""
import hashlib
import json
import time

USER, PASSWORD = "agent", "basic-pass-value"


class Sessions:
    def __init__(self, options):
        self.options, self.tokens, self.issued = options, {}, 0

    def forget(self):
        self.tokens.clear()

    def allows(self, headers):
        if headers.get("X-Api-Key") or headers.get("X-Api-User"):
            return (headers.get("X-Api-User"), headers.get("X-Api-Key")) == (self.options.api_user, self.options.api_key)
        scheme, _, token = headers.get("Authorization", "").partition(" ")
        return scheme.lower() == "bearer" and self.tokens.get(token.strip(), 0) > time.monotonic()

    def login(self, body):
        """(status, document) of POST /session/."""
        try:
            given = json.loads(body or b"{}")
        except ValueError:
            return 400, {"errors": ["The body is not JSON"]}
        if not isinstance(given, dict) or (given.get("username"), given.get("password")) != (USER, PASSWORD):
            return 401, {"errors": ["Invalid username or password"]}
        if self.options.otp and given.get("otp") in (None, ""):
            return 428, {"errors": ["A one-time password is required"]}
        if self.options.otp and str(given["otp"]) != self.options.otp:
            return 401, {"errors": ["Invalid one-time password"]}
        self.issued += 1
        token = "session-%d-%s" % (self.issued, hashlib.sha256(b"q%d" % self.issued).hexdigest()[:24])
        self.tokens[token] = time.monotonic() + self.options.expires_in
        return 200, {"access_token": token, "expires_in": self.options.expires_in}
