"""Enrolment on the wire: a small HTTPS server on each master.

    GET  /v1/ca      the cluster's CA: nothing secret, and checked by the token's fingerprint of it
    POST /v1/join    a token and a signing request -> a certificate
    POST /v1/renew   over TLS with the host's own certificate -> a new one for the same key

TLS only, small bodies, few connections at a time, of one address fewer, each with a time limit.
Whose tokens are wrong too often waits; who has a certificate is never held up by those.
"""

import json
import logging
import re
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from arpanet import ArpanetError, RegistryUnreachable, codec
from arpanet_identity.enrolment import Json
from arpanet_identity.rate import Rate

__all__ = ["LIMIT", "Deeds", "Server"]

log = logging.getLogger(__name__)

#: Bytes of a request.
LIMIT = 65_536
#: Seconds that a client has for each step.
PATIENCE = 10.0
#: Seconds that a connection may last: a join waits for the registry.
LONGEST = 60.0
#: Connections at a time: in all, and from one address.
MANY, EACH = 32, 16


class Deeds:
    """What the server does; each raises ``ArpanetError`` for who may not have it."""

    def __init__(
        self,
        ca: Callable[[], str],
        join: Callable[[Mapping[str, Any], str], Json],
        renew: Callable[[x509.Certificate, ec.EllipticCurvePublicKey, Mapping[str, Any]], Json],
    ) -> None:
        self.ca, self.join, self.renew = ca, join, renew


class Server(ThreadingHTTPServer):
    """Serves until closed, on a thread of its own.

    :param context: returns what to serve TLS with, asked for each connection.
    :raises OSError: the address can't be listened on.
    """

    daemon_threads = True
    request_queue_size = MANY

    def __init__(
        self, address: tuple[str, int], context: Callable[[], ssl.SSLContext], deeds: Deeds
    ) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self._context, self.deeds = context, deeds
        self.rate = Rate()
        self._lock = threading.Lock()
        self._here: Counter[str] = Counter()
        super().__init__(address, _Handler)
        self._thread = threading.Thread(target=self.serve_forever, name="enrolment", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop."""
        self.shutdown()
        self.server_close()

    def server_bind(self) -> None:
        """Listen; the base class would ask DNS for this host's name, which may take its time."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        """Take a connection if there is a place, else hang up: the other side tries again."""
        if not self._place(client_address[0], 1):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # no thread to be had
            self._place(client_address[0], -1)
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve one connection, with TLS from its first byte on."""
        same = request.dup()
        limit = threading.Timer(LONGEST, _hang_up, (same,))
        limit.daemon = True
        limit.start()
        try:
            request.settimeout(PATIENCE)
            try:
                secure = self._context().wrap_socket(request, server_side=True)
            except (OSError, ArpanetError) as problem:
                log.debug("%s: no TLS: %s", client_address[0], problem)
                _hear_out(same)
                self.shutdown_request(request)
                return
            super().process_request_thread(secure, client_address)
        finally:
            limit.cancel()
            same.close()
            self._place(client_address[0], -1)

    def _place(self, address: str, more: int) -> bool:
        """Take a place for *address*, or give it back; return whether there was one."""
        with self._lock:
            if more > 0 and (self._here.total() >= MANY or self._here[address] >= EACH):
                return False
            self._here[address] += more
            self._here += Counter()  # drops who is not here any more
            return True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say that a connection broke; what is wrong with a request is answered to it."""
        log.debug("%s: the connection broke", client_address[0], exc_info=True)


def _hang_up(connection: socket.socket) -> None:
    with suppress(OSError):  # it has ended just now
        connection.shutdown(socket.SHUT_RDWR)


def _hear_out(connection: socket.socket) -> None:
    """Read what is on its way: else the kernel resets the connection, and why is never heard."""
    with suppress(OSError):
        connection.settimeout(1.0)
        connection.shutdown(socket.SHUT_WR)
        for _ in range(64):
            if not connection.recv(4096):
                break


class _Handler(BaseHTTPRequestHandler):
    server: Server
    connection: ssl.SSLSocket
    protocol_version = "HTTP/1.0"
    server_version, sys_version = "arpanet", ""

    def do_GET(self) -> None:
        if self.path == "/v1/ca":
            self._answer(200, {"ca": self.server.deeds.ca()})
        else:
            self._answer(404, {"error": "there is no such page"})

    def do_POST(self) -> None:
        deeds = {"/v1/join": self._join, "/v1/renew": self._renew}
        source = self.client_address[0]
        if self.path not in deeds:
            return self._answer(404, {"error": "there is no such page"})
        try:
            answer = deeds[self.path](source)
        except RegistryUnreachable as problem:
            return self._answer(503, {"error": problem.message, "hint": problem.hint})
        except ArpanetError as problem:
            log.warning("%s is refused at %s: %s", source, self.path, problem.message)
            return self._answer(403, {"error": problem.message, "hint": problem.hint})
        except Exception:  # whatever it is, it is an answer
            log.exception("%s failed", self.path)
            return self._answer(500, {"error": "it failed, and its log says more"})
        return self._answer(200, answer)

    def _join(self, source: str) -> Json:
        rate = self.server.rate
        if not rate.admits(source):
            raise ArpanetError("too many failed tries", "wait a minute")
        try:
            return self.server.deeds.join(self._body(), source)
        except RegistryUnreachable:
            raise  # nobody's guess
        except Exception:
            rate.failed(source)
            raise

    def _renew(self, source: str) -> Json:
        shown = self.connection.getpeercert(binary_form=True)
        if not shown:
            raise ArpanetError("no certificate was shown")
        certificate = x509.load_der_x509_certificate(shown)
        key = certificate.public_key()
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise ArpanetError("the certificate that was shown is none of arpanet's")
        return self.server.deeds.renew(certificate, key, self._body())

    def _body(self) -> Mapping[str, Any]:
        length = self.headers.get("Content-Length") or ""
        if not re.fullmatch(r"[0-9]{1,9}", length) or int(length) > LIMIT:
            raise ArpanetError(f"a request has at most {LIMIT} bytes, and says how many")
        try:
            found = codec.parse(self.rfile.read(int(length)))
        except ValueError as problem:
            raise ArpanetError("the request is no JSON") from problem
        if not isinstance(found, dict):
            raise ArpanetError("the request is no JSON object")
        return found

    def _answer(self, code: int, answer: Json) -> None:
        body = json.dumps(answer).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing of what is answered: it would be every word of a stranger."""
