"""What else may answer where a master should."""

import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def answering(status: int, body: bytes, seconds: float = 0.0) -> type[BaseHTTPRequestHandler]:
    def answer(_: str) -> tuple[int, bytes]:
        time.sleep(seconds)
        return status, body

    return by_path(answer)


def learner(path: str) -> tuple[int, bytes]:
    """Answer as etcd does that only learns yet: who the members are, and nothing else."""
    if path.endswith("/cluster/member/list"):
        members = b'[{"ID": "4"}, {"ID": "5", "isLearner": true}]'
        return 200, b'{"header": {"cluster_id": "7", "member_id": "5"}, "members": %s}' % members
    return 503, b'{"error": "etcdserver: rpc not supported for learner", "code": 14}'


def by_path(answer: Callable[[str], tuple[int, bytes]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            status, body = answer(self.path)
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PUT = do_POST  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing where who asked has hung up, as some do who wait for long."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Yield the URL of a server that answers so."""
    server = _Server(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def hole() -> Iterator[str]:
    """Yield the URL of something that takes connections, and never says a word."""
    listener = socket.create_server(("127.0.0.1", 0))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.close()


@contextmanager
def speaking(handle: Callable[[socket.socket], None]) -> Iterator[str]:
    """Yield the URL of a listener, each of whose connections *handle* is given."""
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
                with connection:
                    handle(connection)
            except OSError:
                if listener.fileno() < 0:
                    return

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def tls_only(connection: socket.socket) -> None:
    """Be a server of TLS for somebody who speaks plainly: as OpenSSL does it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with context.wrap_socket(connection, server_side=True):
        raise AssertionError("nobody here speaks TLS")


def cut(connection: socket.socket) -> None:
    """Take what comes, and hang up in the middle of an answer."""
    connection.recv(1000)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
