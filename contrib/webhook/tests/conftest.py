"""What listens at the URL."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class Receiver:
    """Notes each body that is posted, by whether it was taken; *status* is what it says."""

    def __init__(self):
        self.bodies, self.refused, self.status = [], [], 204
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status = receiver.status
                (receiver.bodies if status < 300 else receiver.refused).append(body)
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *words):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def told(self, bodies=None):
        """Every change in *bodies*, by default all taken ones, as ``change instance``."""
        bodies = self.bodies if bodies is None else bodies
        return [f"{one['change']} {one['instance']}" for body in bodies for one in body["changes"]]

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def receiver():
    one = Receiver()
    yield one
    one.close()
