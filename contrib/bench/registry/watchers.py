"""Followers as a master sees them, without what they keep: what they ask is asked, and dropped."""

import base64
import json
import random
import re
import selectors
import socket
import threading
import time
from typing import Any

__all__ = ["Watchers"]

_SPAN = {"key": "/bench/hosts/", "range_end": "/bench/instances0"}
_REVISION = re.compile(rb'"revision":"([0-9]+)"')
#: Seconds after which one that lost its master asks the next: from, to.
_AGAIN = (0.5, 1.5)


class _Watcher:
    def __init__(self, number: int) -> None:
        self.number, self.next, self.revision = number, 0.0, 0
        self.socket: socket.socket | None = None


class Watchers:
    """One thread for all of them: a watch each, over a connection of its own."""

    def __init__(self, masters: str, first: int, count: int) -> None:
        named = (one.partition(":") for one in masters.split(","))
        self._masters = [(ip, int(port)) for ip, _, port in named]
        self._every = [_Watcher(first + number) for number in range(count)]
        self._selector = selectors.DefaultSelector()
        self._heard: list[float] = []
        self._watching = 0

    def begin(self) -> dict[str, Any]:
        """Watch from now on; return how many do."""
        threading.Thread(target=self._run, daemon=True).start()
        ends = time.monotonic() + 120
        while self._watching < len(self._every) and time.monotonic() < ends:
            time.sleep(0.02)
        return {"watching": self._watching}

    def look(self) -> dict[str, Any]:
        """Return what was heard since the last look."""
        heard, self._heard = self._heard, []
        every = len(self._every)
        return {"heard": heard, "count": every, "troubled": every - self._watching}

    def _run(self) -> None:
        while True:
            now = time.monotonic()
            for one in self._every:
                if one.socket is None and one.next <= now:
                    self._ask(one)
            for key, _ in self._selector.select(0.05):
                self._hear(key.data, time.monotonic())

    def _ask(self, one: _Watcher) -> None:
        master = self._masters[one.number % len(self._masters)]
        request = {name: base64.b64encode(text.encode()).decode() for name, text in _SPAN.items()}
        request["start_revision"] = str(one.revision + 1 if one.revision else 0)
        body = json.dumps({"create_request": request}).encode()
        head = (
            f"POST /v3/watch HTTP/1.1\r\nHost: {master[0]}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        try:
            one.socket = socket.create_connection(master, timeout=2)
            one.socket.sendall(head.encode() + body)
        except OSError:
            self._drop(one)
            return
        one.socket.setblocking(False)
        self._selector.register(one.socket, selectors.EVENT_READ, one)
        self._watching += 1

    def _hear(self, one: _Watcher, now: float) -> None:
        assert one.socket
        try:
            said = one.socket.recv(1 << 20)
        except OSError:
            said = b""
        if not said or b'"error"' in said:
            self._selector.unregister(one.socket)
            self._watching -= 1
            self._drop(one)
            return
        if found := _REVISION.findall(said):
            one.revision = max(one.revision, int(found[-1]))
        self._heard += [now] * said.count(b'"events"')

    def _drop(self, one: _Watcher) -> None:
        if one.socket:
            one.socket.close()
        one.socket, one.number = None, one.number + 1
        one.next = time.monotonic() + random.uniform(*_AGAIN)  # noqa: S311 -- no secret
