#!/usr/bin/python3
"""A mail server for tests: aiosmtpd of Debian, which keeps what it gets in a directory.

    mailbox.py DIRECTORY [--tls CERTIFICATE KEY] [--login USER PASSWORD]

With --tls it wants STARTTLS before anything else, with --login a login.  A recipient
named "nobody" is refused.  It prints where it listens, and ends when stdin is closed.
"""
import argparse
import json
import os
import socket
import ssl
import sys

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult


class Mailbox:
    def __init__(self, directory):
        self.directory = directory
        self.count = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody@"):
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.count += 1
        mail = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "text": envelope.content.decode("utf-8", "surrogateescape"),
            "tls": session.ssl is not None,
            "user": session.auth_data.login.decode() if session.auth_data else None,
        }
        path = os.path.join(self.directory, "%06d.json" % self.count)
        with open(path + ".new", "w", encoding="utf-8") as out:
            json.dump(mail, out)
        os.rename(path + ".new", path)
        return "250 taken"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("directory")
    parser.add_argument("--tls", nargs=2)
    parser.add_argument("--login", nargs=2)
    given = parser.parse_args()
    more = {}
    if given.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*given.tls)
        more.update(tls_context=context, require_starttls=True)
    if given.login:

        def authenticate(server, session, envelope, mechanism, data):
            good = (data.login.decode(), data.password.decode()) == tuple(given.login)
            return AuthResult(success=good, handled=False, auth_data=data)

        more.update(authenticator=authenticate, auth_required=True, auth_require_tls=bool(given.tls))
    controller = Controller(Mailbox(given.directory), hostname="127.0.0.1", port=0, **more)

    def port():
        return controller.server.sockets[0].getsockname()[1]

    # It is asked once before it counts as started, at the port that it has got.
    controller._trigger_server = lambda: socket.create_connection(("127.0.0.1", port())).close()
    controller.start()
    print("listening on", port(), flush=True)
    sys.stdin.read()
    controller.stop()


if __name__ == "__main__":
    main()
