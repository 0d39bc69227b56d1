"""A small Consul: the health of services over HTTP, with indexes and blocking queries."""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit


class Consul:
    """Serves ``/v1/health/service/<name>`` as Consul's documentation describes it.

    ``X-Consul-Index`` grows with each change of the catalog. A question with an index is held until
    the catalog's is greater, or for its ``wait``. A restore of the servers lets go of all that are
    held, and may bring a lower index.
    """

    def __init__(self, port=0):
        self.index = 10
        self.broken = None  # (status, body): what is answered instead
        self.paths = []
        self.waiting = 0
        self.restores = 0
        self._services = {}
        self._changed = threading.Condition()
        consul = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                consul.answer(self)

            def log_message(self, *words):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.change(broken=(500, "bye"))
        self._server.shutdown()
        self._server.server_close()

    def silent(self):
        """Return what, while it is entered, keeps every answer from being given."""
        return self._changed

    def change(self, service="", *instances, index=None, broken=None):
        """Let *instances* be all of a service: (address, port, tags, passing, node's address)."""
        with self._changed:
            self._services[service] = instances
            self.index, self.restores = (
                (self.index + 1, self.restores) if index is None else (index, self.restores + 1)
            )
            self.broken = broken
            self._changed.notify_all()

    def answer(self, request):
        url = urlsplit(request.path)
        given = parse_qs(url.query)
        with self._changed:
            self.paths.append(request.path)
            index = int(given.get("index", ["0"])[0])
            wait = int(given.get("wait", ["300s"])[0].removesuffix("s"))
            if index:
                begun = self.restores
                self.waiting += 1
                self._changed.wait_for(
                    lambda: self.index > index or self.restores > begun or self.broken, wait
                )
                self.waiting -= 1
            status, body = self.broken or (200, json.dumps(self._found(url.path, given)))
            told = self.index  # with the body: later it may be another's
        data = body.encode()
        request.send_response(status)
        request.send_header("X-Consul-Index", str(told))
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data)

    def _found(self, path, given):
        name = unquote(re.fullmatch("/v1/health/service/([^/]+)", path)[1])
        return [
            {
                "Node": {"Node": "n1", "Address": node, "Datacenter": "dc1"},
                "Service": {
                    "ID": f"{name}-{port}",
                    "Service": name,
                    "Address": address,
                    "Port": port,
                    "Tags": list(tags),
                },
                "Checks": [{"Status": "passing" if passing else "critical"}],
            }
            for address, port, tags, passing, node in self._services.get(name, ())
            if (passing or "passing" not in given) and {*given.get("tag", ())} <= {*tags}
        ]


def at(address, port=6379, tags=(), passing=True, node="10.0.0.1"):
    return address, port, tags, passing, node
